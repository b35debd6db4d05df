/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/conf.h"
#include "unit/api/tree.h"

static char *
read_doc(void)
{
	char *text = calloc(1, 1 << 16);
	FILE *file = fopen(SAN_TREE "/doc/configuration.md", "re");

	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
	fclose(file);
	return text;
}

static void
write_row(const struct sani_key *key, char *row, size_t size)
{
	char accepted[SANI_KEY_ACCEPTED];
	const char *def = key->def;

	if (def == NULL)
		def = key->must ? "must be given" : "none";
	snprintf(row, size, "\n| `%s` | %s | %s | %s |\n", key->name, sani_key_accepted(key, accepted), def,
		 key->text);
}

static unsigned int
count_rows(const char *from, const char *to)
{
	unsigned int n = 0;

	for (const char *row = strstr(from, "\n| `"); row != NULL && row < to;
	     row = strstr(row + 1, "\n| `"))
		n++;
	return n;
}

static void
documentation_has_exactly_the_keys_of_the_table(void **state)
{
	char *doc = read_doc();
	unsigned int rows = 0;
	unsigned int id = 0;

	(void)state;
	for (unsigned int kind = 0; kind < SANI_NB_SECTION_KINDS; kind++) {
		char heading[64];
		char *at;
		const char *end;

		snprintf(heading, sizeof(heading), "\n`[%s%s]`\n",
			 sani_section_word((enum sani_section_kind)kind),
			 kind == SANI_SECTION_HOST ? "" : " NAME");
		at = strstr(doc, heading);
		assert_non_null(at);
		at = strstr(at, "\n| key | accepted | default | meaning |\n");
		assert_non_null(at);
		end = strstr(at, "\n\n");
		assert_non_null(end);
		rows += count_rows(at, end);
		for (; id < SANI_NB_KEYS && sani_keys[id].section == kind; id++) {
			char row[512];

			write_row(&sani_keys[id], row, sizeof(row));
			at = strstr(at, row);
			if (at == NULL || at > end)
				fail_msg("doc/configuration.md lacks the row%s", row);
		}
	}
	assert_int_equal(id, SANI_NB_KEYS);
	assert_int_equal(rows, SANI_NB_KEYS);
	free(doc);
}

static void
every_default_is_accepted_by_its_key(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SANI_NB_KEYS; i++) {
		const struct sani_key *key = &sani_keys[i];

		assert_false(key->must && key->def != NULL);
		/* a default in words is worked out by sani_conf_resolve() or the port */
		if (key->def == NULL || i == SANI_CONF_CONNECTIONS || i == SANI_CONF_LOANS ||
		    i == SANI_CONF_MAC)
			continue;
		if (!sani_key_check(key, key->def))
			fail_msg("the default of %s is not accepted", key->name);
	}
}

static void
range_is_accepted_up_to_its_ends(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SANI_NB_KEYS; i++) {
		const struct sani_key *key = &sani_keys[i];
		char text[24];

		if (key->type != SANI_KEY_NUMBER)
			continue;
		snprintf(text, sizeof(text), "%u", key->min);
		assert_true(sani_key_check(key, text));
		snprintf(text, sizeof(text), "%lld", (long long)key->min - 1);
		assert_false(sani_key_check(key, text));
		snprintf(text, sizeof(text), "%u", key->max);
		assert_true(sani_key_check(key, text));
		snprintf(text, sizeof(text), "%llu", (unsigned long long)key->max + 1);
		assert_false(sani_key_check(key, text));
		assert_false(sani_key_check(key, ""));
	}
}

static void
value_is_accepted_or_refused_by_its_type(void **state)
{
	static const struct {
		enum sani_key_id id;
		const char *value;
		bool good;
	} cases[] = {
		{ SANI_CONF_NAME, "a.b_c-D9", true },
		{ SANI_CONF_LEND, "auto", true },
		{ SANI_CONF_LEND, "restart", true },
		{ SANI_CONF_LEND, "always", false },
		{ SANI_CONF_NAME, "", false },
		{ SANI_CONF_NAME, "a b", false },
		{ SANI_CONF_NAME, "a/b", false },
		{ SANI_CONF_DEVICE, "0000:03:00.0", true },
		{ SANI_CONF_DEVICE, "net_tap0,iface=san0", true },
		{ SANI_CONF_DEVICE, "ring:pair/0", true },
		{ SANI_CONF_DEVICE, "ring:pair/1", true },
		{ SANI_CONF_DEVICE, "ring:pair/2", false },
		{ SANI_CONF_DEVICE, "ring:pair/01", false },
		{ SANI_CONF_DEVICE, "ring:pair", false },
		{ SANI_CONF_DEVICE, "ring:/0", false },
		{ SANI_CONF_DEVICE, "ring:a234567890123456789012345678901/0", true },
		{ SANI_CONF_DEVICE, "ring:a2345678901234567890123456789012/0", false },
		{ SANI_CONF_DEVICE, "", false },
		{ SANI_CONF_DEVICE, "net tap", false },
		{ SANI_CONF_ADDRESS, "10.0.0.1/24", true },
		{ SANI_CONF_ADDRESS, "10.0.0.0/24", false },
		{ SANI_CONF_ADDRESS, "10.0.0.255/24", false },
		{ SANI_CONF_ADDRESS, "10.0.0.0/31", true },
		{ SANI_CONF_ADDRESS, "10.0.0.1/31", true },
		{ SANI_CONF_ADDRESS, "10.0.0.0/32", true },
		{ SANI_CONF_ADDRESS, "127.0.0.1/8", false },
		{ SANI_CONF_ADDRESS, "0.0.0.1/8", false },
		{ SANI_CONF_ADDRESS, "224.0.0.1/24", false },
		{ SANI_CONF_ADDRESS, "223.255.255.1/24", true },
		{ SANI_CONF_ADDRESS, "2001:db8::1/64", false },
		{ SANI_CONF_GATEWAY, "10.0.0.1", true },
		{ SANI_CONF_GATEWAY, "10.0.0.1/24", false },
		{ SANI_CONF_GATEWAY, "255.255.255.255", false },
		{ SANI_CONF_MAC, "02:00:00:00:00:01", true },
		{ SANI_CONF_MAC, "00:00:00:00:00:00", false },
		{ SANI_CONF_MAC, "ff:ff:ff:ff:ff:ff", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (sani_key_check(&sani_keys[cases[i].id], cases[i].value) != cases[i].good)
			fail_msg("%s = \"%s\"", sani_keys[cases[i].id].name, cases[i].value);
	}
}

static void
longest_device_is_255_characters(void **state)
{
	char device[300];

	(void)state;
	memset(device, 'd', sizeof(device));
	device[255] = '\0';
	assert_true(sani_key_check(&sani_keys[SANI_CONF_DEVICE], device));
	device[255] = 'd';
	device[256] = '\0';
	assert_false(sani_key_check(&sani_keys[SANI_CONF_DEVICE], device));
}

static void
nearest_key_is_within_two_slips(void **state)
{
	char huge[200];

	(void)state;
	assert_int_equal(sani_key_nearest(SANI_SECTION_HOST, "coers"), SANI_CONF_CORES);
	assert_int_equal(sani_key_nearest(SANI_SECTION_HOST, "halfopen"), SANI_CONF_HALF_OPEN);
	assert_int_equal(sani_key_nearest(SANI_SECTION_HOST, "time-wait"), SANI_CONF_TIME_WAIT);
	assert_int_equal(sani_key_nearest(SANI_SECTION_PORT, "rxdesc"), SANI_CONF_RX_DESC);
	assert_int_equal(sani_key_nearest(SANI_SECTION_PORT, "coers"), SANI_NB_KEYS);
	assert_int_equal(sani_key_nearest(SANI_SECTION_HOST, "something"), SANI_NB_KEYS);
	assert_int_equal(sani_key_nearest(SANI_SECTION_INTERFACE, ""), SANI_NB_KEYS);
	memset(huge, 'm', sizeof(huge));
	huge[199] = '\0';
	assert_int_equal(sani_key_nearest(SANI_SECTION_INTERFACE, huge), SANI_NB_KEYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documentation_has_exactly_the_keys_of_the_table),
		cmocka_unit_test(every_default_is_accepted_by_its_key),
		cmocka_unit_test(range_is_accepted_up_to_its_ends),
		cmocka_unit_test(value_is_accepted_or_refused_by_its_type),
		cmocka_unit_test(longest_device_is_255_characters),
		cmocka_unit_test(nearest_key_is_within_two_slips),
	};

	return cmocka_run_group_tests_name("conf_keys", tests, NULL, NULL);
}
