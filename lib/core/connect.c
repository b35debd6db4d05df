/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "core/priv.h"
#include "tcp/hash.h"

/* The tuple of a connection to open, as far as its owner has said. */
static int
fill_ends(struct sani_core *core, const struct sani_open *open, struct sani_tuple *t, uint16_t *mtu)
{
	struct sani_ip_route route;
	int rc = sani_ip_route(core->priv->ip, &open->remote, &route);

	if (rc != 0)
		return rc;
	if (open->remote_port == 0)
		return -EINVAL;
	/* there is no loopback: the wire does not bring back what is sent to us, and ARP is not asked for us */
	if (sani_ip_iface_of(core->priv->ip, &open->remote) >= 0)
		return -ENETUNREACH;
	*t = (struct sani_tuple){
		.local = sani_ip_is_any(&open->local) ? route.src : open->local,
		.remote = open->remote,
		.local_port = open->local_port,
		.remote_port = open->remote_port,
	};
	*mtu = route.mtu;
	return sani_ip_iface_of(core->priv->ip, &t->local) < 0 ? -EADDRNOTAVAIL : 0;
}

static int
fill_port(struct sani_core *core, struct sani_tuple *t, uint64_t *hash)
{
	if (t->local_port == 0)
		return sani_port_choose(core, t, hash);
	*hash = sani_flow_hash(&core->host->flow_key, t);
	if (sani_flow_core(*hash, core->host->nb_cores) != core->index)
		return -EADDRNOTAVAIL;
	return sani_conn_find(core, t, (uint32_t)*hash) == SANI_FLOW_NOTHING ? 0 : -EADDRINUSE;
}

static struct sani_tcp_conn *
open_block(struct sani_core *core, const struct sani_tcp_params *params, uint32_t hash, uint32_t sock)
{
	struct sani_tcp_conn *c = sani_conn_alloc(core, hash);
	uint32_t ev;

	if (c == NULL)
		return NULL;
	c->owner.sock = sock;
	c->owner.way = SANI_IP_WAY_AGAIN;
	ev = sani_tcp_open_active(c, params, core->now_us);
	sani_conn_enter(core, c);
	sani_core_touch(core, c, ev);
	sani_count(&core->ctr, SANI_CTR_tcp_connects);
	return c;
}

int
sani_core_connect(struct sani_core *core, const struct sani_open *open, struct sani_tcp_conn **c)
{
	struct sani_tcp_params params = {
		.user_timeout_ms = open->user_timeout_ms,
		.time_wait_ms = core->host->conf.time_wait_ms,
		.nodelay = open->nodelay,
		.tune = open->tune,
	};
	uint64_t hash, numbers;
	int rc;

	sani_conn_size_queues(core, &params, open->sndbuf, open->rcvbuf);
	/* Between rounds, perhaps long after the last one or before the first. */
	sani_core_tell_time(core);
	rc = fill_ends(core, open, &params.tuple, &params.mtu);
	if (rc == 0)
		rc = fill_port(core, &params.tuple, &hash);
	if (rc != 0)
		return rc;
	numbers = sani_tcp_hash(core->host->key, &params.tuple);
	params.iss = sani_tcp_isn(numbers, core->now_us);
	params.ts_offset = sani_tcp_ts_offset(numbers);
	sani_fast_ask(core, &params);
	*c = open_block(core, &params, (uint32_t)hash, open->sock);
	return *c == NULL ? -ENOBUFS : 0;
}
