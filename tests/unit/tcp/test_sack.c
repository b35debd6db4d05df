/* SPDX-License-Identifier: BSD-3-Clause */
/* sack.c and ooo.c: SACK options out (RFC 2018, 2883) and in. */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static void
start(struct bed *b, bool ts)
{
	b->sack = true;
	b->ts = ts;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.quick_acks = 0;
}

static void
assert_blocks(const struct bed *b, unsigned int n, const uint32_t *edges)
{
	const struct sani_tcp_seg *seg = &b->out[b->nb - 1].seg;

	assert_true(b->nb > 0);
	assert_int_equal(seg->nb_sack, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(seg->sack[i].left, edges[2 * i]);
		assert_int_equal(seg->sack[i].right, edges[2 * i + 1]);
	}
}

#define BLOCKS(b, ...) do { \
	const uint32_t edges_[] = { __VA_ARGS__ }; \
	assert_blocks((b), sizeof(edges_) / 8, edges_); \
} while (0)

static void
not_permitted_is_not_sent(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	assert_blocks(b, 0, NULL);
}

/* Beside 976 octets and timestamps one block fits: alone, a D-SACK right of the ACK would pass for a SACK. */
static void
duplicate_waits_for_room_for_its_range_too(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg again;

	start(b, true);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_in(b, ACK, NXT + 2000, UNA, 500);
	again = bed_seg(b, ACK, NXT + 2000, UNA, 500);
	bed_inject(b, &again);
	bed_write(b, 976);
	assert_int_equal(b->out[b->nb - 1].seg.len, 976);
	BLOCKS(b, NXT + 1000, NXT + 2500);
	bed_in(b, ACK, NXT + 5000, UNA, 1000);
	BLOCKS(b, NXT + 2000, NXT + 2500, NXT + 1000, NXT + 2500, NXT + 5000, NXT + 6000);
	bed_in(b, ACK, NXT + 6000, UNA, 1000);
	BLOCKS(b, NXT + 5000, NXT + 7000, NXT + 1000, NXT + 2500);
}

static void
newest_block_comes_first(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	BLOCKS(b, NXT + 1000, NXT + 2000);
	bed_in(b, ACK, NXT + 5000, UNA, 1000);
	BLOCKS(b, NXT + 5000, NXT + 6000, NXT + 1000, NXT + 2000);
	bed_in(b, ACK, NXT + 3000, UNA, 1000);
	BLOCKS(b, NXT + 3000, NXT + 4000, NXT + 5000, NXT + 6000, NXT + 1000, NXT + 2000);
	bed_in(b, ACK, NXT + 2000, UNA, 1000);	/* joins the first and the third */
	BLOCKS(b, NXT + 1000, NXT + 4000, NXT + 5000, NXT + 6000);
	bed_in(b, ACK, NXT, UNA, 1000);
	assert_int_equal(b->out[b->nb - 1].seg.ack, NXT + 4000);
	BLOCKS(b, NXT + 5000, NXT + 6000);
	bed_in(b, ACK, NXT + 4000, UNA, 1000);
	assert_int_equal(b->out[b->nb - 1].seg.ack, NXT + 6000);
	assert_blocks(b, 0, NULL);
}

/* One ACK says all, but it may be lost: of a burst out of order there are two. */
static void
burst_out_of_order_has_two_acks(void **state)
{
	struct bed *b = *state;

	start(b, false);
	for (uint32_t i = 1; i < 9; i++) {
		struct sani_tcp_seg seg = bed_seg(b, ACK, NXT + i * 1000, UNA, 1000);

		bed_inject(b, &seg);
	}
	bed_flush(b);
	assert_int_equal(b->nb, 2);
	BLOCKS(b, NXT + 1000, NXT + 9000);
}

static void
three_blocks_beside_timestamps_four_without(void **state)
{
	struct bed *b = *state;

	start(b, true);
	for (uint32_t i = 1; i < 12; i += 2)
		bed_in(b, ACK, NXT + i * 1000, UNA, 1000);
	assert_int_equal(b->out[b->nb - 1].seg.nb_sack, 3);
}

static void
four_blocks_without_timestamps(void **state)
{
	struct bed *b = *state;

	start(b, false);
	for (uint32_t i = 1; i < 12; i += 2)
		bed_in(b, ACK, NXT + i * 1000, UNA, 1000);
	BLOCKS(b, NXT + 11000, NXT + 12000, NXT + 9000, NXT + 10000, NXT + 7000, NXT + 8000,
	       NXT + 5000, NXT + 6000);
}

/* RFC 2018 4: as many blocks as there are, also when all that grew lately has come to be in order. */
static void
old_range_is_shown_when_the_latest_are_filled(void **state)
{
	struct bed *b = *state;

	start(b, true);
	bed_in(b, ACK, NXT + 9000, UNA, 1000);
	for (uint32_t i = 1; i < 8; i += 2)
		bed_in(b, ACK, NXT + i * 1000, UNA, 1000);
	for (uint32_t i = 0; i < 8; i += 2)
		bed_in(b, ACK, NXT + i * 1000, UNA, 1000);
	assert_int_equal(b->out[b->nb - 1].seg.ack, NXT + 8000);
	BLOCKS(b, NXT + 9000, NXT + 10000);
}

static void
duplicate_below_the_ack_is_reported_once(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_in(b, ACK, NXT, UNA, 1000);
	bed_in(b, ACK, NXT, UNA, 1000);
	assert_int_equal(b->out[b->nb - 1].seg.ack, NXT + 1000);
	BLOCKS(b, NXT, NXT + 1000);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_in(b, ACK, NXT + 2000, UNA, 1000);
	assert_blocks(b, 0, NULL);
}

/* The SYN once more, with text: that begins behind its SYN. */
static void
duplicate_text_of_a_syn_is_not_its_syn(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_in(b, ACK, NXT, UNA, 1000);
	bed_in(b, SANI_TCP_SYN, BED_IRS, 0, 500);
	BLOCKS(b, NXT, NXT + 500);
}

static void
duplicate_inside_a_range_is_followed_by_the_range(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_in(b, ACK, NXT + 2000, UNA, 1000);
	bed_in(b, ACK, NXT + 5000, UNA, 1000);
	bed_in(b, ACK, NXT + 1500, UNA, 1000);
	BLOCKS(b, NXT + 1500, NXT + 2500, NXT + 1000, NXT + 3000, NXT + 5000, NXT + 6000);
	bed_in(b, ACK, NXT + 5000, UNA, 1000);
	BLOCKS(b, NXT + 5000, NXT + 6000, NXT + 5000, NXT + 6000, NXT + 1000, NXT + 3000);
}

/* Two in one round: the D-SACK is the last one's, the range of the first comes behind it. */
static void
repeated_range_counts_as_the_latest(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg again, old;

	start(b, false);
	bed_in(b, ACK, NXT, UNA, 1000);
	bed_in(b, ACK, NXT + 2000, UNA, 1000);
	bed_in(b, ACK, NXT + 5000, UNA, 1000);
	again = bed_seg(b, ACK, NXT + 2000, UNA, 1000);
	old = bed_seg(b, ACK, NXT, UNA, 500);
	bed_inject(b, &again);
	bed_inject(b, &old);
	bed_flush(b);
	BLOCKS(b, NXT, NXT + 500, NXT + 2000, NXT + 3000, NXT + 5000, NXT + 6000);
}

static void
overlap_reports_the_part_that_was_there(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_in(b, ACK, NXT + 1500, UNA, 1000);
	BLOCKS(b, NXT + 1500, NXT + 2000, NXT + 1000, NXT + 2500);
	bed_in(b, ACK, NXT, UNA, 700);
	bed_in(b, ACK, NXT + 500, UNA, 300);
	assert_int_equal(b->out[b->nb - 1].seg.ack, NXT + 800);
	BLOCKS(b, NXT + 500, NXT + 700, NXT + 1000, NXT + 2500);
}

static void
full_segment_has_no_room_for_blocks(void **state)
{
	struct bed *b = *state;

	b->p.mtu = 1040;
	start(b, true);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_clear(b);
	bed_write(b, 1976);
	assert_int_equal(b->nb, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(b->out[i].seg.len, 988);
		assert_int_equal(b->out[i].seg.nb_sack, 0);
	}
	bed_write(b, 100);
	assert_int_equal(b->out[b->nb - 1].seg.len, 100);
	BLOCKS(b, NXT + 1000, NXT + 2000);
}

static void
blocks_count_to_the_peers_mss(void **state)
{
	struct bed *b = *state;

	start(b, true);
	b->c.peer_mss = 536;
	sani_tcp_update_mss(&b->c);
	bed_in(b, ACK, NXT + 1000, UNA, 1000);
	bed_clear(b);
	bed_write(b, 2 * 524);
	assert_int_equal(b->nb, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(b->out[i].seg.len, 524);
		assert_int_equal(b->out[i].seg.nb_sack, 0);
	}
}

/* RFC 3042 with SACK, RFC 6675 5 (3): before a loss is found what was SACKed makes room for as much that is new. */
static void
what_was_sacked_makes_room_for_new_data(void **state)
{
	struct bed *b = *state;

	start(b, false);
	b->c.srtt_us = b->c.min_rtt_us[0] = 20 * MS;
	bed_write(b, 15000);
	assert_int_equal(b->c.snd_nxt - UNA, 10000);
	bed_clear(b);
	bed_run(b, 20 * MS);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 1000, UNA + 2000 });
	assert_int_equal(b->nb, 1);
	assert_last(b, ACK, UNA + 10000, NXT, 1000);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 1000, UNA + 3000 });
	assert_int_equal(b->nb, 2);
	assert_last(b, ACK, UNA + 11000, NXT, 1000);
	assert_int_equal(b->c.cwnd, 10000);
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
}

static void
sacked_data_is_not_sent_again(void **state)
{
	struct bed *b = *state;

	start(b, false);
	b->c.srtt_us = 20 * MS;
	bed_write(b, 5000);
	bed_clear(b);
	bed_run(b, 20 * MS);
	/* 1 and 3 are lost */
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 1000, UNA + 2000 });
	bed_sack(b, UNA, 2, (uint32_t[]){ UNA + 3000, UNA + 4000, UNA + 1000, UNA + 2000 });
	bed_sack(b, UNA, 2, (uint32_t[]){ UNA + 3000, UNA + 5000, UNA + 1000, UNA + 2000 });
	bed_run(b, 20 * MS);
	bed_in(b, ACK, NXT, UNA + 2000, 0);
	bed_in(b, ACK, NXT, UNA + 5000, 0);
	bed_run(b, 10 * SEC);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[0].seg.seq, UNA);
	assert_int_equal(b->out[0].seg.len, 1000);
	assert_int_equal(b->out[1].seg.seq, UNA + 2000);
	assert_int_equal(b->out[1].seg.len, 1000);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/* Attack row E3: each is ignored by itself. */
static void
nonsense_blocks_are_ignored(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_write(b, 5000);
	bed_clear(b);
	bed_sack(b, UNA, 4, (uint32_t[]){ UNA + 2000, UNA + 1000, UNA + 4000, UNA + 5001,
					  UNA - 100000, UNA - 90000, UNA + 3000, UNA + 3000 });
	assert_int_equal(b->c.flight.sacked, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_dsack), 0);
	bed_sack(b, UNA, 2, (uint32_t[]){ UNA + 9000, UNA + 8000, UNA + 4000, UNA + 5000 });
	assert_int_equal(b->c.flight.sacked, 1000);
}

/* RFC 2018 8: the data is still there, and after a timeout what the peer took back goes again. */
static void
peer_that_reneges_gets_everything(void **state)
{
	struct bed *b = *state;

	start(b, false);
	bed_write(b, 3000);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 1000, UNA + 3000 });
	bed_in(b, ACK, NXT, UNA + 1000, 0);	/* and not 3000: it has dropped the rest */
	bed_clear(b);
	bed_run(b, 10 * SEC);
	assert_true(b->nb >= 1);
	assert_int_equal(b->out[0].seg.seq, UNA + 1000);
	bed_in(b, ACK, NXT, UNA + 2000, 0);
	assert_last(b, ACK | SANI_TCP_PSH, UNA + 2000, NXT, 1000);
	bed_in(b, ACK, NXT, UNA + 3000, 0);
	assert_int_equal(sani_tcp_acked(&b->c), 3000);
}

static void
sack_without_permission_is_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 5000);
	bed_sack(b, UNA, 1, (uint32_t[]){ UNA + 1000, UNA + 2000 });
	assert_int_equal(b->c.flight.sacked, 0);
}

/*
 * The last segment repeats two pieces. It sends the ACK that is due ahead, which says nothing of them, and its own
 * reports the first (RFC 2883 4).
 */
static void
duplicate_waits_for_the_ack_of_its_own_segment(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg first, behind, both;

	start(b, false);
	first = bed_seg(b, ACK, NXT, UNA, 1000);
	behind = bed_seg(b, ACK, NXT + 2000, UNA, 1000);
	both = bed_seg(b, ACK, NXT + 500, UNA, 2500);
	bed_clear(b);
	bed_inject(b, &first);
	bed_inject(b, &behind);
	assert_int_equal(b->nb, 0);
	bed_inject(b, &both);
	assert_int_equal(b->nb, 1);
	assert_int_equal(b->out[0].seg.ack, NXT + 1000);
	BLOCKS(b, NXT + 2000, NXT + 3000);
	bed_flush(b);
	assert_int_equal(b->nb, 2);
	assert_int_equal(b->out[1].seg.ack, NXT + 3000);
	BLOCKS(b, NXT + 500, NXT + 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(not_permitted_is_not_sent),
		bed_test(duplicate_waits_for_room_for_its_range_too),
		bed_test(newest_block_comes_first),
		bed_test(burst_out_of_order_has_two_acks),
		bed_test(three_blocks_beside_timestamps_four_without),
		bed_test(four_blocks_without_timestamps),
		bed_test(old_range_is_shown_when_the_latest_are_filled),
		bed_test(duplicate_below_the_ack_is_reported_once),
		bed_test(duplicate_text_of_a_syn_is_not_its_syn),
		bed_test(duplicate_inside_a_range_is_followed_by_the_range),
		bed_test(repeated_range_counts_as_the_latest),
		bed_test(overlap_reports_the_part_that_was_there),
		bed_test(duplicate_waits_for_the_ack_of_its_own_segment),
		bed_test(full_segment_has_no_room_for_blocks),
		bed_test(blocks_count_to_the_peers_mss),
		bed_test(what_was_sacked_makes_room_for_new_data),
		bed_test(sacked_data_is_not_sent_again),
		bed_test(nonsense_blocks_are_ignored),
		bed_test(peer_that_reneges_gets_everything),
		bed_test(sack_without_permission_is_ignored),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
