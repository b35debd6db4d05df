/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "alloc.h"
#include "kit/fail.h"
#include "sock/sock.h"

#define HOUR_US 3600000000ull
#define PATIENCE_US (1800 * 1000000ull)	/* of a wait, in virtual time */
#define IDLE_TURNS 3

struct stage stage;
_Atomic uint64_t stage_now_us = HOUR_US;
bool (*stage_loses)(unsigned int side, unsigned int nr);
const char *stage_device[2];
void (*stage_ready)(unsigned int side);
const char *stage_lend;

/* Where frames come by. */
static struct carrier {
	uint16_t port;
	uint16_t queue;
	const struct rte_eth_rxtx_callback *cb;
} carriers[2 * STAGE_CORES];
static unsigned int nb_carriers;
static unsigned int nb_frames[2];	/* from a side, in this play */

static char fault[512];
static uint64_t until_us;
static bool lost;
static pthread_t poller;
static atomic_bool stop;
static atomic_uint stuck;		/* how often in a row the poller had nothing to do, now or later */

static uint64_t
read_clock(void)
{
	return stage_now_us;
}

bool
stage_note(const char *file, int line, const char *what)
{
	const char *base = strrchr(file, '/');
	bool own;

	if (fault[0] == '\0')
		snprintf(fault, sizeof(fault), "%s:%d: not true: %s (%s had failed)",
			 base ? base + 1 : file, line, what, alloc_what(&own));
	lost = true;
	return false;
}

const char *
stage_fault(void)
{
	return fault[0] != '\0' ? fault : NULL;
}

bool
stage_lost(void)
{
	return lost;
}

bool
stage_again(int rc, const int *errors)
{
	static __thread unsigned int seen;
	unsigned int now = alloc_failed_ever();
	bool new = now != seen;

	seen = now;
	while (*errors != 0 && *errors != rc)
		errors++;
	return new && rc < 0 && *errors == rc;
}

void
stage_begin(void)
{
	static bool started;
	static char prefix[64];
	char *argv[] = { (char *)"faults", (char *)"--no-huge", (char *)"--no-pci", (char *)"--no-shconf",
			 (char *)"-m", (char *)"256", (char *)"--no-telemetry", (char *)"--lcores=0@(0-1)",
			 (char *)"--log-level=lib.eal:error", prefix, NULL };

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		argv[7] = (char *)"--lcores=0";
	fault[0] = '\0';
	lost = false;
	memset(&stage, 0, sizeof(stage));
	stage_loses = NULL;
	stage_device[0] = stage_device[1] = NULL;
	stage_ready = NULL;
	stage_lend = NULL;
	nb_frames[0] = nb_frames[1] = 0;
	stage_again(0, STAGE_NO_MEMORY);
	if (started)
		return;
	snprintf(prefix, sizeof(prefix), "--file-prefix=faults-%d", (int)getpid());
	if (san_startup((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0)
		kit_fail("san_startup(): %s", san_error());
	san_cleanup();
	started = true;
}

struct san_addr
stage_addr(unsigned int side, uint16_t port)
{
	struct san_addr a = { .port = port };

	a.ip[10] = a.ip[11] = 0xff;
	a.ip[12] = 10;
	a.ip[13] = 8;
	a.ip[15] = (uint8_t)(side + 1);
	return a;
}

/* The wire: what a host receives comes by here. */
static uint16_t
carry(uint16_t port, uint16_t queue, struct rte_mbuf *m[], uint16_t n, uint16_t max, void *arg)
{
	unsigned int side = (unsigned int)(uintptr_t)arg;
	uint16_t kept = 0;

	(void)port;
	(void)queue;
	(void)max;
	for (uint16_t i = 0; i < n; i++) {
		if (stage_loses != NULL && stage_loses(side, nb_frames[side]++))
			rte_pktmbuf_free(m[i]);
		else
			m[kept++] = m[i];
	}
	return kept;
}

static struct san_conf *
make_conf(unsigned int side, unsigned int serial)
{
	char text[64];
	struct san_conf *conf;

	do
		conf = san_conf_create();
	while (conf == NULL && stage_again(-ENOMEM, STAGE_NO_MEMORY));
	if (!STAGE_MUST(conf != NULL))
		return NULL;
	snprintf(text, sizeof(text), "%u", stage.nb_cores);
	STAGE_TRY(san_conf_set(conf, "host", "cores", text), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "sockets", "16"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "half_open", "16"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "time_wait_records", "16"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "listeners", "2"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "time_wait", "1000"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "request_ring", "16"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "host", "mbufs", stage.nb_cores > 1 ? "1279" : "639"), -ENOMEM);
	if (stage_device[side] != NULL)
		snprintf(text, sizeof(text), "%s", stage_device[side]);
	else
		snprintf(text, sizeof(text), "ring:f%u/%u", serial, side);
	STAGE_TRY(san_conf_set(conf, "port p", "device", text), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "port p", "rx_desc", "64"), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "port p", "tx_desc", "64"), -ENOMEM);
	if (stage_lend != NULL)
		STAGE_TRY(san_conf_set(conf, "port p", "lend", stage_lend), -ENOMEM);
	STAGE_TRY(san_conf_set(conf, "interface i", "port", "p"), -ENOMEM);
	snprintf(text, sizeof(text), "10.8.0.%u/24", side + 1);
	STAGE_TRY(san_conf_set(conf, "interface i", "address", text), -ENOMEM);
	return conf;
}

static void
open_host(unsigned int side, unsigned int serial)
{
	struct san_conf *conf = make_conf(side, serial);
	struct sani_host *below;

	if (conf == NULL)
		return;
	if (STAGE_TRY(san_host_create(conf, &stage.host[side]), -ENOMEM) < 0)
		printf("# %s\n", san_error());
	san_conf_destroy(conf);
	if (stage.host[side] == NULL)
		return;
	below = sani_sock_host_below(stage.host[side]);
	below->clock = read_clock;
	if (stage_ready != NULL)
		stage_ready(side);
	for (unsigned int i = 0; i < stage.nb_cores; i++) {
		stage.core[side][i] = san_core_get(stage.host[side], i);
		carriers[nb_carriers++] = (struct carrier){
			.port = below->ports[0].id, .queue = (uint16_t)i,
			.cb = rte_eth_add_rx_callback(below->ports[0].id, (uint16_t)i, carry,
						      (void *)(uintptr_t)(1 - side)),
		};
	}
}

void
stage_open(unsigned int nb_cores)
{
	static unsigned int serial;

	stage.nb_cores = nb_cores;
	STAGE_MUST(san_startup(0, NULL) == 0);
	serial++;
	open_host(0, serial);
	open_host(1, serial);
}

void
stage_claim(void)
{
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int i = 0; i < stage.nb_cores; i++)
			if (stage.core[side][i] != NULL)
				STAGE_TRY(san_core_claim(stage.core[side][i]), -ENOMEM);
}

struct stage_op *
stage_op(void)
{
	struct stage_op *op = &stage.ops[stage.nb_ops];

	if (stage.nb_ops == STAGE_OPS)
		kit_fail("a scenario has more than %d operations", STAGE_OPS);
	stage.nb_ops++;
	return op;
}

bool
stage_posted(struct stage_op *op, int rc)
{
	if (rc == 0)
		op->accepted++;
	if (rc == 1)
		op->result = op->op.result;
	return rc >= 0;
}

bool
stage_over(const struct stage_op *op)
{
	return op->accepted == op->ended;
}

static void
take(const struct san_completion *c)
{
	struct stage_op *op = (struct stage_op *)(void *)c->op;

	if (c->kind == SAN_OP_CLOSE) {
		stage.closed++;
		return;
	}
	op->result = c->result;
	if (c->kind == SAN_OP_ACCEPT && c->result >= 0 && c->value != SAN_NO_HANDLE) {
		stage.opened++;
		op->value = c->value;
		op->accepts[op->more % 16] = c->value;
	}
	if (c->flags & SAN_MORE) {
		op->more++;
		return;
	}
	op->ended++;
	STAGE_MUST(op->ended <= op->accepted);
}

static unsigned int
reap(void)
{
	struct san_completion c[16];
	int n;

	if (stage.cq == NULL)
		return 0;
	n = san_cq_poll(stage.cq, c, 16);
	STAGE_MUST(n >= 0);
	for (int i = 0; i < n; i++)
		take(&c[i]);
	return n > 0 ? (unsigned int)n : 0;
}

static unsigned int
poll_cores(void)
{
	unsigned int n = 0;

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int i = 0; i < stage.nb_cores; i++)
			if (stage.core[side][i] != NULL)
				n += (unsigned int)RTE_MAX(0, san_core_poll(stage.core[side][i]));
	return n;
}

/* To the next deadline of a core. False: there is none. */
static bool
pass_time(void)
{
	uint64_t next = SANI_NEVER;

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int i = 0; i < stage.nb_cores; i++)
			if (stage.core[side][i] != NULL)
				next = RTE_MIN(next, sani_sock_deadline(stage.core[side][i]));
	if (next == SANI_NEVER)
		return false;
	stage_now_us = RTE_MAX(next, stage_now_us + 1);
	return true;
}

static void *
poll_elsewhere(void *arg)
{
	unsigned int turns = 0;

	stage_again(0, STAGE_NO_MEMORY);
	stage_claim();
	if (stage.core[0][0] != NULL)
		STAGE_TRY(san_core_fd(stage.core[0][0]), -EMFILE);
	for (; !stop; stage.rounds++) {
		turns = poll_cores() > 0 ? 0 : turns + 1;
		if (turns > IDLE_TURNS && stage.waiting) {
			stuck = pass_time() ? 0 : stuck + 1;
			stage.waiting = false;	/* until the scenario has looked */
		}
		sched_yield();
	}
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int i = 0; i < stage.nb_cores; i++)
			if (stage.core[side][i] != NULL)
				STAGE_MUST(san_core_release(stage.core[side][i]) == 0);
	return arg;
}

void
stage_poll_elsewhere(void)
{
	stop = false;
	stage.elsewhere = true;
	if (pthread_create(&poller, NULL, poll_elsewhere, NULL) != 0)
		kit_fail("no thread");
}

static void
stop_polling(void)
{
	stop = true;
	pthread_join(poller, NULL);
	stage.elsewhere = false;
}

void
stage_wait_begin(void)
{
	until_us = stage_now_us + PATIENCE_US;
	stuck = 0;
}

bool
stage_round(void)
{
	unsigned int n = stage.elsewhere ? 0 : poll_cores();

	return n + reap() > 0;
}

bool
stage_go_on(void)
{
	if (stage_now_us > until_us)
		return false;
	if (stage.elsewhere) {
		bool some = reap() > 0;

		stage.waiting = !some;
		sched_yield();
		return some || stuck < IDLE_TURNS;
	}
	return stage_round() || pass_time();
}

void
stage_shut(san_handle s)
{
	if (s != SAN_NO_HANDLE)
		STAGE_MUST(san_close(s, s) == 0);
}

static void
end_carriers(void)
{
	while (nb_carriers > 0) {
		const struct carrier *c = &carriers[--nb_carriers];

		rte_eth_remove_rx_callback(c->port, c->queue, c->cb);
		rte_free((void *)(uintptr_t)c->cb);
	}
}

void
stage_close(void)
{
	bool was_lost = lost;

	lost = false;
	STAGE_UNTIL(stage.closed == stage.opened);
	lost |= was_lost;
	stage_end();
}

void
stage_end(void)
{
	if (stage.elsewhere)
		stop_polling();
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int i = 0; i < stage.nb_cores; i++)
			if (stage.core[side][i] != NULL)
				san_core_release(stage.core[side][i]);
	end_carriers();
	STAGE_TRY(san_cleanup(), -ENOMEM);
	memset(stage.core, 0, sizeof(stage.core));
	while (reap() > 0)
		;
	for (unsigned int i = 0; i < stage.nb_ops; i++)
		STAGE_MUST(stage_over(&stage.ops[i]));
	STAGE_MUST(stage.closed == stage.opened);
	if (stage.cq != NULL)
		STAGE_MUST(san_cq_destroy(stage.cq) == 0);
}
