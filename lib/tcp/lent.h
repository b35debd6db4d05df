/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Lent: what is sent from memory of the program's, and received buffers that go to the program.
 *
 * Model:     the send queue holds mbufs that refer to the memory; so what is released there, by acknowledgement or
 *            with the connection, is a reference less. Segments are chains of a header and mbufs that refer to it
 *            too, where the port gives them back; else they are copied out of it, as from any other mbuf of the queue.
 * Files:     lent.c. Offered to sock and core, but for what is marked.
 * Source:    doc/op-contract.md O10.
 */
#ifndef SANI_TCP_LENT_H
#define SANI_TCP_LENT_H

#include "tcp/tcp.h"

/** Most buffers of a segment that refers to such memory. */
#define SANI_TCP_LENT_SEGS 4u

/** Memory to be sent from where it lies. */
struct sani_tcp_lent {
	const uint8_t *data;
	uint32_t len;
	bool copy;		/**< No segment may refer to it: copied out of it. */
	bool refer;		/**< Segments of the connection may refer to such memory, from now on. */
	/** Counts who refers to it. The caller holds one reference until all of it is taken. */
	struct rte_mbuf_ext_shared_info *info;
};

/** As sani_tcp_write(), without a copy: the bytes must not change, and be there, until the last reference is gone. */
uint32_t
sani_tcp_lend(struct sani_tcp_conn *c, const struct sani_tcp_lent *l, struct sani_tcp_io *io, uint32_t *taken);

/**
 * Copy what the send queue holds of that memory, so that it needs it no more; segments on their way may.
 * @return False: the pool is empty, and some is left. EV_ACKED comes when it may be tried again.
 */
bool
sani_tcp_own(struct sani_tcp_conn *c, const struct rte_mbuf_ext_shared_info *info, struct sani_tcp_io *io);

/** There is no such memory in the send queue any more. */
void
sani_tcp_lent_over(struct sani_tcp_conn *c);

/**
 * Take at most max mbufs of in-order bytes out, as sani_tcp_read() copies them; each alone, the caller's.
 * @param[out] bytes  In all of them.
 * @return How many.
 */
uint32_t
sani_tcp_take(struct sani_tcp_conn *c, struct rte_mbuf **m, uint32_t max, uint32_t *bytes, uint32_t *ev);

/** Put text [seq, seq + len) behind the header in m. For SANI_TCP_X_LENT; inside the engine. */
void
sani_tcp_lent_put(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint32_t seq, uint32_t len, struct rte_mbuf *m);

#endif
