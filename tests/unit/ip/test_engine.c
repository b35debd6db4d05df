/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"
#include "wire/arp.h"

static void
idle_engine_has_no_deadline(void **state)
{
	struct rig *r = *state;

	assert_int_equal(sani_ip_deadline(r->ip), SANI_NEVER);
	sani_ip_timer(r->ip, &r->io);
	expect_nothing_sent(r);
}

static void
null_engine_may_be_destroyed(void **state)
{
	(void)state;
	sani_ip_destroy(NULL);
}

static void
take_announcements(struct rig *r)
{
	struct frame f;
	uint32_t us_be = addr_of(US);

	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REQUEST, US));
	assert_memory_equal(f.b + 28, &us_be, 4);
	assert_memory_equal(f.b + 22, &our_mac, 6);
	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REQUEST, "172.16.0.1"));
	assert_memory_equal(f.b + 22, &r->ifaces[1].mac, 6);
	expect_nothing_sent(r);
}

static void
addresses_are_announced_twice(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;

	sani_ip_announce(r->ip, &r->io);
	assert_int_equal(r->tx[0]->port, 3);
	assert_int_equal(r->tx[1]->port, 5);
	take_announcements(r);
	assert_int_equal(sani_ip_deadline(r->ip), start + 2 * SEC);
	run_until(r, start + 2 * SEC);
	take_announcements(r);
	assert_int_equal(sani_ip_deadline(r->ip), SANI_NEVER);
}

static void
announcement_does_not_hide_a_neighbour_that_is_due(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	sani_ip_announce(r->ip, &r->io);
	take_announcements(r);
	run_until(r, start + SEC);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	run_until(r, start + 2 * SEC);
	assert_int_equal(r->io.nb_tx, 3);
}

static void
announcement_leaves_the_room_of_a_call(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	char who[16];

	sani_ip_announce(r->ip, &r->io);
	r->io.now_us += SEC;
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(who, sizeof(who), "10.0.0.%u", 20 + i);
		assert_int_equal(send_tcp(r, who, 1), 0);
	}
	r->io.now_us = start + 2 * SEC;
	while (sani_ip_deadline(r->ip) <= r->io.now_us) {
		uint16_t before = r->io.nb_tx;

		sani_ip_timer(r->ip, &r->io);
		assert_in_range(r->io.nb_tx - before, 1, SANI_IP_TX_ROOM);
	}
	assert_int_equal(r->io.nb_tx, 2 + 20 + 2 + 20);
}

static void
empty_pool_is_counted_not_fatal(void **state)
{
	static struct rte_mbuf *all[16384];
	struct rig *r = *state;
	unsigned int nb = 0;
	struct rte_mbuf *m;
	struct frame f;

	make_arp(&f, SANI_ARP_REQUEST, &peer_mac, PEER, US);
	m = mbuf_of(&f, NULL, 0);
	while ((all[nb] = rte_pktmbuf_alloc(rig_pool)) != NULL)
		nb++;
	mark(r);
	assert_int_equal(give_mbuf(r, m, 0), SANI_IP_DONE);
	expect_one_drop(r, SANI_CTR_core_drop_nomem);
	expect_nothing_sent(r);
	rte_pktmbuf_free_bulk(all, nb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(idle_engine_has_no_deadline),
		TEST(null_engine_may_be_destroyed),
		TEST(addresses_are_announced_twice),
		TEST(announcement_does_not_hide_a_neighbour_that_is_due),
		TEST(announcement_leaves_the_room_of_a_call),
		TEST(empty_pool_is_counted_not_fatal),
	};

	return cmocka_run_group_tests_name("engine", tests, rig_start, rig_stop);
}
