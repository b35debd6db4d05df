/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"
#include "tcp/cookie.h"
#include "tcp/hash.h"

#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define SLOT (SANI_TCP_COOKIE_LIFE_US / 2)
#define NOTHING 0xff	/* no window scale */

static const uint8_t key[16] = { 7, 7, 1 };

/* A SYN of the bed's peer, */
static struct sani_tcp_seg
make_syn(const struct bed *b, unsigned int mss, uint8_t wscale, bool sack, bool ts)
{
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 0);

	syn.opts = 0;
	if (mss != 0)
		syn.opts |= SANI_TCP_OPT_MSS;
	if (wscale != NOTHING)
		syn.opts |= SANI_TCP_OPT_WSCALE;
	if (sack)
		syn.opts |= SANI_TCP_OPT_SACK_PERM;
	if (ts)
		syn.opts |= SANI_TCP_OPT_TS;
	syn.mss = (uint16_t)mss;
	syn.wscale = wscale;
	syn.tsval = 4711;
	return syn;
}

/* the SYN-ACK that answers it (syn: what is left of it), */
static struct sani_tcp_seg
answer(struct bed *b, struct sani_tcp_seg *syn)
{
	struct sani_tcp_params p = b->p;

	p.ts_offset = sani_tcp_ts_offset(sani_tcp_hash(key, &p.tuple));
	sani_tcp_cookie_make(key, syn, b->now, &p);
	sani_tcp_open_passive(&b->c, &p, syn, b->now);
	bed_clear(b);
	bed_flush(b);
	assert_int_equal(b->nb, 1);
	assert_int_equal(b->out[0].seg.flags, SANI_TCP_SYN | ACK);
	assert_int_equal(b->out[0].seg.seq, p.iss);
	sani_tcp_discard(&b->c);
	bed_clear(b);
	return b->out[0].seg;
}

/* and the ACK of a peer that follows the rules. */
static struct sani_tcp_seg
acknowledge(const struct bed *b, const struct sani_tcp_seg *syn_ack, uint32_t len)
{
	struct sani_tcp_seg ack = bed_seg(b, ACK, syn_ack->ack, syn_ack->seq + 1, len);

	ack.opts = syn_ack->opts & SANI_TCP_OPT_TS;
	ack.tsval = 5000;
	ack.tsecr = syn_ack->tsval;
	return ack;
}

static struct sani_tcp_seg
round_trip(struct bed *b, struct sani_tcp_seg *syn)
{
	struct sani_tcp_seg syn_ack = answer(b, syn);

	return acknowledge(b, &syn_ack, 0);
}

static bool
is_cookie(const struct bed *b, const struct sani_tcp_seg *ack)
{
	struct sani_tcp_seg syn;

	return sani_tcp_cookie_check(key, &b->p.tuple, ack, b->now, b->p.rcvbuf, &syn);
}

static void
options_survive_with_timestamps(void **state)
{
	struct bed *b = *state;

	for (unsigned int i = 0; i < 32; i++) {
		uint8_t wscale = i / 2 < 15 ? (uint8_t)(i / 2) : NOTHING;
		struct sani_tcp_seg syn = make_syn(b, 1460, wscale, i % 2 != 0, true);
		struct sani_tcp_seg came = syn;
		struct sani_tcp_seg ack = round_trip(b, &syn);
		struct sani_tcp_seg kept;

		b->now += 1234567;
		assert_true(sani_tcp_cookie_check(key, &b->p.tuple, &ack, b->now, b->p.rcvbuf, &kept));
		assert_int_equal(kept.flags, SANI_TCP_SYN);
		assert_int_equal(kept.seq, BED_IRS);
		assert_int_equal(kept.opts, came.opts);
		assert_int_equal(kept.opts, syn.opts);
		assert_int_equal(kept.mss, 1460);
		assert_int_equal(kept.tsval, 5000);
		if (wscale != NOTHING)
			assert_int_equal(kept.wscale, wscale);
	}
}

/* The SYN-ACK must not offer what would not be remembered. */
static void
without_timestamps_only_mss_survives(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, false);
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg kept;
	struct sani_tcp_seg ack;

	b->p.tune.ecn = SAN_ECN_REQUEST;
	syn.flags |= SANI_TCP_ECE | SANI_TCP_CWR;
	syn_ack = answer(b, &syn);
	ack = acknowledge(b, &syn_ack, 0);
	assert_int_equal(syn_ack.opts, SANI_TCP_OPT_MSS);
	assert_true(sani_tcp_cookie_check(key, &b->p.tuple, &ack, b->now, b->p.rcvbuf, &kept));
	assert_int_equal(kept.opts, SANI_TCP_OPT_MSS);
	assert_int_equal(kept.mss, 1460);
}

static void
mss_is_rounded_down_to_one_of_eight(void **state)
{
	static const uint16_t pairs[][2] = {
		{ 1, 100 }, { 100, 100 }, { 535, 100 }, { 536, 536 }, { 0, 536 }, { 1219, 536 }, { 1220, 1220 },
		{ 1400, 1360 }, { 1440, 1440 }, { 1452, 1452 }, { 1459, 1452 }, { 1460, 1460 },
		{ 1988, 1460 }, { 8959, 1460 }, { 8960, 8960 }, { 65535, 8960 },
	};
	struct bed *b = *state;

	for (unsigned int i = 0; i < RTE_DIM(pairs); i++) {
		struct sani_tcp_seg syn = make_syn(b, pairs[i][0], NOTHING, false, i % 2 == 0);
		struct sani_tcp_seg ack = round_trip(b, &syn);
		struct sani_tcp_seg kept;

		assert_true(sani_tcp_cookie_check(key, &b->p.tuple, &ack, b->now, b->p.rcvbuf, &kept));
		assert_int_equal(kept.mss, pairs[i][1]);
		assert_int_equal(syn.mss, pairs[i][1]);
	}
}

static void
cookie_lives_for_its_slot_and_the_next(void **state)
{
	struct bed *b = *state;

	/* also where the slot's number wraps */
	for (unsigned int i = 0; i < 6; i++) {
		uint64_t slot = i < 3 ? 40 + i : UINT32_MAX - 4 + i;
		struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, true);
		struct sani_tcp_seg ack;

		b->now = slot * SLOT;
		ack = round_trip(b, &syn);
		assert_true(is_cookie(b, &ack));
		b->now = (slot + 2) * SLOT - 1;
		assert_true(is_cookie(b, &ack));
		b->now = (slot + 2) * SLOT;
		assert_false(is_cookie(b, &ack));
		b->now = (slot + 3) * SLOT;
		assert_false(is_cookie(b, &ack));
		b->now = (slot - 1) * SLOT;
		assert_false(is_cookie(b, &ack));
	}
}

/* I2: each bit of what is vouched for counts, and no bit of what is not. */
static void
every_bit_is_vouched_for(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, true);
	struct sani_tcp_seg ack = round_trip(b, &syn);

	for (unsigned int bit = 0; bit < 32; bit++) {
		struct sani_tcp_seg other = ack;

		other.ack ^= 1u << bit;
		assert_false(is_cookie(b, &other));
		other = ack;
		other.seq ^= 1u << bit;
		assert_false(is_cookie(b, &other));
		other = ack;
		other.tsecr ^= 1u << bit;
		assert_int_equal(is_cookie(b, &other), bit >= 5);
	}
	ack.opts = 0;
	assert_false(is_cookie(b, &ack));
}

static void
cookie_is_of_one_tuple_and_one_key(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, true);
	struct sani_tcp_seg ack = round_trip(b, &syn);
	static const uint8_t other[16] = { 7, 7, 2 };
	struct sani_tuple t = b->p.tuple;

	assert_true(sani_tcp_cookie_check(key, &t, &ack, b->now, b->p.rcvbuf, &syn));
	assert_false(sani_tcp_cookie_check(other, &t, &ack, b->now, b->p.rcvbuf, &syn));
	t.remote_port++;
	assert_false(sani_tcp_cookie_check(key, &t, &ack, b->now, b->p.rcvbuf, &syn));
	t = b->p.tuple;
	t.local_port++;
	assert_false(sani_tcp_cookie_check(key, &t, &ack, b->now, b->p.rcvbuf, &syn));
	t = b->p.tuple;
	t.remote.b[15]++;
	assert_false(sani_tcp_cookie_check(key, &t, &ack, b->now, b->p.rcvbuf, &syn));
	t = b->p.tuple;
	t.local.b[15]++;
	assert_false(sani_tcp_cookie_check(key, &t, &ack, b->now, b->p.rcvbuf, &syn));
}

/* Another listener, with another window, has taken the port between the SYN-ACK and its ACK. */
static void
cookie_of_another_window_is_refused(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, true);
	struct sani_tcp_seg ack = round_trip(b, &syn);

	assert_true(sani_tcp_cookie_check(key, &b->p.tuple, &ack, b->now, b->p.rcvbuf, &syn));
	assert_false(sani_tcp_cookie_check(key, &b->p.tuple, &ack, b->now, b->p.rcvbuf + 1, &syn));
}

/* The same SYN again, for the SYN-ACK was lost or late: whichever answer is acknowledged, it is the same. */
static void
repeated_syn_gets_the_same_cookie(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, true);
	struct sani_tcp_seg first = answer(b, &syn);
	struct sani_tcp_seg second;

	b->now += SEC;
	syn = make_syn(b, 1460, 7, true, true);
	second = answer(b, &syn);
	assert_int_equal(second.seq, first.seq);
	assert_true(seq_gt(second.tsval, first.tsval));
}

/* I2: 2^24 guesses at one tuple. One in 2^28 is right. */
static void
guesses_fail(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg ack = bed_seg(b, ACK, BED_IRS + 1, 0, 0);
	unsigned int right = 0;

	for (uint32_t i = 0; i < 1u << 24; i++) {
		ack.ack = i * 2654435761u;
		right += is_cookie(b, &ack);
	}
	assert_in_range(right, 0, 1);
}

/* I2: cookies of like SYNs share no more than those of others: each bit of the hash is a fair coin. */
static void
cookies_spread(void **state)
{
	struct bed *b = *state;
	unsigned int set[32] = { 0 };

	for (uint32_t i = 0; i < 10000; i++) {
		struct sani_tcp_seg syn = make_syn(b, 1460, 7, true, true);
		struct sani_tcp_params p = b->p;

		syn.seq = i;
		p.tuple.remote_port = (uint16_t)(1 + i % 100);
		sani_tcp_cookie_make(key, &syn, b->now, &p);
		for (unsigned int bit = 0; bit < 32; bit++)
			set[bit] += p.iss >> bit & 1;
	}
	for (unsigned int bit = 4; bit < 32; bit++)
		assert_in_range(set[bit], 4750, 5250);
}

/* RFC 7323 5: what the connection sends later must not look old to the peer. */
static void
timestamp_is_at_most_31_ms_behind_the_clock(void **state)
{
	struct bed *b = *state;

	for (uint32_t i = 0; i < 4096; i++) {
		uint8_t wscale = i % 16 < 15 ? (uint8_t)(i % 16) : NOTHING;
		struct sani_tcp_seg syn = make_syn(b, 1460, wscale, i % 32 >= 16, true);
		struct sani_tcp_params p = b->p;
		uint32_t clock;
		uint32_t sent;

		/* about the wrap of what is sent */
		b->now += 1000;
		p.ts_offset = (uint32_t)-2048 - (uint32_t)(b->now / 1000) + i;
		clock = (uint32_t)(b->now / 1000) + p.ts_offset;
		sani_tcp_cookie_make(key, &syn, b->now, &p);
		sent = (uint32_t)(b->now / 1000) + p.ts_offset;
		assert_true(seq_leq(sent, clock));
		assert_true(clock - sent < 32);
	}
}

/* As the core does with an ACK that has brought a cookie back. */
static uint32_t
open_with(struct bed *b, const struct sani_tcp_seg *ack)
{
	struct sani_tcp_seg syn;
	uint32_t ev;

	assert_true(sani_tcp_cookie_check(key, &b->p.tuple, ack, b->now, b->p.rcvbuf, &syn));
	b->p.iss = ack->ack - 1;
	b->p.ts_offset = sani_tcp_ts_offset(sani_tcp_hash(key, &b->p.tuple));
	sani_tcp_open_cookie(&b->c, &b->p, &syn, b->now);
	ev = bed_inject(b, ack);
	if (ev & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
	return ev;
}

static void
connection_of_a_cookie_is_like_any_other(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1300, 7, true, true);
	struct sani_tcp_seg syn_ack;
	struct sani_tcp_seg ack;

	b->p.rcvbuf = 1 << 20;
	syn_ack = answer(b, &syn);
	ack = acknowledge(b, &syn_ack, 0);
	b->now += 100 * MS;
	assert_true(open_with(b, &ack) & SANI_TCP_EV_CONNECTED);
	assert_state(b, ESTABLISHED);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_accepts), 1);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
	assert_int_equal(b->c.snd_wscale, 7);
	assert_int_equal(b->c.rcv_wscale, syn_ack.wscale);
	assert_int_equal(b->c.snd_wnd, (uint32_t)ack.wnd << 7);
	assert_int_equal(b->c.snd_mss, 1220 - 12);
	assert_int_equal(b->c.ts_recent, ack.tsval);
	assert_int_equal(b->c.rcv_adv, syn_ack.ack + syn_ack.wnd);
	assert_true(b->c.flags & SANI_TCP_F_SACK);
	/* the round trip of 100 ms is read off the timestamp, whose low bits are not time */
	assert_in_range(b->c.srtt_us, 100 * MS, 131 * MS);
	/* and it talks, in order after the cookie and with a later timestamp */
	assert_int_equal(bed_write(b, 100), 100);
	assert_last(b, ACK | SANI_TCP_PSH, syn_ack.seq + 1, NXT, 100);
	assert_true(seq_geq(b->out[b->nb - 1].seg.tsval, syn_ack.tsval));
}

/* The first segment that arrives may bring text and FIN. */
static void
text_and_fin_that_come_with_the_cookie_are_taken(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn = make_syn(b, 1460, NOTHING, false, false);
	struct sani_tcp_seg syn_ack = answer(b, &syn);
	struct sani_tcp_seg ack = acknowledge(b, &syn_ack, 700);
	uint32_t ev;

	ack.flags |= SANI_TCP_FIN;
	ev = open_with(b, &ack);
	assert_true(ev & SANI_TCP_EV_CONNECTED);
	assert_true(ev & SANI_TCP_EV_READABLE);
	assert_true(ev & SANI_TCP_EV_FIN);
	/* there is nothing to tell the round trip by */
	assert_int_equal(b->c.srtt_us, 0);
	assert_int_equal(b->c.rto_us, SEC);
	assert_state(b, CLOSE_WAIT);
	assert_int_equal(bed_read(b), 700);
	assert_last(b, ACK, syn_ack.seq + 1, NXT + 701, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(options_survive_with_timestamps),
		bed_test(without_timestamps_only_mss_survives),
		bed_test(mss_is_rounded_down_to_one_of_eight),
		bed_test(cookie_lives_for_its_slot_and_the_next),
		bed_test(every_bit_is_vouched_for),
		bed_test(cookie_of_another_window_is_refused),
		bed_test(cookie_is_of_one_tuple_and_one_key),
		bed_test(repeated_syn_gets_the_same_cookie),
		bed_test(guesses_fail),
		bed_test(cookies_spread),
		bed_test(timestamp_is_at_most_31_ms_behind_the_clock),
		bed_test(connection_of_a_cookie_is_like_any_other),
		bed_test(text_and_fin_that_come_with_the_cookie_are_taken),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
