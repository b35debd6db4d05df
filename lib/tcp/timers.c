/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "tcp/keepalive.h"
#include "tcp/priv.h"

/*
 * The timers, in the order in which they are handled when several have passed:
 *
 *   USER     the connection is given up (R2, RFC 9293 3.8.3): nothing new was acknowledged for the user
 *            timeout while something was outstanding, or no answer to the SYN
 *   2MSL     the end of TIME_WAIT
 *   LOSS     RFC 8985: what RACK waits for is overdue (REO), or the flight's end is probed (PTO); a probe
 *            begins REXMIT anew
 *   REXMIT   RFC 6298: the oldest outstanding segment goes again
 *   PERSIST  a window probe, or what the silly-window rules held back (RFC 9293 3.8.6.1, 3.8.6.2.1)
 *   DELACK   an ACK was held back long enough (MUST-40)
 *   RETRY    the pool had nothing: try again; or the end of a message was awaited long enough (c->more)
 *   KEEP     has the peer been silent for long (RFC 9293 3.8.4)? Looked at when it fires: keepalive.c
 *   PACE     the next burst may go: pace.h
 */

/*
 * A SYN-ACK is sent again so often, and the last one waited for: 63 s in all. MUST-23 asks for three
 * minutes; a SYN that somebody else made up must not hold a place for so long (RFC 4987 3.3).
 */
#define SYN_ACK_RETRIES 5

#define BEHIND_US 1000

uint64_t
sani_tcp_deadline(const struct sani_tcp_conn *c)
{
	return c->wake_us;
}

uint64_t
sani_tcp_deadline_now(struct sani_tcp_conn *c)
{
	uint64_t first = SANI_NEVER;

	for (uint32_t left = c->armed; left != 0; left &= left - 1) {
		uint64_t deadline = c->deadline[__builtin_ctz(left)];

		first = deadline < first ? deadline : first;
	}
	c->wake_us = first;
	return first;
}

void
sani_tcp_enter_time_wait(struct sani_tcp_conn *c, uint64_t now_us)
{
	sani_tcp_set_state(c, SAN_TCP_TIME_WAIT);
	sani_tcp_restart_2msl(c, now_us);
}

void
sani_tcp_restart_2msl(struct sani_tcp_conn *c, uint64_t now_us)
{
	sani_tcp_arm(c, SANI_TCP_T_2MSL, now_us + c->time_wait_ms * 1000ull);
}

/* Has timer t passed? Then it is disarmed. */
static bool
has_passed(struct sani_tcp_conn *c, enum sani_tcp_timer_kind t, uint64_t now_us)
{
	if (sani_tcp_deadline_of(c, t) > now_us)
		return false;
	sani_tcp_disarm(c, t);
	return true;
}

/*
 * RFC 9293 3.10.8 asks for no segment, nor forbids it. The peer may be there, with its ACKs lost or its window shut:
 * it need not find out by itself, or keep what nobody reads (3.5.1). A SYN that somebody else made up brings its
 * owner no more than the SYN-ACKs.
 */
static void
reset_peer(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	struct rte_mbuf *m = NULL;

	if (c->state >= SAN_TCP_ESTABLISHED && io->nb_tx < io->max_tx)
		m = rte_pktmbuf_alloc(io->pool);
	if (m == NULL)
		return;
	sani_tcp_put_reset(c, m, io);
	io->tx[io->nb_tx++] = m;
}

uint32_t
sani_tcp_give_up(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	sani_count(io->ctr, SANI_CTR_tcp_timeout);
	reset_peer(c, io);
	return sani_tcp_finish(c, c->soft_error != 0 ? c->soft_error : -ETIMEDOUT);
}

uint32_t
sani_tcp_evict(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	sani_count(io->ctr, SANI_CTR_tcp_evicted);
	reset_peer(c, io);
	return sani_tcp_finish(c, -ETIMEDOUT);
}

/* A segment that is lost again and again may be too long for the path: then what goes again is shorter. */
static void
time_out(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	if (c->search.on)
		sani_tcp_mtu_timeout(c, io);
	sani_tcp_recovery_timeout(c, io->now_us);
}

/* RFC 6298 5.4 to 5.7; RFC 9293 3.8.3 (a) to (c): R1 is a number of timeouts (SHLD-10), R2 a time. */
static uint32_t
retransmit(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	if (c->state == SAN_TCP_SYN_RECEIVED && (c->flags & SANI_TCP_F_PASSIVE) &&
	    c->backoff >= SYN_ACK_RETRIES)
		return sani_tcp_give_up(c, io);
	sani_count(io->ctr, SANI_CTR_tcp_rto);
	if (c->state < SAN_TCP_ESTABLISHED)
		c->flags |= SANI_TCP_F_SYN_DUE | SANI_TCP_F_SYN_LOST;
	else
		time_out(c, io);
	if (c->backoff < UINT8_MAX)
		c->backoff++;
	sani_tcp_arm(c, SANI_TCP_T_REXMIT, io->now_us + sani_tcp_rto(c, c->backoff));
	return SANI_TCP_EV_OUTPUT | (c->backoff >= SAN_TCP_R1 ? SANI_TCP_EV_DOUBT : 0);
}

/* RFC 8985 6.3, 7.3. */
static uint32_t
find_loss(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	if (c->flags & SANI_TCP_F_REO) {
		sani_tcp_recovery_reo_timer(c, io);
	} else {
		c->flags |= SANI_TCP_F_TLP_DUE;
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, io->now_us + sani_tcp_rto(c, c->backoff));
	}
	return SANI_TCP_EV_OUTPUT;
}

static uint32_t
probe(struct sani_tcp_conn *c)
{
	c->flags |= SANI_TCP_F_PROBE_DUE;
	if (c->persist_shift < UINT8_MAX)
		c->persist_shift++;
	return SANI_TCP_EV_OUTPUT;
}

static uint32_t
retry(struct sani_tcp_conn *c)
{
	uint32_t ev = sani_tcp_wants_output(c) ? SANI_TCP_EV_OUTPUT : 0;

	c->more = false;
	if (c->flags & SANI_TCP_F_NO_ROOM)
		ev |= SANI_TCP_EV_ACKED;
	c->flags &= ~(uint32_t)SANI_TCP_F_NO_ROOM;
	return ev;
}

/*
 * An answer that a timer misses may be among the packets that were not read yet: who comes late to them must not take
 * for lost what was acknowledged, nor for dead who spoke.
 */
static void
wait_for_answers(struct sani_tcp_conn *c, uint64_t now_us)
{
	static const enum sani_tcp_timer_kind timers[] = {
		SANI_TCP_T_USER, SANI_TCP_T_LOSS, SANI_TCP_T_REXMIT, SANI_TCP_T_PERSIST, SANI_TCP_T_KEEP,
	};

	for (unsigned int i = 0; i < RTE_DIM(timers); i++)
		if (sani_tcp_deadline_of(c, timers[i]) <= now_us)
			sani_tcp_arm(c, timers[i], now_us + BEHIND_US);
}

static uint32_t
run_timers(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t ev = 0;

	if (io->behind)
		wait_for_answers(c, io->now_us);
	if (has_passed(c, SANI_TCP_T_USER, io->now_us))
		return sani_tcp_give_up(c, io);
	if (has_passed(c, SANI_TCP_T_2MSL, io->now_us))
		return sani_tcp_finish(c, 0);
	if (has_passed(c, SANI_TCP_T_LOSS, io->now_us))
		ev |= find_loss(c, io);
	if (has_passed(c, SANI_TCP_T_REXMIT, io->now_us))
		ev |= retransmit(c, io);
	if (has_passed(c, SANI_TCP_T_PERSIST, io->now_us))
		ev |= probe(c);
	if (has_passed(c, SANI_TCP_T_DELACK, io->now_us)) {
		c->flags |= SANI_TCP_F_ACK_NOW;
		ev |= SANI_TCP_EV_OUTPUT;
	}
	if (has_passed(c, SANI_TCP_T_RETRY, io->now_us))
		ev |= retry(c);
	if (has_passed(c, SANI_TCP_T_KEEP, io->now_us))
		ev |= sani_tcp_keep_expire(c, io);
	if (has_passed(c, SANI_TCP_T_PACE, io->now_us))
		ev |= SANI_TCP_EV_OUTPUT;
	return ev;
}

uint32_t
sani_tcp_timer(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t ev = run_timers(c, io);

	sani_tcp_deadline_now(c);
	return ev;
}
