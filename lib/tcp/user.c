/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/keepalive.h"
#include "tcp/priv.h"
#include "tcp/urgent.h"

#define POOL_RETRY_US 1000u
#define RATION_RETRY_US 4000000u	/* when nobody says before that there are buffers again */
#define MORE_US 100000u		/* less than the least RTO: the persist timer has no part in it */
#define SCARCE_BYTES 2048u	/* of a queue that was empty, while the pool runs low */

_Static_assert(SANI_TCP_HAS_FIN == SANI_TCP_F_FIN_QUEUED, "what others look at is the same flag");

bool
sani_tcp_can_write(const struct sani_tcp_conn *c)
{
	if (c->flags & SANI_TCP_F_FIN_QUEUED)
		return false;
	return c->state == SAN_TCP_SYN_SENT || c->state == SAN_TCP_SYN_RECEIVED ||
	       c->state == SAN_TCP_ESTABLISHED || c->state == SAN_TCP_CLOSE_WAIT;
}

SANI_SELDOM uint32_t
sani_tcp_ration(struct sani_tcp_io *io, uint32_t held, uint32_t len)
{
	if (held > 0)
		return 0;
	if (io->budget == NULL || io->budget->sends == 0) {
		sani_count(io->ctr, SANI_CTR_tcp_tx_wait_pool);
		return 0;
	}
	io->budget->sends--;
	return len;
}

/* The timer may be armed for the end of a message too, and stays then. */
SANI_SELDOM void
sani_tcp_wait_for_pool(struct sani_tcp_conn *c, const struct sani_tcp_io *io)
{
	uint64_t at_us = io->now_us + (io->scarce ? RATION_RETRY_US : POOL_RETRY_US);

	/* an ACK of what is held takes it on, and with the pool running low nothing does before */
	if (io->scarce && c->written != c->acked)
		return;
	c->flags |= SANI_TCP_F_NO_ROOM;
	if (at_us < sani_tcp_deadline_of(c, SANI_TCP_T_RETRY))
		sani_tcp_arm(c, SANI_TCP_T_RETRY, at_us);
}

bool
sani_tcp_is_short(const struct sani_tcp_conn *c)
{
	return (c->flags & SANI_TCP_F_NO_ROOM) && c->written == c->acked;
}

uint32_t
sani_tcp_try_again(struct sani_tcp_conn *c)
{
	if (!(c->flags & SANI_TCP_F_NO_ROOM))
		return 0;
	c->flags &= ~(uint32_t)SANI_TCP_F_NO_ROOM;
	return SANI_TCP_EV_ACKED;
}

/* SEND, RFC 9293 3.10.2: queued before the connection is synchronized, sent after. */
uint32_t
sani_tcp_write(struct sani_tcp_conn *c, const void *data, uint32_t len, struct sani_tcp_io *io,
	       uint32_t *taken)
{
	uint32_t held = (uint32_t)(c->written - c->acked);
	uint32_t want;
	uint32_t now;

	if (sani_likely(!io->scarce) && sani_tcp_write_plain(c, data, len, io->pool, io->spare)) {
		*taken = len;
		return SANI_TCP_EV_OUTPUT;
	}
	*taken = 0;
	if (!sani_tcp_can_write(c) || held >= c->sndq.limit)
		return 0;
	want = sani_tcp_min(len, c->sndq.limit - held);
	now = sani_likely(!io->scarce) ? want : sani_tcp_ration(io, held, sani_tcp_min(want, SCARCE_BYTES));
	*taken = sani_tcp_sndq_append(c, data, now, io->pool);
	if (*taken < want)
		sani_tcp_wait_for_pool(c, io);
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

/* The timer of a pool that was empty serves both; when it is armed for that it comes sooner, and stays. */
uint32_t
sani_tcp_more(struct sani_tcp_conn *c, bool more, uint64_t now_us)
{
	if (more && !c->more && sani_tcp_deadline_of(c, SANI_TCP_T_RETRY) > now_us + POOL_RETRY_US)
		sani_tcp_arm(c, SANI_TCP_T_RETRY, now_us + MORE_US);
	c->more = more;
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

/* CLOSE, RFC 9293 3.10.4. In CLOSE_WAIT the state changes when the FIN is sent. */
uint32_t
sani_tcp_shutdown(struct sani_tcp_conn *c)
{
	if (!sani_tcp_can_write(c))
		return 0;
	c->flags |= SANI_TCP_F_FIN_QUEUED;
	if (c->state == SAN_TCP_ESTABLISHED)
		sani_tcp_set_state(c, SAN_TCP_FIN_WAIT_1);
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

/* What is armed moves by the difference: it counts from the last progress, which is not noted. */
static void
change_user_timeout(struct sani_tcp_conn *c, uint32_t value_ms)
{
	uint64_t old_us = sani_tcp_user_timeout_us(c);

	c->user_timeout_ms = value_ms;
	if (sani_tcp_armed(c, SANI_TCP_T_USER))
		sani_tcp_arm(c, SANI_TCP_T_USER,
			     c->deadline[SANI_TCP_T_USER] - old_us + sani_tcp_user_timeout_us(c));
}

/* False: it is another option. */
static bool
change_keep(struct sani_tcp_keep *keep, enum san_option option, uint32_t value)
{
	if (option == SAN_OPT_KEEPALIVE)
		keep->on = value != 0;
	else if (option == SAN_OPT_KEEP_IDLE)
		keep->idle_ms = value;
	else if (option == SAN_OPT_KEEP_INTERVAL)
		keep->interval_ms = value;
	else if (option == SAN_OPT_KEEP_COUNT)
		keep->count = (uint8_t)value;
	else
		return false;
	return true;
}

/* The edge that was promised stays, by a SYN that is out too (from 0); if it may move, the peer is told. */
static void
change_rcvbuf(struct sani_tcp_conn *c, uint32_t value)
{
	uint32_t shown = sani_tcp_min(c->rcvq.limit, UINT16_MAX);

	if (c->state == SAN_TCP_SYN_SENT && c->snd_nxt != c->iss && c->rcv_adv < shown)
		c->rcv_adv = shown;
	c->rcvq.limit = c->rcvq.max = value;
	if (sani_tcp_window_update_due(c))
		c->flags |= SANI_TCP_F_ACK_NOW;
}

uint32_t
sani_tcp_set_option(struct sani_tcp_conn *c, enum san_option option, uint32_t value, uint64_t now_us)
{
	if (c->state == SAN_TCP_CLOSED)
		return 0;
	if (change_keep(&c->keep, option, value))
		sani_tcp_keep_start(c, now_us);
	else if (option == SAN_OPT_USER_TIMEOUT)
		change_user_timeout(c, value);
	else if (option == SAN_OPT_SNDBUF)
		c->sndq.limit = c->sndbuf_max = value;
	else if (option == SAN_OPT_RCVBUF)
		change_rcvbuf(c, value);
	else if (option == SAN_OPT_TOS)
		c->tos = (uint8_t)value;
	else if (option == SAN_OPT_TTL)
		c->ttl = (uint8_t)value;
	else if (option == SAN_OPT_PACING)
		sani_tcp_pace_set(c, value);
	else if (option == SAN_OPT_NODELAY && value)
		c->flags |= SANI_TCP_F_NODELAY;
	else if (option == SAN_OPT_NODELAY)
		c->flags &= ~(uint32_t)SANI_TCP_F_NODELAY;
	return sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;
}

uint32_t
sani_tcp_readable(const struct sani_tcp_conn *c)
{
	return c->rcvq.bytes;
}

bool
sani_tcp_at_end(const struct sani_tcp_conn *c)
{
	return (c->flags & SANI_TCP_F_FIN_RCVD) && c->rcvq.bytes == 0;
}

uint32_t
sani_tcp_has_read(struct sani_tcp_conn *c, uint32_t n)
{
	if (sani_unlikely(c->flags & SANI_TCP_F_RCV_URG))
		sani_tcp_note_read(c);
	/* most reads move the edge by less than anybody is told of, and an ACK that is due tells of it anyway */
	if (n == 0 || sani_likely(sani_tcp_edge_gain_at_most(c) < sani_tcp_edge_least(c)) ||
	    (c->flags & SANI_TCP_F_ACK_NOW) || !sani_tcp_window_update_due(c))
		return 0;
	c->flags |= SANI_TCP_F_ACK_NOW;
	return SANI_TCP_EV_OUTPUT;
}

/* RECEIVE, RFC 9293 3.10.3. */
uint32_t
sani_tcp_read_by(struct sani_tcp_conn *c, void *buf, uint32_t len, uint32_t *ev, const struct rte_mempool *pool,
		 struct rte_mempool_cache *cache)
{
	const struct rte_mbuf *m = c->rcvq.head;
	uint32_t n;

	if (sani_likely(m != NULL && m == c->rcvq.tail && m->data_len <= len))
		n = sani_tcp_rcvq_read_all(c, buf, pool, cache);
	else
		n = sani_tcp_rcvq_read(c, buf, len);
	*ev = sani_tcp_has_read(c, n);
	return n;
}

uint32_t
sani_tcp_read(struct sani_tcp_conn *c, void *buf, uint32_t len, uint32_t *ev)
{
	return sani_tcp_read_by(c, buf, len, ev, NULL, NULL);
}

void
sani_tcp_put_reset(struct sani_tcp_conn *c, struct rte_mbuf *m, struct sani_tcp_io *io)
{
	struct sani_tcp_seg rst = {
		.src_port = c->tuple.local_port,
		.dst_port = c->tuple.remote_port,
		.seq = sani_tcp_bare_seq(c),
		.ack = c->rcv_nxt,
		.flags = SANI_TCP_RST | SANI_TCP_ACK,
	};

	if (c->flags & SANI_TCP_F_TS) {
		rst.opts = SANI_TCP_OPT_TS;
		rst.tsval = sani_tcp_ts_now(c, io->now_us);
		rst.tsecr = c->ts_recent;
	}
	sani_tcp_put_header(m, &rst);
	sani_count(io->ctr, SANI_CTR_tcp_tx);
	sani_count(io->ctr, SANI_CTR_tcp_tx_rst);
}

/* ABORT, RFC 9293 3.10.5; CLOSING and LAST_ACK send a RST too: their data may not have arrived. */
bool
sani_tcp_abort(struct sani_tcp_conn *c, struct rte_mbuf *m, struct sani_tcp_io *io)
{
	bool due = c->state >= SAN_TCP_SYN_RECEIVED && c->state != SAN_TCP_TIME_WAIT && m != NULL;

	if (due)
		sani_tcp_put_reset(c, m, io);
	sani_tcp_discard(c);
	return due;
}

void
sani_tcp_discard(struct sani_tcp_conn *c)
{
	/* of one that has come to its end no more is left than what was not read */
	if (c->state != SAN_TCP_CLOSED)
		sani_tcp_finish(c, c->error);
	if (sani_unlikely(c->rcvq.nb_mbufs > 0))
		sani_tcp_rcvq_free(c);
}
