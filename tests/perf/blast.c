/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "perf/blast.h"
#include "wire/eth.h"
#include "wire/tcp.h"

#define CROWD 32
#define REQUEST 64
#define PIECE 2048
#define PORTS 60000u
#define FIRST_PORT 2000u

static const struct rte_ether_addr client_mac = { { 2, 0, 0, 0, 0, 9 } };

struct life {
	struct san_overlapped op;
	san_handle sock;
	struct san_pieces pieces;
	struct life *next;
	char data[PIECE];
};

static struct life lives[CROWD], *spare;
static struct san_overlapped accepting, sending;
static unsigned int nb_closed;

static void
serve_accept(const struct san_completion *comp)
{
	struct life *l = spare;

	spare = l->next;
	l->sock = comp->value;
	l->op.user = (uintptr_t)l;
	l->pieces = (struct san_pieces){ .mem = l->data, .size = PIECE, .nb = 1 };
	san_recv_repeat(l->sock, &l->op, &l->pieces, 0);
}

static void
serve_one(const struct san_completion *comp)
{
	struct life *l = (struct life *)(uintptr_t)comp->user;

	if (comp->kind == SAN_OP_ACCEPT) {
		serve_accept(comp);
	} else if (comp->kind == SAN_OP_RECV && comp->result > 0) {
		san_send(l->sock, &sending, (const void *)(uintptr_t)comp->value, (size_t)comp->result, 0);
		san_give_back(&l->pieces, 1);
	} else if (comp->kind == SAN_OP_RECV) {
		san_shutdown(l->sock, &l->op, 0);
	} else if (comp->kind == SAN_OP_SHUTDOWN) {
		san_close(l->sock, (uintptr_t)l);
	} else if (comp->kind == SAN_OP_CLOSE) {
		l->next = spare;
		spare = l;
		nb_closed++;
	}
}

static __attribute__((noinline)) void
serve_blast(struct vhost *server, struct san_cq *cq)
{
	struct san_completion comp[2 * CROWD];
	int n;

	vhost_round(server);
	n = san_cq_poll(cq, comp, 2 * CROWD);
	for (int i = 0; i < n; i++)
		serve_one(&comp[i]);
}

/* The client. What it says to a segment follows from that alone. */
struct client {
	struct vhost *server;
	struct rte_ether_addr mac;	/* the server's */
	uint32_t src_be, dst_be;
	unsigned int next;
};

static void
say(const struct client *cl, const struct sani_tcp_seg *seg)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cl->server->below->pool);
	const struct sani_eth eth = { .dst = cl->mac, .src = client_mac, .type = RTE_ETHER_TYPE_IPV4 };
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)(at + SANI_ETH_HDR);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(void *)(ip + 1);
	uint16_t len = (uint16_t)(sani_tcp_write_header((uint8_t *)tcp, seg) + seg->len);

	sani_eth_write(at, &eth);
	memset((uint8_t *)tcp + len - seg->len, 'x', seg->len);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + len)),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = cl->src_be,
		.dst_addr = cl->dst_be,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	m->data_len = (uint16_t)(SANI_ETH_HDR + sizeof(*ip) + len);
	m->pkt_len = m->data_len;
	vhost_put(cl->server, 0, m);
}

static void
begin(struct client *cl)
{
	const struct sani_tcp_seg syn = {
		.src_port = (uint16_t)(FIRST_PORT + cl->next++ % PORTS),
		.dst_port = 7,
		.seq = cl->next * 7919u,
		.flags = SANI_TCP_SYN,
		.wnd = UINT16_MAX,
		.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE,
		.mss = 1460,
		.wscale = 5,
	};

	say(cl, &syn);
}

static void
answer(const struct client *cl, const struct rte_mbuf *m)
{
	const uint8_t *at = rte_pktmbuf_mtod_offset(m, const uint8_t *, SANI_ETH_HDR + sizeof(struct rte_ipv4_hdr));
	uint32_t len = (uint32_t)(m->pkt_len - SANI_ETH_HDR - sizeof(struct rte_ipv4_hdr));
	struct sani_tcp_seg in, out;

	sani_tcp_parse(at, len, len, &in);
	out = (struct sani_tcp_seg){
		.src_port = in.dst_port,
		.dst_port = in.src_port,
		.seq = in.ack,
		.ack = in.seq + sani_tcp_seg_space(&in),
		.flags = SANI_TCP_ACK,
		.wnd = 32768,
	};
	if (in.len > 0)
		out.flags |= SANI_TCP_FIN;
	say(cl, &out);
	if ((in.flags & SANI_TCP_SYN) == 0)
		return;
	out.flags |= SANI_TCP_PSH;
	out.len = REQUEST;
	say(cl, &out);
}

static void
answer_all(struct client *cl)
{
	struct rte_mbuf *m;

	while ((m = vhost_take(cl->server)) != NULL) {
		answer(cl, m);
		rte_pktmbuf_free(m);
	}
}

static void
listen_there(struct vhost *server, struct san_cq **cq)
{
	struct san_addr at = vhost_addr("10.1.0.2", 7);
	san_handle listener;

	san_cq_create(1024, cq);
	san_socket(server->core[0], *cq, &listener);
	san_bind(listener, &at);
	san_listen(listener, 65535);
	san_accept_repeat(listener, &accepting, SAN_REPEAT_MAX);
	for (unsigned int i = 0; i < CROWD; i++) {
		lives[i].next = spare;
		spare = &lives[i];
	}
	vhost_round(server);
}

unsigned long
blast(struct vhost *server, unsigned int count)
{
	struct client cl = {
		.server = server,
		.mac = vhost_mac(server),
		.src_be = RTE_BE32(RTE_IPV4(10, 1, 0, 9)),
		.dst_be = RTE_BE32(RTE_IPV4(10, 1, 0, 2)),
	};
	unsigned long nb_rounds = 0;
	struct rte_mbuf *m;
	struct san_cq *cq;

	vhost_know(server, "10.1.0.9", &client_mac);
	listen_there(server, &cq);
	while ((m = vhost_take(server)) != NULL)
		rte_pktmbuf_free(m);
	for (unsigned int done = 0; done < count; done += CROWD) {
		for (unsigned int i = 0; i < CROWD; i++)
			begin(&cl);
		for (nb_closed = 0; nb_closed < CROWD; nb_rounds++) {
			serve_blast(server, cq);
			answer_all(&cl);
			vhost_now_us += 50;
		}
	}
	return nb_rounds;
}
