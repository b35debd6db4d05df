/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations from another thread beside a bare ping-pong: a thread posts a batch of operations that end at once on
 * the core (receives on a socket that is not connected) and reaps them, while another thread polls that core: with a
 * call for each, and with one san_post() for the batch. Beside it the same thread sends a batch of pointers through one
 * rte_ring, the other sends them back through a second. They take turns of a millisecond, and one more turn
 * measures how far the two processors are from each other.
 *
 *   perf-rings EAL-ARGUMENTS -- [SECONDS [BATCH]]
 *
 * A turn in which either thread lost its processor, or stood still for longer than anything of it takes, is left out
 * and counted. Printed is the median of each, and the median ratio of turns that stand beside each other.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <rte_cycles.h>
#include <rte_ring.h>

#include <san/san.h>

#define BATCH_MAX 32u
#define TURNS_MAX 20000u
#define TURN_US 1000u
#define STALL_US 50u		/* for one batch there and back */
#define NEAR_NS 150.0		/* a line there and back: below, the two share a cache */

enum mode { LINE, RINGS, POSTS, TOGETHER, NB_MODES, LEAVE };

static struct san_core *core;
static struct rte_ring *there, *back;
static _Atomic uint32_t mode __attribute__((aligned(64)));
static _Atomic uint64_t line __attribute__((aligned(64)));

/* The poller's: which turn it is in, and whether it kept its processor in the one before. */
static _Atomic uint32_t answered __attribute__((aligned(64)));
static atomic_bool was_disturbed;

static struct san_cq *cq;
static san_handle sock;
static struct san_overlapped op[BATCH_MAX];
static double rate[NB_MODES][TURNS_MAX];	/* batches a second; 0: disturbed */
static unsigned int nb_turns;

static void
need(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "not true: %s (%s)\n", what, san_error());
	exit(1);
}

#define NEED(expr) need((expr), #expr)

static long
count_switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nivcsw + u.ru_nvcsw;
}

/* The poller of a turn: until the mode changes. */

static void
echo_line(uint32_t turn)
{
	while (atomic_load_explicit(&mode, memory_order_relaxed) == turn) {
		uint64_t now = atomic_load_explicit(&line, memory_order_acquire);

		/* odd: there; even: back */
		if (now & 1)
			atomic_store_explicit(&line, now + 1, memory_order_release);
	}
}

static void
echo_rings(uint32_t turn)
{
	void *p[BATCH_MAX];
	unsigned int n;

	while (atomic_load_explicit(&mode, memory_order_relaxed) == turn) {
		n = rte_ring_sc_dequeue_burst(there, p, BATCH_MAX, NULL);
		if (n > 0)
			rte_ring_sp_enqueue_bulk(back, p, n, NULL);
	}
}

static void
poll_core(uint32_t turn)
{
	while (atomic_load_explicit(&mode, memory_order_relaxed) == turn)
		san_core_poll(core);
}

static void *
poll_all(void *arg)
{
	long switches = 0;
	uint32_t turn;

	NEED(san_core_claim(core) == 0);
	while ((turn = atomic_load(&mode)) % 8 != LEAVE) {
		if (turn == atomic_load(&answered))
			continue;
		atomic_store(&was_disturbed, count_switches() != switches);
		switches = count_switches();
		atomic_store(&answered, turn);
		if (turn % 8 == LINE)
			echo_line(turn);
		else if (turn % 8 == RINGS)
			echo_rings(turn);
		else
			poll_core(turn);
	}
	NEED(san_core_release(core) == 0);
	return arg;
}

/* One batch there and back. */

static void
bounce_line(unsigned int batch)
{
	uint64_t next = atomic_load_explicit(&line, memory_order_relaxed) + 1;

	(void)batch;
	atomic_store_explicit(&line, next, memory_order_release);
	while (atomic_load_explicit(&line, memory_order_acquire) == next)
		;
}

static void
bounce_rings(unsigned int batch)
{
	void *p[BATCH_MAX] = { NULL };
	unsigned int n;

	for (unsigned int i = 0; i < batch; i++)
		p[i] = &op[i];
	rte_ring_sp_enqueue_bulk(there, p, batch, NULL);
	for (n = 0; n < batch;)
		n += rte_ring_sc_dequeue_burst(back, p, BATCH_MAX, NULL);
}

static void
bounce_posts(unsigned int batch)
{
	static char byte[BATCH_MAX];
	struct san_completion comp[BATCH_MAX];
	unsigned int n;

	for (unsigned int i = 0; i < batch; i++)
		NEED(san_recv(sock, &op[i], &byte[i], 1, 0) == 0);
	for (n = 0; n < batch;)
		n += (unsigned int)san_cq_poll(cq, comp, BATCH_MAX);
}

static void
bounce_together(unsigned int batch)
{
	static char byte[BATCH_MAX];
	struct san_request req[BATCH_MAX];
	struct san_completion comp[BATCH_MAX];
	unsigned int n;

	for (unsigned int i = 0; i < batch; i++)
		req[i] = (struct san_request){ .sock = sock, .op = &op[i], .buf = &byte[i], .len = 1,
					       .kind = SAN_OP_RECV };
	NEED(san_post(req, batch) == (int)batch);
	for (n = 0; n < batch;)
		n += (unsigned int)san_cq_poll(cq, comp, BATCH_MAX);
}

static void (*const bounce[NB_MODES])(unsigned int) = { bounce_line, bounce_rings, bounce_posts, bounce_together };

/* A turn of one kind: batches a second; 0: it was disturbed, which of the poller is known when the next one begins. */
static void
take_turn(enum mode m, unsigned int batch, double *result)
{
	static double *last;
	static uint32_t number;
	uint64_t cycles_a_us = rte_get_tsc_hz() / 1000000;
	uint64_t begun, at, longest = 0, n = 0;
	uint32_t turn = ++number * 8 + m;
	long switches;

	atomic_store(&mode, turn);
	while (atomic_load(&answered) != turn)
		;
	if (last != NULL && atomic_load(&was_disturbed))
		*last = 0;
	bounce[m](batch);
	switches = count_switches();
	begun = at = rte_rdtsc();
	while (at - begun < cycles_a_us * TURN_US) {
		uint64_t before = at;

		bounce[m](batch);
		n++;
		at = rte_rdtsc();
		longest = at - before > longest ? at - before : longest;
	}
	*result = (double)n * 1e6 * (double)cycles_a_us / (double)(at - begun);
	if (longest > cycles_a_us * STALL_US || count_switches() != switches)
		*result = 0;
	last = result;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of those that are not 0. */
static double
median(const double *v, unsigned int nb)
{
	static double sorted[TURNS_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < nb; i++)
		if (v[i] > 0)
			sorted[n++] = v[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	return n > 0 ? sorted[n / 2] : 0;
}

static void
measure(unsigned int batch, double seconds)
{
	static double ratio[2][TURNS_MAX];
	unsigned int disturbed = 0;
	double ns;

	nb_turns = (unsigned int)(seconds * 1e6 / TURN_US / NB_MODES);
	nb_turns = nb_turns < TURNS_MAX ? nb_turns : TURNS_MAX;
	for (unsigned int i = 0; i < nb_turns; i++) {
		for (int m = 0; m < NB_MODES; m++)
			take_turn((enum mode)m, batch, &rate[m][i]);
	}
	for (unsigned int i = 0; i < nb_turns; i++) {
		for (int m = 0; m < NB_MODES; m++)
			disturbed += rate[m][i] == 0;
		for (int m = POSTS; m <= TOGETHER; m++)
			ratio[m - POSTS][i] = rate[RINGS][i] > 0 ? rate[m][i] / rate[RINGS][i] : 0;
	}
	ns = 1e9 / median(rate[LINE], nb_turns);
	printf("| %s, %.0f ns | %u | %.2f | %.2f | %.2f | %.2f | %.2f | %u of %u |\n",
	       ns < NEAR_NS ? "near" : "far", ns, batch,
	       median(rate[RINGS], nb_turns) * batch / 1e6, median(rate[POSTS], nb_turns) * batch / 1e6,
	       median(ratio[0], nb_turns), median(rate[TOGETHER], nb_turns) * batch / 1e6, median(ratio[1], nb_turns),
	       disturbed, nb_turns * NB_MODES);
}

static void
make_host(void)
{
	struct san_conf *conf = san_conf_create();
	struct san_host *host;

	NEED(san_conf_set(conf, "host", "mbufs", "4096") == 0);
	NEED(san_conf_set(conf, "port p", "device", "net_null0") == 0);
	NEED(san_conf_set(conf, "port p", "rx_desc", "256") == 0);
	NEED(san_conf_set(conf, "port p", "tx_desc", "256") == 0);
	NEED(san_conf_set(conf, "interface i", "port", "p") == 0);
	NEED(san_conf_set(conf, "interface i", "address", "10.1.0.1/24") == 0);
	NEED(san_host_create(conf, &host) == 0);
	san_conf_destroy(conf);
	core = san_core_get(host, 0);
}

int
main(int argc, char **argv)
{
	int n = san_startup(argc, argv);
	double seconds = n >= 0 && n + 1 < argc ? atof(argv[n + 1]) : 5;
	unsigned int only = n >= 0 && n + 2 < argc ? (unsigned int)atoi(argv[n + 2]) : 0;
	pthread_t poller;

	NEED(n >= 0);
	make_host();
	there = rte_ring_create("there", 256, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	back = rte_ring_create("back", 256, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	NEED(there != NULL && back != NULL);
	atomic_store(&mode, 8 + POSTS);
	NEED(pthread_create(&poller, NULL, poll_all, NULL) == 0);
	NEED(san_attach() == 0 && san_cq_create(64, &cq) == 0 && san_socket(core, cq, &sock) == 0);
	printf("| processors | at once | ring, M/s | one by one, M/s | ratio | together, M/s | ratio | disturbed |\n"
	       "|---|---|---|---|---|---|---|---|\n");
	for (unsigned int batch = 1; batch <= BATCH_MAX; batch = batch == 1 ? 8 : batch * 4) {
		if (only == 0 || only == batch)
			measure(batch, seconds);
		fflush(stdout);
	}
	atomic_store(&mode, LEAVE);
	pthread_join(poller, NULL);
	_Exit(0);
}
