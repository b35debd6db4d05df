/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that sum and cut, and drivers that want to see frames first: what they are asked to do is as DPDK wants it,
 * and what they will not send stops nothing behind it.
 */
#include <string.h>

#include <san/mem.h>

#include "alloc.h"
#include "port/port.h"
#include "slow.h"

#define BULK (400u << 10)
#define SUMS (SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM)

static uint8_t in[BULK], out[BULK];
static unsigned int nb_seen;

static bool
refuse_cuts(const struct rte_mbuf *m)
{
	return m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
}

static bool
refuse_chains(const struct rte_mbuf *m)
{
	return m->nb_segs > 1;
}

/* One full segment among many. */
static bool
refuse_one(const struct rte_mbuf *m)
{
	return m->pkt_len > 1000 && ++nb_seen == 20;
}

static void
begin(uint32_t caps, enum nic_frees frees)
{
	slow.caps = caps;
	slow_begin(frees);
	slow.caps = 0;
	/* a packet to be cut may have half of all descriptors */
	slow.nic[0].keeps = caps & SANI_PORT_TX_CUT ? 1 : 20;
}

static void
finish(void)
{
	STAGE_MUST(slow_count(1, "tcp_rx_bad_checksum") == 0 && slow_count(1, "ip4_rx_bad_checksum") == 0);
	STAGE_MUST(slow_count(0, "port_tx_drop") == 0);
	slow_shut();
	slow_finish();
}

/* Octets of the stream from host 0, in one send: lent where their memory is registered. */
static void
carry(uint32_t offset, uint32_t len, san_mem mem)
{
	struct stage_op *recv = stage_op(), *send = stage_op();
	struct san_mem_vec vec = { .base = out, .len = len, .mem = mem };

	wire_fill(out, len, offset);
	memset(in, 0, len);
	STAGE_MUST(stage_posted(recv, san_recv(slow.end[1], &recv->op, in, len, SAN_WAITALL)));
	if (mem != SAN_NO_MEM)
		STAGE_MUST(stage_posted(send, san_send_mem(slow.end[0], &send->op, &vec, 1, 0)));
	else
		STAGE_MUST(stage_posted(send, san_send(slow.end[0], &send->op, out, len, 0)));
	STAGE_UNTIL(stage_over(recv) && stage_over(send));
	STAGE_MUST(recv->result == (int32_t)len && wire_is_filled(in, len, offset));
}

/* The device's model fails the test when it is told too little; wrong sums are found by the peer. */
static void
device_is_asked_as_it_wants_it(void **state)
{
	uint32_t caps = (uint32_t)(uintptr_t)*state;

	begin(caps, NIC_FREES_LATER);
	carry(0, 1000, SAN_NO_MEM);
	carry(1000, BULK, SAN_NO_MEM);
	STAGE_MUST((slow.nic[0].nb_cut > 0) == ((caps & SANI_PORT_TX_CUT) != 0));
	STAGE_MUST(slow_count(0, "tcp_tx_rexmit") == 0);
	finish();
}

/* Frames that a driver has seen, but not taken, are not shown again. */
static void
frames_that_wait_are_prepared_once(void **state)
{
	struct stage_op *recv, *send;

	(void)state;
	begin(SUMS | SANI_PORT_TX_PREPARE, NIC_FREES_LATER);
	carry(0, BULK, SAN_NO_MEM);
	recv = stage_op();
	send = stage_op();
	wire_fill(out, BULK, BULK);
	slow.nic[0].holds = true;
	STAGE_MUST(stage_posted(recv, san_recv(slow.end[1], &recv->op, in, BULK, SAN_WAITALL)));
	STAGE_MUST(stage_posted(send, san_send(slow.end[0], &send->op, out, BULK, 0)));
	for (unsigned int i = 0; i < 10; i++)
		stage_round();
	/* the ring is full, and the queue before it is not empty */
	STAGE_MUST(slow.nic[0].refused > 0);
	slow.nic[0].holds = false;
	nic_send(&slow.nic[0], NIC_RING);
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == (int32_t)BULK && wire_is_filled(in, BULK, BULK));
	finish();
}

/* It is sent again in single segments, and no other is made. */
static void
packets_that_are_refused_are_not_made_again(void **state)
{
	unsigned int unfit;

	(void)state;
	begin(SUMS | SANI_PORT_TX_CUT | SANI_PORT_TX_PREPARE, NIC_FREES_LATER);
	slow.nic[0].refuses = refuse_cuts;
	carry(0, BULK, SAN_NO_MEM);
	unfit = slow.nic[0].unfit;
	STAGE_MUST(unfit > 0 && slow_count(0, "port_tx_refused") == unfit);
	carry(BULK, BULK, SAN_NO_MEM);
	STAGE_MUST(slow.nic[0].unfit == unfit && slow.nic[0].nb_cut == 0);
	finish();
}

/* They go in one piece, and what is lent later is copied. */
static void
chains_that_are_refused_go_in_one_piece(void **state)
{
	unsigned int unfit;
	uint64_t lent;
	san_mem mem;

	(void)state;
	begin(SUMS | SANI_PORT_TX_PREPARE, NIC_FREES_AT_ONCE);
	STAGE_MUST(san_mem_register(out, sizeof(out), SAN_MEM_READ, &mem) == 0);
	carry(0, 10000, mem);
	lent = slow_count(0, "lend_tx");
	slow.nic[0].refuses = refuse_chains;
	carry(10000, 10000, mem);
	unfit = slow.nic[0].unfit;
	STAGE_MUST(unfit > 0 && slow_count(0, "lend_tx") > lent);
	lent = slow_count(0, "lend_tx");
	carry(20000, BULK, mem);
	STAGE_MUST(slow.nic[0].unfit == unfit && slow_count(0, "lend_tx") == lent);
	STAGE_MUST(slow_count(0, "port_tx_refused") == 0 && slow_count(0, "tcp_tx_rexmit") == 0);
	slow_shut();
	STAGE_UNTIL(stage.closed == stage.opened);
	STAGE_MUST(san_mem_deregister(mem) == 0);
	slow_finish();
}

static void
frame_that_is_refused_is_lost_alone(void **state)
{
	(void)state;
	begin(SUMS | SANI_PORT_TX_PREPARE, NIC_FREES_LATER);
	nb_seen = 0;
	slow.nic[0].refuses = refuse_one;
	carry(0, BULK, SAN_NO_MEM);
	STAGE_MUST(slow.nic[0].unfit == 1 && slow_count(0, "port_tx_refused") == 1);
	STAGE_MUST(slow_count(0, "tcp_tx_rexmit") == 1);
	finish();
}

#define OF(caps) ((void *)(uintptr_t)(caps))

static const struct CMUnitTest cases[] = {
	{ "device_is_asked_as_it_wants_it__sums", device_is_asked_as_it_wants_it, NULL, NULL, OF(SUMS) },
	{ "device_is_asked_as_it_wants_it__ip_sum", device_is_asked_as_it_wants_it, NULL, NULL,
	  OF(SANI_PORT_TX_IP4_CKSUM) },
	{ "device_is_asked_as_it_wants_it__tcp_sum", device_is_asked_as_it_wants_it, NULL, NULL,
	  OF(SANI_PORT_TX_TCP_CKSUM) },
	{ "device_is_asked_as_it_wants_it__cuts", device_is_asked_as_it_wants_it, NULL, NULL,
	  OF(SUMS | SANI_PORT_TX_CUT) },
	{ "device_is_asked_as_it_wants_it__sums_prepared", device_is_asked_as_it_wants_it, NULL, NULL,
	  OF(SUMS | SANI_PORT_TX_PREPARE) },
	{ "device_is_asked_as_it_wants_it__cuts_prepared", device_is_asked_as_it_wants_it, NULL, NULL,
	  OF(SUMS | SANI_PORT_TX_CUT | SANI_PORT_TX_PREPARE) },
	cmocka_unit_test(frames_that_wait_are_prepared_once),
	cmocka_unit_test(packets_that_are_refused_are_not_made_again),
	cmocka_unit_test(chains_that_are_refused_go_in_one_piece),
	cmocka_unit_test(frame_that_is_refused_is_lost_alone),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	alloc_init();
	return cmocka_run_group_tests_name("prepare", cases, NULL, NULL);
}
