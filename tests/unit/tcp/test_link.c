/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_mempool.h>

#include "link.h"

static const struct link_plan usual = {
	.delay_us = 500,
	.bytes = { 200000, 150000 },
	.sndbuf = { 65536, 65536 },
	.rcvbuf = { 65536, 65536 },
	.mtu = { 1500, 1500 },
	.iss = { 1, 1000000 },
	.read_max = 8192,
};

static uint64_t
counted(const struct link *l, enum sani_counter which)
{
	return l->end[0].ctr.v[which] + l->end[1].ctr.v[which];
}

/* Both streams arrive whole, both ends close without error, and no mbuf is lost. */
static struct link *
transfer(const struct link_plan *plan)
{
	unsigned int before = rte_mempool_avail_count(bed_pool);
	struct link *l = malloc(sizeof(*l));
	bool done;

	assert_non_null(l);
	link_init(l, plan);
	done = link_run(l, l->now + 36000 * SEC);
	for (int i = 0; i < 2 && !(done && l->end[0].c.error == 0 && l->end[1].c.error == 0); i++)
		print_message("# seed %llu end %d: state %d error %d read %llu of %u\n",
			      (unsigned long long)plan->seed, i, l->end[i].c.state, l->end[i].c.error,
			      (unsigned long long)l->end[i].read, plan->bytes[!i]);
	assert_true(done);
	for (int i = 0; i < 2; i++) {
		const struct link_end *e = &l->end[i];

		assert_int_equal(e->read, plan->bytes[!i]);
		assert_int_equal(sani_tcp_written(&e->c), plan->bytes[i]);
		assert_int_equal(sani_tcp_acked(&e->c), plan->bytes[i]);
		assert_int_equal(sani_tcp_error(&e->c), 0);
		assert_true(sani_tcp_at_end(&e->c));
		assert_true(e->ev & SANI_TCP_EV_FIN_ACKED);
	}
	link_fini(l);
	assert_int_equal(rte_mempool_avail_count(bed_pool), before);
	return l;
}

static void
clean_wire_needs_no_retransmission(void **state)
{
	struct link_plan plan = usual;
	struct link *l;

	(void)state;
	plan.seed = 1;
	l = transfer(&plan);
	assert_int_equal(counted(l, SANI_CTR_tcp_tx_rexmit), 0);
	assert_int_equal(counted(l, SANI_CTR_tcp_rto), 0);
	assert_int_equal(counted(l, SANI_CTR_tcp_rx_dup_ack), 0);
	free(l);
}

static void
sequence_numbers_wrap_in_the_transfer(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.seed = 2;
	plan.loss = 2;
	plan.iss[0] = UINT32_MAX - 100000;
	plan.iss[1] = INT32_MAX - 70000;
	free(transfer(&plan));
	plan.iss[0] = UINT32_MAX;
	plan.iss[1] = UINT32_MAX - 1;
	free(transfer(&plan));
}

static void
loss_is_repaired_by_fast_retransmission(void **state)
{
	struct link_plan plan = usual;
	struct link *l;

	(void)state;
	plan.seed = 3;
	plan.loss = 1;
	plan.bytes[0] = 1000000;
	l = transfer(&plan);
	assert_true(counted(l, SANI_CTR_tcp_tx_fast_rexmit) > 0);
	assert_true(counted(l, SANI_CTR_tcp_rx_ooo) > 0);
	free(l);
}

static void
heavy_loss_ends_in_time(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.loss = 30;
	plan.bytes[0] = plan.bytes[1] = 20000;
	for (plan.seed = 100; plan.seed < 120; plan.seed++)
		free(transfer(&plan));
}

static void
reordering_and_repetition_do_no_harm(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.reorder = 30;
	plan.dup = 20;
	for (plan.seed = 200; plan.seed < 230; plan.seed++)
		free(transfer(&plan));
}

static void
slow_reader_shuts_the_window_and_all_arrives(void **state)
{
	struct link_plan plan = usual;
	struct link *l;

	(void)state;
	plan.pause_us = 3000000;
	plan.read_max = 3000;
	plan.rcvbuf[0] = plan.rcvbuf[1] = 8192;
	plan.loss = 5;
	plan.bytes[0] = plan.bytes[1] = 100000;
	plan.seed = 300;
	l = transfer(&plan);
	assert_true(counted(l, SANI_CTR_tcp_tx_probe) > 0);
	free(l);
}

static void
simultaneous_open_works_under_loss(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.simultaneous = true;
	plan.loss = 15;
	plan.reorder = 20;
	plan.bytes[0] = plan.bytes[1] = 3000;
	for (plan.seed = 400; plan.seed < 440; plan.seed++)
		free(transfer(&plan));
}

static void
nothing_to_say_both_close_at_once(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.bytes[0] = plan.bytes[1] = 0;
	plan.loss = 25;
	for (plan.seed = 500; plan.seed < 600; plan.seed++)
		free(transfer(&plan));
}

static void
empty_pool_only_delays(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.starve = 20;
	plan.loss = 3;
	plan.bytes[0] = plan.bytes[1] = 50000;
	for (plan.seed = 600; plan.seed < 610; plan.seed++)
		free(transfer(&plan));
}

static void
chained_and_shared_mbufs_are_taken(void **state)
{
	struct link_plan plan = usual;

	(void)state;
	plan.chain = 50;
	plan.clone = 50;
	plan.loss = 3;
	plan.reorder = 10;
	for (plan.seed = 700; plan.seed < 710; plan.seed++)
		free(transfer(&plan));
}

static uint32_t
pick(uint64_t *x, uint32_t from, uint32_t to)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return from + (uint32_t)(*x >> 33) % (to - from + 1);
}

static void
every_combination_ends_whole(void **state)
{
	uint64_t x = 42;

	(void)state;
	for (uint64_t seed = 1000; seed < 1250; seed++) {
		struct link_plan plan = {
			.seed = seed,
			.loss = pick(&x, 0, 15),
			.dup = pick(&x, 0, 15),
			.reorder = pick(&x, 0, 40),
			.no_ts = pick(&x, 0, 1),
			.no_wscale = pick(&x, 0, 1),
			.no_sack = pick(&x, 0, 1),
			.chain = pick(&x, 0, 40),
			.clone = pick(&x, 0, 40),
			.starve = pick(&x, 0, 1) ? 0 : 3,
			.delay_us = pick(&x, 1, 30000),
			.bytes = { pick(&x, 0, 60000), pick(&x, 0, 60000) },
			.sndbuf = { pick(&x, 4096, 200000), pick(&x, 4096, 200000) },
			.rcvbuf = { pick(&x, 4096, 300000), pick(&x, 4096, 300000) },
			.mtu = { (uint16_t)pick(&x, 552, 2000), (uint16_t)pick(&x, 552, 2000) },
			.iss = { pick(&x, 0, INT32_MAX) * 2, pick(&x, 0, INT32_MAX) * 2 },
			.read_max = pick(&x, 10, 8192),
			.pause_us = pick(&x, 0, 3) ? 0 : pick(&x, 1, 2000000),
			.simultaneous = pick(&x, 0, 4) == 0,
			.nagle = pick(&x, 0, 1),
		};

		free(transfer(&plan));
	}
}

/* Both ends, or one of them, on a network of long frames. */
static void
long_frames_arrive_whole(void **state)
{
	uint64_t x = 43;

	(void)state;
	bed_use_long(true);
	for (uint64_t seed = 2000; seed < 2060; seed++) {
		struct link_plan plan = usual;

		plan.seed = seed;
		plan.loss = pick(&x, 0, 8);
		plan.dup = pick(&x, 0, 5);
		plan.reorder = pick(&x, 0, 20);
		plan.chain = pick(&x, 0, 40);
		plan.clone = pick(&x, 0, 20);
		plan.starve = pick(&x, 0, 1) ? 0 : 3;
		plan.nagle = pick(&x, 0, 1);
		plan.rcvbuf[1] = pick(&x, 8000, 300000);
		plan.sndbuf[0] = pick(&x, 8000, 300000);
		plan.mtu[0] = BED_LONG_MTU;
		plan.mtu[1] = (uint16_t)(pick(&x, 0, 2) ? BED_LONG_MTU : pick(&x, 1280, 9000));
		free(transfer(&plan));
	}
	bed_use_long(false);
}

static void
packets_that_ports_cut_arrive_whole(void **state)
{
	uint64_t x = 44;

	(void)state;
	for (uint64_t seed = 3000; seed < 3080; seed++) {
		struct link_plan plan = usual;

		plan.seed = seed;
		plan.cut = true;
		plan.loss = pick(&x, 0, 8);
		plan.dup = pick(&x, 0, 5);
		plan.reorder = pick(&x, 0, 20);
		plan.no_sack = pick(&x, 0, 4) == 0;
		plan.starve = pick(&x, 0, 1) ? 0 : 3;
		plan.nagle = pick(&x, 0, 1);
		plan.shrink = pick(&x, 0, 2) == 0 ? 5 : 0;
		plan.bytes[0] = plan.bytes[1] = 400000;
		plan.rcvbuf[1] = pick(&x, 20000, 300000);
		plan.sndbuf[0] = pick(&x, 20000, 300000);
		plan.mtu[0] = (uint16_t)pick(&x, 600, 2000);
		free(transfer(&plan));
	}
}

static void
cut_wire_ends_both_with_a_timeout(void **state)
{
	struct link_plan plan = usual;
	struct link *l = malloc(sizeof(*l));

	(void)state;
	assert_non_null(l);
	plan.seed = 7;
	plan.bytes[0] = plan.bytes[1] = 5000000;
	link_init(l, &plan);
	l->cut_at = l->now + 20 * MS;
	assert_true(link_run(l, l->now + 3600 * SEC));
	assert_int_equal(sani_tcp_error(&l->end[0].c), -ETIMEDOUT);
	assert_int_equal(sani_tcp_error(&l->end[1].c), -ETIMEDOUT);
	link_fini(l);
	free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_wire_needs_no_retransmission),
		cmocka_unit_test(sequence_numbers_wrap_in_the_transfer),
		cmocka_unit_test(loss_is_repaired_by_fast_retransmission),
		cmocka_unit_test(heavy_loss_ends_in_time),
		cmocka_unit_test(reordering_and_repetition_do_no_harm),
		cmocka_unit_test(slow_reader_shuts_the_window_and_all_arrives),
		cmocka_unit_test(simultaneous_open_works_under_loss),
		cmocka_unit_test(nothing_to_say_both_close_at_once),
		cmocka_unit_test(empty_pool_only_delays),
		cmocka_unit_test(chained_and_shared_mbufs_are_taken),
		cmocka_unit_test(every_combination_ends_whole),
		cmocka_unit_test(long_frames_arrive_whole),
		cmocka_unit_test(packets_that_ports_cut_arrive_whole),
		cmocka_unit_test(cut_wire_ends_both_with_a_timeout),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
