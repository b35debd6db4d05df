/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Info: what a program can learn of one connection, in the manner of Linux's tcp_info.
 *
 * Model:   a snapshot, taken by the owning core. Bytes and microseconds, never segments or jiffies, but
 *          where the name says so. Fields are only ever added, at the end: `size` says how far they go.
 * Use:     how the path does (srtt, cwnd, retransmissions); whether the peer still answers: after three
 *          timeouts of one segment (backoff >= SAN_TCP_R1) the connection is in doubt, long before it is
 *          given up (RFC 9293 3.8.3, SHLD-9); what routers said (soft_error, RFC 9293 3.9.1.8).
 * Source:  RFC 9293, 6298, 5681, 7323.
 */
#ifndef SAN_INFO_H
#define SAN_INFO_H

#include <san/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Options that both sides have agreed on; bits of san_tcp_info.options. */
enum san_tcp_info_option {
	SAN_TCP_INFO_TIMESTAMPS = 1 << 0,
	SAN_TCP_INFO_SACK = 1 << 1,
	SAN_TCP_INFO_WSCALE = 1 << 2,
	SAN_TCP_INFO_ECN = 1 << 3,
};

/** Where loss recovery stands. */
enum san_tcp_info_recovery {
	SAN_TCP_INFO_OPEN = 0,		/**< Nothing is known to be lost. */
	SAN_TCP_INFO_CWR = 1,		/**< After an ECN echo. */
	SAN_TCP_INFO_RECOVERY = 2,	/**< Fast recovery. */
	SAN_TCP_INFO_LOSS = 3,		/**< After a retransmission timeout. */
};

/** Timeouts of one segment after which the connection is in doubt: R1 of RFC 9293 3.8.3. */
#define SAN_TCP_R1 3

/** No time: it has not happened yet. */
#define SAN_TCP_INFO_NEVER UINT32_MAX

struct san_tcp_info {
	uint32_t size;		/**< In: sizeof(struct san_tcp_info). Out: how much of it was filled. */
	uint8_t state;		/**< enum san_tcp_state. */
	uint8_t recovery;	/**< enum san_tcp_info_recovery. */
	uint8_t options;	/**< enum san_tcp_info_option; 0 once CLOSED. */
	uint8_t backoff;	/**< Timeouts in a row, each of which has doubled the RTO. */
	uint8_t snd_wscale;	/**< Shift of the windows that the peer shows. */
	uint8_t rcv_wscale;	/**< Of ours. */
	uint8_t window_probes;	/**< Sent since the peer's window was last open; 255: as many or more. */
	uint8_t keep_probes;	/**< Keepalive probes sent and not answered. */
	int32_t soft_error;	/**< Last ICMP error since the last progress, a negative errno; 0: none. */
	char cc_name[16];	/**< Congestion control; terminated. */

	uint32_t rto_us;	/**< Retransmission timeout, without backoff. */
	uint32_t srtt_us;	/**< Smoothed round trip; 0: not measured yet. */
	uint32_t rttvar_us;
	uint32_t min_rtt_us;	/**< Least round trip lately; 0: not known. */
	uint32_t last_sent_ms;	/**< Since data, SYN or FIN was sent; SAN_TCP_INFO_NEVER. */
	uint32_t last_recv_ms;	/**< Since an acceptable segment came, modulo 50 days; SAN_TCP_INFO_NEVER. */

	uint32_t pmtu;		/**< Of the path as known [bytes], IP header included. */
	uint32_t snd_mss;	/**< Payload of a full segment of ours [bytes]. */
	uint32_t rcv_mss;	/**< Of the peer's, as seen [bytes]. */
	uint32_t adv_mss;	/**< What we announced [bytes]. */
	uint32_t snd_wnd;	/**< The peer's window [bytes]. */
	uint32_t rcv_wnd;	/**< Ours, as promised [bytes]. */
	uint32_t cwnd;		/**< [bytes] */
	uint32_t ssthresh;	/**< [bytes]; UINT32_MAX: none yet. */

	uint32_t unacked;	/**< Sent and not acknowledged [bytes]; a SYN or FIN counts as one. */
	uint32_t sacked;	/**< Of those, selectively acknowledged. */
	uint32_t lost;		/**< Of those, held for lost and not sent again yet. */
	uint32_t unsent;	/**< Written and never sent [bytes]. */
	uint32_t unread;	/**< Received in order and not read [bytes]. */
	uint32_t reordering;	/**< 1: segments were seen to arrive in another order; else 0. */

	uint64_t bytes_sent;	/**< Of the stream, each counted once. */
	uint64_t bytes_acked;
	uint64_t bytes_received; /**< In order. */
	uint64_t bytes_retrans;	/**< Sent again; a SYN or FIN counts as one. */
	uint64_t segs_out;	/**< ACKs and probes included. */
	uint64_t segs_in;	/**< Unacceptable ones included. */
	uint64_t segs_retrans;

	uint32_t dctcp_alpha;	/**< Part of the bytes that the network marks, smoothed [ppm]; 0: no DCTCP. */
	uint32_t pipe_ack;	/**< What the path was seen to carry in a round trip lately [bytes]; 0: not known. */
	uint64_t pacing_rate;	/**< [bytes/s] now; 0: not paced, or no round trip was measured yet. */
};

/** Size of the first form of struct san_tcp_info. */
#define SAN_TCP_INFO_MIN 168u

/**
 * Look at a connection.
 *
 * @param[in]     sock  A socket that is connecting, connected, or dead and not closed.
 * @param[in,out] info  Its size field is read; filled only on success. Fields that the library is too
 *                      old for are left alone.
 *
 * @retval 0         Done.
 * @retval -EINVAL   info is NULL, or its size below SAN_TCP_INFO_MIN.
 * @retval -ENOTCONN Neither connecting nor connected: fresh, bound or listening.
 * @retval -ENOTSOCK -EPERM -EAGAIN -ENETDOWN  As san_socket().
 * @context  Any attached thread, any thread that polls a core. From off the core it waits for it, at most
 *           one second.
 */
SAN_API int
san_tcp_info(san_handle sock, struct san_tcp_info *info);

#ifdef __cplusplus
}
#endif
#endif
