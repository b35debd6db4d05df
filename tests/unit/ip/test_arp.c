/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"
#include "wire/arp.h"

static void
request_for_us_is_answered(void **state)
{
	struct rig *r = *state;
	struct frame in;
	struct frame out;
	uint32_t us_be = addr_of(US);

	make_arp(&in, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &out);
	assert_true(is_arp(&out, SANI_ARP_REPLY, PEER));
	assert_memory_equal(out.b, &peer_mac, 6);
	assert_memory_equal(out.b + 6, &our_mac, 6);
	assert_memory_equal(out.b + 22, &our_mac, 6);
	assert_memory_equal(out.b + 28, &us_be, 4);
	assert_memory_equal(out.b + 32, &peer_mac, 6);
	expect_counted(r, SANI_CTR_arp_tx_reply, 1);
}

static void
request_cut_at_each_octet_is_answered(void **state)
{
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	make_arp(&in, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	for (uint16_t cut = 0; cut <= in.len; cut++) {
		assert_int_equal(give_cut(r, &in, &cut, 1), SANI_IP_DONE);
		take(r, &out);
		assert_true(is_arp(&out, SANI_ARP_REPLY, PEER));
	}
}

static void
who_asks_for_us_is_known(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	take(r, &f);
	assert_int_equal(send_tcp(r, PEER, 10), 0);
	take(r, &f);
	assert_int_equal(type_of(&f), 0x0800);
	assert_memory_equal(f.b, &peer_mac, 6);
}

static void
request_for_others_teaches_nothing(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, "10.0.0.9");
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	expect_nothing_sent(r);
	assert_int_equal(send_tcp(r, PEER, 10), 0);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REQUEST, PEER));
}

static void
answer_that_nobody_asked_for_teaches_nothing(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REPLY, &peer_mac, PEER, US);
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	make_arp(&f, SANI_ARP_REPLY, &peer_mac, PEER, PEER);
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, PEER);	/* gratuitous */
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	assert_int_equal(send_tcp(r, PEER, 10), 0);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REQUEST, PEER));
}

static void
malformed_packets_are_dropped(void **state)
{
	static const uint8_t changes[][2] = { { 14, 1 }, { 15, 6 }, { 16, 0x86 }, { 18, 255 }, { 18, 0 },
		{ 19, 0 }, { 19, 16 }, { 21, 0 }, { 21, 3 }, { 20, 1 }, { 22, 0x03 } };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < sizeof(changes) / 2; i++) {
		make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, US);
		f.b[changes[i][0]] = changes[i][1];
		expect_drop(r, &f, SANI_CTR_arp_rx_bad);
	}
	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	for (f.len = 14; f.len < 42; f.len++)
		expect_drop(r, &f, SANI_CTR_arp_rx_bad);
	expect_nothing_sent(r);
}

static void
impossible_senders_are_dropped(void **state)
{
	static const char *const senders[] = { "255.255.255.255", "10.0.0.255", "10.0.0.0", "224.0.0.5",
					       "127.0.0.1", "240.1.1.1", "0.0.0.5" };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		make_arp(&f, SANI_ARP_REQUEST, &peer_mac, senders[i], US);
		expect_drop(r, &f, SANI_CTR_arp_rx_bad);
	}
	expect_nothing_sent(r);
}

static void
sender_from_another_network_is_answered_but_not_learnt(void **state)
{
	union sani_ip far = ip_of("192.168.9.9");
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, "192.168.9.9", US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REPLY, "192.168.9.9"));
	sani_ip_neighbour_want(r->ip, 0, &far, &r->io);
	assert_int_equal(r->io.nb_news, 0);
}

static void
probe_for_our_address_is_answered_and_not_learnt(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, "0.0.0.0", US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REPLY, "0.0.0.0"));
	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, "0.0.0.0", "10.0.0.7");
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
}

static void
conflict_is_counted_and_defended_at_a_limited_rate(void **state)
{
	struct rig *r = *state;
	struct frame f;
	struct frame out;

	make_arp(&f, SANI_ARP_REPLY, &peer_mac, US, PEER);
	mark(r);
	for (unsigned int i = 0; i < 50; i++)
		assert_int_equal(give(r, &f), SANI_IP_DONE);
	expect_counted(r, SANI_CTR_arp_rx_conflict, 50);
	take(r, &out);
	assert_true(is_arp(&out, SANI_ARP_REQUEST, US));
	assert_memory_equal(out.b + 22, &our_mac, 6);
	expect_nothing_sent(r);
	r->io.now_us += 9 * SEC;
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	expect_nothing_sent(r);
	r->io.now_us += SEC;
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	take(r, &out);
}

static void
our_own_packet_come_back_is_no_conflict(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &our_mac, US, US);
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	expect_counted(r, SANI_CTR_arp_rx_conflict, 0);
	expect_nothing_sent(r);
}

/* A tap device has one MAC at both ends. */
static void
peer_with_our_mac_is_talked_to(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &our_mac, PEER, US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REPLY, PEER));
	assert_memory_equal(f.b, &our_mac, 6);
}

static void
request_of_the_other_interface_is_not_answered_here(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, "172.16.0.1");
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	expect_nothing_sent(r);
}

static void
mac_of_a_neighbour_changes_once_a_second_at_most(void **state)
{
	struct rte_ether_addr other = mac_of(77);
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	make_arp(&f, SANI_ARP_REPLY, &other, PEER, US);
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	assert_int_equal(send_tcp(r, PEER, 1), 0);
	take(r, &f);
	assert_memory_equal(f.b, &peer_mac, 6);
	r->io.now_us += SEC;
	make_arp(&f, SANI_ARP_REPLY, &other, PEER, US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	expect_counted(r, SANI_CTR_arp_rx_changed, 1);
	make_arp(&f, SANI_ARP_REPLY, &peer_mac, PEER, US);
	expect_drop(r, &f, SANI_CTR_arp_rx_drop);
	assert_int_equal(send_tcp(r, PEER, 1), 0);
	take(r, &f);
	assert_memory_equal(f.b, &other, 6);
}

static void
arp_on_another_core_is_handed_over_untouched(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	assert_int_equal(give(r, &f), SANI_IP_CONTROL);
	assert_int_equal(r->up->pkt_len, f.len);
	assert_memory_equal(rte_pktmbuf_mtod(r->up, uint8_t *), f.b, f.len);
	expect_nothing_sent(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_for_us_is_answered),
		TEST(request_cut_at_each_octet_is_answered),
		TEST(who_asks_for_us_is_known),
		TEST(request_for_others_teaches_nothing),
		TEST(answer_that_nobody_asked_for_teaches_nothing),
		TEST(malformed_packets_are_dropped),
		TEST(impossible_senders_are_dropped),
		TEST(sender_from_another_network_is_answered_but_not_learnt),
		TEST(probe_for_our_address_is_answered_and_not_learnt),
		TEST(conflict_is_counted_and_defended_at_a_limited_rate),
		TEST(our_own_packet_come_back_is_no_conflict),
		TEST(peer_with_our_mac_is_talked_to),
		TEST(request_of_the_other_interface_is_not_answered_here),
		TEST(mac_of_a_neighbour_changes_once_a_second_at_most),
		TEST_OTHER_CORE(arp_on_another_core_is_handed_over_untouched),
	};

	return cmocka_run_group_tests_name("arp", tests, rig_start, rig_stop);
}
