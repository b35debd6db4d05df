/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pair.h"

#define PAYLOAD 700

static uint8_t text[PAYLOAD];

/* Take the one frame that is on its way to B. */
static struct rte_mbuf *
catch(void)
{
	struct rte_mbuf *m[2];
	uint16_t n = 0;

	for (uint16_t queue = 0; queue < pair.host[B]->nb_cores && n == 0; queue++)
		n = sani_port_rx(&pair.host[B]->ports[0], queue, m, 2);
	assert_int_equal(n, 1);
	return m[0];
}

static void
inject(unsigned int from, uint16_t queue, struct rte_mbuf *m)
{
	assert_int_equal(sani_port_tx(&pair.host[from]->ports[0], queue, &m, 1), 1);
}

/* Everything behind `at` into a buffer of its own. */
static void
split(struct rte_mbuf *m, uint16_t at)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
	struct rte_mbuf *rest = rte_pktmbuf_alloc(pair.host[A]->pool);
	uint16_t before = (uint16_t)(m->pkt_len - last->data_len);
	uint16_t moved = (uint16_t)(last->data_len - (at - before));

	assert_non_null(rest);
	memcpy(rte_pktmbuf_append(rest, moved), rte_pktmbuf_mtod_offset(last, uint8_t *, at - before), moved);
	last->data_len = (uint16_t)(last->data_len - moved);
	last->next = rest;
	m->nb_segs++;
}

/* A segment of PAYLOAD octets from A, caught on the way. */
static struct rte_mbuf *
make_segment(uint32_t a)
{
	for (unsigned int i = 0; i < PAYLOAD; i++)
		text[i] = (uint8_t)(i * 7);
	pair_drop(B);
	assert_int_equal(pair_write(a, text, PAYLOAD), PAYLOAD);
	pair_round(A);
	return catch();
}

static void
expect_text(uint32_t sock)
{
	uint8_t buf[PAYLOAD + 1];

	assert_int_equal(pair_read(sock, buf, sizeof(buf)), PAYLOAD);
	assert_memory_equal(buf, text, PAYLOAD);
}

static void
chained_and_padded_frames_yield_the_payload(void **state)
{
	static const struct {
		uint16_t cut[3];
		uint16_t padding;
	} cases[] = {
		{ { 0 }, 0 }, { { 0 }, 100 },
		{ { 14, 34 }, 0 }, { { 54 }, 0 }, { { 66 }, 0 }, { { 67 }, 0 }, { { 1, 2, 3 }, 0 },
		{ { 40, 66, 400 }, 0 }, { { 60, 766 }, 50 }, { { 66, 700, 780 }, 80 }, { { 765 }, 1 },
	};
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct rte_mbuf *m = make_segment(a);

		assert_int_equal(m->pkt_len, 14 + 20 + 32 + PAYLOAD);
		if (cases[i].padding > 0)
			memset(rte_pktmbuf_append(m, cases[i].padding), 0xee, cases[i].padding);
		for (unsigned int cut = 0; cut < 3 && cases[i].cut[cut] != 0; cut++)
			split(m, cases[i].cut[cut]);
		inject(A, 0, m);
		pair_round(B);
		expect_text(a + 1);
		pair_run(100);
	}
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	pair_close();
}

/* Of more connections than the near caches hold: before a segment is looked at, whose it is. */
static void
many_connections_are_told_ahead(void **state)
{
	struct sani_core_priv *p;
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	p = pair.host[B]->cores[0]->priv;
	assert_true(p->nb_blocks <= p->cold_blocks);
	inject(A, 0, make_segment(a));
	pair_round(B);
	assert_int_equal(pair.nb_ahead[SANI_AHEAD_SOCK], 0);
	expect_text(a + 1);
	pair_run(1000);
	p->cold_blocks = 0;
	inject(A, 0, make_segment(a));
	pair_round(B);
	for (enum sani_ahead what = SANI_AHEAD_SOCK; what <= SANI_AHEAD_TARGET; what++)
		assert_int_equal(pair.nb_ahead[what], 1);
	assert_int_equal(pair.ahead, a + 1);
	expect_text(a + 1);
	/* of an ACK alone, that one comes */
	pair_write(a + 1, text, 1);
	pair_run(100000);
	assert_int_equal(pair.nb_ahead[SANI_AHEAD_SOCK], 2);
	assert_int_equal(pair.nb_ahead[SANI_AHEAD_OP], 1);
	/* nor does that, when it will not be told */
	pair_conn(a + 1)->owner.tell_acks = 0;
	pair_write(a + 1, text, 1);
	pair_run(100000);
	assert_int_equal(pair.nb_ahead[SANI_AHEAD_SOCK], 2);
	/* nothing of what is in the table any more */
	sani_core_conn_close(pair.host[B]->cores[0], pair_conn(a + 1));
	pair_round(A);
	pair_close();
}

static void
segment_to_the_broadcast_address_is_dropped_and_counted(void **state)
{
	struct rte_mbuf *m;
	uint32_t a;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 5);
	a = pair_establish(80);
	m = make_segment(a);
	memset(rte_pktmbuf_mtod(m, void *), 0xff, 6);
	inject(A, 0, m);
	pair_round(B);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_rx_drop_nonunicast), 1);
	assert_int_equal(sani_tcp_readable(pair_conn(a + 1)), 0);
	pair_close();
}

static uint16_t
checksum(const uint8_t *p, unsigned int len)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
put_16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* B's router says: host unreachable, port unreachable, ... about a frame that A has sent (caught). */
static struct rte_mbuf *
make_icmp_error(const struct rte_mbuf *about, uint8_t code)
{
	const uint8_t *q = rte_pktmbuf_mtod(about, const uint8_t *);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pair.host[B]->pool);
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, 14 + 20 + 8 + 28);
	assert_non_null(p);
	if (p == NULL)		/* the compiler does not know that the line above does not return */
		return m;
	memset(p, 0, 70);
	memcpy(p, q + 6, 6);
	memcpy(p + 6, q, 6);
	put_16(p + 12, 0x0800);
	p[14] = 0x45;
	put_16(p + 16, 56);
	p[22] = 64;
	p[23] = 1;
	memcpy(p + 26, q + 30, 4);
	memcpy(p + 30, q + 26, 4);
	put_16(p + 24, checksum(p + 14, 20));
	p[34] = 3;
	p[35] = code;
	memcpy(p + 42, q + 14, 28);
	put_16(p + 36, checksum(p + 34, 36));
	return m;
}

static void
icmp_error_reaches_its_connection_whatever_the_core(void **state)
{
	(void)state;
	for (uint16_t queue = 0; queue < 2; queue++) {
		struct rte_mbuf *syn;
		uint32_t a;

		pair_open(2, NULL);
		a = (uint32_t)pair_connect(pair.host[A]->cores[1], 80);
		pair_round(A);
		syn = catch();
		inject(B, queue, make_icmp_error(syn, 3));
		rte_pktmbuf_free(syn);
		pair_round(A);
		pair_round(A);
		assert_int_equal(pair_count(A, SANI_CTR_icmp_rx_error), 1);
		assert_int_equal(pair.socks[a].nb_closed, 1);
		assert_int_equal(sani_tcp_error(pair_conn(a)), -ECONNREFUSED);
		pair_close();
	}
}

/* What A sent comes to B with another octet; the engine sees its two lower bits, whatever the core. */
static void
ecn_field_reaches_the_engine(void **state)
{
	(void)state;
	for (unsigned int nb_cores = 1; nb_cores <= 2; nb_cores++) {
		uint32_t a;

		pair_open(nb_cores, NULL);
		pair_listen(B, 80, 5);
		a = pair_establish(80);
		for (uint8_t ecn = 0; ecn <= 3; ecn++) {
			struct rte_mbuf *m = make_segment(a);
			uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

			p[15] = 0xb8 | ecn;
			put_16(p + 24, 0);
			put_16(p + 24, checksum(p + 14, 20));
			inject(A, (uint16_t)(nb_cores - 1), m);
			for (unsigned int round = 0; round < nb_cores; round++)
				pair_round(B);
			expect_text(a + 1);
			assert_int_equal(pair.seg.len, PAYLOAD);
			assert_int_equal(pair.seg.ecn, ecn);
			pair_run(50000);
			assert_int_equal(pair.seg.ecn, SANI_ECN_NOT_ECT);	/* B's ACK */
		}
		pair_close();
	}
}

static void
burst_of_many_connections_is_all_processed(void **state)
{
	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, 1000);
	for (unsigned int i = 0; i < 500; i++)
		assert_true(pair_connect(pair.host[A]->cores[0], 80) >= 0);
	pair_run(10000);
	assert_int_equal(pair_count(B, SANI_CTR_tcp_accepts), 500);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	pair_close();
}

#define MANY 100

/* A has sent three segments on each of many connections (its socket numbers: first, first + 2, ...). */
static uint32_t
fill_many_flights(void)
{
	static const uint8_t data[3 * 1448];
	uint32_t first = pair_establish(80);

	for (unsigned int i = 1; i < MANY; i++)
		assert_int_equal(pair_establish(80), first + 2 * i);
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(pair_write(first + 2 * i, data, sizeof(data)), sizeof(data));
	pair_round(A);
	return first;
}

static void
what_the_port_still_holds_is_not_taken_for_lost(void **state)
{
	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, MANY);
	fill_many_flights();
	for (unsigned int i = 0; i < 3 * MANY / 32 + 1; i++)
		pair_round(B);
	/* the probes are due, and the ACKs of all are there, in more bursts than one */
	pair_now_us += 2000;
	for (unsigned int i = 0; i < 10; i++)
		pair_round(A);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_tlp), 0);
	assert_int_equal(pair_count(A, SANI_CTR_tcp_tx_rexmit), 0);
	pair_run(10000);
	pair_close();
}

static void
packets_without_end_do_not_hold_the_timers_up(void **state)
{
	static const uint8_t data[5 * 1448];
	uint32_t first;

	(void)state;
	pair_open(1, NULL);
	pair_listen(B, 80, MANY);
	first = fill_many_flights();
	pair_drop(B);
	for (unsigned int i = 0; i < MANY; i++)
		pair_write(first + 1 + 2 * i, data, sizeof(data));
	pair_round(B);
	for (unsigned int i = 0; i < 12; i++) {
		assert_true(pair_count(A, SANI_CTR_tcp_tx_tlp) == 0 || i > 10);
		pair_now_us += 5000;
		pair_round(A);
	}
	/* all bursts were full, and the timers run all the same */
	assert_true(pair_count(A, SANI_CTR_port_rx) >= MANY + 12 * 32);
	assert_true(pair_count(A, SANI_CTR_tcp_tx_tlp) > 0);
	pair_run(300000);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chained_and_padded_frames_yield_the_payload),
		cmocka_unit_test(many_connections_are_told_ahead),
		cmocka_unit_test(segment_to_the_broadcast_address_is_dropped_and_counted),
		cmocka_unit_test(icmp_error_reaches_its_connection_whatever_the_core),
		cmocka_unit_test(ecn_field_reaches_the_engine),
		cmocka_unit_test(burst_of_many_connections_is_all_processed),
		cmocka_unit_test(what_the_port_still_holds_is_not_taken_for_lost),
		cmocka_unit_test(packets_without_end_do_not_hold_the_timers_up),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
