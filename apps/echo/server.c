/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server. A connection has one operation at a time: receive, send the same bytes, receive again.
 * A FIN is answered by a shutdown, and the close comes when that is acknowledged; any error is
 * answered by a close at once. A connection's memory goes with its close completion, the last one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "echo.h"

#define FAST_PENDING 64
#define ACCEPTS 64
#define BUFFER 65536
#define LAST_CLOSES_US 2000000u

struct conn {
	struct san_overlapped op;
	san_handle sock;
	struct conn *next;
	struct conn **prev;
	unsigned char data[BUFFER];
};

struct server {
	struct prog *prog;
	const struct echo_options *options;
	san_handle listener;
	bool listening;		/* accepts are posted again */
	struct san_overlapped accepts[ACCEPTS];
	struct conn *conns;
	uint64_t open;		/* connections */
	uint64_t closes_due;	/* those and the listener */
	uint64_t accepted;
	uint64_t finished;	/* both sides have said their FIN */
	uint64_t broken;	/* reset, timed out */
	uint64_t refused;	/* no room */
	uint64_t bytes;
	uint64_t bytes_said;
};

static void
close_conn(struct conn *c)
{
	san_close(c->sock, (uintptr_t)c);
}

static void
receive(struct server *s, struct conn *c)
{
	if (san_recv(c->sock, &c->op, c->data, BUFFER, 0) < 0) {
		s->broken++;
		close_conn(c);
	}
}

static void
send_back(struct server *s, struct conn *c, size_t len)
{
	int rc = san_send(c->sock, &c->op, c->data, len, 0);

	s->bytes += len;
	if (rc == 1) {
		receive(s, c);
	} else if (rc < 0) {
		s->broken++;
		close_conn(c);
	}
}

static void
finish(struct server *s, struct conn *c)
{
	if (san_shutdown(c->sock, &c->op, 0) < 0) {
		s->broken++;
		close_conn(c);
	}
}

static void
on_accept(struct server *s, const struct san_completion *comp)
{
	struct conn *c = NULL;

	if (comp->result == 0)
		c = prog_alloc(sizeof(*c));
	if (c != NULL) {
		s->accepted++;
		s->open++;
		s->closes_due++;
		c->sock = comp->value;
		c->op.user = (uintptr_t)c;
		c->next = s->conns;
		c->prev = &s->conns;
		if (c->next != NULL)
			c->next->prev = &c->next;
		s->conns = c;
		receive(s, c);
	} else if (comp->result == 0) {
		s->refused++;
		s->closes_due++;
		san_close(comp->value, 0);
	} else if (comp->result != -ECANCELED) {
		s->refused++;
	}
	if (s->listening)
		san_accept(s->listener, comp->op, 0);
}

static void
on_close(struct server *s, struct conn *c)
{
	s->closes_due--;
	if (c == NULL)
		return;
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->open--;
	free(c);
}

/* The one operation of a connection has ended. */
static void
on_op(struct server *s, const struct san_completion *comp)
{
	struct conn *c = (struct conn *)(uintptr_t)comp->user;

	if (comp->result < 0) {
		s->broken += comp->result != -ECANCELED;
		close_conn(c);
	} else if (comp->kind == SAN_OP_SEND) {
		receive(s, c);
	} else if (comp->kind == SAN_OP_SHUTDOWN) {
		s->finished++;
		close_conn(c);
	} else if (comp->result == 0) {
		finish(s, c);
	} else {
		send_back(s, c, (size_t)comp->result);
	}
}

static void
reap(struct server *s)
{
	struct san_completion comp[64];
	int nb = san_cq_poll(s->prog->cq, comp, 64);

	for (int i = 0; i < nb; i++) {
		if (comp[i].kind == SAN_OP_ACCEPT)
			on_accept(s, &comp[i]);
		else if (comp[i].kind == SAN_OP_CLOSE)
			on_close(s, (struct conn *)(uintptr_t)comp[i].user);
		else
			on_op(s, &comp[i]);
	}
}

static int
open_listener(struct server *s)
{
	const struct san_addr any = { .port = s->options->port };
	int rc = san_socket(s->prog->cores[s->options->host_core], s->prog->cq, &s->listener);

	if (rc != 0)
		return rc;
	s->closes_due++;
	rc = san_bind(s->listener, &any);
	if (rc == 0 && s->options->user_timeout_ms > 0)
		rc = san_set_option(s->listener, SAN_OPT_USER_TIMEOUT, s->options->user_timeout_ms);
	if (rc == 0 && s->options->fast)
		rc = san_set_option(s->listener, SAN_OPT_FASTOPEN, FAST_PENDING);
	if (rc == 0)
		rc = san_listen(s->listener, s->options->backlog);
	for (int i = 0; i < ACCEPTS && rc == 0; i++)
		rc = san_accept(s->listener, &s->accepts[i], 0);
	s->listening = rc == 0;
	return rc;
}

static void
say_progress(struct server *s)
{
	if (s->bytes == s->bytes_said)
		return;
	prog_say("%llu connections open, %llu accepted, %.1f MB/s",
		 (unsigned long long)s->open, (unsigned long long)s->accepted,
		 (double)(s->bytes - s->bytes_said) / 1e6);
	s->bytes_said = s->bytes;
}

/* Close what is open and wait for the closes, but not for ever. */
static void
close_all(struct server *s)
{
	uint64_t end_us = prog_now_us() + LAST_CLOSES_US;

	s->listening = false;
	san_close(s->listener, 0);
	for (struct conn *c = s->conns; c != NULL; c = c->next)
		close_conn(c);
	while (s->closes_due > 0 && !s->prog->down && prog_now_us() < end_us) {
		prog_poll(s->prog);
		reap(s);
	}
}

static void
say_totals(const struct server *s)
{
	prog_say("%llu connections accepted, %llu finished, %llu broken off, %llu refused for lack of room; "
		 "%llu bytes sent back", (unsigned long long)s->accepted, (unsigned long long)s->finished,
		 (unsigned long long)s->broken, (unsigned long long)s->refused,
		 (unsigned long long)s->bytes);
}

static int
serve(struct server *s)
{
	int rc = open_listener(s);

	if (rc != 0) {
		prog_complain("port %u cannot be listened on: %s.", s->options->port, strerror(-rc));
		return 1;
	}
	prog_say("serving on port %u", s->options->port);
	while (!prog_stop && !s->prog->down) {
		prog_poll(s->prog);
		reap(s);
		if (prog_tick(s->prog))
			say_progress(s);
	}
	return 0;
}

int
echo_serve(struct prog *p, const struct echo_options *options)
{
	struct server *s = prog_alloc(sizeof(*s));
	int status;

	if (s == NULL) {
		prog_complain("no memory.");
		return 1;
	}
	s->prog = p;
	s->options = options;
	status = serve(s);
	close_all(s);
	/* the stack owns what is posted until its close has come */
	if (s->closes_due > 0) {
		prog_cleanup(p);
		prog_end_cq(p);
	}
	if (status == 0)
		say_totals(s);
	free(s);
	return status;
}
