/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include "wire/cksum.h"

static void
segment_is_framed(void **state)
{
	struct rig *r = *state;
	struct frame f;
	uint32_t us_be = addr_of(US);
	uint32_t peer_be = addr_of(PEER);

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 100), 0);
	assert_int_equal(r->tx[0]->port, 3);
	take(r, &f);
	assert_int_equal(f.len, 154);
	assert_memory_equal(f.b, &peer_mac, 6);
	assert_memory_equal(f.b + 6, &our_mac, 6);
	assert_int_equal(type_of(&f), 0x0800);
	assert_int_equal(f.b[14], 0x45);
	assert_int_equal(f.b[16] << 8 | f.b[17], 140);
	assert_int_equal(f.b[18] << 8 | f.b[19], 0);		/* id of an atomic datagram */
	assert_int_equal(f.b[20] << 8 | f.b[21], 0x4000);	/* DF */
	assert_int_equal(f.b[22], 64);
	assert_int_equal(f.b[23], IPPROTO_TCP);
	assert_memory_equal(f.b + 26, &us_be, 4);
	assert_memory_equal(f.b + 30, &peer_be, 4);
	assert_true(are_checksums_right(&f));
}

static void
software_checksum_is_right_for_each_length(void **state)
{
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	for (uint32_t len = 0; len < 300; len++) {
		assert_int_equal(send_tcp(r, PEER, len), 0);
		assert_int_equal(r->tx[0]->ol_flags, 0);
		take(r, &f);
		assert_true(are_checksums_right(&f));
	}
}

static void
port_that_can_fills_both_checksums(void **state)
{
	const union sani_ip us = ip_of(US);
	const union sani_ip peer = ip_of(PEER);
	uint16_t pseudo = sani_cksum_pseudo(&us, &peer, IPPROTO_TCP, 120);
	struct rig *r = *state;
	struct rte_mbuf *m;

	know_peer(r);
	r->ifaces[0].caps |= SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM;
	assert_int_equal(send_tcp(r, PEER, 100), 0);
	m = r->tx[0];
	assert_int_equal(m->ol_flags,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->l4_len, 20);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 50), &pseudo, 2);
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, 24), 0);
	assert_int_equal(rte_validate_tx_offload(m), 0);
}

static void
port_that_can_only_one_leaves_the_other_to_us(void **state)
{
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	r->ifaces[0].caps = SANI_PORT_TX_IP4_CKSUM;
	assert_int_equal(send_tcp(r, PEER, 10), 0);
	assert_int_equal(r->tx[0]->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	take(r, &f);
	fix_ip(&f);
	assert_true(are_checksums_right(&f));
	r->ifaces[0].caps = SANI_PORT_TX_TCP_CKSUM;
	assert_int_equal(send_tcp(r, PEER, 10), 0);
	assert_int_equal(r->tx[0]->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
	take(r, &f);
	assert_false(are_checksums_right(&f));
	fix_all(&f);
	assert_true(are_checksums_right(&f));
}

/* A header with its payload in other buffers, of these lengths. */
static struct rte_mbuf *
chain_of(const uint16_t *lens, unsigned int nb)
{
	struct frame f = { .len = 0 };

	for (unsigned int i = 0; i < nb; i++)
		f.len += lens[i];
	for (uint32_t i = 0; i < f.len; i++)
		f.b[i] = (uint8_t)(i * 7 + 1);
	f.b[12] = 0x50;
	return mbuf_of(&f, lens, nb - 1);
}

static int
send_mbuf(struct rig *r, struct rte_mbuf *m, const char *dst, bool df)
{
	struct sani_ip_out out = {
		.src = ip_of(US), .dst = ip_of(dst), .proto = IPPROTO_TCP, .tos = 0x28, .ttl = 9, .df = df,
	};

	return sani_ip_output(r->ip, m, &out, &r->io);
}

/* Also of a packet that has to wait for its neighbour: the header is written before. */
static void
ecn_field_goes_out_packet_by_packet(void **state)
{
	const uint16_t lens[] = { 120 };
	struct rig *r = *state;
	struct sani_ip_out out = {
		.src = ip_of(US), .dst = ip_of(PEER), .proto = IPPROTO_TCP, .ttl = 9, .df = true,
	};
	struct frame f;

	for (uint8_t ecn = 0; ecn <= 3; ecn++) {
		out.tos = 0xb8 | ecn;
		assert_int_equal(sani_ip_output(r->ip, chain_of(lens, 1), &out, &r->io), 0);
	}
	drain(r);
	know_peer(r);
	for (uint8_t ecn = 0; ecn <= 3; ecn++) {
		take(r, &f);
		assert_int_equal(f.b[15], 0xb8 | ecn);
		assert_true(are_checksums_right(&f));
	}
}

static void
chain_is_summed_over_all_its_buffers(void **state)
{
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	for (uint16_t a = 1; a < 12; a++) {
		const uint16_t lens[] = { 20, a, 1, (uint16_t)(2 * a + 1), 33 };

		assert_int_equal(send_mbuf(r, chain_of(lens, 5), PEER, true), 0);
		assert_int_equal(r->tx[0]->nb_segs, 5);
		take(r, &f);
		assert_true(are_checksums_right(&f));
	}
}

static void
chain_is_made_one_piece_for_a_port_that_needs_it(void **state)
{
	const uint16_t lens[] = { 20, 300, 301 };
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	r->ifaces[0].caps = 0;
	assert_int_equal(send_mbuf(r, chain_of(lens, 3), PEER, true), 0);
	assert_int_equal(r->tx[0]->nb_segs, 1);
	take(r, &f);
	assert_int_equal(f.len, 34 + 621);
	assert_true(are_checksums_right(&f));
}

static void
flags_of_a_received_buffer_do_not_go_out(void **state)
{
	const uint16_t lens[] = { 20, 10 };
	struct rig *r = *state;
	struct rte_mbuf *m = chain_of(lens, 2);

	know_peer(r);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH;
	m->tx_offload = UINT64_MAX;
	assert_int_equal(send_mbuf(r, m, PEER, true), 0);
	assert_int_equal(r->tx[0]->ol_flags, 0);
	assert_int_equal(r->tx[0]->tso_segsz, 0);
	assert_int_equal(r->tx[0]->l2_len, 14);
}

static void
fields_of_the_header_are_those_asked_for(void **state)
{
	const uint16_t lens[] = { 20 };
	struct rig *r = *state;
	struct frame f;
	struct frame g;

	know_peer(r);
	assert_int_equal(send_mbuf(r, chain_of(lens, 1), PEER, false), 0);
	assert_int_equal(send_mbuf(r, chain_of(lens, 1), PEER, false), 0);
	take(r, &f);
	take(r, &g);
	assert_int_equal(f.b[15], 0x28);
	assert_int_equal(f.b[22], 9);
	assert_int_equal(f.b[20] | f.b[21], 0);
	/* may be fragmented: ids differ, and do not count up */
	assert_int_not_equal(f.b[18] << 8 | f.b[19], g.b[18] << 8 | g.b[19]);
	assert_int_not_equal((f.b[18] << 8 | f.b[19]) + 1, g.b[18] << 8 | g.b[19]);
	assert_true(are_checksums_right(&f));
}

static void
any_source_becomes_the_interfaces(void **state)
{
	struct sani_ip_out out = { .dst = ip_of(PEER), .proto = IPPROTO_TCP, .ttl = 64, .df = true };
	const uint16_t lens[] = { 20 };
	struct rig *r = *state;
	struct frame f;
	uint32_t us_be = addr_of(US);

	know_peer(r);
	assert_int_equal(sani_ip_output(r->ip, chain_of(lens, 1), &out, &r->io), 0);
	take(r, &f);
	assert_memory_equal(f.b + 26, &us_be, 4);
	assert_true(are_checksums_right(&f));
}

static void
full_mtu_goes_and_one_more_does_not(void **state)
{
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	assert_int_equal(send_tcp(r, PEER, 1460), 0);
	take(r, &f);
	assert_int_equal(f.len, 1514);
	mark(r);
	assert_int_equal(send_tcp(r, PEER, 1461), -EMSGSIZE);
	expect_one_drop(r, SANI_CTR_ip4_tx_drop_size);
	expect_nothing_sent(r);
}

/* More than any frame holds, in nb buffers. */
static struct rte_mbuf *
packet_of(uint16_t len, unsigned int nb)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, len), 0, len);
	for (unsigned int i = 1; i < nb; i++) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(rig_pool);

		assert_non_null(next);
		memset(rte_pktmbuf_append(next, len), 0, len);
		assert_int_equal(rte_pktmbuf_chain(m, next), 0);
	}
	return m;
}

/* A packet that the port cuts: the sum of its pseudo header has no length, and the port learns where headers end. */
static void
packet_of_many_segments_goes_where_the_port_cuts_it(void **state)
{
	const union sani_ip us = ip_of(US);
	const union sani_ip peer = ip_of(PEER);
	struct sani_ip_out out = { .src = us, .dst = peer, .proto = IPPROTO_TCP, .ttl = 64, .df = true };
	struct rig *r = *state;

	know_peer(r);
	for (int cuts = 1; cuts >= 0; cuts--) {
		struct rte_mbuf *m = packet_of(1980, 5);
		struct rte_tcp_hdr *th = rte_pktmbuf_mtod(m, struct rte_tcp_hdr *);

		th->data_off = 0x50;
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = 1460;
		r->ifaces[0].caps |= SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM | SANI_PORT_MULTI_SEG;
		r->ifaces[0].caps &= ~(uint32_t)SANI_PORT_TX_CUT;
		r->ifaces[0].caps |= cuts ? SANI_PORT_TX_CUT : 0;
		mark(r);
		assert_int_equal(sani_ip_output(r->ip, m, &out, &r->io), cuts ? 0 : -EMSGSIZE);
		if (!cuts) {
			expect_one_drop(r, SANI_CTR_ip4_tx_drop_size);
			continue;
		}
		assert_ptr_equal(r->tx[0], m);
		assert_int_equal(m->pkt_len, 34 + 9900);
		assert_int_equal(m->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
				 RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
		assert_int_equal(m->tso_segsz, 1460);
		assert_int_equal(m->l2_len, 14);
		assert_int_equal(m->l3_len, 20);
		assert_int_equal(m->l4_len, 20);
		assert_int_equal(th->cksum, sani_cksum_pseudo(&us, &peer, IPPROTO_TCP, 0));
		rte_pktmbuf_free(m);
		r->io.nb_tx = 0;
	}
}

static void
no_route_is_refused_and_counted(void **state)
{
	static const char *const dests[] = { "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
					     "10.0.0.255", US };
	struct rig *r = *state;

	for (unsigned int i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		mark(r);
		assert_int_equal(send_tcp(r, dests[i], 5), -ENETUNREACH);
		expect_one_drop(r, SANI_CTR_ip4_tx_drop_route);
	}
	expect_nothing_sent(r);
}

static void
buffer_without_headroom_is_dropped(void **state)
{
	const uint16_t lens[] = { 20 };
	struct rig *r = *state;
	struct rte_mbuf *m = chain_of(lens, 1);

	know_peer(r);
	m->data_off = 33;
	mark(r);
	assert_int_equal(send_mbuf(r, m, PEER, true), 0);
	expect_one_drop(r, SANI_CTR_core_drop_nomem);
	m = chain_of(lens, 1);
	m->data_off = 34;
	assert_int_equal(send_mbuf(r, m, PEER, true), 0);
	assert_int_equal(r->io.nb_tx, 1);
}

/* What a packet goes by: who knows its way writes it in one go where it is plain, who does not never. */
struct course {
	uint32_t caps;
	uint16_t lens[2];	/* of its buffers; 0: none */
	uint16_t room;		/* before it */
	const char *src;
	uint8_t proto;
};

static int
send_course(struct rig *r, const struct course *e, uint32_t *way)
{
	struct sani_ip_out out = {
		.src = e->src != NULL ? ip_of(e->src) : (union sani_ip){ .q = { 0 } },
		.dst = ip_of(PEER), .proto = e->proto, .tos = 0x2a, .ttl = 9, .df = true, .way = way,
	};
	struct rte_mbuf *m = chain_of(e->lens, e->lens[1] == 0 ? 1 : 2);

	r->ifaces[0].caps = e->caps;
	m->data_off = e->room;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	m->tx_offload = UINT64_MAX;
	m->port = 77;
	return sani_ip_output(r->ip, m, &out, &r->io);
}

static void
assert_alike(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	assert_int_equal(a->pkt_len, b->pkt_len);
	assert_int_equal(a->data_len, b->data_len);
	assert_int_equal(a->data_off, b->data_off);
	assert_int_equal(a->nb_segs, b->nb_segs);
	assert_int_equal(a->ol_flags, b->ol_flags);
	/* nobody looks at it otherwise */
	if (a->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK)
		assert_int_equal(a->tx_offload, b->tx_offload);
	assert_int_equal(a->port, b->port);
	assert_memory_equal(rte_pktmbuf_mtod(a, const void *), rte_pktmbuf_mtod(b, const void *), a->data_len);
}

static void
assert_course_is_kept(struct rig *r, const struct course *e, uint32_t *way)
{
	struct rte_mbuf *first, *second;
	struct sani_counters ctr;
	int rc;

	drain(r);
	r->ctr = (struct sani_counters){ .v = { 0 } };
	rc = send_course(r, e, NULL);
	ctr = r->ctr;
	first = r->io.nb_tx > 0 ? r->tx[0] : NULL;
	r->ctr = (struct sani_counters){ .v = { 0 } };
	assert_int_equal(send_course(r, e, way), rc);
	assert_memory_equal(&r->ctr, &ctr, sizeof(ctr));
	assert_int_equal(r->io.nb_tx, first != NULL ? 2 : 0);
	if (first == NULL)
		return;
	second = r->tx[1];
	assert_alike(first, second);
}

static void
known_way_and_unknown_one_write_the_same(void **state)
{
	static const uint32_t caps[] = {
		0, SANI_PORT_TX_IP4_CKSUM, SANI_PORT_TX_TCP_CKSUM, SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM,
		SANI_PORT_MULTI_SEG,
	};
	static const uint16_t lens[] = { 19, 20, 21, 32, 96, 97, 1480, 1481 };
	struct rig *r = *state;
	uint32_t way = 0;

	know_peer(r);
	assert_int_equal(send_course(r, &(struct course){ .lens = { 20 }, .room = 128, .src = US,
							  .proto = IPPROTO_TCP }, &way), 0);
	assert_int_not_equal(way, 0);
	for (unsigned int i = 0; i < RTE_DIM(caps) * RTE_DIM(lens); i++) {
		struct course e = {
			.caps = caps[i % RTE_DIM(caps)], .lens = { lens[i / RTE_DIM(caps)] }, .room = 34, .src = US,
			.proto = IPPROTO_TCP,
		};

		assert_course_is_kept(r, &e, &way);
		e.src = NULL;
		assert_course_is_kept(r, &e, &way);
		e.src = US;
		e.lens[1] = 10;
		assert_course_is_kept(r, &e, &way);
		e.lens[1] = 0;
		e.proto = IPPROTO_UDP;
		assert_course_is_kept(r, &e, &way);
		e.proto = IPPROTO_TCP;
		e.room = 33;
		assert_course_is_kept(r, &e, &way);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segment_is_framed),
		TEST(software_checksum_is_right_for_each_length),
		TEST(port_that_can_fills_both_checksums),
		TEST(port_that_can_only_one_leaves_the_other_to_us),
		TEST(ecn_field_goes_out_packet_by_packet),
		TEST(chain_is_summed_over_all_its_buffers),
		TEST(chain_is_made_one_piece_for_a_port_that_needs_it),
		TEST(flags_of_a_received_buffer_do_not_go_out),
		TEST(fields_of_the_header_are_those_asked_for),
		TEST(any_source_becomes_the_interfaces),
		TEST(full_mtu_goes_and_one_more_does_not),
		TEST(packet_of_many_segments_goes_where_the_port_cuts_it),
		TEST(no_route_is_refused_and_counted),
		TEST(buffer_without_headroom_is_dropped),
		TEST(known_way_and_unknown_one_write_the_same),
	};

	return cmocka_run_group_tests_name("output", tests, rig_start, rig_stop);
}
