/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <stdlib.h>

#include <rte_eal.h>

#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"

#define POOL_SIZE 8191

struct rte_mempool *rig_pool;
const struct rte_ether_addr our_mac = { { 2, 0, 0, 0, 0, 1 } };
const struct rte_ether_addr peer_mac = { { 2, 0, 0, 0, 0, 2 } };

int
rig_start(void **state)
{
	char *argv[] = { (char *)"unit", (char *)"--no-huge", (char *)"--no-pci", (char *)"--no-shconf",
			 (char *)"--no-telemetry", (char *)"-m", (char *)"64",
			 (char *)"--log-level=lib.eal:error", NULL };

	(void)state;
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0)
		return -1;
	rig_pool = rte_pktmbuf_pool_create("rig", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					   SOCKET_ID_ANY);
	return rig_pool == NULL ? -1 : 0;
}

int
rig_stop(void **state)
{
	(void)state;
	rte_mempool_free(rig_pool);
	return rte_eal_cleanup();
}

static int
make_rig(void **state, bool is_control)
{
	static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	r->ifaces[0] = (struct sani_iface){
		.name = "lan0", .port_id = 3, .mtu = 1500, .caps = SANI_PORT_MULTI_SEG, .mac = our_mac,
		.addr = ip_of(US), .prefix = 24, .has_gateway = true, .gateway = ip_of(GATEWAY),
	};
	r->ifaces[1] = (struct sani_iface){
		.name = "lan1", .port_id = 5, .mtu = 1400, .caps = SANI_PORT_MULTI_SEG,
		.mac = mac_of(11), .addr = ip_of("172.16.0.1"), .prefix = 16,
	};
	r->io = (struct sani_ip_io){
		.now_us = 1000 * SEC, .pool = rig_pool, .ctr = &r->ctr, .tx = r->tx, .max_tx = MAX_TX,
	};
	r->ip = sani_ip_create(r->ifaces, 2, is_control, key);
	*state = r;
	return r->ip == NULL ? -1 : 0;
}

int
rig_make(void **state)
{
	return make_rig(state, true);
}

int
rig_make_other_core(void **state)
{
	return make_rig(state, false);
}

int
rig_end(void **state)
{
	struct rig *r = *state;

	rte_pktmbuf_free(r->up);
	rte_pktmbuf_free_bulk(r->tx, r->io.nb_tx);
	sani_ip_destroy(r->ip);
	free(r);
	return rte_mempool_avail_count(rig_pool) == POOL_SIZE ? 0 : -1;
}

struct rte_ether_addr
mac_of(uint8_t n)
{
	return (struct rte_ether_addr){ { 2, 0, 0, 0, 0, n } };
}

uint32_t
addr_of(const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return a.s_addr;
}

union sani_ip
ip_of(const char *text)
{
	return sani_ip_from_v4(addr_of(text));
}

static uint32_t
hdr_len_of(const struct frame *f)
{
	return (f->b[SANI_ETH_HDR] & 0x0fU) * 4;
}

static uint32_t
total_len_of(const struct frame *f)
{
	return (uint32_t)f->b[16] << 8 | f->b[17];
}

/* A flat buffer seen as an mbuf, for the checksum functions. */
static struct rte_mbuf
view_of(const struct frame *f)
{
	return (struct rte_mbuf){
		.buf_addr = (void *)(uintptr_t)f->b,
		.data_len = (uint16_t)f->len,
		.pkt_len = f->len,
		.nb_segs = 1,
	};
}

static uint16_t
sum_l4(const struct frame *f)
{
	uint32_t off = SANI_ETH_HDR + hdr_len_of(f);
	uint32_t len = total_len_of(f) - hdr_len_of(f);
	struct rte_mbuf m = view_of(f);
	union sani_ip src;
	union sani_ip dst;
	uint32_t v4_be[2];

	memcpy(v4_be, f->b + 26, sizeof(v4_be));
	src = sani_ip_from_v4(v4_be[0]);
	dst = sani_ip_from_v4(v4_be[1]);
	if (f->b[23] == IPPROTO_ICMP)
		return sani_cksum_mbuf(&m, off, len);
	return sani_cksum_add(sani_cksum_pseudo(&src, &dst, f->b[23], len),
			      sani_cksum_mbuf(&m, off, len));
}

void
fix_ip(struct frame *f)
{
	uint16_t sum = 0;

	memcpy(f->b + 24, &sum, sizeof(sum));
	sum = (uint16_t)~sani_cksum_bytes(f->b + SANI_ETH_HDR, hdr_len_of(f));
	memcpy(f->b + 24, &sum, sizeof(sum));
}

void
fix_all(struct frame *f)
{
	uint32_t at = SANI_ETH_HDR + hdr_len_of(f);
	uint16_t sum = 0;

	fix_ip(f);
	at += f->b[23] == IPPROTO_TCP ? 16 : f->b[23] == IPPROTO_UDP ? 6 : 2;
	memcpy(f->b + at, &sum, sizeof(sum));
	sum = (uint16_t)~sum_l4(f);
	memcpy(f->b + at, &sum, sizeof(sum));
}

/* Ethernet and IPv4 from PEER to us, and len octets of payload that count up. */
static uint8_t *
make_ip4(struct frame *f, uint8_t proto, uint32_t len)
{
	struct sani_eth eth = { .dst = our_mac, .src = peer_mac, .type = RTE_ETHER_TYPE_IPV4 };
	struct sani_ip4 h = {
		.tos = 0x20, .ttl = 60, .proto = proto, .total_len = (uint16_t)(20 + len), .id = 77,
		.src_be = addr_of(PEER), .dst_be = addr_of(US),
	};

	memset(f, 0, sizeof(*f));
	f->len = SANI_ETH_HDR + 20 + len;
	sani_eth_write(f->b, &eth);
	sani_ip4_write(f->b + SANI_ETH_HDR, &h);
	for (uint32_t i = 0; i < len; i++)
		f->b[34 + i] = (uint8_t)i;
	return f->b + 34;
}

void
make_tcp(struct frame *f, uint32_t payload)
{
	static const uint8_t header[20] = { 0x1f, 0x90, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0 };

	memcpy(make_ip4(f, IPPROTO_TCP, 20 + payload), header, sizeof(header));
	fix_all(f);
}

void
make_udp(struct frame *f, uint16_t port, uint32_t payload)
{
	uint16_t words[4] = { htons(4000), htons(port), htons((uint16_t)(8 + payload)), 0 };

	memcpy(make_ip4(f, IPPROTO_UDP, 8 + payload), words, sizeof(words));
	fix_all(f);
}

void
make_echo(struct frame *f, uint32_t payload)
{
	static const uint8_t header[8] = { 8, 0, 0, 0, 0x12, 0x34, 0, 9 };

	memcpy(make_ip4(f, IPPROTO_ICMP, 8 + payload), header, sizeof(header));
	fix_all(f);
}

void
make_error(struct frame *f, uint8_t type, uint8_t code)
{
	static const uint8_t l4[8] = { 0x13, 0x88, 0, 80, 0xa1, 2, 3, 4 };
	uint8_t *p = make_ip4(f, IPPROTO_ICMP, 8 + 28);
	struct sani_ip4 h = {
		.ttl = 1, .proto = IPPROTO_TCP, .total_len = 1500,
		.src_be = addr_of(US), .dst_be = addr_of(FAR),
	};

	sani_icmp4_write(p, type, code);
	p[6] = 1260 >> 8;
	p[7] = 1260 & 0xff;
	sani_ip4_write(p + 8, &h);
	sani_ip4_cksum_fill(p + 8);
	memcpy(p + 28, l4, sizeof(l4));
	fix_all(f);
}

void
make_arp(struct frame *f, uint16_t op, const struct rte_ether_addr *sha, const char *spa,
	 const char *tpa)
{
	struct sani_eth eth = { .src = *sha, .type = RTE_ETHER_TYPE_ARP };
	struct sani_arp arp = { .op = op, .sha = *sha, .spa_be = addr_of(spa), .tpa_be = addr_of(tpa) };

	memset(f, 0, sizeof(*f));
	memset(&eth.dst, op == SANI_ARP_REQUEST ? 0xff : 0, sizeof(eth.dst));
	if (op == SANI_ARP_REPLY)
		eth.dst = arp.tha = our_mac;
	f->len = 60;
	sani_eth_write(f->b, &eth);
	sani_arp_write(f->b + SANI_ETH_HDR, &arp);
}

void
add_options(struct frame *f, const uint8_t *options, uint8_t len)
{
	uint32_t total = total_len_of(f) + len;

	memmove(f->b + 34 + len, f->b + 34, f->len - 34);
	memcpy(f->b + 34, options, len);
	f->len += len;
	f->b[14] = (uint8_t)(f->b[14] + len / 4);
	f->b[16] = (uint8_t)(total >> 8);
	f->b[17] = (uint8_t)total;
	fix_ip(f);
}

void
set_src(struct frame *f, const char *src)
{
	uint32_t src_be = addr_of(src);

	memcpy(f->b + 26, &src_be, sizeof(src_be));
	fix_all(f);
}

void
set_dst(struct frame *f, const char *dst)
{
	uint32_t dst_be = addr_of(dst);

	memcpy(f->b + 30, &dst_be, sizeof(dst_be));
	fix_all(f);
}

void
set_eth_dst(struct frame *f, const struct rte_ether_addr *mac)
{
	memcpy(f->b, mac, sizeof(*mac));
}

struct rte_mbuf *
mbuf_of(const struct frame *f, const uint16_t *cuts, unsigned int nb)
{
	struct rte_mbuf *head = NULL;
	uint32_t at = 0;

	for (unsigned int i = 0; i <= nb; i++) {
		uint32_t len = i < nb && cuts[i] < f->len - at ? cuts[i] : f->len - at;
		struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);

		assert_non_null(m);
		/* a buffer that ends with its data: what is read behind it is not the frame's */
		memcpy(rte_pktmbuf_append(m, (uint16_t)len), f->b + at, len);
		at += len;
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

enum sani_ip_verdict
give_mbuf(struct rig *r, struct rte_mbuf *m, uint8_t iface)
{
	enum sani_ip_verdict verdict;

	rte_pktmbuf_free(r->up);
	r->up = NULL;
	r->io.nb_news = 0;
	memset(&r->pkt, 0xee, sizeof(r->pkt));
	verdict = sani_ip_input(r->ip, m, iface, &r->io, &r->pkt);
	if (verdict != SANI_IP_DONE)
		r->up = m;
	return verdict;
}

enum sani_ip_verdict
give_cut(struct rig *r, const struct frame *f, const uint16_t *cuts, unsigned int nb)
{
	return give_mbuf(r, mbuf_of(f, cuts, nb), 0);
}

enum sani_ip_verdict
give(struct rig *r, const struct frame *f)
{
	return give_cut(r, f, NULL, 0);
}

void
mark(struct rig *r)
{
	r->before = r->ctr;
}

void
expect_counted(struct rig *r, enum sani_counter why, uint64_t n)
{
	uint64_t moved = r->ctr.v[why] - r->before.v[why];

	if (moved != n)
		fail_msg("%s moved by %lu, not %lu", sani_counter_name(why), moved, n);
}

void
expect_one_drop(struct rig *r, enum sani_counter why)
{
	for (unsigned int i = 0; i < SANI_NB_COUNTERS; i++) {
		const char *name = sani_counter_name(i);

		if (strstr(name, "drop") != NULL || strstr(name, "bad") != NULL)
			expect_counted(r, i, i == why);
	}
}

void
expect_drop(struct rig *r, const struct frame *f, enum sani_counter why)
{
	mark(r);
	assert_int_equal(give(r, f), SANI_IP_DONE);
	expect_one_drop(r, why);
}

void
take(struct rig *r, struct frame *f)
{
	struct rte_mbuf *m = r->tx[0];

	assert_true(r->io.nb_tx > 0);
	assert_true(m->pkt_len <= sizeof(f->b));
	f->len = m->pkt_len;
	memcpy(f->b, rte_pktmbuf_read(m, 0, f->len, f->b), f->len);
	r->io.nb_tx--;
	memmove(&r->tx[0], &r->tx[1], r->io.nb_tx * sizeof(r->tx[0]));
	rte_pktmbuf_free(m);
}

void
expect_nothing_sent(struct rig *r)
{
	assert_int_equal(r->io.nb_tx, 0);
}

int
send_tcp(struct rig *r, const char *dst, uint32_t payload)
{
	struct sani_ip_out out = {
		.src = ip_of(US), .dst = ip_of(dst), .proto = IPPROTO_TCP, .ttl = 64, .df = true,
	};
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(20 + payload));
	for (uint32_t i = 0; i < 20 + payload; i++)
		p[i] = (uint8_t)(i * 3);
	p[12] = 0x50;
	r->io.nb_news = 0;
	return sani_ip_output(r->ip, m, &out, &r->io);
}

void
know_peer(struct rig *r)
{
	union sani_ip peer = ip_of(PEER);

	sani_ip_neighbour_set(r->ip, 0, &peer, &peer_mac, &r->io);
}

void
run_until(struct rig *r, uint64_t us)
{
	for (unsigned int i = 0; sani_ip_deadline(r->ip) <= us; i++) {
		assert_true(i < 100000);
		r->io.now_us = RTE_MAX(r->io.now_us, sani_ip_deadline(r->ip));
		r->io.nb_news = 0;
		sani_ip_timer(r->ip, &r->io);
	}
	r->io.now_us = us;
}

uint16_t
type_of(const struct frame *f)
{
	return (uint16_t)(f->b[12] << 8 | f->b[13]);
}

bool
is_arp(const struct frame *f, uint16_t op, const char *tpa)
{
	uint32_t tpa_be = addr_of(tpa);

	return f->len == 42 && type_of(f) == RTE_ETHER_TYPE_ARP && f->b[21] == op &&
	       memcmp(f->b + 38, &tpa_be, sizeof(tpa_be)) == 0;
}

bool
are_checksums_right(const struct frame *f)
{
	return sani_ip4_cksum_ok(f->b + SANI_ETH_HDR, hdr_len_of(f)) && sum_l4(f) == 0xffff;
}

void
answer(struct rig *r, const char *who, const struct rte_ether_addr *mac)
{
	struct frame f;

	make_arp(&f, SANI_ARP_REPLY, mac, who, US);
	assert_int_equal(give(r, &f), SANI_IP_DONE);
}

void
take_request(struct rig *r, const char *who, const struct rte_ether_addr *mac)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct frame f;

	take(r, &f);
	assert_true(is_arp(&f, SANI_ARP_REQUEST, who));
	assert_memory_equal(f.b, mac != NULL ? mac->addr_bytes : broadcast, 6);
}

void
drain(struct rig *r)
{
	struct frame f;

	while (r->io.nb_tx > 0)
		take(r, &f);
}

const char *
host_text(unsigned int i)
{
	static char text[24];

	snprintf(text, sizeof(text), "172.16.%u.%u", 1 + i / 250, 1 + i % 250);
	return text;
}
