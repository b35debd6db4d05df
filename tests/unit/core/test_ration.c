/* SPDX-License-Identifier: BSD-3-Clause */
/* A pool that runs low: who gets what is left, who waits and in which order, and who is ended for what it holds. */
#include <errno.h>

#include <rte_lcore.h>
#include <rte_mempool.h>

#include "spoof.h"

#define ACK SANI_TCP_ACK
#define CROWD 1500u	/* more connections than B has buffers in these tests */
#define FEW 20u
#define IN_CACHE 1000u	/* more than a thread's cache takes out of the pool at once, with what goes out first */
#define MS UINT64_C(1000)

static struct rte_mbuf *gone[8192];
static unsigned int nb_gone;
static uint32_t owed[PAIR_SOCKS];	/* octets of each connection of B's that wait to be echoed */
static uint32_t told[64];		/* sockets that heard of room, in order */
static unsigned int nb_told;

static unsigned int
count_free(void)
{
	const struct rte_mempool *pool = pair.host[B]->pool;

	return rte_mempool_get_ops(pool->ops_index)->get_count(pool);
}

static void
flush_cache(void)
{
	struct rte_mempool *pool = pair.host[B]->pool;
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());

	if (cache != NULL)
		rte_mempool_cache_flush(cache, pool);
}

/* Somebody else takes or gives back buffers, so that n are left; B looks. */
static void
leave_free(unsigned int n)
{
	while (rte_mempool_avail_count(pair.host[B]->pool) > n && nb_gone < RTE_DIM(gone))
		gone[nb_gone++] = rte_pktmbuf_alloc(pair.host[B]->pool);
	while (rte_mempool_avail_count(pair.host[B]->pool) < n && nb_gone > 0)
		rte_pktmbuf_free(gone[--nb_gone]);
	flush_cache();
	assert_int_equal(count_free(), n);
}

static void
end(void)
{
	rte_pktmbuf_free_bulk(gone, nb_gone);
	nb_gone = 0;
	pair_close();
}

/* B's program: all that comes goes back, as far as there is room; what is left when it is told of room. */
static void
echo(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	static uint8_t buf[64];
	uint32_t sock = c->owner.sock;
	uint32_t n;

	if (core->host != pair.host[B] || (ev & SANI_TCP_EV_CLOSED) != 0)
		return;
	while (owed[sock] == 0 && (n = pair_read(sock, buf, sizeof(buf))) > 0)
		owed[sock] += n;
	if (owed[sock] > 0)
		owed[sock] -= pair_write(sock, buf, owed[sock]);
}

/* Another program of B's, which only takes notes. */
static void
note(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	if (core->host == pair.host[B] && (ev & SANI_TCP_EV_ACKED) != 0 && nb_told < RTE_DIM(told))
		told[nb_told++] = c->owner.sock;
}

static void
start(void (*program)(struct sani_core *, struct sani_tcp_conn *, uint32_t))
{
	memset(owed, 0, sizeof(owed));
	nb_told = nb_gone = 0;
	pair_open(1, spoof_gateway);
	pair.on_event = program;
	pair_listen(B, 80, CROWD);
}

/* Stranger i connects to B. @return Its last ACK, from which its next segment is made. */
static struct sani_tcp_seg
shake_hands(uint32_t i)
{
	struct sani_tuple t = spoof_tuple(i, 80);
	struct sani_tcp_seg syn = spoof_syn(i);
	struct sani_tcp_seg ack = { .flags = ACK, .seq = i + 1, .wnd = 100, .tsval = syn.tsval,
				    .opts = SANI_TCP_OPT_TS };
	struct sani_tcp_seg out;
	struct sani_tuple at;

	spoof_count(0);
	spoof_in(&t, &syn, NULL);
	assert_true(spoof_take(&at, &out));
	ack.ack = out.seq + 1;
	ack.tsecr = out.tsval;
	spoof_in(&t, &ack, NULL);
	return ack;
}

static void
ask(uint32_t i)
{
	struct sani_tuple t = spoof_tuple(i, 80);
	struct sani_tcp_seg seg = shake_hands(i);

	seg.len = 60;
	spoof_in(&t, &seg, "sixty octets, or so it says here, to be sent back to a liar");
	spoof_count(0);
}

/* Only B's rounds, and what it sends to strangers is lost. */
static unsigned int
run_alone(uint64_t us)
{
	unsigned int resets = 0;

	for (uint64_t until = pair_now_us + us; pair_now_us < until; pair_now_us += MS) {
		pair_round(B);
		resets += pair_drop(A);
	}
	return resets;
}

/*
 * G5: more connections than buffers, each of which asks and never acknowledges. What they are sent holds no more than a
 * part of the pool, ACKs go on, and who lies is ended for those that wait, the neighbour among them.
 */
static void
answers_that_nobody_acknowledges_cost_only_liars(void **state)
{
	uint32_t low;
	char text[8];
	uint32_t a;

	(void)state;
	start(echo);
	pair.reads = 64;
	low = pair.host[B]->scarce_below;
	a = pair_establish(80);
	leave_free(low - 1);
	for (uint32_t i = 0; i < CROWD; i++)
		ask(i);
	assert_true(pair_count(B, SANI_CTR_tcp_tx_wait_pool) > 0);
	assert_true(pair.host[B]->nb_short > 0);
	assert_true(rte_mempool_avail_count(pair.host[B]->pool) >= low / 4);
	/* the neighbour's request is acknowledged, and its answer has to wait */
	assert_int_equal(pair_write(a, "here", 4), 4);
	pair_run(5 * MS);
	assert_int_equal(sani_tcp_acked(pair_conn(a)), 4);
	assert_int_equal(pair_read(a, text, 4), 0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_evicted), 0);
	pair_run(7000 * MS);
	assert_int_equal(pair_read(a, text, 4), 4);
	assert_memory_equal(text, "here", 4);
	assert_true(pair_count(B, SANI_CTR_tcp_evicted) > 0);
	assert_int_equal(pair.socks[a + 1].nb_closed, 0);
	assert_int_equal(pair.host[B]->nb_short, 0);
	end();
}

static void
reset_by_peer(uint32_t i)
{
	struct sani_tuple t = spoof_tuple(i, 80);
	struct sani_tcp_seg rst = { .flags = SANI_TCP_RST, .seq = pair_conn(i)->rcv_nxt };

	spoof_in(&t, &rst, NULL);
	assert_int_equal(sani_tcp_state(pair_conn(i)), SAN_TCP_CLOSED);
}

/* Nobody is asked before there is something, and then in the order in which they came; who has left is not asked. */
static void
who_waits_is_served_in_turn(void **state)
{
	uint32_t low;

	(void)state;
	start(note);
	low = pair.host[B]->scarce_below;
	for (uint32_t i = 0; i < FEW; i++)
		shake_hands(i);
	leave_free(low / 4);
	pair_round(B);
	for (uint32_t i = 0; i < FEW; i++)
		assert_int_equal(pair_write(FEW - 1 - i, "text", 4), 0);
	assert_int_equal(pair.host[B]->nb_short, FEW);
	run_alone(1000 * MS);
	assert_int_equal(nb_told, 0);
	sani_core_conn_close(pair.socks[FEW - 3].core, pair_conn(FEW - 3));
	run_alone(10 * MS);
	assert_int_equal(pair.host[B]->nb_short, FEW - 1);
	reset_by_peer(FEW - 5);
	assert_int_equal(pair.host[B]->nb_short, FEW - 2);
	leave_free(low / 4 + 1);
	/* each that is told takes nothing, so the next is */
	run_alone(2 * MS);
	assert_int_equal(nb_told, FEW - 2);
	for (uint32_t i = 0; i < FEW - 2; i++)
		assert_int_equal(told[i], FEW - 1 - i - (i >= 2) - (i >= 3));
	assert_int_equal(pair.host[B]->nb_short, 0);
	pair_round(B);
	assert_int_equal(pair.host[B]->cores[0]->priv->rare, 0);
	end();
}

/* Who takes what there is leaves nothing to the next, nor to one that comes later. */
static void
take_one(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	note(core, c, ev);
	if (core->host == pair.host[B] && (ev & SANI_TCP_EV_ACKED) != 0)
		assert_int_equal(pair_write(c->owner.sock, "text", 4), 4);
}

static void
what_there_is_goes_to_the_first(void **state)
{
	uint32_t low;

	(void)state;
	start(take_one);
	low = pair.host[B]->scarce_below;
	for (uint32_t i = 0; i < 4; i++)
		shake_hands(i);
	leave_free(low / 4);
	pair_round(B);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pair_write(i, "text", 4), 0);
	leave_free(low / 4 + 1);
	run_alone(2 * MS);
	assert_int_equal(nb_told, 1);
	assert_int_equal(told[0], 0);
	assert_int_equal(pair_write(3, "text", 4), 0);
	assert_int_equal(pair.host[B]->nb_short, 3);
	pair_drop(A);
	end();
}

/* Who comes while others wait gets nothing before them, though there is something when its segment is processed. */
static void
who_comes_later_overtakes_nobody(void **state)
{
	struct sani_tcp_seg seg;
	struct sani_tuple t = spoof_tuple(FEW, 80);
	uint32_t low;

	(void)state;
	start(echo);
	pair.reads = 64;
	low = pair.host[B]->scarce_below;
	for (uint32_t i = 0; i < FEW; i++)
		shake_hands(i);
	seg = shake_hands(FEW);
	leave_free(low / 4);
	pair_round(B);
	for (uint32_t i = 0; i < FEW; i++) {
		owed[i] = 4;
		assert_int_equal(pair_write(i, "text", 4), 0);
	}
	leave_free(low / 4 + FEW);
	seg.len = 4;
	spoof_in(&t, &seg, "text");
	assert_int_equal(owed[FEW], 4);
	for (uint32_t i = 0; i < FEW; i++)
		assert_int_equal(owed[i], 0);
	assert_int_equal(pair.host[B]->nb_short, 1);
	end();
}

/* How fast it acknowledges a buffer's worth counts, not how often it acknowledges something. */
static void
octets_acknowledged_one_by_one_are_no_excuse(void **state)
{
	struct sani_tcp_seg slow, liar;
	struct sani_tuple t[2];
	static uint8_t text[40000];
	uint32_t low;

	(void)state;
	start(NULL);
	low = pair.host[B]->scarce_below;
	slow = shake_hands(0);
	liar = shake_hands(1);
	shake_hands(2);
	t[0] = spoof_tuple(0, 80);
	t[1] = spoof_tuple(1, 80);
	assert_int_equal(pair_write(0, text, sizeof(text)), sizeof(text));
	assert_int_equal(pair_write(1, text, sizeof(text)), sizeof(text));
	for (unsigned int s = 0; s < 5; s++) {
		/* well below the mark: what is sent and lost comes back in between */
		leave_free(low / 4 - 100);
		run_alone(2 * MS);
		assert_int_equal(pair_write(2, "text", 4), 0);
		run_alone(990 * MS);
		assert_int_equal(pair.socks[1].nb_closed, s >= 3 ? 1 : 0);
		slow.ack += 2400;
		liar.ack += 1;
		spoof_in(&t[0], &slow, NULL);
		spoof_in(&t[1], &liar, NULL);
	}
	assert_int_equal(pair.socks[0].nb_closed, 0);
	assert_int_equal(sani_tcp_error(pair_conn(1)), -ETIMEDOUT);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_evicted), 1);
	end();
}

/* Who acknowledges all that it was sent may keep one and the same buffer in use for ever. */
static void
who_acknowledges_all_it_is_sent_is_not_slow(void **state)
{
	struct sani_tcp_seg ack;
	struct sani_tuple t = spoof_tuple(0, 80);
	uint32_t low;

	(void)state;
	start(NULL);
	low = pair.host[B]->scarce_below;
	ack = shake_hands(0);
	shake_hands(1);
	assert_int_equal(pair_write(0, "text", 4), 4);
	for (unsigned int i = 0; i < 50; i++) {
		/* there is room, and more is written before all is acknowledged: none of it asks for a buffer */
		leave_free(low + IN_CACHE);
		pair_round(B);
		assert_int_equal(pair_write(0, "text", 4), 4);
		leave_free(low / 4 - 100);
		run_alone(2 * MS);
		assert_int_equal(pair_write(1, "text", 4), 0);
		run_alone(98 * MS);
		ack.ack += 4;
		spoof_in(&t, &ack, NULL);
	}
	assert_int_equal(pair_conn(0)->written - pair_conn(0)->acked, 4);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_evicted), 0);
	end();
}

/* With nobody waiting a connection is not ended for what it holds. */
static void
what_nobody_waits_for_may_be_held(void **state)
{
	uint32_t low;

	(void)state;
	start(NULL);
	low = pair.host[B]->scarce_below;
	shake_hands(0);
	assert_int_equal(pair_write(0, "text", 4), 4);
	leave_free(low / 4);
	assert_int_equal(run_alone(10000 * MS), 0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_evicted), 0);
	end();
}

/* Answers that nobody acknowledges keep text from a program that asks for it later; they go for that, too. */
static void
text_that_is_refused_is_made_room_for(void **state)
{
	struct sani_tcp_seg seg;
	struct sani_tuple t = spoof_tuple(FEW, 80);
	uint32_t low;

	(void)state;
	start(NULL);
	low = pair.host[B]->scarce_below;
	for (uint32_t i = 0; i < FEW; i++)
		shake_hands(i);
	seg = shake_hands(FEW);
	for (uint32_t i = 0; i < FEW; i++)
		assert_int_equal(pair_write(i, "text", 4), 4);
	leave_free(low / 2);
	run_alone(5000 * MS);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_evicted), 0);
	leave_free(low / 2);
	pair_round(B);
	seg.len = 4;
	spoof_in(&t, &seg, "text");
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_pool), 1);
	run_alone(3100 * MS);
	/* as few as will do */
	assert_in_range(pair_count(B, SANI_CTR_tcp_evicted), 1, 3);
	spoof_in(&t, &seg, "text");
	assert_int_equal(sani_tcp_readable(pair_conn(FEW)), 4);
	run_alone(5000 * MS);
	assert_in_range(pair_count(B, SANI_CTR_tcp_evicted), 1, 3);
	assert_int_equal(pair.host[B]->cores[0]->priv->rare, 0);
	end();
}

/* What is not read takes nothing from those that send. */
static void
unread_text_leaves_room_for_answers(void **state)
{
	struct sani_tcp_seg seg[FEW];
	uint32_t low;

	(void)state;
	start(NULL);
	low = pair.host[B]->scarce_below;
	for (uint32_t i = 0; i < FEW; i++)
		seg[i] = shake_hands(i);
	leave_free(low / 2 + FEW / 2);
	pair_round(B);
	for (uint32_t i = 0; i < FEW; i++) {
		struct sani_tuple t = spoof_tuple(i, 80);

		seg[i].len = 4;
		spoof_in(&t, &seg[i], "text");
		flush_cache();
	}
	assert_in_range(pair_count(B, SANI_CTR_tcp_rx_drop_pool), 1, FEW - 1);
	assert_true(rte_mempool_avail_count(pair.host[B]->pool) + FEW / 2 >= low / 2);
	assert_int_equal(pair_write(FEW - 1, "text", 4), 4);
	end();
}

/* Unread text of some holds what there is for it; of others that is read at once nothing is dropped. */
static void
text_that_nobody_reads_costs_readers_nothing(void **state)
{
	struct sani_tcp_seg seg;
	struct sani_tuple t = spoof_tuple(0, 80);

	(void)state;
	start(NULL);
	seg = shake_hands(0);
	leave_free(pair.host[B]->scarce_below / 2);
	seg.len = 4;
	spoof_in(&t, &seg, "text");
	assert_int_equal(sani_tcp_readable(pair_conn(0)), 0);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_pool), 1);
	pair.reads = 3;
	spoof_in(&t, &seg, "text");
	assert_int_equal(sani_tcp_readable(pair_conn(0)), 3);
	end();
}

/* What send queues gave back last is kept for them, thousands of buffers maybe: not while the pool runs low. */
static void
what_is_spared_is_no_reason_to_ration(void **state)
{
	struct sani_core_priv *p;

	(void)state;
	start(NULL);
	shake_hands(0);
	p = pair.host[B]->cores[0]->priv;
	pair_round(B);
	while (p->spare.nb < IN_CACHE)
		p->spare.m[p->spare.nb++] = rte_mbuf_raw_alloc(pair.host[B]->pool);
	leave_free(pair.host[B]->scarce_below - 1);
	pair_now_us += 2 * MS;
	pair_round(B);
	assert_int_equal(p->spare.nb, 0);
	assert_false(p->tcp_io.scarce);
	assert_int_equal(pair_write(0, "text", 4), 4);
	assert_int_equal(pair_write(0, "text", 4), 4);
	pair_drop(A);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_nobody_acknowledges_cost_only_liars),
		cmocka_unit_test(who_waits_is_served_in_turn),
		cmocka_unit_test(what_there_is_goes_to_the_first),
		cmocka_unit_test(who_comes_later_overtakes_nobody),
		cmocka_unit_test(octets_acknowledged_one_by_one_are_no_excuse),
		cmocka_unit_test(who_acknowledges_all_it_is_sent_is_not_slow),
		cmocka_unit_test(what_nobody_waits_for_may_be_held),
		cmocka_unit_test(text_that_is_refused_is_made_room_for),
		cmocka_unit_test(unread_text_leaves_room_for_answers),
		cmocka_unit_test(text_that_nobody_reads_costs_readers_nothing),
		cmocka_unit_test(what_is_spared_is_no_reason_to_ration),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
