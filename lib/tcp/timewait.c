/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"
#include "tcp/timewait.h"

#define TW_TS 1u	/* bit 0 of flags */

#define ISS_GAP 65536u	/* between the numbers of a connection and of the next of its tuple */
#define WINDOW_MAX (1u << 30)	/* RFC 7323 2.3 */

void
sani_tcp_tw_from(struct sani_tcp_tw *tw, const struct sani_tcp_conn *c, enum sani_tcp_tw_kind kind,
		 uint64_t now_us)
{
	uint64_t left_us = 2ull * sani_tcp_rto(c, c->backoff);
	uint64_t deadline = sani_tcp_deadline_of(c, SANI_TCP_T_2MSL);

	if (kind == SANI_TCP_TW_TIME_WAIT) {
		left_us = c->time_wait_ms * 1000ull;
		if (deadline != SANI_NEVER)
			left_us = deadline > now_us ? deadline - now_us : 0;
	}
	*tw = (struct sani_tcp_tw){
		.local = c->tuple.local,
		.remote = c->tuple.remote,
		.local_port = c->tuple.local_port,
		.remote_port = c->tuple.remote_port,
		.snd_nxt = c->snd_nxt,
		.rcv_nxt = c->rcv_nxt,
		.ts_recent = c->ts_recent,
		.expires_ms = (uint32_t)((now_us + left_us + 999) / 1000),
		.owner = tw->owner,
		.kind = (uint8_t)kind,
		.flags = c->flags & SANI_TCP_F_TS ? TW_TS : 0,
	};
	if (kind == SANI_TCP_TW_TOMBSTONE) {
		/* where the peer takes a RST; new numbers begin above all that was sent nevertheless */
		tw->snd_nxt = sani_tcp_bare_seq(c);
		tw->hidden_64k = (uint16_t)((c->snd_nxt - tw->snd_nxt + UINT16_MAX) >> 16);
		tw->irs = c->irs;
	} else {
		tw->ts_offset = c->ts_offset;
		tw->time_wait_cs = (uint16_t)sani_tcp_min((c->time_wait_ms + 9) / 10, UINT16_MAX);
	}
}

uint32_t
sani_tcp_iss_above(uint32_t iss, uint32_t snd_nxt)
{
	return seq_gt(iss, snd_nxt) ? iss : snd_nxt + ISS_GAP;
}

uint32_t
sani_tcp_tw_iss(const struct sani_tcp_tw *tw, uint32_t iss)
{
	if (tw->kind == SANI_TCP_TW_TIME_WAIT)
		return sani_tcp_iss_above(iss, tw->snd_nxt);
	return tw->snd_nxt + ((uint32_t)tw->hidden_64k << 16) + WINDOW_MAX + iss % (WINDOW_MAX / 4);
}

/*
 * RFC 9293 3.6.1 (MAY-2) and RFC 6191 2: certainly newer than anything of the old connection.
 *
 *                     SYN with timestamp                  SYN without
 *   old with          later, or equal and a later number  a later number
 *   old without       yes: old segments have none and     a later number
 *                     are dropped for it (RFC 7323 3.2)
 */
bool
sani_tcp_may_reopen(bool had_ts, uint32_t ts_recent, uint32_t rcv_nxt,
		    const struct sani_tcp_seg *syn)
{
	bool has_ts = syn->opts & SANI_TCP_OPT_TS;

	if (syn->flags & SANI_TCP_FIN)
		return false;
	if (has_ts && (!had_ts || syn->tsval != ts_recent))
		return !had_ts || seq_gt(syn->tsval, ts_recent);
	return seq_gt(syn->seq, rcv_nxt);
}

/* Only the very FIN that was taken, for else anybody could keep a connection in TIME_WAIT for ever. */
bool
sani_tcp_is_last_fin(const struct sani_tcp_seg *seg, uint32_t rcv_nxt)
{
	return (seg->flags & (SANI_TCP_FIN | SANI_TCP_SYN | SANI_TCP_RST)) == SANI_TCP_FIN &&
	       seg->seq + sani_tcp_seg_space(seg) == rcv_nxt;
}

static void
put_ack(const struct sani_tcp_tw *tw, struct rte_mbuf *m, uint64_t now_us)
{
	struct sani_tcp_seg ack = {
		.src_port = tw->local_port,
		.dst_port = tw->remote_port,
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.flags = SANI_TCP_ACK,
	};

	if (tw->flags & TW_TS) {
		ack.opts = SANI_TCP_OPT_TS;
		ack.tsval = (uint32_t)(now_us / 1000) + tw->ts_offset;
		ack.tsecr = tw->ts_recent;
	}
	sani_tcp_put_header(m, &ack);
}

/*
 * RFC 9293 3.10.7.4: nothing but an empty segment at RCV.NXT is acceptable, and that only with an ACK of what was
 * sent; it has nothing to say and is not answered. All else is, at the limited rate of what has no connection.
 */
static enum sani_tcp_tw_verdict
input_time_wait(struct sani_tcp_tw *tw, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		uint64_t now_us)
{
	bool ack_ok = !(seg->flags & SANI_TCP_ACK) || seq_leq(seg->ack, tw->snd_nxt);

	if (sani_tcp_seg_space(seg) == 0 && seg->seq == tw->rcv_nxt && ack_ok)
		return SANI_TCP_TW_DROP;
	/* the peer's FIN again: our last ACK was lost */
	if (sani_tcp_is_last_fin(seg, tw->rcv_nxt))
		tw->expires_ms = (uint32_t)(now_us / 1000) + 10u * tw->time_wait_cs;
	put_ack(tw, m, now_us);
	return SANI_TCP_TW_REPLY;
}

/*
 * A reset leaves no TIME-WAIT (RFC 9293 3.5.3, 3.10.5): a SYN is for LISTEN, whatever its numbers, unless it is that of
 * the very connection that was reset and nothing shows it to be sent again. A peer may well come from the same port at
 * once, with numbers below what it sent before, for the clock of initial numbers counts 250 kB/s. What of that is still
 * on its way acknowledges numbers that lie too far below sani_tcp_tw_iss() to be acceptable.
 */
static bool
may_follow(const struct sani_tcp_tw *tw, const struct sani_tcp_seg *syn)
{
	if (tw->kind == SANI_TCP_TW_TOMBSTONE && syn->seq != tw->irs)
		return true;
	return sani_tcp_may_reopen(tw->flags & TW_TS, tw->ts_recent, tw->rcv_nxt, syn);
}

enum sani_tcp_tw_verdict
sani_tcp_tw_input(struct sani_tcp_tw *tw, const struct sani_tcp_seg *seg, struct rte_mbuf *m,
		  uint64_t now_us)
{
	bool syn = (seg->flags & (SANI_TCP_SYN | SANI_TCP_ACK)) == SANI_TCP_SYN;

	if ((seg->flags & SANI_TCP_RST) || (syn && (seg->flags & SANI_TCP_FIN)))
		return SANI_TCP_TW_DROP;
	if (syn && may_follow(tw, seg))
		return SANI_TCP_TW_REOPEN;
	if (tw->kind == SANI_TCP_TW_TIME_WAIT)
		return input_time_wait(tw, seg, m, now_us);
	sani_tcp_reset_for(seg, m);
	return SANI_TCP_TW_REPLY;
}

void
sani_tcp_tw_reset(const struct sani_tcp_tw *tw, struct rte_mbuf *m)
{
	struct sani_tcp_seg rst = {
		.src_port = tw->local_port,
		.dst_port = tw->remote_port,
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.flags = SANI_TCP_RST | SANI_TCP_ACK,
	};

	sani_tcp_put_header(m, &rst);
}
