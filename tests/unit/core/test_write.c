/* SPDX-License-Identifier: BSD-3-Clause */
/* What a core makes of bytes that its program writes: the list of output, spared buffers, who is told. */
#include "pair.h"

static struct sani_core *
core_of(uint32_t sock)
{
	return pair.socks[sock].core;
}

/* So many connections of A to B, quiet for a while. @return The first one's socket; its peer's is the next. */
static uint32_t
setup(unsigned int nb)
{
	uint32_t first;

	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	first = pair_establish(80);
	while (--nb > 0)
		pair_establish(80);
	pair_run(100000);
	return first;
}

static void
close_all(void)
{
	for (uint32_t sock = 0; sock < pair.nb_socks; sock++) {
		sani_core_conn_close(core_of(sock), pair_conn(sock));
		pair_run(1000);
	}
	pair_close();
}

/* Bytes that find a buffer: the connection is listed for output, and what is lost is sent again as any. */
static void
first_bytes_are_listed_for_output(void **state)
{
	struct sani_core *core;
	uint8_t buf[16];
	uint32_t a;

	(void)state;
	a = setup(1);
	core = core_of(a);
	assert_int_equal(core->priv->nb_dirty, 0);
	assert_true(sani_core_write_plain(core, pair_conn(a), "first", 5));
	assert_int_equal(core->priv->nb_dirty, 1);
	assert_int_equal(sani_core_deadline(core), core->now_us);
	pair_round(A);
	assert_int_equal(pair_drop(B), 0);
	assert_true(sani_core_write_plain(core, pair_conn(a), ", then", 6));
	assert_int_equal(core->priv->nb_dirty, 1);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 0);
	pair_run(1500000);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 11);
	assert_memory_equal(buf, "first, then", 11);
	assert_true(pair_count(A, SANI_CTR_tcp_tx_rexmit) >= 1);
	/* one that is listed already is listed once */
	sani_core_touch(core, pair_conn(a), SANI_TCP_EV_OUTPUT);
	assert_true(sani_core_write_plain(core, pair_conn(a), "next", 4));
	assert_int_equal(core->priv->nb_dirty, 1);
	pair_run(1000);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 4);
	close_all();
}

/* What is acknowledged is the next buffer to be written to, whoever writes. */
static void
buffer_that_was_acknowledged_is_the_next(void **state)
{
	const struct sani_tcp_spare *spare;
	struct rte_mbuf *m;
	uint32_t a, other;

	(void)state;
	a = setup(2);
	other = a + 2;
	spare = &core_of(a)->priv->spare;
	assert_int_equal(spare->nb, 0);
	assert_true(sani_core_write_plain(core_of(a), pair_conn(a), "first", 5));
	m = pair_conn(a)->sndq.head;
	pair_await_ack(a, 5);
	assert_int_equal(spare->nb, 1);
	assert_true(sani_core_write_plain(core_of(a), pair_conn(other), "other", 5));
	assert_ptr_equal(pair_conn(other)->sndq.head, m);
	assert_int_equal(spare->nb, 0);
	pair_await_ack(other, 5);
	assert_int_equal(spare->nb, 1);
	/* a core to which nothing happens for long keeps none; one that sleeps wakes for that */
	assert_true(sani_core_deadline(core_of(a)) <= pair_now_us + (17 << 10));
	pair_run(10000);
	assert_int_equal(spare->nb, 1);
	pair_run(10000);
	assert_int_equal(spare->nb, 0);
	assert_true(sani_core_deadline(core_of(a)) > pair_now_us + (17 << 10));
	close_all();
}

/* While the pool runs low, how much a queue takes is decided elsewhere, and no buffer is kept from it. */
static void
first_bytes_are_refused_while_buffers_are_scarce(void **state)
{
	static struct rte_mbuf *gone[65536];
	struct sani_host *host;
	struct sani_core *core;
	uint32_t nb_gone = 0;
	uint8_t buf[8];
	uint32_t a;

	(void)state;
	a = setup(1);
	core = core_of(a);
	host = core->host;
	assert_true(sani_core_write_plain(core, pair_conn(a), "kept", 4));
	pair_await_ack(a, 4);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 4);
	assert_int_equal(core->priv->spare.nb, 1);
	while (nb_gone < RTE_DIM(gone) && rte_mempool_avail_count(host->pool) >= host->scarce_below)
		gone[nb_gone++] = rte_pktmbuf_alloc(host->pool);
	sani_core_look_at_pool(core);
	assert_int_equal(core->priv->spare.nb, 0);
	assert_false(sani_core_write_plain(core, pair_conn(a), "first", 5));
	assert_int_equal(core->priv->nb_dirty, 0);
	assert_int_equal(sani_tcp_written(pair_conn(a)), 4);
	rte_pktmbuf_free_bulk(gone, nb_gone);
	pair_run(10000);
	assert_true(sani_core_write_plain(core, pair_conn(a), "first", 5));
	pair_run(1000);
	assert_int_equal(pair_read(a + 1, buf, sizeof(buf)), 5);
	close_all();
}

/* What ends no operation is not told, by who says so; what comes with it is. */
static void
acknowledgement_alone_is_told_who_asks_for_it(void **state)
{
	uint32_t a;

	(void)state;
	a = setup(1);
	assert_true(pair_conn(a)->owner.tell_acks);
	pair.socks[a].ev = 0;
	assert_int_equal(pair_write(a, "told", 4), 4);
	pair_await_ack(a, 4);
	assert_int_equal(pair.socks[a].ev, SANI_TCP_EV_ACKED);
	pair_conn(a)->owner.tell_acks = 0;
	pair.socks[a].ev = 0;
	assert_int_equal(pair_write(a, "not", 3), 3);
	pair_await_ack(a, 7);
	assert_int_equal(pair.socks[a].ev, 0);
	assert_int_equal(pair_write(a, "both", 4), 4);
	assert_int_equal(pair_write(a + 1, "text", 4), 4);
	pair_await_ack(a, 11);
	assert_true((pair.socks[a].ev & SANI_TCP_EV_READABLE) != 0);
	close_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bytes_are_listed_for_output),
		cmocka_unit_test(buffer_that_was_acknowledged_is_the_next),
		cmocka_unit_test(first_bytes_are_refused_while_buffers_are_scarce),
		cmocka_unit_test(acknowledgement_alone_is_told_who_asks_for_it),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
