/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss recovery over a bad wire, with what link.c checks after each step, and what the repair costs. More
 * seeds: the number of the first and how many as arguments.
 */
#include <stdlib.h>

#include <rte_mempool.h>

#include "link.h"

static uint64_t first_seed = 1;
static uint64_t nb_seeds = 1000;

static uint64_t
counted(const struct link *l, enum sani_counter which)
{
	return l->end[0].ctr.v[which] + l->end[1].ctr.v[which];
}

static uint32_t
pick(uint64_t *x, uint32_t from, uint32_t to)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return from + (uint32_t)(*x >> 33) % (to - from + 1);
}

/* In one of n plans between from and to, else 0. */
static uint32_t
some(uint64_t *x, uint32_t n, uint32_t from, uint32_t to)
{
	uint32_t v = pick(x, from, to);

	return pick(x, 1, n) == 1 ? v : 0;
}

static void
make_plan(struct link_plan *plan, uint64_t seed)
{
	uint64_t x = seed * 7919 + 13;

	*plan = (struct link_plan){
		.seed = seed,
		.loss = some(&x, 2, 1, 10),
		.ack_loss = some(&x, 3, 1, 40),
		.burst = some(&x, 2, 1, 20),
		.renege = some(&x, 4, 1, 50),
		.shrink = some(&x, 4, 1, 10),
		.rate = some(&x, 2, 100, 20000),
		.queue = pick(&x, 3000, 60000),
		.dup = some(&x, 3, 1, 15),
		.reorder = some(&x, 2, 1, 40),
		.no_ts = pick(&x, 0, 1),
		.no_wscale = pick(&x, 0, 1),
		.no_sack = pick(&x, 0, 3) == 0,
		.starve = some(&x, 4, 1, 10),
		.delay_us = pick(&x, 1, 60000),
		.bytes = { pick(&x, 0, 300000), some(&x, 2, 1, 60000) },
		.sndbuf = { pick(&x, 4096, 400000), pick(&x, 4096, 200000) },
		.rcvbuf = { pick(&x, 4096, 400000), pick(&x, 4096, 300000) },
		.mtu = { (uint16_t)pick(&x, 552, 2000), (uint16_t)pick(&x, 552, 2000) },
		.iss = { pick(&x, 0, INT32_MAX) * 2, pick(&x, 0, INT32_MAX) * 2 },
		.read_max = pick(&x, 10, 8192),
		.pause_us = some(&x, 4, 1, 2000000),
		.simultaneous = pick(&x, 0, 4) == 0,
		.nagle = pick(&x, 0, 1),
	};
}

/* Both streams arrive whole without error, and no mbuf is lost. */
static void
transfer(struct link *l, const struct link_plan *plan)
{
	unsigned int before = rte_mempool_avail_count(bed_pool);
	bool done;

	link_init(l, plan);
	done = link_run(l, l->now + 36000 * SEC);
	if (!done || l->end[0].c.error != 0 || l->end[1].c.error != 0)
		print_message("# seed %llu\n", (unsigned long long)plan->seed);
	assert_true(done);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(l->end[i].c.error, 0);
		assert_int_equal(l->end[i].read, plan->bytes[!i]);
	}
	link_fini(l);
	assert_int_equal(rte_mempool_avail_count(bed_pool), before);
}

static void
every_storm_is_weathered(void **state)
{
	struct link *l = malloc(sizeof(*l));
	struct link_plan plan;

	(void)state;
	assert_non_null(l);
	for (uint64_t i = 0; i < nb_seeds; i++) {
		make_plan(&plan, first_seed + i);
		transfer(l, &plan);
	}
	free(l);
}

/* A long transfer over a wire that loses so many in 1000 segments with text, and no ACK. */
static void
long_transfer(struct link *l, uint32_t loss_1000, bool no_sack)
{
	transfer(l, &(struct link_plan){
		.seed = 77,
		.loss_1000 = loss_1000,
		.no_sack = no_sack,
		.delay_us = 10000,
		.bytes = { 4000000, 0 },
		.sndbuf = { 1 << 20, 65536 },
		.rcvbuf = { 65536, 1 << 20 },
		.mtu = { 1500, 1500 },
		.iss = { 1, 1000000 },
		.read_max = 8192,
	});
}

/* With SACK what is sent again is what was lost, and the timer is for lost tails only. */
static void
what_is_lost_goes_again_once_and_without_timeouts(void **state)
{
	struct link *l = malloc(sizeof(*l));

	(void)state;
	assert_non_null(l);
	for (uint32_t loss = 1; loss <= 50; loss += 7) {
		long_transfer(l, loss, false);
		assert_in_range(l->end[0].resent, l->end[0].lost, l->end[0].lost * 105 / 100 + 1448);
		assert_in_range(counted(l, SANI_CTR_tcp_rto), 0, 1);
	}
	free(l);
}

/* Goodput: at least two thirds of MSS / RTT * sqrt(1.5 / p), here with p = 1 %, RTT = 20 ms. */
static void
one_percent_of_loss_leaves_what_the_square_root_allows(void **state)
{
	struct link *l = malloc(sizeof(*l));
	uint64_t us;

	(void)state;
	assert_non_null(l);
	for (int no_sack = 0; no_sack < 2; no_sack++) {
		long_transfer(l, 10, no_sack);
		us = l->arrived_at - 5000 * SEC;
		assert_in_range(4000000 * SEC / us, 590000, 2000000);
	}
	free(l);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_storm_is_weathered),
		cmocka_unit_test(what_is_lost_goes_again_once_and_without_timeouts),
		cmocka_unit_test(one_percent_of_loss_leaves_what_the_square_root_allows),
	};

	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		nb_seeds = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, bed_group, NULL);
}
