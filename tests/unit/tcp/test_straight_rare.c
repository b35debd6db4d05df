/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What keeps a segment or a call of output from the straight paths (test_straight.c says what they are): of one that
 * goes straight one thing is made another, and it does not.
 */
#include "bed.h"

/* A segment that goes straight, and what it goes to; each case makes one thing of them another. */
struct common {
	struct sani_tcp_conn *c;
	struct sani_tcp_seg seg;
	struct rte_mbuf *m;
	struct sani_tcp_io io;
};

/* Without SACK it counts; with it, it is only an ACK. */
static void
make_duplicate(struct common *e)
{
	e->seg.ack = e->c->snd_una;
	e->seg.len = 0;
	e->m = NULL;
	assert_true(sani_tcp_is_straight(e->c, &e->seg, e->m, &e->io));
	e->c->flags &= ~(uint32_t)SANI_TCP_F_SACK;
}

#define RARE_CASES(X)									\
	X(state, e->c->state = SAN_TCP_FIN_WAIT_1)					\
	X(cwr, e->c->ca = SANI_TCP_CA_CWR)						\
	X(recovery, e->c->ca = SANI_TCP_CA_RECOVERY)					\
	X(loss, e->c->ca = SANI_TCP_CA_LOSS)						\
	X(cwv, e->c->extras |= SANI_TCP_X_CWV)						\
	X(duplicate, make_duplicate(e))							\
	X(fin, e->c->flags |= SANI_TCP_F_FIN_KNOWN)					\
	X(probed, e->c->flags |= SANI_TCP_F_PROBED)					\
	X(tail_probe, e->c->flags |= SANI_TCP_F_TLP_OUT)				\
	X(reordering, e->c->flags |= SANI_TCP_F_REO)					\
	X(ecn, e->c->flags |= SANI_TCP_F_ECN)						\
	X(sacked, e->c->flight.sacked = 1)						\
	X(lost, e->c->flight.lost = 1)							\
	X(shut, e->c->snd_wnd = 0)							\
	X(hole, e->c->rcvq.ooo = e->m)							\
	X(overdue, e->c->quick_acks = SANI_TCP_QUICK_ACKS + 1)				\
	X(many, e->c->rcvq.nb_mbufs = UINT16_MAX)					\
	X(resent, sani_tcp_runs(e->c)->word |= SANI_TCP_RUN_RESENT)			\
	X(behind_fack, e->c->rack_fack = e->seg.ack + 1)				\
	X(flag, e->seg.flags |= SANI_TCP_URG)						\
	X(no_ack, e->seg.flags = 0)							\
	X(before, e->seg.seq--)								\
	X(after, e->seg.seq++)								\
	X(old_ack, e->seg.ack = e->c->snd_una - 1)					\
	X(far_ack, e->seg.ack = e->c->snd_nxt + 1)					\
	X(shuts, e->seg.wnd = 0)							\
	X(option, e->seg.opts |= SANI_TCP_OPT_SACK)					\
	X(no_timestamp, e->seg.opts = 0)						\
	X(old_timestamp, e->seg.tsval = e->c->ts_recent - 1)				\
	X(long, e->c->rcv_mss = (uint16_t)(e->seg.len - 1))				\
	X(outside, e->c->rcv_adv = e->c->rcv_nxt + e->seg.len - 1)			\
	X(chain, e->m->next = e->m)							\
	X(padded, e->m->pkt_len++)							\
	X(scarce, e->io.scarce = true)

#define MAKE_RARE(name, change)								\
	static void									\
	make_rare_##name(struct common *e)						\
	{										\
		change;									\
	}
RARE_CASES(MAKE_RARE)

static bool
is_straight(struct common *e)
{
	return sani_tcp_is_straight(e->c, &e->seg, e->m, &e->io);
}

/* The connection is as before afterwards, whatever a case has made of it. */
static void
test_what_is_rare_goes_the_other_way(void **state)
{
#define NAME_RARE(name, change) { #name, make_rare_##name },
	static const struct {
		const char *name;
		void (*make)(struct common *e);
	} rare[] = { RARE_CASES(NAME_RARE) };
	struct bed *b = *state;
	struct sani_tcp_conn before;
	struct rte_mbuf *tx[1];
	struct common common = { .c = &b->c };

	b->ts = b->sack = true;
	bed_connect(b);
	bed_write(b, 500);
	b->c.quick_acks = 0;
	common.seg = bed_seg(b, SANI_TCP_ACK, b->c.rcv_nxt, b->c.snd_nxt, 100);
	common.io = bed_io(b, tx, 1);
	common.m = bed_text(&common.seg, 100);
	memcpy(&before, &b->c, sizeof(before));
	for (unsigned int i = 0; i < RTE_DIM(rare); i++) {
		struct common e = common;

		assert_true(is_straight(&e));
		rare[i].make(&e);
		if (is_straight(&e))
			fail_msg("%s goes straight", rare[i].name);
		memcpy(&b->c, &before, sizeof(before));
		common.m->next = NULL;
		common.m->pkt_len = common.seg.len;
	}
	rte_pktmbuf_free(common.m);
}

/* A call of output that goes straight; each case makes one thing of it another. */
struct call {
	struct sani_tcp_conn *c;
	struct rte_mbuf *m;
	struct sani_tcp_io io;
};

#define RARE_CALLS(X)									\
	X(state, e->c->state = SAN_TCP_CLOSE_WAIT)					\
	X(cwr, e->c->ca = SANI_TCP_CA_CWR)						\
	X(recovery, e->c->ca = SANI_TCP_CA_RECOVERY)					\
	X(paced, e->c->extras |= SANI_TCP_X_PACED)					\
	X(cwv, e->c->extras |= SANI_TCP_X_CWV)						\
	X(lent, e->c->extras |= SANI_TCP_X_LENT)					\
	X(no_sack, (e->c->flags &= ~(uint32_t)SANI_TCP_F_SACK, e->c->dup_acks = 1))	\
	X(fin, e->c->flags |= SANI_TCP_F_FIN_QUEUED)					\
	X(rst, e->c->flags |= SANI_TCP_F_RST_DUE)					\
	X(window_probe, e->c->flags |= SANI_TCP_F_PROBE_DUE)				\
	X(probed, e->c->flags |= SANI_TCP_F_PROBED)					\
	X(loss_probe, e->c->flags |= SANI_TCP_F_TLP_DUE)				\
	X(loss_probe_out, e->c->flags |= SANI_TCP_F_TLP_OUT)				\
	X(reordering, e->c->flags |= SANI_TCP_F_REO)					\
	X(ecn, e->c->flags |= SANI_TCP_F_ECN)						\
	X(urgent, e->c->flags |= SANI_TCP_F_SND_URG)					\
	X(mtu_search, e->c->flags |= SANI_TCP_F_MTU)					\
	X(sacked, e->c->flight.sacked = 1)						\
	X(lost, e->c->flight.lost = 1)							\
	X(duplicate, e->c->dup_acks_due = 1)						\
	X(keepalive, e->c->keep_due = true)						\
	X(hole, e->c->rcvq.ooo = e->m)							\
	X(twice, e->c->rcvq.dsack_right++)						\
	X(nothing, e->c->written = 0)							\
	X(two, e->c->snd_mss = 99)							\
	X(window, e->c->snd_wnd = 99)							\
	X(window_used, e->c->snd_una -= e->c->snd_wnd - 99)				\
	X(cwnd, e->c->cwnd = 99)							\
	X(cwnd_used, e->c->snd_una -= e->c->cwnd - 99)					\
	X(more, e->c->more = true)							\
	X(nagle, (e->c->flags &= ~(uint32_t)SANI_TCP_F_NODELAY, e->c->snd_una--))	\
	X(idle, e->io.now_us = e->c->last_snd_us + e->c->rto_us + 1)			\
	X(no_room, e->io.max_tx = 0)

#define MAKE_RARE_CALL(name, change)							\
	static void									\
	make_rare_call_##name(struct call *e)						\
	{										\
		change;									\
	}
RARE_CALLS(MAKE_RARE_CALL)

static void
test_what_is_rare_goes_out_the_other_way(void **state)
{
#define NAME_RARE_CALL(name, change) { #name, make_rare_call_##name },
	static const struct {
		const char *name;
		void (*make)(struct call *e);
	} rare[] = { RARE_CALLS(NAME_RARE_CALL) };
	struct bed *b = *state;
	struct sani_tcp_conn before;
	struct rte_mbuf *tx[1];
	struct rte_mbuf hole;

	b->ts = b->sack = true;
	bed_connect(b);
	bed_write(b, 500);
	bed_in(b, SANI_TCP_ACK, b->c.rcv_nxt, b->c.snd_nxt, 0);
	b->c.written += 100;
	memcpy(&before, &b->c, sizeof(before));
	for (unsigned int i = 0; i < RTE_DIM(rare); i++) {
		struct call e = { .c = &b->c, .m = &hole, .io = bed_io(b, tx, 1) };

		assert_true(sani_tcp_is_straight_out(e.c, &e.io));
		rare[i].make(&e);
		if (sani_tcp_is_straight_out(e.c, &e.io))
			fail_msg("%s goes straight", rare[i].name);
		memcpy(&b->c, &before, sizeof(before));
	}
	b->c.written -= 100;
}

/* Without a buffer it is as if there were no straight path. */
static void
test_an_empty_pool_is_tried_again(void **state)
{
	static struct rte_mbuf *all[8192];
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;
	unsigned int n;

	b->ts = b->sack = true;
	bed_connect(b);
	bed_write(b, 500);
	bed_in(b, SANI_TCP_ACK, b->c.rcv_nxt, b->c.snd_nxt, 0);
	bed_clear(b);
	b->c.more = true;
	assert_int_equal(bed_write(b, 100), 100);
	b->c.more = false;
	n = bed_drain(all);
	io = bed_io(b, tx, 1);
	assert_true(sani_tcp_is_straight_out(&b->c, &io));
	assert_true(sani_tcp_output(&b->c, &io));
	assert_int_equal(io.nb_tx, 0);
	bed_refill(all, n);
	bed_run(b, 2 * MS);
	assert_last(b, SANI_TCP_ACK | SANI_TCP_PSH, BED_ISS + 501, b->c.rcv_nxt, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(test_what_is_rare_goes_the_other_way),
		bed_test(test_what_is_rare_goes_out_the_other_way),
		bed_test(test_an_empty_pool_is_tried_again),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
