/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define BIG 1400u	/* the peer's MSS, */
#define TOP 1500u	/* and the interface's MTU: a full packet has 1440 */
#define MINUTE (60 * SEC)

/* An open connection whose option is on, to a peer that takes 1400 and speaks SACK. */
static void
start(struct bed *b)
{
	b->p.tune.mtu_probe = true;
	b->p.tune.cc = SAN_CC_NEWRENO;
	b->sack = true;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.peer_mss = BIG;
	sani_tcp_update_mss(&b->c);
	b->c.snd_wnd = 60000;
	assert_int_equal(b->c.snd_mss, BIG);
}

static unsigned int
timeouts(struct bed *b, unsigned int n)
{
	uint64_t before = bed_count(b, SANI_CTR_tcp_rto);

	while (bed_count(b, SANI_CTR_tcp_rto) < before + n)
		bed_run(b, bed_deadline(b) - b->now);
	return (unsigned int)(bed_count(b, SANI_CTR_tcp_rto) - before);
}

static void
ack_all(struct bed *b)
{
	bed_in(b, ACK, NXT, b->c.snd_nxt, 0);
}

static void
drain(struct bed *b)
{
	while (b->c.snd_una != sani_tcp_data_end(&b->c))
		ack_all(b);
	bed_clear(b);
}

/* The far end of a path: what it has in order, and a range behind a hole. */
struct far {
	uint32_t nxt;
	uint32_t left;
	uint32_t right;
};

/* Packets of at most `fits` bytes reach it, in the order in which they were sent; it acknowledges. */
static unsigned int
carry(struct bed *b, struct far *f, uint32_t fits)
{
	unsigned int lost = 0;

	for (unsigned int i = 0; i < b->nb; i++) {
		const struct sani_tcp_seg *s = &b->out[i].seg;
		uint32_t end = s->seq + s->len;

		if (s->len + 40 > fits) {
			lost++;
		} else if (seq_leq(s->seq, f->nxt)) {
			f->nxt = seq_max(f->nxt, end);
		} else {
			f->left = f->left == f->right ? s->seq : f->left;
			f->right = seq_max(f->right, end);
		}
		if (f->left != f->right && seq_geq(f->nxt, f->left))
			f->nxt = f->left = f->right;
	}
	bed_clear(b);
	b->now += 5 * MS;
	if (f->left != f->right)
		bed_sack(b, f->nxt, 1, (uint32_t[]){ f->left, f->right });
	else
		bed_in(b, ACK, NXT, f->nxt, 0);
	return lost;
}

/* n bytes are written and carried. @return How many packets were lost. */
static unsigned int
transfer(struct bed *b, uint32_t n, uint32_t fits)
{
	struct far f = { .nxt = b->c.snd_nxt };
	unsigned int lost = 0;

	bed_clear(b);
	bed_write(b, n);
	for (unsigned int i = 0; i < 1000 && b->c.snd_una != sani_tcp_data_end(&b->c); i++)
		lost += carry(b, &f, fits);
	assert_int_equal(b->c.snd_una, sani_tcp_data_end(&b->c));
	return lost;
}

/* A connection whose long segments do not pass, found out. */
static void
find_hole(struct bed *b)
{
	start(b);
	bed_write(b, 20000);
	timeouts(b, 2);
	bed_in(b, ACK, NXT, UNA + 1200, 0);
	drain(b);
	b->c.cwnd = 20000;
}

static void
without_the_option_nothing_changes(void **state)
{
	struct bed *b = *state;

	start(b);
	b->c.search.on = false;
	bed_write(b, 20000);
	timeouts(b, 6);
	assert_int_equal(b->c.snd_mss, BIG);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_lowered), 0);
}

static void
one_timeout_changes_nothing(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 20000);
	timeouts(b, 1);
	assert_int_equal(b->c.snd_mss, BIG);
	ack_all(b);
	bed_write(b, 20000);
	timeouts(b, 1);
	assert_int_equal(b->c.snd_mss, BIG);	/* not in a row */
}

static void
second_timeout_makes_segments_shorter(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 20000);
	timeouts(b, 2);
	assert_int_equal(b->c.mtu, 1240);
	assert_last(b, ACK, UNA, NXT, 1200);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_lowered), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_black_hole), 0);
}

static void
fourth_timeout_goes_to_the_floor_and_no_further(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 20000);
	timeouts(b, 4);
	assert_int_equal(b->c.mtu, 576);
	assert_last(b, ACK, UNA, NXT, 536);
	timeouts(b, 1);
	assert_int_equal(b->c.mtu, 576);
}

/* A way that is dead is not narrow: when it is back, segments are as long as they were. */
static void
what_does_not_help_is_taken_back(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 20000);
	timeouts(b, 6);
	assert_int_equal(b->c.mtu, TOP);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_restored), 1);
	timeouts(b, 2);
	assert_int_equal(b->c.mtu, 1240);	/* or both: it goes round until something is acknowledged */
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_black_hole), 0);
}

static void
what_helps_is_kept_and_counted(void **state)
{
	struct bed *b = *state;

	find_hole(b);
	assert_int_equal(b->c.mtu, 1240);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_black_hole), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_restored), 0);
}

/* A segment that would not become shorter is not too long. */
static void
short_segments_are_left_alone(void **state)
{
	struct bed *b = *state;

	start(b);
	bed_write(b, 400);
	timeouts(b, 8);
	assert_int_equal(b->c.mtu, TOP);
	ack_all(b);
	bed_write(b, 700);
	timeouts(b, 2);
	assert_int_equal(b->c.mtu, 576);	/* 1240 would not have made it shorter */
}

static void
icmp_that_says_why_keeps_the_mtu(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	start(b);
	bed_write(b, 20000);
	io = bed_io(b, tx, 1);
	sani_tcp_icmp(&b->c, 3, 1, 0, UNA, &io);
	timeouts(b, 4);
	assert_int_equal(b->c.mtu, TOP);
}

static void
ipv6_stops_at_1280(void **state)
{
	struct bed *b = *state;

	b->p.tuple.remote = (union sani_ip){ .b = { 0xfe, 0x80, [15] = 2 } };
	start(b);
	bed_write(b, 20000);
	timeouts(b, 3);
	assert_int_equal(b->c.mtu, 1280);
	timeouts(b, 1);
	assert_int_equal(b->c.mtu, TOP);
}

static void
syn_is_not_too_long(void **state)
{
	struct bed *b = *state;

	b->p.tune.mtu_probe = true;
	bed_reach(b, SAN_TCP_SYN_SENT);
	timeouts(b, 5);
	assert_int_equal(b->c.mtu, TOP);
}

/* The first probe is of the whole: if the way was only dead for a while, one is enough. */
static void
probe_that_passes_ends_the_search(void **state)
{
	struct bed *b = *state;

	find_hole(b);
	bed_write(b, 20000);
	assert_int_equal(b->out[0].seg.len, BIG);
	assert_int_equal(b->out[1].seg.len, 1200);
	assert_int_equal(b->out[1].seg.seq, b->out[0].seg.seq + BIG);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_mtu_probe), 1);
	ack_all(b);
	bed_clear(b);
	bed_write(b, 20000);
	assert_int_equal(b->c.mtu, TOP);
	assert_int_equal(b->c.snd_mss, BIG);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_raised), 1);
	assert_false(b->c.flags & SANI_TCP_F_MTU);
}

static void
lost_probe_is_no_congestion(void **state)
{
	struct bed *b = *state;
	uint32_t cwnd;
	uint32_t first;

	find_hole(b);
	bed_write(b, 20000);
	first = b->out[0].seg.seq;
	cwnd = b->c.cwnd;
	b->now += 100 * MS;
	bed_clear(b);
	bed_sack(b, first, 1, (uint32_t[]){ first + BIG, first + BIG + 4 * 1200 });
	assert_int_equal(b->c.ca, SANI_TCP_CA_OPEN);
	assert_true(b->c.cwnd >= cwnd);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_probe_lost), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
	/* and goes again at once, in two */
	assert_int_equal(b->out[0].seg.seq, first);
	assert_int_equal(b->out[0].seg.len, 1200);
	assert_int_equal(b->out[1].seg.seq, first + 1200);
	assert_int_equal(b->out[1].seg.len, BIG - 1200);
	assert_int_equal(b->c.search.high, TOP);
}

static void
other_losses_beside_the_probe_are_congestion(void **state)
{
	struct bed *b = *state;
	uint32_t first;

	find_hole(b);
	bed_write(b, 20000);
	first = b->out[0].seg.seq;
	b->now += 100 * MS;
	bed_sack(b, first, 1, (uint32_t[]){ first + BIG + 1200, first + BIG + 6 * 1200 });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_probe_lost), 0);
	assert_int_equal(b->c.search.probe, 0);
	assert_true(b->c.search.high > TOP);
}

/* Writes go on for a minute and a half over a path of 1370: the search comes near it from below, never above. */
static void
search_finds_what_fits(void **state)
{
	struct bed *b = *state;
	unsigned int lost = 0;

	find_hole(b);
	for (unsigned int i = 0; i < 900; i++) {
		lost += transfer(b, 10000, 1370);
		b->now += 100 * MS;
	}
	assert_int_equal(lost, bed_count(b, SANI_CTR_tcp_mtu_probe_lost));
	assert_true(b->c.mtu <= 1370 && b->c.mtu > 1370 - SANI_TCP_MTU_NEAR);
	assert_true(lost < 8);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 2);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_fast_rexmit), 0);
	/* the path has become wider: seen after ten minutes */
	b->now += 10 * MINUTE;
	for (unsigned int i = 0; i < 4; i++)
		transfer(b, 10000, TOP);
	assert_int_equal(b->c.mtu, TOP);
}

static void
no_probe_without_enough_behind_it(void **state)
{
	struct bed *b = *state;

	find_hole(b);
	bed_write(b, BIG + 3 * 1200 - 1);
	assert_int_equal(b->out[0].seg.len, 1200);
	ack_all(b);
	bed_clear(b);
	bed_write(b, BIG + 3 * 1200);
	assert_int_equal(b->out[0].seg.len, BIG);
}

/* A flight that fills cwnd would never leave room for a longer segment: new data waits for it. */
static void
room_is_kept_for_a_probe(void **state)
{
	struct bed *b = *state;
	uint32_t una;

	find_hole(b);
	b->c.cwnd = 10 * 1200;
	b->c.ssthresh = 10 * 1200;
	b->c.search.next_s = (uint32_t)(b->now / SEC) + 1;
	bed_write(b, 100000);
	assert_int_equal(b->nb, 10);
	una = b->c.snd_una;
	b->now += SEC;
	bed_clear(b);
	bed_in(b, ACK, NXT, una + 1200, 0);
	assert_int_equal(b->nb, 0);
	bed_in(b, ACK, NXT, una + 2400, 0);
	assert_int_equal(b->out[0].seg.len, BIG);
	assert_int_equal(b->nb, 1);
}

static void
without_sack_nothing_is_probed(void **state)
{
	struct bed *b = *state;

	find_hole(b);
	b->c.flags &= ~(uint32_t)SANI_TCP_F_SACK;
	bed_write(b, 20000);
	assert_int_equal(b->out[0].seg.len, 1200);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_mtu_probe), 0);
}

static void
timeout_with_a_probe_out_is_its_loss(void **state)
{
	struct bed *b = *state;

	find_hole(b);
	bed_write(b, 20000);
	timeouts(b, 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_mtu_probe_lost), 1);
	assert_int_equal(b->c.search.probe, 0);
	assert_int_equal(b->c.mtu, 1240);
}

/* RFC 1191 6.3: what a router has said is tried again after ten minutes. */
static void
mtu_by_icmp_is_raised_after_ten_minutes(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io;

	start(b);
	bed_write(b, 20000);
	io = bed_io(b, tx, 1);
	sani_tcp_icmp(&b->c, 3, 4, 1240, UNA, &io);
	bed_flush(b);
	drain(b);
	b->now += 10 * MINUTE - SEC;
	bed_write(b, 20000);
	assert_int_equal(b->out[0].seg.len, 1200);
	drain(b);
	b->now += SEC;
	bed_write(b, 20000);
	assert_int_equal(b->out[0].seg.len, BIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(without_the_option_nothing_changes),
		bed_test(one_timeout_changes_nothing),
		bed_test(second_timeout_makes_segments_shorter),
		bed_test(fourth_timeout_goes_to_the_floor_and_no_further),
		bed_test(what_does_not_help_is_taken_back),
		bed_test(what_helps_is_kept_and_counted),
		bed_test(short_segments_are_left_alone),
		bed_test(icmp_that_says_why_keeps_the_mtu),
		bed_test(ipv6_stops_at_1280),
		bed_test(syn_is_not_too_long),
		bed_test(probe_that_passes_ends_the_search),
		bed_test(lost_probe_is_no_congestion),
		bed_test(other_losses_beside_the_probe_are_congestion),
		bed_test(search_finds_what_fits),
		bed_test(no_probe_without_enough_behind_it),
		bed_test(room_is_kept_for_a_probe),
		bed_test(without_sack_nothing_is_probed),
		bed_test(timeout_with_a_probe_out_is_its_loss),
		bed_test(mtu_by_icmp_is_raised_after_ten_minutes),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
