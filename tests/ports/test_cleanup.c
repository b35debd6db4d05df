/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cleanup by the thread that used the library, and the life after it (O6, O15).
 */
#include <errno.h>
#include <string.h>

#include "load.h"

#define PAIRS 500

static struct net net;

/* Everything ended, and with a result that a cleanup may give: each side may hear the other's RST first. */
static void
assert_ended_by_cleanup(struct watch *w)
{
	const struct wop *op;

	while (watch_reap(w) > 0)
		;
	for (op = w->ops; op; op = op->next) {
		if (op->pending || op->nb_posts == 0 || op->kind == SAN_OP_CLOSE)
			continue;
		assert_true(op->result >= 0 || op->result == -ECANCELED || op->result == -ECONNRESET);
	}
	watch_settled(w);
}

/* A thousand sockets, each with a receive pending, and their listener with accepts. */
static void
open_many(unsigned int nb_pairs)
{
	struct wsock *listener = net_listener(&net, 1, 7, 64);
	static struct load load;
	struct net_pair pair;
	unsigned int i;

	for (i = 0; i < nb_pairs; i++) {
		pair = net_connect_to(&net, listener, 0, 7);
		load_recvs(&net, pair.end[0], 1, &load);
		load_recvs(&net, pair.end[1], 1, &load);
	}
	load_accepts(&net, listener, 8, &load);
}

static void
cleanup_ends_1000_open_sockets(void **state)
{
	uint64_t nb_open;

	(void)state;
	net_open(&net, NULL);
	open_many(PAIRS);
	nb_open = watch_open_sockets(&net.w);
	assert_int_equal(nb_open, 2 * PAIRS + 1);
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);
	assert_ended_by_cleanup(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

/* The calling thread has the cores claimed, and is not inside a round. */
static void
cleanup_with_own_claim_ends_all(void **state)
{
	(void)state;
	net_open(&net, NULL);
	open_many(10);
	assert_int_equal(net_cleanup(&net), 0);
	assert_ended_by_cleanup(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

static int
cleanup_in_step(struct san_core *core, void *arg)
{
	(void)core;
	*(int *)arg = net_cleanup(&net);
	return 5;
}

/* The step of san_run() is between rounds, not inside one. */
static void
cleanup_in_step_of_run_ends_all(void **state)
{
	int rc = 99;

	(void)state;
	net_open(&net, NULL);
	open_many(10);
	assert_int_equal(san_run(net.core[0][0], cleanup_in_step, &rc), 5);
	assert_int_equal(rc, 0);
	assert_ended_by_cleanup(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

/* Cores that nobody ever claimed: cleanup claims and polls them itself. */
static void
cleanup_without_any_polling_returns(void **state)
{
	struct net_wish wish = { .unclaimed = true };
	struct san_usage u;

	(void)state;
	net_open(&net, &wish);
	san_host_usage(net.host[0], &u);
	assert_int_equal(u.sockets, 0);
	assert_int_equal(net_cleanup(&net), 0);
}

/* An owner that never polls answers nobody: -EAGAIN after a second, nothing changed; cleanup still works. */
static void
cleanup_after_unanswered_socket_returns(void **state)
{
	struct net_wish wish = { .unclaimed = true };
	struct san_cq *cq = NULL;
	san_handle h = 77;
	uint64_t begin_ms;

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(san_attach(), 0);
	assert_int_equal(san_cq_create(4, &cq), 0);
	begin_ms = net_now_ms();
	assert_int_equal(san_socket(net.core[0][0], cq, &h), -EAGAIN);
	assert_true(net_now_ms() - begin_ms >= 500);
	assert_int_equal(h, 77);
	assert_int_equal(net_cleanup(&net), 0);
	assert_int_equal(san_cq_destroy(cq), 0);
}

static void
cleanup_is_counted(void **state)
{
	struct net_pair pair;

	(void)state;
	net_open(&net, NULL);
	pair = net_connect(&net, 7);
	assert_int_equal(san_startup(0, NULL), 0);
	assert_int_equal(san_cleanup(), 0);
	load_transfer(&net, pair.end[0], pair.end[1], 10000, 1);
	net_close(&net);
	assert_int_equal(san_cleanup(), -ENETDOWN);
}

static void
every_call_after_cleanup_is_refused(void **state)
{
	static struct san_overlapped op;
	static uint8_t byte[1];
	struct san_addr a = net_addr(1, 7);
	struct san_host *host = NULL;
	struct san_conf *conf;
	struct san_cq *cq = NULL;
	struct wsock *s;
	uint32_t value;

	(void)state;
	net_open(&net, NULL);
	s = net_socket(&net, 0, 0);
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);
	assert_int_equal(san_accept(s->h, &op, 0), -ENETDOWN);
	assert_int_equal(san_connect(s->h, &op, &a, 0), -ENETDOWN);
	assert_int_equal(san_send(s->h, &op, byte, 1, 0), -ENETDOWN);
	assert_int_equal(san_recv(s->h, &op, byte, 1, 0), -ENETDOWN);
	assert_int_equal(san_shutdown(s->h, &op, 0), -ENETDOWN);
	assert_int_equal(san_cancel(s->h, 1), -ENETDOWN);
	assert_int_equal(san_close(s->h, 1), -ENETDOWN);
	assert_int_equal(san_bind(s->h, &a), -ENETDOWN);
	assert_int_equal(san_listen(s->h, 1), -ENETDOWN);
	assert_int_equal(san_set_option(s->h, SAN_OPT_NODELAY, 1), -ENETDOWN);
	assert_int_equal(san_get_option(s->h, SAN_OPT_STATE, &value), -ENETDOWN);
	assert_int_equal(san_names(s->h, &a, NULL), -ENETDOWN);
	assert_int_equal(san_attach(), -ENETDOWN);
	assert_int_equal(san_cq_create(4, &cq), -ENETDOWN);
	assert_null(cq);
	conf = net_conf(&net.wish, 0, 9999);
	assert_int_equal(san_host_create(conf, &host), -ENETDOWN);
	assert_null(host);
	san_conf_destroy(conf);
	assert_ended_by_cleanup(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

/* Sixteen slots: the next life uses the very same ones, under other names (O6). */
static void
handles_of_a_former_life_are_stale(void **state)
{
	struct net_wish wish = { .sockets = 16, .cold = true };
	san_handle old[5][16];
	unsigned int life;
	unsigned int i;
	unsigned int j;
	unsigned int k;

	(void)state;
	for (life = 0; life < 5; life++) {
		net_open(&net, &wish);
		for (i = 0; i < 16; i++) {
			old[life][i] = net_socket(&net, 0, 0)->h;
			for (j = 0; j < life; j++) {
				for (k = 0; k < 16; k++)
					assert_true(old[j][k] != old[life][i]);
			}
		}
		for (j = 0; j < life; j++) {
			for (k = 0; k < 16; k++)
				net_assert_stale(&net, old[j][k]);
		}
		net_release(&net);
		assert_int_equal(net_cleanup(&net), 0);
		assert_ended_by_cleanup(&net.w);
		assert_int_equal(watch_end(&net.w), 0);
	}
}

/* Close records wait in slots; the next life must leave them alone until they are reaped (O5, O15). */
static void
records_of_a_former_life_are_reaped_in_the_next(void **state)
{
	struct net_wish wish = { .sockets = 64, .cold = true };
	static struct net next;
	static struct load recvs;
	struct net_pair pair;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	pair = net_connect(&net, 7);
	load_recvs(&net, pair.end[0], 20, &recvs);
	for (i = 0; i < 20; i++)
		net_socket(&net, 0, 0);
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);

	net_open(&next, &wish);
	for (i = 0; i < 20; i++)
		net_socket(&next, 0, 0);
	watch_shut_all(&next.w);
	net_steps(&next, 20);
	assert_true(watch_reap(&net.w) > 0);
	assert_ended_by_cleanup(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
	net_close(&next);
}

/* A queue with nothing to reap, and one that is ended before it was reaped. */
static void
queues_outlive_cleanup(void **state)
{
	struct san_completion comp[4];
	struct san_cq *empty = NULL;
	struct san_cq *full = NULL;
	san_handle h[3];
	unsigned int i;

	(void)state;
	net_open(&net, NULL);
	assert_int_equal(san_cq_create(8, &empty), 0);
	assert_int_equal(san_cq_create(8, &full), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(san_socket(net.core[0][0], full, &h[i]), 0);
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);
	assert_int_equal(san_cq_poll(empty, comp, 4), 0);
	assert_int_equal(san_cq_wait(empty, 1000), 0);
	assert_int_equal(san_cq_destroy(empty), 0);
	assert_int_equal(san_cq_wait(full, 1000), 1);
	assert_int_equal(san_cq_destroy(full), -EBUSY);
	assert_int_equal(san_cq_poll(full, comp, 4), 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(comp[i].kind, SAN_OP_CLOSE);
	assert_int_equal(san_cq_poll(full, comp, 4), 0);
	assert_int_equal(san_cq_destroy(full), 0);
	assert_int_equal(watch_end(&net.w), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(cleanup_ends_1000_open_sockets),
	NET_CASE(cleanup_with_own_claim_ends_all),
	NET_CASE(cleanup_in_step_of_run_ends_all),
	NET_CASE(cleanup_without_any_polling_returns),
	NET_CASE(cleanup_after_unanswered_socket_returns),
	NET_CASE(cleanup_is_counted),
	NET_CASE(every_call_after_cleanup_is_refused),
	NET_CASE(handles_of_a_former_life_are_stale),
	NET_CASE(records_of_a_former_life_are_reaped_in_the_next),
	NET_CASE(queues_outlive_cleanup),
};

NET_MAIN("cleanup", cases)
