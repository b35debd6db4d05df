/* SPDX-License-Identifier: BSD-3-Clause */
/* pace.c: what leaves, and when. */
#include <stdlib.h>

#include <rte_mempool.h>

#include "link.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define MSS 1000u
#define TICK_US (1u << SANI_TICK_SHIFT)

static void
start(struct bed *b, uint32_t pacing)
{
	b->sack = true;
	b->p.tune.pacing = pacing;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	b->c.srtt_us = 20 * MS;
	b->c.quick_acks = 0;
	bed_clear(b);
}

static uint32_t
text_of(const struct bed *b)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < b->nb; i++)
		n += b->out[i].seg.len;
	return n;
}

static void
off_nothing_waits(void **state)
{
	struct bed *b = *state;

	start(b, SAN_PACING_OFF);
	bed_write(b, 20 * MSS);
	assert_int_equal(text_of(b), 10 * MSS);
	assert_false(sani_tcp_armed(&b->c, SANI_TCP_T_PACE));
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_paced), 0);
	assert_int_equal(b->c.extras, 0);
}

/* At 100 segments a second two are a burst, and it is paid after 20 ms. */
static void
slow_rate_leaves_two_segments_at_a_time(void **state)
{
	struct bed *b = *state;

	start(b, 100 * MSS);
	bed_write(b, 8 * MSS);
	assert_int_equal(text_of(b), 2 * MSS);
	bed_run(b, 19 * MS);
	assert_int_equal(text_of(b), 2 * MSS);
	bed_run(b, 2 * MS);
	assert_int_equal(text_of(b), 4 * MSS);
	bed_run(b, 60 * MS);
	assert_int_equal(text_of(b), 8 * MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_paced), 3);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rto), 0);
}

/* At 5 MB/s a burst is the five segments of a millisecond. */
static void
fast_rate_leaves_a_millisecond_at_a_time(void **state)
{
	struct bed *b = *state;

	start(b, 5000 * MSS);
	b->c.srtt_us = MS;
	bed_write(b, 10 * MSS);
	assert_int_equal(text_of(b), 5 * MSS);
	bed_run(b, 1010);
	assert_int_equal(text_of(b), 10 * MSS);
}

static void
small_segments_count_by_their_octets(void **state)
{
	struct bed *b = *state;

	start(b, 100 * MSS);
	for (int i = 0; i < 30; i++)
		bed_write(b, 100);
	assert_in_range(text_of(b), 2 * MSS, 2 * MSS + MSS / 2);
	bed_run(b, 21 * MS);
	assert_int_equal(text_of(b), 3 * MSS);
}

/* The timer may be late: what it missed goes too, but not more than a millisecond of it. */
static void
late_timer_is_made_good(void **state)
{
	struct bed *b = *state;

	start(b, 2000 * MSS);
	b->c.srtt_us = MS;
	bed_write(b, 10 * MSS);
	assert_int_equal(text_of(b), 2 * MSS);
	b->now += 2100;		/* 1.1 ms late */
	bed_run(b, 1);
	assert_int_equal(text_of(b), 6 * MSS);
	bed_run(b, 1010);
	assert_int_equal(text_of(b), 8 * MSS);
}

static void
idle_time_is_not_saved(void **state)
{
	struct bed *b = *state;

	start(b, 2000 * MSS);
	b->c.srtt_us = MS;
	bed_write(b, MSS);
	bed_in(b, ACK, NXT, UNA + MSS, 0);
	bed_run(b, 100 * MS);
	bed_clear(b);
	bed_write(b, 10 * MSS);
	assert_int_equal(text_of(b), 2 * MSS);
}

static void
acknowledgements_do_not_wait(void **state)
{
	struct bed *b = *state;

	start(b, MSS);
	bed_write(b, 5 * MSS);
	bed_clear(b);
	bed_in(b, ACK, NXT, UNA, MSS);
	bed_in(b, ACK, NXT + MSS, UNA, MSS);
	assert_last(b, ACK, UNA + 2 * MSS, NXT + 2 * MSS, 0);
}

/* Everything is acknowledged and more waits for its time: neither a shut window nor a lost segment. */
static void
pause_is_no_shut_window(void **state)
{
	struct bed *b = *state;

	start(b, MSS);
	bed_write(b, 5 * MSS);
	bed_in(b, ACK, NXT, UNA + 2 * MSS, 0);
	assert_false(sani_tcp_armed(&b->c, SANI_TCP_T_PERSIST));
	bed_clear(b);
	bed_run(b, 1990 * MS);
	assert_int_equal(b->nb, 0);
	bed_run(b, 20 * MS);
	assert_int_equal(text_of(b), 2 * MSS);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_tx_probe), 0);
}

static void
fin_waits_no_longer_than_what_is_before_it(void **state)
{
	struct bed *b = *state;

	start(b, MSS);
	bed_write(b, 4 * MSS);
	bed_shutdown(b);
	bed_in(b, ACK, NXT, UNA + 2 * MSS, 0);
	bed_run(b, 2002 * MS);	/* and the octet of the SYN */
	assert_last(b, ACK | SANI_TCP_PSH | SANI_TCP_FIN, UNA + 3 * MSS, NXT, MSS);
}

static void
lone_fin_does_not_wait(void **state)
{
	struct bed *b = *state;

	start(b, MSS);
	bed_write(b, 2 * MSS);
	bed_in(b, ACK, NXT, UNA + 2 * MSS, 0);
	bed_shutdown(b);
	assert_last(b, ACK | SANI_TCP_FIN, UNA + 2 * MSS, NXT, 0);
}

/* What was held up goes at once when the option is taken back. */
static void
option_may_change_in_a_pause(void **state)
{
	struct bed *b = *state;
	uint32_t ev;

	start(b, MSS);
	bed_write(b, 8 * MSS);
	ev = sani_tcp_set_option(&b->c, SAN_OPT_PACING, SAN_PACING_OFF, b->now);
	assert_true(ev & SANI_TCP_EV_OUTPUT);
	bed_flush(b);
	assert_int_equal(text_of(b), 8 * MSS);
	assert_false(sani_tcp_armed(&b->c, SANI_TCP_T_PACE));
	sani_tcp_set_option(&b->c, SAN_OPT_PACING, MSS, b->now);
	bed_in(b, ACK, NXT, UNA + 8 * MSS, 0);
	bed_clear(b);
	bed_write(b, 8 * MSS);
	assert_int_equal(text_of(b), 2 * MSS);
}

/* 200 % of the window for each round trip while it doubles, 120 % afterwards; a ceiling holds both down. */
static void
rate_is_that_of_the_window(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info info;

	start(b, SAN_PACING_AUTO);
	assert_in_range(sani_tcp_pace_rate(&b->c), 1000 * MSS - 1, 1000 * MSS + 1);
	b->c.ssthresh = 15 * MSS;
	assert_in_range(sani_tcp_pace_rate(&b->c), 600 * MSS - 1, 600 * MSS + 1);
	sani_tcp_set_option(&b->c, SAN_OPT_PACING, 100 * MSS, b->now);
	sani_tcp_info(&b->c, b->now, &info);
	assert_int_equal(info.pacing_rate, 100 * MSS);
	sani_tcp_set_option(&b->c, SAN_OPT_PACING, SAN_PACING_AUTO, b->now);
	b->c.srtt_us = 0;
	assert_true(sani_tcp_pace_rate(&b->c) == UINT64_MAX);
	sani_tcp_info(&b->c, b->now, &info);
	assert_int_equal(info.pacing_rate, 0);
	bed_write(b, 10 * MSS);
	assert_int_equal(text_of(b), 10 * MSS);
}

/* What a timeout finds lost goes at once, and what follows it at the pace. */
static void
retransmissions_are_paced(void **state)
{
	struct bed *b = *state;
	uint32_t sent;

	start(b, 100 * MSS);
	bed_write(b, 8 * MSS);
	bed_run(b, 100 * MS);
	sent = text_of(b);
	assert_true(sent >= 8 * MSS);
	b->c.cwnd = 20 * MSS;
	sani_tcp_recovery_resend(&b->c);
	bed_clear(b);
	bed_flush(b);
	assert_int_equal(text_of(b), 2 * MSS);
	bed_flush(b);
	assert_int_equal(text_of(b), 2 * MSS);
	bed_run(b, 21 * MS);
	assert_int_equal(text_of(b), 4 * MSS);
}

/* What was to go at once was acknowledged before it could: a later loss is not let out in its stead. */
static void
haste_ends_with_its_loss(void **state)
{
	struct bed *b = *state;

	start(b, 100 * MSS);
	bed_write(b, 2 * MSS);
	sani_tcp_recovery_resend(&b->c);
	bed_in(b, ACK, NXT, UNA + 2 * MSS, 0);
	bed_run(b, 100 * MS);
	bed_write(b, 8 * MSS);
	bed_run(b, 41 * MS);
	bed_clear(b);
	bed_sack(b, UNA + 2 * MSS, 1, (uint32_t[]){ UNA + 3 * MSS, UNA + 6 * MSS });
	assert_int_equal(b->c.ca, SANI_TCP_CA_RECOVERY);
	assert_int_equal(text_of(b), 0);
	bed_run(b, 40 * MS);
	assert_true(b->nb > 0);
	assert_int_equal(b->out[0].seg.seq, UNA + 2 * MSS);
}

static struct link *
transfer(const struct link_plan *plan)
{
	unsigned int before = rte_mempool_avail_count(bed_pool);
	struct link *l = malloc(sizeof(*l));

	assert_non_null(l);
	link_init(l, plan);
	assert_true(link_run(l, l->now + 3600 * SEC));
	assert_int_equal(l->end[1].read, plan->bytes[0]);
	link_fini(l);
	assert_int_equal(rte_mempool_avail_count(bed_pool), before);
	return l;
}

static const struct link_plan far = {
	.delay_us = 5000,
	.settle_us = 300 * MS,
	.sndbuf = { 1 << 20, 1 << 20 },
	.rcvbuf = { 1 << 20, 1 << 20 },
	.mtu = { 1500, 1500 },
	.iss = { 1, 1000000 },
	.read_max = 8192,
	.wheel = true,
};

/* For a second and more: never more than rate * T and a burst, never idle for more than a tick, the rate met. */
static void
rate_is_kept(void **state)
{
	const uint32_t rates[] = { 20000, 300000, 5000000, 40000000 };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rates); i++) {
		struct link_plan plan = far;
		uint64_t burst = RTE_MAX(2 * 1448u, rates[i] / 1000);
		const struct link_end *e;
		struct link *l;
		uint64_t us;

		plan.seed = i + 1;
		plan.pacing = rates[i];
		plan.bytes[0] = rates[i] + rates[i] / 2;
		l = transfer(&plan);
		e = &l->end[0];
		us = e->seen_at[1] - e->seen_at[0];
		print_message("# %u bytes/s: %.0f and the last burst in %.3f s, bursts of %.0f at most, of %llu, never "
			      "idle for more than %llu us\n", rates[i],
			      (double)(e->text - burst) * 1e6 / (double)us, (double)us / SEC,
			      (double)e->level_most / SEC, (unsigned long long)burst,
			      (unsigned long long)e->empty_most_us);
		assert_true(us >= SEC);
		assert_true(e->level_most <= (burst + 1448 + rates[i] / 1000) * SEC);
		assert_true(e->empty_most_us <= TICK_US + 1);
		assert_true((e->text - burst - 1448) * SEC <= us * rates[i]);
		assert_true(e->text * SEC >= us * rates[i] / 1000 * 998);
		assert_int_equal(e->resent, 0);
		free(l);
	}
}

/* With losses too, whose repairs count: beside the rate only what no timer holds up. */
static void
rate_is_kept_among_losses(void **state)
{
	struct link_plan plan = far;

	(void)state;
	plan.pacing = 2000000;
	plan.bytes[0] = 3000000;
	plan.loss = 2;
	plan.reorder = 1;
	for (plan.seed = 50; plan.seed < 60; plan.seed++) {
		struct link *l = transfer(&plan);

		assert_true(l->end[0].resent > 0);
		assert_true(l->end[0].level_most <= (2 * 1448 + 1448 + 2000 + 2 * 1448) * SEC);
		free(l);
	}
}

/* Before a narrow wire a paced window waits less than one that comes in bursts. */
static void
automatic_pace_keeps_the_wire_busy_and_the_queue_short(void **state)
{
	struct link_plan plan = far;
	struct link *l;
	uint32_t most[2];

	(void)state;
	plan.settle_us = 0;
	plan.delay_us = 20000;
	plan.rate = 10000;
	plan.queue = 2000000;
	plan.bytes[0] = 400000;
	for (int paced = 0; paced < 2; paced++) {
		plan.seed = 3;
		plan.pacing = paced ? SAN_PACING_AUTO : SAN_PACING_OFF;
		l = transfer(&plan);
		most[paced] = l->end[0].queue_most;
		print_message("# paced %d: queue at most %u bytes, whole after %llu ms\n", paced, most[paced],
			      (unsigned long long)(l->arrived_at - LINK_BEGIN_US) / 1000);
		free(l);
	}
	assert_true(most[1] < most[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(off_nothing_waits),
		bed_test(slow_rate_leaves_two_segments_at_a_time),
		bed_test(fast_rate_leaves_a_millisecond_at_a_time),
		bed_test(small_segments_count_by_their_octets),
		bed_test(late_timer_is_made_good),
		bed_test(idle_time_is_not_saved),
		bed_test(acknowledgements_do_not_wait),
		bed_test(pause_is_no_shut_window),
		bed_test(fin_waits_no_longer_than_what_is_before_it),
		bed_test(lone_fin_does_not_wait),
		bed_test(option_may_change_in_a_pause),
		bed_test(rate_is_that_of_the_window),
		bed_test(retransmissions_are_paced),
		bed_test(haste_ends_with_its_loss),
		cmocka_unit_test(rate_is_kept),
		cmocka_unit_test(rate_is_kept_among_losses),
		cmocka_unit_test(automatic_pace_keeps_the_wire_busy_and_the_queue_short),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
