/* SPDX-License-Identifier: BSD-3-Clause */
#include "kit/nic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>

#include "kit/fail.h"
#include "kit/nic_sum.h"

uint16_t nic_least_descs;

static struct nic *nics[RTE_MAX_ETHPORTS];
static struct rte_mempool *pool;

/* The buffers of the n oldest frames. */
static void
give_back(struct nic *nic, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		nic->nb_descs -= nic->ring[i]->nb_segs;
		rte_pktmbuf_free(nic->ring[i]);
	}
	nic->nb -= n;
	nic->nb_sent -= RTE_MIN(n, nic->nb_sent);
	memmove(nic->ring, nic->ring + n, nic->nb * sizeof(nic->ring[0]));
}

/* False: the wire is full, or the buffers are all with the host, in what it has received and its program has not. */
static bool
put(struct nic *nic, const uint8_t *frame, unsigned int len)
{
	struct rte_mbuf *m = nic->nb_wire < NIC_WIRE ? rte_pktmbuf_alloc(pool) : NULL;

	if (m == NULL)
		return false;
	kit_need(len <= rte_pktmbuf_tailroom(m));
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	nic->wire[(nic->wire_first + nic->nb_wire++) % NIC_WIRE] = m;
	return true;
}

void
nic_put(struct nic *nic, const uint8_t *frame, unsigned int len)
{
	kit_need(put(nic, frame, len));
}

static void
emit(void *arg, const uint8_t *frame, unsigned int len)
{
	struct nic *nic = arg;

	if (nic->watch != NULL)
		nic->watch(nic, frame, len);
	/* what finds no room is lost */
	if (nic->peer->plugged)
		(void)put(nic->peer, frame, len);
}

/* The moment at which the octets are read. */
static void
send_one(struct nic *nic, const struct rte_mbuf *m)
{
	static uint8_t octets[UINT16_MAX];
	const void *at = m->pkt_len <= sizeof(octets) ? rte_pktmbuf_read(m, 0, m->pkt_len, octets) : NULL;

	kit_need(at != NULL);
	nic->nb_cut += (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
	nic_sum_emit(m, at, nic->prepares, emit, nic);
}

/* It writes the sum as its device wants it: who does not ask, or asks twice, sends a wrong one. */
static uint16_t
prepare_burst(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct nic *nic = queue;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t *sum = nic_sum_of(m[i]);

		if (nic->refuses != NULL && nic->refuses(m[i])) {
			nic->unfit++;
			rte_errno = ENOTSUP;
			return i;
		}
		if (sum != NULL)
			*sum = (uint16_t)~*sum;
	}
	return n;
}

unsigned int
nic_send(struct nic *nic, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && nic->nb_sent < nic->nb; i++)
		send_one(nic, nic->ring[nic->nb_sent++]);
	return i;
}

const struct rte_mbuf *
nic_unsent(const struct nic *nic, unsigned int i)
{
	return nic->nb_sent + i < nic->nb ? nic->ring[nic->nb_sent + i] : NULL;
}

static uint16_t
send_burst(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct nic *nic = queue;
	uint16_t taken = 0;

	if (nic->hold_bursts > 0 && --nic->hold_bursts == 0) {
		nic->holds = false;
		nic_send(nic, NIC_RING);
		give_back(nic, nic->nb_sent);
	}
	if ((nic->frees == NIC_FREES_LATER || nic->frees == NIC_FREES_STOPPED) && nic->nb_sent > nic->keeps)
		give_back(nic, nic->nb_sent - nic->keeps);
	while (taken < n && nic->nb_descs + m[taken]->nb_segs <= NIC_RING) {
		nic->nb_descs += m[taken]->nb_segs;
		nic->ring[nic->nb++] = m[taken++];
	}
	nic->refused += n - taken;
	if (!nic->holds)
		nic_send(nic, NIC_RING);
	if (nic->frees == NIC_FREES_AT_ONCE)
		give_back(nic, nic->nb_sent);
	return taken;
}

static void
remember(struct nic *nic, const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const void *);

	if (eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return;
	nic->last_len = m->data_len;
	memcpy(nic->last, eth, nic->last_len);
}

static uint16_t
receive_burst(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct nic *nic = queue;
	uint16_t taken;

	if (nic->hold_polls > 0 && --nic->hold_polls == 0) {
		nic->holds = false;
		nic_send(nic, NIC_RING);
	}
	for (taken = 0; taken < n && nic->nb_wire > 0; taken++) {
		m[taken] = nic->wire[nic->wire_first];
		m[taken]->port = nic->id;
		remember(nic, m[taken]);
		nic->wire_first = (nic->wire_first + 1) % NIC_WIRE;
		nic->nb_wire--;
	}
	return taken;
}

static struct nic *
plugged(uint16_t id)
{
	return id < RTE_MAX_ETHPORTS && nics[id] != NULL && nics[id]->plugged ? nics[id] : NULL;
}

/* What the driver answers when it is asked, and when it is stopped. */

int __real_rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t id, uint16_t *rx, uint16_t *tx);
int __wrap_rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t id, uint16_t *rx, uint16_t *tx);
int __real_rte_eth_tx_done_cleanup(uint16_t id, uint16_t queue, uint32_t n);
int __wrap_rte_eth_tx_done_cleanup(uint16_t id, uint16_t queue, uint32_t n);
int __real_rte_eth_dev_tx_queue_stop(uint16_t id, uint16_t queue);
int __wrap_rte_eth_dev_tx_queue_stop(uint16_t id, uint16_t queue);
int __real_rte_eth_dev_tx_queue_start(uint16_t id, uint16_t queue);
int __wrap_rte_eth_dev_tx_queue_start(uint16_t id, uint16_t queue);
int __real_rte_eth_dev_stop(uint16_t id);
int __wrap_rte_eth_dev_stop(uint16_t id);

int
__wrap_rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t id, uint16_t *rx, uint16_t *tx)
{
	int rc = __real_rte_eth_dev_adjust_nb_rx_tx_desc(id, rx, tx);

	*rx = *rx < nic_least_descs ? nic_least_descs : *rx;
	*tx = *tx < nic_least_descs ? nic_least_descs : *tx;
	return rc;
}

int
__wrap_rte_eth_tx_done_cleanup(uint16_t id, uint16_t queue, uint32_t n)
{
	struct nic *nic = plugged(id);

	if (nic == NULL)
		return __real_rte_eth_tx_done_cleanup(id, queue, n);
	if (nic->frees != NIC_FREES_ASKED)
		return -ENOTSUP;
	nic->asked++;
	n = n == 0 ? nic->nb_sent : RTE_MIN(n, nic->nb_sent);
	give_back(nic, n);
	return (int)n;
}

int
__wrap_rte_eth_dev_tx_queue_stop(uint16_t id, uint16_t queue)
{
	struct nic *nic = plugged(id);

	if (nic == NULL)
		return __real_rte_eth_dev_tx_queue_stop(id, queue);
	nic->stopped++;
	if (nic->frees == NIC_FREES_STOPPED)
		give_back(nic, nic->nb);
	return nic->frees == NIC_FREES_NEVER ? -ENOTSUP : 0;
}

int
__wrap_rte_eth_dev_tx_queue_start(uint16_t id, uint16_t queue)
{
	return plugged(id) != NULL ? 0 : __real_rte_eth_dev_tx_queue_start(id, queue);
}

int
__wrap_rte_eth_dev_stop(uint16_t id)
{
	struct nic *nic = plugged(id);

	if (nic != NULL) {
		nic->plugged = false;
		give_back(nic, nic->nb);
		for (; nic->nb_wire > 0; nic->nb_wire--) {
			rte_pktmbuf_free(nic->wire[nic->wire_first]);
			nic->wire_first = (nic->wire_first + 1) % NIC_WIRE;
		}
	}
	return __real_rte_eth_dev_stop(id);
}

void
nic_plug(struct nic *nic)
{
	struct rte_eth_fp_ops *ops;

	kit_need(rte_eth_dev_get_port_by_name(nic->name, &nic->id) == 0);
	ops = &rte_eth_fp_ops[nic->id];
	nic->queues[0] = nic;
	ops->rx_pkt_burst = receive_burst;
	ops->tx_pkt_burst = send_burst;
	ops->tx_pkt_prepare = nic->prepares ? prepare_burst : NULL;
	ops->rxq.data = nic->queues;
	ops->txq.data = nic->queues;
	nics[nic->id] = nic;
	nic->plugged = true;
}

void
nic_make(struct nic pair[2])
{
	static unsigned int serial;

	if (pool == NULL)
		/* by name: a test may have the pools of hosts made otherwise */
		pool = rte_pktmbuf_pool_create_by_ops("nic_wire", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						      SOCKET_ID_ANY, "ring_mp_mc");
	kit_need(pool != NULL);
	memset(pair, 0, 2 * sizeof(pair[0]));
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(pair[i].name, sizeof(pair[i].name), "net_null%u", 100 + serial++ % 2);
		pair[i].peer = &pair[1 - i];
		kit_need(rte_vdev_init(pair[i].name, "size=64") == 0);
	}
}

void
nic_end(struct nic pair[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		kit_need(!pair[i].plugged);
		nics[pair[i].id] = NULL;
		kit_need(rte_vdev_uninit(pair[i].name) == 0);
	}
	kit_need(rte_mempool_full(pool));
}
