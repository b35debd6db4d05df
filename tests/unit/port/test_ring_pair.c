/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <malloc.h>

#include <rte_malloc.h>

#include "util.h"

static struct sani_port a;
static struct sani_port b;

static void
open_pair(void)
{
	open_ok(&a, "a", "ring:pair/0");
	open_ok(&b, "b", "ring:pair/1");
}

static void
close_pair(void)
{
	sani_port_close(&a);
	sani_port_close(&b);
	assert_pool_whole();
}

static struct rte_mbuf *
frame_of(uint32_t number)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, 60), &number, sizeof(number));
	return m;
}

static uint32_t
number_of(struct rte_mbuf *m)
{
	uint32_t number;

	memcpy(&number, rte_pktmbuf_mtod(m, void *), sizeof(number));
	return number;
}

static void
send_number(const struct sani_port *port, uint16_t queue, uint32_t number)
{
	struct rte_mbuf *m = frame_of(number);

	assert_int_equal(sani_port_tx(port, queue, &m, 1), 1);
}

static void
receive_number(const struct sani_port *port, uint16_t queue, uint32_t number)
{
	struct rte_mbuf *m[2];

	assert_int_equal(sani_port_rx(port, queue, m, 2), 1);
	assert_int_equal(number_of(m[0]), number);
	rte_pktmbuf_free(m[0]);
}

static void
frames_pass_both_ways(void **state)
{
	(void)state;
	open_pair();
	for (uint32_t i = 0; i < 500; i++) {
		send_number(&a, 0, i);
		send_number(&b, 0, ~i);
		receive_number(&b, 0, i);
		receive_number(&a, 0, ~i);
	}
	close_pair();
}

static void
received_frame_is_marked_with_the_receiving_port(void **state)
{
	struct rte_mbuf *m = frame_of(7);

	(void)state;
	open_pair();
	m->port = a.id;
	assert_int_equal(sani_port_tx(&a, 0, &m, 1), 1);
	assert_int_equal(sani_port_rx(&b, 0, &m, 1), 1);
	assert_int_equal(m->port, b.id);
	rte_pktmbuf_free(m);
	close_pair();
}

static void
each_queue_goes_to_the_same_queue(void **state)
{
	struct sani_port_conf conf_a = conf_of("a", "ring:pair/0");
	struct sani_port_conf conf_b = conf_of("b", "ring:pair/1");

	(void)state;
	conf_a.nb_queues = 4;
	conf_b.nb_queues = 4;
	assert_int_equal(sani_port_open(&conf_a, pool, &a), 0);
	assert_int_equal(sani_port_open(&conf_b, pool, &b), 0);
	for (uint16_t q = 0; q < 4; q++)
		send_number(&a, q, 100U + q);
	for (uint16_t q = 0; q < 4; q++)
		receive_number(&b, q, 100U + q);
	for (uint16_t q = 0; q < 4; q++)
		send_number(&b, q, 200U + q);
	for (uint16_t q = 0; q < 4; q++)
		receive_number(&a, q, 200U + q);
	close_pair();
}

static void
port_is_by_reference(void **state)
{
	struct rte_mbuf *m;
	struct rte_mbuf *sent;

	(void)state;
	open_pair();
	assert_true(a.caps & SANI_PORT_BY_REF);
	assert_true(a.caps & SANI_PORT_MULTI_SEG);
	sent = m = frame_of(1);
	assert_int_equal(sani_port_tx(&a, 0, &m, 1), 1);
	assert_int_equal(sani_port_rx(&b, 0, &m, 1), 1);
	assert_ptr_equal(m, sent);
	rte_pktmbuf_free(m);
	close_pair();
}

static void
open_claiming(enum sani_port_claim claim)
{
	struct sani_port_conf conf[2] = { conf_of("a", "ring:pair/0"), conf_of("b", "ring:pair/1") };

	conf[0].claim = conf[1].claim = claim;
	assert_int_equal(sani_port_open(&conf[0], pool, &a), 0);
	assert_int_equal(sani_port_open(&conf[1], pool, &b), 0);
}

/* As a driver says it of a frame whose checksums the device has found right; where none is claimed nothing is said. */
static void
claimed_checksums_are_said_to_be_right(void **state)
{
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint32_t sums = SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM | SANI_PORT_RX_CKSUM;

	(void)state;
	for (enum sani_port_claim claim = SANI_PORT_CLAIM_NONE; claim <= SANI_PORT_CLAIM_SEGMENTS; claim++) {
		bool claims = claim != SANI_PORT_CLAIM_NONE;
		struct rte_mbuf *m = frame_of(1);

		open_claiming(claim);
		assert_int_equal(a.caps & sums, claims ? sums : 0);
		assert_int_equal((a.caps & SANI_PORT_TX_CUT) != 0, claim == SANI_PORT_CLAIM_SEGMENTS);
		assert_int_equal(sani_port_tx(&a, 0, &m, 1), 1);
		assert_int_equal(sani_port_rx(&b, 0, &m, 1), 1);
		assert_int_equal(m->ol_flags & good, claims ? good : 0);
		rte_pktmbuf_free(m);
		close_pair();
	}
}

/* A packet to be cut has no more buffers than half a short queue has descriptors. */
static void
port_with_short_queues_cuts_short_packets_or_nothing(void **state)
{
	(void)state;
	for (uint16_t desc = SANI_PORT_CUT_SEGS_LEAST; desc <= 4 * SANI_PORT_CUT_SEGS; desc = (uint16_t)(2 * desc)) {
		uint16_t segs = (uint16_t)RTE_MIN(desc / 2u, SANI_PORT_CUT_SEGS);
		struct sani_port_conf conf = conf_of("a", "ring:pair/0");

		conf.claim = SANI_PORT_CLAIM_SEGMENTS;
		conf.tx_desc = desc;
		assert_int_equal(sani_port_open(&conf, pool, &a), 0);
		assert_int_equal((a.caps & SANI_PORT_TX_CUT) != 0, segs >= SANI_PORT_CUT_SEGS_LEAST);
		assert_int_equal(a.cut_segs, segs >= SANI_PORT_CUT_SEGS_LEAST ? segs : 0);
		sani_port_close(&a);
	}
}

static void
macs_are_local_and_differ(void **state)
{
	(void)state;
	open_pair();
	assert_true(rte_is_local_admin_ether_addr(&a.mac));
	assert_true(rte_is_unicast_ether_addr(&a.mac));
	assert_true(rte_is_local_admin_ether_addr(&b.mac));
	assert_false(rte_is_same_ether_addr(&a.mac, &b.mac));
	assert_true(a.caps & SANI_PORT_PROMISC);
	close_pair();
}

static void
configured_mac_and_large_mtu_are_taken(void **state)
{
	struct sani_port_conf conf = conf_of("a", "ring:pair/0");

	(void)state;
	conf.has_mac = true;
	conf.mac = (struct rte_ether_addr){ { 2, 1, 2, 3, 4, 5 } };
	conf.mtu = 9000;
	assert_int_equal(sani_port_open(&conf, pool, &a), 0);
	assert_true(rte_is_same_ether_addr(&a.mac, &conf.mac));
	sani_port_close(&a);
	assert_pool_whole();
}

static void
frames_wait_for_the_end_that_is_not_open(void **state)
{
	uint32_t sent = 0;
	struct rte_mbuf *m;

	(void)state;
	open_ok(&a, "a", "ring:pair/0");
	for (;;) {
		m = frame_of(sent);
		if (sani_port_tx(&a, 0, &m, 1) == 0)
			break;
		sent++;
	}
	rte_pktmbuf_free(m);
	assert_in_range(sent, 63, 64);
	sani_port_close(&a);
	assert_pool_whole();
}

static void
what_was_sent_before_the_open_is_not_received(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	open_pair();
	sani_port_close(&b);
	send_number(&a, 0, 1);
	open_ok(&b, "b", "ring:pair/1");
	assert_int_equal(sani_port_rx(&b, 0, &m, 1), 0);
	send_number(&a, 0, 2);
	receive_number(&b, 0, 2);
	close_pair();
}

static void
waiting_frames_return_at_close(void **state)
{
	(void)state;
	open_pair();
	send_number(&a, 0, 1);
	send_number(&b, 0, 2);
	close_pair();
}

static void
waiting_frames_return_when_their_end_closes_first(void **state)
{
	(void)state;
	open_pair();
	send_number(&b, 0, 2);
	sani_port_close(&a);
	assert_pool_whole();
	sani_port_close(&b);
}

static void
same_end_twice_is_busy(void **state)
{
	struct sani_port_conf conf = conf_of("c", "ring:pair/0");

	(void)state;
	open_pair();
	OPEN_FAILS(&conf, -EBUSY, "port c", "ring:pair/0", "port a", "ring:pair/1");
	send_number(&a, 0, 5);
	receive_number(&b, 0, 5);
	close_pair();
}

static void
other_number_of_queues_is_refused(void **state)
{
	struct sani_port_conf conf = conf_of("b", "ring:pair/1");

	(void)state;
	open_ok(&a, "a", "ring:pair/0");
	conf.nb_queues = 2;
	OPEN_FAILS(&conf, -EINVAL, "port b", "2 cores", "has 1");
	conf.nb_queues = 1;
	assert_int_equal(sani_port_open(&conf, pool, &b), 0);
	close_pair();
}

/* What one end leaves undone the other would look for in vain. */
static void
other_offload_is_refused(void **state)
{
	struct sani_port_conf conf = conf_of("b", "ring:pair/1");

	(void)state;
	open_ok(&a, "a", "ring:pair/0");
	conf.claim = SANI_PORT_CLAIM_CHECKSUMS;
	OPEN_FAILS(&conf, -EINVAL, "port b", "offload");
	conf.claim = SANI_PORT_CLAIM_NONE;
	assert_int_equal(sani_port_open(&conf, pool, &b), 0);
	close_pair();
}

static void
malformed_names_are_refused(void **state)
{
	static const char *const names[] = { "ring:", "ring:/0", "ring:x", "ring:x/", "ring:x/2",
		"ring:x/00", "ring:x/0/1", "ring:0123456789abcdef0123456789abcdef/0" };

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sani_port_conf conf = conf_of("a", names[i]);

		OPEN_FAILS(&conf, -EINVAL, "port a", names[i], "ring:NAME/0");
	}
}

static void
one_end_reopens_while_the_other_stays(void **state)
{
	(void)state;
	open_pair();
	for (uint32_t i = 0; i < 10; i++) {
		sani_port_close(&b);
		open_ok(&b, "b", "ring:pair/1");
		send_number(&a, 0, i);
		receive_number(&b, 0, i);
		send_number(&b, 0, i + 1);
		receive_number(&a, 0, i + 1);
	}
	close_pair();
}

static void
many_pairs_fit_and_the_last_says_what_is_wrong(void **state)
{
	struct sani_port port[RTE_MAX_ETHPORTS];
	struct sani_port_conf conf;
	unsigned int n = 0;
	char device[32];

	(void)state;
	for (n = 0; n < RTE_MAX_ETHPORTS; n++) {
		snprintf(device, sizeof(device), "ring:p%u/0", n);
		conf = conf_of("many", device);
		if (sani_port_open(&conf, pool, &port[n]) != 0)
			break;
	}
	assert_int_equal(n, (RTE_MAX_ETHPORTS - 1) / 2);	/* net_null7 is one */
	OPEN_FAILS(&conf, -ENOMEM, "port many", "ethdev");
	while (n > 0)
		sani_port_close(&port[--n]);
	open_pair();
	close_pair();
}

static unsigned int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static size_t
count_heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static size_t
count_eal_heap(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

static void
three_hundred_rounds_leave_nothing(void **state)
{
	unsigned int descriptors = 0;
	size_t eal_heap = 0;
	size_t heap = 0;

	(void)state;
	for (int i = 1; i <= 300; i++) {
		open_pair();
		send_number(&a, 0, 1);
		close_pair();
		if (i != 100)
			continue;
		descriptors = count_descriptors();
		eal_heap = count_eal_heap();
		heap = count_heap();
	}
	assert_int_equal(count_heap(), heap);
	assert_int_equal(count_eal_heap(), eal_heap);
	assert_int_equal(count_descriptors(), descriptors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_both_ways),
		cmocka_unit_test(received_frame_is_marked_with_the_receiving_port),
		cmocka_unit_test(each_queue_goes_to_the_same_queue),
		cmocka_unit_test(port_is_by_reference),
		cmocka_unit_test(claimed_checksums_are_said_to_be_right),
		cmocka_unit_test(port_with_short_queues_cuts_short_packets_or_nothing),
		cmocka_unit_test(macs_are_local_and_differ),
		cmocka_unit_test(configured_mac_and_large_mtu_are_taken),
		cmocka_unit_test(frames_wait_for_the_end_that_is_not_open),
		cmocka_unit_test(what_was_sent_before_the_open_is_not_received),
		cmocka_unit_test(waiting_frames_return_at_close),
		cmocka_unit_test(waiting_frames_return_when_their_end_closes_first),
		cmocka_unit_test(same_end_twice_is_busy),
		cmocka_unit_test(other_number_of_queues_is_refused),
		cmocka_unit_test(other_offload_is_refused),
		cmocka_unit_test(malformed_names_are_refused),
		cmocka_unit_test(one_end_reopens_while_the_other_stays),
		cmocka_unit_test(many_pairs_fit_and_the_last_says_what_is_wrong),
		cmocka_unit_test(three_hundred_rounds_leave_nothing),
	};

	return cmocka_run_group_tests_name("ring_pair", tests, start_eal, stop_eal);
}
