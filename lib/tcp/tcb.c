/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "tcp/hold.h"
#include "tcp/keepalive.h"
#include "tcp/priv.h"

#define DEFAULT_MSS_V4 536u	/* RFC 9293 MUST-15 */
#define DEFAULT_MSS_V6 1220u

#define DEFAULT_TIME_WAIT_MS 60000u
#define WSCALE_MAX 14u
#define TTL 64u	/* RFC 1700 */

const struct sani_tcp_cc *const sani_tcp_ccs[] = {
	[SAN_CC_CUBIC] = &sani_tcp_cc_cubic,
	[SAN_CC_NEWRENO] = &sani_tcp_cc_newreno,
	[SAN_CC_DCTCP] = &sani_tcp_cc_dctcp,
};

static bool
is_v4(const struct sani_tcp_conn *c)
{
	return sani_ip_is_v4(&c->tuple.remote);
}

uint8_t
sani_tcp_hdrs(const struct sani_tcp_conn *c)
{
	return SANI_TCP_HDR_MIN + (is_v4(c) ? 20 : 40);
}

uint16_t
sani_tcp_mss_at(const struct sani_tcp_conn *c, uint32_t mtu)
{
	uint32_t mss = sani_tcp_min(c->peer_mss, mtu - c->hdrs);

	if (c->flags & SANI_TCP_F_TS)
		mss -= 12;
	return (uint16_t)mss;
}

void
sani_tcp_update_mss(struct sani_tcp_conn *c)
{
	c->snd_mss = sani_tcp_mss_at(c, c->mtu);
}

/* Smallest shift that shows the whole buffer in 16 bits (RFC 7323 2.2). */
static uint8_t
choose_wscale(uint32_t rcvbuf)
{
	uint32_t bits = 32 - (uint32_t)__builtin_clz(rcvbuf | 1);

	return bits <= 16 ? 0 : (uint8_t)sani_tcp_min(bits - 16, WSCALE_MAX);
}

static inline void
disarm_all(struct sani_tcp_conn *c)
{
	c->armed = 0;
	c->wake_us = SANI_NEVER;
}

/* The owner's fields, in front, are the core's, which has written some of them just now. */
static inline void
clear(struct sani_tcp_conn *c)
{
	const size_t from = offsetof(struct sani_tcp_conn, owner) + sizeof(c->owner);

	memset((uint8_t *)c + from, 0, sizeof(*c) - from);
}

void
sani_tcp_init(struct sani_tcp_conn *c, const struct sani_tcp_params *p)
{
	clear(c);
	c->tuple = p->tuple;
	c->tos = p->tune.tos;
	c->ttl = p->tune.ttl ? p->tune.ttl : TTL;
	c->ecn = sani_tcp_ecn_wish(p);
	c->flags = p->nodelay ? SANI_TCP_F_NODELAY : 0;
	c->iss = p->iss;
	c->snd_una = p->iss;
	c->snd_nxt = p->iss;
	c->recover = p->iss - 1;	/* RFC 6582 3.2 step 1; the first segment may be lost too */
	c->reo_wnd_mult = 1;
	c->mtu = p->mtu;
	c->rcv_wscale = choose_wscale(p->rcvbuf > p->rcvbuf_max ? p->rcvbuf : p->rcvbuf_max);
	c->quick_acks = SANI_TCP_QUICK_ACKS;
	c->ts_offset = p->ts_offset;
	c->user_timeout_ms = p->user_timeout_ms;
	c->keep = p->tune.keep;
	c->time_wait_ms = p->time_wait_ms ? p->time_wait_ms : DEFAULT_TIME_WAIT_MS;
	c->cc = sani_tcp_ccs[p->tune.cc];
	c->fast = p->fast;
	c->pace.limit = p->tune.pacing;
	c->search.on = p->tune.mtu_probe;
	c->ssthresh = UINT32_MAX;
	c->sndq.limit = p->sndbuf;
	c->sndbuf_max = p->sndbuf_max;
	c->rcvq.limit = p->rcvbuf;
	c->rcvq.max = p->rcvbuf_max;
	c->hdrs = sani_tcp_hdrs(c);
	c->peer_mss = is_v4(c) ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;
	c->rcv_mss = c->peer_mss;
	sani_tcp_update_mss(c);
	sani_tcp_rtt_init(c);
	if (p->tune.cwv)
		c->extras |= SANI_TCP_X_CWV;
	sani_tcp_pace_settle(c);
	disarm_all(c);
}

uint32_t
sani_tcp_open_active(struct sani_tcp_conn *c, const struct sani_tcp_params *p, uint64_t now_us)
{
	sani_tcp_init(c, p);
	sani_tcp_set_state(c, SAN_TCP_SYN_SENT);
	c->flags |= SANI_TCP_F_SYN_DUE;
	sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	return SANI_TCP_EV_OUTPUT;
}

uint32_t
sani_tcp_not_sent(struct sani_tcp_conn *c)
{
	if (c->state != SAN_TCP_SYN_SENT)
		return 0;
	c->snd_nxt = c->iss;
	c->flags |= SANI_TCP_F_SYN_DUE;
	c->flags &= ~(uint32_t)SANI_TCP_F_SYN_LOST;
	c->fast.flags &= (uint8_t)~SANI_TCP_FAST_SENT;
	c->backoff = 0;
	c->soft_error = 0;
	sani_tcp_disarm(c, SANI_TCP_T_REXMIT);
	return SANI_TCP_EV_OUTPUT;
}

void
sani_tcp_take_syn(struct sani_tcp_conn *c, const struct sani_tcp_seg *syn, uint64_t now_us)
{
	uint32_t wnd = sani_tcp_min(c->rcvq.limit, UINT16_MAX);

	c->irs = syn->seq;
	c->rcv_nxt = syn->seq + 1;
	/* from 0: what a SYN of ours has promised, if the buffer has changed since (user.c) */
	c->rcv_adv = c->rcv_nxt + (c->rcv_adv > wnd ? c->rcv_adv : wnd);
	c->last_ack_sent = c->rcv_nxt;
	c->last_rcv = (uint32_t)(now_us >> SANI_TCP_RCV_SHIFT);
	if (syn->opts & SANI_TCP_OPT_MSS)
		c->peer_mss = syn->mss > SANI_TCP_MSS_LEAST ? syn->mss : (uint16_t)SANI_TCP_MSS_LEAST;
	if (syn->opts & SANI_TCP_OPT_WSCALE) {
		c->flags |= SANI_TCP_F_WSCALE;
		c->snd_wscale = syn->wscale;
	} else {
		c->rcv_wscale = 0;
	}
	sani_tcp_ecn_take_syn(c, syn);
	sani_tcp_fast_answer(c, syn);
	if (syn->opts & SANI_TCP_OPT_SACK_PERM)
		c->flags |= SANI_TCP_F_SACK;
	if (syn->opts & SANI_TCP_OPT_TS) {
		c->flags |= SANI_TCP_F_TS;
		c->ts_recent = syn->tsval;
		c->ts_recent_s = (uint32_t)(now_us / 1000000);
	}
	sani_tcp_update_mss(c);
	c->rcv_mss = (uint16_t)sani_tcp_min(c->rcv_mss, c->snd_mss);
	c->snd_wnd = syn->wnd;
	c->max_snd_wnd = syn->wnd;
	c->snd_wl1 = syn->seq;
	c->snd_wl2 = c->iss;
}

uint32_t
sani_tcp_establish(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg, uint32_t wnd,
		   uint64_t now_us)
{
	uint32_t ev = SANI_TCP_EV_CONNECTED;

	sani_tcp_rtt_syn(c, seg, now_us);
	if (c->snd_nxt != c->iss + 1)
		ev |= sani_tcp_fast_established(c, seg->ack);
	else
		c->snd_una = seg->ack;
	c->rack_fack = c->snd_una;
	c->rcv_round_seq = c->rcv_nxt;
	c->rcv_round_us = (uint32_t)now_us;
	c->snd_wnd = wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	if (wnd > c->max_snd_wnd)
		c->max_snd_wnd = wnd;
	c->flags &= ~(uint32_t)SANI_TCP_F_SYN_DUE;
	c->backoff = 0;
	c->soft_error = 0;
	if (c->flags & SANI_TCP_F_SYN_LOST)
		c->rto_us = SANI_TCP_RTO_SYN_LOST_US;
	c->cwnd = sani_tcp_initial_window(c);
	c->cc->init(c);
	sani_tcp_cwv_begin(c);
	sani_tcp_disarm(c, SANI_TCP_T_REXMIT);
	sani_tcp_disarm(c, SANI_TCP_T_USER);
	sani_tcp_set_state(c, SAN_TCP_ESTABLISHED);
	if (c->snd_una != c->snd_nxt) {
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, 0));
		sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	}
	if (c->flags & SANI_TCP_F_FIN_QUEUED)
		sani_tcp_set_state(c, SAN_TCP_FIN_WAIT_1);
	sani_tcp_keep_start(c, now_us);
	return ev;
}

uint32_t
sani_tcp_finish(struct sani_tcp_conn *c, int error)
{
	sani_tcp_set_state(c, SAN_TCP_CLOSED);
	c->error = error;
	/* after an error what was not read is gone: that is no end of the stream that could be told */
	c->flags &= error == 0 ? SANI_TCP_F_FIN_KNOWN | SANI_TCP_F_FIN_RCVD | SANI_TCP_F_RCV_URG : 0u;
	c->dup_acks_due = 0;
	c->keep_due = false;
	disarm_all(c);
	if (c->sndq.head != NULL)
		sani_tcp_sndq_free(c);
	if (c->flight.nb > 0 || c->flight.table != NULL)
		sani_tcp_flight_free(c);
	if (error != 0)
		sani_tcp_rcvq_free(c);
	else if (c->rcvq.ooo != NULL)
		sani_tcp_ooo_free(&c->rcvq);
	return SANI_TCP_EV_CLOSED;
}

uint32_t
sani_tcp_end(struct sani_tcp_conn *c)
{
	c->acked = c->written;
	c->snd_una = c->snd_nxt;
	return SANI_TCP_EV_ACKED | SANI_TCP_EV_FIN_ACKED | sani_tcp_finish(c, 0);
}

bool
sani_tcp_syn_lost(const struct sani_tcp_conn *c)
{
	return c->flags & SANI_TCP_F_SYN_LOST;
}

int
sani_tcp_error(const struct sani_tcp_conn *c)
{
	return c->error;
}

uint64_t
sani_tcp_written(const struct sani_tcp_conn *c)
{
	return c->written;
}

uint64_t
sani_tcp_acked(const struct sani_tcp_conn *c)
{
	return c->acked;
}
