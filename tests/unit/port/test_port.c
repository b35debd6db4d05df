/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <unistd.h>

#include <rte_bus_vdev.h>

#include "util.h"

static void
unknown_device_lists_those_there_are(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_nowhere3");

	(void)state;
	OPEN_FAILS(&conf, -ENODEV, "port lan0", "'net_nowhere3'", "net_null7", "--vdev");
}

static void
unknown_driver_is_refused(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_nodriver0,iface=x");

	(void)state;
	OPEN_FAILS(&conf, -ENODEV, "port lan0", "net_nodriver0,iface=x", "driver");
}

static void
bad_arguments_are_refused(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_null1,sizzle=5");

	(void)state;
	OPEN_FAILS(&conf, -ENODEV, "port lan0", "net_null1,sizzle=5", "arguments");
}

static void
device_of_the_eal_is_opened_again_and_again(void **state)
{
	struct sani_port port;

	(void)state;
	for (int i = 0; i < 5; i++) {
		open_ok(&port, "lan0", "net_null7");
		sani_port_close(&port);
		assert_pool_whole();
	}
}

static void
device_in_use_names_its_user(void **state)
{
	struct sani_port_conf conf = conf_of("other", "net_null7");
	struct sani_port port;

	(void)state;
	open_ok(&port, "lan0", "net_null7");
	OPEN_FAILS(&conf, -EBUSY, "port other", "net_null7", "port lan0");
	sani_port_close(&port);
	open_ok(&port, "other", "net_null7");
	sani_port_close(&port);
}

static void
made_device_is_removed_at_close(void **state)
{
	struct sani_port port;
	uint16_t id;

	(void)state;
	open_ok(&port, "lan0", "net_null1,size=60");
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null1", &id), 0);
	assert_int_equal(id, port.id);
	sani_port_close(&port);
	assert_int_not_equal(rte_eth_dev_get_port_by_name("net_null1", &id), 0);
	assert_pool_whole();
}

static void
device_made_twice_says_that_it_is_there(void **state)
{
	struct sani_port_conf conf = conf_of("other", "net_null1,size=60");
	struct sani_port port;

	(void)state;
	open_ok(&port, "lan0", "net_null1,size=60");
	OPEN_FAILS(&conf, -EBUSY, "port other", "net_null1", "lan0");
	sani_port_close(&port);
	open_ok(&port, "other", "net_null1,size=60");
	sani_port_close(&port);
}

static void
failed_open_of_a_made_device_removes_it(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_ring5,");
	uint16_t id;

	(void)state;
	conf.nb_queues = 2000;
	OPEN_FAILS(&conf, -ENOTSUP, "2000 cores");
	assert_int_not_equal(rte_eth_dev_get_port_by_name("net_ring5", &id), 0);
}

static void
too_few_queues_say_what_to_change(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_null7");
	struct sani_port port;

	(void)state;
	conf.nb_queues = 5000;
	OPEN_FAILS(&conf, -ENOTSUP, "port lan0", "5000 cores", "more queues");
	open_ok(&port, "lan0", "net_null7");
	sani_port_close(&port);
}

static void
large_mtu_that_fits_no_buffer_is_refused(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_null7");

	(void)state;
	conf.mtu = 9000;
	OPEN_FAILS(&conf, -ENOTSUP, "port lan0", "9000");
}

static void
claim_is_for_ring_pairs(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_null7");

	(void)state;
	conf.claim = SANI_PORT_CLAIM_CHECKSUMS;
	OPEN_FAILS(&conf, -EINVAL, "port lan0", "ring pairs");
}

static void
configured_mac_is_used(void **state)
{
	struct sani_port_conf conf = conf_of("lan0", "net_null7");
	struct sani_port port;

	(void)state;
	conf.has_mac = true;
	conf.mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 9 } };
	assert_int_equal(sani_port_open(&conf, pool, &port), 0);
	assert_true(rte_is_same_ether_addr(&port.mac, &conf.mac));
	sani_port_close(&port);
}

static void
mac_of_another_port_is_not_used_again(void **state)
{
	struct sani_port_conf conf = conf_of("lan1", "ring:mac/0");
	struct sani_port null;
	struct sani_port ring;

	(void)state;
	open_ok(&null, "lan0", "net_null7");
	conf.has_mac = true;
	conf.mac = null.mac;
	sani_port_close(&null);
	assert_int_equal(sani_port_open(&conf, pool, &ring), 0);
	open_ok(&null, "lan0", "net_null7");
	assert_false(rte_is_same_ether_addr(&null.mac, &ring.mac));
	assert_false(rte_is_zero_ether_addr(&null.mac));
	sani_port_close(&null);
	sani_port_close(&ring);
}

/* Its receive queue holds buffers of the pool for as long as it is set up. */
static void
tap_of_the_eal_gives_all_buffers_back(void **state)
{
	struct sani_port port;

	(void)state;
	if (access("/dev/net/tun", R_OK | W_OK) != 0 || unshare(CLONE_NEWNET) != 0)
		skip();
	if (rte_vdev_init("net_tap3", "iface=sanunit3") != 0)
		skip();
	for (int i = 0; i < 3; i++) {
		open_ok(&port, "lan0", "net_tap3");
		assert_true(rte_mempool_in_use_count(pool) > 0);
		sani_port_close(&port);
		assert_pool_whole();
	}
	assert_int_equal(rte_vdev_uninit("net_tap3"), 0);
}

static void
caps_are_those_of_the_driver(void **state)
{
	struct rte_eth_dev_info info;
	struct sani_port port;

	(void)state;
	open_ok(&port, "lan0", "net_null7");
	assert_int_equal(rte_eth_dev_info_get(port.id, &info), 0);
	assert_int_equal(!!(port.caps & SANI_PORT_MULTI_SEG),
			 !!(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS));
	assert_int_equal(!!(port.caps & SANI_PORT_TX_TCP_CKSUM),
			 !!(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_CKSUM));
	assert_false(port.caps & SANI_PORT_BY_REF);
	sani_port_close(&port);
}

/* net_null has a link while it is started. */
static void
link_counts_where_there_may_be_a_cable(void **state)
{
	struct sani_port port;

	(void)state;
	open_ok(&port, "lan0", "net_null7");
	assert_true(port.is_virtual);
	assert_true(sani_port_has_link(&port));
	assert_int_equal(rte_eth_dev_stop(port.id), 0);
	assert_true(sani_port_has_link(&port));
	port.is_virtual = false;
	assert_false(sani_port_has_link(&port));
	assert_int_equal(rte_eth_dev_start(port.id), 0);
	assert_true(sani_port_has_link(&port));
	sani_port_close(&port);
	assert_pool_whole();
}

static void
null_port_passes_frames(void **state)
{
	struct rte_mbuf *m[8];
	struct sani_port port;
	uint16_t n;

	(void)state;
	open_ok(&port, "lan0", "net_null1,size=60");
	n = sani_port_rx(&port, 0, m, 8);
	assert_int_equal(n, 8);
	assert_int_equal(m[0]->pkt_len, 60);
	assert_int_equal(sani_port_tx(&port, 0, m, n), n);
	sani_port_close(&port);
	assert_pool_whole();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_device_lists_those_there_are),
		cmocka_unit_test(unknown_driver_is_refused),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(device_of_the_eal_is_opened_again_and_again),
		cmocka_unit_test(device_in_use_names_its_user),
		cmocka_unit_test(made_device_is_removed_at_close),
		cmocka_unit_test(device_made_twice_says_that_it_is_there),
		cmocka_unit_test(failed_open_of_a_made_device_removes_it),
		cmocka_unit_test(too_few_queues_say_what_to_change),
		cmocka_unit_test(large_mtu_that_fits_no_buffer_is_refused),
		cmocka_unit_test(claim_is_for_ring_pairs),
		cmocka_unit_test(configured_mac_is_used),
		cmocka_unit_test(mac_of_another_port_is_not_used_again),
		cmocka_unit_test(tap_of_the_eal_gives_all_buffers_back),
		cmocka_unit_test(caps_are_those_of_the_driver),
		cmocka_unit_test(link_counts_where_there_may_be_a_cable),
		cmocka_unit_test(null_port_passes_frames),
	};

	return cmocka_run_group_tests_name("port", tests, start_eal, stop_eal);
}
