/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/park.h"

#include "tcp/keepalive.h"
#include "tcp/priv.h"

/* What a connection is, */
#define LASTING (SANI_TCP_F_PASSIVE | SANI_TCP_F_TS | SANI_TCP_F_NODELAY | SANI_TCP_F_SYN_LOST | SANI_TCP_F_SACK | \
		 SANI_TCP_F_WSCALE | SANI_TCP_F_REORDERED | SANI_TCP_F_ECN | SANI_TCP_F_ECN_ECHO | SANI_TCP_F_CWR_DUE)
/* and what is forgotten, for it is over with the flight, */
#define OVER (SANI_TCP_F_PARTIAL | SANI_TCP_F_DSACK_ROUND | SANI_TCP_F_TLP_RTX | SANI_TCP_F_RTX_NOW | \
	      SANI_TCP_F_SND_URG)
/* or when nothing can come any more that tells of it. */
#define FADING (SANI_TCP_F_RTX_SENT | SANI_TCP_F_UNDO)

_Static_assert(offsetof(struct sani_tcp_cubic, credit) >= sizeof(((struct sani_tcp_parked *)NULL)->cc_state) &&
	       sizeof(struct sani_tcp_dctcp) <= sizeof(((struct sani_tcp_parked *)NULL)->cc_state) &&
	       sizeof(struct sani_tcp_hystart) <= sizeof(((struct sani_tcp_parked *)NULL)->cc_state),
	       "all that is kept of congestion control");

static const struct sani_tcp_keep usual_keep = SANI_TCP_KEEP_USUAL;

/* Is nothing under way, in either direction, that an answer or the program is awaited for? */
static bool
is_still(const struct sani_tcp_conn *c)
{
	return c->snd_una == c->snd_nxt && c->written == c->acked && c->sndq.head == NULL && c->flight.table == NULL &&
	       (c->flight.nb | c->flight.sacked | c->flight.lost) == 0 && c->snd_wnd > 0 &&
	       c->rcvq.head == NULL && c->rcvq.ooo == NULL &&
	       (c->rcvq.bytes | c->rcvq.nb_mbufs | c->rcvq.nb_ranges) == 0 &&
	       c->rcvq.dsack_left == c->rcvq.dsack_right && c->rcv_nxt == c->last_ack_sent && c->armed == 0 &&
	       (c->backoff | c->persist_shift | c->dup_acks_due) == 0 && !c->more && !c->keep_due;
}

/* May something still come that tells of what was sent twice, or count for the limit of a second? */
static bool
is_settled(const struct sani_tcp_conn *c, uint64_t now_us)
{
	if (c->nb_challenges > 0 && (uint32_t)(now_us / 1000) - c->challenge_ms < 1000)
		return false;
	return ((c->flags & FADING) == 0 && !c->tlp_untimed) || now_us - c->last_snd_us > c->rto_us;
}

/* No keepalive, and nothing said of what it would be like. */
static bool
has_usual_keep(const struct sani_tcp_keep *k)
{
	return !k->on && k->idle_ms == usual_keep.idle_ms && k->interval_ms == usual_keep.interval_ms &&
	       k->count == usual_keep.count;
}

/* Has it nothing that few have? */
static bool
is_ordinary(const struct sani_tcp_conn *c)
{
	return c->state == SAN_TCP_ESTABLISHED && c->ca == SANI_TCP_CA_OPEN && c->extras == 0 &&
	       (c->flags & ~(uint32_t)(LASTING | OVER | FADING)) == 0 && (c->error | c->soft_error) == 0 &&
	       !c->search.on && c->search.top == 0 && has_usual_keep(&c->keep) &&
	       c->snd_mss == sani_tcp_mss_at(c, c->mtu) && c->rto_us == sani_tcp_rto_of(c) &&
	       c->snd_una == c->iss + 1 + (uint32_t)c->acked && c->rcv_nxt == c->irs + 1 + (uint32_t)c->received;
}

static bool
fits(const struct sani_tcp_conn *c)
{
	return sani_ip_is_v4(&c->tuple.local) && sani_ip_is_v4(&c->tuple.remote) &&
	       ((c->segs_in | c->segs_out | c->rexmit_segs | c->rexmit_bytes | c->granted) >> 32) == 0 &&
	       c->quick_acks < 64 && c->reo_wnd_persist < 32;
}

/* The cheapest question is first: most that are looked at are in use. */
bool
sani_tcp_may_park(const struct sani_tcp_conn *c, uint64_t quiet_us, uint64_t now_us)
{
	return now_us - c->last_snd_us >= quiet_us && sani_tcp_quiet_us(c, now_us) >= quiet_us && is_still(c) &&
	       is_ordinary(c) && is_settled(c, now_us) && fits(c);
}

static void
calm_recovery(struct sani_tcp_conn *c)
{
	c->flags &= (uint32_t)LASTING;
	c->tlp_untimed = false;
	c->dup_acks = 0;
	c->acked_us = 0;
	c->rack_us = c->rack_end = c->rack_rtt_us = 0;
	c->rack_fack = c->snd_una;
	c->rtx_tsval = 0;
	c->dsack_round = c->tlp_end = 0;
	/* RFC 6582 3.2 step 1: what is sent next may be lost too */
	c->recover = c->snd_una - 1;
	c->recover_fs = c->prr_delivered = c->prr_out = 0;
	c->prior_cwnd = c->prior_ssthresh = 0;
	c->undo_tsval = c->undo_bytes = c->undo_una = 0;
}

static void
calm_queues(struct sani_tcp_conn *c)
{
	c->sndq = (struct sani_tcp_sndq){ .limit = c->sndq.limit };
	c->rcvq = (struct sani_tcp_rcvq){ .limit = c->rcvq.limit, .max = c->rcvq.max };
	c->flight = (struct sani_tcp_flight){ .nb = 0 };
}

static void
calm_times(struct sani_tcp_conn *c, uint64_t now_us)
{
	c->rtt_seq = c->snd_nxt;
	c->min_rtt_us[0] = sani_tcp_min_rtt(c);
	c->min_rtt_us[1] = 0;
	c->rcv_round_us = (uint32_t)now_us;
	c->rcv_round_seq = c->rcv_nxt;
	memset(c->deadline, 0, sizeof(c->deadline));
	c->wake_us = SANI_NEVER;
}

void
sani_tcp_calm(struct sani_tcp_conn *c, uint64_t now_us)
{
	const size_t kept = sizeof(((struct sani_tcp_parked *)NULL)->cc_state);

	calm_recovery(c);
	calm_queues(c);
	calm_times(c, now_us);
	memset((uint8_t *)&c->cc_state + kept, 0, sizeof(c->cc_state) - kept);
	c->rst_seq = c->snd_up = c->rcv_up = c->rcv_fin = 0;
	c->nb_challenges = c->keep_probes = 0;
	c->challenge_ms = 0;
	c->keep_seen = 0;
	c->pace = (struct sani_tcp_pace){ .limit = SAN_PACING_OFF };
	c->cwv = (struct sani_tcp_cwv){ .known = false };
	c->search = (struct sani_tcp_mtu_search){ .on = false };
	c->fast = (struct sani_tcp_fast){ .flags = 0 };
}

static uint8_t
cc_of(const struct sani_tcp_conn *c)
{
	uint8_t cc = 0;

	while (sani_tcp_ccs[cc] != c->cc)
		cc++;
	return cc;
}

void
sani_tcp_park(struct sani_tcp_conn *c, struct sani_tcp_parked *p, uint64_t now_us)
{
	sani_tcp_calm(c, now_us);
	*p = (struct sani_tcp_parked){
		.remote_be = sani_ip_v4_be(&c->tuple.remote), .local_be = sani_ip_v4_be(&c->tuple.local),
		.remote_port = c->tuple.remote_port, .local_port = c->tuple.local_port, .sock = p->sock,
		.flags = c->flags, .snd_una = c->snd_una, .snd_wnd = c->snd_wnd, .snd_wl1 = c->snd_wl1,
		.snd_wl2 = c->snd_wl2, .max_snd_wnd = c->max_snd_wnd, .rcv_nxt = c->rcv_nxt, .rcv_adv = c->rcv_adv,
		.last_rcv = c->last_rcv, .ts_offset = c->ts_offset, .ts_recent = c->ts_recent,
		.ts_recent_s = c->ts_recent_s, .acked = c->acked, .received = c->received,
		.last_snd_us = c->last_snd_us, .srtt_us = c->srtt_us, .rttvar_us = c->rttvar_us,
		.min_rtt_us = c->min_rtt_us[0], .min_rtt_s = c->min_rtt_s, .cwnd = c->cwnd, .ssthresh = c->ssthresh,
		.segs_in = (uint32_t)c->segs_in, .segs_out = (uint32_t)c->segs_out,
		.user_timeout_ms = c->user_timeout_ms, .time_wait_ms = c->time_wait_ms,
		.sndbuf = c->sndq.limit, .sndbuf_max = c->sndbuf_max, .rcvbuf = c->rcvq.limit,
		.rcvbuf_max = c->rcvq.max, .granted = (uint32_t)c->granted,
		.rexmit_segs = (uint32_t)c->rexmit_segs, .rexmit_bytes = (uint32_t)c->rexmit_bytes,
		.mtu = c->mtu, .peer_mss = c->peer_mss, .rcv_mss = c->rcv_mss, .tos = c->tos, .ttl = c->ttl,
		.reo_wnd_mult = c->reo_wnd_mult, .quick_acks = c->quick_acks & 63u, .cc = cc_of(c) & 3u,
		.reo_wnd_persist = c->reo_wnd_persist & 31u, .ecn = c->ecn & 3u, .cwnd_full = c->cwnd_full,
		.snd_wscale = c->snd_wscale & 15u, .rcv_wscale = c->rcv_wscale & 15u,
	};
	memcpy(p->cc_state, &c->cc_state, sizeof(p->cc_state));
}

static void
fill_queues(struct sani_tcp_conn *c, const struct sani_tcp_parked *p)
{
	c->sndq.limit = p->sndbuf;
	c->sndbuf_max = p->sndbuf_max;
	c->rcvq.limit = p->rcvbuf;
	c->rcvq.max = p->rcvbuf_max;
	c->granted = p->granted;
}

static void
fill_times(struct sani_tcp_conn *c, const struct sani_tcp_parked *p, uint64_t now_us)
{
	c->srtt_us = p->srtt_us;
	c->rttvar_us = p->rttvar_us;
	c->rto_us = sani_tcp_rto_of(c);
	c->min_rtt_us[0] = p->min_rtt_us;
	c->min_rtt_s = p->min_rtt_s;
	c->last_rcv = p->last_rcv;
	c->last_snd_us = p->last_snd_us;
	c->user_timeout_ms = p->user_timeout_ms;
	c->time_wait_ms = p->time_wait_ms;
	calm_times(c, now_us);
}

static void
fill_sending(struct sani_tcp_conn *c, const struct sani_tcp_parked *p)
{
	c->acked = c->written = p->acked;
	c->snd_una = c->snd_nxt = c->rack_fack = p->snd_una;
	c->iss = p->snd_una - 1 - (uint32_t)p->acked;
	c->recover = p->snd_una - 1;
	c->snd_wnd = p->snd_wnd;
	c->snd_wl1 = p->snd_wl1;
	c->snd_wl2 = p->snd_wl2;
	c->max_snd_wnd = p->max_snd_wnd;
	c->cwnd = p->cwnd;
	c->ssthresh = p->ssthresh;
	c->cwnd_full = p->cwnd_full;
	c->reo_wnd_mult = p->reo_wnd_mult;
	c->reo_wnd_persist = p->reo_wnd_persist;
	c->cc = sani_tcp_ccs[p->cc];
	memcpy(&c->cc_state, p->cc_state, sizeof(p->cc_state));
}

static void
fill_receiving(struct sani_tcp_conn *c, const struct sani_tcp_parked *p)
{
	c->received = p->received;
	c->rcv_nxt = c->last_ack_sent = p->rcv_nxt;
	c->irs = p->rcv_nxt - 1 - (uint32_t)p->received;
	c->rcv_adv = p->rcv_adv;
	c->ts_recent = p->ts_recent;
	c->ts_recent_s = p->ts_recent_s;
	c->rcv_mss = p->rcv_mss;
	c->quick_acks = p->quick_acks;
}

void
sani_tcp_unpark(struct sani_tcp_conn *c, const struct sani_tcp_parked *p, uint64_t now_us)
{
	memset((uint8_t *)c + sizeof(c->owner), 0, sizeof(*c) - sizeof(c->owner));
	c->tuple = sani_tcp_parked_tuple(p);
	c->state = SAN_TCP_ESTABLISHED;	/* not a step of its own: it has been that all the time */
	c->flags = p->flags;
	c->tos = p->tos;
	c->ttl = p->ttl;
	c->ecn = p->ecn;
	c->snd_wscale = p->snd_wscale;
	c->rcv_wscale = p->rcv_wscale;
	c->ts_offset = p->ts_offset;
	c->mtu = p->mtu;
	c->peer_mss = p->peer_mss;
	c->hdrs = sani_tcp_hdrs(c);
	c->keep = usual_keep;
	c->segs_in = p->segs_in;
	c->segs_out = p->segs_out;
	c->rexmit_segs = p->rexmit_segs;
	c->rexmit_bytes = p->rexmit_bytes;
	sani_tcp_update_mss(c);
	fill_sending(c, p);
	fill_receiving(c, p);
	fill_queues(c, p);
	fill_times(c, p, now_us);
}

uint64_t
sani_tcp_parked_for(const struct sani_tcp_parked *p, uint64_t now_us)
{
	uint64_t sent_us = now_us - p->last_snd_us;
	uint64_t heard_us = (uint64_t)((uint32_t)(now_us >> SANI_TCP_RCV_SHIFT) - p->last_rcv) << SANI_TCP_RCV_SHIFT;

	return sent_us < heard_us ? sent_us : heard_us;
}
