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

static bool
plain(struct bed *b, uint32_t n)
{
	static uint8_t data[4096];

	assert_true(n <= sizeof(data));
	for (uint32_t i = 0; i < n; i++)
		data[i] = bed_byte(sani_tcp_written(&b->c) + i);
	return sani_tcp_write_plain(&b->c, data, n, bed_pool, NULL);
}

/* It is refused, and nothing is other than before. */
static void
assert_not_plain(struct bed *b, uint32_t n)
{
	struct sani_tcp_conn before = b->c;
	unsigned int free = rte_mempool_avail_count(bed_pool);

	assert_false(plain(b, n));
	assert_memory_equal(&b->c, &before, sizeof(before));
	assert_int_equal(rte_mempool_avail_count(bed_pool), free);
}

/*
 * Of one octet, of a buffer to the last octet: each goes out, behind it comes what the buffer has room for, and what is
 * acknowledged leaves the queue empty.
 */
static void
first_bytes_go_out_as_any(void **state)
{
	const uint32_t lens[] = { 1, 64, SANI_TCP_SNDQ_SURE, SANI_TCP_SNDQ_SURE + 1,
				  rte_pktmbuf_data_room_size(bed_pool) };
	const uint32_t room = rte_pktmbuf_data_room_size(bed_pool);
	struct bed *b = *state;
	uint32_t una = UNA;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint32_t at = 0;

		bed_clear(b);
		assert_true(plain(b, lens[i]));
		bed_flush(b);
		for (unsigned int k = 0; k < b->nb; k++) {
			assert_int_equal(b->out[k].seg.seq, una + at);
			for (uint32_t j = 0; j < b->out[k].seg.len; j++)
				assert_int_equal(b->out[k].data[j], bed_byte(una - UNA + at + j));
			at += b->out[k].seg.len;
		}
		assert_int_equal(at, lens[i]);
		assert_not_plain(b, room - lens[i] + 1);
		assert_true(lens[i] == room || plain(b, room - lens[i]));
		bed_flush(b);
		una += room;
		bed_in(b, ACK, NXT, una, 0);
		assert_int_equal(rte_mempool_avail_count(bed_pool), b->before);
	}
	assert_int_equal(sani_tcp_written(&b->c), una - UNA);
}

/* What comes behind them goes into the room that they have left, and is sent again with them. */
static void
first_bytes_are_the_begin_of_more(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_true(plain(b, 100));
	assert_true(plain(b, 50));
	assert_int_equal(bed_write(b, 250), 250);
	assert_last(b, ACK | SANI_TCP_PSH, UNA, NXT, 400);
	for (uint32_t j = 0; j < 400; j++)
		assert_int_equal(b->out[b->nb - 1].data[j], bed_byte(j));
	bed_in(b, ACK, NXT, UNA + 150, 0);
	bed_clear(b);
	bed_run(b, 2 * SEC);
	assert_true(b->nb > 0);
	assert_int_equal(b->out[0].seg.seq, UNA + 150);
	assert_int_equal(b->out[0].seg.len, 250);
	for (uint32_t j = 0; j < 250; j++)
		assert_int_equal(b->out[0].data[j], bed_byte(150 + j));
	bed_in(b, ACK, NXT, UNA + 400, 0);
}

static void
first_bytes_are_an_established_connections_only(void **state)
{
	struct bed *b = *state;

	for (int s = SAN_TCP_CLOSED; s <= SAN_TCP_TIME_WAIT; s++) {
		if (s == SAN_TCP_LISTEN || s == SAN_TCP_ESTABLISHED)
			continue;
		bed_reach(b, (enum san_tcp_state)s);
		assert_not_plain(b, 10);
		sani_tcp_discard(&b->c);
	}
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.flags |= SANI_TCP_F_FIN_QUEUED;
	assert_not_plain(b, 10);
}

/* More than the program may have under way, more than a buffer holds, no buffer at all. */
static void
first_bytes_have_room_or_are_refused(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *all[8192];
	unsigned int n;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_not_plain(b, rte_pktmbuf_data_room_size(bed_pool) + 1u);
	sani_tcp_set_option(&b->c, SAN_OPT_SNDBUF, 100, b->now);
	assert_not_plain(b, 101);
	assert_true(plain(b, 60));
	assert_not_plain(b, 41);
	bed_flush(b);
	bed_in(b, ACK, NXT, UNA + 60, 0);
	assert_true(rte_mempool_avail_count(bed_pool) < RTE_DIM(all));
	n = bed_drain(all);
	assert_not_plain(b, 100);
	bed_refill(all, n);
	assert_true(plain(b, 100));
	bed_flush(b);
	assert_last(b, ACK | SANI_TCP_PSH, UNA + 60, NXT, 100);
}

/* A window that is shut: they wait for it, and it is asked for. */
static void
first_bytes_ask_for_a_window(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 0);
	bed_clear(b);
	assert_true(plain(b, 100));
	bed_flush(b);
	assert_int_equal(b->nb, 0);
	bed_run(b, 5 * SEC);
	assert_true(b->nb > 0);
	b->wnd = 60000;
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_int_equal(b->out[0].seg.seq, UNA);
	assert_int_equal(sani_tcp_seg_space(&b->out[0].seg), 100);
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
		bed_test(first_bytes_go_out_as_any),
		bed_test(first_bytes_are_the_begin_of_more),
		bed_test(first_bytes_are_an_established_connections_only),
		bed_test(first_bytes_have_room_or_are_refused),
		bed_test(first_bytes_ask_for_a_window),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
