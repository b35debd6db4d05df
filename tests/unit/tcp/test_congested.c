/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion controls over one narrow wire: what they make of its queue, and of its rate. */
#include <stdlib.h>

#include <rte_mempool.h>

#include "link.h"

#define WIRE 125000u	/* [bytes/ms]: 1 Gbit/s */
#define RTT_US 500u
#define BDP (WIRE / 1000 * RTT_US)
#define MARK (BDP / 6)
#define TEXT (20u << 20)

/* 20 MiB over a wire that holds 1 Gbit/s and 500 us; queue bounded far behind, mark early. */
static const struct link_plan narrow = {
	.seed = 7,
	.delay_us = RTT_US / 2,
	.rate = WIRE,
	.queue = 6 * BDP,
	.mark = MARK,
	.settle_us = 20 * MS,
	.bytes = { TEXT, 0 },
	.sndbuf = { 1 << 20, 1 << 20 },
	.rcvbuf = { 1 << 20, 1 << 20 },
	.mtu = { 1500, 1500 },
	.iss = { 1, 1000000 },
	.read_max = 8192,
	.ecn = SAN_ECN_REQUEST,
};

struct result {
	uint32_t queue_mean;	/* [bytes] */
	uint32_t queue_most;
	uint32_t rate;		/* of the wire's [%] */
	uint64_t resent;
};

static struct result
transfer(const struct link_plan *plan, const char *what)
{
	unsigned int before = rte_mempool_avail_count(bed_pool);
	struct link *l = malloc(sizeof(*l));
	struct result r;

	assert_non_null(l);
	link_init(l, plan);
	assert_true(link_run(l, l->now + 3600 * SEC));
	assert_int_equal(l->end[1].read, plan->bytes[0]);
	r = (struct result){
		.queue_mean = (uint32_t)(l->end[0].queue_sum / l->end[0].queue_nb),
		.queue_most = l->end[0].queue_most,
		.rate = (uint32_t)(l->end[0].busy_us * 100 / (l->end[0].seen_at[1] - l->end[0].seen_at[0])),
		.resent = l->end[0].resent,
	};
	print_message("# %s: queue %u, at most %u bytes, %u %% of the wire, %llu bytes again\n", what,
		      r.queue_mean, r.queue_most, r.rate, (unsigned long long)r.resent);
	link_fini(l);
	assert_int_equal(rte_mempool_avail_count(bed_pool), before);
	free(l);
	return r;
}

/* RFC 8257 1: full rate with a short queue, where CUBIC has a long one (no marks) or less than the rate (marks). */
static void
dctcp_keeps_the_queue_short_at_full_rate(void **state)
{
	struct link_plan plan = narrow;
	struct result dctcp, marked, dropped;

	(void)state;
	plan.cc[0] = plan.cc[1] = SAN_CC_DCTCP;
	dctcp = transfer(&plan, "dctcp");
	plan.cc[0] = plan.cc[1] = SAN_CC_CUBIC;
	marked = transfer(&plan, "cubic with marks");
	plan.ecn = SAN_ECN_OFF;
	dropped = transfer(&plan, "cubic without");
	assert_in_range(dctcp.rate, 96, 100);
	assert_true(dctcp.queue_mean < 2 * MARK);
	assert_int_equal(dctcp.resent, 0);
	assert_true(dctcp.rate > marked.rate);
	assert_true(dropped.queue_mean > 4 * dctcp.queue_mean);
}

/* 3.5: losses are repaired as ever, among marks too. */
static void
dctcp_gets_through_losses_and_marks(void **state)
{
	struct link_plan plan = narrow;

	(void)state;
	plan.cc[0] = plan.cc[1] = SAN_CC_DCTCP;
	plan.bytes[0] = plan.bytes[1] = 2u << 20;
	plan.loss = 1;
	plan.reorder = 2;
	for (plan.seed = 20; plan.seed < 30; plan.seed++)
		assert_true(transfer(&plan, "dctcp, lossy").resent > 0);
}

/* 3.3: a receiver of RFC 3168 echoes until CWR, so alpha is too large; it works all the same. */
static void
dctcp_works_with_a_receiver_that_is_none(void **state)
{
	struct link_plan plan = narrow;
	struct result r;

	(void)state;
	plan.cc[0] = SAN_CC_DCTCP;
	r = transfer(&plan, "dctcp to a receiver of RFC 3168");
	assert_in_range(r.rate, 70, 100);
	plan.cc[0] = SAN_CC_CUBIC;
	plan.cc[1] = SAN_CC_DCTCP;
	r = transfer(&plan, "cubic to a receiver of RFC 8257");
	assert_in_range(r.rate, 70, 100);
	assert_int_equal(r.resent, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dctcp_keeps_the_queue_short_at_full_rate),
		cmocka_unit_test(dctcp_gets_through_losses_and_marks),
		cmocka_unit_test(dctcp_works_with_a_receiver_that_is_none),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
