/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Fast Open (RFC 7413) inside the engine: data in the SYN, and what answers it. Whether a cookie is good, and
 * which one a peer has given, the caller knows (core/fast.h). Part of tcp/priv.h.
 *
 *   client   ASK: the first SYN has the option. With a cookie (DATA) it takes what was written along. The SYN-ACK
 *            acknowledges that, or only the SYN: then it goes again at once, as new data. A SYN that is sent again
 *            has neither option nor data (4.1.3): it may be lost for them.
 *   server   EARLY: the data was taken, and the answer is sent from SYN_RECEIVED, within the initial window.
 */
#ifndef SANI_TCP_FAST_H
#define SANI_TCP_FAST_H

#include "wire/tcp.h"

struct sani_tcp_conn;
struct sani_tcp_io;

enum sani_tcp_fast_flag {
	SANI_TCP_FAST_ASK = 1 << 0,	/**< The SYN has the option, with cookie[nb]. */
	SANI_TCP_FAST_DATA = 1 << 1,	/**< And data, as far as there is some. */
	SANI_TCP_FAST_GIVE = 1 << 2,	/**< The SYN-ACK has the option, with cookie[nb]. */
	SANI_TCP_FAST_EARLY = 1 << 3,	/**< SYN_RECEIVED sends. */
	SANI_TCP_FAST_SENT = 1 << 4,	/**< Our SYN had data. */
	SANI_TCP_FAST_TAKEN = 1 << 5,	/**< The SYN-ACK acknowledges some of it. */
	SANI_TCP_FAST_GIVEN = 1 << 6,	/**< It had a cookie, which is in cookie[nb] now. */
};

/** Of a connection; cold. Given when it is opened; all zero: an ordinary handshake. */
struct sani_tcp_fast {
	uint8_t cookie[SANI_TCP_FAST_MOST];
	uint16_t mss;		/**< DATA: the peer's, as it was last. */
	uint8_t nb;		/**< Octets of the cookie. */
	uint8_t flags;		/**< enum sani_tcp_fast_flag */
};

/** The option of a SYN or a SYN-ACK that is being built. */
void
sani_tcp_fast_option(const struct sani_tcp_conn *c, struct sani_tcp_seg *seg);

/** The first SYN was just built: data behind it. */
void
sani_tcp_fast_data(struct sani_tcp_conn *c, struct sani_tcp_io *io);

/** The option of the peer's SYN-ACK. */
void
sani_tcp_fast_answer(struct sani_tcp_conn *c, const struct sani_tcp_seg *seg);

/** The SYN is acknowledged by `ack`, and there was data behind it: SND.UNA, SND.NXT. @return Events. */
uint32_t
sani_tcp_fast_established(struct sani_tcp_conn *c, uint32_t ack);

#endif
