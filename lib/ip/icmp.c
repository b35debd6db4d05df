/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

#include "ip/priv.h"
#include "wire/cksum.h"
#include "wire/icmp4.h"

/* RFC 1812 4.3.2.3: an error is as long as can be without passing 576 octets with its IPv4 header. */
#define QUOTE_MAX (576 - SANI_IP4_HDR_MIN - SANI_ICMP4_HDR)

/* RFC 1812 4.3.2.5: an error goes at precedence 6. */
#define ERROR_TOS 0xc0

static void
write_cksum(uint8_t *icmp, uint16_t sum)
{
	memcpy(icmp + 2, &sum, sizeof(sum));
}

/* RFC 1624 3, equation 3, with the word of type and code as the only one that changes. */
static void
turn_into_reply(uint8_t *icmp)
{
	uint16_t old_word;
	uint16_t sum;

	memcpy(&old_word, icmp, sizeof(old_word));
	memcpy(&sum, icmp + 2, sizeof(sum));
	icmp[0] = SANI_ICMP4_ECHO_REPLY;
	write_cksum(icmp, (uint16_t)~sani_cksum_add((uint16_t)~sum, (uint16_t)~old_word));
}

/* The message alone, in octets that may be written; NULL: no memory, and rx->m is gone. */
static struct rte_mbuf *
own_message(const struct sani_ip_rx *rx, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rx->m;

	if (!sani_ip_is_writable(m)) {
		m = rte_pktmbuf_copy(rx->m, pool, rx->l4_off, UINT32_MAX);
		rte_pktmbuf_free(rx->m);
		return m;
	}
	(void)rte_pktmbuf_adj(m, rx->l4_off);
	return m;
}

/* RFC 1122 3.2.2.6. Options are not copied: those that mattered came with a source route. */
static enum sani_ip_verdict
answer_echo(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, struct sani_ip_io *io)
{
	struct sani_ip_out out = {
		.src = sani_ip_from_v4(rx->h.dst_be),
		.dst = sani_ip_from_v4(rx->h.src_be),
		.proto = IPPROTO_ICMP,
		.tos = rx->h.tos,
		.ttl = SANI_IP_TTL,
	};
	struct rte_mbuf *m;

	if (rx->nonunicast)
		return sani_ip_drop(rx->m, io, SANI_CTR_ip4_rx_drop_address);
	if (!sani_ip_may_send_echo(ip, rx->h.src_be, io->now_us))
		return sani_ip_drop(rx->m, io, SANI_CTR_icmp_tx_drop_rate);
	m = own_message(rx, io->pool);
	if (m == NULL) {
		sani_count(io->ctr, SANI_CTR_core_drop_nomem);
		return SANI_IP_DONE;
	}
	turn_into_reply(rte_pktmbuf_mtod(m, uint8_t *));
	sani_count(io->ctr, SANI_CTR_icmp_rx_echo);
	(void)sani_ip_output(ip, m, &out, io);
	return SANI_IP_DONE;
}

static bool
is_error_we_take(const struct sani_icmp4 *icmp)
{
	/* Redirects and source quenches are not obeyed (RFC 6633; a redirect can be forged). */
	return icmp->type == SANI_ICMP4_UNREACHABLE || icmp->type == SANI_ICMP4_TIME_EXCEEDED ||
	       icmp->type == SANI_ICMP4_PARAMETER;
}

/* An error about what we sent: the quote's source is us, so its ends are ours turned round. */
static enum sani_ip_verdict
take_error(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, const struct sani_icmp4 *icmp,
	   struct sani_ip_io *io, struct sani_ip_pkt *pkt)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(rx->m, const uint8_t *, rx->l4_off);
	uint32_t contig = RTE_MIN((uint32_t)rx->l4_len, (uint32_t)rx->m->data_len - rx->l4_off);
	struct sani_icmp4_quote quote;

	if (!sani_icmp4_quote(p + SANI_ICMP4_HDR, contig - SANI_ICMP4_HDR, &quote))
		return sani_ip_drop(rx->m, io, SANI_CTR_icmp_rx_bad);
	if (quote.proto != IPPROTO_TCP || rx->nonunicast)
		return sani_ip_drop(rx->m, io, SANI_CTR_icmp_rx_drop_type);
	*pkt = (struct sani_ip_pkt){
		.tuple = {
			.local = sani_ip_from_v4(quote.src_be),
			.remote = sani_ip_from_v4(quote.dst_be),
			.local_port = quote.src_port,
			.remote_port = quote.dst_port,
		},
		.l4_off = rx->l4_off,
		.l4_len = rx->l4_len,
		.iface = rx->iface,
		.tos = rx->h.tos,
		.icmp_type = icmp->type,
		.icmp_code = icmp->code,
		.quoted_seq = quote.seq,
	};
	if (icmp->type == SANI_ICMP4_UNREACHABLE && icmp->code == SANI_ICMP4_UNREACHABLE_FRAG)
		pkt->icmp_mtu = icmp->mtu;
	if (sani_ip_iface_of(ip, &pkt->tuple.local) < 0)
		return sani_ip_drop(rx->m, io, SANI_CTR_icmp_rx_bad);
	return SANI_IP_TCP_ERROR;
}

enum sani_ip_verdict
sani_ip_icmp_input(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, struct sani_ip_io *io,
		   struct sani_ip_pkt *pkt)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(rx->m, const uint8_t *, rx->l4_off);
	struct sani_icmp4 icmp;

	if (!sani_icmp4_parse(p, rx->l4_len, &icmp) ||
	    sani_cksum_mbuf(rx->m, rx->l4_off, rx->l4_len) != 0xffff)
		return sani_ip_drop(rx->m, io, SANI_CTR_icmp_rx_bad);
	if (icmp.type == SANI_ICMP4_ECHO && icmp.code == 0)
		return answer_echo(ip, rx, io);
	if (is_error_we_take(&icmp))
		return take_error(ip, rx, &icmp, io, pkt);
	return sani_ip_drop(rx->m, io, SANI_CTR_icmp_rx_drop_type);
}

/* The error message with its quote; m begins at the Ethernet header. NULL: no memory. */
static struct rte_mbuf *
build_error(const struct sani_ip_rx *rx, uint8_t code, struct rte_mempool *pool)
{
	uint32_t quoted = RTE_MIN((uint32_t)rx->h.total_len, (uint32_t)QUOTE_MAX);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	const void *octets;
	uint8_t *p;

	if (m == NULL)
		return NULL;
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(SANI_ICMP4_HDR + quoted));
	if (p == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	sani_icmp4_write(p, SANI_ICMP4_UNREACHABLE, code);
	octets = rte_pktmbuf_read(rx->m, SANI_ETH_HDR, quoted, p + SANI_ICMP4_HDR);
	if (octets != p + SANI_ICMP4_HDR)
		memcpy(p + SANI_ICMP4_HDR, octets, quoted);
	write_cksum(p, (uint16_t)~sani_cksum_bytes(p, SANI_ICMP4_HDR + quoted));
	return m;
}

void
sani_ip_icmp_unreachable(struct sani_ip_engine *ip, const struct sani_ip_rx *rx, uint8_t code,
			 struct sani_ip_io *io)
{
	struct sani_ip_out out = {
		.src = sani_ip_from_v4(rx->h.dst_be),
		.dst = sani_ip_from_v4(rx->h.src_be),
		.proto = IPPROTO_ICMP,
		.tos = ERROR_TOS,
		.ttl = SANI_IP_TTL,
	};
	struct rte_mbuf *m;

	/*
	 * RFC 1122 3.2.2: never about a broadcast. Never about an ICMP error, a later fragment or an
	 * impossible source either, but those do not come here.
	 */
	if (rx->nonunicast)
		return;
	if (!sani_ip_may_send_error(ip, rx->h.src_be, io->now_us)) {
		sani_count(io->ctr, SANI_CTR_icmp_tx_drop_rate);
		return;
	}
	m = build_error(rx, code, io->pool);
	if (m == NULL) {
		sani_count(io->ctr, SANI_CTR_core_drop_nomem);
		return;
	}
	sani_count(io->ctr, SANI_CTR_icmp_tx_error);
	(void)sani_ip_output(ip, m, &out, io);
}
