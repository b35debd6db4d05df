/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp.h"

/* What the peer has sent, a span a segment with its SYN and FIN, wherever it lies in the circle of numbers. */
static struct span {
	uint32_t seq;
	uint32_t len;
} came[TCP_STEPS];
static unsigned int nb_came;

void
tcp_forget_came(void)
{
	nb_came = 0;
}

void
tcp_note_came(uint32_t seq, uint32_t len)
{
	fuzz_require(nb_came < TCP_STEPS);
	came[nb_came++] = (struct span){ seq, len };
}

/* How many octets from seq on one of the spans holds. */
static uint32_t
come_from(uint32_t seq)
{
	uint32_t most = 0;

	for (unsigned int i = 0; i < nb_came; i++)
		if (seq_in(seq, came[i].seq, came[i].len) && came[i].seq + came[i].len - seq > most)
			most = came[i].seq + came[i].len - seq;
	return most;
}

static void
require_came(uint32_t left, uint32_t right)
{
	fuzz_require(seq_leq(left, right));
	while (left != right) {
		uint32_t n = come_from(left);

		fuzz_require(n > 0);
		left += sani_tcp_min(n, right - left);
	}
}

void
tcp_check_sent(struct tcp_world *w, const struct sani_tcp_seg *seg)
{
	if (seg->opts & SANI_TCP_OPT_SACK)
		for (unsigned int i = 0; i < seg->nb_sack; i++)
			require_came(seg->sack[i].left, seg->sack[i].right);
	if (seg->flags & (SANI_TCP_SYN | SANI_TCP_RST))
		return;
	fuzz_require(seq_leq(seg->ack, w->b->c.rcv_nxt));
	/* a window probe is one octet beyond, a FIN another */
	fuzz_require(seg->len == 0 || seq_leq(seg->seq + seg->len, w->edge + 1));
	fuzz_require(seq_leq(w->b->c.snd_una, w->b->c.snd_nxt));
}

/* It does not wait for ever: what is out, what is to go out and what is to be acknowledged has a timer. */
static void
check_alive(const struct bed *b)
{
	const struct sani_tcp_conn *c = &b->c;

	bed_deadline(b);
	if (sani_tcp_state(c) < SAN_TCP_ESTABLISHED)
		return;
	if (c->snd_una != c->snd_nxt)
		fuzz_require(sani_tcp_armed(c, SANI_TCP_T_REXMIT) || sani_tcp_armed(c, SANI_TCP_T_LOSS) ||
			     (sani_tcp_armed(c, SANI_TCP_T_PERSIST) && (c->flags & SANI_TCP_F_PROBED)));
	else if (sani_tcp_unsent(c) > 0)
		fuzz_require(sani_tcp_armed(c, SANI_TCP_T_PERSIST) || sani_tcp_armed(c, SANI_TCP_T_RETRY) ||
			     sani_tcp_armed(c, SANI_TCP_T_PACE));
	if (c->rcv_nxt != c->last_ack_sent)
		fuzz_require(sani_tcp_armed(c, SANI_TCP_T_DELACK));
}

/* After each step. */
void
tcp_check(struct tcp_world *w)
{
	const struct sani_tcp_conn *c = &w->b->c;
	uint32_t seq = bed_irs + 1 + w->known;

	if (sani_tcp_state(c) == SAN_TCP_CLOSED || sani_tcp_state(c) == SAN_TCP_SYN_SENT)
		return;
	if (!w->heard) {
		w->rcv_adv = c->rcv_adv;
		w->heard = true;
	}
	require_came(seq, c->rcv_nxt);
	w->known = c->rcv_nxt - bed_irs - 1;
	/* what was promised stays, but for the peer's FIN behind it */
	fuzz_require(seq_geq(c->rcv_adv, w->rcv_adv));
	w->rcv_adv = c->rcv_adv;
	fuzz_require(seq_geq(c->snd_una, w->snd_una) && seq_leq(c->snd_una, c->snd_nxt));
	w->snd_una = c->snd_una;
	fuzz_require(w->nb_read + sani_tcp_readable(c) <= w->known);
	fuzz_require(c->rcvq.head != NULL || c->rcvq.ooo != NULL || (c->rcvq.nb_mbufs == 0 && c->rcvq.bytes == 0));
	check_alive(w->b);
}
