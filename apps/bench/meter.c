/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slice is judged when the one after it has ended: it counts when neither of the three, it and its neighbours, was
 * disturbed. Before, something may have been left over; after, that it began to be disturbed may show only then.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "guard.h"

#define SLICE_US 1000u
#define LONGER 5	/* times: that long at most a measurement waits for slices that are not disturbed */

struct bench_meter *
bench_meter_make(struct bench_world *w, const uint64_t *count)
{
	struct bench_meter *m = bench_alloc(sizeof(*m));

	if (m == NULL)
		return NULL;
	m->w = w;
	m->count = count;
	return m;
}

static void
read_sides(const struct bench_world *w, uint64_t busy[2], uint64_t step[2])
{
	step[0] = atomic_load_explicit(&w->client.step_tsc, memory_order_relaxed);
	step[1] = atomic_load_explicit(&w->server.step_tsc, memory_order_relaxed);
	busy[0] = step[0] + atomic_load_explicit(&w->client.poll_tsc, memory_order_relaxed);
	busy[1] = step[1] + atomic_load_explicit(&w->server.poll_tsc, memory_order_relaxed);
}

static uint64_t
count_lost(const struct bench_world *w)
{
	return atomic_load_explicit(&w->guard[0].lost, memory_order_relaxed) +
	       atomic_load_explicit(&w->guard[1].lost, memory_order_relaxed);
}

static void
begin_slice(struct bench_meter *m, uint64_t now)
{
	struct bench_slice *s = &m->slice[m->now];

	s->disturbed = false;
	s->nb_notes = 0;
	m->begin_tsc = now;
	m->lost = count_lost(m->w);
	memcpy(m->begin_count, m->count, sizeof(m->begin_count));
	read_sides(m->w, m->begin_busy, m->begin_step);
}

static void
add_slice(struct bench_meter *m, const struct bench_slice *s)
{
	m->tsc += s->tsc;
	for (unsigned int i = 0; i < BENCH_COUNTS; i++)
		m->sum[i] += s->count[i];
	for (unsigned int i = 0; i < 2; i++) {
		m->busy[i] += s->busy[i];
		m->step[i] += s->step[i];
	}
	for (unsigned int i = 0; i < s->nb_notes; i++)
		prog_hist_add(&m->hist, s->notes[i]);
}

/* The other thread may be away at this very moment. */
static bool
is_other_away(const struct bench_world *w, uint64_t now)
{
	uint64_t seen = atomic_load_explicit(&w->guard[1].seen_tsc, memory_order_relaxed);

	return w->two_threads && now > seen && now - seen > bench_gap_tsc;
}

void
bench_stretch_begin(struct bench_world *w, struct bench_stretch *s)
{
	uint64_t step[2];

	bench_guard_start(&w->guard[0]);
	w->since = rte_rdtsc();
	s->lost = count_lost(w);
	read_sides(w, s->busy, step);
	s->tsc = rte_rdtsc();
}

bool
bench_stretch_end(struct bench_world *w, const struct bench_stretch *s, struct bench_sums *sums)
{
	uint64_t now = rte_rdtsc(), busy[2], step[2];

	bench_guard_ask(&w->guard[0], now);
	read_sides(w, busy, step);
	if (count_lost(w) != s->lost || is_other_away(w, now)) {
		sums->left_out++;
		return false;
	}
	sums->n++;
	sums->tsc += now - s->tsc;
	sums->busy[0] += busy[0] - s->busy[0];
	sums->busy[1] += busy[1] - s->busy[1];
	return true;
}

void
bench_put_sums(struct bench_row *row, const struct bench_sums *s, uint64_t tsc, uint32_t each)
{
	bench_disturbed(row, s->n + s->left_out, s->left_out);
	if (s->n > 0)
		bench_put(row, (double)tsc / (double)s->n / each);
}

/* The one that waits: it counts when it, the one before and, if that is known, the one after were not disturbed. */
static void
judge(struct bench_meter *m, const struct bench_slice *s, bool after_disturbed)
{
	m->slices++;
	if (m->before_disturbed || s->disturbed || after_disturbed)
		m->disturbed++;
	else
		add_slice(m, s);
	m->before_disturbed = s->disturbed;
}

static void
end_slice(struct bench_meter *m, uint64_t now)
{
	struct bench_slice *s = &m->slice[m->now];
	uint64_t busy[2], step[2];

	s->tsc = now - m->begin_tsc;
	for (unsigned int i = 0; i < BENCH_COUNTS; i++)
		s->count[i] = m->count[i] - m->begin_count[i];
	read_sides(m->w, busy, step);
	for (unsigned int i = 0; i < 2; i++) {
		s->busy[i] = busy[i] - m->begin_busy[i];
		s->step[i] = step[i] - m->begin_step[i];
	}
	s->disturbed |= count_lost(m->w) != m->lost || is_other_away(m->w, now);
	if (m->waiting)
		judge(m, &m->slice[1 - m->now], s->disturbed);
	m->waiting = true;
	m->now = 1 - m->now;
	begin_slice(m, now);
}

/*
 * So many seconds of slices that are not disturbed, but no longer than `times` as long; stall_us without progress: a
 * slice is disturbed.
 */
static void
start(struct bench_meter *m, double seconds, unsigned int times, uint64_t stall_us)
{
	uint64_t hz = rte_get_tsc_hz(), now = rte_rdtsc();

	m->tsc = m->slices = m->disturbed = 0;
	memset(m->sum, 0, sizeof(m->sum));
	memset(m->busy, 0, sizeof(m->busy));
	memset(m->step, 0, sizeof(m->step));
	memset(&m->hist, 0, sizeof(m->hist));
	m->waiting = m->before_disturbed = false;
	m->slice_tsc = hz / 1000000 * SLICE_US;
	m->stall_tsc = stall_us * (hz / 1000000);
	m->progress = m->count[0];
	m->progress_tsc = now;
	m->want_tsc = (uint64_t)(seconds * (double)hz);
	m->end_tsc = now + times * m->want_tsc;
	bench_guard_start(&m->w->guard[0]);
	m->w->since = now;
	begin_slice(m, now);
}

static void
look_for_stall(struct bench_meter *m, uint64_t now)
{
	if (m->count[0] != m->progress) {
		m->progress = m->count[0];
		m->progress_tsc = now;
	} else if (now - m->progress_tsc > m->stall_tsc) {
		m->slice[m->now].disturbed = true;
	}
}

/* One round of the world, measured. @return false: time is over, or a signal came. */
static bool
go(struct bench_meter *m)
{
	uint64_t now;

	bench_world_round(m->w);
	now = atomic_load_explicit(&m->w->guard[0].seen_tsc, memory_order_relaxed);
	if (m->stall_tsc != 0)
		look_for_stall(m, now);
	if (now - m->begin_tsc > m->slice_tsc)
		end_slice(m, now);
	return m->tsc < m->want_tsc && now < m->end_tsc && !prog_stop;
}

bool
bench_meter_repeat(struct bench_meter *m)
{
	uint64_t stall_us = bench_number(m->w->b, "stall");

	start(m, bench_real(m->w->b, "warm"), 1, stall_us);
	while (go(m))
		continue;
	start(m, bench_real(m->w->b, "seconds"), LONGER, stall_us);
	while (go(m))
		continue;
	return !prog_stop;
}

bool
bench_meter_until(struct bench_meter *m, const bool *what, double limit_s)
{
	uint64_t now;

	start(m, limit_s, 1, 0);
	while (!*what && go(m))
		continue;
	now = rte_rdtsc();
	bench_guard_ask(&m->w->guard[0], now);
	end_slice(m, now);
	judge(m, &m->slice[1 - m->now], false);
	return *what;
}

bool
bench_meter_run(struct bench_meter *m)
{
	bench_world_look(m->w);
	return bench_meter_repeat(m);
}

void
bench_put_ratio(struct bench_meter *m, struct bench_row *row, double what, double by)
{
	bench_disturbed(row, m->slices, m->disturbed);
	if (by > 0)
		bench_put(row, what / by);
}

void
bench_put_rate(struct bench_meter *m, struct bench_row *row, unsigned int i, double factor)
{
	bench_put_ratio(m, row, (double)m->sum[i] * factor * (double)rte_get_tsc_hz(), (double)m->tsc);
}

void
bench_put_cycles(struct bench_meter *m, const char *what, double n)
{
	struct bench *b = m->w->b;

	bench_put_ratio(m, bench_row(b, "cycles", "%s: all", what), (double)m->tsc, n);
	bench_put_ratio(m, bench_row(b, "cycles", "%s: client", what), (double)m->busy[0], n);
	if (!m->w->one_end)
		bench_put_ratio(m, bench_row(b, "cycles", "%s: server", what), (double)m->busy[1], n);
}

void
bench_put_change(struct bench_meter *m, const char *what, unsigned int i, uint64_t took_us)
{
	struct bench *b = m->w->b;

	/* a last piece may have nothing in it, and be all that was not disturbed */
	if (m->sum[i] == 0)
		m->tsc = 0;
	bench_put(bench_row(b, "s", "%s: time", what), (double)took_us / 1e6);
	bench_put_rate(m, bench_row(b, "k/s", "%s: rate", what), i, 1e-3);
	bench_put_cycles(m, what, (double)m->sum[i]);
}

void
bench_put_time(struct bench_meter *m, struct bench_row *row, double q)
{
	double us = (double)rte_get_tsc_hz() / 1e6;

	bench_disturbed(row, m->slices, m->disturbed);
	if (m->hist.n > 0)
		bench_put(row, (double)prog_hist_at(&m->hist, q) / us);
}
