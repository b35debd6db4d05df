/* SPDX-License-Identifier: BSD-3-Clause */
/* sndq.c, rcvq.c and ooo.c: against a plain array, and what they hold at most. */
#include <stdlib.h>

#include <rte_mempool.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static uint64_t rng = 88172645463325252u;

static uint32_t
draw(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 20) % n);
}

static void
any_range_of_the_send_queue_can_be_copied(void **state)
{
	struct bed *b = *state;
	uint8_t out[2000];

	b->p.iss = UINT32_MAX - 40000;
	sani_tcp_init(&b->c, &b->p);
	for (int round = 0; round < 3000; round++) {
		uint32_t held = (uint32_t)(b->c.written - b->c.acked);
		uint8_t data[3000];
		uint32_t n = 1 + draw(sizeof(data));
		uint32_t seq, len;

		for (uint32_t i = 0; i < n; i++)
			data[i] = bed_byte(b->c.written + i);
		if (held < 100000)
			assert_int_equal(sani_tcp_sndq_append(&b->c, data, n, bed_pool), n);
		held = (uint32_t)(b->c.written - b->c.acked);
		for (int k = 0; k < 4; k++) {
			uint32_t off = k < 2 ? draw(held) : 0;

			len = 1 + draw(sani_tcp_min(held - off, sizeof(out)));
			seq = b->p.iss + 1 + (uint32_t)b->c.acked + off;
			sani_tcp_sndq_copy(&b->c, seq, len, out);
			for (uint32_t i = 0; i < len; i++)
				assert_int_equal(out[i], bed_byte(b->c.acked + off + i));
		}
		sani_tcp_sndq_release(&b->c, draw(held + 1));
	}
	sani_tcp_sndq_free(&b->c);
	assert_int_equal(rte_mempool_avail_count(bed_pool), b->before);
}

static void
small_writes_share_mbufs(void **state)
{
	struct bed *b = *state;
	uint8_t octet = 1;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (int i = 0; i < 10000; i++)
		sani_tcp_sndq_append(&b->c, &octet, 1, bed_pool);
	assert_int_equal(b->before - rte_mempool_avail_count(bed_pool), 5);
}

static void
sndbuf_limits_what_a_write_takes(void **state)
{
	struct bed *b = *state;

	b->p.sndbuf = 5000;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(bed_write(b, 9000), 5000);
	assert_int_equal(bed_write(b, 1), 0);
	bed_in(b, ACK, NXT, UNA + 2000, 0);
	assert_int_equal(bed_write(b, 9000), 2000);
}

static void
write_into_an_empty_pool_takes_less_and_tells_when_to_go_on(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf **all = test_malloc(8192 * sizeof(*all));
	unsigned int n;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	n = bed_drain(all);
	rte_pktmbuf_free(all[--n]);
	assert_int_equal(bed_write(b, 0), 0);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 0);
	assert_int_equal(bed_write(b, 3000), RTE_MBUF_DEFAULT_BUF_SIZE);
	bed_refill(all, n);
	bed_clear(b);
	bed_run(b, 1 * MS);
	assert_true(b->ev & SANI_TCP_EV_ACKED);
	assert_int_equal(bed_write(b, 800), 800);
	test_free(all);
}

/* One octet a segment: without copying together each would hold an mbuf. */
static void
small_segments_in_order_are_copied_together(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 20000; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i, UNA, 1);

		bed_inject(b, &seg);
	}
	bed_flush(b);
	assert_true(b->c.rcvq.nb_mbufs <= 20000 / 1900 + 1);
	assert_int_equal(b->before - rte_mempool_avail_count(bed_pool), b->c.rcvq.nb_mbufs);
	assert_int_equal(bed_read(b), 20000);
	assert_int_equal(b->c.rcvq.nb_mbufs, 0);
}

/* Segments of len octets in order, n of them. @return How many buffers hold them. */
static uint32_t
hold(struct bed *b, uint32_t len, uint32_t n)
{
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);

	for (uint32_t i = 0; i < n; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, b->c.rcv_nxt, UNA, len);

		sani_tcp_input(&b->c, &seg, bed_payload(seg.seq, len, len), &io);
		for (uint16_t k = 0; k < io.nb_tx; k++)
			bed_take(b, tx[k]);
		io.nb_tx = 0;
	}
	bed_flush(b);
	return b->c.rcvq.nb_mbufs;
}

static void
long_buffers_take_short_segments_together_and_others_alone(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	assert_int_equal(hold(b, 10, 890), 1);
	assert_int_equal(bed_read(b), 8900);
	assert_int_equal(hold(b, 1024, 16), 2);
	assert_int_equal(bed_read(b), 16384);
	assert_int_equal(hold(b, 1448, 10), 10);
	assert_int_equal(bed_read(b), 14480);
	assert_int_equal(hold(b, 8948, 6), 6);
	assert_int_equal(b->before - rte_mempool_avail_count(bed_pool), 6);
	assert_int_equal(bed_read(b), 6 * 8948);
}

/* A segment of each length in turn with a single octet, whatever that makes of the buffers: the bound is never met. */
static void
no_mixture_of_lengths_meets_the_bound(void **state)
{
	struct bed *b = *state;

	for (uint32_t len = 1; len < 1900; len += 37) {
		bed_reach(b, SAN_TCP_ESTABLISHED);
		while (b->c.rcvq.bytes < 55000) {
			hold(b, len, 1);
			hold(b, 1, 1);
		}
		assert_true(b->c.rcvq.nb_mbufs <= 60000 / 512 + 1);
		assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_memory), 0);
		sani_tcp_discard(&b->c);
		bed_clear(b);
	}
}

static void
long_segments_behind_a_hole_wait_in_their_buffers(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 5; i > 0; i--) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i * 8948, UNA, 8948);

		sani_tcp_input(&b->c, &seg, bed_payload(seg.seq, 8948, 8948), &io);
		io.nb_tx = 0;
	}
	assert_int_equal(b->c.rcvq.nb_ranges, 1);
	hold(b, 8948, 1);
	assert_null(b->c.rcvq.ooo);
	assert_int_equal(bed_read(b), 6 * 8948);
}

/* Mbufs that others refer to cannot be written to; then their number is bounded. */
static void
shared_mbufs_are_bounded_in_number(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	uint32_t bound = 60000 / 512 + 80;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 0; i < 1000; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i, UNA, 1);
		struct rte_mbuf *m = bed_payload(NXT + i, 1, 1);
		struct rte_mbuf *clone = rte_pktmbuf_clone(m, bed_pool);

		rte_pktmbuf_free(m);
		sani_tcp_input(&b->c, &seg, clone, &io);
	}
	assert_int_equal(b->c.rcvq.nb_mbufs, bound);
	assert_int_equal(sani_tcp_readable(&b->c), bound);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_memory), 1000 - bound);
	assert_int_equal(bed_read(b), bound);
	bed_flush(b);
}

static void
chained_payload_is_taken_whole(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);

	for (uint32_t piece = 1; piece < 40; piece++) {
		struct sani_tcp_seg seg;

		bed_reach(b, SAN_TCP_ESTABLISHED);
		seg = bed_seg(b, ACK, NXT + 30, UNA, 100);
		sani_tcp_input(&b->c, &seg, bed_payload(NXT + 30, 100, piece), &io);
		seg = bed_seg(b, ACK, NXT, UNA, 77);
		sani_tcp_input(&b->c, &seg, bed_payload(NXT, 77, piece), &io);
		assert_int_equal(bed_read(b), 130);
		sani_tcp_discard(&b->c);
	}
}

static void
padding_behind_the_payload_is_not_taken(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	struct sani_tcp_seg seg;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	seg = bed_seg(b, ACK, NXT, UNA, 3);
	sani_tcp_input(&b->c, &seg, bed_payload(NXT, 46, 46), &io);
	assert_int_equal(bed_read(b), 3);
	bed_flush(b);
}

/* Every order and overlap: pieces at random over a window, then what is missing. */
static void
random_pieces_come_out_in_order(void **state)
{
	struct bed *b = *state;

	for (int round = 0; round < 400; round++) {
		b->p.iss = draw(UINT32_MAX);
		bed_connect(b);
		bed_clear(b);
		for (int i = 0; i < 60; i++) {
			uint32_t at = draw(20000);
			uint32_t len = 1 + draw(1400);
			struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + at, b->p.iss + 1, len);

			bed_inject(b, &seg);
			assert_true(b->c.rcvq.nb_ranges <= 128);
		}
		for (uint32_t at = 0; at < 22000; at += 1000) {
			struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + at, b->p.iss + 1, 1000);

			bed_inject(b, &seg);
		}
		assert_int_equal(b->c.rcv_nxt, NXT + 22000);
		assert_null(b->c.rcvq.ooo);
		assert_int_equal(bed_read(b), 22000);
		assert_int_equal(b->c.rcvq.nb_mbufs, 0);
		sani_tcp_discard(&b->c);
		assert_int_equal(rte_mempool_avail_count(bed_pool), b->before);
	}
}

static void
ranges_are_bounded(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	for (uint32_t i = 1; i < 200; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + 2 * i, UNA, 1);

		bed_inject(b, &seg);
	}
	assert_in_range(b->c.rcvq.nb_ranges, 64, 128);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_ooo), b->c.rcvq.nb_ranges);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_memory), 199 - b->c.rcvq.nb_ranges);
	assert_true(b->before - rte_mempool_avail_count(bed_pool) <= b->c.rcvq.nb_ranges + 1);
	bed_flush(b);
}

static void
duplicate_behind_a_hole_is_dropped(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT + 100, UNA, 100);
	bed_in(b, ACK, NXT + 120, UNA, 50);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_dup), 1);
	assert_int_equal(b->c.rcvq.nb_ranges, 1);
}

static void
no_mbuf_for_the_table_drops_the_segment(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf **all = test_malloc(8192 * sizeof(*all));
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	struct sani_tcp_seg seg;
	struct rte_mbuf *m;
	unsigned int n;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	m = bed_payload(NXT + 100, 50, 50);
	n = bed_drain(all);
	seg = bed_seg(b, ACK, NXT + 100, UNA, 50);
	sani_tcp_input(&b->c, &seg, m, &io);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_memory), 1);
	assert_null(b->c.rcvq.ooo);
	bed_refill(all, n);
	bed_flush(b);
	test_free(all);
}

static void
neighbours_behind_a_hole_become_one_range(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT + 100, UNA, 100);
	bed_in(b, ACK, NXT + 300, UNA, 100);
	assert_int_equal(b->c.rcvq.nb_ranges, 2);
	bed_in(b, ACK, NXT + 200, UNA, 100);
	assert_int_equal(b->c.rcvq.nb_ranges, 1);
	bed_in(b, ACK, NXT + 50, UNA, 100);	/* laps over the beginning */
	bed_in(b, ACK, NXT + 350, UNA, 100);	/* and over the end */
	assert_int_equal(b->c.rcvq.nb_ranges, 1);
	assert_int_equal(sani_tcp_ooo_end(&b->c.rcvq, 0), NXT + 450);
	bed_in(b, ACK, NXT, UNA, 50);
	assert_int_equal(bed_read(b), 450);
}

/* Only of the pool that the cache is of, while it has room, and when nobody else has it. */
static void
a_buffer_goes_to_the_cache_when_it_may(void **state)
{
	struct rte_mempool_cache *mine = rte_mempool_cache_create(8, SOCKET_ID_ANY);
	struct rte_mbuf *m = sani_buf_take(bed_pool, mine);

	(void)state;
	assert_non_null(m);
	rte_mbuf_refcnt_update(m, 1);
	sani_buf_give(m, bed_pool, mine);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	assert_int_equal(mine->len, 0);
	sani_buf_give(m, bed_pool, mine);
	assert_int_equal(mine->len, 1);
	assert_ptr_equal(sani_buf_take(bed_pool, mine), m);
	assert_int_equal(mine->len, 0);
	sani_buf_give(m, NULL, mine);
	assert_int_equal(mine->len, 0);
	m = sani_buf_take(bed_pool, NULL);
	mine->len = mine->flushthresh;
	sani_buf_give(m, bed_pool, mine);
	assert_int_equal(mine->len, mine->flushthresh);
	rte_mempool_cache_free(mine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(a_buffer_goes_to_the_cache_when_it_may),
		bed_test(any_range_of_the_send_queue_can_be_copied),
		bed_test(small_writes_share_mbufs),
		bed_test(sndbuf_limits_what_a_write_takes),
		bed_test(write_into_an_empty_pool_takes_less_and_tells_when_to_go_on),
		bed_test(small_segments_in_order_are_copied_together),
		bed_test_long(long_buffers_take_short_segments_together_and_others_alone),
		bed_test(no_mixture_of_lengths_meets_the_bound),
		bed_test_long(no_mixture_of_lengths_meets_the_bound),
		bed_test_long(long_segments_behind_a_hole_wait_in_their_buffers),
		bed_test_long(any_range_of_the_send_queue_can_be_copied),
		bed_test(shared_mbufs_are_bounded_in_number),
		bed_test(chained_payload_is_taken_whole),
		bed_test(padding_behind_the_payload_is_not_taken),
		bed_test(random_pieces_come_out_in_order),
		bed_test(ranges_are_bounded),
		bed_test(duplicate_behind_a_hole_is_dropped),
		bed_test(no_mbuf_for_the_table_drops_the_segment),
		bed_test(neighbours_behind_a_hole_become_one_range),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
