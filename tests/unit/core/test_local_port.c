/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pair.h"

static void
port_is_taken_once_until_put(void **state)
{
	struct sani_host *host;

	(void)state;
	pair_open(1, NULL);
	host = pair.host[A];
	assert_int_equal(sani_host_port_take(host, 80), 0);
	assert_int_equal(sani_host_port_take(host, 80), -EADDRINUSE);
	assert_int_equal(sani_host_port_take(host, 81), 0);
	assert_int_equal(sani_host_port_take(host, 65535), 0);
	sani_host_port_put(host, 80);
	assert_int_equal(sani_host_port_take(host, 80), 0);
	assert_int_equal(sani_host_port_take(host, 81), -EADDRINUSE);
	pair_close();
}

static void
any_port_is_ephemeral_and_each_once(void **state)
{
	struct sani_host *host;
	unsigned int in_order = 0;
	int last = 0;

	(void)state;
	pair_open(1, NULL);
	host = pair.host[A];
	for (uint32_t i = 0; i < SANI_EPHEMERAL_NB; i++) {
		int port = sani_host_port_take_any(host);

		assert_in_range(port, 49152, 65535);
		in_order += i < 100 && port == last + 1;
		last = port;
	}
	/* random: a run of neighbours is chance */
	assert_in_range(in_order, 0, 20);
	assert_int_equal(sani_host_port_take_any(host), -EADDRNOTAVAIL);
	sani_host_port_put(host, 50000);
	assert_int_equal(sani_host_port_take_any(host), 50000);
	pair_close();
}

static void
many_connections(struct sani_host_conf *conf)
{
	conf->nb_conns = SANI_EPHEMERAL_NB;
}

static void
chosen_flow_is_the_cores_own_free_and_not_bound(void **state)
{
	struct sani_host *host;

	(void)state;
	pair_open(2, NULL);
	host = pair.host[A];
	for (uint32_t port = SANI_EPHEMERAL_FIRST; port < 65536; port++)
		if (port % 4 != 0)
			assert_int_equal(sani_host_port_take(host, (uint16_t)port), 0);
	for (unsigned int i = 0; i < 500; i++) {
		struct sani_core *core = host->cores[i % 2];
		int sock = pair_connect(core, 80);
		const struct sani_tcp_conn *c;

		assert_true(sock >= 0);
		c = pair_conn((uint32_t)sock);
		assert_int_equal(c->tuple.local_port % 4, 0);
		assert_true(c->tuple.local_port >= SANI_EPHEMERAL_FIRST);
		assert_int_equal(sani_flow_core(sani_flow_hash(&host->flow_key, &c->tuple), 2), core->index);
		for (unsigned int j = 0; j < (unsigned int)sock; j++)
			assert_false(sani_tuple_eq(&c->tuple, &pair_conn(j)->tuple));
	}
	pair_close();
}

/* A connection that ends at once and leaves nothing. @return Its port. */
static uint16_t
draw(struct sani_core *core, uint16_t remote_port)
{
	struct sani_open open = { .remote = pair_addr(B), .remote_port = remote_port, .sndbuf = 4096, .rcvbuf = 4096 };
	struct sani_tcp_conn *c;
	uint16_t port;

	assert_int_equal(sani_core_connect(core, &open, &c), 0);
	port = c->tuple.local_port;
	sani_core_conn_close(core, c);
	return port;
}

static unsigned int
count_own_ports(const struct sani_core *core, uint16_t remote_port)
{
	struct sani_tuple t = { .local = pair_addr(A), .remote = pair_addr(B), .remote_port = remote_port };
	unsigned int n = 0;

	for (uint32_t i = 0; i < SANI_EPHEMERAL_NB; i++) {
		t.local_port = (uint16_t)(SANI_EPHEMERAL_FIRST + i);
		n += sani_flow_core(sani_flow_hash(&core->host->flow_key, &t), core->host->nb_cores) == core->index;
	}
	return n;
}

/* Whoever was reset a moment ago has its port in mind, and so has its peer (RFC 6056 2.3, 3.3.3). */
static void
freed_port_is_drawn_again_only_after_all_others(void **state)
{
	static bool seen[2][65536];
	unsigned int n[2] = { 0 };

	(void)state;
	pair_open(2, NULL);
	memset(seen, 0, sizeof(seen));
	for (unsigned int i = 0; i < 2; i++) {
		struct sani_core *core = pair.host[A]->cores[i];

		for (;;) {
			uint16_t port = draw(core, 80);

			if (seen[i][port])
				break;
			seen[i][port] = true;
			n[i]++;
		}
		assert_int_equal(n[i], count_own_ports(core, 80));
	}
	pair_close();
}

#define ENDS 64

/* Who sees the ports of connections to one end learns nothing of those to another. */
static void
turns_of_two_ends_or_hosts_have_nothing_in_common(void **state)
{
	uint32_t first[2 * ENDS], step[2 * ENDS];
	unsigned int alike = 0, neighbours = 0;

	(void)state;
	for (unsigned int i = 0; i < 2 * ENDS; i++) {
		uint16_t remote_port = (uint16_t)(80 + i % ENDS);

		if (i % ENDS == 0)
			pair_open(1, NULL);
		first[i] = draw(pair.host[A]->cores[0], remote_port);
		step[i] = (draw(pair.host[A]->cores[0], remote_port) - first[i]) % SANI_EPHEMERAL_NB;
		neighbours += step[i] == 1;
		for (unsigned int j = 0; j < i; j++)
			alike += (unsigned int)((first[i] == first[j]) + (step[i] == step[j]));
		if (i % ENDS == ENDS - 1)
			pair_close();
	}
	/* of 8,128 pairs each, one in 16,384 and one in 8,192 by chance: more than 10 once in two million times */
	assert_in_range(alike, 0, 10);
	assert_in_range(neighbours, 0, 4);
}

static void
last_ephemeral_port_of_a_peer_is_found_then_none(void **state)
{
	struct sani_core *core;
	struct sani_open open = { .remote = pair_addr(B), .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096 };
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, many_connections);
	core = pair.host[A]->cores[0];
	for (uint32_t i = 0; i < SANI_EPHEMERAL_NB; i++)
		assert_int_equal(sani_core_connect(core, &open, &c), 0);
	assert_int_equal(sani_core_connect(core, &open, &c), -EADDRNOTAVAIL);
	pair_close();
}

static void
given_port_is_refused_when_the_flow_is_another_cores(void **state)
{
	struct sani_open open = { .remote = pair_addr(B), .remote_port = 80, .sndbuf = 4096, .rcvbuf = 4096 };
	struct sani_tcp_conn *c;
	unsigned int nb_ok = 0;

	(void)state;
	pair_open(2, NULL);
	for (uint16_t port = 1000; port < 1100; port++) {
		int rc[2];

		open.local_port = port;
		for (unsigned int i = 0; i < 2; i++) {
			rc[i] = sani_core_connect(pair.host[A]->cores[i], &open, &c);
			nb_ok += rc[i] == 0;
		}
		assert_true((rc[0] == 0 && rc[1] == -EADDRNOTAVAIL) ||
			    (rc[1] == 0 && rc[0] == -EADDRNOTAVAIL));
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(sani_core_connect(pair.host[A]->cores[i], &open, &c),
					 rc[i] == 0 ? -EADDRINUSE : -EADDRNOTAVAIL);
	}
	assert_int_equal(nb_ok, 100);
	pair_close();
}

static void
bad_ends_are_refused(void **state)
{
	struct sani_open open = { .remote_port = 80 };
	struct sani_core *core;
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	assert_int_equal(sani_core_connect(core, &open, &c), -EINVAL);
	open.remote = sani_ip_from_v4(rte_cpu_to_be_32(0xac100001u));
	assert_int_equal(sani_core_connect(core, &open, &c), -ENETUNREACH);
	open.remote = pair_addr(B);
	open.remote_port = 0;
	assert_int_equal(sani_core_connect(core, &open, &c), -EINVAL);
	open.remote_port = 80;
	open.local = pair_addr(B);
	assert_int_equal(sani_core_connect(core, &open, &c), -EADDRNOTAVAIL);
	assert_int_equal(pair_nb_conns(A), 0);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_is_taken_once_until_put),
		cmocka_unit_test(any_port_is_ephemeral_and_each_once),
		cmocka_unit_test(chosen_flow_is_the_cores_own_free_and_not_bound),
		cmocka_unit_test(freed_port_is_drawn_again_only_after_all_others),
		cmocka_unit_test(turns_of_two_ends_or_hosts_have_nothing_in_common),
		cmocka_unit_test(last_ephemeral_port_of_a_peer_is_found_then_none),
		cmocka_unit_test(given_port_is_refused_when_the_flow_is_another_cores),
		cmocka_unit_test(bad_ends_are_refused),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
