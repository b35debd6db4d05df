/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define TO(s) (1u << SAN_TCP_##s)

/* Legal transitions (RFC 9293 figure 5; every state may end in CLOSED by reset, abort or timeout). */
static const uint16_t legal[] = {
	[SAN_TCP_CLOSED] = TO(LISTEN) | TO(SYN_SENT) | TO(CLOSED),
	[SAN_TCP_LISTEN] = TO(SYN_RECEIVED) | TO(CLOSED),
	[SAN_TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED),
	[SAN_TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(CLOSED),
	[SAN_TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
	[SAN_TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(CLOSED),
	[SAN_TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
	[SAN_TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
	[SAN_TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
	[SAN_TCP_LAST_ACK] = TO(CLOSED),
	[SAN_TCP_TIME_WAIT] = TO(CLOSED),
};

void
sani_tcp_set_state(struct sani_tcp_conn *c, enum san_tcp_state state)
{
	sani_assert(legal[c->state] & 1u << state);
	c->state = (uint8_t)state;
}

enum san_tcp_state
sani_tcp_state(const struct sani_tcp_conn *c)
{
	return (enum san_tcp_state)c->state;
}
