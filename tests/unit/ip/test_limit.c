/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/priv.h"
#include "rig.h"

static void
echo_credit_comes_back_with_time(void **state)
{
	struct rig *r = *state;
	uint64_t now = 5 * SEC;
	unsigned int n = 0;

	while (sani_ip_may_send_echo(r->ip, 1, now))
		n++;
	assert_int_equal(n, 1000);
	assert_false(sani_ip_may_send_echo(r->ip, 1, now + 49));
	assert_true(sani_ip_may_send_echo(r->ip, 1, now + 50));
	assert_false(sani_ip_may_send_echo(r->ip, 1, now + 50));
}

static void
credit_does_not_pile_up(void **state)
{
	struct rig *r = *state;
	unsigned int n = 0;

	assert_true(sani_ip_may_send_echo(r->ip, 1, SEC));
	while (sani_ip_may_send_echo(r->ip, 1, UINT64_MAX / 2))
		n++;
	assert_int_equal(n, 1000);
}

static void
one_peer_does_not_starve_another(void **state)
{
	struct rig *r = *state;
	unsigned int others = 0;

	while (sani_ip_may_send_echo(r->ip, 1, SEC))
		;
	for (uint32_t peer = 2; peer < 102; peer++)
		others += sani_ip_may_send_echo(r->ip, peer, SEC);
	assert_in_range(others, 95, 100);	/* a few share its place */
}

static void
all_peers_together_are_limited(void **state)
{
	struct rig *r = *state;
	unsigned int n = 0;

	for (uint32_t peer = 1; peer < 20000; peer++)
		n += sani_ip_may_send_echo(r->ip, peer, SEC);
	assert_int_equal(n, 5000);
}

static void
random_numbers_differ_and_depend_on_the_key(void **state)
{
	static const uint8_t key[16] = { 99 };
	struct rig *r = *state;
	struct sani_ip_engine *other = sani_ip_create(r->ifaces, 2, true, key);
	uint64_t a = sani_ip_random(r->ip);
	uint64_t b = sani_ip_random(r->ip);

	assert_non_null(other);
	assert_int_not_equal(a, b);
	assert_int_not_equal(a, sani_ip_random(other));
	sani_ip_destroy(other);
}

static void
hash_depends_on_address_and_salt(void **state)
{
	struct rig *r = *state;
	union sani_ip a = ip_of(PEER);
	union sani_ip b = ip_of("10.0.0.3");

	assert_int_equal(sani_ip_hash(r->ip, &a, 0), sani_ip_hash(r->ip, &a, 0));
	assert_int_not_equal(sani_ip_hash(r->ip, &a, 0), sani_ip_hash(r->ip, &a, 1));
	assert_int_not_equal(sani_ip_hash(r->ip, &a, 0), sani_ip_hash(r->ip, &b, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(echo_credit_comes_back_with_time),
		TEST(credit_does_not_pile_up),
		TEST(one_peer_does_not_starve_another),
		TEST(all_peers_together_are_limited),
		TEST(random_numbers_differ_and_depend_on_the_key),
		TEST(hash_depends_on_address_and_salt),
	};

	return cmocka_run_group_tests_name("limit", tests, rig_start, rig_stop);
}
