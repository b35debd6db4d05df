/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip/priv.h"

/* The head's octets come to lie in a buffer of its own, if they do not yet. */
static bool
own_head(struct rte_mbuf *m)
{
	uint8_t octets[SANI_IP_PULL];
	uint16_t len = m->data_len;

	if (rte_mbuf_refcnt_read(m) != 1 || len > sizeof(octets))
		return false;
	if (RTE_MBUF_DIRECT(m))
		return true;
	memcpy(octets, rte_pktmbuf_mtod(m, const void *), len);
	rte_pktmbuf_detach(m);
	m->data_off = 0;
	if (m->buf_len < len)
		return false;	/* a pool for indirect mbufs only */
	memcpy(rte_pktmbuf_mtod(m, void *), octets, len);
	m->data_len = len;
	return true;
}

static bool
make_room(struct rte_mbuf *m, uint32_t n)
{
	if (!own_head(m) || m->buf_len < n)
		return false;
	if ((uint32_t)(m->buf_len - m->data_off) >= n)
		return true;
	memmove(m->buf_addr, rte_pktmbuf_mtod(m, const void *), m->data_len);
	m->data_off = 0;
	return true;
}

bool
sani_ip_pull(struct rte_mbuf *m, uint32_t n)
{
	n = RTE_MIN(n, m->pkt_len);
	if (sani_likely(m->data_len >= n))
		return true;
	if (!make_room(m, n))
		return false;
	while (m->data_len < n && m->next != NULL) {
		struct rte_mbuf *s = m->next;
		uint16_t len = (uint16_t)RTE_MIN(n - m->data_len, (uint32_t)s->data_len);

		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len),
		       rte_pktmbuf_mtod(s, const void *), len);
		m->data_len = (uint16_t)(m->data_len + len);
		s->data_off = (uint16_t)(s->data_off + len);
		s->data_len = (uint16_t)(s->data_len - len);
		if (s->data_len == 0) {
			m->next = s->next;
			m->nb_segs--;
			rte_pktmbuf_free_seg(s);
		}
	}
	return m->data_len >= n;
}

void
sani_ip_trim(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *last = m;
	uint32_t before = 0;

	if (sani_likely(m->pkt_len <= len))
		return;
	while (before + last->data_len < len) {
		before += last->data_len;
		last = last->next;
	}
	last->data_len = (uint16_t)(len - before);
	m->pkt_len = len;
	while (last->next != NULL) {
		struct rte_mbuf *s = last->next;

		last->next = s->next;
		m->nb_segs--;
		rte_pktmbuf_free_seg(s);
	}
}
