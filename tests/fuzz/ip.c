/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IP engine: frames in, packets out, time that goes on, on the control core or on another. What it hands up and
 * what it sends is checked with sums of this program's own; every buffer has to be back at the end.
 *
 * Input: one octet, which core; then steps. A frame is its length and its octets; its checksums are made right when the
 * step says so, or nearly all would end there.
 */
#include <netinet/in.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "fuzz.h"
#include "ip/ip.h"
#include "port/port.h"

#define POOL 8191u
#define TX 64u
#define STEPS 200u
#define ETH 14u

enum step {
	STEP_FRAME,
	STEP_FRAME_RIGHT,
	STEP_PACKET,
	STEP_WAIT,
	STEP_NEWS,
	STEP_DOUBT,
	NB_STEPS
};

struct world {
	struct sani_ip_engine *ip;
	struct sani_ip_io io;
	struct sani_counters ctr;
	struct rte_mbuf *tx[TX];
};

static struct rte_mempool *pool;
static struct sani_iface ifaces[2];

static uint16_t
sum_of(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void
put_sum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

/* Of the pseudo header of an IPv4 datagram. */
static uint32_t
pseudo(const uint8_t *ip4, uint32_t len)
{
	return (uint32_t)sum_of(ip4 + 12, 8, ip4[9] + len);
}

/* Make the checksums of what may be a datagram right. */
static void
put_sums(uint8_t *frame, uint32_t n)
{
	uint8_t *h = frame + ETH;
	uint32_t hdr, total;

	if (n < ETH + 20)
		return;
	hdr = (h[0] & 15) * 4u;
	total = (uint32_t)h[2] << 8 | h[3];
	if (hdr < 20 || total < hdr || total > n - ETH)
		return;
	h[10] = h[11] = 0;
	put_sum(h + 10, sum_of(h, hdr, 0));
	if (h[9] == IPPROTO_TCP && total - hdr >= 20) {
		h[hdr + 16] = h[hdr + 17] = 0;
		put_sum(h + hdr + 16, sum_of(h + hdr, total - hdr, pseudo(h, total - hdr)));
	} else if (h[9] == IPPROTO_ICMP && total - hdr >= 8) {
		h[hdr + 2] = h[hdr + 3] = 0;
		put_sum(h + hdr + 2, sum_of(h + hdr, total - hdr, 0));
	}
}

/* A frame that the engine sends. */
static void
check_sent(const struct rte_mbuf *m)
{
	uint8_t b[2048];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, b);
	const uint8_t *h = p + ETH;

	fuzz_require(m->pkt_len >= ETH + 20 && m->pkt_len <= sizeof(b) && p != NULL);
	fuzz_require(m->port == ifaces[0].port_id || m->port == ifaces[1].port_id);
	if (p[12] == 8 && p[13] == 6)
		return;
	fuzz_require(p[12] == 8 && p[13] == 0 && h[0] == 0x45);
	fuzz_require(((uint32_t)h[2] << 8 | h[3]) <= m->pkt_len - ETH);
	fuzz_require(sum_of(h, 20, 0) == 0xffff);
	if (h[9] == IPPROTO_ICMP)
		fuzz_require(sum_of(h + 20, m->pkt_len - ETH - 20, 0) == 0xffff);
}

static void
sweep(struct world *w)
{
	for (unsigned int i = 0; i < w->io.nb_tx; i++) {
		check_sent(w->io.tx[i]);
		rte_pktmbuf_free(w->io.tx[i]);
	}
	w->io.nb_tx = 0;
	w->io.nb_news = 0;
}

/* Octets of the input, in buffers of at most piece octets. */
static struct rte_mbuf *
make_chain(const uint8_t *p, uint32_t n, uint32_t piece)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);
	struct rte_mbuf *last = head;

	fuzz_require(head != NULL);
	for (uint32_t at = 0; at < n;) {
		uint32_t part = RTE_MIN(piece, n - at);

		if (at > 0) {
			last->next = rte_pktmbuf_alloc(pool);
			last = last->next;
			fuzz_require(last != NULL);
			head->nb_segs++;
		}
		memcpy(rte_pktmbuf_mtod(last, void *), p + at, part);
		last->data_len = (uint16_t)part;
		head->pkt_len += part;
		at += part;
	}
	return head;
}

static bool
is_ours(uint32_t addr_be)
{
	return addr_be == ifaces[0].addr.w_be[3] || addr_be == ifaces[1].addr.w_be[3];
}

/* What was handed up is as it says. */
static void
check_segment(struct rte_mbuf *m, const struct sani_ip_pkt *pkt)
{
	uint8_t b[2048];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, b);
	uint32_t hdr = pkt->l4_off - ETH;

	fuzz_require(p != NULL && pkt->l4_off >= ETH + 20);
	fuzz_require(m->pkt_len == (uint32_t)pkt->l4_off + pkt->l4_len);
	fuzz_require(m->data_len >= RTE_MIN(m->pkt_len, pkt->l4_off + 60u));
	fuzz_require(sum_of(p + ETH, hdr, 0) == 0xffff);
	fuzz_require(sum_of(p + pkt->l4_off, pkt->l4_len, pseudo(p + ETH, pkt->l4_len)) == 0xffff);
	fuzz_require(pkt->nonunicast || is_ours(pkt->tuple.local.w_be[3]));
	fuzz_require(memcmp(&pkt->tuple.remote.w_be[3], p + ETH + 12, 4) == 0);
}

static void
give_frame(struct world *w, struct fuzz_in *in, bool right)
{
	uint8_t how = fuzz_8(in);
	uint32_t n = fuzz_16(in) % 1600;
	uint8_t frame[1600] = { 0 };
	struct sani_ip_pkt pkt;
	struct rte_mbuf *m;

	n = RTE_MIN(n, (uint32_t)in->n);
	if (n > 0)
		memcpy(frame, in->p, n);
	in->p += n;
	in->n -= n;
	if (right)
		put_sums(frame, n);
	m = make_chain(frame, n, how & 2 ? 1 + how / 4 : sizeof(frame));
	switch (sani_ip_input(w->ip, m, how & 1, &w->io, &pkt)) {
	case SANI_IP_TCP:
		check_segment(m, &pkt);
		rte_pktmbuf_free(m);
		break;
	case SANI_IP_TCP_ERROR:
		fuzz_require(is_ours(pkt.tuple.local.w_be[3]));
		rte_pktmbuf_free(m);
		break;
	case SANI_IP_CONTROL:
		rte_pktmbuf_free(m);
		break;
	case SANI_IP_DONE:
		break;
	}
}

static void
send_packet(struct world *w, struct fuzz_in *in)
{
	static const uint8_t zero[1500];
	uint8_t how = fuzz_8(in);
	uint32_t way = SANI_IP_WAY_AGAIN;
	struct sani_ip_out out = {
		.dst = sani_ip_from_v4(fuzz_32(in)), .proto = IPPROTO_TCP, .ttl = 64, .df = how & 1,
		.way = how & 2 ? &way : NULL,
	};
	uint32_t len = 20 + fuzz_16(in) % 1480;

	for (unsigned int i = 0; i <= how / 8u; i++) {
		sani_ip_output(w->ip, make_chain(zero, len, how & 4 ? 300 : 1500), &out, &w->io);
		fuzz_require(w->io.nb_tx <= SANI_IP_TX_ROOM);
		sweep(w);
	}
}

static void
hear_news(struct world *w, struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);
	union sani_ip addr = sani_ip_from_v4(fuzz_32(in));
	struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, how } };

	if (how & 2)
		sani_ip_neighbour_set(w->ip, how & 1, &addr, how & 4 ? &mac : NULL, &w->io);
	else
		sani_ip_neighbour_want(w->ip, how & 1, &addr, &w->io);
}

static void
wait(struct world *w, struct fuzz_in *in)
{
	uint64_t end = w->io.now_us + fuzz_16(in) * 1000ull;

	for (unsigned int i = 0; sani_ip_deadline(w->ip) <= end; i++) {
		fuzz_require(i < 100000);
		if (sani_ip_deadline(w->ip) > w->io.now_us)
			w->io.now_us = sani_ip_deadline(w->ip);
		sani_ip_timer(w->ip, &w->io);
		fuzz_require(w->io.nb_tx <= SANI_IP_TX_ROOM);
		sweep(w);
	}
	w->io.now_us = end;
}

static void
play(struct world *w, struct fuzz_in *in)
{
	union sani_ip addr;

	switch ((enum step)(fuzz_8(in) % NB_STEPS)) {
	case STEP_FRAME:
		give_frame(w, in, false);
		break;
	case STEP_FRAME_RIGHT:
		give_frame(w, in, true);
		break;
	case STEP_PACKET:
		send_packet(w, in);
		break;
	case STEP_WAIT:
		wait(w, in);
		break;
	case STEP_NEWS:
		hear_news(w, in);
		break;
	case STEP_DOUBT:
		addr = sani_ip_from_v4(fuzz_32(in));
		sani_ip_doubt(w->ip, &addr, &w->io);
		break;
	case NB_STEPS:
		break;
	}
	fuzz_require(w->io.nb_tx <= SANI_IP_TX_ROOM);
	sweep(w);
}

static void
set_iface(unsigned int i, uint32_t addr, uint8_t prefix, uint16_t mtu)
{
	ifaces[i] = (struct sani_iface){
		.port_id = (uint16_t)(3 + i), .mtu = mtu, .caps = SANI_PORT_MULTI_SEG,
		.mac = { { 2, 0, 0, 0, 0, (uint8_t)(1 + i) } },
		.addr = sani_ip_from_v4(rte_cpu_to_be_32(addr)), .prefix = prefix,
	};
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char args[][24] = { "fuzz", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "64",
			    "--log-level=error", "--log-level=user1:error" };
	char *own[RTE_DIM(args) + 1] = { NULL };

	(void)argc;
	(void)argv;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		own[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), own) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("fuzz", POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	set_iface(0, 0x0a000001, 24, 1500);
	ifaces[0].has_gateway = true;
	ifaces[0].gateway = sani_ip_from_v4(rte_cpu_to_be_32(0x0a0000fe));
	set_iface(1, 0xac100001, 16, 1400);
	return pool == NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct fuzz_in in = { data, size };
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.io = (struct sani_ip_io){ .now_us = 1000000000, .pool = pool, .ctr = &w.ctr, .tx = w.tx, .max_tx = TX };
	w.ip = sani_ip_create(ifaces, 2, !(fuzz_8(&in) & 1), key);
	fuzz_require(w.ip != NULL);
	for (unsigned int i = 0; i < STEPS && in.n > 0; i++)
		play(&w, &in);
	sani_ip_destroy(w.ip);
	fuzz_require(rte_mempool_avail_count(pool) == POOL);
	return 0;
}
