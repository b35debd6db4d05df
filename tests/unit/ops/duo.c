/* SPDX-License-Identifier: BSD-3-Clause */
#include "duo.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS_MAX 20000
#define FENCE_ROUNDS 4u
#define OPS 64
#define SOCKS 64
#define PATIENCE_S 30

static const char *const address[2] = { "10.7.0.1/24", "10.7.0.2/24" };

struct duo duo;
static struct san_overlapped ops[OPS];
static unsigned int nb_ops;
static san_handle socks[SOCKS];
static unsigned int nb_socks;
static char fault[512];
static __thread bool is_poller;

/* What a case on another thread asks of the poller; 0: nothing. */
static _Atomic uint64_t asked_us;
static atomic_bool over;
static atomic_bool may_clean;
static void (*case_run)(void);
static unsigned int case_depth;

void
duo_fault(const char *file, int line, const char *what)
{
	if (fault[0] == '\0')
		snprintf(fault, sizeof(fault), "%s:%d: not true: %s", file, line, what);
}

void
duo_fill(uint8_t *mem, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		mem[i] = (uint8_t)(i * 2654435761u >> 23);
}

static unsigned int
carry(unsigned int from)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	if (duo.card != DUO_CARD_KEEPS)
		duo_card_let_go();
	while ((m = vhost_take(&duo.h[from])) != NULL) {
		if (from == 0 && duo.card != DUO_CARD_NONE)
			m = duo_card_take(m);
		if (duo.cut || duo.mute[from])
			rte_pktmbuf_free(m);
		else
			vhost_put(&duo.h[1 - from], 0, m);
		n++;
	}
	return n;
}

void
duo_carry(void)
{
	carry(0);
	carry(1);
}

static unsigned int
turn(void)
{
	unsigned int n = vhost_round(&duo.h[0]) + vhost_round(&duo.h[1]);

	return n + carry(0) + carry(1);
}

static void
settle(void)
{
	unsigned int left = ROUNDS_MAX;

	while (turn() > 0 && --left > 0)
		;
	if (left == 0)
		duo_fault(__FILE__, __LINE__, "it comes to rest");
}

static void
pass(uint64_t us)
{
	uint64_t end = vhost_now_us + us;
	uint64_t next;

	for (;;) {
		settle();
		next = RTE_MIN(vhost_deadline(&duo.h[0]), vhost_deadline(&duo.h[1]));
		if (next > end)
			break;
		vhost_now_us = RTE_MAX(next, vhost_now_us + 1);
	}
	vhost_now_us = end;
	settle();
}

/* On the poller itself, or by asking it. */
static void
do_pass(uint64_t us)
{
	if (is_poller) {
		pass(us);
		return;
	}
	atomic_store(&asked_us, us + 1);
	while (atomic_load(&asked_us) != 0)
		sched_yield();
}

/* What a case leaves open is closed behind it. */
static void
note_socket(san_handle s)
{
	if (nb_socks < SOCKS)
		socks[nb_socks++] = s;
}

void
duo_reap_some(unsigned int max)
{
	int n = san_cq_poll(duo.cq, &duo.comp[duo.nb], RTE_MIN(max, DUO_COMPS - duo.nb));

	duo_must(n >= 0);
	for (; n > 0; n--, duo.nb++) {
		const struct san_completion *c = &duo.comp[duo.nb];

		if (c->kind == SAN_OP_ACCEPT && c->value != SAN_NO_HANDLE)
			note_socket(c->value);
	}
}

void
duo_reap(void)
{
	unsigned int before;

	do {
		before = duo.nb;
		duo_reap_some(DUO_COMPS);
	} while (duo.nb != before && duo.nb < DUO_COMPS);
}

void
duo_settle(void)
{
	do_pass(0);
}

void
duo_go(void)
{
	duo_pass(0);
}

void
duo_pass(uint64_t us)
{
	do_pass(us);
	duo_reap();
}

const struct san_completion *
duo_of(const struct san_overlapped *op)
{
	unsigned int i = duo.nb;

	while (i-- > 0)
		if (duo.comp[i].op == op)
			return &duo.comp[i];
	return NULL;
}

unsigned int
duo_count(const struct san_overlapped *op)
{
	unsigned int i, n = 0;

	for (i = 0; i < duo.nb; i++)
		n += duo.comp[i].op == op;
	return n;
}

int32_t
duo_result(struct san_overlapped *op)
{
	const struct san_completion *c = duo_of(op);

	if (op->flags & SAN_POLLED) {
		int rc = san_op_status(op);

		return rc == -EINPROGRESS ? INT32_MIN : rc;
	}
	if (c == NULL)
		return INT32_MIN;
	duo_must(op->result == c->result);
	return c->result;
}

struct san_overlapped *
duo_op(void)
{
	duo_must(nb_ops < OPS);
	return &ops[nb_ops++ % OPS];
}

/*
 * A call that the poller's thread carries out gives up after a second of the machine's time (san/sock.h), and nothing
 * has happened: on a machine that is busy with other things it is made again.
 */
#define ANSWERED(call) ({ \
	int rc_, left_ = PATIENCE_S; \
	do \
		rc_ = (call); \
	while (rc_ == -EAGAIN && --left_ > 0); \
	rc_; \
})

san_handle
duo_socket(unsigned int i)
{
	san_handle s = SAN_NO_HANDLE;

	duo_must(ANSWERED(san_socket(duo.h[i].core[0], duo.cq, &s)) == 0);
	note_socket(s);
	return s;
}

san_handle
duo_listener(unsigned int i, uint16_t port, unsigned int backlog)
{
	struct san_addr a = { .port = port };
	san_handle s = duo_socket(i);

	duo_must(ANSWERED(san_bind(s, &a)) == 0);
	duo_must(ANSWERED(san_listen(s, backlog)) == 0);
	return s;
}

san_handle
duo_connect(uint16_t port, struct san_overlapped *op)
{
	struct san_addr to = vhost_addr(address[1], port);
	san_handle s = duo_socket(0);

	duo_must(san_connect(s, op, &to, 0) == 0);
	return s;
}

void
duo_pair(san_handle end[2])
{
	struct san_overlapped *accept = duo_op(), *connect = duo_op();
	san_handle listener = duo_listener(1, 80, 4);

	duo_must(san_accept(listener, accept, 0) == 0);
	end[0] = duo_connect(80, connect);
	duo_go();
	duo_must(duo_result(accept) == 0);
	duo_must(duo_result(connect) == 0);
	end[1] = accept->u.accepted;
	duo_end(listener);
}

uint32_t
duo_state(san_handle s)
{
	uint32_t value = UINT32_MAX;

	duo_must(ANSWERED(san_get_option(s, SAN_OPT_STATE, &value)) == 0);
	return value;
}

void
duo_end(san_handle s)
{
	duo_must(san_close(s, s) == 0);
	duo_go();
	duo_must(duo_closed(s));
}

bool
duo_closed(san_handle s)
{
	unsigned int i, closes = 0;
	bool last = false;

	for (i = 0; i < duo.nb; i++) {
		if (duo.comp[i].sock != s)
			continue;
		last = duo.comp[i].kind == SAN_OP_CLOSE;
		closes += last;
	}
	return closes == 1 && last;
}

/* The case itself, on its thread; what it leaves open is closed. */
static void
play(void)
{
	unsigned int i;

	duo_must(san_cq_create(case_depth, &duo.cq) == 0);
	case_run();
	if (duo.leave)
		return;
	duo.cut = duo.mute[0] = duo.mute[1] = false;
	duo.card = DUO_CARD_NONE;
	duo_pass(0);
	for (i = 0; i < nb_socks; i++)
		san_close(socks[i], 0);
	duo_pass(0);
}

/* The poller has given the cores back by then: they are polled here. */
static void
clean(void)
{
	atomic_store(&over, true);
	while (!atomic_load(&may_clean))
		sched_yield();
	duo_must(san_cleanup() == 0);
	duo_reap();
	duo_must(san_cq_destroy(duo.cq) == 0);
}

static void
on_all_cores(int (*fn)(struct san_core *))
{
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < duo.h[i].nb_cores; j++)
			duo_must(fn(duo.h[i].core[j]) == 0);
}

static void *
play_elsewhere(void *arg)
{
	duo_must(san_attach() == 0);
	play();
	if (duo.cleans)
		clean();
	else if (fault[0] == '\0' && !duo.leave) {
		duo_must(san_cq_destroy(duo.cq) == 0);
		duo_must(san_detach() == 0);
	}
	atomic_store(&over, true);
	return arg;
}

/* Behind a thread that has left: the cores close first, then a card gives back what it keeps. */
static void
settle_left(void)
{
	if (duo.card == DUO_CARD_KEEPS)
		duo.card = DUO_CARD_FREES;
	settle();
}

static void
serve(void)
{
	pthread_t thread;

	atomic_store(&over, false);
	atomic_store(&may_clean, false);
	assert_int_equal(pthread_create(&thread, NULL, play_elsewhere, NULL), 0);
	while (!atomic_load(&over)) {
		uint64_t us = atomic_load(&asked_us);

		if (us != 0) {
			/* A close of another thread has rounds without a packet: its fence, and what comes back. */
			for (unsigned int i = 0; i < FENCE_ROUNDS; i++)
				turn();
			pass(us - 1);
			atomic_store(&asked_us, 0);
		} else if (!duo.frozen) {
			turn();
		}
		sched_yield();
	}
	if (duo.cleans) {
		vhost_drain();
		on_all_cores(san_core_release);
		atomic_store(&may_clean, true);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* Of a case that failed the thread is gone with what it held. */
	if (!duo.cleans)
		settle_left();
}

static void *
play_polling(void *arg)
{
	is_poller = true;
	on_all_cores(san_core_claim);
	play();
	return arg;
}

/* The thread takes the cores over, and leaves them by its exit. */
static void
lend_cores(void)
{
	pthread_t thread;

	on_all_cores(san_core_release);
	assert_int_equal(pthread_create(&thread, NULL, play_polling, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	on_all_cores(san_core_claim);
	settle_left();
}

static void
begin(unsigned int nb_cores)
{
	unsigned int i;

	is_poller = true;
	fault[0] = '\0';
	nb_ops = 0;
	nb_socks = 0;
	memset(ops, 0, sizeof(ops));
	memset(&duo, 0, sizeof(duo));
	vhost_startup();
	for (i = 0; i < 2; i++)
		vhost_open(&duo.h[i], &(struct vhost_wish){ .address = address[i], .nb_cores = nb_cores,
							     .seed = 1 + i,
							     .keys = { { "sockets", "16" } } });
	/* No packet waits for ARP: of several some would be dropped. */
	for (i = 0; i < 2; i++) {
		struct rte_ether_addr mac = vhost_mac(&duo.h[1 - i]);

		vhost_know(&duo.h[i], address[1 - i], &mac);
	}
	settle();
}

void
duo_run(void (*run)(void), enum duo_place place, unsigned int nb_cores, unsigned int depth)
{
	begin(nb_cores);
	case_run = run;
	case_depth = depth;
	if (place == DUO_OFF_CORE)
		serve();
	else if (place == DUO_ON_CORE_LEFT)
		lend_cores();
	else
		play();
	if (place != DUO_ON_CORE && duo.after != NULL)
		duo.after();
	if (place == DUO_OFF_CORE && duo.cleans)
		vhost_forget();
	else
		vhost_cleanup();
	if (place == DUO_ON_CORE) {
		duo_reap();
		if (duo.after != NULL)
			duo.after();
		if (san_cq_destroy(duo.cq) != 0)
			duo_fault(__FILE__, __LINE__, "the queue can be ended");
	}
	if (fault[0] != '\0')
		fail_msg("%s", fault);
}

void
duo_case_on_core(void **state)
{
	duo_run((void (*)(void))(uintptr_t)*state, DUO_ON_CORE, 1, 64);
}

void
duo_case_off_core(void **state)
{
	duo_run((void (*)(void))(uintptr_t)*state, DUO_OFF_CORE, 1, 64);
}

void
duo_case_on_core_2(void **state)
{
	duo_run((void (*)(void))(uintptr_t)*state, DUO_ON_CORE, 2, 64);
}

void
duo_case_off_core_2(void **state)
{
	duo_run((void (*)(void))(uintptr_t)*state, DUO_OFF_CORE, 2, 64);
}
