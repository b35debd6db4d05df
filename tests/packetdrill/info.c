/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/info.h"

#include <errno.h>
#include <linux/tcp.h>
#include <string.h>

#define NO_SSTHRESH 0x7fffffffu

/* States by their numbers on Linux. */
static const uint8_t states[] = {
	[SAN_TCP_ESTABLISHED] = 1,
	[SAN_TCP_SYN_SENT] = 2,
	[SAN_TCP_SYN_RECEIVED] = 3,
	[SAN_TCP_FIN_WAIT_1] = 4,
	[SAN_TCP_FIN_WAIT_2] = 5,
	[SAN_TCP_TIME_WAIT] = 6,
	[SAN_TCP_CLOSED] = 7,
	[SAN_TCP_CLOSE_WAIT] = 8,
	[SAN_TCP_LAST_ACK] = 9,
	[SAN_TCP_LISTEN] = 10,
	[SAN_TCP_CLOSING] = 11,
};

static uint8_t
recovery(const struct san_tcp_info *info)
{
	switch ((enum san_tcp_info_recovery)info->recovery) {
	case SAN_TCP_INFO_OPEN:
		return info->sacked > 0 ? TCP_CA_Disorder : TCP_CA_Open;
	case SAN_TCP_INFO_CWR:
		return TCP_CA_CWR;
	case SAN_TCP_INFO_RECOVERY:
		return TCP_CA_Recovery;
	case SAN_TCP_INFO_LOSS:
		return TCP_CA_Loss;
	}
	return TCP_CA_Open;
}

static uint32_t
segments(uint32_t bytes, uint32_t mss)
{
	return (bytes + mss - 1) / mss;
}

/* The two bits of options beside these four are Linux's own. */
static void
fill_counts(struct tcp_info *to, const struct san_tcp_info *info, uint32_t mss)
{
	to->tcpi_ca_state = recovery(info);
	to->tcpi_retransmits = info->backoff;
	to->tcpi_backoff = info->backoff;
	to->tcpi_probes = info->window_probes;
	to->tcpi_options = info->options;
	to->tcpi_snd_wscale = (uint8_t)(info->snd_wscale & 0xf);
	to->tcpi_rcv_wscale = (uint8_t)(info->rcv_wscale & 0xf);
	to->tcpi_unacked = segments(info->unacked, mss);
	to->tcpi_sacked = segments(info->sacked, mss);
	to->tcpi_snd_cwnd = info->cwnd / mss;
	to->tcpi_snd_ssthresh = info->ssthresh == UINT32_MAX ? NO_SSTHRESH : info->ssthresh / mss;
	to->tcpi_total_retrans = (uint32_t)info->segs_retrans;
}

static void
fill_figures(struct tcp_info *to, const struct san_tcp_info *info)
{
	to->tcpi_rto = info->rto_us;
	to->tcpi_rtt = info->srtt_us;
	to->tcpi_rttvar = info->rttvar_us;
	to->tcpi_min_rtt = info->min_rtt_us;
	to->tcpi_last_data_sent = info->last_sent_ms;
	to->tcpi_last_data_recv = info->last_recv_ms;
	to->tcpi_snd_mss = info->snd_mss;
	to->tcpi_rcv_mss = info->rcv_mss;
	to->tcpi_advmss = info->adv_mss;
	to->tcpi_pmtu = info->pmtu;
	to->tcpi_notsent_bytes = info->unsent;
	to->tcpi_bytes_acked = info->bytes_acked;
	to->tcpi_bytes_received = info->bytes_received;
	to->tcpi_bytes_sent = info->bytes_sent;
	to->tcpi_bytes_retrans = info->bytes_retrans;
	to->tcpi_segs_out = (uint32_t)info->segs_out;
	to->tcpi_segs_in = (uint32_t)info->segs_in;
}

int
info_get(struct sock *s, void *value, socklen_t *size)
{
	struct san_tcp_info info = { .size = sizeof(info) };
	struct tcp_info to = { .tcpi_state = 0 };
	uint32_t state = SAN_TCP_CLOSED;
	int rc = san_tcp_info(s->handle, &info);

	if (rc < 0 && rc != -ENOTCONN)
		return rc;
	san_get_option(s->handle, SAN_OPT_STATE, &state);
	to.tcpi_state = states[state];
	if (rc == 0) {
		fill_counts(&to, &info, RTE_MAX(info.snd_mss, 1u));
		fill_figures(&to, &info);
	}
	memset(value, 0, *size);
	memcpy(value, &to, RTE_MIN((size_t)*size, sizeof(to)));
	return 0;
}

int
info_of_control(socklen_t *size)
{
	*size = 0;
	return 0;
}

int
info_of_memory(void *value, socklen_t *size)
{
	memset(value, 0, *size);
	return 0;
}
