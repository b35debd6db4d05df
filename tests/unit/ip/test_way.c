/* SPDX-License-Identifier: BSD-3-Clause */
/* What a caller keeps of the way of its packets: used while it is good, never when it is not. */
#include "ip/priv.h"
#include "rig.h"

static int
send_by(struct rig *r, const char *dst, uint32_t *way)
{
	struct sani_ip_out out = {
		.src = ip_of(US), .dst = ip_of(dst), .proto = IPPROTO_TCP, .ttl = 64, .df = true, .way = way,
	};
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, 33), 0x50, 33);
	r->io.nb_news = 0;
	return sani_ip_output(r->ip, m, &out, &r->io);
}

static void
expect_frame_to(struct rig *r, const struct rte_ether_addr *mac)
{
	struct frame f;

	take(r, &f);
	assert_memory_equal(f.b, mac, 6);
	assert_int_equal(type_of(&f), 0x0800);
	assert_true(are_checksums_right(&f));
	expect_nothing_sent(r);
}

static void
way_is_named_when_it_is_known_and_leads_there(void **state)
{
	struct rig *r = *state;
	uint32_t way = 0;

	assert_int_equal(send_by(r, PEER, &way), 0);
	assert_int_equal(way, 0);
	take_request(r, PEER, NULL);
	answer(r, PEER, &peer_mac);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(send_by(r, PEER, &way), 0);
	assert_int_not_equal(way, 0);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &peer_mac);
}

/* Another sender's first packet to a known peer: nothing is asked, and its way is named too. */
static void
way_that_was_found_is_the_next_senders(void **state)
{
	struct rig *r = *state;
	uint32_t way = 0, next = SANI_IP_WAY_AGAIN, elsewhere = 0;

	know_peer(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(send_by(r, PEER, &next), 0);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(next, way);
	assert_int_equal(send_by(r, PEER, NULL), 0);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(send_by(r, GATEWAY, &elsewhere), 0);
	take_request(r, GATEWAY, NULL);
	expect_nothing_sent(r);
}

static void
way_follows_a_neighbour_whose_mac_changes(void **state)
{
	const struct rte_ether_addr other = mac_of(77);
	struct rig *r = *state;
	uint32_t way = 0;

	know_peer(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &peer_mac);
	r->io.now_us += 2 * SEC;
	answer(r, PEER, &other);
	drain(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &other);
}

/* The place in the table is another neighbour's by now. */
static void
way_of_a_neighbour_that_went_is_looked_for_anew(void **state)
{
	const struct rte_ether_addr other = mac_of(78);
	struct rig *r = *state;
	uint32_t way = 0;
	union sani_ip gateway;
	uint32_t old;
	uint16_t place;

	know_peer(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	drain(r);
	old = way;
	place = (uint16_t)(way % SANI_IP_NEIGHBOURS);
	/* in use for a while, then asked, no answer, held off, forgotten */
	for (uint64_t s = 0; s < 1000 && r->ip->neighs[place].state != SANI_IP_NEIGH_FREE; s++) {
		run_until(r, r->io.now_us + SEC);
		drain(r);
	}
	assert_int_equal(r->ip->neighs[place].state, SANI_IP_NEIGH_FREE);
	assert_int_equal(send_by(r, GATEWAY, NULL), 0);
	take_request(r, GATEWAY, NULL);
	answer(r, GATEWAY, &other);
	expect_frame_to(r, &other);
	/* the same place, by the free list */
	gateway = ip_of(GATEWAY);
	assert_true(sani_ip_eq(&r->ip->neighs[place].addr, &gateway));
	assert_int_equal(send_by(r, PEER, &way), 0);
	take_request(r, PEER, NULL);
	expect_nothing_sent(r);
	answer(r, PEER, &peer_mac);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &peer_mac);
	assert_int_not_equal(way, old);
}

static void
neighbour_that_fails_is_told_whatever_way_is_kept(void **state)
{
	const union sani_ip peer = ip_of(PEER);
	struct rig *r = *state;
	uint32_t way = 0;

	know_peer(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	drain(r);
	sani_ip_neighbour_set(r->ip, 0, &peer, NULL, &r->io);
	mark(r);
	assert_int_equal(send_by(r, PEER, &way), -EHOSTUNREACH);
	expect_one_drop(r, SANI_CTR_arp_drop_unresolved);
	expect_nothing_sent(r);
}

static void
packet_too_long_is_refused_on_a_known_way(void **state)
{
	struct rig *r = *state;
	uint32_t way = 0;

	know_peer(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	drain(r);
	r->ifaces[0].mtu = 52;
	mark(r);
	assert_int_equal(send_by(r, PEER, &way), -EMSGSIZE);
	expect_one_drop(r, SANI_CTR_ip4_tx_drop_size);
	expect_nothing_sent(r);
}

/* Whoever makes a packet again is told when, and how often it was tried meanwhile is all the same. */
static void
packet_that_is_made_again_is_not_held(void **state)
{
	struct rig *r = *state;
	const union sani_ip us = ip_of(US);
	const union sani_ip peer = ip_of(PEER);
	uint32_t way = SANI_IP_WAY_AGAIN;

	mark(r);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(send_by(r, PEER, &way), 1);
	expect_counted(r, SANI_CTR_arp_drop_again, 3);
	take_request(r, PEER, NULL);
	assert_false(sani_ip_knows(r->ip, &peer, &us));
	answer(r, PEER, &peer_mac);
	expect_nothing_sent(r);
	assert_int_equal(r->io.nb_news, 1);
	assert_int_equal(r->io.news[0].kind, SANI_IP_FOUND);
	assert_true(sani_ip_knows(r->ip, &peer, &us));
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &peer_mac);
	assert_int_not_equal(way, SANI_IP_WAY_AGAIN);
	/* told once */
	r->io.nb_news = 0;
	answer(r, PEER, &peer_mac);
	assert_int_equal(r->io.nb_news, 0);
}

/* The neighbour was asked for anew, and answers: who has kept its way goes behind what waits, and so does a SYN. */
static void
kept_way_does_not_lead_past_those_that_wait(void **state)
{
	const union sani_ip us = ip_of(US), peer = ip_of(PEER);
	struct rig *r = *state;
	uint32_t way = 0, fresh = SANI_IP_WAY_AGAIN, kept;
	struct frame f;

	know_peer(r);
	assert_int_equal(send_by(r, PEER, &way), 0);
	drain(r);
	kept = way;
	run_until(r, r->io.now_us + 2 * SEC);
	sani_ip_neighbour_doubt(r->ip, 0, &peer, &r->io);
	run_until(r, r->io.now_us + 3 * SEC);
	drain(r);
	for (uint32_t i = 1; i <= 6; i++)
		assert_int_equal(send_tcp(r, PEER, i), 0);
	expect_nothing_sent(r);
	answer(r, PEER, &peer_mac);
	drain(r);
	/* four have gone */
	assert_true(sani_ip_knows(r->ip, &peer, &us));
	assert_int_equal(send_by(r, PEER, &way), 0);
	assert_int_equal(send_by(r, PEER, &fresh), 0);
	for (uint32_t i = 5; i <= 6; i++) {
		take(r, &f);
		assert_int_equal(f.len, 54 + i);
	}
	take(r, &f);
	assert_int_equal(f.len, 34 + 33);
	expect_frame_to(r, &peer_mac);
	assert_int_equal(send_by(r, PEER, &way), 0);
	assert_int_not_equal(way, kept);
	expect_frame_to(r, &peer_mac);
}

/* Refused while it does not answer; told when it is heard all the same. */
static void
packet_for_a_neighbour_that_comes_back_is_made_again(void **state)
{
	const union sani_ip peer = ip_of(PEER);
	struct rig *r = *state;
	uint32_t way = SANI_IP_WAY_AGAIN;

	assert_int_equal(send_by(r, PEER, &way), 1);
	drain(r);
	sani_ip_neighbour_set(r->ip, 0, &peer, NULL, &r->io);
	mark(r);
	assert_int_equal(send_by(r, PEER, &way), -EHOSTUNREACH);
	expect_one_drop(r, SANI_CTR_arp_drop_unresolved);
	run_until(r, r->io.now_us + 4 * SEC);
	mark(r);
	assert_int_equal(send_by(r, PEER, &way), -EHOSTUNREACH);
	expect_one_drop(r, SANI_CTR_arp_drop_again);
	take_request(r, PEER, NULL);
	answer(r, PEER, &peer_mac);
	assert_int_equal(r->io.nb_news, 1);
	assert_int_equal(r->io.news[0].kind, SANI_IP_FOUND);
	assert_int_equal(send_by(r, PEER, &way), 0);
	expect_frame_to(r, &peer_mac);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(way_is_named_when_it_is_known_and_leads_there),
		TEST(way_that_was_found_is_the_next_senders),
		TEST(way_follows_a_neighbour_whose_mac_changes),
		TEST(way_of_a_neighbour_that_went_is_looked_for_anew),
		TEST(neighbour_that_fails_is_told_whatever_way_is_kept),
		TEST(packet_too_long_is_refused_on_a_known_way),
		TEST(packet_that_is_made_again_is_not_held),
		TEST(packet_for_a_neighbour_that_comes_back_is_made_again),
		TEST(kept_way_does_not_lead_past_those_that_wait),
	};

	return cmocka_run_group_tests_name("way", tests, rig_start, rig_stop);
}
