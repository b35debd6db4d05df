/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket moved from queue A to B, A ended, A' made in A's memory, and the socket moved to A': the
 * core took A' for A and wrote completions into A's lane, which was gone (O12).
 */
#include <errno.h>

#include "net.h"

static struct net net;
static struct {
	struct san_cq *cq;
	san_handle s;
} bystander;

static const struct net_wish wish = { .one_host = true, .cold = true };

/* Poll and reap until so many have come. */
static void
reap(struct san_cq *cq, struct san_completion *comp, unsigned int want)
{
	uint64_t until_ms = net_now_ms() + NET_PATIENCE_MS;
	unsigned int n = 0;

	while (n < want) {
		int rc = san_cq_poll(cq, comp + n, want - n);

		assert_true(rc >= 0);
		n += (unsigned int)rc;
		if (net_now_ms() > until_ms)
			fail_msg("%u of %u completions have come", n, want);
		net_step(&net);
	}
	assert_int_equal(san_cq_poll(cq, comp, 1), 0);
}

/*
 * A listener that has come back to where it began, but the queue there is another one. The lane
 * that it had first is given to a bystander, so that nothing which is written there can be taken
 * for right.
 */
static san_handle
make_moved_listener(struct san_cq **again)
{
	struct san_addr local = net_addr(0, 7);
	struct san_cq *a;
	struct san_cq *b;
	uintptr_t memory;
	san_handle s;

	assert_int_equal(san_cq_create(8, &a), 0);
	assert_int_equal(san_cq_create(8, &b), 0);
	assert_int_equal(san_cq_create(8, &bystander.cq), 0);
	assert_int_equal(san_socket(net.core[0][0], a, &s), 0);
	assert_int_equal(san_bind(s, &local), 0);
	assert_int_equal(san_listen(s, 4), 0);
	assert_int_equal(san_move(s, b), 0);
	memory = (uintptr_t)a;
	assert_int_equal(san_cq_destroy(a), 0);
	assert_int_equal(san_socket(net.core[0][0], bystander.cq, &bystander.s), 0);
	assert_int_equal(san_cq_create(8, again), 0);
	/* Otherwise there is nothing to see here. */
	assert_int_equal((uintptr_t)*again, memory);
	assert_int_equal(san_move(s, *again), 0);
	assert_int_equal(san_cq_destroy(b), 0);
	return s;
}

static void
end(struct san_cq *again)
{
	struct san_completion comp[1];

	assert_int_equal(san_cq_destroy(again), 0);
	assert_int_equal(san_cq_poll(bystander.cq, comp, 1), 0);
	assert_int_equal(san_close(bystander.s, 79), 0);
	reap(bystander.cq, comp, 1);
	assert_int_equal(comp[0].user, 79);
	assert_int_equal(san_cq_destroy(bystander.cq), 0);
	net_close(&net);
}

static void
close_after_the_move_completes(void **state)
{
	struct san_completion comp[1];
	struct san_cq *cq;
	san_handle s;

	(void)state;
	net_open(&net, &wish);
	s = make_moved_listener(&cq);
	assert_int_equal(san_close(s, 77), 0);
	reap(cq, comp, 1);
	assert_int_equal(comp[0].kind, SAN_OP_CLOSE);
	assert_int_equal(comp[0].user, 77);
	end(cq);
}

static void
post_after_the_move_completes(void **state)
{
	static struct san_overlapped op;
	struct san_completion comp[2];
	struct san_cq *cq;
	san_handle s;

	(void)state;
	net_open(&net, &wish);
	s = make_moved_listener(&cq);
	assert_int_equal(san_accept(s, &op, 0), 0);
	assert_int_equal(san_close(s, 78), 0);
	reap(cq, comp, 2);
	assert_int_equal(comp[0].kind, SAN_OP_ACCEPT);
	assert_int_equal(comp[0].result, -ECANCELED);
	assert_ptr_equal(comp[0].op, &op);
	assert_int_equal(comp[1].kind, SAN_OP_CLOSE);
	assert_int_equal(comp[1].user, 78);
	end(cq);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(close_after_the_move_completes),
	NET_CASE(post_after_the_move_completes),
};

NET_MAIN("close_is_lost_after_queue_is_reused", cases)
