/* SPDX-License-Identifier: BSD-3-Clause */
/* user.c and reset.c: the calls from above, and RST. */
#include <errno.h>

#include <rte_mempool.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static bool
abort_block(struct bed *b, struct sani_tcp_seg *rst)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);
	struct sani_tcp_io io = bed_io(b, NULL, 0);
	bool due;

	assert_non_null(m);
	due = sani_tcp_abort(&b->c, m, &io);
	assert_state(b, CLOSED);
	if (due)
		assert_int_equal(sani_tcp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
						m->data_len, rst), SANI_TCP_PARSE_OK);
	rte_pktmbuf_free(m);
	return due;
}

static void
abort_sends_rst_by_state(void **state)
{
	struct bed *b = *state;

	for (int s = SAN_TCP_CLOSED; s <= SAN_TCP_TIME_WAIT; s++) {
		bool want = s >= SAN_TCP_SYN_RECEIVED && s != SAN_TCP_TIME_WAIT;
		struct sani_tcp_seg rst;
		uint32_t nxt, rcv;

		if (s == SAN_TCP_LISTEN)
			continue;
		bed_reach(b, (enum san_tcp_state)s);
		nxt = b->c.snd_nxt;
		rcv = b->c.rcv_nxt;
		assert_int_equal(abort_block(b, &rst), want);
		if (!want)
			continue;
		assert_int_equal(rst.flags, SANI_TCP_RST | SANI_TCP_ACK);
		assert_int_equal(rst.seq, nxt);
		assert_int_equal(rst.ack, rcv);
	}
}

static void
abort_frees_queues_and_stops_timers(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg rst;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 50000);
	bed_in(b, ACK, NXT, UNA, 1000);
	bed_in(b, ACK, NXT + 2000, UNA, 1000);
	assert_true(abort_block(b, &rst));
	assert_int_equal(rte_mempool_avail_count(bed_pool), b->before);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	bed_clear(b);
	bed_flush(b);
	assert_int_equal(b->nb, 0);
}

static void
abort_without_an_mbuf_is_silent(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_io io = bed_io(b, NULL, 0);

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_false(sani_tcp_abort(&b->c, NULL, &io));
	assert_state(b, CLOSED);
}

static void
rst_of_a_timestamped_connection_carries_one(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg rst;

	b->ts = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_true(abort_block(b, &rst));
	assert_int_equal(rst.opts, SANI_TCP_OPT_TS);
	assert_int_equal(rst.tsecr, 7000);
}

static void
peers_rst_throws_the_queue_away(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT, UNA, 1000);
	bed_in(b, SANI_TCP_RST, NXT + 1000, 0, 0);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNRESET);
	assert_int_equal(rte_mempool_avail_count(bed_pool), b->before);
}

static void
bytes_written_before_established_follow_it(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	assert_int_equal(bed_write(b, 100), 100);
	assert_int_equal(b->nb, 0);
	bed_in(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	assert_int_equal(b->nb, 1);	/* the ACK of the handshake rides on it */
	assert_last(b, ACK | SANI_TCP_PSH, UNA, NXT, 100);
}

static void
closed_block_takes_nothing(void **state)
{
	struct bed *b = *state;
	uint8_t buf[10];
	uint32_t ev = 77;

	assert_int_equal(bed_write(b, 10), 0);
	assert_int_equal(sani_tcp_shutdown(&b->c), 0);
	assert_int_equal(sani_tcp_read(&b->c, buf, 10, &ev), 0);
	assert_int_equal(ev, 0);
	assert_false(sani_tcp_at_end(&b->c));
}

/* 100 bytes and the FIN came, nobody had read them when the RST came: they are lost, which is no end of stream. */
static void
reset_behind_the_fin_is_no_end_of_the_stream(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, SANI_TCP_FIN | SANI_TCP_ACK, BED_IRS + 1, BED_ISS + 1, 100);
	assert_false(sani_tcp_at_end(&b->c));
	bed_in(b, SANI_TCP_RST, BED_IRS + 102, 0, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNRESET);
	assert_false(sani_tcp_at_end(&b->c));
	assert_int_equal(sani_tcp_readable(&b->c), 0);
}

static void
reset_for_an_ack_takes_its_number(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg = bed_seg(b, ACK | SANI_TCP_FIN, 5, 999, 10);
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);
	struct sani_tcp_seg out;

	assert_true(sani_tcp_reset_for(&seg, m));
	sani_tcp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->data_len, &out);
	assert_int_equal(out.flags, SANI_TCP_RST);
	assert_int_equal(out.seq, 999);
	assert_int_equal(out.src_port, 4000);
	assert_int_equal(out.dst_port, 80);
	rte_pktmbuf_free(m);
}

static void
reset_for_a_syn_acknowledges_its_space(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_SYN | SANI_TCP_FIN, UINT32_MAX, 0, 10);
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);
	struct sani_tcp_seg out;

	assert_true(sani_tcp_reset_for(&seg, m));
	sani_tcp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->data_len, &out);
	assert_int_equal(out.flags, SANI_TCP_RST | ACK);
	assert_int_equal(out.seq, 0);
	assert_int_equal(out.ack, 11);
	seg.flags = SANI_TCP_RST | ACK;
	assert_false(sani_tcp_reset_for(&seg, m));
	rte_pktmbuf_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(abort_sends_rst_by_state),
		bed_test(abort_frees_queues_and_stops_timers),
		bed_test(abort_without_an_mbuf_is_silent),
		bed_test(rst_of_a_timestamped_connection_carries_one),
		bed_test(peers_rst_throws_the_queue_away),
		bed_test(bytes_written_before_established_follow_it),
		bed_test(closed_block_takes_nothing),
		bed_test(reset_behind_the_fin_is_no_end_of_the_stream),
		bed_test(reset_for_an_ack_takes_its_number),
		bed_test(reset_for_a_syn_acknowledges_its_space),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
