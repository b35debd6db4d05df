/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"
#include "wire/arp.h"

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
		TEST(scan_of_silent_hosts_is_bounded_and_leaves_live_entries),
		TEST(scan_does_not_keep_a_real_host_from_being_found),
		TEST(requests_from_many_sources_leave_live_entries),
		TEST(full_table_of_live_entries_refuses_newcomers),
		TEST(timer_stays_within_the_room_it_is_given),
		TEST(same_address_on_two_interfaces_is_two_neighbours),
		TEST(who_is_evicted_depends_on_the_key),
		TEST(held_packets_are_freed_with_the_engine),
	};

	return cmocka_run_group_tests_name("table", tests, rig_start, rig_stop);
}
