/* SPDX-License-Identifier: BSD-3-Clause */
#include <san/info.h>

#include "tcp/keepalive.h"
#include "tcp/priv.h"

_Static_assert(offsetof(struct san_tcp_info, dctcp_alpha) == SAN_TCP_INFO_MIN, "the first form, and no padding in it");
_Static_assert(SANI_TCP_CA_CWR == (int)SAN_TCP_INFO_CWR && SANI_TCP_CA_RECOVERY == (int)SAN_TCP_INFO_RECOVERY &&
	       SANI_TCP_CA_LOSS == (int)SAN_TCP_INFO_LOSS,
	       "recovery is shown as it is kept");

static uint8_t
show_options(const struct sani_tcp_conn *c)
{
	unsigned int shown = 0;

	if (c->flags & SANI_TCP_F_TS)
		shown |= SAN_TCP_INFO_TIMESTAMPS;
	if (c->flags & SANI_TCP_F_SACK)
		shown |= SAN_TCP_INFO_SACK;
	if (c->flags & SANI_TCP_F_WSCALE)
		shown |= SAN_TCP_INFO_WSCALE;
	if (c->flags & SANI_TCP_F_ECN)
		shown |= SAN_TCP_INFO_ECN;
	return (uint8_t)shown;
}

static uint32_t
show_ms(uint64_t us)
{
	return us / 1000 < SAN_TCP_INFO_NEVER ? (uint32_t)(us / 1000) : SAN_TCP_INFO_NEVER;
}

static uint32_t
last_sent_ms(const struct sani_tcp_conn *c, uint64_t now_us)
{
	return c->last_snd_us != 0 ? show_ms(now_us - c->last_snd_us) : SAN_TCP_INFO_NEVER;
}

static uint32_t
last_recv_ms(const struct sani_tcp_conn *c, uint64_t now_us)
{
	return c->state != SAN_TCP_SYN_SENT ? show_ms(sani_tcp_quiet_us(c, now_us)) : SAN_TCP_INFO_NEVER;
}

static uint32_t
show_alpha(const struct sani_tcp_conn *c)
{
	if (c->cc != &sani_tcp_cc_dctcp)
		return 0;
	return (uint32_t)((uint64_t)c->cc_state.dctcp.alpha * 1000000 / SANI_TCP_ALPHA_ONE);
}

static uint64_t
show_pace(const struct sani_tcp_conn *c)
{
	uint64_t rate = c->extras & SANI_TCP_X_PACED ? sani_tcp_pace_rate(c) : 0;

	return rate == UINT64_MAX ? 0 : rate;
}

void
sani_tcp_info(const struct sani_tcp_conn *c, uint64_t now_us, struct san_tcp_info *info)
{
	*info = (struct san_tcp_info){
		.size = sizeof(*info),
		.state = c->state,
		.recovery = c->ca,
		.options = show_options(c),
		.backoff = c->backoff,
		.snd_wscale = c->snd_wscale,
		.rcv_wscale = c->rcv_wscale,
		.window_probes = c->persist_shift,
		.keep_probes = c->keep_probes,
		.soft_error = c->soft_error,
		.rto_us = c->rto_us,
		.srtt_us = c->srtt_us,
		.rttvar_us = c->rttvar_us,
		.min_rtt_us = sani_tcp_min_rtt(c),
		.last_sent_ms = last_sent_ms(c, now_us),
		.last_recv_ms = last_recv_ms(c, now_us),
		.pmtu = c->mtu,
		.snd_mss = c->snd_mss,
		.rcv_mss = c->rcv_mss,
		.adv_mss = sani_tcp_mss_to_announce(c),
		.snd_wnd = c->snd_wnd,
		.rcv_wnd = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0,
		.cwnd = c->cwnd,
		.ssthresh = c->ssthresh,
		.unacked = c->snd_nxt - c->snd_una,
		.sacked = c->flight.sacked,
		.lost = c->flight.lost,
		.reordering = (c->flags & SANI_TCP_F_REORDERED) != 0,
		.unsent = sani_tcp_unsent(c),
		.unread = c->rcvq.bytes,
		.bytes_sent = c->written - sani_tcp_unsent(c),
		.bytes_acked = c->acked,
		.bytes_received = c->received,
		.bytes_retrans = c->rexmit_bytes,
		.segs_out = c->segs_out,
		.segs_in = c->segs_in,
		.segs_retrans = c->rexmit_segs,
		.dctcp_alpha = show_alpha(c),
		.pipe_ack = c->extras & SANI_TCP_X_CWV ? sani_tcp_cwv_pipe_ack(c) : 0,
		.pacing_rate = show_pace(c),
	};
	for (size_t i = 0; i + 1 < sizeof(info->cc_name) && c->cc->name[i] != '\0'; i++)
		info->cc_name[i] = c->cc->name[i];
}
