/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "port/caps.h"
#include "test.h"

#define ROOM (2048 + RTE_PKTMBUF_HEADROOM)

/* A device that can do everything. */
static struct rte_eth_dev_info
info_of(const char *driver, uint16_t nb_queues)
{
	return (struct rte_eth_dev_info){
		.driver_name = driver,
		.min_mtu = 68,
		.max_mtu = 9600,
		.max_rx_pktlen = 9618,
		.max_rx_queues = nb_queues,
		.max_tx_queues = nb_queues,
		.rx_offload_capa = UINT64_MAX,
		.tx_offload_capa = UINT64_MAX,
		.flow_type_rss_offloads = UINT64_MAX,
	};
}

static struct sani_port_conf
conf_of(uint16_t nb_queues, uint16_t mtu)
{
	return (struct sani_port_conf){
		.name = "lan0",
		.device = "dev0",
		.nb_queues = nb_queues,
		.mtu = mtu,
	};
}

static void
assert_says(const char *words)
{
	if (strstr(sani_error_text(), words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, sani_error_text());
}

static void
device_that_can_all_is_not_asked_for_fast_free(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 4);
	struct sani_port_conf conf = conf_of(1, 1500);
	struct rte_eth_conf eth;

	(void)state;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.txmode.offloads, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
			 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS |
			 RTE_ETH_TX_OFFLOAD_TCP_TSO);
	assert_int_equal(eth.rxmode.offloads,
			 RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
}

static void
device_that_can_nothing_is_asked_for_nothing(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 4);
	struct sani_port_conf conf = conf_of(2, 1500);
	struct rte_eth_conf eth;

	(void)state;
	info.rx_offload_capa = 0;
	info.tx_offload_capa = 0;
	info.flow_type_rss_offloads = 0;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.txmode.offloads, 0);
	assert_int_equal(eth.rxmode.offloads, 0);
	assert_int_equal(eth.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
	assert_int_equal(sani_port_caps(&info), 0);
}

static void
receive_checksum_is_a_cap_only_when_both_are(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 1);

	(void)state;
	assert_true(sani_port_caps(&info) & SANI_PORT_RX_CKSUM);
	info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	assert_false(sani_port_caps(&info) & SANI_PORT_RX_CKSUM);
	info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	assert_false(sani_port_caps(&info) & SANI_PORT_RX_CKSUM);
}

static void
each_transmit_cap_follows_its_offload(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 1);

	(void)state;
	info.rx_offload_capa = 0;
	info.tx_offload_capa = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	assert_int_equal(sani_port_caps(&info), SANI_PORT_TX_IP4_CKSUM);
	info.tx_offload_capa = RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	assert_int_equal(sani_port_caps(&info), SANI_PORT_TX_TCP_CKSUM);
	info.tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	assert_int_equal(sani_port_caps(&info), SANI_PORT_MULTI_SEG);
}

static void
several_queues_ask_for_rss(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 4);
	struct sani_port_conf conf = conf_of(4, 1500);
	struct rte_eth_conf eth;

	(void)state;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
	assert_true(eth.rx_adv_conf.rss_conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_TCP);
	conf.nb_queues = 1;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
}

static void
large_frames_are_scattered_or_refused(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 1);
	struct sani_port_conf conf = conf_of(1, 9000);
	struct rte_eth_conf eth;

	(void)state;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_true(eth.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER);
	info.rx_offload_capa = 0;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), -ENOTSUP);
	assert_says("mtu 9000");
	assert_says("mtu 2030 or less");
	conf.mtu = 2030;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	conf.mtu = 2031;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), -ENOTSUP);
}

static void
mtu_that_the_driver_does_not_take_is_left_to_it(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 1);
	struct sani_port_conf conf = conf_of(1, 1500);
	struct rte_eth_conf eth;

	(void)state;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.rxmode.mtu, 1500);
	info.max_mtu = 1400;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.rxmode.mtu, 0);
	/* a driver that limits the frame, not the mtu */
	info.max_mtu = UINT16_MAX;
	info.max_rx_pktlen = 1518;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.rxmode.mtu, 1500);
	info.max_rx_pktlen = 1517;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_int_equal(eth.rxmode.mtu, 0);
}

static void
fewer_queues_than_cores_say_what_to_change(void **state)
{
	struct rte_eth_dev_info info = info_of("net_af_packet", 1);
	struct sani_port_conf conf = conf_of(2, 1500);

	(void)state;
	assert_int_equal(sani_port_check_queues(&info, &conf), -ENOTSUP);
	assert_says("port lan0: device dev0 has 1 queue, but the host has 2 cores");
	assert_says("qpairs=N");
	info.driver_name = "net_ring";
	assert_int_equal(sani_port_check_queues(&info, &conf), -ENOTSUP);
	assert_says("rings");
	info.driver_name = "net_x";
	info.max_rx_queues = 8;
	assert_int_equal(sani_port_check_queues(&info, &conf), -ENOTSUP);
	assert_says("more queues");
	info.max_tx_queues = 2;
	assert_int_equal(sani_port_check_queues(&info, &conf), 0);
}

static void
af_packet_with_more_queues_than_cores_is_refused(void **state)
{
	struct rte_eth_dev_info info = info_of("net_af_packet", 4);
	struct sani_port_conf conf = conf_of(2, 1500);

	(void)state;
	assert_int_equal(sani_port_check_queues(&info, &conf), -ENOTSUP);
	assert_says("qpairs=4");
	assert_says("use qpairs=2");
	info.driver_name = "net_x";
	assert_int_equal(sani_port_check_queues(&info, &conf), 0);
}

static void
af_packet_takes_what_its_frames_hold(void **state)
{
	(void)state;
	assert_int_equal(sani_port_af_packet_mtu(NULL), 2048 - 80);
	assert_int_equal(sani_port_af_packet_mtu("iface=san0"), 2048 - 80);
	assert_int_equal(sani_port_af_packet_mtu("iface=san0,framesz=9216,blocksz=36864"), 9216 - 80);
	assert_int_equal(sani_port_af_packet_mtu("iface=san0,framesz=64"), 0);
}

/* What it cuts it has to sum, and is given in chains. */
static void
device_that_cuts_without_the_rest_is_not_asked_to(void **state)
{
	const uint64_t all = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
			     RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	struct sani_port_conf conf = conf_of(1, 1500);
	struct rte_eth_dev_info info = info_of("net_x", 1);
	struct rte_eth_conf eth;

	(void)state;
	info.tx_offload_capa = all;
	assert_true(sani_port_caps(&info) & SANI_PORT_TX_CUT);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(all >> bit & 1))
			continue;
		info.tx_offload_capa = all & ~(UINT64_C(1) << bit);
		assert_false(sani_port_caps(&info) & SANI_PORT_TX_CUT);
		assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
		assert_false(eth.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO);
	}
}

/* What it could not take would never leave, nor anything behind it. */
static void
device_that_takes_few_buffers_of_a_packet_does_not_cut(void **state)
{
	struct sani_port_conf conf = conf_of(1, 1500);
	struct rte_eth_dev_info info = info_of("net_x", 1);
	struct rte_eth_conf eth;

	(void)state;
	for (uint16_t most = 1; most < 100; most++) {
		uint16_t segs = (uint16_t)RTE_MIN(most - 1u, SANI_PORT_CUT_SEGS);

		info.tx_desc_lim.nb_seg_max = most;
		assert_int_equal(sani_port_cut_segs(&info), segs);
		assert_int_equal((sani_port_caps(&info) & SANI_PORT_TX_CUT) != 0, segs >= SANI_PORT_CUT_SEGS_LEAST);
	}
	info.tx_desc_lim.nb_seg_max = 0;
	assert_int_equal(sani_port_cut_segs(&info), SANI_PORT_CUT_SEGS);
	info.tx_desc_lim.nb_seg_max = SANI_PORT_CUT_SEGS_LEAST;
	assert_int_equal(sani_port_eth_conf(&info, &conf, ROOM, &eth), 0);
	assert_false(eth.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO);
}

/* Memory of the program's is referred to by up to three buffers behind the headers'. */
static void
device_that_takes_few_buffers_of_a_segment_is_lent_nothing(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 1);

	(void)state;
	assert_true(sani_port_takes_chains(&info));
	for (uint16_t most = 1; most < 10; most++) {
		info.tx_desc_lim.nb_mtu_seg_max = most;
		assert_int_equal(sani_port_takes_chains(&info), most >= SANI_PORT_CHAIN_SEGS);
	}
	info.tx_offload_capa &= ~(uint64_t)RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	assert_false(sani_port_takes_chains(&info));
}

static void
one_of_several_queues_holds_up_none(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 4);
	struct rte_eth_conf eth = { .rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER };
	struct rte_eth_rxconf rx;

	(void)state;
	info.default_rxconf.rx_free_thresh = 7;
	info.default_rxconf.offloads = UINT64_MAX;
	for (uint16_t n = 1; n <= 2; n++) {
		sani_port_rx_conf(&info, &eth, n, &rx);
		assert_int_equal(rx.rx_drop_en, n > 1);
		assert_int_equal(rx.rx_free_thresh, 7);
		assert_int_equal(rx.offloads, RTE_ETH_RX_OFFLOAD_SCATTER);
	}
}

static void
no_device_passes_long_packets_unasked(void **state)
{
	struct rte_eth_dev_info info = info_of("net_x", 1);

	(void)state;
	assert_false(sani_port_passes_mtu(&info, 9000));
	/* there is no interface of the kernel's behind it */
	info.driver_name = "net_af_packet";
	assert_false(sani_port_passes_mtu(&info, 1600));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_that_can_all_is_not_asked_for_fast_free),
		cmocka_unit_test(device_that_can_nothing_is_asked_for_nothing),
		cmocka_unit_test(receive_checksum_is_a_cap_only_when_both_are),
		cmocka_unit_test(each_transmit_cap_follows_its_offload),
		cmocka_unit_test(several_queues_ask_for_rss),
		cmocka_unit_test(large_frames_are_scattered_or_refused),
		cmocka_unit_test(mtu_that_the_driver_does_not_take_is_left_to_it),
		cmocka_unit_test(fewer_queues_than_cores_say_what_to_change),
		cmocka_unit_test(af_packet_with_more_queues_than_cores_is_refused),
		cmocka_unit_test(af_packet_takes_what_its_frames_hold),
		cmocka_unit_test(device_that_cuts_without_the_rest_is_not_asked_to),
		cmocka_unit_test(device_that_takes_few_buffers_of_a_packet_does_not_cut),
		cmocka_unit_test(device_that_takes_few_buffers_of_a_segment_is_lent_nothing),
		cmocka_unit_test(one_of_several_queues_holds_up_none),
		cmocka_unit_test(no_device_passes_long_packets_unasked),
	};

	return cmocka_run_group_tests_name("caps", tests, NULL, NULL);
}
