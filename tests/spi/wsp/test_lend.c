/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends without a copy, by a NIC that gives its packets back, and by one that does not: what they end with, what holds
 * up their end, and whose the memory is meanwhile.
 */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "core/priv.h"
#include "kit/nic.h"
#include "ports/worker.h"
#include "sock/sock.h"

#include "sw.h"

#define LEAST 16384u	/* that is lent: san/wsp_calls.h */
#define MANY 1030u	/* more at a time than can be lent */
#define BULK (1u << 20)

static struct nic nic[2];
static bool have_nics;

/* The end of what NIC 0 has sent, and what NIC 1 has acknowledged, of the connection that sent last. */
static uint32_t sent, acked;

static void
note(const struct nic *from, const uint8_t *frame, unsigned int len)
{
	const struct rte_ipv4_hdr *ip = (const void *)(frame + RTE_ETHER_HDR_LEN);
	const struct rte_tcp_hdr *tcp = (const void *)((const uint8_t *)ip + sizeof(*ip));
	uint32_t nb;

	if (len < RTE_ETHER_HDR_LEN + sizeof(*ip) + sizeof(*tcp) || ip->next_proto_id != IPPROTO_TCP)
		return;
	nb = (uint32_t)rte_be_to_cpu_16(ip->total_length) - (uint32_t)sizeof(*ip) - (tcp->data_off >> 4 << 2);
	if (from == &nic[1])
		acked = rte_be_to_cpu_32(tcp->recv_ack);
	else if (nb > 0)
		sent = rte_be_to_cpu_32(tcp->sent_seq) + nb;
}

/* net_null sends no chains; this NIC does. */
static void
plug(struct net *net)
{
	for (unsigned int side = 0; side < 2; side++) {
		struct sani_host *below = sani_sock_host_below(net->host[side]);

		nic_plug(&nic[side]);
		nic[side].watch = note;
		below->ports[0].caps |= SANI_PORT_MULTI_SEG | SANI_PORT_EXTMEM;
		below->ifaces[0].caps = below->ports[0].caps;
		sani_lend_init(below->cores[0]);
	}
}

/* At the start and at the end NIC 0 gives back all that it has sent: buffers are counted then. */
static void
give_back(void *unused)
{
	enum nic_frees frees = nic[0].frees;

	(void)unused;
	nic[0].frees = NIC_FREES_ASKED;
	rte_eth_tx_done_cleanup(nic[0].id, 0, 0);
	nic[0].frees = frees;
}

/* Two hosts on one cable, and a connection of theirs. */
static struct sw_pair
begin(enum nic_frees frees)
{
	net_startup();
	nic_make(nic);
	have_nics = true;
	nic[0].frees = frees;
	sw_open(&(struct net_wish){ .device = { nic[0].name, nic[1].name }, .ready = plug, .drain = give_back });
	assert_int_equal(san_cleanup(), 0);	/* of the first startup: the hosts go on */
	return sw_pair(700);
}

static void
finish(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		nic[i].holds = false;
		nic_send(&nic[i], NIC_RING);
	}
	sw_close();
	nic_end(nic);
	have_nics = false;
}

static int
end_case(void **state)
{
	int rc = sw_case_end(state);

	if (have_nics)
		nic_end(nic);
	have_nics = false;
	return rc;
}

static uint64_t
count(const char *name)
{
	return net_counter(&sw.net, 0, name);
}

/* Does a frame that NIC 0 holds refer to this memory? */
static bool
is_referred_to(const uint8_t *mem, size_t len)
{
	for (unsigned int i = 0; i < nic[0].nb; i++)
		for (const struct rte_mbuf *m = nic[0].ring[i]; m != NULL; m = m->next)
			if ((const uint8_t *)m->buf_addr >= mem && (const uint8_t *)m->buf_addr < mem + len)
				return true;
	return false;
}

/* Receive so many octets of the stream of sw_post_send(). */
static void
receive(struct sw_sock *s, size_t len, uint64_t offset, uint32_t seed)
{
	struct sw_op *op = sw_op(len);
	size_t at = 0;

	for (assert_int_equal(sw_register(s, op, MEM_WRITE), 0); at < len; at += op->bytes) {
		op->bufs[0].buf = (char *)op->mem + at;
		op->bufs[0].len = (ULONG)(len - at);
		op->nb_bufs = 1;
		assert_int_equal(sw_recv(s, op), WSA_IO_PENDING);
		SW_UNTIL(!op->pending);
		assert_int_equal(op->error, 0);
		assert_in_range(op->bytes, 1, len - at);
	}
	assert_true(net_same(op->mem, len, offset, seed));
	assert_int_equal(sw_deregister(s, op), 0);
}

static void
assert_sent(struct sw_op *op)
{
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, 0);
	assert_int_equal(op->bytes, op->size);
}

/* A lent send of which NIC 0 holds what it was given, and has sent nothing. */
static struct sw_op *
send_held(struct sw_sock *s)
{
	struct sw_op *op;

	nic[0].holds = true;
	op = sw_post_send(s, LEAST, 0, 1);
	SW_UNTIL(is_referred_to(op->mem, LEAST));
	return op;
}

RULES("R108 R115 R95")
static void
what_is_lent_arrives_and_is_not_copied(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op;

	op = sw_post_send(pair.end[0], BULK, 0, 1);
	receive(pair.end[1], BULK, 0, 1);
	assert_sent(op);
	assert_true(count("lend_tx") >= BULK / 1460);
	/* at its end there may be a piece too short to be worth it */
	assert_true(count("lend_tx_copied") <= 1);
	assert_int_equal(sw_deregister(pair.end[0], op), 0);
	finish();
}

RULES("R108 R95")
static void
host_that_does_not_lend_copies(void)
{
	struct sw_pair pair = begin(NIC_FREES_LATER);
	struct san_mem_usage usage;
	struct sw_op *op;

	sw.net.held[1] = true;
	op = sw_post_send(pair.end[0], LEAST, 0, 1);
	san_mem_usage(&usage);
	assert_int_equal(usage.registrations, 0);
	/* over when it is copied, whatever the peer does */
	assert_sent(op);
	memset(op->mem, 0xee, op->size);
	sw.net.held[1] = false;
	receive(pair.end[1], LEAST, 0, 1);
	assert_int_equal(count("lend_tx") + count("lend_tx_copied"), 0);
	finish();
}

static int freed_code;

static void
free_inside(struct sw_op *op)
{
	freed_code = sw_deregister(op->sock, op);
}

/* A peer that does not answer; when it has, the memory can be given back inside the up-call. */
RULES("R112 R123")
static void
lent_send_ends_when_the_peer_has_acknowledged_it(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op;

	sw.net.held[1] = true;
	op = sw_post_send(pair.end[0], LEAST, 0, 1);
	sw_steps(1000);
	assert_true(op->pending);
	assert_int_equal(nic[0].nb, 0);
	assert_int_equal(sw_deregister(pair.end[0], op), WSAEINVAL);
	op->hook = free_inside;
	sw.net.held[1] = false;
	assert_sent(op);
	assert_int_equal(freed_code, 0);
	memset(op->mem, 0xee, op->size);
	receive(pair.end[1], LEAST, 0, 1);
	finish();
}

/* All is acknowledged, and what the NIC has sent last it has not given back. */
RULES("R112 R123")
static void
lent_send_ends_when_no_packet_refers_to_the_memory(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op = send_held(pair.end[0]);

	SW_UNTIL((nic_send(&nic[0], NIC_RING), acked == sent && count("lend_tx") > LEAST / 1460));
	sw_steps(1000);
	assert_true(is_referred_to(op->mem, LEAST));
	assert_true(op->pending);
	assert_int_equal(sw_deregister(pair.end[0], op), WSAEINVAL);
	/* Whatever is sent next: then the driver looks. */
	nic[0].holds = false;
	sw_pair(701);
	assert_sent(op);
	assert_int_equal(sw_deregister(pair.end[0], op), 0);
	receive(pair.end[1], LEAST, 0, 1);
	finish();
}

RULES("R95 R108")
static void
small_buffers_are_copied(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *all = sw_op(LEAST), *op;
	struct san_mem_usage usage;

	assert_int_equal(sw_register(pair.end[0], all, MEM_READ), 0);
	net_fill(all->mem, LEAST, 0, 1);
	sw.net.held[1] = true;
	all->bufs[0].buf = (char *)all->mem;
	all->bufs[0].len = LEAST - 1;
	all->nb_bufs = 1;
	assert_int_equal(sw_send(pair.end[0], all), WSA_IO_PENDING);
	SW_UNTIL(!all->pending);
	/* in two buffers neither is large enough */
	sw_split(all, LEAST, 2);
	assert_int_equal(sw_send(pair.end[0], all), WSA_IO_PENDING);
	SW_UNTIL(!all->pending);
	/* a registration that is too small for any is none natively */
	op = sw_post_send(pair.end[0], LEAST - 1, LEAST - 1, 1);
	san_mem_usage(&usage);
	assert_int_equal(usage.registrations, 1);
	assert_sent(op);
	memset(op->mem, 0xee, op->size);
	sw.net.held[1] = false;
	receive(pair.end[1], LEAST - 1, 0, 1);
	receive(pair.end[1], LEAST, 0, 1);
	receive(pair.end[1], LEAST - 1, LEAST - 1, 1);
	assert_int_equal(count("lend_tx") + count("lend_tx_copied"), 0);
	finish();
}

/* A header, and what goes with it, from other places: only the latter is lent. All of it ends together. */
RULES("R95 R112")
static void
buffers_of_both_kinds_go_in_one_send(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op = sw_op(3 * LEAST);

	net_fill(op->mem, op->size, 0, 1);
	sw_split(op, op->size, 3);
	op->bufs[0].len = 100;
	op->bufs[1].buf = (char *)op->mem + 100;
	op->bufs[1].len = 2 * LEAST;
	op->bufs[2].buf = (char *)op->mem + 100 + 2 * LEAST;
	op->bufs[2].len = LEAST - 100;
	sw.net.held[1] = true;
	assert_int_equal(sw_send(pair.end[0], op), WSA_IO_PENDING);
	sw_steps(1000);
	assert_true(op->pending);
	sw.net.held[1] = false;
	receive(pair.end[1], op->size, 0, 1);
	assert_sent(op);
	assert_true(count("lend_tx") > 0);
	finish();
}

RULES("R106")
static void
sends_end_in_their_order_whether_lent_or_not(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op[6];

	sw.net.held[1] = true;
	for (unsigned int i = 0; i < 6; i++)
		op[i] = sw_post_send(pair.end[0], i % 2 ? 10 : LEAST, i / 2 * (LEAST + 10) + i % 2 * LEAST, 1);
	sw_steps(1000);
	assert_true(op[0]->pending && op[1]->pending && op[5]->pending);
	sw.net.held[1] = false;
	receive(pair.end[1], 3 * (LEAST + 10), 0, 1);
	for (unsigned int i = 0; i < 6; i++) {
		assert_sent(op[i]);
		assert_true(i == 0 || op[i]->order > op[i - 1]->order);
	}
	finish();
}

RULES("R98 R103 R112")
static void
polled_send_is_lent_too(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op = sw_op(LEAST);
	DWORD bytes, flags;

	net_fill(op->mem, LEAST, 0, 1);
	op->polled = true;
	sw.net.held[1] = true;
	assert_int_equal(sw_send(pair.end[0], op), WSA_IO_PENDING);
	sw_steps(1000);
	assert_int_equal(sw_result(op, &bytes, &flags), WSA_IO_INCOMPLETE);
	sw.net.held[1] = false;
	sw_poll_end(op);
	assert_int_equal(sw_result(op, &bytes, &flags), 0);
	assert_int_equal(bytes, LEAST);
	receive(pair.end[1], LEAST, 0, 1);
	finish();
}

/* Room that only those need which are lent. */
RULES("R95 R106")
static void
what_finds_no_room_to_be_lent_is_copied(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *all = sw_op(LEAST), *op[MANY];

	net_fill(all->mem, LEAST, 0, 1);
	assert_int_equal(sw_register(pair.end[0], all, MEM_READ), 0);
	sw.net.held[1] = true;
	for (unsigned int i = 0; i < MANY; i++) {
		op[i] = sw_op(0);
		op[i]->bufs[0].buf = (char *)all->mem;
		op[i]->bufs[0].len = LEAST;
		op[i]->nb_bufs = 1;
		op[i]->reg = all->reg;
		assert_int_equal(sw_send(pair.end[0], op[i]), WSA_IO_PENDING);
	}
	sw.net.held[1] = false;
	for (unsigned int i = 0; i < MANY; i++) {
		receive(pair.end[1], LEAST, 0, 1);
		SW_UNTIL(!op[i]->pending);
		assert_int_equal(op[i]->error, 0);
		assert_int_equal(op[i]->bytes, LEAST);
	}
	assert_int_equal(sw_deregister(pair.end[0], all), 0);
	finish();
}

/* Every operation is aborted, and the lent one when the NIC has given back what it has of it. */
RULES("R112 R128 R154 R155 R161")
static void
close_ends_a_lent_send_when_the_packets_are_back(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op, *recv;

	recv = sw_post_recv(pair.end[0], 100);
	op = send_held(pair.end[0]);
	assert_int_equal(sw_shut(pair.end[0]), 0);
	SW_UNTIL(!recv->pending);
	sw_steps(1000);
	assert_int_equal(recv->error, WSA_OPERATION_ABORTED);
	assert_true(op->pending && !pair.end[0]->closed);
	nic[0].holds = false;
	sw_pair(701);
	SW_UNTIL(pair.end[0]->closed);
	assert_false(op->pending);
	assert_int_equal(op->error, WSA_OPERATION_ABORTED);
	assert_int_equal(op->bytes, 0);
	assert_false(is_referred_to(op->mem, LEAST));
	memset(op->mem, 0xee, op->size);
	finish();
}

/* Nothing of it is anywhere but in the connection: that ends with the close. */
RULES("R155 R161")
static void
close_of_what_no_packet_has_does_not_wait(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op[3];

	sw.net.held[1] = true;
	for (unsigned int i = 0; i < 3; i++)
		op[i] = sw_post_send(pair.end[0], BULK, 0, 1);
	sw_steps(100);
	assert_int_equal(sw_shut(pair.end[0]), 0);
	SW_UNTIL(pair.end[0]->closed);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(op[i]->error, WSA_OPERATION_ABORTED);
	finish();
}

RULES("R112 R157")
static void
reset_ends_a_lent_send_when_the_packets_are_back(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct sw_op *op, *recv;

	recv = sw_post_recv(pair.end[0], 100);
	op = send_held(pair.end[0]);
	sw_shut_wait(pair.end[1]);
	SW_UNTIL(!recv->pending);
	assert_int_equal(recv->error, WSAECONNRESET);
	sw_steps(1000);
	assert_true(op->pending);
	assert_int_equal(sw_deregister(pair.end[0], op), WSAEINVAL);
	nic[0].holds = false;
	sw_pair(701);
	SW_UNTIL(!op->pending);
	assert_int_equal(op->error, WSAECONNRESET);
	assert_false(is_referred_to(op->mem, LEAST));
	assert_int_equal(sw_deregister(pair.end[0], op), 0);
	finish();
}

RULES("R12 R15 R112")
static void
cleanup_waits_for_the_packets(void)
{
	struct sw_pair pair = begin(NIC_FREES_ASKED);
	struct sw_op *op = send_held(pair.end[0]);

	nic[0].hold_polls = 1000;
	assert_int_equal(sw_cleanup(), 0);
	assert_false(nic[0].holds);
	assert_true(pair.end[0]->closed && !op->pending);
	assert_int_equal(op->error, WSA_OPERATION_ABORTED);
	assert_false(is_referred_to(op->mem, LEAST));
	finish();
}

static struct sw_pair shared;

static void
send_by(struct worker *w)
{
	struct sw_op *op = w->arg;

	if (!WORKER_CHECK(w, san_attach() == 0))
		return;
	WORKER_CHECK(w, sw_send(shared.end[0], op) == WSA_IO_PENDING);
	WORKER_UNTIL(w, !__atomic_load_n(&op->pending, __ATOMIC_ACQUIRE));
	WORKER_CHECK(w, op->error == 0 && op->bytes == op->size);
	WORKER_CHECK(w, san_detach() == 0);
}

RULES("R108 R95")
static void
send_of_another_thread_is_lent_too(void)
{
	static struct worker wk;
	struct sw_op *op, *recv;

	shared = begin(NIC_FREES_AT_ONCE);
	op = sw_op(LEAST);
	net_fill(op->mem, LEAST, 0, 1);
	assert_int_equal(sw_register(shared.end[0], op, MEM_READ), 0);
	recv = sw_post_recv(shared.end[1], 100);
	worker_start(&wk, &sw.net, send_by, op);
	worker_end(&wk);
	assert_int_equal(recv->bytes, 100);
	assert_true(net_same(recv->mem, 100, 0, 1));
	receive(shared.end[1], LEAST - 100, 100, 1);
	assert_true(count("lend_tx") > 0);
	finish();
}

/* Memory is made known to the port once for each registration, and given back with it. */
RULES("R119 R124 R128")
static void
registrations_are_given_back(void)
{
	struct sw_pair pair = begin(NIC_FREES_AT_ONCE);
	struct san_mem_usage usage;
	struct sw_op *op[4];

	for (unsigned int i = 0; i < 4; i++) {
		op[i] = sw_op(LEAST);
		assert_int_equal(sw_register(pair.end[0], op[i], i == 3 ? MEM_WRITE : MEM_READWRITE), 0);
	}
	san_mem_usage(&usage);
	assert_int_equal(usage.registrations, 3);
	assert_int_equal(sw_deregister(pair.end[0], op[0]), 0);
	san_mem_usage(&usage);
	assert_int_equal(usage.registrations, 2);
	sw_shut_wait(pair.end[0]);
	san_mem_usage(&usage);
	assert_int_equal(usage.registrations, 0);
	finish();
}

static void
run(void **state)
{
	((void (*)(void))*state)();
}

#define CASE(f) { #f, run, sw_case_begin, end_case, f }

static const struct CMUnitTest cases[] = {
	CASE(what_is_lent_arrives_and_is_not_copied),
	CASE(host_that_does_not_lend_copies),
	CASE(lent_send_ends_when_the_peer_has_acknowledged_it),
	CASE(lent_send_ends_when_no_packet_refers_to_the_memory),
	CASE(small_buffers_are_copied),
	CASE(buffers_of_both_kinds_go_in_one_send),
	CASE(sends_end_in_their_order_whether_lent_or_not),
	CASE(polled_send_is_lent_too),
	CASE(what_finds_no_room_to_be_lent_is_copied),
	CASE(close_ends_a_lent_send_when_the_packets_are_back),
	CASE(close_of_what_no_packet_has_does_not_wait),
	CASE(reset_ends_a_lent_send_when_the_packets_are_back),
	CASE(cleanup_waits_for_the_packets),
	CASE(send_of_another_thread_is_lent_too),
	CASE(registrations_are_given_back),
};

NET_MAIN("lend", cases)
