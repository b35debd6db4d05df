/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Path MTU without a word from the path (RFC 4821, for TCP): segments are made shorter when long ones time out in
 * silence, and longer again by probes of real data. Part of tcp/priv.h; for connections whose option is on.
 *
 *   top == 0      nothing is known that would ask for a search
 *     |  two timeouts of a segment that is longer than the next step, no ICMP: MTU down one step
 *     |  (1,240, then 576; IPv6: 1,280). An ICMP error that lowers the MTU leads to the search at once.
 *   lowered       timeouts > 0: nothing has got through yet. Two more timeouts: the next step; behind the last one
 *     |           the way is dead, not narrow: back to what passed before, and so on until something is acknowledged
 *   search        SND.UNA has moved. A probe of top first, then by halves between what passes and what does not;
 *     |           a lost one is no congestion (7.6.3). Within SANI_TCP_MTU_NEAR: rest for ten minutes, begin anew
 *   top reached   a probe of it was acknowledged: over
 *
 * Who forges, or drops, can bring it down to the last step and no further. Probes need SACK, so that the loss of
 * one is seen without a timeout; without it what was lowered stays so.
 */
#ifndef SANI_TCP_MTU_H
#define SANI_TCP_MTU_H

#include "base/base.h"

struct sani_counters;
struct sani_tcp_conn;
struct sani_tcp_io;

#define SANI_TCP_MTU_NEAR 32u		/**< The search ends this close to what does not pass [bytes]. */
#define SANI_TCP_MTU_PAUSE_S 15u	/**< From a lost probe to the next one. */
#define SANI_TCP_MTU_RAISE_S 600u	/**< From the end of a search to the next one (RFC 1191 6.3, RFC 8899 5.1.1). */

/** Of a connection; cold: looked at with SANI_TCP_F_MTU, and when a timer or an ICMP error has come. */
struct sani_tcp_mtu_search {
	uint32_t mark;		/**< A probe is out: where it ends. Else SND.UNA when the timeouts began. */
	uint32_t next_s;	/**< No probe before this [s], modulo 2^32. */
	uint16_t top;		/**< What the MTU was before it was lowered; 0: it was not. */
	uint16_t high;		/**< The least MTU that is held not to pass. */
	uint16_t probe;		/**< MTU of the probe that is out; 0: none. */
	uint16_t before;	/**< With timeouts: what the MTU was when they began. */
	uint8_t timeouts;	/**< In a row, with SND.UNA at mark. */
	bool on;		/**< The option. */
};

/** The retransmission timer of a synchronized connection has fired; before the segments are marked lost. */
void
sani_tcp_mtu_timeout(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/** An ICMP error has lowered c->mtu, which was `before`. */
void
sani_tcp_mtu_told(struct sani_tcp_conn *c, uint16_t before, uint64_t now_us);

/** What new data may do when there is a search (SANI_TCP_F_MTU). */
enum sani_tcp_mtu_verdict {
	SANI_TCP_MTU_PASS,	/**< As without one. */
	SANI_TCP_MTU_PROBE,	/**< One segment of *len bytes now: when it is out, sani_tcp_mtu_sent(). */
	SANI_TCP_MTU_WAIT,	/**< A probe is due, and cwnd has no room for it yet: nothing new until then. */
};

/** Take in what was acknowledged; then decide. Segments may be longer when this returns. */
enum sani_tcp_mtu_verdict
sani_tcp_mtu_plan(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t *len);

/** The probe that was planned is out, up to snd_nxt. */
void
sani_tcp_mtu_sent(struct sani_tcp_conn *c, struct sani_counters *ctr);

/**
 * Something was found lost.
 * @return True: it is the probe that is out and nothing else, so it says nothing of congestion.
 */
bool
sani_tcp_mtu_lost(struct sani_tcp_conn *c, struct sani_tcp_io *io);

#endif
