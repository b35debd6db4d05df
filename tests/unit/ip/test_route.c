/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

/* The route to dst must be by iface and next hop; NULL: the very destination. */
static void
expect_route(struct rig *r, const char *dst, uint8_t iface, const char *next)
{
	union sani_ip addr = ip_of(dst);
	union sani_ip hop = ip_of(next != NULL ? next : dst);
	struct sani_ip_route route;

	assert_int_equal(sani_ip_route(r->ip, &addr, &route), 0);
	assert_int_equal(route.iface, iface);
	assert_true(sani_ip_eq(&route.next_hop, &hop));
	assert_true(sani_ip_eq(&route.src, &r->ifaces[iface].addr));
	assert_int_equal(route.mtu, r->ifaces[iface].mtu);
}

static void
expect_no_route(struct rig *r, const char *dst, int code)
{
	union sani_ip addr = ip_of(dst);
	struct sani_ip_route route;

	assert_int_equal(sani_ip_route(r->ip, &addr, &route), code);
}

/* The engine again, with the interfaces as the test has changed them. */
static void
make_again(struct rig *r)
{
	static const uint8_t key[16];

	sani_ip_destroy(r->ip);
	r->ip = sani_ip_create(r->ifaces, 2, true, key);
	assert_non_null(r->ip);
}

static void
destination_on_a_link_is_its_own_next_hop(void **state)
{
	expect_route(*state, PEER, 0, NULL);
	expect_route(*state, "10.0.0.254", 0, NULL);
	expect_route(*state, "172.16.255.1", 1, NULL);
}

static void
all_others_go_to_the_gateway(void **state)
{
	expect_route(*state, FAR, 0, GATEWAY);
	expect_route(*state, "10.0.1.1", 0, GATEWAY);
	expect_route(*state, "172.17.0.1", 0, GATEWAY);
}

static void
without_a_gateway_there_is_no_route(void **state)
{
	struct rig *r = *state;

	r->ifaces[0].has_gateway = false;
	make_again(r);
	expect_no_route(r, FAR, -ENETUNREACH);
	expect_route(r, PEER, 0, NULL);
}

static void
what_is_no_host_is_no_place_to_connect_to(void **state)
{
	static const char *const dests[] = { "0.0.0.0", "224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255", "10.0.0.255", "10.0.0.0", "172.16.255.255", "0.1.2.3" };
	static const union sani_ip any;
	struct sani_ip_route route;
	struct rig *r = *state;

	for (unsigned int i = 0; i < sizeof(dests) / sizeof(dests[0]); i++)
		expect_no_route(r, dests[i], -EINVAL);
	assert_int_equal(sani_ip_route(r->ip, &any, &route), -EINVAL);
}

static void
loopback_and_ourselves_cannot_be_reached(void **state)
{
	expect_no_route(*state, "127.0.0.1", -ENETUNREACH);
	expect_no_route(*state, US, -ENETUNREACH);
	expect_no_route(*state, "172.16.0.1", -ENETUNREACH);
}

static void
ipv6_has_no_route_yet(void **state)
{
	const union sani_ip v6 = { .b = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	struct sani_ip_route route;
	struct rig *r = *state;

	assert_int_equal(sani_ip_route(r->ip, &v6, &route), -ENETUNREACH);
}

static void
longest_prefix_wins(void **state)
{
	struct rig *r = *state;

	r->ifaces[1].addr = ip_of("10.0.0.129");
	r->ifaces[1].prefix = 25;
	make_again(r);
	expect_route(r, "10.0.0.130", 1, NULL);
	expect_route(r, "10.0.0.2", 0, NULL);
}

static void
source_chooses_among_equals(void **state)
{
	struct sani_ip_out out = {
		.src = ip_of("10.0.0.9"), .dst = ip_of(PEER), .proto = IPPROTO_TCP, .ttl = 64, .df = true,
	};
	struct rig *r = *state;
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);

	r->ifaces[1].addr = ip_of("10.0.0.9");
	r->ifaces[1].prefix = 24;
	make_again(r);
	rte_pktmbuf_append(m, 20);
	assert_int_equal(sani_ip_output(r->ip, m, &out, &r->io), 0);
	assert_int_equal(r->io.nb_tx, 1);		/* the ARP request */
	assert_int_equal(r->tx[0]->port, r->ifaces[1].port_id);
	expect_route(r, PEER, 0, NULL);
}

static void
point_to_point_prefixes_have_no_broadcast(void **state)
{
	struct rig *r = *state;

	r->ifaces[1].addr = ip_of("192.168.1.0");
	r->ifaces[1].prefix = 31;
	make_again(r);
	expect_route(r, "192.168.1.1", 1, NULL);
	r->ifaces[1].prefix = 32;
	make_again(r);
	expect_route(r, "192.168.1.1", 0, GATEWAY);
}

static void
prefix_of_zero_has_everything_on_its_link(void **state)
{
	struct rig *r = *state;

	r->ifaces[1].prefix = 0;
	make_again(r);
	expect_route(r, FAR, 1, NULL);
	expect_route(r, PEER, 0, NULL);
}

static void
interface_of_an_address_is_found(void **state)
{
	struct rig *r = *state;
	union sani_ip a = ip_of(US);
	union sani_ip b = ip_of("172.16.0.1");
	union sani_ip c = ip_of(PEER);

	assert_int_equal(sani_ip_iface_of(r->ip, &a), 0);
	assert_int_equal(sani_ip_iface_of(r->ip, &b), 1);
	assert_int_equal(sani_ip_iface_of(r->ip, &c), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(destination_on_a_link_is_its_own_next_hop),
		TEST(all_others_go_to_the_gateway),
		TEST(without_a_gateway_there_is_no_route),
		TEST(what_is_no_host_is_no_place_to_connect_to),
		TEST(loopback_and_ourselves_cannot_be_reached),
		TEST(ipv6_has_no_route_yet),
		TEST(longest_prefix_wins),
		TEST(source_chooses_among_equals),
		TEST(point_to_point_prefixes_have_no_broadcast),
		TEST(prefix_of_zero_has_everything_on_its_link),
		TEST(interface_of_an_address_is_found),
	};

	return cmocka_run_group_tests_name("route", tests, rig_start, rig_stop);
}
