/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sender that is played by numbers: 11 segments are out, each ACK is of one and lets one more go, so
 * a round has 10 ACKs. The test names the round-trip times. Figures of RFC 9406 4.3.
 */
#include "base/seq32.h"
#include "tcp/hystart.h"
#include "test.h"

#define MSS 1000u
#define MS 1000u

struct sender {
	struct sani_tcp_hystart h;
	uint32_t una;
	uint32_t nxt;
	bool over;
};

static bool
is_css(const struct sender *s)
{
	return s->h.baseline_us != SANI_TCP_HYSTART_NONE;
}

/* One segment is acknowledged, with a sample (0: none), and one more goes out. */
static void
ack(struct sender *s, uint32_t rtt_us)
{
	s->una += MSS;
	s->over |= sani_tcp_hystart_acked(&s->h, s->una, s->nxt, rtt_us);
	s->nxt += MSS;
}

/* All ACKs of a round that has just begun; of the first none ones there is no sample. */
static void
round_of(struct sender *s, unsigned int none, uint32_t rtt_us)
{
	uint32_t end = s->h.window_end;
	unsigned int n = 0;

	while (seq_lt(s->una, end))
		ack(s, n++ < none ? 0 : rtt_us);
	assert_int_equal(n, 10);
}

/* Two rounds at rtt_us: there is something to compare with. */
static void
settle(struct sender *s, uint32_t at, uint32_t rtt_us)
{
	*s = (struct sender){ .una = at, .nxt = at + 11 * MSS };
	sani_tcp_hystart_begin(&s->h, at);
	ack(s, rtt_us);
	round_of(s, 0, rtt_us);
	round_of(s, 0, rtt_us);
	assert_int_equal(s->h.last_min_us, rtt_us);
	assert_int_equal(s->h.nb_samples, 0);
	assert_false(is_css(s));
}

static void
steady_delay_stays_in_slow_start(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 50 * MS);
	for (unsigned int i = 0; i < 20; i++)
		round_of(&s, 0, 50 * MS + i % 3 * MS);
	assert_false(is_css(&s));
	assert_false(s.over);
}

static void
risen_delay_is_believed_with_the_eighth_sample(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, UINT32_MAX - 30 * MSS, 40 * MS);	/* sequence numbers wrap meanwhile */
	for (unsigned int i = 0; i < 7; i++)
		ack(&s, 45 * MS);
	assert_false(is_css(&s));
	ack(&s, 0);					/* no sample, so it does not count */
	assert_false(is_css(&s));
	ack(&s, 45 * MS);
	assert_true(is_css(&s));
	assert_int_equal(s.h.baseline_us, 45 * MS);
}

static void
the_least_of_a_round_counts(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 40 * MS);
	for (unsigned int i = 0; i < 7; i++)
		ack(&s, 90 * MS);
	ack(&s, 40 * MS);
	ack(&s, 90 * MS);
	assert_false(is_css(&s));
}

static void
threshold_is_an_eighth_between_4_and_16_ms(void **state)
{
	static const struct {
		uint32_t last_us;
		uint32_t thresh_us;
	} cases[] = {
		{ 100, 4 * MS }, { 10 * MS, 4 * MS }, { 32 * MS, 4 * MS }, { 64 * MS, 8 * MS },
		{ 100 * MS, 12500 }, { 128 * MS, 16 * MS }, { 600 * MS, 16 * MS },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sender s;

		settle(&s, 7, cases[i].last_us);
		round_of(&s, 0, cases[i].last_us + cases[i].thresh_us - 1);
		assert_false(is_css(&s));
		settle(&s, 7, cases[i].last_us);
		round_of(&s, 0, cases[i].last_us + cases[i].thresh_us);
		assert_true(is_css(&s));
	}
}

static void
round_with_few_samples_decides_nothing(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 40 * MS);
	for (unsigned int i = 1; i <= 5; i++)
		round_of(&s, 3, 40 * MS + i * 100 * MS);
	assert_false(is_css(&s));
	round_of(&s, 2, 900 * MS);
	assert_true(is_css(&s));
}

static void
round_without_samples_leaves_nothing_to_compare_with(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 40 * MS);
	round_of(&s, 10, 0);
	round_of(&s, 0, 400 * MS);
	assert_false(is_css(&s));
	round_of(&s, 0, 420 * MS);
	assert_true(is_css(&s));
}

static void
growth_is_limited_and_a_quarter_in_css(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 40 * MS);
	assert_int_equal(sani_tcp_hystart_growth(&s.h, 1, MSS), 1);
	assert_int_equal(sani_tcp_hystart_growth(&s.h, 2 * MSS, MSS), 2 * MSS);
	assert_int_equal(sani_tcp_hystart_growth(&s.h, 8 * MSS, MSS), 8 * MSS);
	assert_int_equal(sani_tcp_hystart_growth(&s.h, 50 * MSS, MSS), 8 * MSS);
	round_of(&s, 0, 60 * MS);
	assert_true(is_css(&s));
	assert_int_equal(sani_tcp_hystart_growth(&s.h, 2 * MSS, MSS), MSS / 2);
	assert_int_equal(sani_tcp_hystart_growth(&s.h, 50 * MSS, MSS), 2 * MSS);
}

static void
fifth_round_of_css_ends_slow_start(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 40 * MS);
	round_of(&s, 0, 60 * MS);	/* CSS begins in the middle of it: the first of five */
	assert_int_equal(s.h.nb_css, 1);
	for (unsigned int i = 2; i <= 4; i++) {
		round_of(&s, 0, 60 * MS + i * MS);
		assert_int_equal(s.h.nb_css, i);
		assert_false(s.over);
	}
	round_of(&s, 0, 70 * MS);
	assert_true(s.over);
}

static void
delay_that_falls_again_was_noise(void **state)
{
	struct sender s;

	(void)state;
	settle(&s, 1, 40 * MS);
	round_of(&s, 0, 60 * MS);
	round_of(&s, 0, 60 * MS);
	assert_true(is_css(&s));
	for (unsigned int i = 0; i < 7; i++)
		ack(&s, 41 * MS);
	assert_true(is_css(&s));
	ack(&s, 41 * MS);
	assert_false(is_css(&s));
	/* and when it rises once more, there are five rounds again */
	while (s.h.nb_samples != 0)
		ack(&s, 41 * MS);
	round_of(&s, 0, 60 * MS);
	assert_true(is_css(&s));
	assert_int_equal(s.h.nb_css, 1);
	for (unsigned int i = 0; i < 3; i++)
		round_of(&s, 0, 60 * MS);
	assert_false(s.over);
	round_of(&s, 0, 60 * MS);
	assert_true(s.over);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_delay_stays_in_slow_start),
		cmocka_unit_test(risen_delay_is_believed_with_the_eighth_sample),
		cmocka_unit_test(the_least_of_a_round_counts),
		cmocka_unit_test(threshold_is_an_eighth_between_4_and_16_ms),
		cmocka_unit_test(round_with_few_samples_decides_nothing),
		cmocka_unit_test(round_without_samples_leaves_nothing_to_compare_with),
		cmocka_unit_test(growth_is_limited_and_a_quarter_in_css),
		cmocka_unit_test(fifth_round_of_css_ends_slow_start),
		cmocka_unit_test(delay_that_falls_again_was_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
