/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define PERIOD_LEAST_MS 1000u	/* 4.2: max(3 RTT, 1 s) */
#define PERIOD_RTTS 3u
#define NVP_S 300u		/* 4.4: five minutes at most */
#define PARTS SANI_TCP_CWV_PARTS

static uint32_t
part_length_ms(const struct sani_tcp_conn *c)
{
	uint32_t rtts_ms = (uint32_t)((uint64_t)c->srtt_us * PERIOD_RTTS / 1000);

	return (rtts_ms > PERIOD_LEAST_MS ? rtts_ms : PERIOD_LEAST_MS) / PARTS;
}

void
sani_tcp_cwv_begin(struct sani_tcp_conn *c)
{
	c->cwv = (struct sani_tcp_cwv){ .una = c->snd_una, .end = c->snd_una };
}

/* Samples that are older than the period are forgotten, a part at a time. */
static void
forget_old(struct sani_tcp_conn *c, uint64_t now_us)
{
	struct sani_tcp_cwv *s = &c->cwv;
	uint32_t now_ms = (uint32_t)(now_us / 1000);
	uint32_t n = (now_ms - s->part_ms) / part_length_ms(c);

	if (n == 0)
		return;
	s->part_ms += n * part_length_ms(c);
	for (uint32_t i = PARTS; i-- > 0;)
		s->samples[i] = i >= n ? s->samples[i - n] : 0;
}

uint32_t
sani_tcp_cwv_pipe_ack(const struct sani_tcp_conn *c)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < PARTS && c->cwv.known; i++)
		most = c->cwv.samples[i] > most ? c->cwv.samples[i] : most;
	return most;
}

/* 4.5.1: what one round trip acknowledges. With nothing out a round begins with what is sent next. */
static void
measure(struct sani_tcp_conn *c, uint64_t now_us)
{
	struct sani_tcp_cwv *s = &c->cwv;
	uint32_t sample;

	if (s->una == s->end)
		s->end = c->snd_nxt;
	if (seq_lt(c->snd_una, s->end) || c->snd_una == s->una)
		return;
	sample = c->snd_una - s->una;
	forget_old(c, now_us);
	if (sample > s->samples[0])
		s->samples[0] = sample;
	s->known = true;
	s->una = c->snd_una;
	s->end = c->snd_nxt;
}

static void
leave(struct sani_tcp_conn *c)
{
	c->extras &= (uint8_t)~SANI_TCP_X_NONVALIDATED;
	sani_tcp_pace_settle(c);
}

/* 4.4.3, once for each NVP that has passed (4.5.2). */
static void
adjust(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t iw = sani_tcp_initial_window(c);
	uint32_t n = ((uint32_t)(io->now_us / 1000000) - c->cwv.since_s) / NVP_S;

	c->cwv.since_s += n * NVP_S;
	for (; n > 0 && c->cwnd > iw; n--) {
		if (c->ssthresh < c->cwnd / 4 * 3)
			c->ssthresh = c->cwnd / 4 * 3;
		c->cwnd = c->cwnd / 2 > iw ? c->cwnd / 2 : iw;
		c->cc->restart(c, 0);
		sani_count(io->ctr, SANI_CTR_tcp_unused);
	}
}

/* 4.3. Undefined pipeACK is the validated phase. since_us: when the nonvalidated one has begun, if it has. */
static void
judge(struct sani_tcp_conn *c, struct sani_tcp_io *io, uint64_t since_us)
{
	bool nonvalidated;

	forget_old(c, io->now_us);
	nonvalidated = c->cwv.known && sani_tcp_cwv_pipe_ack(c) < c->cwnd / 2;
	if (nonvalidated && !(c->extras & SANI_TCP_X_NONVALIDATED)) {
		c->extras |= SANI_TCP_X_NONVALIDATED;
		c->cwv.since_s = (uint32_t)(since_us / 1000000);
		sani_tcp_pace_settle(c);
	}
	if (c->extras & SANI_TCP_X_NONVALIDATED)
		adjust(c, io);
	if (!nonvalidated && (c->extras & SANI_TCP_X_NONVALIDATED))
		leave(c);
}

bool
sani_tcp_cwv_acked(struct sani_tcp_conn *c, const struct sani_tcp_delivery *d, struct sani_tcp_io *io,
		   bool limited)
{
	/* 4.2: pipeACK rests in recovery */
	if (c->ca != SANI_TCP_CA_OPEN)
		return limited;
	measure(c, io->now_us);
	judge(c, io, io->now_us);
	/* 4.4: cwnd-limited is that all of it is out */
	if (c->extras & SANI_TCP_X_NONVALIDATED)
		return sani_tcp_pipe(c) + d->acked + c->snd_mss > c->cwnd;
	return limited;
}

/* The pause belongs to the phase from its beginning; what goes out now is paced already (4.4.2). */
void
sani_tcp_cwv_resume(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	/* with no measurement the window stands for nothing: RFC 5681 4.1 */
	if (!c->cwv.known)
		c->cwnd = sani_tcp_min(c->cwnd, sani_tcp_initial_window(c));
	judge(c, io, c->last_snd_us);
	if (c->extras & SANI_TCP_X_PACED)
		sani_tcp_pace_begin(c, io->now_us);
}

/* 4.4.1. The controller sees the window that was used, as if it had been all there was. */
uint32_t
sani_tcp_cwv_loss(struct sani_tcp_conn *c, uint32_t flight, uint64_t now_us)
{
	uint32_t pipe_ack = sani_tcp_cwv_pipe_ack(c);
	uint32_t base = pipe_ack > flight ? pipe_ack : flight;
	uint32_t least = 2u * c->snd_mss;
	uint32_t ssthresh;

	c->cwv.base = 0;
	if (!(c->extras & SANI_TCP_X_NONVALIDATED))
		return c->cc->loss(c, flight, now_us);
	leave(c);
	c->cwv.base = base;
	c->cwv.resent = (uint32_t)c->rexmit_bytes;
	c->cwnd = sani_tcp_min(c->cwnd, base > least ? base : least);
	ssthresh = c->cc->loss(c, base, now_us);
	return sani_tcp_min(ssthresh, base / 2 > least ? base / 2 : least);
}

/* An echo is no loss: the controller's own part comes off, of the window that was used. */
uint32_t
sani_tcp_cwv_echo(struct sani_tcp_conn *c, uint32_t flight)
{
	uint32_t pipe_ack = sani_tcp_cwv_pipe_ack(c);
	uint32_t base = pipe_ack > flight ? pipe_ack : flight;
	uint32_t least = 2u * c->snd_mss;

	if (!(c->extras & SANI_TCP_X_NONVALIDATED))
		return flight;
	leave(c);
	c->cwnd = sani_tcp_min(c->cwnd, base > least ? base : least);
	return sani_tcp_min(c->cwnd, base);
}

void
sani_tcp_cwv_timeout(struct sani_tcp_conn *c)
{
	leave(c);
	sani_tcp_cwv_begin(c);
}

/*
 * 4.4.1: cwnd = (max(pipeACK, LossFlightSize) - R) / 2, R what was sent again; what went more than once counts
 * each time, so cwnd may be lower than asked for. pipeACK is undefined until it was measured anew.
 */
void
sani_tcp_cwv_recovered(struct sani_tcp_conn *c)
{
	uint32_t base = c->cwv.base;
	uint32_t resent = (uint32_t)c->rexmit_bytes - c->cwv.resent;
	uint32_t cwnd = base > resent ? (base - resent) / 2 : 0;

	if (base > 0 && c->ca == SANI_TCP_CA_RECOVERY) {
		c->cwnd = cwnd > c->snd_mss ? cwnd : c->snd_mss;
		c->ssthresh = c->cwnd > 2u * c->snd_mss ? c->cwnd : 2u * c->snd_mss;
	}
	sani_tcp_cwv_begin(c);
}
