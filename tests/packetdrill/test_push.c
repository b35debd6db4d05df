/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ip.h>
#include <rte_tcp.h>

#include "packetdrill/push.h"
#include "test.h"

#define HEADERS 40
#define LEN 100
#define PSH RTE_TCP_PSH_FLAG

/* A segment of a connection, known by its ports. */
struct sent {
	_Alignas(4) unsigned char octets[HEADERS + LEN];
};

static void
make(struct sent *s, uint16_t port, uint32_t seq, uint8_t flags, uint16_t len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)s->octets;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

	memset(s, 0, sizeof(*s));
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(HEADERS + len));
	ip->next_proto_id = IPPROTO_TCP;
	tcp->src_port = rte_cpu_to_be_16(port);
	tcp->sent_seq = rte_cpu_to_be_32(seq);
	tcp->tcp_flags = (uint8_t)(RTE_TCP_ACK_FLAG | flags);
	tcp->data_off = 5 << 4;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

static bool
pushes(struct sent *s)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)s->octets;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	uint16_t cksum = tcp->cksum;

	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	assert_int_equal(tcp->cksum, cksum);
	return tcp->tcp_flags & PSH;
}

static void
the_last_of_a_burst_pushes(void **state)
{
	struct sent s[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		make(&s[i], 1, 1000 + i * LEN, 0, LEN);
		push_note(s[i].octets, 7);
	}
	assert_false(pushes(&s[0]));
	assert_false(pushes(&s[1]));
	assert_true(pushes(&s[2]));
	push_forget();
}

static void
one_alone_does_not_push(void **state)
{
	struct sent s[3];

	(void)state;
	make(&s[0], 2, 1000, 0, LEN);
	push_note(s[0].octets, 7);
	make(&s[1], 2, 1000 + LEN, 0, LEN);
	push_note(s[1].octets, 8);	/* a moment later */
	push_forget();
	make(&s[2], 2, 1000 + 2 * LEN, 0, LEN);
	push_note(s[2].octets, 8);	/* behind what was taken */
	for (int i = 0; i < 3; i++)
		assert_false(pushes(&s[i]));
	push_forget();
}

/* Where the data ends the stack says so itself: what comes behind takes nothing away. */
static void
the_stacks_own_mark_stays(void **state)
{
	struct sent s[3];

	(void)state;
	make(&s[0], 3, 1000, 0, LEN);
	make(&s[1], 3, 1000 + LEN, PSH, LEN);
	make(&s[2], 3, 1000 + 2 * LEN, 0, LEN);
	for (int i = 0; i < 3; i++)
		push_note(s[i].octets, 7);
	assert_false(pushes(&s[0]));
	assert_true(pushes(&s[1]));
	assert_true(pushes(&s[2]));
	push_forget();
}

static void
what_was_sent_before_is_no_burst(void **state)
{
	struct sent s[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		make(&s[i], 4, 1000 + i % 2 * LEN, 0, LEN);
		push_note(s[i].octets, 7);
	}
	assert_true(pushes(&s[1]));
	assert_false(pushes(&s[2]));
	assert_false(pushes(&s[3]));
	push_forget();
}

static void
what_has_no_text_ends_a_burst(void **state)
{
	struct sent s[3];

	(void)state;
	make(&s[0], 5, 1000, 0, LEN);
	make(&s[1], 5, 1000 + LEN, 0, 0);
	make(&s[2], 5, 1000 + LEN, 0, LEN);
	for (int i = 0; i < 3; i++)
		push_note(s[i].octets, 7);
	for (int i = 0; i < 3; i++)
		assert_false(pushes(&s[i]));
	push_forget();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_of_a_burst_pushes),
		cmocka_unit_test(one_alone_does_not_push),
		cmocka_unit_test(the_stacks_own_mark_stays),
		cmocka_unit_test(what_was_sent_before_is_no_burst),
		cmocka_unit_test(what_has_no_text_ends_a_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
