/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What operations cost, apart from the bytes they move: two hosts on a virtual clock, and of each batch only the
 * parts that are an operation's own are measured: the program's calls, and the rounds of the core that takes or ends
 * them. callgrind counts the instructions of these parts and tells whose they are; without it they are timed by
 * the TSC. tests/perf/operations runs the cases and makes the table.
 *
 *   perf-ops CASE on|off N BATCH    N batches; on the owning core, or from another thread
 *
 * A part begins and ends only between calls of the library, so what is counted does not depend on when.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <rte_cycles.h>

#include "kit/vhost.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT ((void)0)
#endif

#define BYTES 64
#define BATCH_MAX 256
#define SLICES_MAX 65536
#define WAIT_US 1000000u

enum part { CALLS, ROUNDS, NB_PARTS };

static struct vhost host[2];
static struct san_cq *peer_cq;
static san_handle listener;

/* Of the thread that makes the calls. */
static struct {
	struct san_cq *cq;
	san_handle sock;
	san_handle peer;
	unsigned int batch;
	bool off_core;
	struct san_overlapped op[BATCH_MAX];
	struct san_completion comp[BATCH_MAX + 1];
	struct san_pieces pieces;
	char mem[BATCH_MAX * BYTES];
} my;

static char out[BATCH_MAX * BYTES];
static struct san_overlapped peer_op[2];

/* What was measured of this batch, and of all. */
static uint64_t spent[NB_PARTS];
static uint64_t slice[NB_PARTS][SLICES_MAX];
static unsigned int nb_slices, nb_disturbed;
static unsigned long nb_rounds;
static long nb_switches;
static bool is_disturbed;

static void
need(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "not true: %s\n", what);
	exit(1);
}

#define NEED(expr) need((expr), #expr)

/* How often this thread has lost its processor: what was timed meanwhile is something else. */
static long
count_switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nivcsw;
}

static uint64_t
begin(void)
{
	nb_switches = count_switches();
	CALLGRIND_TOGGLE_COLLECT;
	return rte_rdtsc_precise();
}

static void
end(enum part part, uint64_t begun)
{
	spent[part] += rte_rdtsc_precise() - begun;
	CALLGRIND_TOGGLE_COLLECT;
	is_disturbed |= count_switches() != nb_switches;
}

/* A function for the thread that makes the calls: this one, or another that waits for it. */
static void (*asked)(void);
static sem_t ask, answer;

static void *
serve(void *arg)
{
	NEED(san_attach() == 0);
	for (;;) {
		sem_wait(&ask);
		asked();
		sem_post(&answer);
	}
	return arg;
}

static unsigned int
carry(void)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (int i = 0; i < 2; i++)
		while ((m = vhost_take(&host[i])) != NULL)
			n += vhost_put(&host[1 - i], 0, m);
	return n;
}

/* Until nothing moves any more at this time; nothing of it is measured. */
static void
settle(void)
{
	while (vhost_round(&host[0]) + vhost_round(&host[1]) + carry() > 0)
		;
	vhost_now_us += 50;
}

/* Have fn called; the cores are not polled meanwhile. */
static void
call(void (*fn)(void))
{
	if (!my.off_core) {
		fn();
		return;
	}
	asked = fn;
	sem_post(&ask);
	sem_wait(&answer);
}

/* The same with cores that are polled: it opens sockets. */
static void
call_polled(void (*fn)(void))
{
	if (!my.off_core) {
		fn();
		return;
	}
	asked = fn;
	sem_post(&ask);
	while (sem_trywait(&answer) != 0) {
		settle();
		sched_yield();
	}
}

/* One round of the core whose operations they are. */
static void
round_of_core(void)
{
	uint64_t begun = begin();

	vhost_round(&host[0]);
	end(ROUNDS, begun);
	nb_rounds++;
}

/* What the other thread has posted is taken; on-core nothing is left to do. */
static void
take(void)
{
	if (my.off_core)
		round_of_core();
}

static void
wait_for(struct san_overlapped *op)
{
	while (san_op_status(op) == -EINPROGRESS)
		settle();
	NEED(san_op_status(op) >= 0);
}

/* The peer sends so many bytes; they lie on the wire. */
static void
peer_sends(uint32_t len)
{
	NEED(san_send(my.peer, &peer_op[0], out, len, SAN_POLLED) == 1);
	vhost_round(&host[1]);
	carry();
}

static void
peer_reads(uint32_t len)
{
	static char in[BATCH_MAX * BYTES];

	NEED(san_recv(my.peer, &peer_op[1], in, len, SAN_POLLED | SAN_WAITALL) == 0);
}

/* What the calling thread does. */

static void
make_queue(void)
{
	NEED(san_cq_create(1024, &my.cq) == 0);
}

static void
open_socket(void)
{
	struct san_addr to = vhost_addr("10.1.0.2", 7);

	NEED(san_socket(host[0].core[0], my.cq, &my.sock) == 0);
	NEED(san_connect(my.sock, &my.op[0], &to, 0) == 0);
}

static void
reap_one(void)
{
	NEED(san_cq_poll(my.cq, my.comp, BATCH_MAX) == 1);
}

static void
reap(unsigned int n)
{
	uint64_t begun = begin();
	int got = san_cq_poll(my.cq, my.comp, BATCH_MAX + 1);

	end(CALLS, begun);
	NEED(got == (int)n);
}

static void
reap_batch(void)
{
	reap(my.batch);
}

static void
post_receives(void)
{
	uint64_t begun = begin();

	for (unsigned int i = 0; i < my.batch; i++)
		san_recv(my.sock, &my.op[i], my.mem + i * BYTES, BYTES, SAN_WAITALL);
	end(CALLS, begun);
}

static void
post_receives_unmeasured(void)
{
	for (unsigned int i = 0; i < my.batch; i++)
		NEED(san_recv(my.sock, &my.op[i], my.mem + i * BYTES, BYTES, SAN_WAITALL) == 0);
}

static void
post_sends(void)
{
	uint64_t begun = begin();

	for (unsigned int i = 0; i < my.batch; i++)
		san_send(my.sock, &my.op[i], out, BYTES, 0);
	end(CALLS, begun);
}

static void
post_sends_acked(void)
{
	uint64_t begun = begin();

	for (unsigned int i = 0; i < my.batch; i++)
		san_send(my.sock, &my.op[i], out, BYTES, SAN_ACKED);
	end(CALLS, begun);
}

static void
post_repeating(void)
{
	my.pieces = (struct san_pieces){ .mem = my.mem, .size = BYTES, .nb = 32 };
	NEED(san_recv_repeat(my.sock, &my.op[0], &my.pieces, SAN_WAITALL) == 0);
}

static void
give_back(void)
{
	san_give_back(&my.pieces, my.batch);
}

static void
cancel_batch(void)
{
	uint64_t begun = begin();

	for (unsigned int i = 0; i < my.batch; i++)
		san_cancel(my.sock, my.op[i].id);
	end(CALLS, begun);
}

static void
close_it(void)
{
	uint64_t begun = begin();

	san_close(my.sock, 0);
	end(CALLS, begun);
}

/* Those that were pending, and the close. */
static void
reap_close(void)
{
	reap(my.batch + 1);
	NEED(my.comp[my.batch].kind == SAN_OP_CLOSE);
}

/* A connection for the cases: its other end is the peer's. */
static void
connect_pair(void)
{
	struct san_overlapped accepted = { 0 };

	NEED(san_accept(listener, &accepted, SAN_POLLED) == 0);
	call_polled(open_socket);
	wait_for(&accepted);
	my.peer = accepted.u.accepted;
	call(reap_one);
}

static void
close_peer(void)
{
	struct san_completion comp;

	NEED(san_close(my.peer, 0) == 0);
	while (san_cq_poll(peer_cq, &comp, 1) == 0)
		settle();
	/* tombstones and half-closed flows are over */
	vhost_now_us += 10 * WAIT_US;
	settle();
}

/* The cases: one batch each. */

static void
data_is_there(void)
{
	peer_sends(my.batch * BYTES);
	settle();
	call(post_receives);
	take();
	call(reap_batch);
}

static void
data_comes_later(void)
{
	call(post_receives);
	take();
	peer_sends(my.batch * BYTES);
	round_of_core();
	call(reap_batch);
	settle();
}

static void
send_is_copied(void)
{
	peer_reads(my.batch * BYTES);
	call(post_sends);
	if (my.off_core) {
		take();
		call(reap_batch);
	}
	wait_for(&peer_op[1]);
}

static void
send_is_acked(void)
{
	peer_reads(my.batch * BYTES);
	call(post_sends_acked);
	take();
	settle();
	/* the last ACK may be a late one, and wait for some rounds more */
	vhost_now_us += WAIT_US;
	for (int i = 0; i < 4; i++)
		vhost_round(&host[1]);
	carry();
	round_of_core();
	call(reap_batch);
	wait_for(&peer_op[1]);
}

static void
receive_is_cancelled(void)
{
	call(post_receives_unmeasured);
	settle();
	call(cancel_batch);
	take();
	call(reap_batch);
}

static void
posted_and_cancelled(void)
{
	call(post_receives);
	take();
	call(cancel_batch);
	take();
	call(reap_batch);
}

static void
deadline_passes(void)
{
	call(post_receives);
	take();
	vhost_now_us += 2 * WAIT_US;
	round_of_core();
	call(reap_batch);
	settle();
}

static void
piece_comes(void)
{
	peer_sends(my.batch * BYTES);
	round_of_core();
	call(reap_batch);
	call(give_back);
	settle();
}

static void
socket_is_closed(void)
{
	connect_pair();
	call(post_receives_unmeasured);
	settle();
	call(close_it);
	take();
	call(reap_close);
	close_peer();
}

static void
set_timeouts(void)
{
	for (unsigned int i = 0; i < my.batch; i++)
		my.op[i].timeout_us = WAIT_US;
}

static void
nothing_happens(void)
{
	round_of_core();
	settle();
}

static const struct row {
	const char *name;
	void (*batch)(void);
	void (*before)(void);	/* once, behind the connection */
} rows[] = {
	{ "idle", nothing_happens, NULL },
	{ "receive-there", data_is_there, NULL },
	{ "receive-waits", data_comes_later, NULL },
	{ "receive-repeating", piece_comes, post_repeating },
	{ "send-copied", send_is_copied, NULL },
	{ "send-acked", send_is_acked, NULL },
	{ "cancel", receive_is_cancelled, NULL },
	{ "untimed", posted_and_cancelled, NULL },
	{ "timed", posted_and_cancelled, set_timeouts },
	{ "expired", deadline_passes, set_timeouts },
	{ "close", socket_is_closed, NULL },
};

static void
note_slice(const struct row *row)
{
	memset(spent, 0, sizeof(spent));
	is_disturbed = false;
	row->batch();
	if (is_disturbed) {
		nb_disturbed++;
		return;
	}
	for (unsigned int p = 0; p < NB_PARTS && nb_slices < SLICES_MAX; p++)
		slice[p][nb_slices] = spent[p];
	nb_slices += nb_slices < SLICES_MAX;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t
median(uint64_t *v)
{
	qsort(v, nb_slices, sizeof(*v), compare);
	return nb_slices > 0 ? v[nb_slices / 2] : 0;
}

static void
open_all(const struct row *row)
{
	struct san_addr at = vhost_addr("10.1.0.2", 7);
	pthread_t thread;

	vhost_startup();
	for (unsigned int i = 0; i < 2; i++)
		vhost_open(&host[i], &(struct vhost_wish){ .address = i ? "10.1.0.2/24" : "10.1.0.1/24" });
	NEED(san_cq_create(64, &peer_cq) == 0);
	NEED(san_socket(host[1].core[0], peer_cq, &listener) == 0);
	NEED(san_bind(listener, &at) == 0 && san_listen(listener, 8) == 0);
	sem_init(&ask, 0, 0);
	sem_init(&answer, 0, 0);
	if (my.off_core)
		NEED(pthread_create(&thread, NULL, serve, NULL) == 0);
	call_polled(make_queue);
	connect_pair();
	if (row->before != NULL)
		call(row->before);
	settle();
}

static const struct row *
find(const char *name)
{
	for (unsigned int i = 0; i < RTE_DIM(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* It leaves without a cleanup: the other thread waits for ever. */
int
main(int argc, char **argv)
{
	const struct row *row = argc == 5 ? find(argv[1]) : NULL;

	if (row == NULL)
		return fprintf(stderr, "usage: perf-ops CASE on|off N BATCH\n"), 2;
	my.off_core = strcmp(argv[2], "off") == 0;
	my.batch = (unsigned int)atoi(argv[4]);
	NEED(my.batch <= BATCH_MAX);
	open_all(row);
	nb_rounds = 0;
	for (int i = atoi(argv[3]); i > 0; i--)
		note_slice(row);
	printf("rounds %lu calls %lu cycles %lu slices %u disturbed %u\n", nb_rounds, median(slice[CALLS]),
	       median(slice[ROUNDS]), nb_slices, nb_disturbed);
	fflush(stdout);
	_Exit(0);
}
