/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"
#include "tcp/timewait.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define FA (SANI_TCP_FIN | SANI_TCP_ACK)

/* A record, an mbuf for its answer, and the answer parsed. */
struct rec {
	struct sani_tcp_tw tw;
	struct sani_tcp_seg out;
};

static enum sani_tcp_tw_verdict
give(struct bed *b, struct rec *r, const struct sani_tcp_seg *seg)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);
	enum sani_tcp_tw_verdict v;

	assert_non_null(m);
	v = sani_tcp_tw_input(&r->tw, seg, m, b->now);
	if (v == SANI_TCP_TW_REPLY)
		assert_int_equal(sani_tcp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
						m->data_len, &r->out), SANI_TCP_PARSE_OK);
	rte_pktmbuf_free(m);
	return v;
}

static struct rec
make(struct bed *b, enum sani_tcp_tw_kind kind, enum san_tcp_state state)
{
	struct rec r = { 0 };

	r.tw.owner = 5;
	bed_reach(b, state);
	sani_tcp_tw_from(&r.tw, &b->c, kind, b->now);
	assert_int_equal(r.tw.owner, 5);
	assert_int_equal(r.tw.kind, kind);
	return r;
}

static void
record_keeps_the_rest_of_2msl(void **state)
{
	struct bed *b = *state;
	struct rec r = { 0 };

	b->p.time_wait_ms = 30000;
	bed_reach(b, SAN_TCP_TIME_WAIT);
	bed_run(b, 10 * SEC);
	sani_tcp_tw_from(&r.tw, &b->c, SANI_TCP_TW_TIME_WAIT, b->now);
	assert_int_equal(r.tw.expires_ms, (uint32_t)(b->now / 1000) + 20000);
	assert_int_equal(r.tw.local_port, 4000);
	assert_int_equal(r.tw.remote_port, 80);
	assert_int_equal(r.tw.snd_nxt, UNA + 1);
	assert_int_equal(r.tw.rcv_nxt, NXT + 1);
}

static void
fin_again_is_acknowledged_and_restarts_2msl(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	struct sani_tcp_seg fin = bed_seg(b, FA, NXT, UNA + 1, 0);

	b->now += 50 * SEC;
	assert_int_equal(give(b, &r, &fin), SANI_TCP_TW_REPLY);
	assert_int_equal(r.out.flags, SANI_TCP_ACK);
	assert_int_equal(r.out.seq, UNA + 1);
	assert_int_equal(r.out.ack, NXT + 1);
	assert_int_equal(r.out.src_port, 4000);
	assert_int_equal(r.out.dst_port, 80);
	assert_int_equal(r.tw.expires_ms, (uint32_t)(b->now / 1000) + 60000);
}

static void
old_text_is_acknowledged_without_restart(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_ACK, NXT - 100, UNA, 50);
	uint32_t expires = r.tw.expires_ms;

	b->now += 50 * SEC;
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_REPLY);
	assert_int_equal(r.tw.expires_ms, expires);
}

static void
rst_and_bare_ack_are_ignored(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_RST, NXT + 1, 0, 0);

	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_DROP);
	seg = bed_seg(b, SANI_TCP_ACK, NXT + 1, UNA + 1, 0);
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_DROP);
}

/* RFC 9293 3.10.7.4, first and fifth: what is not acceptable is answered, as long as a socket is open and after. */
static void
old_bare_ack_and_one_of_what_was_never_sent_are_answered(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_ACK, NXT, UNA + 1, 0);
	uint32_t expires = r.tw.expires_ms;

	b->now += 50 * SEC;
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_REPLY);
	assert_int_equal(r.out.flags, SANI_TCP_ACK);
	assert_int_equal(r.out.seq, UNA + 1);
	assert_int_equal(r.out.ack, NXT + 1);
	seg = bed_seg(b, SANI_TCP_ACK, NXT + 1, UNA + 2, 0);
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_REPLY);
	assert_int_equal(r.tw.expires_ms, expires);
	/* its own ACK comes back to no such answer, so two of them do not go on for ever */
	seg = bed_seg(b, SANI_TCP_ACK, NXT + 1, UNA, 0);
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_DROP);
}

static void
newer_syn_reopens_older_does_not(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, NXT + 2, 0, 0);

	assert_int_equal(give(b, &r, &syn), SANI_TCP_TW_REOPEN);
	syn.seq = NXT - 1000;
	assert_int_equal(give(b, &r, &syn), SANI_TCP_TW_REPLY);
	assert_int_equal(r.out.flags, SANI_TCP_ACK);
	syn.flags |= SANI_TCP_ACK;
	syn.seq = NXT + 2;
	assert_int_equal(give(b, &r, &syn), SANI_TCP_TW_REPLY);
}

/* RFC 6191 */
static void
newer_timestamp_reopens_whatever_the_number(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;
	struct rec r;

	b->ts = true;
	r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	syn = bed_seg(b, SANI_TCP_SYN, NXT - 100000, 0, 0);
	syn.tsval = 7001;
	assert_int_equal(give(b, &r, &syn), SANI_TCP_TW_REOPEN);
	syn.tsval = 6999;
	syn.seq = NXT + 100000;
	assert_int_equal(give(b, &r, &syn), SANI_TCP_TW_REPLY);
	assert_int_equal(r.out.opts, SANI_TCP_OPT_TS);
	assert_int_equal(r.out.tsecr, 7000);
}

static void
block_in_time_wait_ends_for_a_new_syn(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_TIME_WAIT);
	bed_in(b, SANI_TCP_SYN, NXT - 5, 0, 0);
	assert_state(b, TIME_WAIT);
	bed_in(b, SANI_TCP_SYN, NXT + 5000000, 0, 0);
	assert_state(b, CLOSED);
	assert_true(b->ev & SANI_TCP_EV_CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), 0);
}

static void
tombstone_lasts_two_rto_and_answers_with_rst(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TOMBSTONE, SAN_TCP_ESTABLISHED);
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_ACK, NXT, UNA + 77, 10);

	assert_int_equal(r.tw.expires_ms, (uint32_t)(b->now / 1000) + 400);
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_REPLY);
	assert_int_equal(r.out.flags, SANI_TCP_RST);
	assert_int_equal(r.out.seq, UNA + 77);	/* exactly what the peer expects */
	seg.flags = SANI_TCP_RST;
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_DROP);
	seg = bed_seg(b, SANI_TCP_SYN, NXT + 5, 0, 0);
	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_REOPEN);
}

/* RFC 9293 3.10.5: after a reset there is no TIME-WAIT, so that a SYN need not show that it is newer. */
static void
tombstone_gives_way_to_every_syn_but_its_own(void **state)
{
	static const uint32_t seqs[] = { BED_IRS - 1, NXT, NXT - 100000, NXT + 0x7fffffffu, NXT + 1 };
	struct bed *b = *state;

	for (unsigned int i = 0; i < 2 * RTE_DIM(seqs); i++) {
		struct sani_tcp_seg syn, again;
		struct rec r;

		b->ts = i % 2 != 0;
		r = make(b, SANI_TCP_TW_TOMBSTONE, SAN_TCP_ESTABLISHED);
		syn = bed_seg(b, SANI_TCP_SYN, seqs[i / 2], 0, 0);
		syn.tsval = r.tw.ts_recent - i / 4;
		assert_int_equal(give(b, &r, &syn), SANI_TCP_TW_REOPEN);
		again = syn;
		again.seq = BED_IRS;
		assert_int_equal(give(b, &r, &again), SANI_TCP_TW_REPLY);
		assert_int_equal(r.out.flags, SANI_TCP_RST | SANI_TCP_ACK);
		assert_int_equal(r.out.ack, BED_IRS + 1);
		sani_tcp_discard(&b->c);
	}
}

static void
tombstone_repeats_the_rst(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TOMBSTONE, SAN_TCP_ESTABLISHED);
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);

	sani_tcp_tw_reset(&r.tw, m);
	assert_int_equal(sani_tcp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->data_len,
					&r.out), SANI_TCP_PARSE_OK);
	assert_int_equal(r.out.flags, SANI_TCP_RST | SANI_TCP_ACK);
	assert_int_equal(r.out.seq, UNA);
	assert_int_equal(r.out.ack, NXT);
	rte_pktmbuf_free(m);
}

/* A RST right of the peer's window would not be taken. */
static void
tombstone_of_a_probing_connection_stands_at_the_edge(void **state)
{
	struct bed *b = *state;
	struct rec r = { 0 };

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->wnd = 0;
	bed_in(b, SANI_TCP_ACK, NXT, UNA, 1);
	bed_write(b, 100);
	bed_run(b, 200 * MS);
	assert_int_equal(b->c.snd_nxt, UNA + 1);
	sani_tcp_tw_from(&r.tw, &b->c, SANI_TCP_TW_TOMBSTONE, b->now);
	assert_int_equal(r.tw.snd_nxt, UNA);
}

/* The table of RFC 6191 2 that stands at sani_tcp_may_reopen(). */
static void
timestamps_decide_before_numbers(void **state)
{
	static const struct {
		bool had_ts;
		bool has_ts;
		int ts_step;	/* of the SYN's timestamp from the last one seen */
		int seq_step;	/* of its number from RCV.NXT */
		bool reopens;
	} cases[] = {
		{ true, true, 1, -5, true }, { true, true, 0, 1, true }, { true, true, 0, 0, false },
		{ true, true, -1, 5, false }, { true, false, 0, 1, true }, { true, false, 0, -1, false },
		{ false, true, 0, -5, true }, { false, false, 0, 1, true }, { false, false, 0, -1, false },
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct sani_tcp_seg syn = {
			.flags = SANI_TCP_SYN,
			.opts = cases[i].has_ts ? SANI_TCP_OPT_TS : 0,
			.tsval = 0xfffffffe + (uint32_t)cases[i].ts_step,
			.seq = 0xffffffff + (uint32_t)cases[i].seq_step,
		};

		assert_int_equal(sani_tcp_may_reopen(cases[i].had_ts, 0xfffffffe, 0xffffffff, &syn),
				 cases[i].reopens);
	}
}

/* F9, E9: what no peer that follows the rules sends is not answered and changes nothing. */
static void
syn_with_fin_or_rst_is_ignored(void **state)
{
	static const uint8_t flags[] = {
		SANI_TCP_SYN | SANI_TCP_FIN, SANI_TCP_SYN | SANI_TCP_RST,
		SANI_TCP_SYN | SANI_TCP_RST | SANI_TCP_FIN, SANI_TCP_RST, SANI_TCP_RST | SANI_TCP_ACK,
		SANI_TCP_RST | SANI_TCP_FIN,
	};
	struct bed *b = *state;

	for (unsigned int i = 0; i < 2 * RTE_DIM(flags); i++) {
		enum sani_tcp_tw_kind kind = i % 2 == 0 ? SANI_TCP_TW_TIME_WAIT : SANI_TCP_TW_TOMBSTONE;
		struct rec r = make(b, kind, kind == SANI_TCP_TW_TIME_WAIT ? SAN_TCP_TIME_WAIT :
				    SAN_TCP_ESTABLISHED);
		struct sani_tcp_seg seg = bed_seg(b, flags[i / 2], r.tw.rcv_nxt + 10, UNA + 1, 0);
		struct sani_tcp_tw before = r.tw;

		b->now += SEC;
		assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_DROP);
		seg.seq = r.tw.rcv_nxt;
		assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_DROP);
		assert_memory_equal(&r.tw, &before, sizeof(before));
		sani_tcp_discard(&b->c);
	}
}

/* F9: RFC 9293 3.10.7.4, fourth: a SYN-ACK opens nothing. */
static void
syn_ack_is_acknowledged_and_nothing_else(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ACK, NXT + 5000, UNA + 1, 0);

	assert_int_equal(give(b, &r, &seg), SANI_TCP_TW_REPLY);
	assert_int_equal(r.out.flags, SANI_TCP_ACK);
	assert_int_equal(r.out.seq, UNA + 1);
	assert_int_equal(r.out.ack, NXT + 1);
}

/* G13: only the FIN that was taken begins 2 MSL anew, in a record and in a block. */
static void
other_fins_do_not_restart_2msl(void **state)
{
	static const uint32_t seqs[] = { NXT - 1, NXT + 1, NXT + 1000000, NXT - 1000000 };
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);
	uint64_t deadline = sani_tcp_deadline_of(&b->c, SANI_TCP_T_2MSL);
	uint32_t expires = r.tw.expires_ms;

	b->now += SEC;
	for (unsigned int i = 0; i < RTE_DIM(seqs); i++) {
		struct sani_tcp_seg fin = bed_seg(b, FA, seqs[i], UNA + 1, 0);

		give(b, &r, &fin);
		bed_in(b, FA, seqs[i], UNA + 1, 0);
		bed_in(b, SANI_TCP_FIN | SANI_TCP_SYN, seqs[i] - 1, 0, 0);
		assert_int_equal(r.tw.expires_ms, expires);
		assert_int_equal(sani_tcp_deadline_of(&b->c, SANI_TCP_T_2MSL), deadline);
	}
}

/* F9: the same flags against a connection that its owner has not closed yet. */
static void
block_in_time_wait_takes_no_syn_with_fin(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_TIME_WAIT);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_FIN, NXT + 5000000, 0, 0);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_RST, NXT + 5000000, 0, 0);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_FIN, NXT + 1, 0, 0);
	assert_state(b, TIME_WAIT);
}

/* MAY-2: the clock of 4 us counts 250 kB/s, and a connection may be faster. */
static void
next_iss_lies_above_the_last_number(void **state)
{
	struct bed *b = *state;
	struct rec r = make(b, SANI_TCP_TW_TIME_WAIT, SAN_TCP_TIME_WAIT);

	assert_int_equal(sani_tcp_tw_iss(&r.tw, UNA + 2), UNA + 2);
	assert_true(seq_gt(sani_tcp_tw_iss(&r.tw, UNA + 1), UNA + 1));
	assert_true(seq_gt(sani_tcp_tw_iss(&r.tw, UNA - 1000000), UNA + 1));
	r.tw.snd_nxt = 0xffffffff;
	assert_int_equal(sani_tcp_tw_iss(&r.tw, 5), 5);
	assert_true(seq_gt(sani_tcp_tw_iss(&r.tw, 0xfffffff0), 0xffffffff));
}

/* A peer that has pulled its window back is told of the edge only, but has seen more. */
static void
next_iss_lies_above_what_was_sent_beyond_the_window(void **state)
{
	struct bed *b = *state;
	struct rec r = { 0 };

	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.snd_nxt = UNA + 300000;
	b->c.snd_wnd = 100;
	sani_tcp_tw_from(&r.tw, &b->c, SANI_TCP_TW_TOMBSTONE, b->now);
	assert_int_equal(r.tw.snd_nxt, UNA + 100);
	for (uint64_t iss = 0; iss <= UINT32_MAX; iss += UINT32_C(1) << 24) {
		const uint32_t next = sani_tcp_tw_iss(&r.tw, (uint32_t)iss + 200);

		assert_in_range(next - (UNA + 300000), UINT32_C(1) << 30, INT32_MAX);
	}
	b->c.snd_nxt = UNA;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(record_keeps_the_rest_of_2msl),
		bed_test(fin_again_is_acknowledged_and_restarts_2msl),
		bed_test(old_text_is_acknowledged_without_restart),
		bed_test(rst_and_bare_ack_are_ignored),
		bed_test(old_bare_ack_and_one_of_what_was_never_sent_are_answered),
		bed_test(newer_syn_reopens_older_does_not),
		bed_test(newer_timestamp_reopens_whatever_the_number),
		bed_test(block_in_time_wait_ends_for_a_new_syn),
		bed_test(tombstone_lasts_two_rto_and_answers_with_rst),
		bed_test(tombstone_gives_way_to_every_syn_but_its_own),
		bed_test(tombstone_repeats_the_rst),
		bed_test(tombstone_of_a_probing_connection_stands_at_the_edge),
		bed_test(timestamps_decide_before_numbers),
		bed_test(syn_with_fin_or_rst_is_ignored),
		bed_test(syn_ack_is_acknowledged_and_nothing_else),
		bed_test(other_fins_do_not_restart_2msl),
		bed_test(block_in_time_wait_takes_no_syn_with_fin),
		bed_test(next_iss_lies_above_the_last_number),
		bed_test(next_iss_lies_above_what_was_sent_beyond_the_window),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
