/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Inside the TCP engine: short steps of the common path, in line. Part of tcp/priv.h.
 *
 * The straight path (straight.c) and the general one are made of the same steps, so that they cannot differ in them.
 */
#ifndef SANI_TCP_STEP_H
#define SANI_TCP_STEP_H

#include "tcp/priv.h"

/* Timers (timers.c). A deadline that moves away leaves wake_us, and so the caller's wheel, alone. */

static inline void
sani_tcp_arm(struct sani_tcp_conn *c, enum sani_tcp_timer_kind t, uint64_t when_us)
{
	c->deadline[t] = when_us;
	c->armed |= (uint16_t)(1u << t);
	if (when_us < c->wake_us)
		c->wake_us = when_us;
}

static inline void
sani_tcp_disarm(struct sani_tcp_conn *c, enum sani_tcp_timer_kind t)
{
	c->armed &= (uint16_t)~(1u << t);
}

static inline bool
sani_tcp_armed(const struct sani_tcp_conn *c, enum sani_tcp_timer_kind t)
{
	return (c->armed >> t & 1) != 0;
}

/** When it passes [us]; SANI_NEVER: it is not armed. */
static inline uint64_t
sani_tcp_deadline_of(const struct sani_tcp_conn *c, enum sani_tcp_timer_kind t)
{
	return sani_tcp_armed(c, t) ? c->deadline[t] : SANI_NEVER;
}

/** RTO with backoff [us]. */
static inline uint32_t
sani_tcp_rto(const struct sani_tcp_conn *c, uint8_t shift)
{
	uint64_t rto = (uint64_t)c->rto_us << (shift < 16 ? shift : 16);

	return rto < SANI_TCP_RTO_MAX_US ? (uint32_t)rto : SANI_TCP_RTO_MAX_US;
}

/** All that was sent is acknowledged. RACK forgets what was: its times are of 28 bits, and the silence may be long. */
static inline void
sani_tcp_rest(struct sani_tcp_conn *c)
{
	sani_tcp_disarm(c, SANI_TCP_T_REXMIT);
	sani_tcp_disarm(c, SANI_TCP_T_LOSS);
	sani_tcp_disarm(c, SANI_TCP_T_USER);
	c->rack_rtt_us = 0;
}

/* The flight (flight.h). */

/** The first of flight.nb runs. */
static inline struct sani_tcp_run *
sani_tcp_runs(struct sani_tcp_conn *c)
{
	return sani_tcp_flight_base(&c->flight) + c->flight.first;
}

/** Where run i ends. */
static inline uint32_t
sani_tcp_run_end(const struct sani_tcp_conn *c, const struct sani_tcp_run *runs, uint32_t i)
{
	return i + 1u < c->flight.nb ? runs[i + 1].seq : c->snd_nxt;
}

/** Is there nothing to be said of the first run but when it was sent? una lies in it, or at its end. */
static inline bool
sani_tcp_flight_is_plain(struct sani_tcp_conn *c, uint32_t una)
{
	const struct sani_tcp_run *first = sani_tcp_runs(c);

	return c->flight.nb > 0 && (first->word & SANI_TCP_RUN_FLAGS) == 0 &&
	       seq_leq(una, sani_tcp_run_end(c, first, 0));
}

/** The first run is acknowledged up to una, which lies in it, or at its end; snd_una has not moved yet. */
static inline void
sani_tcp_flight_pass(struct sani_tcp_conn *c, uint32_t una)
{
	struct sani_tcp_flight *f = &c->flight;
	struct sani_tcp_run *first = sani_tcp_runs(c);

	if (una != sani_tcp_run_end(c, first, 0)) {
		first->seq = una;
		return;
	}
	f->first++;
	f->nb--;
	if (f->nb > 0)
		return;
	if (f->table != NULL)
		sani_tcp_flight_free(c);
	f->first = 0;
}

/** Has sani_tcp_output() anything to look at? */
static inline bool
sani_tcp_wants_output(const struct sani_tcp_conn *c)
{
	if ((c->flags & (SANI_TCP_F_SYN_DUE | SANI_TCP_F_ACK_NOW | SANI_TCP_F_RST_DUE |
			 SANI_TCP_F_PROBE_DUE | SANI_TCP_F_TLP_DUE)) ||
	    c->dup_acks_due > 0 || c->keep_due)
		return true;
	if (sani_unlikely(c->state < SAN_TCP_ESTABLISHED))
		return c->state == SAN_TCP_SYN_RECEIVED && (c->fast.flags & SANI_TCP_FAST_EARLY) &&
		       sani_tcp_unsent(c) > 0;
	return sani_tcp_has_rtx(c) || sani_tcp_has_new(c);
}

/** What FlightSize was before the acknowledgements of this moment (recovery.c). */
static inline void
sani_tcp_note_flight(struct sani_tcp_conn *c, uint64_t now_us)
{
	if (c->acked_us == now_us)
		return;
	c->acked_us = now_us;
	c->flight.before = c->snd_nxt - c->snd_una;
}

/** The window that a segment shows [bytes]: with SYN never scaled (RFC 7323 2.2). */
static inline uint32_t
sani_tcp_seg_wnd(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg)
{
	return seg->flags & SANI_TCP_SYN ? seg->wnd : (uint32_t)seg->wnd << c->snd_wscale;
}

/**
 * RFC 9293 3.10.7.4 step 5, ESTABLISHED: only from a segment that is newer than the last one used; seq is its first
 * number that was not trimmed. What acknowledges more is newer, whatever its number: SND.WND counts from SND.UNA, so
 * an old window behind a new SND.UNA would move the edge.
 */
static inline void
sani_tcp_update_snd_wnd(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint32_t seq)
{
	uint32_t wnd = sani_tcp_seg_wnd(c, seg);

	if (!(seq_lt(c->snd_wl2, seg->ack) || seq_lt(c->snd_wl1, seq) ||
	      (c->snd_wl1 == seq && c->snd_wl2 == seg->ack)))
		return;
	c->snd_wnd = wnd;
	c->snd_wl1 = seq;
	c->snd_wl2 = seg->ack;
	if (wnd > c->max_snd_wnd)
		c->max_snd_wnd = wnd;
	if (wnd > 0)
		c->persist_shift = 0;
}

/** RFC 7323 4.3 (2): only a segment that covers what we acknowledge next moves TS.Recent. It has a timestamp. */
static inline void
sani_tcp_update_ts_recent(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint64_t now_us)
{
	if (seq_gt(seg->seq, c->last_ack_sent))
		return;
	c->ts_recent = seg->tsval;
	c->ts_recent_s = (uint32_t)(now_us / 1000000);
}

/**
 * Segments that come together are acknowledged together, up to a number. But where some are lost ACKs most likely are
 * too, and a flight whose only ACK is lost waits for a timeout: behind a hole the next segment does not wait for the
 * ACK that is due.
 */
static inline bool
sani_tcp_is_ack_overdue(const struct sani_tcp_conn *c)
{
	return c->quick_acks > SANI_TCP_QUICK_ACKS ||
	       c->rcv_nxt - c->last_ack_sent >= SANI_TCP_BURST_SEGMENTS * c->rcv_mss;
}

/**
 * Text has come in order. RFC 5681 4.2, RFC 9293 3.8.6.3: acknowledged at once is the second full segment, and at the
 * start of a connection, where the peer's window grows by our ACKs, and behind a hole each; else after 40 ms at most.
 */
static inline void
sani_tcp_owe_ack(struct sani_tcp_conn *c, uint64_t now_us)
{
	if (c->quick_acks > 0) {
		c->quick_acks--;
	} else if (c->rcv_nxt - c->last_ack_sent < 2u * c->rcv_mss) {
		if (!sani_tcp_armed(c, SANI_TCP_T_DELACK))
			sani_tcp_arm(c, SANI_TCP_T_DELACK, now_us + SANI_TCP_DELACK_US);
		return;
	}
	c->flags |= SANI_TCP_F_ACK_NOW;
}

/* The window that is shown (window.c). */

/** How far the promised edge could move right at most: what the window field cannot show is not taken off. */
static inline int32_t
sani_tcp_edge_gain_at_most(const struct sani_tcp_conn *c)
{
	return (int32_t)(c->rcvq.limit - sani_tcp_min(c->rcvq.limit, c->rcvq.bytes)) - seq_diff(c->rcv_adv, c->rcv_nxt);
}

/** By less it does not move. */
static inline int32_t
sani_tcp_edge_least(const struct sani_tcp_conn *c)
{
	return (int32_t)sani_tcp_min(c->rcvq.limit / 2, sani_tcp_mss_to_announce(c));
}

/** The window field for the edge as it is. */
static inline uint16_t
sani_tcp_shown_window(const struct sani_tcp_conn *c, uint8_t wscale)
{
	if (seq_leq(c->rcv_adv, c->rcv_nxt))
		return 0;
	return (uint16_t)sani_tcp_min((c->rcv_adv - c->rcv_nxt) >> wscale, UINT16_MAX);
}

/* Output (output.c). */

/**
 * cwnd that was not filled says nothing about what the path would have carried, so it does not grow then. Looked
 * at when all has gone that may, not when an ACK comes: of ACKs that come together the first has emptied the
 * pipe for the others. In slow start half of it is enough, for it doubles.
 */
static inline void
sani_tcp_note_cwnd_use(struct sani_tcp_conn *c)
{
	uint32_t pipe = sani_tcp_pipe(c);

	c->cwnd_full = pipe + c->snd_mss > c->cwnd || (c->cwnd < c->ssthresh && pipe > c->cwnd / 2);
}

#define SANI_TCP_MAX_ACK_DELAY_US 200000u /**< TLP.max_ack_delay: a lone segment's ACK may be held back so long */
/**
 * Round trips of microseconds say nothing of the peer's program, whose processor is away for a millisecond now and
 * then: a probe is not sent sooner, as that of RFC 9002 6.2.1 is not sent within its granularity.
 */
#define SANI_TCP_MIN_PTO_US 2000u

/** RFC 8985 7.2 of a flight that may be probed. */
static inline void
sani_tcp_tlp_arm(struct sani_tcp_conn *c, uint64_t now_us)
{
	uint64_t rexmit_us = c->deadline[SANI_TCP_T_REXMIT];
	uint64_t pto_us = 2ull * c->srtt_us;

	if (pto_us < SANI_TCP_MIN_PTO_US)
		pto_us = SANI_TCP_MIN_PTO_US;
	pto_us += now_us;
	if (c->snd_nxt - c->snd_una <= c->snd_mss)
		pto_us += SANI_TCP_MAX_ACK_DELAY_US;
	/* never after the RTO, whose place it takes then */
	sani_tcp_arm(c, SANI_TCP_T_LOSS, pto_us < rexmit_us ? pto_us : rexmit_us);
}

/** Has congestion control a part in what is acknowledged? Not while the first slow start does not use cwnd. */
static inline bool
sani_tcp_cc_has_part(const struct sani_tcp_conn *c)
{
	return c->cwnd_full || c->ssthresh != UINT32_MAX;
}

/** New data was acknowledged outside recovery. */
static inline void
sani_tcp_cc_acked(struct sani_tcp_conn *c, const struct sani_tcp_cc_ack *ack)
{
	if (ack->limited || sani_tcp_cc_has_part(c))
		c->cc->acked(c, ack);
}

#define SANI_TCP_RECOVER_FAR (1u << 30)	/**< More than any window. */

/** New data was acknowledged, without SACK: recover stays close behind, lest it seem to lie ahead (RFC 6582). */
static inline void
sani_tcp_drag_recover(struct sani_tcp_conn *c)
{
	if (sani_unlikely(c->snd_una - c->recover > SANI_TCP_RECOVER_FAR))
		c->recover = c->snd_una - 2;
}

/** A run that was sent once, at sent_us, is delivered up to end: RFC 8985 6.2 step 2. */
static inline void
sani_tcp_rack_note(struct sani_tcp_conn *c, uint32_t sent_us, uint32_t end, uint64_t now_us)
{
	int32_t age = sani_tcp_time_diff((uint32_t)now_us, sent_us);

	if (c->rack_rtt_us == 0 || sani_tcp_sent_after(sent_us, end, c->rack_us, c->rack_end)) {
		c->rack_us = sent_us;
		c->rack_end = end;
	}
	c->rack_rtt_us = age > 0 ? (uint32_t)age : 1;
}

#endif
