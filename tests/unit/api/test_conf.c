/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/conf.h"
#include "base/error.h"

static int
make_conf(void **state)
{
	*state = san_conf_create();
	return *state == NULL;
}

static int
end_conf(void **state)
{
	san_conf_destroy(*state);
	return 0;
}

/* Expects a refusal with exactly this sentence. */
static void
refuse(struct san_conf *conf, const char *section, const char *key, const char *value,
       const char *sentence)
{
	assert_int_equal(san_conf_set(conf, section, key, value), -EINVAL);
	assert_string_equal(sani_error_text(), sentence);
}

static void
unknown_section_is_refused(void **state)
{
	refuse(*state, "hots", "cores", "1", "configuration: [hots] is not a section, accepted are [host], "
	       "[port NAME] and [interface NAME].");
	refuse(*state, "host x", "cores", "1", "configuration: [host x] is not a section, accepted are "
	       "[host], [port NAME] and [interface NAME].");
	refuse(*state, "", "cores", "1", "configuration: [] is not a section, accepted are [host], "
	       "[port NAME] and [interface NAME].");
}

static void
section_without_good_name_is_refused(void **state)
{
	refuse(*state, "port", "device", "x", "configuration: section [port] has the name \"\", accepted "
	       "are 1 to 31 letters, digits, '.', '_' or '-'.");
	refuse(*state, "port a b", "device", "x", "configuration: section [port a b] has the name \"a b\", "
	       "accepted are 1 to 31 letters, digits, '.', '_' or '-'.");
	assert_int_equal(san_conf_set(*state, "port a234567890123456789012345678901", "device", "x"), 0);
	assert_int_equal(san_conf_set(*state, "port a2345678901234567890123456789012", "device", "x"),
			 -EINVAL);
}

static void
misspelt_key_is_refused_with_the_nearest(void **state)
{
	refuse(*state, "host", "coers", "2", "configuration: \"coers\" is not a key of a section [host] "
	       "(did you mean \"cores\"?), accepted are name, cores, sockets, connections, half_open, "
	       "listeners, time_wait, window_max, time_wait_records, mtu_probing, mbufs, loans, request_ring, "
	       "sleep_after.");
	refuse(*state, "interface a", "adress", "x", "configuration: \"adress\" is not a key of a section "
	       "[interface] (did you mean \"address\"?), accepted are port, address, gateway, mac, mtu.");
}

static void
unknown_key_is_refused(void **state)
{
	refuse(*state, "port a", "colour", "red", "configuration: \"colour\" is not a key of a section "
	       "[port], accepted are device, rx_desc, tx_desc, lend, offload.");
	refuse(*state, "port a", "cores", "2", "configuration: \"cores\" is not a key of a section "
	       "[port], accepted are device, rx_desc, tx_desc, lend, offload.");
	refuse(*state, "port a", "", "2", "configuration: \"\" is not a key of a section "
	       "[port], accepted are device, rx_desc, tx_desc, lend, offload.");
}

static void
value_out_of_range_is_refused(void **state)
{
	refuse(*state, "host", "cores", "65", "configuration: key \"cores\" is \"65\", accepted is a whole "
	       "number from 1 to 64.");
	refuse(*state, "host", "cores", "0", "configuration: key \"cores\" is \"0\", accepted is a whole "
	       "number from 1 to 64.");
	refuse(*state, "interface a", "mtu", "67", "configuration: key \"mtu\" is \"67\", accepted is a "
	       "whole number from 68 to 9000.");
}

static void
malformed_address_is_refused(void **state)
{
	refuse(*state, "interface a", "address", "10.0.0.1", "configuration: key \"address\" is "
	       "\"10.0.0.1\", accepted is an IPv4 address of a host and its prefix length, such as "
	       "10.0.0.1/24.");
	refuse(*state, "interface a", "gateway", "10.0.0", "configuration: key \"gateway\" is \"10.0.0\", "
	       "accepted is an IPv4 address of a host, such as 10.0.0.1.");
	refuse(*state, "interface a", "mac", "01:00:5e:00:00:01", "configuration: key \"mac\" is "
	       "\"01:00:5e:00:00:01\", accepted is a unicast Ethernet address, such as "
	       "02:00:00:00:00:01.");
}

static void
ninth_port_is_refused(void **state)
{
	char section[32];

	for (int i = 0; i < SANI_IP_IFACES; i++) {
		snprintf(section, sizeof(section), "port p%d", i);
		assert_int_equal(san_conf_set(*state, section, "device", "x"), 0);
	}
	refuse(*state, "port p8", "device", "x", "configuration: section [port p8] is one too many, "
	       "accepted are 8 sections of this kind.");
	assert_int_equal(san_conf_set(*state, "interface p8", "port", "p0"), 0);
	assert_int_equal(san_conf_set(*state, "host", "cores", "1"), 0);
}

static void
later_value_replaces_earlier(void **state)
{
	struct san_conf *conf = *state;

	assert_int_equal(san_conf_set(conf, "host", "cores", "2"), 0);
	assert_int_equal(san_conf_set(conf, "host", "cores", "3"), 0);
	assert_string_equal(conf->sections[0].values[SANI_CONF_CORES].text, "3");
	assert_int_equal(conf->nb_sections, 1);
}

static void
missing_argument_is_refused(void **state)
{
	assert_int_equal(san_conf_set(NULL, "host", "cores", "2"), -EINVAL);
	assert_int_equal(san_conf_set(*state, NULL, "cores", "2"), -EINVAL);
	assert_int_equal(san_conf_set(*state, "host", NULL, "2"), -EINVAL);
	assert_int_equal(san_conf_set(*state, "host", "cores", NULL), -EINVAL);
	san_conf_destroy(NULL);
}

static void
long_path_keeps_its_end_and_line(void **state)
{
	char path[300];
	char where[SANI_CONF_WHERE];
	struct sani_conf_origin origin = { .file = path, .line = UINT32_MAX, .load = 1 };

	(void)state;
	memset(path, 'd', sizeof(path));
	strcpy(path + 290, "/san.conf");
	sani_conf_where(&origin, where);
	assert_string_equal(strchr(where, '/'), "/san.conf:4294967295");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unknown_section_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(section_without_good_name_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(misspelt_key_is_refused_with_the_nearest, make_conf,
						end_conf),
		cmocka_unit_test_setup_teardown(unknown_key_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(value_out_of_range_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(malformed_address_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(ninth_port_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(later_value_replaces_earlier, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(missing_argument_is_refused, make_conf, end_conf),
		cmocka_unit_test_setup_teardown(long_path_keeps_its_end_and_line, make_conf, end_conf),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
