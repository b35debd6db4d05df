/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/conn.h"

#include <stdlib.h>

#include "sim/checker.h"

#define ZOMBIE_US 10000000u

struct sim_programs sim_programs;

static struct sim_conn *unused;
static struct sim_conn *by_port[SIM_HOSTS][1024];
static uint32_t nb_serial;

void
sim_conns_begin(void)
{
	memset(by_port, 0, sizeof(by_port));
}

/* Connections by the client's port; there may be several of one port, to different servers. */

static struct sim_conn **
port_bucket(unsigned int host, uint16_t port)
{
	return &by_port[host][port % 1024];
}

static void
list_port(struct sim_conn *c)
{
	struct sim_conn **at = port_bucket(c->end[0].host->index, c->client_port);

	/* the oldest first */
	while (*at != NULL)
		at = &(*at)->next_port;
	c->next_port = NULL;
	*at = c;
}

static void
unlist_port(struct sim_conn *c)
{
	struct sim_conn **at = port_bucket(c->end[0].host->index, c->client_port);

	for (; *at != NULL; at = &(*at)->next_port)
		if (*at == c) {
			*at = c->next_port;
			return;
		}
}

static struct sim_host *
host_of(const struct san_addr *a)
{
	for (unsigned int i = 0; i < sim_programs.world->nb_hosts; i++)
		if (memcmp(sim_programs.world->hosts[i].addr.ip, a->ip, sizeof(a->ip)) == 0)
			return &sim_programs.world->hosts[i];
	return NULL;
}

/*
 * Several may have used a port: at most one of them is alive. An accepted socket that is dead already belongs to the
 * oldest, any other one to the newest.
 */
struct sim_conn *
sim_conn_find(const struct sim_host *server, uint16_t port, const struct san_addr *peer, bool dead)
{
	const struct sim_host *client = host_of(peer);
	struct sim_conn *c = client != NULL ? *port_bucket(client->index, peer->port) : NULL;
	struct sim_conn *found = NULL;

	for (; c != NULL && !(found != NULL && dead); c = c->next_port)
		if (c->client_port == peer->port && c->port == port && c->end[1].host == server &&
		    c->end[1].phase == SIM_NEW)
			found = c;
	return found;
}

void
sim_conn_free(struct sim_conn *c)
{
	if (c->client_port != 0 && !c->meets)
		unlist_port(c);
	if (c->end[0].half != NULL)
		sim_flow_retire(c->end[0].half);
	sim_end_fini(&c->end[0]);
	sim_end_fini(&c->end[1]);
	*c->link = c->next_live;
	if (c->next_live != NULL)
		c->next_live->link = c->link;
	c->serial = 0;
	c->next_live = unused;
	unused = c;
	sim_programs.nb_live--;
	sim_programs.moved_us = vhost_now_us;
}

static void
end_zombie(void *arg, uint32_t what)
{
	struct sim_conn *c = arg;

	if (c->serial == what && c->end[1].phase == SIM_NEW)
		sim_conn_free(c);
}

/* An end is gone; with the other one, or when that never came to be, the connection is over. */
void
sim_conn_take_gone(struct sim_end *e)
{
	struct sim_conn *c = e->conn;
	bool whole = c->end[0].shut_done && c->end[0].at_end && c->end[1].shut_done && c->end[1].at_end;

	sim_programs.moved_us = vhost_now_us;
	if (c->end[0].phase == SIM_GONE && c->end[1].phase == SIM_NEW) {
		sim_event_add(&sim_programs.world->events, vhost_now_us + ZOMBIE_US, end_zombie, c, c->serial);
		return;
	}
	if (c->end[0].phase != SIM_GONE || c->end[1].phase != SIM_GONE)
		return;
	sim_programs.tally.complete += whole;
	if (whole)
		sim_hold(SIM_complete, c->end[0].got == c->end[1].sent && c->end[1].got == c->end[0].sent,
			 "a graceful end after %lu of %lu and %lu of %lu octets", c->end[0].got, c->end[1].sent,
			 c->end[1].got, c->end[0].sent);
	sim_conn_free(c);
}

struct sim_conn *
sim_conn_make(void)
{
	struct sim_conn *c = unused;

	if (c != NULL)
		unused = c->next_live;
	else
		c = malloc(sizeof(*c));
	memset(c, 0, sizeof(*c));
	c->serial = ++nb_serial;
	for (unsigned int i = 0; i < 2; i++) {
		struct sim_end *e = &c->end[i];

		e->conn = c;
		e->peer = &c->end[1 - i];
		e->program = &c->prog[i];
		sim_behaviour_make(&c->prog[i], &sim_programs.rng, sim_programs.plan);
		sim_end_init(e);
		e->stream = sim_draw(&sim_programs.rng);
	}
	c->link = &sim_programs.live;
	c->next_live = sim_programs.live;
	if (sim_programs.live != NULL)
		sim_programs.live->link = &c->next_live;
	sim_programs.live = c;
	sim_programs.nb_live++;
	return c;
}

/* The names are known as soon as the connect is posted. */
void
sim_conn_note_names(struct sim_conn *c)
{
	struct sim_end *e = &c->end[0];
	struct san_addr local;

	if (san_names(e->sock, &local, NULL) != 0 || local.port == 0)
		return;
	c->client_port = local.port;
	list_port(c);
}

static void
find_halves(struct sim_conn *c)
{
	const struct sim_host *client = c->end[0].host;
	const struct sim_host *server = c->end[1].host;
	struct sim_half *x = sim_half_find(client->ip, c->client_port, server->ip, c->port);

	c->end[0].half = x;
	c->end[1].half = x != NULL ? x->peer : NULL;
}

void
sim_conn_note_open(struct sim_conn *c)
{
	find_halves(c);
	c->nb_open++;
	sim_programs.tally.open += c->nb_open == 2;
}

void
sim_conns_free(void)
{
	while (sim_programs.live != NULL)
		sim_conn_free(sim_programs.live);
	while (unused != NULL) {
		struct sim_conn *c = unused;

		unused = c->next_live;
		free(c);
	}
}
