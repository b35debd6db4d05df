/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

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
	assert_int_equal(send_tcp(r, PEER, 5), -EHOSTUNREACH);
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
doubt(struct rig *r, const char *who)
{
	union sani_ip addr = ip_of(who);

	r->io.nb_news = 0;
	sani_ip_doubt(r->ip, &addr, &r->io);
}

static void
doubted_neighbour_is_asked_by_unicast_and_used_meanwhile(void **state)
{
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	know_peer(r);
	doubt(r, PEER);
	expect_nothing_sent(r);		/* it was confirmed just now */
	r->io.now_us = start + SEC;
	doubt(r, PEER);
	take_request(r, PEER, &peer_mac);
	doubt(r, PEER);
	expect_nothing_sent(r);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	assert_memory_equal(f.b, &peer_mac, 6);
	answer(r, PEER, &peer_mac);
	doubt(r, PEER);
	expect_nothing_sent(r);
}

/* It moved, and nobody has said so: after three questions all are asked. */
static void
doubted_neighbour_is_found_again_at_another_address(void **state)
{
	struct rte_ether_addr other = mac_of(66);
	struct rig *r = *state;
	uint64_t start = r->io.now_us;
	struct frame f;

	know_peer(r);
	r->io.now_us = start + SEC;
	doubt(r, PEER);
	drain(r);
	run_until(r, start + 3 * SEC);
	drain(r);
	run_until(r, start + 4 * SEC);
	take_request(r, PEER, NULL);
	answer(r, PEER, &other);
	assert_int_equal(send_tcp(r, PEER, 5), 0);
	take(r, &f);
	assert_memory_equal(f.b, &other, 6);
}

static void
doubt_about_what_lies_behind_the_gateway_is_about_the_gateway(void **state)
{
	struct rig *r = *state;

	assert_int_equal(send_tcp(r, FAR, 5), 0);
	take_request(r, GATEWAY, NULL);
	answer(r, GATEWAY, &peer_mac);
	drain(r);
	r->io.now_us += SEC;
	doubt(r, FAR);
	take_request(r, GATEWAY, &peer_mac);
}

static void
doubt_about_who_is_not_known_does_nothing(void **state)
{
	struct rig *r = *state;

	doubt(r, PEER);
	doubt(r, "224.0.0.1");
	expect_nothing_sent(r);
	assert_int_equal(sani_ip_deadline(r->ip), SANI_NEVER);
}

static void
other_core_passes_its_doubt_on_once(void **state)
{
	struct rig *r = *state;

	know_peer(r);
	r->io.now_us += SEC;
	doubt(r, PEER);
	expect_news(r, SANI_IP_DOUBT, PEER);
	doubt(r, PEER);
	assert_int_equal(r->io.nb_news, 0);
	expect_nothing_sent(r);
	run_until(r, r->io.now_us + SEC);
	expect_news(r, SANI_IP_WANT, PEER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wanted_neighbour_is_asked_for_and_told_when_known),
		TEST(wanted_neighbour_that_is_known_is_told_at_once),
		TEST(wanted_neighbour_that_is_silent_is_told_lost),
		TEST(wanted_neighbour_that_moves_is_told),
		TEST(what_nobody_wants_is_no_news),
		TEST(more_news_than_fit_a_call_come_with_the_next),
		TEST(doubted_neighbour_is_asked_by_unicast_and_used_meanwhile),
		TEST(doubted_neighbour_is_found_again_at_another_address),
		TEST(doubt_about_what_lies_behind_the_gateway_is_about_the_gateway),
		TEST(doubt_about_who_is_not_known_does_nothing),
		TEST_OTHER_CORE(other_core_passes_its_doubt_on_once),
		TEST_OTHER_CORE(other_core_wants_and_waits),
		TEST_OTHER_CORE(other_core_asks_again_each_second),
		TEST_OTHER_CORE(other_core_told_lost_drops_and_refuses),
		TEST_OTHER_CORE(other_core_asks_for_a_confirmation_of_what_it_uses),
		TEST_OTHER_CORE(news_of_strangers_that_are_lost_are_ignored),
	};

	return cmocka_run_group_tests_name("news", tests, rig_start, rig_stop);
}
