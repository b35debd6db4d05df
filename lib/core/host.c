/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mempool.h>

#include "base/error.h"
#include "core/mesh.h"
#include "core/priv.h"

#define CACHE_MAX 256u		/* mbufs that an lcore keeps for itself */
#define BESIDE_PACKET 192u	/* in a buffer: link headers, and rings of frames ask for more than they fill */
#define LEAVE_TRIES 50u		/* that a port has for what waits for it at the end, */
#define LEAVE_US 10000u		/* and so long at least, */
#define LINGER_US 5000u		/* and for what it has taken: 1,024 full frames at 10 Gbit/s take 1.3 ms */
#define LINK_US 9000000u		/* that a device has to find its peer */
#define LINK_STEP_US 50000u
#define ROOM_UNIT 1024u		/* of a buffer that is longer than usual [bytes] */
#define CACHES_SHARE 16		/* all caches together hold about this part of the pool */

static uint32_t
choose_cache(const struct sani_host_conf *conf)
{
	return RTE_MIN(CACHE_MAX, conf->nb_mbufs / (conf->nb_cores * CACHES_SHARE));
}

/* mbufs that can be held at once while not one connection has data: fewer, and ports would starve. */
static uint32_t
count_needed(const struct sani_host_conf *conf)
{
	uint32_t queues = 0;
	uint32_t core = SANI_RESERVE + SANI_BURST + choose_cache(conf) * 3 / 2;

	for (unsigned int i = 0; i < conf->nb_ifaces; i++) {
		queues += conf->nb_cores * ((uint32_t)conf->ports[i].rx_desc + conf->ports[i].tx_desc);
		core += SANI_BURST + SANI_TXQ_MAX;
	}
	return queues + conf->nb_cores * core;
}

/*
 * Any frame of any interface fits one buffer, received or to be sent (tcp/tcp.h asks for it). Where all have the usual
 * MTU buffers are of the usual size. Devices there are that use of a buffer whole kilobytes only.
 */
static uint16_t
choose_room(const struct sani_host_conf *conf)
{
	uint32_t room = RTE_MBUF_DEFAULT_DATAROOM;

	for (unsigned int i = 0; i < conf->nb_ifaces; i++)
		room = RTE_MAX(room, RTE_ALIGN(conf->ifaces[i].mtu + BESIDE_PACKET, ROOM_UNIT));
	return (uint16_t)(RTE_PKTMBUF_HEADROOM + room);
}

/* Before there are ports, by what is asked of them, and behind it, by what their drivers have made of that. */
static int
check_pool(struct sani_host *host)
{
	const struct sani_host_conf *conf = &host->conf;
	uint32_t needed = count_needed(conf);

	if (conf->nb_mbufs < needed)
		return sani_error_set(-EINVAL, "host %s: mbufs = %" PRIu32 " in [host] is too few: the "
				      "queues of %u ports for %u cores and the cores' reserves need at "
				      "least %" PRIu32, conf->name, conf->nb_mbufs, conf->nb_ifaces,
				      conf->nb_cores, needed);
	/* A quarter of what is not spoken for stays for what keeps the host alive: ports, ACKs, RSTs, ARP. */
	host->scarce_below = (conf->nb_mbufs - needed) / 4 + needed / 16;
	return 0;
}

static int
make_pool(struct sani_host *host)
{
	static _Atomic uint32_t number;
	const struct sani_host_conf *conf = &host->conf;
	uint16_t room = choose_room(conf);
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "san_%" PRIu32, atomic_fetch_add(&number, 1));
	host->pool = rte_pktmbuf_pool_create(name, conf->nb_mbufs, choose_cache(conf), 0,
					     room, SOCKET_ID_ANY);
	if (host->pool != NULL)
		return 0;
	return sani_error_set(-ENOMEM, "host %s: no memory for mbufs = %" PRIu32 " in [host] (about %"
			      PRIu32 " MiB): %s; give the EAL more (huge pages, or -m MIB with "
			      "--no-huge) or ask for fewer", conf->name, conf->nb_mbufs,
			      conf->nb_mbufs / 1024 * (room + 256U) / 1024,
			      rte_strerror(rte_errno));
}

static int
open_ports(struct sani_host *host)
{
	for (unsigned int i = 0; i < host->conf.nb_ifaces; i++) {
		struct sani_port_conf *conf = &host->conf.ports[i];
		struct sani_port *port = &host->ports[i];
		int rc;

		conf->nb_queues = (uint16_t)host->nb_cores;
		rc = sani_port_open(conf, host->pool, port);
		if (rc != 0)
			return rc;
		host->ifaces[i] = host->conf.ifaces[i];
		host->ifaces[i].port_id = port->id;
		host->ifaces[i].caps = port->caps;
		host->ifaces[i].mac = port->mac;
		host->nb_ifaces++;
		conf->rx_desc = port->rx_desc;
		conf->tx_desc = port->tx_desc;
	}
	return check_pool(host);
}

static bool
have_links(const struct sani_host *host)
{
	bool have = true;

	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		have &= sani_port_has_link(&host->ports[i]);
	return have;
}

/*
 * A device that was started has a link some seconds later. Whoever connects before hears that nobody answers, so those
 * seconds are waited for; a cable that is not there must not keep a program from starting.
 */
static void
await_links(const struct sani_host *host)
{
	for (unsigned int waited_us = 0; !have_links(host) && waited_us < LINK_US; waited_us += LINK_STEP_US)
		usleep(LINK_STEP_US);
	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		if (!sani_port_has_link(&host->ports[i]))
			rte_log(RTE_LOG_WARNING, RTE_LOGTYPE_USER1, "port %s: device %s has had no link for %u s; "
				"going on without one\n", host->ports[i].name, host->ports[i].device,
				LINK_US / 1000000);
}

static int
make_cores(struct sani_host *host, const struct sani_core_up *up)
{
	int rc = sani_mesh_open(host);

	for (unsigned int i = 0; i < host->nb_cores && rc == 0; i++)
		rc = sani_core_make(host, i, up);
	if (rc != 0)
		sani_error_set(rc, "host %s: no memory for the tables of %u cores: lower connections "
			       "or cores in [host]", host->name, host->nb_cores);
	return rc;
}

static int
fill_host(struct sani_host *host, const struct sani_core_up *up)
{
	int rc = check_pool(host);

	if (rc == 0)
		rc = make_pool(host);
	if (rc == 0)
		rc = open_ports(host);
	if (rc == 0)
		rc = make_cores(host, up);
	if (rc == 0)
		await_links(host);
	return rc;
}

static int
check_conf(const struct sani_host_conf *conf)
{
	if (sodium_init() < 0)
		return sani_error_set(-ENOTSUP, "host %s: the system's random generator does not work",
				      conf->name);
	if (conf->nb_cores == 0 || conf->nb_cores > SANI_HOST_CORES || conf->nb_ifaces == 0 ||
	    conf->nb_ifaces > SANI_IP_IFACES)
		return sani_error_set(-EINVAL, "host %s: %u cores and %u interfaces; 1..%u and 1..%u "
				      "are accepted", conf->name, conf->nb_cores, conf->nb_ifaces,
				      SANI_HOST_CORES, SANI_IP_IFACES);
	if ((uint64_t)conf->nb_conns + conf->nb_tw > SANI_FLOW_MAX)
		return sani_error_set(-EINVAL, "host %s: connections and timewait in [host] are %" PRIu64
				      " together; at most %u are accepted", conf->name,
				      (uint64_t)conf->nb_conns + conf->nb_tw, SANI_FLOW_MAX);
	return 0;
}

int
sani_host_open(const struct sani_host_conf *conf, const struct sani_core_up *up,
	       struct sani_host **host)
{
	struct sani_host *h;
	int rc = check_conf(conf);

	if (rc != 0)
		return rc;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return sani_error_set(-ENOMEM, "host %s: no memory", conf->name);
	sani_clock_init();
	memcpy(h->name, conf->name, sizeof(h->name));
	h->conf = *conf;
	h->nb_cores = conf->nb_cores;
	h->clock = sani_clock_tsc;
	randombytes_buf(h->key, sizeof(h->key));
	sani_flow_key_make(&h->flow_key, h->key);
	rc = fill_host(h, up);
	if (rc == 0) {
		*host = h;
		return 0;
	}
	sani_host_stop(h);
	sani_host_free(h);
	return rc;
}

bool
sani_host_is_broadcast(const struct sani_host *host, const union sani_ip *ip)
{
	for (unsigned int i = 0; i < host->nb_ifaces; i++) {
		const struct sani_iface *iface = &host->ifaces[i];
		uint32_t hosts = iface->prefix < 31 ? UINT32_MAX >> iface->prefix : 0;
		uint32_t subnet = rte_be_to_cpu_32(sani_ip_v4_be(&iface->addr));

		/* a prefix of 31 or 32 bits has no broadcast address (RFC 3021) */
		if (hosts != 0 && rte_be_to_cpu_32(sani_ip_v4_be(ip)) == (subnet | hosts))
			return true;
	}
	return false;
}

static bool
offer_all(struct sani_host *host)
{
	bool waits = false;

	for (unsigned int i = 0; i < host->nb_cores; i++)
		if (host->cores[i] != NULL && host->cores[i]->priv != NULL)
			waits |= sani_tx_offer(host->cores[i]);
	return waits;
}

/* By a port that copies: nobody says when the copy has left. By reference packets are the peer's already. */
static bool
has_sent(const struct sani_host *host)
{
	uint64_t sent = 0;
	bool copies = false;

	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		copies |= !(host->ports[i].caps & SANI_PORT_BY_REF);
	for (unsigned int i = 0; i < host->nb_cores; i++)
		sent += host->cores[i] != NULL ? host->cores[i]->ctr.v[SANI_CTR_port_tx] : 0;
	return copies && sent > 0;
}

/*
 * The last words of connections lie in queues: of the cores, then of the ports, where a stop would lose them. A port
 * that takes nothing is not waited for longer than it takes to see that.
 */
static void
let_last_packets_leave(struct sani_host *host)
{
	uint64_t begin_us = sani_clock_tsc();

	for (unsigned int tries = 1; offer_all(host); tries++) {
		if (tries >= LEAVE_TRIES && sani_clock_tsc() - begin_us >= LEAVE_US)
			break;
		usleep(LEAVE_US / LEAVE_TRIES);
	}
	if (has_sent(host))
		usleep(LINGER_US);
}

void
sani_host_stop(struct sani_host *host)
{
	let_last_packets_leave(host);
	for (unsigned int i = 0; i < host->nb_cores; i++)
		if (host->cores[i] != NULL)
			sani_core_stop(host->cores[i]);
	sani_mesh_stop(host);
	for (unsigned int i = 0; i < host->nb_ifaces; i++)
		sani_port_close(&host->ports[i]);
}

void
sani_host_free(struct sani_host *host)
{
	for (unsigned int i = 0; i < host->nb_cores; i++)
		if (host->cores[i] != NULL)
			sani_core_end(host->cores[i]);
	sani_mesh_end(host);
	rte_mempool_free(host->pool);
	sodium_memzero(host->key, sizeof(host->key));
	sodium_memzero(&host->flow_key, sizeof(host->flow_key));
	free(host);
}
