/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/play_priv.h"

#include <string.h>

#define MAX_CASES 3000

static struct play play;
static struct vhost hosts[PLAY_HOSTS];
static bool host_made[PLAY_HOSTS];
static struct rte_mempool *pool;
static unsigned int serial;

static void
get_host(enum play_host which)
{
	static const struct vhost_wish wishes[PLAY_HOSTS] = {
		[PLAY_USUAL] = { .address = "10.7.0.1/24" },
		[PLAY_MTU_576] = { .address = "10.7.0.1/24", .mtu = 576 },
		[PLAY_SMALL] = { .address = "10.7.0.1/24",
				 .keys = { { "half_open", "2" }, { "time_wait_records", "16" } } },
	};
	const struct rte_ether_addr mac = { { 0x02, 0, 0, 0, 0, 2 } };

	play.host = &hosts[which];
	if (!host_made[which]) {
		vhost_open(play.host, &wishes[which]);
		vhost_know(play.host, "10.7.0.2", &mac);
		host_made[which] = true;
	}
	play.ends = (struct wire_ends){ .peer_mac = mac, .host_mac = vhost_mac(play.host), .src_ip = WIRE_PEER_IP,
					.dst_ip = WIRE_HOST_IP };
}

static int
start(void **state)
{
	(void)state;
	vhost_startup();
	get_host(PLAY_USUAL);
	pool = rte_pktmbuf_pool_create("peer", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(pool);
	play.pool = pool;
	assert_int_equal(san_cq_create(1024, &play.cq), 0);
	return 0;
}

static int
stop(void **state)
{
	struct san_completion e;

	(void)state;
	vhost_cleanup();
	while (san_cq_poll(play.cq, &e, 1) > 0)
		assert_int_equal(e.kind, SAN_OP_CLOSE);
	assert_int_equal(san_cq_destroy(play.cq), 0);
	rte_mempool_free(pool);
	return 0;
}

static void
run_case(void **state)
{
	const struct play_case *c = *state;

	get_host(c->host);
	play_begin(&play, c, serial++);
	if (c->rows == NULL)
		play_fail(&play, "There are no rows.");
	play_rows(&play);
}

static int
end_case(void **state)
{
	(void)state;
	play_end(&play);
	return 0;
}

static bool
is_asked_for(const struct play_args *args, const char *name)
{
	if (args->argc == 1)
		return true;
	for (int i = 1; i < args->argc; i++)
		if (strstr(name, args->argv[i]) != NULL)
			return true;
	return false;
}

int
play_main(const struct play_args *args)
{
	static struct CMUnitTest tests[MAX_CASES];
	size_t n = 0;

	for (size_t i = 0; i < args->nb_cases; i++)
		if (is_asked_for(args, args->cases[i].name)) {
			assert_in_range(n, 0, MAX_CASES - 1);
			tests[n++] = (struct CMUnitTest){ args->cases[i].name, run_case, NULL, end_case,
							  (void *)(uintptr_t)&args->cases[i] };
		}
	return _cmocka_run_group_tests(args->program, tests, n, start, stop);
}
