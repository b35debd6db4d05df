/* SPDX-License-Identifier: BSD-3-Clause */
#include "impair.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/error.h"

#define DESCRIPTORS 1024

static bool
open_port(struct bridge *b, const char *name, const char *device, struct sani_port *port)
{
	struct sani_port_conf conf = {
		.nb_queues = 1, .rx_desc = DESCRIPTORS, .tx_desc = DESCRIPTORS, .mtu = RTE_ETHER_MTU,
	};

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	if ((size_t)snprintf(conf.device, sizeof(conf.device), "%s", device) >= sizeof(conf.device)) {
		prog_complain("the device of port %s has more than %zu bytes.", name,
			      sizeof(conf.device) - 1);
		return false;
	}
	if (sani_port_open(&conf, b->pool, port) != 0) {
		prog_complain("%s.", sani_error_text());
		return false;
	}
	/* a bridge takes what is for others; a device that cannot be told passes everything anyway */
	(void)rte_eth_promiscuous_enable(port->id);
	return true;
}

static bool
make_way(struct bridge *b, enum side to, const struct impair_options *o)
{
	struct way *w = &b->ways[to];

	w->name = to == SIDE_LEFT ? "to the left" : "to the right";
	w->from = to == SIDE_LEFT ? &b->right : &b->left;
	w->to = to == SIDE_LEFT ? &b->left : &b->right;
	w->conf = o->conf[to];
	w->imp = sani_impair_create(&w->conf, 2 * o->seed + to, o->frames, b->pool);
	return w->imp != NULL;
}

bool
bridge_open(struct bridge *b, const struct impair_options *o)
{
	uint32_t nb = 2 * (o->frames + 2 * DESCRIPTORS + BRIDGE_BURST);

	memset(b, 0, sizeof(*b));
	b->pool = rte_pktmbuf_pool_create("impair", nb, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (b->pool == NULL || !make_way(b, SIDE_LEFT, o) || !make_way(b, SIDE_RIGHT, o)) {
		/* without huge pages each buffer takes a page of 4 KiB */
		prog_complain("no memory for %u frames on the way in each direction: give the EAL -m %u, "
			      "or take fewer --frames.", o->frames, nb / 256 + 32);
		return false;
	}
	b->left_open = open_port(b, "left", o->left, &b->left);
	b->right_open = b->left_open && open_port(b, "right", o->right, &b->right);
	return b->right_open;
}

void
bridge_close(struct bridge *b)
{
	for (unsigned int i = 0; i < SIDES; i++) {
		rte_pktmbuf_free_bulk(b->ways[i].out, b->ways[i].nb_out);
		sani_impair_destroy(b->ways[i].imp);
	}
	if (b->right_open)
		sani_port_close(&b->right);
	if (b->left_open)
		sani_port_close(&b->left);
	rte_mempool_free(b->pool);
}

static unsigned int
take_in(struct way *w, uint64_t now_us)
{
	struct rte_mbuf *m[BRIDGE_BURST];
	unsigned int n = sani_port_rx(w->from, 0, m, BRIDGE_BURST);

	/* they may have waited since the last look, of which the link knows nothing */
	if (n > 0 && w->look_us > 0)
		w->late_us = RTE_MAX(w->late_us, now_us - w->look_us);
	w->look_us = now_us;
	for (unsigned int i = 0; i < n; i++)
		sani_impair_put(w->imp, m[i], now_us);
	return n;
}

/* What the port does not take waits here: behind the link nothing is lost. */
static unsigned int
send_out(struct way *w, uint64_t now_us)
{
	uint64_t due_us = sani_impair_next(w->imp);
	unsigned int n;

	if (w->nb_out == 0) {
		w->nb_out = sani_impair_take(w->imp, now_us, w->out, BRIDGE_BURST);
		if (w->nb_out > 0)
			w->late_us = RTE_MAX(w->late_us, now_us - due_us);
	}
	if (w->nb_out == 0)
		return 0;
	n = sani_port_tx(w->to, 0, w->out, (uint16_t)w->nb_out);
	w->nb_out -= n;
	memmove(w->out, w->out + n, w->nb_out * sizeof(w->out[0]));
	return n;
}

unsigned int
bridge_round(struct bridge *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SIDES; i++) {
		uint64_t now_us = prog_now_us();

		n += take_in(&b->ways[i], now_us);
		n += send_out(&b->ways[i], now_us);
	}
	return n;
}

uint64_t
bridge_next(const struct bridge *b)
{
	return RTE_MIN(sani_impair_next(b->ways[SIDE_LEFT].imp), sani_impair_next(b->ways[SIDE_RIGHT].imp));
}

static uint64_t
count_missed(const struct sani_port *port)
{
	struct rte_eth_stats s;

	return rte_eth_stats_get(port->id, &s) == 0 ? s.imissed + s.ierrors + s.rx_nombuf : 0;
}

static uint64_t
count_unsent(const struct sani_port *port)
{
	struct rte_eth_stats s;

	return rte_eth_stats_get(port->id, &s) == 0 ? s.oerrors : 0;
}

void
bridge_say(const struct bridge *b)
{
	for (unsigned int i = SIDES; i-- > 0;) {
		const struct way *w = &b->ways[i];
		struct sani_impair_stats s;

		sani_impair_stats(w->imp, &s);
		prog_say("%s: in %" PRIu64 ", out %" PRIu64 ", lost %" PRIu64 ", queue-full %" PRIu64
			 ", too-long %" PRIu64 ", down %" PRIu64 ", duplicated %" PRIu64 ", reordered %"
			 PRIu64 ", corrupted %" PRIu64 ", marked %" PRIu64 ", no-memory %" PRIu64
			 ", port-missed %" PRIu64 ", port-unsent %" PRIu64 ", latest %" PRIu64 " us",
			 w->name, s.in, s.out, s.lost, s.queue_full, s.too_long, s.down, s.duplicated,
			 s.reordered, s.corrupted, s.marked, s.no_memory, count_missed(w->from),
			 count_unsent(w->to), w->late_us);
	}
}
