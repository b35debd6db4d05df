/* SPDX-License-Identifier: BSD-3-Clause */
/* Small messages: each connection has one under way; the server sends it back. */
#include <string.h>

#include "demo.h"

static void
ask(struct demo *d, struct end *e)
{
	int rc;

	e->asked_ns = demo_now_ns();
	rc = san_send(e->sock, &e->tx, e->out, MESSAGE, 0);
	if (rc < 0)
		demo_fail(d, "send", rc);
	else if (rc == 1)
		rc = san_recv(e->sock, &e->rx, e->in, MESSAGE, SAN_WAITALL);
	if (rc < 0)
		demo_fail(d, "receive", rc);
}

static void
on_client(struct demo *d, struct end *e, const struct san_completion *comp)
{
	int rc;

	if (comp->result < 0) {
		demo_fail(d, "client", comp->result);
	} else if (comp->kind == SAN_OP_SEND) {
		rc = san_recv(e->sock, &e->rx, e->in, MESSAGE, SAN_WAITALL);
		if (rc < 0)
			demo_fail(d, "receive", rc);
	} else if (comp->result != MESSAGE || memcmp(e->in, e->out, MESSAGE) != 0) {
		demo_fail(d, "a message came back different", 0);
	} else {
		prog_hist_add(&d->times, demo_now_ns() - e->asked_ns);
		d->messages++;
		e->out[d->messages % MESSAGE]++;
		if (d->asking)
			ask(d, e);
	}
}

static void
listen_to(struct demo *d, struct end *e)
{
	int rc = san_recv(e->sock, &e->rx, e->in, MESSAGE, SAN_WAITALL);

	if (rc < 0)
		demo_fail(d, "server receive", rc);
}

static void
on_server(struct demo *d, struct end *e, const struct san_completion *comp)
{
	int rc = comp->result;

	if (rc < 0) {
		demo_fail(d, "server", rc);
	} else if (comp->kind == SAN_OP_SEND) {
		listen_to(d, e);
	} else {
		rc = san_send(e->sock, &e->tx, e->in, MESSAGE, 0);
		if (rc == 1)
			listen_to(d, e);
		else if (rc < 0)
			demo_fail(d, "server send", rc);
	}
}

static void
say_latency(const struct demo *d)
{
	demo_say("   round trip: p50 %.1f us, p90 %.1f us, p99 %.1f us, p99.9 %.1f us",
		 (double)prog_hist_at(&d->times, 0.5) / 1e3,
		 (double)prog_hist_at(&d->times, 0.9) / 1e3,
		 (double)prog_hist_at(&d->times, 0.99) / 1e3,
		 (double)prog_hist_at(&d->times, 0.999) / 1e3);
}

/* Until every connection has its last message back: the receives of the servers stay posted. */
static void
settle(struct demo *d)
{
	uint64_t end_ns = demo_now_ns() + 100000000;

	d->asking = false;
	while (!d->broken && demo_now_ns() < end_ns)
		demo_step(d);
}

bool
messages_run(struct demo *d, double seconds)
{
	uint64_t start_ns = demo_now_ns();
	uint64_t said_ns = start_ns;
	uint64_t said = 0;
	uint64_t end_ns = start_ns + (uint64_t)(seconds * 1e9);
	uint64_t now_ns = start_ns;

	d->asking = true;
	for (unsigned int i = 0; i < d->connections && !d->broken; i++) {
		d->clients[i].on = on_client;
		d->servers[i].on = on_server;
		listen_to(d, &d->servers[i]);
		ask(d, &d->clients[i]);
	}
	while (!d->broken && !prog_stop && now_ns < end_ns) {
		demo_step(d);
		now_ns = demo_now_ns();
		if (now_ns - said_ns >= 1000000000) {
			demo_say("   %.0f messages/s", (double)(d->messages - said) * 1e9 /
				 (double)(now_ns - said_ns));
			said = d->messages;
			said_ns = now_ns;
		}
	}
	if (d->broken || prog_stop)
		return false;
	demo_say("   %.0f messages/s in all, every one compared",
		 (double)d->messages * 1e9 / (double)(now_ns - start_ns));
	say_latency(d);
	settle(d);
	return !d->broken;
}
