/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "packetdrill/syn.h"
#include "test.h"

#define HEADERS 40
#define MSS "\x02\x04\x05\xb4"
#define WSCALE "\x03\x03\x06"
#define SACK "\x04\x02"
#define TS "\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08"
#define NOP "\x01"
#define END "\x00"

/* A SYN with these options; text behind it, which has to come along. */
static size_t
make_syn(unsigned char *p, const char *options, size_t nb)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(p + sizeof(*ip));
	size_t len = HEADERS + nb + 2;

	memset(p, 0, HEADERS);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)len);
	ip->next_proto_id = IPPROTO_TCP;
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	tcp->data_off = (uint8_t)((20 + nb) / 4 << 4);
	memcpy(p + HEADERS, options, nb);
	memcpy(p + HEADERS + nb, "hi", 2);
	return len;
}

static uint16_t
tcp_sum(const struct rte_ipv4_hdr *ip, const struct rte_tcp_hdr *tcp, size_t len)
{
	uint32_t sum = (uint32_t)rte_ipv4_phdr_cksum(ip, 0) + rte_raw_cksum(tcp, len);

	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void
check(enum flags_order order, unsigned int without, const char *from, size_t nb_from, const char *to, size_t nb_to)
{
	unsigned char p[HEADERS + 40 + SYN_GROWTH + 2];
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)p;
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(p + sizeof(*ip));
	size_t len = syn_rewrite(p, make_syn(p, from, nb_from), order, without);

	assert_int_equal(len, HEADERS + nb_to + 2);
	assert_memory_equal(p + HEADERS, to, nb_to);
	assert_memory_equal(p + HEADERS + nb_to, "hi", 2);
	assert_int_equal(rte_be_to_cpu_16(ip->total_length), len);
	assert_int_equal((tcp->data_off >> 4) * 4, 20 + nb_to);
	if (nb_from != nb_to || memcmp(from, to, nb_to) != 0) {
		/* RFC 1071: the sum over all of it, checksum included, is all ones. */
		assert_int_equal(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
		assert_int_equal(tcp_sum(ip, tcp, len - sizeof(*ip)), 0xffff);
	}
}

#define ALL MSS NOP WSCALE SACK NOP NOP TS NOP NOP
#define CHECK(order, from, to) CHECK_WITHOUT(order, 0, from, to)
#define CHECK_WITHOUT(order, without, from, to) check(order, without, from, sizeof(from) - 1, to, sizeof(to) - 1)

static void
linux_puts_the_scale_last(void **state)
{
	(void)state;
	CHECK(FLAGS_ORDER_LINUX, ALL, MSS SACK TS NOP WSCALE);
	CHECK(FLAGS_ORDER_LINUX, MSS NOP WSCALE NOP NOP TS, MSS NOP NOP TS NOP WSCALE);
	CHECK(FLAGS_ORDER_LINUX, MSS NOP WSCALE NOP NOP SACK, MSS NOP NOP SACK NOP WSCALE);
	CHECK(FLAGS_ORDER_LINUX, MSS, MSS);
}

static void
bsd_puts_the_scale_second(void **state)
{
	(void)state;
	CHECK(FLAGS_ORDER_BSD, ALL, MSS NOP WSCALE SACK TS);
	CHECK(FLAGS_ORDER_BSD, MSS SACK TS NOP WSCALE, MSS NOP WSCALE SACK TS);
	CHECK(FLAGS_ORDER_BSD, MSS NOP NOP TS NOP WSCALE, MSS NOP WSCALE NOP NOP TS);
	CHECK(FLAGS_ORDER_BSD, MSS NOP NOP SACK NOP WSCALE, MSS NOP WSCALE SACK END END);
	CHECK(FLAGS_ORDER_BSD, MSS NOP NOP SACK, MSS SACK END END);
}

static void
others_stay_as_they_are(void **state)
{
	(void)state;
	CHECK(FLAGS_ORDER_STACK, ALL, ALL);
	CHECK(FLAGS_ORDER_LINUX, MSS "\x22\x04\x01\x02", MSS "\x22\x04\x01\x02");
}

#define BIT(kind) (1u << (kind))

static void
what_the_way_takes_out_is_not_sent(void **state)
{
	(void)state;
	CHECK_WITHOUT(FLAGS_ORDER_LINUX, BIT(8), ALL, MSS NOP NOP SACK NOP WSCALE);
	CHECK_WITHOUT(FLAGS_ORDER_LINUX, BIT(3) | BIT(4) | BIT(8), ALL, MSS);
	CHECK_WITHOUT(FLAGS_ORDER_BSD, BIT(4), ALL, MSS NOP WSCALE NOP NOP TS);
	CHECK_WITHOUT(FLAGS_ORDER_BSD, BIT(3) | BIT(8), ALL, MSS SACK END END);
	CHECK_WITHOUT(FLAGS_ORDER_STACK, BIT(3), ALL, MSS SACK TS);
}

static void
what_the_way_takes_out_does_not_arrive(void **state)
{
	unsigned char p[HEADERS + 40 + 2];
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)p;
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(p + sizeof(*ip));
	size_t len = make_syn(p, ALL, sizeof(ALL) - 1);

	(void)state;
	syn_strip(p, len, BIT(3) | BIT(8));
	assert_memory_equal(p + HEADERS, MSS NOP NOP NOP NOP SACK NOP NOP NOP NOP NOP NOP, 16);
	assert_memory_equal(p + HEADERS + sizeof(ALL) - 1, "hi", 2);
	assert_int_equal(tcp_sum(ip, tcp, len - sizeof(*ip)), 0xffff);
}

/* The rest of the datagram is not there. */
static void
what_is_cut_off_stays_as_it_is(void **state)
{
	unsigned char p[HEADERS + 40 + 2], before[HEADERS + 40 + 2];
	size_t len = make_syn(p, ALL, sizeof(ALL) - 1);

	(void)state;
	memcpy(before, p, len);
	syn_strip(p, HEADERS + 10, BIT(3) | BIT(8));
	syn_strip(p, len, 0);
	assert_memory_equal(p, before, len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_puts_the_scale_last),
		cmocka_unit_test(bsd_puts_the_scale_second),
		cmocka_unit_test(others_stay_as_they_are),
		cmocka_unit_test(what_the_way_takes_out_is_not_sent),
		cmocka_unit_test(what_the_way_takes_out_does_not_arrive),
		cmocka_unit_test(what_is_cut_off_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
