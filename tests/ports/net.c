/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define CASE_LIMIT_S 600
#define ABANDON_LIMIT_S 120
#define HURRY_MS 2000
#define HOPELESS_ROUNDS 100000

static struct net *open_net;
static bool eal_started;

uint64_t
net_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static atomic_bool impatient;

uint64_t
net_patience_ms(void)
{
	return atomic_load(&impatient) ? HURRY_MS : NET_PATIENCE_MS;
}

void
net_lose_patience(void)
{
	atomic_store(&impatient, true);
}

char **
net_eal_args(int *argc)
{
	static char prefix[64];
	static char lcores[32];
	static char *argv[] = {
		"ports", "--no-huge", "--no-pci", "--no-shconf", "-m", "512", "--no-telemetry",
		"--log-level=lib.eal:error", prefix, lcores, NULL,
	};
	cpu_set_t set;

	/* One lcore that floats: threads made later inherit where it may run. */
	sched_getaffinity(0, sizeof(set), &set);
	if (CPU_ISSET(0, &set) && CPU_ISSET(1, &set))
		snprintf(lcores, sizeof(lcores), "--lcores=0@(0-1)");
	else
		snprintf(lcores, sizeof(lcores), "--lcores=0@(%d)", sched_getcpu());
	snprintf(prefix, sizeof(prefix), "--file-prefix=san-ports-%d", (int)getpid());
	*argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1;
	return argv;
}

void
net_startup(void)
{
	char **argv;
	int argc;
	int rc;

	if (eal_started) {
		rc = san_startup(0, NULL);
	} else {
		argv = net_eal_args(&argc);
		rc = san_startup(argc, argv);
	}
	if (rc < 0)
		fail_msg("san_startup() answered %d: %s", rc, san_error());
	eal_started = true;
}

static void
set(struct san_conf *conf, const char *section, const char *key, const char *value)
{
	if (san_conf_set(conf, section, key, value) != 0)
		fail_msg("[%s] %s = %s: %s", section, key, value, san_error());
}

static void
set_number(struct san_conf *conf, const char *section, const char *key, unsigned int value)
{
	char text[32];

	snprintf(text, sizeof(text), "%u", value);
	set(conf, section, key, text);
}

struct san_conf *
net_conf(const struct net_wish *wish, unsigned int side, unsigned int serial)
{
	struct san_conf *conf = san_conf_create();
	char text[64];

	assert_non_null(conf);
	snprintf(text, sizeof(text), "h%u", side);
	set(conf, "host", "name", text);
	set_number(conf, "host", "cores", wish->cores[side] ? wish->cores[side] : 1);
	set_number(conf, "host", "sockets", wish->sockets ? wish->sockets : 2048);
	set_number(conf, "host", "mbufs", wish->mbufs ? wish->mbufs : 8191);
	if (wish->request_ring)
		set_number(conf, "host", "request_ring", wish->request_ring);
	set_number(conf, "host", "time_wait",
		   wish->time_wait_ms ? wish->time_wait_ms : NET_TIME_WAIT_MS);
	if (wish->device[side])
		snprintf(text, sizeof(text), "%s", wish->device[side]);
	else
		snprintf(text, sizeof(text), "ring:t%u/%u", serial, side);
	set(conf, "port p", "device", text);
	set(conf, "interface i", "port", "p");
	snprintf(text, sizeof(text), "10.9.0.%u/24", side + 1);
	set(conf, "interface i", "address", text);
	return conf;
}

static void
open_host(struct net *net, unsigned int side, unsigned int serial)
{
	struct san_conf *conf = net_conf(&net->wish, side, serial);
	int rc = san_host_create(conf, &net->host[side]);
	unsigned int i;

	san_conf_destroy(conf);
	if (rc != 0)
		fail_msg("san_host_create() answered %d: %s", rc, san_error());
	net->nb_cores[side] = san_host_cores(net->host[side]);
	assert_in_range(net->nb_cores[side], 1, NET_CORES);
	for (i = 0; i < net->nb_cores[side]; i++) {
		net->core[side][i] = san_core_get(net->host[side], i);
		assert_non_null(net->core[side][i]);
		if (net->wish.unclaimed)
			continue;
		assert_int_equal(san_core_claim(net->core[side][i]), 0);
		net->claimed[side][i] = true;
	}
	assert_null(san_core_get(net->host[side], net->nb_cores[side]));
}

/* End a connection gracefully: a reset would leave a tombstone for seconds. */
static void
finish(struct net *net, struct net_pair *pair)
{
	struct wop *fin[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		fin[i] = watch_op(&net->w);
		assert_int_equal(watch_shutdown(pair->end[i], fin[i], 0), 0);
		NET_UNTIL(net, !fin[i]->pending);
		assert_int_equal(fin[i]->result, 0);
	}
	assert_int_equal(watch_shut(pair->end[0]), 0);
	assert_int_equal(watch_shut(pair->end[1]), 0);
}

static void
warm_up(struct net *net)
{
	struct net_pair pair;
	unsigned int side;

	if (!net->wish.one_host) {
		pair = net_connect(net, 9);
		finish(net, &pair);
		NET_UNTIL(net, watch_open_sockets(&net->w) == 0);
	}
	for (side = 0; side < 2 && net->host[side]; side++) {
		struct san_usage *u = &net->rest[side];

		NET_UNTIL(net, (san_host_usage(net->host[side], u), u->timewait == 0));
		net_steps(net, 100);
		san_host_usage(net->host[side], u);
		assert_int_equal(u->sockets + u->connections + u->dead, 0);
	}
}

void
net_open(struct net *net, const struct net_wish *wish)
{
	static unsigned int serial;
	unsigned int depth;

	memset(net, 0, sizeof(*net));
	if (wish)
		net->wish = *wish;
	net_startup();
	open_net = net;
	net->open = true;
	serial++;
	open_host(net, 0, serial);
	if (!net->wish.one_host)
		open_host(net, 1, serial);
	if (net->wish.unclaimed)
		return;
	if (net->wish.ready)
		net->wish.ready(net);
	depth = net->wish.cq_depth ? net->wish.cq_depth : 4096;
	assert_int_equal(watch_begin(&net->w, depth), 0);
	net->draining = true;
	if (!net->wish.cold)
		warm_up(net);
	net->draining = false;
}

void
net_step(struct net *net)
{
	unsigned int side;
	unsigned int i;

	for (side = 0; side < 2; side++) {
		for (i = 0; i < net->nb_cores[side]; i++) {
			if (net->claimed[side][i] && !net->held[side])
				assert_true(san_core_poll(net->core[side][i]) >= 0);
		}
	}
	if (net->draining && net->wish.drain)
		net->wish.drain(net->wish.drain_arg);
	if (net->w.cq)
		watch_reap(&net->w);
}

void
net_steps(struct net *net, unsigned int rounds)
{
	while (rounds-- > 0)
		net_step(net);
}

static bool
is_whole(struct net *net, unsigned int side)
{
	struct san_usage u;

	san_host_usage(net->host[side], &u);
	if (u.sockets != 0 || u.connections != 0 || u.dead != 0)
		return false;
	if (net->wish.patient && u.timewait != 0)
		return false;
	return net->wish.cold || u.mbufs_used == net->rest[side].mbufs_used;
}

void
net_whole(struct net *net)
{
	uint64_t limit_ms = net_now_ms() + net_patience_ms();
	struct san_usage u;
	unsigned int side;

	for (side = 0; side < 2 && net->host[side]; side++) {
		while (!is_whole(net, side) && net_now_ms() < limit_ms)
			net_step(net);
		san_host_usage(net->host[side], &u);
		if (!is_whole(net, side)) {
			net_lose_patience();
			net_explain(net);
			fail_msg("host %u: sockets %u, connections %u, timewait %u, dead %u, mbufs %u (at rest %u)",
				 side, u.sockets, u.connections, u.timewait, u.dead, u.mbufs_used,
				 net->rest[side].mbufs_used);
		}
	}
}

void
net_settle(struct net *net)
{
	net->held[0] = false;
	net->held[1] = false;
	net->draining = true;
	/* Again and again: an accept under way may still end well after its listener's close (O9.4). */
	NET_UNTIL(net, (watch_shut_all(&net->w), watch_open_sockets(&net->w) == 0));
	net_steps(net, 10);
	watch_settled(&net->w);
	net_whole(net);
}

void
net_release(struct net *net)
{
	unsigned int side;
	unsigned int i;

	for (side = 0; side < 2; side++) {
		for (i = 0; i < net->nb_cores[side]; i++) {
			if (net->claimed[side][i])
				assert_int_equal(san_core_release(net->core[side][i]), 0);
			net->claimed[side][i] = false;
		}
	}
}

int
net_cleanup(struct net *net)
{
	int rc;

	net->w.cleaning = true;
	rc = san_cleanup();
	if (rc != 0) {
		net->w.cleaning = false;
		return rc;
	}
	net->open = false;
	open_net = NULL;
	memset(net->claimed, 0, sizeof(net->claimed));
	return 0;
}

void
net_close(struct net *net)
{
	if (net->w.cq)
		net_settle(net);
	net_release(net);
	assert_int_equal(net_cleanup(net), 0);
	assert_int_equal(watch_end(&net->w), 0);
}

static void
bail(int sig)
{
	static const char text[] = "Bail out! a case did not end in time\n";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(3);
	_exit(2);
}

int
net_case_begin(void **state)
{
	(void)state;
	signal(SIGALRM, bail);
	alarm(CASE_LIMIT_S);
	return 0;
}

/* A case that failed: give everything back by force, or end the program. */
static int
abandon(struct net *net)
{
	unsigned int side;
	unsigned int i;
	int rc;

	for (side = 0; side < 2; side++) {
		for (i = 0; i < net->nb_cores[side]; i++)
			san_core_release(net->core[side][i]);
	}
	rc = san_cleanup();
	net->open = false;
	open_net = NULL;
	if (rc == 0)
		return 0;
	net_explain(net);
	printf("Bail out! san_cleanup() answered %d after a failed case: %s\n", rc, net->w.fault);
	fflush(stdout);
	_exit(2);
}

int
net_case_end(void **state)
{
	(void)state;
	alarm(ABANDON_LIMIT_S);
	if (open_net)
		abandon(open_net);
	alarm(0);
	return 0;
}
