/* SPDX-License-Identifier: BSD-3-Clause */
#include "../../../apps/impair/setting.h"
#include "test.h"

static struct sani_impair_conf conf;
static char why[256];

static void
apply(const char *name, const char *value)
{
	if (!setting_apply(&conf, name, value, why, sizeof(why)))
		fail_msg("%s", why);
}

/* It is refused, the sentence names it, and nothing has changed. */
static void
refuse(const char *name, const char *value, const char *accepted)
{
	struct sani_impair_conf before = conf;

	if (setting_apply(&conf, name, value, why, sizeof(why)))
		fail_msg("%s takes \"%s\"", name, value);
	assert_non_null(strstr(why, name));
	if (strstr(why, accepted) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", accepted, why);
	assert_memory_equal(&conf, &before, sizeof(conf));
}

static int
clear(void **state)
{
	(void)state;
	memset(&conf, 0, sizeof(conf));
	return 0;
}

static void
units_are_powers_of_a_thousand(void **state)
{
	static const struct { const char *text; uint64_t bps; } rows[] = {
		{ "64000", 64000 }, { "64k", 64000 }, { "1.5M", 1500000 }, { "10G", 10000000000 },
		{ "1000G", 1000000000000 }, { "0", 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		apply("rate", rows[i].text);
		assert_int_equal(conf.rate_bps, rows[i].bps);
	}
	apply("queue", "256k");
	assert_int_equal(conf.queue_bytes, 256000);
	apply("mark", "0.1M");
	assert_int_equal(conf.mark_bytes, 100000);
	apply("mtu", "1400");
	assert_int_equal(conf.mtu, 1400);
}

static void
times_have_a_unit(void **state)
{
	(void)state;
	apply("delay", "20ms");
	assert_int_equal(conf.delay_us, 20000);
	apply("delay", "0.5ms");
	assert_int_equal(conf.delay_us, 500);
	apply("jitter", "7us");
	assert_int_equal(conf.jitter_us, 7);
	apply("jitter", "1.25s");
	assert_int_equal(conf.jitter_us, 1250000);
	apply("delay", "0");
	assert_int_equal(conf.delay_us, 0);
	refuse("delay", "20", "such as 50us, 20ms or 1s");
	refuse("delay", "20m", "such as 50us, 20ms or 1s");
	refuse("delay", "3601s", "at most 3600s");
}

static void
shares_are_parts_of_a_million(void **state)
{
	(void)state;
	apply("loss", "1%");
	assert_int_equal(conf.loss_ppm, 10000);
	apply("dup", "0.01%");
	assert_int_equal(conf.dup_ppm, 100);
	apply("corrupt", "100%");
	assert_int_equal(conf.corrupt_ppm, 1000000);
	apply("corrupt", "0");
	assert_int_equal(conf.corrupt_ppm, 0);
	refuse("loss", "1", "such as 1% or 0.01%");
	refuse("loss", "100.1%", "at most 100%");
}

static void
several_parts_stand_between_commas(void **state)
{
	(void)state;
	apply("burst", "0.1%,10%,50%");
	assert_int_equal(conf.burst_begin_ppm, 1000);
	assert_int_equal(conf.burst_end_ppm, 100000);
	assert_int_equal(conf.burst_loss_ppm, 500000);
	apply("burst", "2%");
	assert_int_equal(conf.burst_begin_ppm, 20000);
	assert_int_equal(conf.burst_end_ppm, 0);
	assert_int_equal(conf.burst_loss_ppm, 0);
	apply("reorder", "1%,5ms");
	assert_int_equal(conf.reorder_ppm, 10000);
	assert_int_equal(conf.reorder_us, 5000);
	refuse("reorder", "1%", "SHARE,TIME");
	refuse("reorder", "5ms,1%", "a share");
	refuse("reorder", "1%,5ms,1%", "SHARE,TIME");
	apply("reorder", "0");
	assert_int_equal(conf.reorder_ppm, 0);
}

static void
link_is_up_or_down(void **state)
{
	(void)state;
	apply("link", "down");
	assert_true(conf.down);
	refuse("link", "sideways", "up or down");
	apply("link", "up");
	assert_false(conf.down);
}

static void
what_is_no_number_is_refused(void **state)
{
	static const char *const words[] = { "", ",", "-1", "+1", ".5M", "0x10", "inf", "nan", "1e3", "1 M",
					     "M", "1MM", "1..2", "1001G", "9999999999999999999999999" };

	(void)state;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		refuse("rate", words[i], "accepted is");
	refuse("queue", "5G", "at most 4G");
}

static void
other_names_are_refused_with_a_list_of_all(void **state)
{
	(void)state;
	for (unsigned int i = 0; setting_name(i) != NULL; i++)
		refuse("speed", "1", setting_name(i));
}

static void
sides_are_left_right_and_both(void **state)
{
	(void)state;
	assert_int_equal(setting_sides("left"), 1 << SIDE_LEFT);
	assert_int_equal(setting_sides("right"), 1 << SIDE_RIGHT);
	assert_int_equal(setting_sides("both"), 1 << SIDE_LEFT | 1 << SIDE_RIGHT);
	assert_int_equal(setting_sides("loss"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(units_are_powers_of_a_thousand, clear),
		cmocka_unit_test_setup(times_have_a_unit, clear),
		cmocka_unit_test_setup(shares_are_parts_of_a_million, clear),
		cmocka_unit_test_setup(several_parts_stand_between_commas, clear),
		cmocka_unit_test_setup(link_is_up_or_down, clear),
		cmocka_unit_test_setup(what_is_no_number_is_refused, clear),
		cmocka_unit_test_setup(other_names_are_refused_with_a_list_of_all, clear),
		cmocka_unit_test_setup(sides_are_left_right_and_both, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
