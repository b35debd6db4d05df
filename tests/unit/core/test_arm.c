/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

static struct sani_core *
core_of(uint32_t sock)
{
	return pair.socks[sock].core;
}

/* With a connection between them: A's end, B's is the next. */
static uint32_t
open_pair(void)
{
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	return pair_establish(80);
}

static void
lost_segment_is_sent_again_when_the_lazy_timer_fires(void **state)
{
	uint8_t buf[8];
	uint32_t a;

	(void)state;
	a = open_pair();
	for (unsigned int i = 0; i < 50; i++) {
		assert_int_equal(pair_write(a, "x", 1), 1);
		pair_run(20000);
		assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 1);
	}
	assert_int_equal(pair_write(a, "lost", 4), 4);
	pair_round(A);
	pair_drop(B);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 0);
	pair_run(1500000);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "lost", 4);
	assert_true(pair_count(A, SANI_CTR_tcp_tx_rexmit) >= 1);
	pair_close();
}

static void
deadline_is_never_after_the_next_timer(void **state)
{
	struct sani_core *core;
	uint32_t a;

	(void)state;
	a = open_pair();
	core = core_of(a);
	pair_write(a, "x", 1);
	assert_int_equal(sani_core_deadline(core), core->now_us);
	pair_round(A);
	assert_true(sani_core_deadline(core) > core->now_us);
	assert_true(sani_core_deadline(core) <= sani_tcp_deadline(pair_conn(a)) + 64);
	pair_close();
}

/* The wheel holds one deadline: a far one must not hide the near ones that come later. */
static void
long_user_timeout_leaves_the_lost_syn_to_be_repeated(void **state)
{
	const uint32_t week_ms = 7u * 24 * 3600 * 1000;
	struct sani_open open = {
		.remote_port = 80, .sndbuf = 65536, .rcvbuf = 65536, .user_timeout_ms = week_ms,
		.sock = SANI_NONE, .nodelay = true,
	};
	struct sani_tcp_conn *c;

	(void)state;
	pair_open(1, NULL);
	open.remote = pair_addr(B);
	assert_int_equal(sani_core_connect(pair.host[A]->cores[0], &open, &c), 0);
	pair_round(A);
	pair_drop(B);
	pair_run(1100000);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 1);
	sani_core_conn_close(pair.host[A]->cores[0], c);
	pair_close();
}

/* Of a connection that a SYN opens the timer is set to what a short one never comes to; its deadline is before that. */
static void
half_open_connection_ends_by_a_short_user_timeout(void **state)
{
	static const union sani_ip any;
	const struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[B]->cores[0];
	pair_listen(B, 80, 5);
	sani_listen_find(pair.host[B]->cores[0], &any, 80)->l.user_timeout_ms = 100;
	assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_round(A);
	pair_round(B);
	assert_int_equal(core->priv->nb_half_open, 1);
	/* nobody answers */
	pair_drop(A);
	for (unsigned int i = 0; i < 110; i++) {
		pair_now_us += 1000;
		pair_round(B);
	}
	assert_int_equal(core->priv->nb_half_open, 0);
	pair_close();
}

/* Bytes reach b and are told: many connections wait a round before the timer of their ACK is armed. */
static struct sani_tcp_conn *
hear_as_one_of_many(uint32_t a)
{
	struct sani_core *core = core_of(a + 1);

	core->priv->cold_blocks = 0;
	/* the first ACKs of a connection do not wait */
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(pair_write(a, "x", 1), 1);
		pair_run(50000);
	}
	pair_run(1000000);
	assert_int_equal(pair_write(a, "x", 1), 1);
	pair_round(A);
	pair_round(B);
	assert_int_equal(core->priv->nb_late, 1);
	assert_int_equal(sani_core_deadline(core), core->now_us);
	return pair_conn(a + 1);
}

static uint64_t
fires_in_us(const struct sani_tcp_conn *c)
{
	assert_true(sani_timer_armed(&c->owner.timer));
	return ((uint64_t)c->owner.timer.expires << SANI_TICK_SHIFT) - pair_now_us;
}

static void
timer_of_an_ack_that_an_answer_carries_is_not_armed(void **state)
{
	struct sani_tcp_conn *c;
	uint32_t a;

	(void)state;
	a = open_pair();
	c = hear_as_one_of_many(a);
	assert_false(sani_timer_armed(&c->owner.timer));
	assert_int_equal(pair_write(a + 1, "y", 1), 1);
	pair_round(B);
	assert_int_equal(core_of(a + 1)->priv->nb_late, 0);
	assert_true(fires_in_us(c) >= 100000);
	pair_close();
}

static void
timer_of_an_ack_that_nothing_carries_is_armed_a_round_later(void **state)
{
	struct sani_tcp_conn *c;
	uint32_t a;

	(void)state;
	a = open_pair();
	c = hear_as_one_of_many(a);
	pair_round(B);
	assert_int_equal(core_of(a + 1)->priv->nb_late, 0);
	assert_true(fires_in_us(c) <= 41000);
	pair_run(42000);
	assert_int_equal(sani_tcp_acked(pair_conn(a)), 21);
	/* one that is gone by then has no timer to be armed */
	c = hear_as_one_of_many(a);
	sani_core_conn_close(core_of(a + 1), c);
	pair_round(B);
	assert_false(sani_timer_armed(&c->owner.timer));
	pair_close();
}

/* Of so many that each timer would fire in vain: one with nothing under way is not in the wheel. */
static void
one_of_very_many_that_rests_has_no_timer(void **state)
{
	uint32_t a;

	(void)state;
	a = open_pair();
	pair_run(1000000);
	assert_int_equal(pair_write(a, "x", 1), 1);
	pair_await_ack(a, 1);
	assert_true(sani_timer_armed(&pair_conn(a)->owner.timer));
	core_of(a)->priv->rest_blocks = 0;
	assert_int_equal(pair_write(a, "x", 1), 1);
	pair_await_ack(a, 2);
	assert_false(sani_timer_armed(&pair_conn(a)->owner.timer));
	/* with something under way it has */
	assert_int_equal(pair_write(a, "x", 1), 1);
	pair_round(A);
	assert_true(sani_timer_armed(&pair_conn(a)->owner.timer));
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_segment_is_sent_again_when_the_lazy_timer_fires),
		cmocka_unit_test(deadline_is_never_after_the_next_timer),
		cmocka_unit_test(long_user_timeout_leaves_the_lost_syn_to_be_repeated),
		cmocka_unit_test(half_open_connection_ends_by_a_short_user_timeout),
		cmocka_unit_test(timer_of_an_ack_that_an_answer_carries_is_not_armed),
		cmocka_unit_test(timer_of_an_ack_that_nothing_carries_is_armed_a_round_later),
		cmocka_unit_test(one_of_very_many_that_rests_has_no_timer),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
