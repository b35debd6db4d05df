/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "tcp/priv.h"

/*
 * ICMP errors (RFC 9293 3.9.2.2, RFC 5927). Hard ones end a connection only before it is synchronized;
 * after that they are as soft as the others: remembered, and told if the connection times out.
 */
enum kind {
	KIND_NONE,	/* not for TCP, or ignored (source quench, MUST-55) */
	KIND_SOFT,
	KIND_REFUSED,
	KIND_TOO_BIG,
};

#define CONNECT_RETRIES 2	/* SYNs sent again before a silent neighbour is believed */

#define MTU_FLOOR_V4 552u	/* below lies nothing but an attack (RFC 5927 7) */
#define MTU_FLOOR_V6 1280u
#define MTU_UNKNOWN 576u	/* a router from before RFC 1191 does not say */

static enum kind
classify_v4(uint8_t type, uint8_t code)
{
	if (type == 3 && code == 4)
		return KIND_TOO_BIG;
	if (type == 3 && (code == 2 || code == 3))
		return KIND_REFUSED;
	return type == 3 || type == 11 || type == 12 ? KIND_SOFT : KIND_NONE;
}

static enum kind
classify_v6(uint8_t type, uint8_t code)
{
	if (type == 2)
		return KIND_TOO_BIG;
	if (type == 1 && (code == 1 || code == 4))
		return KIND_REFUSED;
	return type == 1 || type == 3 || type == 4 ? KIND_SOFT : KIND_NONE;
}

/* A segment was too big for the path: smaller ones from now on, and what is out goes again. */
static uint32_t
lower_mtu(struct sani_tcp_conn *c, uint32_t mtu, uint32_t floor, uint64_t now_us)
{
	uint16_t before = c->mtu;

	if (mtu == 0)
		mtu = MTU_UNKNOWN;
	if (mtu < floor)
		mtu = floor;
	if (mtu >= c->mtu)
		return 0;
	c->mtu = (uint16_t)mtu;
	sani_tcp_update_mss(c);
	sani_tcp_mtu_told(c, before, now_us);
	/* one octet in a shut window is not too big; the persist timer has it */
	if (c->state < SAN_TCP_ESTABLISHED || (c->flags & SANI_TCP_F_PROBED))
		return 0;
	sani_tcp_recovery_resend(c);
	return SANI_TCP_EV_OUTPUT;
}

uint32_t
sani_tcp_unreachable(struct sani_tcp_conn *c)
{
	if (c->state <= SAN_TCP_LISTEN)
		return 0;
	if (c->state == SAN_TCP_SYN_SENT && c->backoff >= CONNECT_RETRIES)
		return sani_tcp_finish(c, -EHOSTUNREACH);
	c->soft_error = -EHOSTUNREACH;
	return 0;
}

uint32_t
sani_tcp_icmp(struct sani_tcp_conn *c, uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq,
	      struct sani_tcp_io *io)
{
	bool v4 = sani_ip_is_v4(&c->tuple.remote);
	enum kind kind = v4 ? classify_v4(type, code) : classify_v6(type, code);
	bool synchronized = c->state >= SAN_TCP_ESTABLISHED;

	if (c->state <= SAN_TCP_LISTEN || !seq_in(seq, c->snd_una, c->snd_nxt - c->snd_una))
		return 0;
	switch (kind) {
	case KIND_TOO_BIG:
		return lower_mtu(c, mtu, v4 ? MTU_FLOOR_V4 : MTU_FLOOR_V6, io->now_us);
	case KIND_REFUSED:
		if (!synchronized)
			return sani_tcp_finish(c, -ECONNREFUSED);
		c->soft_error = -ECONNREFUSED;
		return 0;
	case KIND_SOFT:
		c->soft_error = -EHOSTUNREACH;
		return 0;
	default:
		return 0;
	}
}
