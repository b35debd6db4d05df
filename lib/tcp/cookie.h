/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * SYN cookies (RFC 4987 3.6): a SYN-ACK that keeps no state, and the ACK that proves it was received.
 *
 * The ISS of the SYN-ACK is the cookie:
 *
 *   31                                              4  3       1  0
 *  +------------------------------------------------+-----------+---+
 *  | keyed hash of tuple, IRS, slot and the options |    MSS    | t |
 *  +------------------------------------------------+-----------+---+
 *
 * t is the last bit of the time slot of 67 s, so that one hash is enough to try the present slot or the one
 * before it; a cookie lives for 67 to 134 s. MSS stands for one of eight. A guess is right once in 2^28.
 *
 * What the ISS has no room for travels in the timestamp that the peer returns, when it offered timestamps:
 *
 *   31                                           5  4  3        0
 *  +----------------------------------------------+---+----------+
 *  |          our timestamp clock [32 ms]         | S |  wscale  |	S: SACK permitted; wscale 15: none
 *  +----------------------------------------------+---+----------+
 *
 * It lies up to 31 ms behind the clock and never before it: whatever the connection sends later is not
 * older (PAWS). To a peer without timestamps neither window scale nor SACK is offered, and ECN to none. The
 * options are part of the hash: a peer, or somebody between, that returns other ones than were sent has no
 * cookie.
 *
 * Given up while cookies are sent, as RFC 4987 3.6 says of all of them: the SYN-ACK is not sent again, so a
 * peer whose ACK is lost and that has nothing to say waits for nothing; the ISS is no clock (RFC 9293 3.4.1),
 * wherefore a SYN that reopens a tuple of ours is never answered by a cookie.
 *
 * Pure functions; the key is the host's.
 */
#ifndef SANI_TCP_COOKIE_H
#define SANI_TCP_COOKIE_H

#include "tcp/tcp.h"

/** No cookie is taken that is older [us]. */
#define SANI_TCP_COOKIE_LIFE_US (UINT64_C(2) << 26)

/**
 * Make a cookie.
 *
 * @param[in,out] syn  The peer's SYN; afterwards it says no more than the cookie keeps of it.
 * @param[in,out] p    The tuple's parameters; iss and ts_offset are set so that the SYN-ACK of
 *                     sani_tcp_open_passive() with them and syn carries the cookie. ts_offset is that of
 *                     sani_tcp_ts_offset() before the call.
 */
void
sani_tcp_cookie_make(const uint8_t key[16], struct sani_tcp_seg *syn, uint64_t now_us,
		     struct sani_tcp_params *p);

/**
 * Is this segment (ACK, neither SYN nor RST) the first after a SYN-ACK with a cookie? One hash.
 *
 * @param[in]  t    The tuple, `zero` 0.
 * @param[in]  rcvbuf  What the listener's receive window may grow to [bytes]: as when the SYN-ACK was sent, or
 *                     the window that it showed, or its scale, would not be ours.
 * @param[out] syn  The SYN that the cookie keeps, for sani_tcp_open_cookie(). The ISS is ack->ack - 1.
 */
bool
sani_tcp_cookie_check(const uint8_t key[16], const struct sani_tuple *t, const struct sani_tcp_seg *ack,
		      uint64_t now_us, uint32_t rcvbuf, struct sani_tcp_seg *syn);

#endif
