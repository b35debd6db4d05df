/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"
#include "wire/arp.h"

static void
answer(struct rig *r, const char *who, const struct rte_ether_addr *mac)
{
	struct frame f;

	make_arp(&f, SANI_ARP_REPLY, mac, who, US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
}

/* The next frame is an ARP request for who, by unicast to mac or (NULL) by broadcast. */
static void
take_request(struct rig *r, const char *who, const struct rte_ether_addr *mac)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct frame f;

	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REQUEST, who));
	assert_memory_equal(f.b, mac != NULL ? mac->addr_bytes : broadcast, 6);
}

static void
drain(struct rig *r)
{
	struct frame f;

	while (r->io.nb_tx > 0)
		take(r, &f);
}

static void
packet_waits_for_the_answer(void **state)
{
	struct rig *r = *state;
	struct frame f;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take_request(r, PEER, NULL);
	expect_nothing_sent(r);
	answer(r, PEER, &peer_mac);
	take(r, &f);
	assert_int_equal(f.len, 59);
	assert_memory_equal(f.b, &peer_mac, 6);
	assert_true(are_checksums_right(&f));
	expect_nothing_sent(r);
}

static void
four_packets_wait_and_the_oldest_goes(void **state)
{
	struct rig *r = *state;
	struct frame f;

	mark(r);
	for (uint32_t i = 1; i <= 7; i++)
		assert_int_equal(send_tcp(r, PEER, i), 0);
	take_request(r, PEER, NULL);
	expect_counted(r, SANI_CTR_arp_drop_queue, 3);
	answer(r, PEER, &peer_mac);
	for (uint32_t i = 4; i <= 7; i++) {
		take(r, &f);
		assert_int_equal(f.len, 54 + i);
	}
	expect_nothing_sent(r);
}

static void
request_of_the_peer_resolves_as_well(void **state)
{
	struct rig *r = *state;
	struct frame f;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take_request(r, PEER, NULL);
	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	take(r, &f);
	assert_int_equal(type_of(&f), 0x0800);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REPLY, PEER));
}

static void
requests_go_once_a_second_three_times(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take_request(r, PEER, NULL);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	expect_nothing_sent(r);
	assert_int_equal(sani_ip_deadline(r->ip), start + SEC);
	run_until(r, start + SEC - 1);
	expect_nothing_sent(r);
	run_until(r, start + SEC);
	take_request(r, PEER, NULL);
	run_until(r, start + 2 * SEC);
	take_request(r, PEER, NULL);
	mark(r);
	run_until(r, start + 3 * SEC);
	expect_nothing_sent(r);
	expect_counted(r, SANI_CTR_arp_drop_unresolved, 2);
}

static void
unreachable_neighbour_is_refused_for_a_while(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	run_until(r, start + 3 * SEC);
	drain(r);
	mark(r);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
	expect_one_drop(r, SANI_CTR_arp_drop_unresolved);
	run_until(r, start + 6 * SEC - 1);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
	expect_nothing_sent(r);
	run_until(r, start + 6 * SEC);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take_request(r, PEER, NULL);
}

static void
late_answer_ends_the_hold_off(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	run_until(r, start + 3 * SEC);
	drain(r);
	answer(r, PEER, &peer_mac);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	assert_int_equal(type_of(&f), 0x0800);
}

static void
entry_in_use_is_confirmed_by_unicast(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	drain(r);
	run_until(r, start + 60 * SEC - 1);
	expect_nothing_sent(r);
	run_until(r, start + 60 * SEC);
	take_request(r, PEER, &peer_mac);
	/* in use while it is asked */
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	assert_memory_equal(f.b, &peer_mac, 6);
	answer(r, PEER, &peer_mac);
	run_until(r, start + 119 * SEC);
	expect_nothing_sent(r);
}

static void
entry_that_is_not_used_goes_in_silence(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	run_until(r, r->io.now_us + 61 * SEC);
	expect_nothing_sent(r);
	assert_int_equal(sani_ip_deadline(r->ip), SANI_NEVER);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take_request(r, PEER, NULL);
}

static void
entry_that_is_no_longer_used_goes_after_a_few_periods(void **state)
{
	struct rig *r = *state;
	unsigned int asked = 0;

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	drain(r);
	while (sani_ip_deadline(r->ip) != SANI_NEVER) {
		run_until(r, sani_ip_deadline(r->ip));
		if (r->io.nb_tx == 0)
			continue;
		take_request(r, PEER, &peer_mac);
		answer(r, PEER, &peer_mac);
		assert_true(++asked < 10);
	}
	assert_int_equal(asked, 2);
}

static void
silent_neighbour_is_asked_by_unicast_then_by_broadcast_then_lost(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	drain(r);
	for (unsigned int i = 0; i < 3; i++) {
		run_until(r, start + (60 + i) * SEC);
		take_request(r, PEER, &peer_mac);
	}
	for (unsigned int i = 3; i < 6; i++) {
		run_until(r, start + (60 + i) * SEC);
		take_request(r, PEER, NULL);
	}
	run_until(r, start + 66 * SEC);
	expect_nothing_sent(r);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
}

static void
neighbour_that_moved_is_found_by_broadcast(void **state)
{
	struct rte_ether_addr other = mac_of(88);
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	run_until(r, start + 63 * SEC);
	drain(r);
	answer(r, PEER, &other);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	assert_memory_equal(f.b, &other, 6);
}

static void
far_destination_goes_to_the_gateway(void **state)
{
	struct rte_ether_addr gateway = mac_of(254);
	struct rig *r = *state;
	struct frame f;
	uint32_t far_be = addr_of(FAR);

	assert_int_equal(send_tcp(r, FAR, 5), 0);
	take_request(r, GATEWAY, NULL);
	answer(r, GATEWAY, &gateway);
	take(r, &f);
	assert_memory_equal(f.b, &gateway, 6);
	assert_memory_equal(f.b + 30, &far_be, 4);
}

/* Distinct hosts of 172.16/16, on interface 1. */
static const char *
host_text(unsigned int i)
{
	static char text[16];

	snprintf(text, sizeof(text), "172.16.%u.%u", 1 + i / 250, 1 + i % 250);
	return text;
}

static void
send_to_live_entry(struct rig *r)
{
	struct frame f;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	assert_int_equal(type_of(&f), 0x0800);
	assert_memory_equal(f.b, &peer_mac, 6);
}

static void
scan_of_silent_hosts_is_bounded_and_leaves_live_entries(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	send_to_live_entry(r);
	for (unsigned int i = 0; i < 60000; i++) {
		(void)send_tcp(r, host_text(i), 5);
		drain(r);
	}
	send_to_live_entry(r);
	/* 256 entries with a packet each is what is held */
	assert_in_range(rte_mempool_in_use_count(rig_pool), 1, 256);
	assert_in_range(r->ctr.v[SANI_CTR_arp_drop_full], 60000 - 256, 60000);
}

static void
scan_does_not_keep_a_real_host_from_being_found(void **state)
{
	struct rig *r = *state;
	unsigned int found = 0;
	struct frame f;

	for (unsigned int i = 0; i < 2000; i++)
		(void)send_tcp(r, host_text(i), 5);
	drain(r);
	for (unsigned int n = 10; n < 60; n++) {
		struct rte_ether_addr mac = mac_of((uint8_t)n);
		char who[16];

		snprintf(who, sizeof(who), "10.0.0.%u", n);
		(void)send_tcp(r, who, 5);
		drain(r);
		answer(r, who, &mac);
		if (r->io.nb_tx == 0)
			continue;
		take(r, &f);
		found += type_of(&f) == 0x0800;
	}
	assert_int_equal(found, 50);
}

static void
requests_from_many_sources_leave_live_entries(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	send_to_live_entry(r);
	for (unsigned int i = 0; i < 60000; i++) {
		struct rte_ether_addr mac = { { 2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } };
		struct rte_mbuf *m;
		struct frame f;

		make_arp(&f, SANI_ARP_REQUEST, &mac, host_text(i), "172.16.0.1");
		m = mbuf_of(&f, NULL, 0);
		assert_int_equal(give_mbuf(r, m, 1), SANI_IP_DONE);
		assert_int_equal(r->io.nb_tx, 1);	/* answered all the same */
		drain(r);
	}
	send_to_live_entry(r);
}

static void
full_table_of_live_entries_refuses_newcomers(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < SANI_IP_NEIGHBOURS; i++) {
		struct rte_ether_addr mac = { { 2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } };
		union sani_ip addr = ip_of(host_text(i));

		sani_ip_neighbour_set(r->ip, 1, &addr, &mac, &r->io);
		assert_int_equal(send_tcp(r, host_text(i), 1), 0);
		drain(r);
	}
	mark(r);
	assert_int_equal(send_tcp(r, PEER, 1), 0);
	expect_one_drop(r, SANI_CTR_arp_drop_full);
	expect_nothing_sent(r);
	for (i = 0; i < SANI_IP_NEIGHBOURS; i++) {
		struct frame f;

		assert_int_equal(send_tcp(r, host_text(i), 1), 0);
		take(r, &f);
		assert_int_equal(f.b[4] << 8 | f.b[5], i);
	}
	/* nobody answers: when they have gone, there is room again */
	for (i = 0; sani_ip_deadline(r->ip) != SANI_NEVER; i++) {
		assert_true(i < 100000);
		r->io.now_us = RTE_MAX(r->io.now_us, sani_ip_deadline(r->ip));
		r->io.nb_news = 0;
		sani_ip_timer(r->ip, &r->io);
		drain(r);
	}
	assert_int_equal(send_tcp(r, PEER, 1), 0);
	take_request(r, PEER, NULL);
}

static void
timer_stays_within_the_room_it_is_given(void **state)
{
	struct rig *r = *state;
	unsigned int requests = 0;

	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(send_tcp(r, host_text(i), 1), 0);
		drain(r);
	}
	r->io.now_us += SEC;
	while (sani_ip_deadline(r->ip) <= r->io.now_us) {
		r->io.nb_news = 0;
		sani_ip_timer(r->ip, &r->io);
		assert_true(r->io.nb_tx > 0 && r->io.nb_tx <= SANI_IP_TX_ROOM);
		requests += r->io.nb_tx;
		drain(r);
	}
	assert_int_equal(requests, 100);
}

static void
nearest_deadline_stays_when_a_later_one_comes(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	assert_int_equal(send_tcp(r, "10.0.0.3", 5), 0);
	know_peer(r);
	assert_int_equal(sani_ip_deadline(r->ip), start + SEC);
}

static void
same_address_on_two_interfaces_is_two_neighbours(void **state)
{
	struct rte_ether_addr other = mac_of(55);
	union sani_ip peer = ip_of(PEER);
	struct rig *r = *state;
	struct frame f;

	sani_ip_neighbour_set(r->ip, 1, &peer, &other, &r->io);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take_request(r, PEER, NULL);
	answer(r, PEER, &peer_mac);
	take(r, &f);
	assert_memory_equal(f.b, &peer_mac, 6);
}

/* Which of 256 hosts loses its place to one more: asked anew, it is asked for by a request. */
static unsigned int
find_evicted(struct rig *r)
{
	unsigned int evicted = 0;

	for (unsigned int i = 0; i <= 256; i++) {
		assert_int_equal(send_tcp(r, host_text(i), 1), 0);
		drain(r);
	}
	while (evicted < 256) {
		assert_int_equal(send_tcp(r, host_text(evicted), 1), 0);
		if (r->io.nb_tx > 0)
			break;
		evicted++;
	}
	drain(r);
	return evicted;
}

static void
who_is_evicted_depends_on_the_key(void **state)
{
	unsigned int evicted[4];
	struct rig *r = *state;

	for (uint8_t i = 0; i < 4; i++) {
		const uint8_t key[16] = { [3] = i };

		sani_ip_destroy(r->ip);
		r->ip = sani_ip_create(r->ifaces, 2, true, key);
		assert_non_null(r->ip);
		evicted[i] = find_evicted(r);
		assert_true(evicted[i] < 256);
	}
	assert_false(evicted[0] == evicted[1] && evicted[1] == evicted[2] && evicted[2] == evicted[3]);
}

static void
frame_without_room_is_counted(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	r->io.max_tx = 0;
	mark(r);
	assert_int_equal(send_tcp(r, PEER, 1), 0);
	expect_one_drop(r, SANI_CTR_port_tx_drop);
}

/* News between the cores. */

static void
expect_news(struct rig *r, enum sani_ip_news_kind kind, const char *who)
{
	union sani_ip addr = ip_of(who);

	assert_int_equal(r->io.nb_news, 1);
	assert_int_equal(r->io.news[0].kind, kind);
	assert_int_equal(r->io.news[0].iface, 0);
	assert_true(sani_ip_eq(&r->io.news[0].ip, &addr));
	r->io.nb_news = 0;
}

static void
want(struct rig *r, const char *who)
{
	union sani_ip addr = ip_of(who);

	r->io.nb_news = 0;
	sani_ip_neighbour_want(r->ip, 0, &addr, &r->io);
}

static void
wanted_neighbour_is_asked_for_and_told_when_known(void **state)
{
	struct rig *r = *state;

	want(r, PEER);
	take_request(r, PEER, NULL);
	assert_int_equal(r->io.nb_news, 0);
	answer(r, PEER, &peer_mac);
	assert_true(rte_is_same_ether_addr(&r->io.news[0].mac, &peer_mac));
	expect_news(r, SANI_IP_KNOWN, PEER);
	answer(r, PEER, &peer_mac);
	assert_int_equal(r->io.nb_news, 0);
}

static void
wanted_neighbour_that_is_known_is_told_at_once(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	want(r, PEER);
	assert_true(rte_is_same_ether_addr(&r->io.news[0].mac, &peer_mac));
	expect_news(r, SANI_IP_KNOWN, PEER);
	expect_nothing_sent(r);
}

static void
wanted_neighbour_that_is_silent_is_told_lost(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	want(r, PEER);
	run_until(r, start + 3 * SEC);
	expect_news(r, SANI_IP_LOST, PEER);
	drain(r);
	want(r, PEER);
	expect_news(r, SANI_IP_LOST, PEER);
	expect_nothing_sent(r);
}

static void
wanted_neighbour_that_moves_is_told(void **state)
{
	struct rte_ether_addr other = mac_of(66);
	struct rig *r = *state;

	want(r, PEER);
	answer(r, PEER, &peer_mac);
	r->io.now_us += 2 * SEC;
	answer(r, PEER, &other);
	assert_true(rte_is_same_ether_addr(&r->io.news[0].mac, &other));
	expect_news(r, SANI_IP_KNOWN, PEER);
	drain(r);
}

static void
what_nobody_wants_is_no_news(void **state)
{
	struct rig *r = *state;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	answer(r, PEER, &peer_mac);
	assert_int_equal(r->io.nb_news, 0);
	assert_int_equal(send_tcp(r, "10.0.0.3", 5), 0);
	run_until(r, r->io.now_us + 3 * SEC);
	assert_int_equal(r->io.nb_news, 0);
	assert_int_equal(send_tcp(r, "10.0.0.3", 5), -EHOSTUNREACH);
	drain(r);
}

static void
more_news_than_fit_a_call_come_with_the_next(void **state)
{
	struct rig *r = *state;
	unsigned int told = 0;
	char who[16];

	for (unsigned int i = 0; i < 11; i++) {
		snprintf(who, sizeof(who), "10.0.0.%u", 20 + i);
		want(r, who);
	}
	run_until(r, r->io.now_us + 2 * SEC);
	r->io.now_us += SEC;
	for (unsigned int i = 0; i < 10 && sani_ip_deadline(r->ip) <= r->io.now_us; i++) {
		r->io.nb_news = 0;
		sani_ip_timer(r->ip, &r->io);
		told += r->io.nb_news;
	}
	assert_int_equal(told, 11);
	drain(r);
}

static void
other_core_wants_and_waits(void **state)
{
	union sani_ip peer = ip_of(PEER);
	struct rig *r = *state;
	struct frame f;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	expect_news(r, SANI_IP_WANT, PEER);
	assert_int_equal(send_tcp(r, PEER, 6), 0);
	assert_int_equal(r->io.nb_news, 0);
	expect_nothing_sent(r);
	sani_ip_neighbour_set(r->ip, 0, &peer, &peer_mac, &r->io);
	take(r, &f);
	assert_int_equal(f.len, 59);
	assert_memory_equal(f.b, &peer_mac, 6);
	take(r, &f);
	assert_int_equal(f.len, 60);
}

static void
other_core_asks_again_each_second(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	expect_news(r, SANI_IP_WANT, PEER);
	for (unsigned int i = 1; i < 8; i++) {
		run_until(r, start + i * SEC);
		expect_news(r, SANI_IP_WANT, PEER);
	}
	mark(r);
	run_until(r, start + 8 * SEC);
	assert_int_equal(r->io.nb_news, 0);
	expect_counted(r, SANI_CTR_arp_drop_unresolved, 1);
	expect_nothing_sent(r);
}

static void
other_core_told_lost_drops_and_refuses(void **state)
{
	union sani_ip peer = ip_of(PEER);
	struct rig *r = *state;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	mark(r);
	sani_ip_neighbour_set(r->ip, 0, &peer, NULL, &r->io);
	expect_one_drop(r, SANI_CTR_arp_drop_unresolved);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
	run_until(r, r->io.now_us + 4 * SEC);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	expect_news(r, SANI_IP_WANT, PEER);
}

static void
other_core_asks_for_a_confirmation_of_what_it_uses(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	drain(r);
	run_until(r, start + 60 * SEC);
	expect_news(r, SANI_IP_WANT, PEER);
	expect_nothing_sent(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	assert_int_equal(r->io.nb_tx, 1);
	know_peer(r);
	run_until(r, start + 100 * SEC);
	assert_int_equal(r->io.nb_news, 0);
}

static void
news_of_strangers_that_are_lost_are_ignored(void **state)
{
	union sani_ip stranger = ip_of("10.0.0.99");
	struct rig *r = *state;

	sani_ip_neighbour_set(r->ip, 0, &stranger, NULL, &r->io);
	assert_int_equal(sani_ip_deadline(r->ip), SANI_NEVER);
}

static void
held_packets_are_freed_with_the_engine(void **state)
{
	struct rig *r = *state;

	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(send_tcp(r, host_text(i / 4), 5), 0);
	/* rig_end() sees to the pool */
	assert_int_equal(rte_mempool_in_use_count(rig_pool), 12 + 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packet_waits_for_the_answer),
		TEST(four_packets_wait_and_the_oldest_goes),
		TEST(request_of_the_peer_resolves_as_well),
		TEST(requests_go_once_a_second_three_times),
		TEST(unreachable_neighbour_is_refused_for_a_while),
		TEST(late_answer_ends_the_hold_off),
		TEST(entry_in_use_is_confirmed_by_unicast),
		TEST(entry_that_is_not_used_goes_in_silence),
		TEST(entry_that_is_no_longer_used_goes_after_a_few_periods),
		TEST(silent_neighbour_is_asked_by_unicast_then_by_broadcast_then_lost),
		TEST(neighbour_that_moved_is_found_by_broadcast),
		TEST(far_destination_goes_to_the_gateway),
		TEST(scan_of_silent_hosts_is_bounded_and_leaves_live_entries),
		TEST(scan_does_not_keep_a_real_host_from_being_found),
		TEST(requests_from_many_sources_leave_live_entries),
		TEST(full_table_of_live_entries_refuses_newcomers),
		TEST(timer_stays_within_the_room_it_is_given),
		TEST(nearest_deadline_stays_when_a_later_one_comes),
		TEST(same_address_on_two_interfaces_is_two_neighbours),
		TEST(who_is_evicted_depends_on_the_key),
		TEST(frame_without_room_is_counted),
		TEST(wanted_neighbour_is_asked_for_and_told_when_known),
		TEST(wanted_neighbour_that_is_known_is_told_at_once),
		TEST(wanted_neighbour_that_is_silent_is_told_lost),
		TEST(wanted_neighbour_that_moves_is_told),
		TEST(what_nobody_wants_is_no_news),
		TEST(more_news_than_fit_a_call_come_with_the_next),
		TEST_OTHER_CORE(other_core_wants_and_waits),
		TEST_OTHER_CORE(other_core_asks_again_each_second),
		TEST_OTHER_CORE(other_core_told_lost_drops_and_refuses),
		TEST_OTHER_CORE(other_core_asks_for_a_confirmation_of_what_it_uses),
		TEST_OTHER_CORE(news_of_strangers_that_are_lost_are_ignored),
		TEST(held_packets_are_freed_with_the_engine),
	};

	return cmocka_run_group_tests_name("neighbour", tests, rig_start, rig_stop);
}
