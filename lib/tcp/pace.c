/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

#define BURST_NS 1000000u
#define BURST_SEGMENTS 2u
#define CATCH_UP_NS 1000000u
#define SECOND_NS 1000000000ull
#define RATE_MOST 1000000000000ull	/* [bytes/s]; a millisecond of it fits 64 bits as bytes * 10^9 */

/* Of cwnd, for each round trip [%]: below half of ssthresh it doubles, so what is sent has to; then some to grow by. */
#define GAIN_SLOW_START 200u
#define GAIN_AVOIDANCE 120u

void
sani_tcp_pace_settle(struct sani_tcp_conn *c)
{
	if (c->pace.limit != SAN_PACING_OFF || (c->extras & SANI_TCP_X_NONVALIDATED)) {
		c->extras |= SANI_TCP_X_PACED;
	} else {
		c->extras &= (uint8_t)~SANI_TCP_X_PACED;
		sani_tcp_disarm(c, SANI_TCP_T_PACE);
	}
}

void
sani_tcp_pace_set(struct sani_tcp_conn *c, uint32_t limit)
{
	c->pace = (struct sani_tcp_pace){ .limit = limit };
	sani_tcp_disarm(c, SANI_TCP_T_PACE);
	sani_tcp_pace_settle(c);
}

static uint64_t
window_rate(const struct sani_tcp_conn *c)
{
	uint32_t flight = c->snd_nxt - c->snd_una;
	uint64_t window = c->cwnd > flight ? c->cwnd : flight;
	uint64_t gain = c->cwnd < c->ssthresh / 2 ? GAIN_SLOW_START : GAIN_AVOIDANCE;
	uint64_t rate;

	if (c->srtt_us == 0)
		return UINT64_MAX;
	rate = window * gain * (1000000 / 100) / c->srtt_us + 1;
	return rate < RATE_MOST ? rate : RATE_MOST;
}

uint64_t
sani_tcp_pace_rate(const struct sani_tcp_conn *c)
{
	uint64_t rate = window_rate(c);

	return c->pace.limit < SAN_PACING_AUTO && c->pace.limit > 0 && c->pace.limit < rate ? c->pace.limit : rate;
}

/*
 * What bytes cost: at a ceiling of 1,000 bytes a second, the least, 2^51 ns for 2^31 of them. The rate that the
 * window makes may be lower yet, but then they are no more than two windows, which take less than two round trips.
 */
static uint64_t
cost_ns(uint64_t bytes, uint64_t rate)
{
	return rate == UINT64_MAX ? 0 : bytes * SECOND_NS / rate;
}

/* To the nearest segment, or each timer that is a little late would let one more out. */
static uint64_t
find_room(const struct sani_tcp_conn *c, uint64_t now_ns)
{
	uint64_t rate = sani_tcp_pace_rate(c);
	uint64_t owed_ns = c->pace.paid_ns > now_ns ? c->pace.paid_ns - now_ns : 0;
	uint64_t burst_ns = cost_ns(BURST_SEGMENTS * c->snd_mss, rate);

	if (sani_tcp_armed(c, SANI_TCP_T_PACE))
		return 0;
	if (rate == UINT64_MAX)
		return UINT32_MAX;
	burst_ns = burst_ns > BURST_NS ? burst_ns : BURST_NS;
	return owed_ns < burst_ns ? (burst_ns - owed_ns) * rate / SECOND_NS + c->snd_mss / 2u : 0;
}

void
sani_tcp_pace_begin(struct sani_tcp_conn *c, uint64_t now_us)
{
	uint64_t edge = sani_tcp_pipe(c) + find_room(c, now_us * 1000);

	c->pace.edge = edge < UINT32_MAX ? (uint32_t)edge : UINT32_MAX;
	c->pace.sent = c->snd_nxt + c->rexmit_bytes;
}

/* What was late counts from when it was due. */
static void
charge(struct sani_tcp_conn *c, uint32_t bytes, uint64_t now_us)
{
	uint64_t from_ns = now_us * 1000;

	if (bytes == 0)
		return;
	if (c->pace.waited && from_ns > CATCH_UP_NS)
		from_ns -= CATCH_UP_NS;
	if (c->pace.paid_ns < from_ns)
		c->pace.paid_ns = from_ns;
	c->pace.paid_ns += cost_ns(bytes, sani_tcp_pace_rate(c));
}

/* Of the next segment with text; 0: there is none. */
static uint32_t
next_len(struct sani_tcp_conn *c)
{
	uint32_t seq;
	uint32_t end;

	if (sani_tcp_flight_first_lost(c, &seq, &end))
		return sani_tcp_min(end - seq, c->snd_mss);
	return sani_tcp_min(sani_tcp_unsent(c), c->snd_mss);
}

void
sani_tcp_pace_end(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t len = next_len(c);
	uint32_t pipe = sani_tcp_pipe(c) + len;

	charge(c, (uint32_t)(c->snd_nxt + c->rexmit_bytes - c->pace.sent), io->now_us);
	if (len == 0)
		c->pace.waited = false;
	if (len == 0 || pipe <= c->pace.edge || pipe > sani_tcp_cwnd_now(c) || sani_tcp_armed(c, SANI_TCP_T_PACE))
		return;
	c->pace.waited = true;
	sani_tcp_arm(c, SANI_TCP_T_PACE, c->pace.paid_ns / 1000 + 1);
	sani_count(io->ctr, SANI_CTR_tcp_tx_paced);
}
