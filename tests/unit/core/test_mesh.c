/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "core/mesh.h"
#include "pair.h"

static void
message_to_oneself_arrives_in_the_same_input(void **state)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK + 3, .a = 5, .e = 6 };
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	sani_core_begin(core);
	sani_core_send(core, 0, &msg);
	sani_core_input(core);
	assert_int_equal(pair.nb_messages, 1);
	assert_int_equal(pair.messages[0].kind, SANI_MSG_SOCK + 3);
	assert_int_equal(pair.messages[0].from, 0);
	assert_int_equal(pair.messages[0].a, 5);
	assert_int_equal(pair.messages[0].e, 6);
	pair_close();
}

static void
send_to_oneself(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK, .a = ev };

	(void)c;
	sani_core_send(core, core->index, &msg);
}

static void
message_to_oneself_out_of_an_event_arrives_in_the_same_input(void **state)
{
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	assert_int_equal(pair_write(a, "x", 1), 1);
	pair_round(A);
	pair.on_event = send_to_oneself;
	pair_round(B);
	assert_int_equal(pair.nb_messages, 1);
	assert_int_equal(pair.messages[0].a, SANI_TCP_EV_READABLE);
	pair_close();
}

static void
packets_on_the_way_between_cores_are_freed_at_the_end(void **state)
{
	(void)state;
	pair_open(2, NULL);
	pair_listen(B, 80, 100);
	for (unsigned int i = 0; i < 40; i++)
		assert_true(pair_connect(pair.host[A]->cores[i % 2], 80) >= 0);
	pair_round(A);
	/* both cores of B hand over, and neither takes */
	for (unsigned int i = 0; i < 2; i++) {
		sani_core_begin(pair.host[B]->cores[i]);
		sani_rx_ports(pair.host[B]->cores[i]);
		assert_true(pair.host[B]->cores[i]->ctr.v[SANI_CTR_core_handover] > 0);
	}
	pair_close();
}

static void
messages_arrive_in_order_and_say_whence(void **state)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK };

	(void)state;
	pair_open(2, NULL);
	for (msg.a = 0; msg.a < 100; msg.a++)
		sani_core_send(pair.host[A]->cores[1], 0, &msg);
	pair_round(A);
	assert_int_equal(pair.nb_messages, 100);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(pair.messages[i].a, i);
		assert_int_equal(pair.messages[i].from, 1);
	}
	pair_close();
}

/* Count down: each message sends the next one to the other core, or to itself. */
static void
answer(struct sani_core *core, const struct sani_msg *msg)
{
	struct sani_msg next = *msg;

	if (next.a-- > 0)
		sani_core_send(core, next.b, &next);
}

static void
answers_to_oneself_come_within_one_round(void **state)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK, .a = 50, .b = 0 };
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	pair.on_message = answer;
	sani_core_begin(core);
	sani_core_send(core, 0, &msg);
	sani_core_input(core);
	assert_int_equal(pair.nb_messages, 51);
	pair_close();
}

static void
endless_answers_do_not_hold_the_round_up(void **state)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK, .a = UINT32_MAX, .b = 0 };
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	pair.on_message = answer;
	sani_core_begin(core);
	sani_core_send(core, 0, &msg);
	assert_in_range(sani_core_input(core), 1, 2 * SANI_MESH_MESSAGES + 8);
	pair_close();
}

static void
ring_takes_every_exchange_that_can_be_under_way(void **state)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK };
	struct sani_core *core;

	(void)state;
	pair_open(2, NULL);
	core = pair.host[A]->cores[0];
	for (uint32_t i = 0; i < 5 * SANI_FINISHED_MAX + 3 * 8; i++)
		sani_core_send(core, 1, &msg);
	assert_int_equal(pair_count(A, SANI_CTR_core_message_bad), 0);
	pair_close();
}

static void
news_leave_room_for_exchanges(void **state)
{
	struct sani_msg msg = { .kind = SANI_MSG_SOCK };
	struct sani_core *core;
	uint64_t bad;

	(void)state;
	pair_open(2, NULL);
	core = pair.host[A]->cores[0];
	/* as much news as there may be, nobody listening */
	for (unsigned int i = 0; i < 20000; i++) {
		core->priv->io.news[0] = (struct sani_ip_news){ .kind = SANI_IP_KNOWN, .ip = pair_addr(B) };
		core->priv->io.nb_news = 1;
		sani_mesh_news(core);
	}
	assert_true(pair_count(A, SANI_CTR_core_news_drop) > 0);
	for (uint32_t i = 0; i < 5 * SANI_FINISHED_MAX + 3 * 8; i++)
		sani_core_send(core, 1, &msg);
	bad = pair_count(A, SANI_CTR_core_message_bad);
	assert_int_equal(bad, 0);
	pair_close();
}

/* On a host of two cores, connections from both cores of A: half of the frames arrive at the wrong one. */
static void
connections_of_both_cores_are_handed_over_both_ways(void **state)
{
	static uint8_t buf[3000];
	unsigned int per_core[2] = { 0 };
	uint32_t nb = 64;

	(void)state;
	pair_open(2, NULL);
	pair_listen(B, 80, 100);
	for (uint32_t i = 0; i < nb; i++)
		assert_true(pair_connect(pair.host[A]->cores[i % 2], 80) >= 0);
	pair_run(20000);
	assert_int_equal(pair.nb_socks, 2 * nb);
	for (uint32_t i = 0; i < nb; i++)
		assert_int_equal(pair_write(i, buf, sizeof(buf)), sizeof(buf));
	pair_run(20000);
	for (uint32_t i = nb; i < 2 * nb; i++) {
		const struct sani_core *core = pair.socks[i].core;

		per_core[core->index]++;
		assert_int_equal(sani_flow_core(sani_flow_hash(&core->host->flow_key, &pair_conn(i)->tuple), 2),
				 core->index);
		assert_int_equal(pair_read(i, buf, sizeof(buf)), sizeof(buf));
		assert_int_equal(pair_write(i, buf, sizeof(buf)), sizeof(buf));
	}
	assert_in_range(per_core[0], 10, 54);
	pair_run(20000);
	for (uint32_t i = 0; i < nb; i++)
		assert_int_equal(pair_read(i, buf, sizeof(buf)), sizeof(buf));
	for (unsigned int side = A; side <= B; side++)
		for (unsigned int i = 0; i < 2; i++)
			assert_true(pair.host[side]->cores[i]->ctr.v[SANI_CTR_core_handover] > 20);
	assert_int_equal(pair_count(A, SANI_CTR_core_handover_drop) + pair_count(B, SANI_CTR_core_handover_drop), 0);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_rx), pair_count(B, SANI_CTR_tcp_tx));
	for (uint32_t i = 0; i < nb; i++)
		sani_core_conn_close(pair.socks[i].core, pair_conn(i));
	pair_run(5000);
	for (uint32_t i = nb; i < 2 * nb; i++)
		assert_int_equal(pair.socks[i].nb_closed, 1);
	pair_close();
}

static void
refused_on_another_core_is_heard_on_the_right_one(void **state)
{
	(void)state;
	pair_open(2, NULL);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(pair_connect(pair.host[A]->cores[i % 2], 81) >= 0);
	pair_run(20000);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(sani_tcp_error(pair_conn(i)), -ECONNREFUSED);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_to_oneself_arrives_in_the_same_input),
		cmocka_unit_test(message_to_oneself_out_of_an_event_arrives_in_the_same_input),
		cmocka_unit_test(packets_on_the_way_between_cores_are_freed_at_the_end),
		cmocka_unit_test(messages_arrive_in_order_and_say_whence),
		cmocka_unit_test(answers_to_oneself_come_within_one_round),
		cmocka_unit_test(endless_answers_do_not_hold_the_round_up),
		cmocka_unit_test(ring_takes_every_exchange_that_can_be_under_way),
		cmocka_unit_test(news_leave_room_for_exchanges),
		cmocka_unit_test(connections_of_both_cores_are_handed_over_both_ways),
		cmocka_unit_test(refused_on_another_core_is_heard_on_the_right_one),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
