/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/port.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "base/error.h"
#include "port/caps.h"
#include "port/extmem.h"
#include "port/ring_pair.h"

/* How a device came to be: what close has to undo. */
enum made {
	MADE_BY_EAL,	/* stopped, its queues released */
	MADE_BY_PROBE,	/* closed and removed */
	MADE_RING,	/* an end of a ring pair */
};

/* Ports of all hosts of the process; control threads only. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool taken;
	char name[32];
	struct rte_ether_addr mac;
} ports[RTE_MAX_ETHPORTS];

static void
list_devices(char *text, size_t size)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	size_t len = 0;
	uint16_t id;

	snprintf(text, size, "none");
	/* by what exists: for any other id ethdev prints an error of its own */
	for (id = rte_eth_find_next(0); id < RTE_MAX_ETHPORTS;
	     id = rte_eth_find_next((uint16_t)(id + 1))) {
		if (len >= size || rte_eth_dev_get_name_by_port(id, name) != 0)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", name);
	}
}

static int
fail_no_device(const struct sani_port_conf *conf)
{
	char list[256];

	list_devices(list, sizeof(list));
	return sani_error_set(-ENODEV, "port %s: there is no device '%s'; there are: %s. Give the EAL "
			      "-a ADDRESS or --vdev=NAME,ARGS, or write the arguments behind the name: "
			      "device = NAME,ARGS", conf->name, conf->device, list);
}

/* "NAME,args": the name ends at the first comma. */
static int
probe_device(const struct sani_port_conf *conf, uint16_t *id)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	int rc;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(conf->device, ","), conf->device);
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return sani_error_set(-EBUSY, "port %s: device %s is there already%s%s; give its name "
				      "without arguments to use it, or make one of another name",
				      conf->name, name, ports[*id].taken ? ", in use by port " : "",
				      ports[*id].taken ? ports[*id].name : "");
	rc = rte_dev_probe(conf->device);
	if (rc == 0 && rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	if (rc == 0)
		return fail_no_device(conf);
	return sani_error_set(-ENODEV, "port %s: the device '%s' cannot be made: %s; check the driver's "
			      "name and its arguments (the EAL's log says more)", conf->name,
			      conf->device, rte_strerror(-rc));
}

static int
find_device(const struct sani_port_conf *conf, struct sani_port *port)
{
	if (sani_ring_pair_is(conf->device)) {
		port->made = MADE_RING;
		return sani_ring_pair_take(conf, &port->id);
	}
	if (strchr(conf->device, ',') != NULL) {
		port->made = MADE_BY_PROBE;
		return probe_device(conf, &port->id);
	}
	port->made = MADE_BY_EAL;
	if (rte_eth_dev_get_port_by_name(conf->device, &port->id) != 0)
		return fail_no_device(conf);
	if (ports[port->id].taken)
		return sani_error_set(-EBUSY, "port %s: device %s is in use by port %s; a device belongs to "
				      "one host", conf->name, conf->device, ports[port->id].name);
	return 0;
}

/*
 * Queues hold buffers of a pool that is about to go, but only a configuration releases them. No queues
 * at all cannot be asked for: first no receive queue, then no transmit queue. A driver that refuses
 * unequal numbers has them released all the same; what it logs of it would only alarm.
 */
static void
release_queues(uint16_t id)
{
	struct rte_eth_conf none = { 0 };
	uint32_t level = rte_log_get_global_level();

	rte_log_set_global_level(RTE_LOG_EMERG);
	(void)rte_eth_dev_configure(id, 0, 1, &none);
	(void)rte_eth_dev_configure(id, 1, 0, &none);
	rte_log_set_global_level(level);
}

static void
remove_device(uint16_t id)
{
	struct rte_eth_dev_info info;
	struct rte_device *dev = rte_eth_dev_info_get(id, &info) == 0 ? info.device : NULL;

	rte_eth_dev_close(id);
	if (dev != NULL)
		rte_dev_remove(dev);
}

static void
undo_device(const struct sani_port *port)
{
	switch ((enum made)port->made) {
	case MADE_BY_EAL:
		release_queues(port->id);
		break;
	case MADE_BY_PROBE:
		remove_device(port->id);
		break;
	case MADE_RING:
		sani_ring_pair_give(port->id);
		break;
	}
}

static bool
mac_is_known(const struct rte_ether_addr *mac)
{
	for (unsigned int i = 0; i < RTE_MAX_ETHPORTS; i++)
		if (ports[i].taken && rte_is_same_ether_addr(&ports[i].mac, mac))
			return true;
	return false;
}

/* The configured address, else the device's own, else a random local one (net_ring has all zero). */
static void
choose_mac(const struct sani_port_conf *conf, struct sani_port *port)
{
	struct rte_ether_addr own = { 0 };

	(void)rte_eth_macaddr_get(port->id, &own);
	port->mac = conf->has_mac ? conf->mac : own;
	while (rte_is_zero_ether_addr(&port->mac) || (!conf->has_mac && mac_is_known(&port->mac)))
		rte_eth_random_addr(port->mac.addr_bytes);
	if (rte_is_same_ether_addr(&port->mac, &own))
		return;
	if (rte_eth_dev_default_mac_addr_set(port->id, &port->mac) == 0)
		return;
	/* The device drops what is for us, or has no address at all: take everything, filter ourselves. */
	port->caps |= SANI_PORT_PROMISC;
}

static int
set_mtu(const struct sani_port_conf *conf, const struct rte_eth_dev_info *info, const struct sani_port *port)
{
	bool passes = conf->mtu > RTE_ETHER_MTU && sani_port_passes_mtu(info, conf->mtu);
	/* who would refuse it is not asked: ethdev prints an error of its own */
	int rc = passes ? 0 : rte_eth_dev_set_mtu(port->id, conf->mtu);
	uint16_t told;

	/* Up to the standard size every device does. A driver without a call for it was told when it was configured. */
	if (rc == 0 || conf->mtu <= RTE_ETHER_MTU ||
	    (rc == -ENOTSUP && rte_eth_dev_get_mtu(port->id, &told) == 0 && told == conf->mtu))
		return 0;
	return sani_error_set(-ENOTSUP, "port %s: device %s does not take mtu %u (%s); use %u, or let "
			      "the device take larger frames (af_packet: framesz= and its interface's MTU)", conf->name,
			      conf->device, conf->mtu, rte_strerror(-rc), RTE_ETHER_MTU);
}

static int
setup_queues(const struct rte_eth_dev_info *info, const struct rte_eth_conf *eth,
	     struct rte_mempool *pool, const struct sani_port *port)
{
	struct rte_eth_rxconf rx;
	struct rte_eth_txconf tx = info->default_txconf;
	int node = rte_eth_dev_socket_id(port->id);
	int rc = 0;

	sani_port_rx_conf(info, eth, port->nb_queues, &rx);
	tx.offloads = eth->txmode.offloads;
	for (uint16_t q = 0; rc == 0 && q < port->nb_queues; q++) {
		rc = rte_eth_rx_queue_setup(port->id, q, port->rx_desc, (unsigned int)node, &rx, pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(port->id, q, port->tx_desc, (unsigned int)node, &tx);
	}
	if (rc == 0)
		return 0;
	return sani_error_set(rc, "port %s: device %s does not take a queue of %u receive and %u "
			      "transmit descriptors: %s", port->name, port->device, port->rx_desc,
			      port->tx_desc, rte_strerror(-rc));
}

static int
configure(const struct sani_port_conf *conf, const struct rte_eth_dev_info *info,
	  struct rte_mempool *pool, struct sani_port *port)
{
	struct rte_eth_conf eth;
	int rc = sani_port_eth_conf(info, conf, rte_pktmbuf_data_room_size(pool), &eth);

	if (rc < 0)
		return rc;
	rc = rte_eth_dev_configure(port->id, port->nb_queues, port->nb_queues, &eth);
	if (rc < 0)
		return sani_error_set(rc, "port %s: device %s cannot be configured with %u queues: %s%s",
				      conf->name, conf->device, port->nb_queues, rte_strerror(-rc),
				      rc == -EBUSY ? " (the program has started it already)" : "");
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &port->rx_desc, &port->tx_desc);
	if (rc < 0)
		return sani_error_set(rc, "port %s: device %s has no limits of descriptors: %s", conf->name,
				      conf->device, rte_strerror(-rc));
	rc = set_mtu(conf, info, port);
	if (rc < 0)
		return rc;
	return setup_queues(info, &eth, pool, port);
}

bool
sani_port_has_link(const struct sani_port *port)
{
	struct rte_eth_link link;

	return port->is_virtual || rte_eth_link_get_nowait(port->id, &link) != 0 || link.link_status == RTE_ETH_LINK_UP;
}

static int
start(struct sani_port *port)
{
	int rc = rte_eth_dev_start(port->id);

	if (rc < 0)
		return sani_error_set(rc, "port %s: device %s does not start: %s", port->name,
				      port->device, rte_strerror(-rc));
	/* Known from here on: which it is hangs on the functions that the driver has chosen at the start. */
	if (rte_eth_fp_ops[port->id].tx_pkt_prepare != NULL)
		port->caps |= SANI_PORT_TX_PREPARE;
	/* A device that cannot be told passes everything anyway (ring, null). */
	if (port->caps & SANI_PORT_PROMISC)
		(void)rte_eth_promiscuous_enable(port->id);
	return 0;
}

int
sani_port_rx_fd(const struct sani_port *port, uint16_t queue)
{
	if (!(port->caps & SANI_PORT_RX_FD))
		return -1;
	return rte_eth_dev_rx_intr_ctl_q_get_fd(port->id, queue);
}

/* What a ring does not do because nothing needs it done: who sends wrote the very memory that is received. */
static int
claim(const struct sani_port_conf *conf, struct sani_port *port)
{
	if (conf->claim == SANI_PORT_CLAIM_NONE)
		return 0;
	if (port->made != MADE_RING)
		return sani_error_set(-EINVAL, "port %s: offload is for ring pairs; of device %s is taken what its "
				      "driver offers", conf->name, conf->device);
	port->caps |= SANI_PORT_TX_IP4_CKSUM | SANI_PORT_TX_TCP_CKSUM | SANI_PORT_RX_CKSUM;
	port->rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (conf->claim == SANI_PORT_CLAIM_SEGMENTS)
		port->caps |= SANI_PORT_MULTI_SEG | SANI_PORT_TX_CUT;
	return 0;
}

static void
limit_cut(const struct rte_eth_dev_info *info, struct sani_port *port)
{
	uint16_t segs = (uint16_t)RTE_MIN(sani_port_cut_segs(info), port->tx_desc / 2);

	if (segs < SANI_PORT_CUT_SEGS_LEAST)
		port->caps &= ~(uint32_t)SANI_PORT_TX_CUT;
	port->cut_segs = port->caps & SANI_PORT_TX_CUT ? segs : 0;
}

static int
bring_up(const struct sani_port_conf *conf, struct rte_mempool *pool, struct sani_port *port)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port->id, &info);

	if (rc < 0)
		return sani_error_set(rc, "port %s: device %s does not say what it can do: %s", conf->name,
				      conf->device, rte_strerror(-rc));
	rc = sani_port_check_queues(&info, conf);
	if (rc < 0)
		return rc;
	port->caps = sani_port_caps(&info);
	port->is_virtual = sani_port_is_virtual(&info);
	/*
	 * A ring made by the EAL's arguments passes references too, and no capability tells: by name.
	 */
	if (port->made == MADE_RING || strcmp(info.driver_name, "net_ring") == 0)
		port->caps |= SANI_PORT_BY_REF;
	else if (sani_port_takes_chains(&info))
		port->caps |= SANI_PORT_EXTMEM;
	rc = claim(conf, port);
	if (rc == 0)
		rc = configure(conf, &info, pool, port);
	if (rc < 0)
		return rc;
	limit_cut(&info, port);
	choose_mac(conf, port);
	return start(port);
}

static int
open_locked(const struct sani_port_conf *conf, struct rte_mempool *pool, struct sani_port *port)
{
	int rc = find_device(conf, port);

	if (rc < 0)
		return rc;
	rc = bring_up(conf, pool, port);
	if (rc < 0) {
		undo_device(port);
		return rc;
	}
	if (!sani_extmem_port_open(port->id))
		port->caps &= ~(uint32_t)SANI_PORT_EXTMEM;
	ports[port->id].taken = true;
	ports[port->id].mac = port->mac;
	snprintf(ports[port->id].name, sizeof(ports[port->id].name), "%s", conf->name);
	return 0;
}

int
sani_port_open(const struct sani_port_conf *conf, struct rte_mempool *pool, struct sani_port *port)
{
	int rc;

	memset(port, 0, sizeof(*port));
	port->nb_queues = conf->nb_queues;
	port->rx_desc = conf->rx_desc;
	port->tx_desc = conf->tx_desc;
	port->restart = conf->restart;
	snprintf(port->name, sizeof(port->name), "%s", conf->name);
	snprintf(port->device, sizeof(port->device), "%s", conf->device);
	pthread_mutex_lock(&lock);
	rc = open_locked(conf, pool, port);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
sani_port_close(struct sani_port *port)
{
	pthread_mutex_lock(&lock);
	(void)rte_eth_dev_stop(port->id);
	sani_extmem_port_close(port->id);
	ports[port->id].taken = false;
	undo_device(port);
	pthread_mutex_unlock(&lock);
}
