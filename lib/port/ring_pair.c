/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>

#include "base/error.h"

#define PREFIX "ring:"
#define NAME_MAX_LEN 31

struct end {
	char vdev[RTE_ETH_NAME_MAX_LEN];	/* "net_ring_" and what rte_eth_from_rings() was given */
	char taker[32];				/* section name, for messages */
	uint16_t id;
	bool made;
	bool taken;
};

struct sani_ring_pair {
	LIST_ENTRY(sani_ring_pair) link;
	char name[NAME_MAX_LEN + 1];
	unsigned int serial;
	uint16_t nb_queues;
	enum sani_port_claim claim;
	struct end end[2];
	struct rte_ring *to[2][SANI_RING_PAIR_QUEUES];	/* [end that receives][queue] */
};

/* Guarded by the lock of port.c. */
static LIST_HEAD(, sani_ring_pair) pairs = LIST_HEAD_INITIALIZER(pairs);
static unsigned int next_serial;

bool
sani_ring_pair_is(const char *device)
{
	return strncmp(device, PREFIX, strlen(PREFIX)) == 0;
}

/* "ring:NAME/0" or "ring:NAME/1" */
static int
parse_name(const struct sani_port_conf *conf, char name[NAME_MAX_LEN + 1])
{
	const char *begin = conf->device + strlen(PREFIX);
	const char *slash = strchr(begin, '/');
	size_t len = slash != NULL ? (size_t)(slash - begin) : 0;

	if (len == 0 || len > NAME_MAX_LEN || (slash[1] != '0' && slash[1] != '1') || slash[2] != '\0')
		return sani_error_set(-EINVAL, "port %s: '%s' is not the end of a ring pair; accepted is "
				      "ring:NAME/0 or ring:NAME/1 with a NAME of 1 to %d characters",
				      conf->name, conf->device, NAME_MAX_LEN);
	memcpy(name, begin, len);
	name[len] = '\0';
	return slash[1] - '0';
}

static struct sani_ring_pair *
find_by_name(const char *name)
{
	struct sani_ring_pair *p;

	LIST_FOREACH(p, &pairs, link)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void
drain(struct rte_ring *r)
{
	void *m;

	while (rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
}

static void
drain_end(struct sani_ring_pair *p, unsigned int e)
{
	for (unsigned int q = 0; q < p->nb_queues; q++)
		drain(p->to[e][q]);
}

static void
remove_pair(struct sani_ring_pair *p)
{
	for (unsigned int e = 0; e < 2; e++) {
		if (!p->end[e].made)
			continue;
		rte_eth_dev_close(p->end[e].id);
		rte_vdev_uninit(p->end[e].vdev);
	}
	for (unsigned int i = 0; i < 2 * SANI_RING_PAIR_QUEUES; i++) {
		struct rte_ring *r = p->to[i % 2][i / 2];

		if (r == NULL)
			continue;
		drain(r);
		rte_ring_free(r);
	}
	LIST_REMOVE(p, link);
	free(p);
}

static int
make_rings(struct sani_ring_pair *p, const struct sani_port_conf *conf)
{
	unsigned int size = rte_align32pow2(conf->rx_desc < 2 ? 2 : conf->rx_desc);
	char name[RTE_RING_NAMESIZE];

	for (unsigned int i = 0; i < 2U * p->nb_queues; i++) {
		snprintf(name, sizeof(name), "san_%u_%u_%u", p->serial, i % 2, i / 2);
		p->to[i % 2][i / 2] = rte_ring_create(name, size, SOCKET_ID_ANY,
						      RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (p->to[i % 2][i / 2] == NULL)
			return sani_error_set(-ENOMEM, "port %s: no memory for %u rings of %u frames; give "
					      "the EAL more (-m) or use fewer descriptors", conf->name,
					      2U * p->nb_queues, size);
	}
	return 0;
}

static int
make_end(struct sani_ring_pair *p, unsigned int e, const struct sani_port_conf *conf)
{
	struct end *end = &p->end[e];
	char name[RTE_RING_NAMESIZE];
	int id;

	snprintf(name, sizeof(name), "san_%u_%u", p->serial, e);
	snprintf(end->vdev, sizeof(end->vdev), "net_ring_%s", name);
	id = rte_eth_from_rings(name, p->to[e], p->nb_queues, p->to[1 - e], p->nb_queues,
				(unsigned int)SOCKET_ID_ANY);
	if (id < 0)
		return sani_error_set(-ENOMEM, "port %s: no ethdev for %s: a process has at most %d, and "
				      "some memory", conf->name, conf->device, RTE_MAX_ETHPORTS);
	end->id = (uint16_t)id;
	end->made = true;
	return 0;
}

static int
make_pair(const char *name, const struct sani_port_conf *conf, struct sani_ring_pair **pair)
{
	struct sani_ring_pair *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return sani_error_set(-ENOMEM, "port %s: no memory for a ring pair", conf->name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->serial = next_serial++;
	p->nb_queues = conf->nb_queues;
	p->claim = conf->claim;
	LIST_INSERT_HEAD(&pairs, p, link);
	rc = make_rings(p, conf);
	for (unsigned int e = 0; rc == 0 && e < 2; e++)
		rc = make_end(p, e, conf);
	if (rc < 0)
		remove_pair(p);
	else
		*pair = p;
	return rc;
}

/* An end may be taken if it is free, the pair has a queue for each core, and both ends leave the same undone. */
static int
check_end(const struct sani_ring_pair *p, unsigned int e, const struct sani_port_conf *conf)
{
	if (p->end[e].taken)
		return sani_error_set(-EBUSY, "port %s: %s is in use by port %s; use the other end, "
				      "ring:%s/%u", conf->name, conf->device, p->end[e].taker, p->name, 1 - e);
	if (p->nb_queues != conf->nb_queues)
		return sani_error_set(-EINVAL, "port %s: the host has %u cores, but the host at the other "
				      "end of %s has %u; both ends of a ring pair need as many", conf->name,
				      conf->nb_queues, conf->device, p->nb_queues);
	if (p->claim != conf->claim)
		return sani_error_set(-EINVAL, "port %s: the port at the other end of %s has another offload; give "
				      "both ends of a ring pair the same", conf->name, conf->device);
	return 0;
}

int
sani_ring_pair_take(const struct sani_port_conf *conf, uint16_t *id)
{
	char name[NAME_MAX_LEN + 1];
	struct sani_ring_pair *p;
	int e = parse_name(conf, name);
	int rc;

	if (e < 0)
		return e;
	if (conf->nb_queues == 0 || conf->nb_queues > SANI_RING_PAIR_QUEUES)
		return sani_error_set(-EINVAL, "port %s: a ring pair has 1 to %d queues, not %u",
				      conf->name, SANI_RING_PAIR_QUEUES, conf->nb_queues);
	p = find_by_name(name);
	rc = p == NULL ? make_pair(name, conf, &p) : check_end(p, (unsigned int)e, conf);
	if (rc < 0)
		return rc;
	/* What came while nobody listened is lost, as on a link that was down; it may be very old. */
	drain_end(p, (unsigned int)e);
	p->end[e].taken = true;
	snprintf(p->end[e].taker, sizeof(p->end[e].taker), "%s", conf->name);
	*id = p->end[e].id;
	return 0;
}

static struct sani_ring_pair *
find_by_id(uint16_t id, unsigned int *e)
{
	struct sani_ring_pair *p;

	LIST_FOREACH(p, &pairs, link) {
		for (*e = 0; *e < 2; (*e)++)
			if (p->end[*e].made && p->end[*e].id == id)
				return p;
	}
	return NULL;
}

void
sani_ring_pair_give(uint16_t id)
{
	unsigned int e;
	struct sani_ring_pair *p = find_by_id(id, &e);

	if (p == NULL)
		return;
	p->end[e].taken = false;
	/* Nobody polls this end any more, so this thread is the consumer now. */
	drain_end(p, e);
	if (!p->end[1 - e].taken)
		remove_pair(p);
}
