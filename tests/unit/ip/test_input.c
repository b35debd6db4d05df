/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
static const struct rte_ether_addr group = { { 0x01, 0x00, 0x5e, 0, 0, 1 } };

static void
tcp_segment_is_handed_up(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 100);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	assert_int_equal(r->pkt.l4_off, 34);
	assert_int_equal(r->pkt.l4_len, 120);
	assert_int_equal(r->pkt.iface, 0);
	assert_int_equal(r->pkt.tos, 0x20);
	assert_false(r->pkt.nonunicast);
	assert_int_equal(r->pkt.tuple.local_port, 80);
	assert_int_equal(r->pkt.tuple.remote_port, 8080);
	assert_int_equal(sani_ip_v4_be(&r->pkt.tuple.local), addr_of(US));
	assert_int_equal(sani_ip_v4_be(&r->pkt.tuple.remote), addr_of(PEER));
	assert_int_equal(r->pkt.tuple.zero, 0);
	expect_nothing_sent(r);
}

static void
ecn_field_is_handed_up_as_it_came(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint8_t ecn = 0; ecn <= 3; ecn++) {
		make_tcp(&f, 100);
		f.b[15] = 0xb8 | ecn;
		fix_ip(&f);
		assert_int_equal(give(r, &f), SANI_IP_TCP);
		assert_int_equal(r->pkt.tos, 0xb8 | ecn);
	}
}

static void
tuple_of_two_segments_of_a_flow_is_the_same_bytes(void **state)
{
	struct rig *r = *state;
	struct sani_tuple first;
	struct frame f;

	make_tcp(&f, 1);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	first = r->pkt.tuple;
	make_tcp(&f, 200);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	assert_memory_equal(&first, &r->pkt.tuple, sizeof(first));
}

static void
runt_of_each_length_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	for (f.len = 0; f.len < 14; f.len++)
		expect_drop(r, &f, SANI_CTR_eth_rx_bad);
	for (f.len = 14; f.len < 54; f.len++)
		expect_drop(r, &f, SANI_CTR_ip4_rx_bad_header);
}

static void
frame_for_another_mac_is_dropped(void **state)
{
	struct rte_ether_addr other = mac_of(99);
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	set_eth_dst(&f, &other);
	expect_drop(r, &f, SANI_CTR_eth_rx_bad);
	set_eth_dst(&f, &r->ifaces[1].mac);
	expect_drop(r, &f, SANI_CTR_eth_rx_bad);
}

static void
other_ethernet_types_are_dropped(void **state)
{
	static const uint16_t types[] = { 0, 46, 0x05ff, 0x0801, 0x8035, 0x8100, 0x86dd, 0x88a8, 0xffff };
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		f.b[12] = (uint8_t)(types[i] >> 8);
		f.b[13] = (uint8_t)types[i];
		expect_drop(r, &f, SANI_CTR_eth_rx_drop_type);
	}
}

static void
version_other_than_4_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	for (unsigned int v = 0; v < 16; v++) {
		f.b[14] = (uint8_t)(v << 4 | 5);
		if (v != 4)
			expect_drop(r, &f, SANI_CTR_ip4_rx_bad_header);
	}
}

static void
header_length_that_lies_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);	/* 40 octets: words 11 to 15 reach beyond */
	for (uint8_t ihl = 0; ihl < 16; ihl++) {
		f.b[14] = 0x40 | ihl;
		if (ihl < 5 || ihl > 10)
			expect_drop(r, &f, SANI_CTR_ip4_rx_bad_header);
	}
}

static void
total_length_that_lies_is_dropped(void **state)
{
	static const uint16_t lens[] = { 0, 1, 19, 41, 42, 576, 0x7fff, 0xfffe, 0xffff };
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		f.b[16] = (uint8_t)(lens[i] >> 8);
		f.b[17] = (uint8_t)lens[i];
		fix_ip(&f);
		expect_drop(r, &f, SANI_CTR_ip4_rx_bad_header);
	}
}

static void
wrong_header_checksum_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (unsigned int at = 14; at < 34; at++) {
		make_tcp(&f, 10);
		if (at == 14 || at == 16)
			continue;	/* lengths: dropped before */
		f.b[at] ^= at == 17 ? 0x01 : 0x10;
		if (at == 17)
			f.b[17] = 49;
		expect_drop(r, &f, SANI_CTR_ip4_rx_bad_checksum);
	}
}

static void
padding_is_trimmed_and_not_summed(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint32_t payload = 0; payload < 7; payload++) {
		make_tcp(&f, payload);
		memset(f.b + f.len, 0xa5, 60);
		f.len += 60;
		assert_int_equal(give(r, &f), SANI_IP_TCP);
		assert_int_equal(r->pkt.l4_len, 20 + payload);
		assert_int_equal(r->up->pkt_len, 54 + payload);
	}
}

static void
padding_in_later_buffers_is_freed(void **state)
{
	const uint16_t cuts[] = { 300, 3, 40, 100 };
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 248);	/* ends in the second buffer */
	memset(f.b + f.len, 0xa5, 500);
	f.len += 500;
	assert_int_equal(give_cut(r, &f, cuts, 4), SANI_IP_TCP);
	assert_int_equal(r->up->pkt_len, 302);
	assert_int_equal(r->up->nb_segs, 2);
	rte_mbuf_sanity_check(r->up, 1);
}

static void
options_are_skipped(void **state)
{
	static const uint8_t router_alert[4] = { 148, 4, 0, 0 };
	static const uint8_t many[40] = { [36] = 148, [37] = 4 };
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 30);
	add_options(&f, router_alert, 4);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	assert_int_equal(r->pkt.l4_off, 38);
	assert_int_equal(r->pkt.l4_len, 50);
	make_tcp(&f, 30);
	add_options(&f, many, 40);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	assert_int_equal(r->pkt.l4_off, 74);
}

static void
broken_options_are_dropped(void **state)
{
	static const uint8_t broken[][4] = { { 148, 0, 0, 0 }, { 148, 1, 0, 0 }, { 148, 5, 0, 0 },
					     { 1, 1, 1, 68 } };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < 4; i++) {
		make_tcp(&f, 0);
		add_options(&f, broken[i], 4);
		expect_drop(r, &f, SANI_CTR_ip4_rx_bad_header);
	}
}

static void
source_routes_are_dropped(void **state)
{
	static const uint8_t lsrr[8] = { 131, 7, 4, 10, 0, 0, 1, 0 };
	static const uint8_t ssrr_twice[16] = { 137, 7, 255, 10, 0, 0, 1, 1, 137, 7, 0, 10, 0, 0, 1, 0 };
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	add_options(&f, lsrr, 8);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_option);
	make_udp(&f, 9, 0);
	add_options(&f, ssrr_twice, 16);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_option);
	expect_nothing_sent(r);
}

static void
fragments_are_dropped(void **state)
{
	static const uint16_t frags[] = { 0x2000, 0x0001, 0x1fff, 0x2001, 0x6000, 0x4001 };
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 16);
	for (unsigned int i = 0; i < sizeof(frags) / sizeof(frags[0]); i++) {
		f.b[20] = (uint8_t)(frags[i] >> 8);
		f.b[21] = (uint8_t)frags[i];
		fix_ip(&f);
		expect_drop(r, &f, SANI_CTR_ip4_rx_drop_fragment);
	}
	make_udp(&f, 9, 16);
	f.b[20] = 0x20;
	fix_ip(&f);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_fragment);
	expect_nothing_sent(r);
}

static void
impossible_sources_are_dropped(void **state)
{
	static const char *const sources[] = { "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.9",
		"224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "10.0.0.255", "10.0.0.0", US,
		"172.16.0.1" };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		make_tcp(&f, 0);
		set_src(&f, sources[i]);
		expect_drop(r, &f, SANI_CTR_ip4_rx_drop_address);
	}
}

static void
packets_for_others_are_dropped(void **state)
{
	static const char *const dests[] = { PEER, "10.0.0.3", FAR, "127.0.0.1", "0.0.0.0", "224.0.0.1",
		"239.255.255.250", "172.16.255.255",
		"172.16.0.1" /* ours, but of the other interface */ };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		make_tcp(&f, 0);
		set_dst(&f, dests[i]);
		expect_drop(r, &f, SANI_CTR_ip4_rx_drop_address);
	}
}

static void
broadcast_segment_is_marked(void **state)
{
	static const char *const dests[] = { "255.255.255.255", "10.0.0.255", "10.0.0.0" };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < 3; i++) {
		make_tcp(&f, 0);
		set_dst(&f, dests[i]);
		set_eth_dst(&f, &broadcast);
		assert_int_equal(give(r, &f), SANI_IP_TCP);
		assert_true(r->pkt.nonunicast);
	}
}

static void
unicast_segment_in_a_group_frame_is_marked(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	set_eth_dst(&f, &group);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	assert_true(r->pkt.nonunicast);
	set_eth_dst(&f, &broadcast);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	assert_true(r->pkt.nonunicast);
}

static void
ttl_does_not_matter_to_a_host(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 0);
	f.b[22] = 0;
	fix_ip(&f);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
}

static void
segment_cut_below_its_header_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint8_t len = 0; len < 20; len++) {
		make_tcp(&f, 0);
		f.len = 34U + len;
		f.b[17] = 20 + len;
		fix_ip(&f);
		expect_drop(r, &f, SANI_CTR_tcp_rx_bad_header);
	}
}

static void
udp_is_dropped_with_port_unreachable(void **state)
{
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_udp(&in, 53, 20);
	expect_drop(r, &in, SANI_CTR_ip4_rx_drop_protocol);
	take(r, &out);
	assert_int_equal(out.b[34], 3);
	assert_int_equal(out.b[35], 3);
	assert_true(are_checksums_right(&out));
}

static void
unsound_udp_gets_no_answer(void **state)
{
	static const uint16_t lens[] = { 0, 1, 7, 29, 30, 0xffff };
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		make_udp(&f, 53, 20);
		f.b[38] = (uint8_t)(lens[i] >> 8);
		f.b[39] = (uint8_t)lens[i];
		expect_drop(r, &f, SANI_CTR_ip4_rx_drop_protocol);
	}
	make_udp(&f, 53, 20);
	f.b[50] ^= 1;
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_protocol);
	make_udp(&f, 53, 20);
	f.len = 41;
	f.b[17] = 27;
	fix_ip(&f);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_protocol);
	expect_nothing_sent(r);
}

static void
unknown_protocols_get_protocol_unreachable(void **state)
{
	static const uint8_t protos[] = { 4, 41, 47, 132, 255 };	/* tunnels are never opened */
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	for (unsigned int i = 0; i < sizeof(protos); i++) {
		make_tcp(&in, 20);
		in.b[23] = protos[i];
		fix_ip(&in);
		r->io.now_us += SEC;
		expect_drop(r, &in, SANI_CTR_ip4_rx_drop_protocol);
		take(r, &out);
		assert_int_equal(out.b[34], 3);
		assert_int_equal(out.b[35], 2);
	}
}

static void
broadcast_gets_no_error(void **state)
{
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	make_udp(&f, 137, 20);
	set_dst(&f, "10.0.0.255");
	set_eth_dst(&f, &broadcast);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_protocol);
	make_udp(&f, 137, 20);
	set_eth_dst(&f, &broadcast);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_protocol);
	expect_nothing_sent(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_segment_is_handed_up),
		TEST(ecn_field_is_handed_up_as_it_came),
		TEST(tuple_of_two_segments_of_a_flow_is_the_same_bytes),
		TEST(runt_of_each_length_is_dropped),
		TEST(frame_for_another_mac_is_dropped),
		TEST(other_ethernet_types_are_dropped),
		TEST(version_other_than_4_is_dropped),
		TEST(header_length_that_lies_is_dropped),
		TEST(total_length_that_lies_is_dropped),
		TEST(wrong_header_checksum_is_dropped),
		TEST(padding_is_trimmed_and_not_summed),
		TEST(padding_in_later_buffers_is_freed),
		TEST(options_are_skipped),
		TEST(broken_options_are_dropped),
		TEST(source_routes_are_dropped),
		TEST(fragments_are_dropped),
		TEST(impossible_sources_are_dropped),
		TEST(packets_for_others_are_dropped),
		TEST(broadcast_segment_is_marked),
		TEST(unicast_segment_in_a_group_frame_is_marked),
		TEST(ttl_does_not_matter_to_a_host),
		TEST(segment_cut_below_its_header_is_dropped),
		TEST(udp_is_dropped_with_port_unreachable),
		TEST(unsound_udp_gets_no_answer),
		TEST(unknown_protocols_get_protocol_unreachable),
		TEST(broadcast_gets_no_error),
	};

	return cmocka_run_group_tests_name("input", tests, rig_start, rig_stop);
}
