/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parked connections: a block is given back when nothing happens; the connection is found by its tuple and by its
 * socket all the same, and goes on; what is not quiet, or nobody's yet, stays.
 */
#include "pair.h"

#define NB 40
#define QUIET 100000u	/* longer than a delayed ACK */

static struct sani_core_priv *
priv(unsigned int side)
{
	return pair.host[side]->cores[0]->priv;
}

static void
open_both(void (*change)(struct sani_host_conf *conf))
{
	pair_open(1, change);
	priv(A)->keep_blocks = priv(B)->keep_blocks = 0;
	priv(A)->park_quiet_most_us = priv(B)->park_quiet_most_us = 0;
	pair_listen(B, 80, NB);
}

static bool
is_parked(uint32_t sock)
{
	return (pair.socks[sock].idx & SANI_CONN_PARKED) != 0;
}

static void
say(uint32_t from, uint32_t to, const char *text)
{
	char got[64] = { 0 };

	assert_int_equal(pair_write(from, text, (uint32_t)strlen(text)), strlen(text));
	pair_run(1000);
	assert_false(is_parked(to));
	assert_int_equal(pair_read(to, got, sizeof(got)), strlen(text));
	assert_string_equal(got, text);
}

static void
quiet_connection_gives_its_block_back(void **state)
{
	uint32_t a;

	(void)state;
	open_both(NULL);
	a = pair_establish(80);
	pair_run(QUIET);
	assert_true(is_parked(a) && is_parked(a + 1));
	assert_int_equal(priv(A)->nb_blocks, 0);
	assert_int_equal(pair_nb_conns(A), 1);
	assert_true(pair_count(A, SANI_CTR_core_parked) > 0);
	assert_int_equal(priv(A)->conns[0].owner.flags, 0);
	pair_close();
}

static void
it_goes_on_from_either_end(void **state)
{
	uint32_t a;

	(void)state;
	open_both(NULL);
	a = pair_establish(80);
	for (int i = 0; i < 5; i++) {
		pair_run(QUIET);
		assert_true(is_parked(a) && is_parked(a + 1));
		say(a, a + 1, "over there");
		say(a + 1, a, "and back");
	}
	/* one place is used again and again, and so is one block */
	assert_int_equal(priv(A)->parked_fresh, 1);
	assert_int_equal(priv(A)->conn_fresh, 1);
	pair_close();
}

static void
many_are_found_by_their_tuples(void **state)
{
	uint32_t first = UINT32_MAX;

	(void)state;
	open_both(NULL);
	for (unsigned int i = 0; i < NB; i++) {
		uint32_t a = pair_establish(80);

		first = first == UINT32_MAX ? a : first;
	}
	pair_run(QUIET);
	assert_int_equal(priv(A)->nb_blocks + priv(B)->nb_blocks, 0);
	for (uint32_t i = NB; i-- > 0;) {
		say(first + 2 * i, first + 2 * i + 1, "you");
		say(first + 2 * i + 1, first + 2 * i, "me");
	}
	pair_run(QUIET);
	assert_int_equal(priv(A)->nb_blocks + priv(B)->nb_blocks, 0);
	assert_int_equal(pair_nb_conns(A), NB);
	pair_close();
}

static void
few_blocks_stay(void **state)
{
	(void)state;
	open_both(NULL);
	priv(A)->keep_blocks = 3;
	for (unsigned int i = 0; i < 10; i++)
		pair_establish(80);
	pair_run(QUIET);
	assert_int_equal(priv(A)->nb_blocks, 3);
	assert_int_equal(priv(B)->nb_blocks, 0);
	pair_close();
}

/* A message each 300 ms: parked until the first wakes it, and left alone from then on; after more silence parked. */
static void
who_speaks_now_and_then_is_left_alone(void **state)
{
	uint32_t a;

	(void)state;
	open_both(NULL);
	priv(A)->park_quiet_most_us = priv(B)->park_quiet_most_us = 10000000;
	a = pair_establish(80);
	pair_run(300000);
	assert_true(is_parked(a));
	say(a, a + 1, "good morning");
	pair_run(300000);
	assert_false(is_parked(a) || is_parked(a + 1));
	assert_true(priv(A)->park_quiet_us > 300000);
	pair_run(600000);
	assert_true(is_parked(a) && is_parked(a + 1));
	/* whoever was quiet for long has no say in this; and it is forgotten after some time */
	pair_now_us += 3600000000ull;
	pair_round(A);
	pair_conn(a);
	pair_run(1000);
	assert_true(priv(A)->park_quiet_us < 600000);
	pair_close();
}

static void
what_is_not_quiet_stays(void **state)
{
	uint32_t unread, open;

	(void)state;
	open_both(NULL);
	unread = pair_establish(80);
	assert_int_equal(pair_write(unread, "text", 4), 4);
	pair.accept = false;
	open = (uint32_t)pair_connect(pair.host[A]->cores[0], 80);
	pair_run(QUIET);
	assert_int_equal(pair.nb_embryos, 1);
	/* text that nobody reads, and a finished one that nobody has adopted */
	assert_true(is_parked(unread) && !is_parked(unread + 1) && is_parked(open));
	assert_int_equal(priv(B)->nb_blocks, 2);
	pair_close();
}

static void
it_counts_among_the_connections(void **state)
{
	uint32_t n = 0;

	(void)state;
	open_both(NULL);
	pair_establish(80);
	pair_run(QUIET);
	assert_int_equal(priv(A)->nb_blocks, 0);
	/* as many as there may be, and each of them has a block if it needs one */
	pair.host[A]->conf.nb_conns = 4;
	while (pair_connect(pair.host[A]->cores[0], 80) >= 0)
		n++;
	assert_int_equal(n, 3);
	pair_conn(0);
	assert_int_equal(priv(A)->nb_blocks, 4);
	pair.host[A]->conf.nb_conns = 2048;
	pair_close();
}

static void
it_ends_as_any_other(void **state)
{
	uint32_t a;

	(void)state;
	open_both(NULL);
	a = pair_establish(80);
	pair_run(QUIET);
	sani_core_conn_close(pair.socks[a].core, pair_conn(a));
	pair_run(1000);
	assert_int_equal(pair_nb_conns(A), 0);
	assert_int_equal(pair_nb_tw(A), 1);
	assert_int_equal(pair.socks[a + 1].nb_closed, 1);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_connection_gives_its_block_back),
		cmocka_unit_test(it_goes_on_from_either_end),
		cmocka_unit_test(many_are_found_by_their_tuples),
		cmocka_unit_test(few_blocks_stay),
		cmocka_unit_test(who_speaks_now_and_then_is_left_alone),
		cmocka_unit_test(what_is_not_quiet_stays),
		cmocka_unit_test(it_counts_among_the_connections),
		cmocka_unit_test(it_ends_as_any_other),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
