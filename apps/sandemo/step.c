/* SPDX-License-Identifier: BSD-3-Clause */
/* What every phase does with its ends: rounds, waiting, connecting, closing. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "demo.h"

uint64_t
demo_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void
demo_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void
demo_fail(struct demo *d, const char *what, int code)
{
	if (!d->broken)
		prog_complain("%s%s%s.", what, code != 0 ? ": " : "", code != 0 ? strerror(-code) : "");
	d->broken = true;
}

static void
on_accept(struct demo *d, const struct san_completion *comp)
{
	struct end *e = d->pending;

	if (comp->result != 0 || e == NULL) {
		if (d->listening)
			demo_fail(d, "accept", comp->result);
		return;
	}
	d->pending = NULL;
	d->open++;
	e->sock = comp->value;
	e->open = true;
	e->connected = true;
}

void
demo_step(struct demo *d)
{
	struct san_completion comp[64];
	int nb;

	prog_poll(&d->prog);
	if (d->prog.down)
		demo_fail(d, "the library has ended", 0);
	nb = san_cq_poll(d->prog.cq, comp, 64);
	for (int i = 0; i < nb; i++) {
		struct end *e = (struct end *)(uintptr_t)comp[i].user;

		d->open -= comp[i].kind == SAN_OP_CLOSE;
		if (comp[i].kind == SAN_OP_ACCEPT) {
			on_accept(d, &comp[i]);
		} else if (e != NULL) {
			e->open &= comp[i].kind != SAN_OP_CLOSE;
			e->on(d, e, &comp[i]);
		}
	}
}

bool
demo_wait(struct demo *d, const bool *what, double limit_s)
{
	uint64_t end_ns = demo_now_ns() + (uint64_t)(limit_s * 1e9);

	while (!*what && !d->broken && !prog_stop && demo_now_ns() < end_ns)
		demo_step(d);
	return *what && !d->broken;
}

static void
on_connect(struct demo *d, struct end *e, const struct san_completion *comp)
{
	if (comp->result < 0)
		demo_fail(d, "connect", comp->result);
	e->connected = comp->result == 0;
}

void
demo_hear_nothing(struct demo *d, struct end *e, const struct san_completion *comp)
{
	(void)d;
	(void)e;
	(void)comp;
}

bool
demo_connect(struct demo *d, struct end *client, struct end *server)
{
	struct san_addr peer;
	struct san_core *core = san_core_get(d->prog.hosts[CLIENT_HOST], 0);
	int rc = san_socket(core, d->prog.cq, &client->sock);

	client->on = on_connect;
	server->on = demo_hear_nothing;
	client->tx.user = client->rx.user = (uintptr_t)client;
	server->tx.user = server->rx.user = (uintptr_t)server;
	d->pending = server;
	if (rc == 0) {
		d->open++;
		client->open = true;
		rc = san_accept(d->listener, &d->accept, 0);
	}
	if (rc == 0)
		rc = san_addr_parse("10.0.0.2:7", &peer);
	if (rc == 0)
		rc = san_connect(client->sock, &client->tx, &peer, 0);
	if (rc != 0) {
		demo_fail(d, "connect", rc);
		return false;
	}
	if (demo_wait(d, &client->connected, 5) && demo_wait(d, &server->connected, 5))
		return true;
	demo_fail(d, "a connection did not come up", 0);
	return false;
}

void
demo_close(struct demo *d, struct end *e)
{
	int rc = 0;

	if (e->open)
		rc = san_close(e->sock, (uintptr_t)e);
	if (rc != 0 && rc != -ENOTSOCK)
		demo_fail(d, "close", rc);
}
