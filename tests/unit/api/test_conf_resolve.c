/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "api/conf.h"
#include "base/error.h"

static struct sani_api_conf out;

/* Keys of one test, ended by a NULL section. */
struct setting {
	const char *section;
	const char *key;
	const char *value;
};

static int
resolve(const struct setting *settings)
{
	struct san_conf *conf = san_conf_create();
	int rc;

	assert_non_null(conf);
	for (; settings->section != NULL; settings++)
		assert_int_equal(san_conf_set(conf, settings->section, settings->key, settings->value), 0);
	memset(&out, 0xa5, sizeof(out));
	rc = sani_conf_resolve(conf, &out);
	san_conf_destroy(conf);
	return rc;
}

static void
refuse(const struct setting *settings, const char *sentence)
{
	assert_int_equal(resolve(settings), -EINVAL);
	assert_string_equal(sani_error_text(), sentence);
}

#define PORT(name) { "port " name, "device", "dev_" name }
#define IFACE(name, port_name, addr) \
	{ "interface " name, "port", port_name }, { "interface " name, "address", addr }

static void
smallest_configuration_gets_the_defaults(void **state)
{
	static const uint8_t want[4] = { 10, 0, 0, 1 };
	const struct setting settings[] = { PORT("p"), IFACE("i", "p", "10.0.0.1/24"), { 0 } };
	const struct sani_host_conf *host = &out.host;

	(void)state;
	assert_int_equal(resolve(settings), 0);
	assert_string_equal(host->name, "host");
	assert_int_equal(host->nb_cores, 1);
	assert_int_equal(host->first_core_id, 0);
	assert_int_equal(host->nb_mbufs, 16384);
	assert_int_equal(out.nb_slots, 4096);
	assert_int_equal(host->nb_half_open, 1024);
	assert_int_equal(host->nb_conns, 4096 + 1024);
	assert_int_equal(host->nb_tw, 8192);
	assert_int_equal(host->nb_listeners, 64);
	assert_int_equal(host->time_wait_ms, 60000);
	assert_int_equal(out.ring, 1024);
	assert_int_equal(host->nb_ifaces, 1);
	assert_string_equal(host->ports[0].name, "p");
	assert_string_equal(host->ports[0].device, "dev_p");
	assert_int_equal(host->ports[0].nb_queues, 1);
	assert_int_equal(host->ports[0].rx_desc, 1024);
	assert_int_equal(host->ports[0].tx_desc, 1024);
	assert_int_equal(out.nb_loans, 16384 / 4);
	assert_false(host->ports[0].restart);
	assert_int_equal(host->ports[0].claim, SANI_PORT_CLAIM_NONE);
	assert_int_equal(host->ports[0].mtu, 1500);
	assert_false(host->ports[0].has_mac);
	assert_string_equal(host->ifaces[0].name, "i");
	assert_int_equal(host->ifaces[0].mtu, 1500);
	assert_int_equal(host->ifaces[0].prefix, 24);
	assert_true(sani_ip_is_v4(&host->ifaces[0].addr));
	assert_memory_equal(host->ifaces[0].addr.b + 12, want, 4);
	assert_false(host->ifaces[0].has_gateway);
}

static void
every_key_reaches_its_field(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	static const uint8_t gateway[4] = { 10, 0, 0, 254 };
	const struct setting settings[] = {
		{ "host", "name", "edge" }, { "host", "cores", "3" }, { "host", "sockets", "100" },
		{ "host", "connections", "200" }, { "host", "half_open", "20" },
		{ "host", "listeners", "5" }, { "host", "time_wait", "1000" },
		{ "host", "time_wait_records", "77" }, { "host", "mbufs", "600" },
		{ "host", "request_ring", "64" }, { "host", "loans", "30" },
		PORT("p"), { "port p", "rx_desc", "256" }, { "port p", "tx_desc", "512" },
		{ "port p", "lend", "restart" }, { "port p", "offload", "segments" },
		IFACE("i", "p", "10.0.0.1/24"), { "interface i", "gateway", "10.0.0.254" },
		{ "interface i", "mac", "02:00:00:00:00:09" }, { "interface i", "mtu", "9000" }, { 0 },
	};
	const struct sani_host_conf *host = &out.host;

	(void)state;
	assert_int_equal(resolve(settings), 0);
	assert_int_equal(out.nb_loans, 30);
	assert_true(host->ports[0].restart);
	assert_int_equal(host->ports[0].claim, SANI_PORT_CLAIM_SEGMENTS);
	assert_string_equal(host->name, "edge");
	assert_int_equal(host->nb_cores, 3);
	assert_int_equal(out.nb_slots, 100);
	assert_int_equal(host->nb_conns, 200);
	assert_int_equal(host->nb_half_open, 20);
	assert_int_equal(host->nb_listeners, 5);
	assert_int_equal(host->time_wait_ms, 1000);
	assert_int_equal(host->nb_tw, 77);
	assert_int_equal(host->nb_mbufs, 600);
	assert_int_equal(out.ring, 64);
	assert_int_equal(host->ports[0].nb_queues, 3);
	assert_int_equal(host->ports[0].rx_desc, 256);
	assert_int_equal(host->ports[0].tx_desc, 512);
	assert_int_equal(host->ports[0].mtu, 9000);
	assert_true(host->ports[0].has_mac);
	assert_memory_equal(host->ports[0].mac.addr_bytes, mac, 6);
	assert_int_equal(host->ifaces[0].mtu, 9000);
	assert_true(host->ifaces[0].has_gateway);
	assert_memory_equal(host->ifaces[0].gateway.b + 12, gateway, 4);
}

static void
interfaces_find_their_ports_in_any_order(void **state)
{
	const struct setting settings[] = {
		IFACE("one", "b", "10.0.1.1/24"), PORT("a"), IFACE("two", "a", "10.0.2.1/24"), PORT("b"),
		{ 0 },
	};

	(void)state;
	assert_int_equal(resolve(settings), 0);
	assert_int_equal(out.host.nb_ifaces, 2);
	assert_string_equal(out.host.ifaces[0].name, "one");
	assert_string_equal(out.host.ports[0].device, "dev_b");
	assert_string_equal(out.host.ifaces[1].name, "two");
	assert_string_equal(out.host.ports[1].device, "dev_a");
}

static void
no_interface_is_refused(void **state)
{
	const struct setting nothing[] = { { 0 } };
	const struct setting port_only[] = { PORT("p"), { 0 } };

	(void)state;
	refuse(nothing, "configuration: there is no section [interface NAME], accepted are 1 to 8.");
	refuse(port_only, "configuration: there is no section [interface NAME], accepted are 1 to 8.");
	assert_int_equal(sani_conf_resolve(NULL, &out), -EINVAL);
}

static void
missing_mandatory_key_is_refused(void **state)
{
	const struct setting no_device[] = { { "port p", "rx_desc", "64" },
					     IFACE("i", "p", "10.0.0.1/24"), { 0 } };
	const struct setting no_port[] = { PORT("p"), { "interface i", "address", "10.0.0.1/24" }, { 0 } };
	const struct setting no_address[] = { PORT("p"), { "interface i", "port", "p" }, { 0 } };

	(void)state;
	refuse(no_device, "configuration: key \"device\" of [port p] is missing, accepted is a device "
	       "name, a PCI address, \"NAME,ARGUMENTS\" or \"ring:NAME/0\" and \"ring:NAME/1\".");
	refuse(no_port, "configuration: key \"port\" of [interface i] is missing, accepted is 1 to 31 "
	       "letters, digits, '.', '_' or '-'.");
	refuse(no_address, "configuration: key \"address\" of [interface i] is missing, accepted is an "
	       "IPv4 address of a host and its prefix length, such as 10.0.0.1/24.");
}

static void
unknown_port_is_refused(void **state)
{
	const struct setting settings[] = { PORT("p"), IFACE("i", "q", "10.0.0.1/24"), { 0 } };

	(void)state;
	refuse(settings, "configuration: key \"port\" of [interface i] is \"q\", accepted is the name of "
	       "a section [port NAME].");
}

static void
second_interface_on_a_port_is_refused(void **state)
{
	const struct setting settings[] = { PORT("p"), IFACE("i", "p", "10.0.0.1/24"),
					    IFACE("j", "p", "10.0.1.1/24"), { 0 } };

	(void)state;
	refuse(settings, "configuration: key \"port\" of [interface j] is \"p\", accepted is a port that "
	       "no other interface is on ([interface i] is).");
}

static void
port_without_interface_is_refused(void **state)
{
	const struct setting settings[] = { PORT("p"), PORT("q"), IFACE("i", "p", "10.0.0.1/24"), { 0 } };

	(void)state;
	refuse(settings, "configuration: section [port q] is used by no interface, accepted is a port that "
	       "one section [interface NAME] names in its key \"port\".");
}

static void
address_given_twice_is_refused(void **state)
{
	const struct setting settings[] = { PORT("p"), PORT("q"), IFACE("i", "p", "10.0.0.1/24"),
					    IFACE("j", "q", "10.0.0.1/16"), { 0 } };

	(void)state;
	refuse(settings, "configuration: key \"address\" of [interface j] is \"10.0.0.1/16\", accepted is "
	       "an address that no other interface has ([interface i] has).");
}

static void
gateway_outside_its_network_is_refused(void **state)
{
	static const char *const bad[] = { "10.0.1.1", "10.0.0.1", "10.0.0.0", "10.0.0.255" };
	struct setting settings[] = { PORT("p"), IFACE("i", "p", "10.0.0.1/24"),
				      { "interface i", "gateway", NULL }, { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		settings[3].value = bad[i];
		assert_int_equal(resolve(settings), -EINVAL);
	}
	assert_string_equal(sani_error_text(), "configuration: key \"gateway\" of [interface i] is "
			    "\"10.0.0.255\", accepted is another host's address in the network "
			    "10.0.0.1/24.");
}

static void
gateway_of_a_two_address_network_is_accepted(void **state)
{
	const struct setting settings[] = { PORT("p"), IFACE("i", "p", "10.0.0.0/31"),
					    { "interface i", "gateway", "10.0.0.1" }, { 0 } };
	const struct setting alone[] = { PORT("p"), IFACE("i", "p", "10.0.0.1/32"),
					 { "interface i", "gateway", "10.0.0.2" }, { 0 } };

	(void)state;
	assert_int_equal(resolve(settings), 0);
	assert_true(out.host.ifaces[0].has_gateway);
	assert_int_equal(resolve(alone), -EINVAL);
}

static void
fewer_connections_than_half_open_is_refused(void **state)
{
	const struct setting settings[] = { { "host", "connections", "1000" }, PORT("p"),
					    IFACE("i", "p", "10.0.0.1/24"), { 0 } };

	(void)state;
	refuse(settings, "configuration: key \"connections\" is \"1000\", accepted is at least the value "
	       "of half_open, 1024.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smallest_configuration_gets_the_defaults),
		cmocka_unit_test(every_key_reaches_its_field),
		cmocka_unit_test(interfaces_find_their_ports_in_any_order),
		cmocka_unit_test(no_interface_is_refused),
		cmocka_unit_test(missing_mandatory_key_is_refused),
		cmocka_unit_test(unknown_port_is_refused),
		cmocka_unit_test(second_interface_on_a_port_is_refused),
		cmocka_unit_test(port_without_interface_is_refused),
		cmocka_unit_test(address_given_twice_is_refused),
		cmocka_unit_test(gateway_outside_its_network_is_refused),
		cmocka_unit_test(gateway_of_a_two_address_network_is_accepted),
		cmocka_unit_test(fewer_connections_than_half_open_is_refused),
	};

	return cmocka_run_group_tests_name("conf_resolve", tests, NULL, NULL);
}
