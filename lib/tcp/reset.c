/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

bool
sani_tcp_reset_for(const struct sani_tcp_seg *seg, struct rte_mbuf *m)
{
	struct sani_tcp_seg rst = {
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.flags = SANI_TCP_RST,
	};

	if (seg->flags & SANI_TCP_RST)
		return false;
	if (seg->flags & SANI_TCP_ACK) {
		rst.seq = seg->ack;
	} else {
		rst.ack = seg->seq + sani_tcp_seg_space(seg);
		rst.flags |= SANI_TCP_ACK;
	}
	sani_tcp_put_header(m, &rst);
	return true;
}
