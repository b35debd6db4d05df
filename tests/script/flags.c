/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/states.h"

#include <stdio.h>
#include <string.h>

/* All 256 combinations of flags in all 11 states (attack E9): the first rule of RFC 9293 3.10.7 that fits decides. */
#define NB_FLAGS 256
#define MAX_ROWS 40

#define RULE(...) \
	do { \
		static const struct play_row rows[] = { __VA_ARGS__, { .kind = PLAY_END } }; \
		return rows; \
	} while (0)

struct flags_state {
	const char *name;
	const struct play_row *reach;
	/* What comes of a segment with these flags. */
	const struct play_row *(*rule)(int64_t flags);
	struct play_seg seg;
};

#define HALF_OPEN OUT(SYN | ACK, .seq = 0, .ack = 1), PENDING(0)
#define HALF_OPEN_WITH_ECN OUT(SYN | ACK | ECE, .seq = 0, .ack = 1), PENDING(0)

/* RFC 3168 6.1.1: such a SYN asks for ECN. */
static bool
asks_for_ecn(int64_t flags)
{
	return (flags & (ECE | CWR)) == (ECE | CWR);
}

/* A listener. With FIN a SYN may open or be dropped. */
static const struct play_row *
rule_listen(int64_t flags)
{
	if (flags & RST)
		RULE(QUIET(MS(150)), STATE(LISTEN, .s = LISTENER), PENDING(0));
	if (flags & ACK)
		RULE(OUT(RST, .seq = 1), QUIET(MS(150)), STATE(LISTEN, .s = LISTENER), PENDING(0));
	if (flags & SYN && flags & FIN)
		RULE(WAIT(MS(1)), STATE(LISTEN, .s = LISTENER), PENDING(0));
	if (flags & SYN && asks_for_ecn(flags))
		RULE(HALF_OPEN_WITH_ECN);
	if (flags & SYN)
		RULE(HALF_OPEN);
	RULE(QUIET(MS(150)), STATE(LISTEN, .s = LISTENER), PENDING(0), DROPS(1));
}

/* SYN-SENT, the acknowledgement good. What else a SYN-ACK with FIN does is left open. */
static const struct play_row *
rule_syn_sent(int64_t flags)
{
	if (flags & RST && flags & ACK)
		RULE(DONE(0, -ECONNREFUSED), STATE(CLOSED), QUIET(S(2)));
	if (flags & RST || !(flags & SYN))
		RULE(QUIET(MS(150)), STATE(SYN_SENT), PENDING(0));
	if (flags & ACK)
		RULE(OUT(ACK, .seq = 1), WAIT(0), DONE(0, 0));
	if (asks_for_ecn(flags))
		RULE(HALF_OPEN_WITH_ECN, STATE(SYN_RECEIVED));
	RULE(HALF_OPEN, STATE(SYN_RECEIVED));
}

/* No socket at all. */
static const struct play_row *
rule_closed(int64_t flags)
{
	if (flags & RST)
		RULE(QUIET(MS(150)), COUNT(tcp_tx_rst, 0));
	if (flags & ACK)
		RULE(OUT(RST, .seq = 1), QUIET(MS(150)));
	RULE(OUT(RST | ACK, .seq = 0), QUIET(MS(150)));
}

/* From a listener: what is no good returns to it. */
static const struct play_row *
rule_syn_received(int64_t flags)
{
	if (flags & (RST | SYN))
		RULE(WAIT(MS(1)), PENDING(0), STATE(LISTEN, .s = LISTENER));
	if (!(flags & ACK))
		RULE(QUIET(MS(150)), PENDING(0), DROPS(1));
	if (flags & FIN)
		RULE(OUT(ACK, .seq = 1, .ack = 2, .len = 0), DONE(0, 0), STATE(CLOSE_WAIT));
	RULE(QUIET(MS(150)), DONE(0, 0), STATE(ESTABLISHED));
}

/* What all synchronized states do, RFC 5961 3 and 4. n, r: SND.NXT and RCV.NXT; and what a reset ends. */
#define SYNCHRONIZED_RULES(state, n, r, ...) \
	do { \
		if (flags & RST) \
			RULE(STATE(CLOSED), QUIET(S(2)), COUNT(tcp_rx_rst, 1), ##__VA_ARGS__); \
		if (flags & SYN) \
			RULE(OUT(ACK, .seq = (n), .ack = (r), .len = 0), STATE(state), \
			COUNT(tcp_tx_challenge, 1), DROPS(1)); \
		if (!(flags & ACK)) \
			RULE(QUIET(MS(150)), STATE(state), DROPS(1)); \
	} while (0)

static const struct play_row *
rule_established(int64_t flags)
{
	SYNCHRONIZED_RULES(ESTABLISHED, 1, 1);
	if (flags & FIN)
		RULE(OUT(ACK, .seq = 1, .ack = 2, .len = 0), STATE(CLOSE_WAIT));
	RULE(QUIET(MS(150)), STATE(ESTABLISHED), DROPS(0));
}

/* The FIN is not acknowledged by it. */
static const struct play_row *
rule_fin_wait_1(int64_t flags)
{
	SYNCHRONIZED_RULES(FIN_WAIT_1, 2, 1, DONE(1, -ECONNRESET));
	if (flags & FIN)
		RULE(OUT(ACK, .seq = 2, .ack = 2, .len = 0), STATE(CLOSING));
	RULE(QUIET(MS(150)), STATE(FIN_WAIT_1), DROPS(0));
}

static const struct play_row *
rule_fin_wait_2(int64_t flags)
{
	SYNCHRONIZED_RULES(FIN_WAIT_2, 2, 1);
	if (flags & FIN)
		RULE(OUT(ACK, .seq = 2, .ack = 2, .len = 0), STATE(TIME_WAIT));
	RULE(QUIET(MS(150)), STATE(FIN_WAIT_2), DROPS(0));
}

/* Behind the peer's FIN another one changes nothing. */
static const struct play_row *
rule_close_wait(int64_t flags)
{
	SYNCHRONIZED_RULES(CLOSE_WAIT, 1, 2);
	RULE(WAIT(MS(1)), STATE(CLOSE_WAIT));
}

static const struct play_row *
rule_closing(int64_t flags)
{
	SYNCHRONIZED_RULES(CLOSING, 2, 2, DONE(1, -ECONNRESET));
	RULE(WAIT(MS(1)), STATE(CLOSING));
}

static const struct play_row *
rule_last_ack(int64_t flags)
{
	SYNCHRONIZED_RULES(LAST_ACK, 2, 2, DONE(1, -ECONNRESET));
	RULE(WAIT(MS(1)), STATE(LAST_ACK));
}

/* TIME-WAIT, beyond the old FIN: nothing ends it (RFC 1337). */
static const struct play_row *
rule_time_wait(int64_t flags)
{
	if (flags & (RST | FIN))
		RULE(WAIT(MS(1)), STATE(TIME_WAIT));
	if (flags & SYN)
		RULE(OUT(ACK, .seq = 2, .ack = 2, .len = 0), STATE(TIME_WAIT), DROPS(1));
	RULE(QUIET(MS(150)), STATE(TIME_WAIT));
}

static const struct flags_state states[] = {
	{ "closed", PLAY_ROWS(MARK()), rule_closed, SEG(0, .seq = 0, .ack = 1) },
	{ "listen", PLAY_ROWS(TO_LISTEN), rule_listen, SEG(0, .seq = 0, .ack = 1) },
	{ "syn_sent", PLAY_ROWS(TO_SYN_SENT), rule_syn_sent, SEG(0, .seq = 0, .ack = 1) },
	{ "syn_received", PLAY_ROWS(TO_SYN_RECEIVED), rule_syn_received, SEG(0, .seq = 1, .ack = 1) },
	{ "established", PLAY_ROWS(TO_ESTABLISHED), rule_established, SEG(0, .seq = 1, .ack = 1) },
	{ "fin_wait_1", PLAY_ROWS(TO_FIN_WAIT_1), rule_fin_wait_1, SEG(0, .seq = 1, .ack = 1) },
	{ "fin_wait_2", PLAY_ROWS(TO_FIN_WAIT_2), rule_fin_wait_2, SEG(0, .seq = 1, .ack = 2) },
	{ "close_wait", PLAY_ROWS(TO_CLOSE_WAIT), rule_close_wait, SEG(0, .seq = 2, .ack = 1) },
	{ "closing", PLAY_ROWS(TO_CLOSING), rule_closing, SEG(0, .seq = 2, .ack = 1) },
	{ "last_ack", PLAY_ROWS(TO_LAST_ACK), rule_last_ack, SEG(0, .seq = 2, .ack = 1) },
	{ "time_wait", PLAY_ROWS(TO_TIME_WAIT), rule_time_wait, SEG(0, .seq = 2, .ack = 2) },
};

static size_t
append(struct play_row *to, size_t n, const struct play_row *rows)
{
	for (; rows->kind != PLAY_END; rows++) {
		assert_in_range(n, 0, MAX_ROWS - 2);
		to[n++] = *rows;
	}
	return n;
}

int
main(int argc, char **argv)
{
	static struct play_row rows[RTE_DIM(states) * NB_FLAGS][MAX_ROWS];
	static struct play_case cases[RTE_DIM(rows)];
	static char names[RTE_DIM(rows)][64];
	size_t k = 0;

	for (size_t s = 0; s < RTE_DIM(states); s++)
		for (int64_t flags = 0; flags < NB_FLAGS; flags++, k++) {
			size_t n = append(rows[k], 0, states[s].reach);

			rows[k][n] = (struct play_row){ .kind = PLAY_IN, .seg = states[s].seg };
			rows[k][n++].seg.flags = flags;
			append(rows[k], n, states[s].rule(flags));
			snprintf(names[k], sizeof(names[k]), "attack_e9_%s__flags_%02x", states[s].name,
			(unsigned int)flags);
			cases[k] = (struct play_case){ .name = names[k], .rows = rows[k] };
		}
	return play_main(&(struct play_args){ "flags", cases, k, argc, argv });
}
