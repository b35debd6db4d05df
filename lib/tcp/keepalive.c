/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/keepalive.h"
#include "tcp/priv.h"

/*
 * Keepalive (RFC 9293 3.8.4, MUST-24 to MUST-29). Segments do not move the timer: each only notes when it
 * came (last_rcv), and the timer looks at that when it fires, most often to be armed again for later.
 *
 *      last_rcv                     fires       probes, one each interval
 *   ------|-------------------------|-----------|-------|-------|------> given up
 *         |<------- idle ---------------------->|
 */

static uint64_t
idle_us(const struct sani_tcp_conn *c)
{
	return c->keep.idle_ms * 1000ull;
}

static bool
is_watched(const struct sani_tcp_conn *c)
{
	return c->keep.on && c->state >= SAN_TCP_ESTABLISHED && c->state != SAN_TCP_TIME_WAIT;
}

void
sani_tcp_keep_start(struct sani_tcp_conn *c, uint64_t now_us)
{
	uint64_t quiet_us = sani_tcp_quiet_us(c, now_us);

	c->keep_probes = 0;
	c->keep_due = false;
	if (!is_watched(c))
		sani_tcp_disarm(c, SANI_TCP_T_KEEP);
	else
		sani_tcp_arm(c, SANI_TCP_T_KEEP,
			     quiet_us < idle_us(c) ? now_us - quiet_us + idle_us(c) : now_us);
}

/* The user timeout, where one is set, overrides the count: a time says more than a number. */
static bool
has_waited_enough(const struct sani_tcp_conn *c, uint64_t quiet_us)
{
	if (c->keep_probes == 0)
		return false;
	if (c->user_timeout_ms != 0)
		return quiet_us >= c->user_timeout_ms * 1000ull;
	return c->keep_probes >= c->keep.count;
}

/* Until the next probe, or until the user timeout if that is over before. */
static uint64_t
next_wait_us(const struct sani_tcp_conn *c, uint64_t quiet_us)
{
	uint64_t wait_us = c->keep.interval_ms * 1000ull;
	uint64_t end_us = c->user_timeout_ms * 1000ull;

	return end_us > quiet_us && end_us - quiet_us < wait_us ? end_us - quiet_us : wait_us;
}

uint32_t
sani_tcp_keep_expire(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint64_t quiet_us = sani_tcp_quiet_us(c, io->now_us);

	if (!is_watched(c))
		return 0;
	if (c->last_rcv != c->keep_seen)
		c->keep_probes = 0;
	/* What is outstanding, or waits for the window, has timers of its own (MUST-26). */
	if (c->snd_una != c->snd_nxt || sani_tcp_has_new(c)) {
		c->keep_probes = 0;
		sani_tcp_arm(c, SANI_TCP_T_KEEP, io->now_us + idle_us(c));
		return 0;
	}
	if (quiet_us < idle_us(c)) {
		sani_tcp_arm(c, SANI_TCP_T_KEEP, io->now_us - quiet_us + idle_us(c));
		return 0;
	}
	if (has_waited_enough(c, quiet_us))
		return sani_tcp_give_up(c, io);
	c->keep_probes++;
	c->keep_seen = c->last_rcv;
	c->keep_due = true;
	sani_tcp_arm(c, SANI_TCP_T_KEEP, io->now_us + next_wait_us(c, quiet_us));
	return SANI_TCP_EV_OUTPUT;
}
