/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

static void
echo_is_answered_with_the_same_octets(void **state)
{
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	for (uint32_t payload = 0; payload <= 1472; payload += 92) {
		make_echo(&in, payload);
		assert_int_equal(give(r, &in), SANI_IP_DONE);
		take(r, &out);
		assert_int_equal(out.len, in.len);
		assert_memory_equal(out.b, &peer_mac, 6);
		assert_memory_equal(out.b + 6, &our_mac, 6);
		assert_memory_equal(out.b + 26, in.b + 30, 4);	/* addresses turned round */
		assert_memory_equal(out.b + 30, in.b + 26, 4);
		assert_int_equal(out.b[34], 0);
		assert_memory_equal(out.b + 38, in.b + 38, in.len - 38);
		assert_true(are_checksums_right(&out));
	}
	expect_counted(r, SANI_CTR_icmp_rx_echo, 17);
}

static void
echo_leaves_by_the_port_it_came_from(void **state)
{
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	make_echo(&f, 8);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
	assert_int_equal(r->io.nb_tx, 1);
	assert_int_equal(r->tx[0]->port, r->ifaces[0].port_id);
}

static void
echo_reply_carries_no_padding(void **state)
{
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_echo(&in, 4);
	memset(in.b + in.len, 0x5a, 14);
	in.len += 14;
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &out);
	assert_int_equal(out.len, 14 + 20 + 12);
}

static void
echo_cut_at_each_octet_is_answered_alike(void **state)
{
	struct frame whole;
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_echo(&in, 300);
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &whole);
	for (uint16_t cut = 0; cut <= in.len; cut++) {
		r->io.now_us += SEC;
		know_peer(r);
		assert_int_equal(give_cut(r, &in, &cut, 1), SANI_IP_DONE);
		take(r, &out);
		assert_int_equal(out.len, whole.len);
		assert_memory_equal(out.b + 34, whole.b + 34, whole.len - 34);
		assert_true(are_checksums_right(&out));
	}
}

static void
echo_with_options_is_answered_without(void **state)
{
	static const uint8_t record_route[8] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_echo(&in, 16);
	add_options(&in, record_route, 8);
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &out);
	assert_int_equal(out.b[14], 0x45);
	assert_int_equal(out.len, in.len - 8);
	assert_true(are_checksums_right(&out));
}

/* The mbuf of a peer in the same process: what it holds must not be written. */
static void
echo_in_octets_that_others_read_is_copied(void **state)
{
	struct rig *r = *state;
	struct rte_mbuf *theirs;
	struct rte_mbuf *m;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_echo(&in, 200);
	theirs = mbuf_of(&in, NULL, 0);
	m = rte_pktmbuf_clone(theirs, rig_pool);
	assert_non_null(m);
	assert_int_equal(give_mbuf(r, m, 0), SANI_IP_DONE);
	take(r, &out);
	assert_int_equal(out.b[34], 0);
	assert_true(are_checksums_right(&out));
	assert_memory_equal(rte_pktmbuf_mtod(theirs, uint8_t *), in.b, in.len);
	rte_pktmbuf_free(theirs);
}

static void
echo_to_a_broadcast_is_dropped(void **state)
{
	static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct rig *r = *state;
	struct frame f;

	know_peer(r);
	make_echo(&f, 8);
	set_eth_dst(&f, &broadcast);
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_address);
	set_dst(&f, "10.0.0.255");
	expect_drop(r, &f, SANI_CTR_ip4_rx_drop_address);
	expect_nothing_sent(r);
}

static void
short_icmp_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint8_t len = 0; len < 8; len++) {
		make_echo(&f, 0);
		f.len = 34U + len;
		f.b[17] = 20 + len;
		fix_ip(&f);
		expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
	}
	expect_nothing_sent(r);
}

static void
wrong_icmp_checksum_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint32_t at = 34; at < 46; at++) {
		make_echo(&f, 4);
		f.b[at] ^= 0x40;
		expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
	}
	expect_nothing_sent(r);
}

static void
other_types_are_ignored(void **state)
{
	/* reply, source quench, redirect, router discovery, time stamp, information, mask, unknown */
	static const uint8_t types[] = { 0, 1, 4, 5, 9, 10, 13, 14, 15, 16, 17, 18, 30, 255 };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < sizeof(types); i++) {
		make_error(&f, types[i], 0);
		expect_drop(r, &f, SANI_CTR_icmp_rx_drop_type);
	}
	expect_nothing_sent(r);
}

static void
echo_floods_are_limited_per_peer(void **state)
{
	struct rig *r = *state;
	unsigned int answered = 0;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_echo(&in, 4);
	for (unsigned int i = 0; i < 1800; i++) {
		assert_int_equal(give(r, &in), SANI_IP_DONE);
		if (r->io.nb_tx == 0)
			continue;
		answered++;
		take(r, &out);
	}
	assert_int_equal(answered, 1000);
	expect_counted(r, SANI_CTR_icmp_tx_drop_rate, 800);
	r->io.now_us += SEC;
	know_peer(r);
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &out);
}

static void
error_about_our_segment_is_handed_up(void **state)
{
	static const uint8_t types[][2] = { { 3, 0 }, { 3, 1 }, { 3, 2 }, { 3, 3 }, { 3, 4 }, { 3, 13 },
					    { 11, 0 }, { 11, 1 }, { 12, 0 } };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < 9; i++) {
		make_error(&f, types[i][0], types[i][1]);
		assert_int_equal(give(r, &f), SANI_IP_TCP_ERROR);
		assert_int_equal(r->pkt.icmp_type, types[i][0]);
		assert_int_equal(r->pkt.icmp_code, types[i][1]);
		assert_int_equal(r->pkt.icmp_mtu, i == 4 ? 1260 : 0);
		assert_int_equal(r->pkt.quoted_seq, 0xa1020304);
		assert_int_equal(r->pkt.tuple.local_port, 5000);
		assert_int_equal(r->pkt.tuple.remote_port, 80);
		assert_int_equal(sani_ip_v4_be(&r->pkt.tuple.local), addr_of(US));
		assert_int_equal(sani_ip_v4_be(&r->pkt.tuple.remote), addr_of(FAR));
		assert_int_equal(r->pkt.tuple.zero, 0);
	}
}

static void
error_whose_quote_is_cut_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint8_t quoted = 0; quoted < 28; quoted++) {
		make_error(&f, 3, 3);
		f.len = 42U + quoted;
		f.b[17] = 28 + quoted;
		fix_all(&f);
		expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
	}
}

static void
error_with_an_odd_quote_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_error(&f, 3, 3);
	f.b[42] = 0x4f;		/* 60 octets of header */
	fix_all(&f);
	expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
	make_error(&f, 3, 3);
	f.b[42] = 0x65;
	fix_all(&f);
	expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
	make_error(&f, 3, 3);
	f.b[49] = 1;		/* a later fragment */
	fix_all(&f);
	expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
}

static void
error_about_somebody_elses_segment_is_dropped(void **state)
{
	uint32_t other_be = addr_of("10.0.0.77");
	struct rig *r = *state;
	struct frame f;

	make_error(&f, 3, 3);
	memcpy(f.b + 54, &other_be, 4);
	fix_all(&f);
	expect_drop(r, &f, SANI_CTR_icmp_rx_bad);
}

static void
error_about_another_protocol_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_error(&f, 3, 3);
	f.b[51] = 17;
	fix_all(&f);
	expect_drop(r, &f, SANI_CTR_icmp_rx_drop_type);
}

static void
error_in_a_broadcast_frame_is_dropped(void **state)
{
	static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct rig *r = *state;
	struct frame f;

	make_error(&f, 3, 3);
	set_eth_dst(&f, &broadcast);
	expect_drop(r, &f, SANI_CTR_icmp_rx_drop_type);
}

static void
error_cut_at_each_octet_is_handed_up(void **state)
{
	struct rig *r = *state;
	struct frame f;

	make_error(&f, 3, 4);
	for (uint16_t cut = 0; cut <= f.len; cut++) {
		assert_int_equal(give_cut(r, &f, &cut, 1), SANI_IP_TCP_ERROR);
		assert_int_equal(r->pkt.quoted_seq, 0xa1020304);
	}
}

static void
our_error_quotes_the_packet_up_to_576_octets(void **state)
{
	struct rig *r = *state;
	struct frame in;
	struct frame out;

	know_peer(r);
	make_udp(&in, 99, 12);
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &out);
	assert_int_equal(out.len, 14 + 28 + 40);
	assert_memory_equal(out.b + 42, in.b + 14, 40);
	assert_int_equal(out.b[15], 0xc0);
	r->io.now_us += SEC;
	make_udp(&in, 99, 1400);
	assert_int_equal(give(r, &in), SANI_IP_DONE);
	take(r, &out);
	assert_int_equal(out.len, 14 + 576);
	assert_memory_equal(out.b + 42, in.b + 14, 548);
	assert_true(are_checksums_right(&out));
}

/* How many of n datagrams from one peer, sent at once, were answered with an error. */
static unsigned int
count_errors(struct rig *r, unsigned int n)
{
	unsigned int answered = 0;
	struct frame in;
	struct frame out;

	make_udp(&in, 99, 4);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(give(r, &in), SANI_IP_DONE);
		if (r->io.nb_tx == 0)
			continue;
		answered++;
		take(r, &out);
	}
	return answered;
}

static void
errors_are_limited_per_peer(void **state)
{
	struct rig *r = *state;
	unsigned int answered;

	know_peer(r);
	answered = count_errors(r, 1000);
	assert_in_range(answered, 5, 40);
	expect_counted(r, SANI_CTR_icmp_tx_drop_rate, 1000 - answered);
	assert_int_equal(count_errors(r, 100), 0);
	r->io.now_us += SEC;
	assert_in_range(count_errors(r, 1000), 5, 40);
}

static void
number_of_errors_cannot_be_foretold(void **state)
{
	struct rig *r = *state;
	unsigned int first;
	bool differs = false;

	know_peer(r);
	first = count_errors(r, 100);
	for (unsigned int i = 0; i < 10; i++) {
		r->io.now_us += 10 * SEC;
		know_peer(r);
		differs |= count_errors(r, 100) != first;
	}
	assert_true(differs);
}

static void
errors_to_all_peers_are_limited(void **state)
{
	struct rig *r = *state;
	unsigned int answered = 0;
	struct frame in;
	char src[16];

	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(src, sizeof(src), "9.9.%u.%u", i / 200, 1 + i % 200);
		make_udp(&in, 99, 4);
		set_src(&in, src);
		assert_int_equal(give(r, &in), SANI_IP_DONE);
	}
	answered = (unsigned int)r->ctr.v[SANI_CTR_icmp_tx_error];
	assert_in_range(answered, 25, 150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(echo_is_answered_with_the_same_octets),
		TEST(echo_leaves_by_the_port_it_came_from),
		TEST(echo_reply_carries_no_padding),
		TEST(echo_cut_at_each_octet_is_answered_alike),
		TEST(echo_with_options_is_answered_without),
		TEST(echo_in_octets_that_others_read_is_copied),
		TEST(echo_to_a_broadcast_is_dropped),
		TEST(short_icmp_is_dropped),
		TEST(wrong_icmp_checksum_is_dropped),
		TEST(other_types_are_ignored),
		TEST(echo_floods_are_limited_per_peer),
		TEST(error_about_our_segment_is_handed_up),
		TEST(error_whose_quote_is_cut_is_dropped),
		TEST(error_with_an_odd_quote_is_dropped),
		TEST(error_about_somebody_elses_segment_is_dropped),
		TEST(error_about_another_protocol_is_dropped),
		TEST(error_in_a_broadcast_frame_is_dropped),
		TEST(error_cut_at_each_octet_is_handed_up),
		TEST(our_error_quotes_the_packet_up_to_576_octets),
		TEST(errors_are_limited_per_peer),
		TEST(number_of_errors_cannot_be_foretold),
		TEST(errors_to_all_peers_are_limited),
	};

	return cmocka_run_group_tests_name("icmp", tests, rig_start, rig_stop);
}
