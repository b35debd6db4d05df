/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "core/flow.h"
#include "test.h"

#define N 3000

static uint64_t rng_state = 88172645463325252u;

static uint32_t
draw(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 16);
}

/* Is ref among the entries of hash? Each is to be seen once. */
static bool
has(const struct sani_flow *f, uint32_t hash, sani_flow_ref ref)
{
	unsigned int seen = 0;
	uint32_t at = 0;
	sani_flow_ref r;

	while ((r = sani_flow_next(f, hash, &at)) != SANI_FLOW_NOTHING)
		seen += r == ref;
	assert_true(seen <= 1);
	return seen == 1;
}

struct model {
	bool used[N];
	uint32_t hash[N];
};

static sani_flow_ref
ref_of(uint32_t i)
{
	return sani_flow_ref_of(i / 2, i % 2 == 0 ? 0 : SANI_FLOW_TW);
}

static void
compare(const struct sani_flow *f, const struct model *m)
{
	for (uint32_t i = 0; i < N; i++)
		if (has(f, m->hash[i], ref_of(i)) != m->used[i])
			fail_msg("element %u: in the table is not in the model, or the reverse", i);
}

/* Hashes from a small set, near the end of the table: long runs that wrap. */
static void
run_against_model(uint32_t spread, uint32_t from, unsigned int steps)
{
	struct model *m = calloc(1, sizeof(*m));
	struct sani_flow f;

	assert_int_equal(sani_flow_init(&f, N), 0);
	for (unsigned int step = 0; step < steps; step++) {
		uint32_t i = draw() % N;

		if (m->used[i]) {
			sani_flow_del(&f, m->hash[i], ref_of(i));
		} else {
			m->hash[i] = from + draw() % spread;
			sani_flow_add(&f, m->hash[i], ref_of(i));
		}
		m->used[i] = !m->used[i];
		if (step % 500 == 0)
			compare(&f, m);
	}
	compare(&f, m);
	sani_flow_fini(&f);
	free(m);
}

static void
random_add_and_remove_matches_model(void **state)
{
	(void)state;
	run_against_model(UINT32_MAX, 0, 40000);
}

static void
long_runs_over_the_end_match_model(void **state)
{
	(void)state;
	run_against_model(300, 0xffffffffu - 150, 10000);
	run_against_model(5, 4093, 4000);
}

static void
removed_from_a_run_leaves_the_rest_reachable(void **state)
{
	struct sani_flow f;

	(void)state;
	assert_int_equal(sani_flow_init(&f, 12), 0);
	/* places 14 15 0 1: homes 14 14 15 14 */
	sani_flow_add(&f, 14, sani_flow_ref_of(1, 0));
	sani_flow_add(&f, 14, sani_flow_ref_of(2, 0));
	sani_flow_add(&f, 15, sani_flow_ref_of(3, 0));
	sani_flow_add(&f, 14, sani_flow_ref_of(4, 0));
	sani_flow_del(&f, 14, sani_flow_ref_of(1, 0));
	assert_true(has(&f, 14, sani_flow_ref_of(2, 0)));
	assert_true(has(&f, 15, sani_flow_ref_of(3, 0)));
	assert_true(has(&f, 14, sani_flow_ref_of(4, 0)));
	assert_false(has(&f, 14, sani_flow_ref_of(1, 0)));
	sani_flow_fini(&f);
}

static void
reference_keeps_index_and_kind(void **state)
{
	(void)state;
	assert_int_equal(sani_flow_idx(sani_flow_ref_of(0, 0)), 0);
	assert_int_equal(sani_flow_idx(sani_flow_ref_of(SANI_FLOW_MAX - 1, SANI_FLOW_TW)), SANI_FLOW_MAX - 1);
	assert_true(sani_flow_ref_of(0, 0) != SANI_FLOW_NOTHING);
	assert_true(sani_flow_ref_of(7, SANI_FLOW_TW) != sani_flow_ref_of(7, 0));
}

static struct sani_flow_key
key_of(uint8_t first)
{
	const uint8_t secret[16] = { first };
	struct sani_flow_key key;

	sani_flow_key_make(&key, secret);
	return key;
}

static void
hash_depends_on_key_and_every_field(void **state)
{
	const struct sani_flow_key key = key_of(1);
	const struct sani_flow_key other = key_of(2);
	struct sani_tuple t = { .local_port = 80, .remote_port = 1000 };
	struct sani_tuple u;
	uint64_t h = sani_flow_hash(&key, &t);

	(void)state;
	assert_true(h == sani_flow_hash(&key, &t));
	assert_true(h != sani_flow_hash(&other, &t));
	for (unsigned int octet = 0; octet < 36; octet++) {
		u = t;
		((uint8_t *)&u)[octet] ^= 1;
		assert_true(h != sani_flow_hash(&key, &u));
	}
}

/*
 * G18: 256 flows that share a place of 256 under one key, as who knew it would choose them, are spread under
 * another.
 */
static void
flows_chosen_for_one_key_are_spread_under_another(void **state)
{
	const struct sani_flow_key known = key_of(1);
	const struct sani_flow_key key = key_of(2);
	unsigned int at[256] = { 0 };
	unsigned int most = 0;
	unsigned int n = 0;

	(void)state;
	for (uint32_t i = 0; n < 256; i++) {
		struct sani_tuple t = { .local_port = 80, .remote_port = (uint16_t)i };

		t.remote.b[15] = (uint8_t)(i >> 16);
		if ((sani_flow_hash(&known, &t) & 0xff) != 0)
			continue;
		if (++at[sani_flow_hash(&key, &t) & 0xff] > most)
			most++;
		n++;
	}
	/* chance: 8 in one of 256 places comes once in several hundred keys */
	assert_in_range(most, 2, 8);
}

static void
cores_share_flows_evenly_whatever_the_place(void **state)
{
	const struct sani_flow_key key = key_of(9);
	struct sani_tuple t = { .local_port = 80 };
	unsigned int nb[3] = { 0 };

	(void)state;
	for (uint32_t port = 1; port <= 30000; port++) {
		uint64_t h;

		t.remote_port = (uint16_t)port;
		h = sani_flow_hash(&key, &t);
		assert_true(sani_flow_core(h, 3) < 3);
		assert_int_equal(sani_flow_core(h, 1), 0);
		assert_int_equal(sani_flow_core(h, 3), sani_flow_core(h ^ 0xffffffffu, 3));
		nb[sani_flow_core(h, 3)]++;
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_in_range(nb[i], 9500, 10500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_add_and_remove_matches_model),
		cmocka_unit_test(long_runs_over_the_end_match_model),
		cmocka_unit_test(removed_from_a_run_leaves_the_rest_reachable),
		cmocka_unit_test(reference_keeps_index_and_kind),
		cmocka_unit_test(hash_depends_on_key_and_every_field),
		cmocka_unit_test(flows_chosen_for_one_key_are_spread_under_another),
		cmocka_unit_test(cores_share_flows_evenly_whatever_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
