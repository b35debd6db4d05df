/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"
#include "wire/arp.h"

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

/* The n that wait go in their order, as many in a round as there is room for. */
static void
expect_all_let_go(struct rig *r, uint32_t first, uint32_t n)
{
	struct frame f;

	for (uint32_t i = first; i < first + n; i++) {
		while (r->io.nb_tx == 0) {
			assert_int_equal(sani_ip_deadline(r->ip), r->io.now_us);
			sani_ip_timer(r->ip, &r->io);
			assert_in_range(r->io.nb_tx, 1, SANI_IP_TX_ROOM);
		}
		take(r, &f);
		assert_int_equal(f.len, 54 + i);
		assert_memory_equal(f.b, &peer_mac, 6);
	}
	assert_true(sani_ip_deadline(r->ip) > r->io.now_us);
	expect_nothing_sent(r);
}

static void
many_packets_wait_and_the_oldest_go(void **state)
{
	struct rig *r = *state;

	mark(r);
	for (uint32_t i = 1; i <= SANI_IP_HELD_MOST + 3; i++)
		assert_int_equal(send_tcp(r, PEER, i), 0);
	take_request(r, PEER, NULL);
	expect_counted(r, SANI_CTR_arp_drop_queue, 3);
	answer(r, PEER, &peer_mac);
	expect_all_let_go(r, 4, SANI_IP_HELD_MOST);
}

/* The answer lets go what there is room for at once; a packet that is sent before the rest has gone goes behind it. */
static void
packet_does_not_overtake_those_that_wait(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(send_tcp(r, PEER, i), 0);
	take_request(r, PEER, NULL);
	answer(r, PEER, &peer_mac);
	for (uint32_t i = 1; r->io.nb_tx > 0 || i <= 4; i++) {
		take(r, &f);
		assert_int_equal(f.len, 54 + i);
	}
	assert_int_equal(send_tcp(r, PEER, 21), 0);
	assert_in_range(r->io.nb_tx, 1, SANI_IP_TX_ROOM);
	expect_all_let_go(r, 5, 17);
	assert_int_equal(send_tcp(r, PEER, 22), 0);
	expect_all_let_go(r, 22, 1);
}

/* What others wait for leaves four places to each. */
static void
neighbour_has_places_that_others_cannot_take(void **state)
{
	struct rig *r = *state;
	unsigned int others = SANI_IP_HELD_SPARE / (SANI_IP_HELD_MOST - SANI_IP_HELD) + 1;

	for (unsigned int n = 0; n < others; n++)
		for (unsigned int i = 0; i < SANI_IP_HELD_MOST; i++)
			assert_int_equal(send_tcp(r, host_text(n), 5), 0);
	assert_int_equal(rte_mempool_in_use_count(rig_pool),
			 SANI_IP_HELD_SPARE + others * SANI_IP_HELD + r->io.nb_tx);
	drain(r);
	mark(r);
	for (uint32_t i = 1; i <= 6; i++)
		assert_int_equal(send_tcp(r, PEER, i), 0);
	take_request(r, PEER, NULL);
	expect_counted(r, SANI_CTR_arp_drop_queue, 2);
	answer(r, PEER, &peer_mac);
	expect_all_let_go(r, 3, 4);
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
	run_until(r, start + 5900000 - 1);
	mark(r);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
	expect_one_drop(r, SANI_CTR_arp_drop_unresolved);
	expect_nothing_sent(r);
}

/* Asked once more, with a packet that waits; its sender is told all the same. */
static void
neighbour_that_was_given_up_is_remembered(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	run_until(r, start + 10 * SEC);
	drain(r);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
	take_request(r, PEER, NULL);
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
	expect_nothing_sent(r);
	answer(r, PEER, &peer_mac);
	take(r, &f);
	take(r, &f);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
}

static void
neighbour_that_was_given_up_is_forgotten(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	assert_int_equal(send_tcp(r, PEER, 5), 0);
	run_until(r, start + 17900000);
	drain(r);
	assert_int_equal(sani_ip_deadline(r->ip), SANI_NEVER);
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
frame_without_room_is_counted(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	r->io.max_tx = 0;
	mark(r);
	assert_int_equal(send_tcp(r, PEER, 1), 0);
	expect_one_drop(r, SANI_CTR_port_tx_drop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packet_waits_for_the_answer),
		TEST(many_packets_wait_and_the_oldest_go),
		TEST(packet_does_not_overtake_those_that_wait),
		TEST(neighbour_has_places_that_others_cannot_take),
		TEST(request_of_the_peer_resolves_as_well),
		TEST(requests_go_once_a_second_three_times),
		TEST(unreachable_neighbour_is_refused_for_a_while),
		TEST(neighbour_that_was_given_up_is_remembered),
		TEST(neighbour_that_was_given_up_is_forgotten),
		TEST(late_answer_ends_the_hold_off),
		TEST(entry_in_use_is_confirmed_by_unicast),
		TEST(entry_that_is_not_used_goes_in_silence),
		TEST(entry_that_is_no_longer_used_goes_after_a_few_periods),
		TEST(silent_neighbour_is_asked_by_unicast_then_by_broadcast_then_lost),
		TEST(neighbour_that_moved_is_found_by_broadcast),
		TEST(far_destination_goes_to_the_gateway),
		TEST(nearest_deadline_stays_when_a_later_one_comes),
		TEST(frame_without_room_is_counted),
	};

	return cmocka_run_group_tests_name("neighbour", tests, rig_start, rig_stop);
}
