/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Inside the TCP engine: loss and congestion, how they are found and what they make of the windows. Part
 * of tcp/priv.h.
 */
#ifndef SANI_TCP_LOSS_H
#define SANI_TCP_LOSS_H

#include "tcp/conn.h"

struct sani_tcp_rx;

/* sack.c: RFC 2018, 2883. */

/** The SACK option of a segment whose ACK is acceptable. */
void
sani_tcp_sack_input(struct sani_tcp_rx *rx, struct sani_tcp_delivery *d);
/** The blocks to send beside len bytes of payload. */
void
sani_tcp_sack_fill(struct sani_tcp_conn *c, struct sani_tcp_seg *seg);
/** [left, right) was received before: the next ACK says so. */
void
sani_tcp_dsack_owe(struct sani_tcp_rcvq *q, uint32_t left, uint32_t right);

/* rack.c: RFC 8985. */

/** Step 2: does the delivery of a run that was sent again at this time say when it was? */
bool
sani_tcp_rack_tells(const struct sani_tcp_rx *rx, uint32_t time);
/** Steps 2 to 4 for what an ACK has delivered. */
void
sani_tcp_rack_update(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d);
/** The reordering window grows with needless retransmissions. */
void
sani_tcp_rack_dsack(struct sani_tcp_conn *c);
/** Step 5: find what is lost, arm the timer for what may be. @return Something was found. */
bool
sani_tcp_rack_detect(struct sani_tcp_conn *c, uint64_t now_us);
/** 6.3: the retransmission timer has fired; with SACK. */
void
sani_tcp_rack_timeout(struct sani_tcp_conn *c, uint64_t now_us);
/** The least round-trip time of the last minutes [us]; 0: none yet. */
uint32_t
sani_tcp_min_rtt(const struct sani_tcp_conn *c);
/** A recovery is over. */
void
sani_tcp_rack_recovered(struct sani_tcp_conn *c);
/** 7.2: PTO_DUE: arm the probe timer, if a probe may be sent. */
void
sani_tcp_tlp_schedule(struct sani_tcp_conn *c, uint64_t now_us);
/** 7.4, with TLP_OUT. @return True: the probe has repaired a loss, which counts as congestion. */
bool
sani_tcp_tlp_acked(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d);

/* prr.c: RFC 9937. */
void
sani_tcp_prr_begin(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d, uint64_t now_us);
/** Set cwnd after an ACK in recovery. */
void
sani_tcp_prr_ack(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d);

/* recovery.c */
uint32_t
sani_tcp_initial_window(const struct sani_tcp_conn *c);
/** An acceptable ACK, after all it says about the flight was taken in. */
void
sani_tcp_recovery_ack(struct sani_tcp_rx *rx, struct sani_tcp_delivery *d);
/** RACK's timer has fired: what is overdue is lost. */
void
sani_tcp_recovery_reo_timer(struct sani_tcp_conn *c, struct sani_tcp_io *io);
/** The way into RECOVERY: ssthresh, recover, the timer. */
void
sani_tcp_recovery_enter(struct sani_tcp_conn *c, uint64_t now_us, struct sani_counters *ctr);
/** Outside recovery an ACK lets cwnd grow. */
void
sani_tcp_recovery_grow(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d);
void
sani_tcp_recovery_timeout(struct sani_tcp_conn *c, uint64_t now_us);
/** Everything in flight is to be sent again, congestion or not (a smaller MTU). */
void
sani_tcp_recovery_resend(struct sani_tcp_conn *c);

/* newreno.c: RFC 6582. */

void
sani_tcp_newreno_ack(struct sani_tcp_rx *rx, const struct sani_tcp_delivery *d);
/** sani_tcp_cwnd_now() without SACK. */
uint32_t
sani_tcp_cwnd_extended(const struct sani_tcp_conn *c);

/* ecn.c: RFC 3168, 8257. */

/** enum san_ecn that a connection begins with. */
uint8_t
sani_tcp_ecn_wish(const struct sani_tcp_params *p);
/** ECE and CWR of a SYN, or of the SYN-ACK that answers one. */
uint8_t
sani_tcp_ecn_syn_flags(const struct sani_tcp_conn *c, bool answer);
/** Has the peer's SYN or SYN-ACK agreed? */
void
sani_tcp_ecn_take_syn(struct sani_tcp_conn *c, const struct sani_tcp_seg *syn);
/** Our SYN was refused. @return True: it goes again, without asking for ECN. */
bool
sani_tcp_ecn_retry(struct sani_tcp_conn *c);
/** Marks and CWR of an acceptable segment, before its text is taken. */
void
sani_tcp_ecn_receive(struct sani_tcp_rx *rx);
/** ECE and CWR of a segment that is about to go. */
uint8_t
sani_tcp_ecn_flags(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg);
/** May the network mark this segment? */
bool
sani_tcp_ecn_capable(const struct sani_tcp_conn *c, const struct sani_tcp_seg *seg);
/** The same for a SYN or SYN-ACK with these flags. */
bool
sani_tcp_ecn_syn_capable(const struct sani_tcp_conn *c, uint8_t flags);

#endif
