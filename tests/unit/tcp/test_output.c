/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define PA (SANI_TCP_ACK | SANI_TCP_PSH)

static void
write_is_cut_into_full_segments_with_psh_on_the_last(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(bed_write(b, 2345), 2345);
	assert_int_equal(b->nb, 3);
	assert_int_equal(b->out[0].seg.flags, ACK);
	assert_int_equal(b->out[0].seg.len, 1000);
	assert_int_equal(b->out[1].seg.flags, ACK);
	assert_last(b, PA, UNA + 2000, NXT, 345);
}

static void
nodelay_sends_small_writes_at_once(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 5; i++)
		bed_write(b, 10);
	assert_int_equal(b->nb, 5);
}

static void
nagle_holds_small_writes_while_data_is_out(void **state)
{
	struct bed *b = *state;

	b->p.nodelay = false;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 5; i++)
		bed_write(b, 10);
	assert_int_equal(b->nb, 1);
	bed_in(b, ACK, NXT, UNA + 10, 0);
	assert_int_equal(b->nb, 2);
	assert_last(b, PA, UNA + 10, NXT, 40);
}

static void
nagle_lets_full_segments_and_the_fin_go(void **state)
{
	struct bed *b = *state;

	b->p.nodelay = false;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 10);
	bed_write(b, 1500);
	assert_int_equal(b->nb, 2);
	assert_last(b, ACK, UNA + 10, NXT, 1000);
	bed_shutdown(b);
	assert_last(b, PA | SANI_TCP_FIN, UNA + 1010, NXT, 500);
}

/* MUST-38: a small window is not filled by small segments. */
static void
silly_window_is_not_used(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 5000);
	b->wnd = 100;
	bed_in(b, ACK, NXT, UNA + 5000, 0);
	bed_clear(b);
	bed_write(b, 3000);
	assert_int_equal(b->nb, 0);
	bed_run(b, 200 * MS);		/* the override timeout */
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 5000, NXT, 100);
}

static void
half_of_the_largest_window_is_worth_a_segment(void **state)
{
	struct bed *b = *state;

	b->wnd = 1600;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 900;
	bed_in(b, ACK, NXT, UNA, 1);
	bed_clear(b);
	bed_write(b, 3000);
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA, NXT + 1, 900);
}

static void
what_fits_the_window_goes_however_small(void **state)
{
	struct bed *b = *state;

	b->wnd = 1500;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 1200);
	assert_int_equal(b->nb, 2);
	assert_last(b, PA, UNA + 1000, NXT, 200);
}

static void
full_tx_array_asks_to_be_called_again(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[2];
	struct sani_tcp_io io = bed_io(b, tx, 2);
	uint8_t data[4500] = { 0 };
	uint32_t taken;
	bool more;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	sani_tcp_write(&b->c, data, sizeof(data), &io, &taken);
	for (unsigned int i = 0; i < 3; i++) {
		io = bed_io(b, tx, 2);
		more = sani_tcp_output(&b->c, &io);
		assert_int_equal(more, i < 2);
		assert_int_equal(io.nb_tx, i < 2 ? 2 : 1);
		bed_refill(tx, io.nb_tx);
	}
	assert_int_equal(b->c.snd_nxt, UNA + 4500);
}

static void
empty_pool_loses_nothing_and_is_tried_again(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf **all = test_malloc(8192 * sizeof(*all));
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(b, tx, 4);
	uint8_t data[100];
	uint32_t taken;
	unsigned int n;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 100; i++)
		data[i] = bed_byte(i);
	sani_tcp_write(&b->c, data, 100, &io, &taken);
	n = bed_drain(all);
	assert_true(sani_tcp_output(&b->c, &io));
	assert_int_equal(io.nb_tx, 0);
	assert_int_equal(bed_deadline(b), b->now + MS);
	bed_refill(all, n);
	bed_run(b, 1 * MS);
	assert_int_equal(b->nb, 1);
	assert_last(b, PA, UNA, NXT, 100);
	test_free(all);
}

static void
segment_shares_no_memory_with_the_queue(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	uint8_t data[100];
	uint32_t taken;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 100; i++)
		data[i] = bed_byte(i);
	sani_tcp_write(&b->c, data, 100, &io, &taken);
	sani_tcp_output(&b->c, &io);
	assert_int_equal(io.nb_tx, 1);
	memset(rte_pktmbuf_mtod(tx[0], void *), 0xee, tx[0]->data_len);
	bed_run(b, 201 * MS);		/* bed.c checks the bytes */
	assert_last(b, PA, UNA, NXT, 100);
	rte_pktmbuf_free(tx[0]);
}

static void
closed_block_has_no_output(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);

	assert_false(sani_tcp_output(&b->c, &io));
	assert_int_equal(io.nb_tx, 0);
}

/* Take all that output has to say: each octet of a header is one that its fields explain, each of text the stream's. */
static unsigned int
check_octets(struct bed *b)
{
	struct rte_mbuf *tx[8];
	struct sani_tcp_io io = bed_io(b, tx, 8);

	assert_false(sani_tcp_output(&b->c, &io));
	for (uint16_t i = 0; i < io.nb_tx; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(tx[i], const uint8_t *);
		uint8_t want[SANI_TCP_HDR_MAX] = { 0 };
		struct sani_tcp_seg seg;

		assert_int_equal(sani_tcp_parse(p, tx[i]->data_len, tx[i]->data_len, &seg), SANI_TCP_PARSE_OK);
		assert_int_equal(sani_tcp_write_header(want, &seg), seg.hdr_len);
		assert_memory_equal(p, want, seg.hdr_len);
		for (uint32_t k = 0; k < seg.len; k++)
			assert_int_equal(p[seg.hdr_len + k], bed_byte(seg.seq + k - UNA));
		rte_pktmbuf_free(tx[i]);
	}
	return io.nb_tx;
}

/* Attack row I8: every buffer has been somebody's before; none of that goes out. */
static void
nothing_of_an_old_buffer_is_sent(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *all[8192];
	unsigned int n = bed_drain(all);
	struct sani_tcp_seg syn;
	struct sani_tcp_seg text;

	for (unsigned int i = 0; i < n; i++)
		memset(all[i]->buf_addr, 0xa5, all[i]->buf_len);
	bed_refill(all, n);
	b->ts = b->sack = true;
	sani_tcp_open_active(&b->c, &b->p, b->now);
	assert_int_equal(check_octets(b), 1);
	syn = bed_seg(b, SANI_TCP_SYN | ACK, BED_IRS, UNA, 0);
	syn.opts |= SANI_TCP_OPT_MSS | SANI_TCP_OPT_SACK_PERM | SANI_TCP_OPT_WSCALE;
	syn.mss = 1000;
	bed_inject(b, &syn);
	assert_int_equal(check_octets(b), 1);
	for (uint32_t hole = 1; hole <= 4; hole++) {
		text = bed_seg(b, ACK, NXT + 200 * hole, UNA, 100);
		bed_inject(b, &text);
		assert_int_equal(check_octets(b), 1);
	}
	bed_shutdown(b);
	bed_inject(b, &(struct sani_tcp_seg){ .flags = SANI_TCP_RST | ACK, .seq = NXT + 7 });
	assert_true(check_octets(b) <= 1);
}

/* The peer's MSS is 1000, the initial window ten segments of it. */
static void
full_segments_go_as_one_packet_where_the_port_cuts(void **state)
{
	struct bed *b = *state;

	b->cut = (struct sani_tcp_cut){ .max = 65000, .room = UINT32_MAX };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 40000;
	assert_int_equal(bed_write(b, 12345), 12345);
	assert_int_equal(b->nb_cut, 1);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[0].seg.len, 12000);
	assert_int_equal(b->out[0].seg.flags, ACK);
	assert_last(b, PA, UNA + 12000, NXT, 345);
}

/* Windows end it at a full segment; what is short of any MTU goes segment by segment. */
static void
packet_is_no_longer_than_windows_and_port_let_it_be(void **state)
{
	struct bed *b = *state;

	b->cut = (struct sani_tcp_cut){ .max = 20500, .room = UINT32_MAX };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 33700;
	assert_int_equal(bed_write(b, 50000), 50000);
	assert_int_equal(b->nb_cut, 2);
	assert_int_equal(b->out[0].seg.len, 20000);
	assert_int_equal(b->out[1].seg.len, 13000);
	assert_int_equal(b->nb, 2);
	bed_in(b, ACK, NXT, UNA + 2000, 0);
	for (unsigned int i = 2; i < b->nb; i++)
		assert_int_equal(b->out[i].seg.len, 1000);
	assert_true(b->nb > 2);
}

/* What does not fit the room goes in single segments. */
static void
packets_are_made_while_there_is_room_for_them(void **state)
{
	struct bed *b = *state;

	b->cut = (struct sani_tcp_cut){ .max = 20000, .room = 28000 };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 60000;
	assert_int_equal(bed_write(b, 50000), 50000);
	assert_int_equal(b->nb_cut, 1);
	assert_int_equal(b->cut.room, 8000);
	assert_int_equal(b->nb, 1 + 30);
}

/* Or waits, with all that is behind it, until the port has taken some. */
static void
packets_wait_for_room_where_none_else_can_have_it(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io;

	b->cut = (struct sani_tcp_cut){ .max = 20000, .room = 28000, .waits = true };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 0;
	assert_int_equal(bed_write(b, 50000), 50000);
	b->c.cwnd = 60000;
	for (unsigned int i = 0; i < 2; i++) {
		io = bed_io(b, tx, 4);
		assert_true(sani_tcp_output(&b->c, &io));
		assert_int_equal(io.nb_tx, i == 0);
		assert_int_equal(io.max_tx, io.nb_tx);
		if (i == 0)
			bed_take(b, tx[0]);
	}
	b->cut.room = 28000;
	io = bed_io(b, tx, 4);
	assert_true(sani_tcp_output(&b->c, &io));
	assert_int_equal(io.nb_tx, 1);
	bed_take(b, tx[0]);
	assert_int_equal(b->nb_cut, 2);
	assert_int_equal(b->out[1].seg.len, 20000);
}

/* Which the peer may ask for, and which not every device can. */
static void
small_segments_are_not_left_to_the_port(void **state)
{
	struct bed *b = *state;

	b->cut = (struct sani_tcp_cut){ .max = 65000, .room = UINT32_MAX };
	for (uint16_t mss = SANI_TCP_CUT_MSS_LEAST; mss >= SANI_TCP_CUT_MSS_LEAST - 1; mss--) {
		bed_reach(b, SAN_TCP_ESTABLISHED);
		b->c.snd_mss = mss;
		b->c.cwnd = 40000;
		b->nb_cut = 0;
		assert_int_equal(bed_write(b, 20 * mss), 20 * mss);
		assert_int_equal(b->nb_cut, mss == SANI_TCP_CUT_MSS_LEAST);
		sani_tcp_discard(&b->c);
		bed_clear(b);
	}
}

/* A chain takes tens of the buffers that are left for what keeps others alive; a segment takes one. */
static void
segments_go_one_by_one_while_buffers_are_scarce(void **state)
{
	struct bed *b = *state;

	b->cut = (struct sani_tcp_cut){ .max = 65000, .room = UINT32_MAX };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 40000;
	for (unsigned int i = 0; i < 2; i++) {
		struct rte_mbuf *tx[32];
		struct sani_tcp_io io = bed_io(b, tx, 32);
		uint32_t taken;
		uint8_t data[12000];

		for (uint32_t k = 0; k < sizeof(data); k++)
			data[k] = bed_byte(12000 * i + k);
		sani_tcp_write(&b->c, data, sizeof(data), &io, &taken);
		assert_int_equal(taken, sizeof(data));
		io.scarce = i == 0;
		sani_tcp_output(&b->c, &io);
		assert_int_equal(io.nb_tx, i == 0 ? 12 : 1);
		for (uint16_t k = 0; k < io.nb_tx; k++)
			bed_take(b, tx[k]);
		assert_int_equal(b->nb_cut, i);
	}
}

static void
packet_without_buffers_is_tried_again(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf **all = test_malloc(8192 * sizeof(*all));
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io;
	unsigned int n;
	uint32_t ev;

	b->cut = (struct sani_tcp_cut){ .max = 65000, .room = UINT32_MAX };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 40000;
	io = bed_io(b, tx, 4);
	for (uint32_t i = 0; i < 20; i++) {
		uint8_t data[1000];
		uint32_t taken;

		for (uint32_t k = 0; k < sizeof(data); k++)
			data[k] = bed_byte(1000 * i + k);
		ev = sani_tcp_write(&b->c, data, sizeof(data), &io, &taken);
		assert_int_equal(taken, sizeof(data));
	}
	assert_true(ev & SANI_TCP_EV_OUTPUT);
	n = bed_drain(all);
	bed_refill(all, 3);	/* ten are needed */
	assert_true(sani_tcp_output(&b->c, &io));
	assert_int_equal(io.nb_tx, 0);
	assert_int_equal(rte_mempool_avail_count(bed_pool), 3);
	bed_refill(all + 3, n - 3);
	bed_flush(b);
	assert_int_equal(b->nb_cut, 1);
	assert_last(b, PA, UNA, NXT, 20000);
	test_free(all);
}

static void
what_is_lost_of_a_packet_goes_again_segment_by_segment(void **state)
{
	struct bed *b = *state;
	const uint32_t edges[] = { UNA + 3000, UNA + 10000 };

	b->sack = true;
	b->cut = (struct sani_tcp_cut){ .max = 65000, .room = UINT32_MAX };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.cwnd = 40000;
	bed_write(b, 10000);
	assert_int_equal(b->nb_cut, 1);
	bed_run(b, 10 * MS);
	bed_clear(b);
	bed_sack(b, UNA + 1000, 1, edges);
	bed_run(b, 50 * MS);
	assert_int_equal(b->out[0].seg.seq, UNA + 1000);
	assert_int_equal(b->out[0].seg.len, 1000);
	assert_int_equal(b->nb_cut, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(write_is_cut_into_full_segments_with_psh_on_the_last),
		bed_test(nothing_of_an_old_buffer_is_sent),
		bed_test(nodelay_sends_small_writes_at_once),
		bed_test(nagle_holds_small_writes_while_data_is_out),
		bed_test(nagle_lets_full_segments_and_the_fin_go),
		bed_test(silly_window_is_not_used),
		bed_test(half_of_the_largest_window_is_worth_a_segment),
		bed_test(what_fits_the_window_goes_however_small),
		bed_test(full_tx_array_asks_to_be_called_again),
		bed_test(empty_pool_loses_nothing_and_is_tried_again),
		bed_test(segment_shares_no_memory_with_the_queue),
		bed_test(closed_block_has_no_output),
		bed_test(full_segments_go_as_one_packet_where_the_port_cuts),
		bed_test(packets_are_made_while_there_is_room_for_them),
		bed_test(packets_wait_for_room_where_none_else_can_have_it),
		bed_test(packet_is_no_longer_than_windows_and_port_let_it_be),
		bed_test(small_segments_are_not_left_to_the_port),
		bed_test(segments_go_one_by_one_while_buffers_are_scarce),
		bed_test(packet_without_buffers_is_tried_again),
		bed_test(what_is_lost_of_a_packet_goes_again_segment_by_segment),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
