/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client. A connection sends and receives at the same time: one operation for connect, sends and
 * shutdown in turn, one for receives. It has succeeded when all has come back and then the FIN.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "echo.h"

#define COMPLAINTS 10
#define EARLY_MOST 1000u
#define LAST_CLOSES_US 2000000u

struct call {
	struct san_overlapped tx;
	struct san_overlapped rx;
	struct san_overlapped early;	/* --fast: the first send, posted behind the connect */
	san_handle sock;
	uint64_t seed;
	uint64_t sent;		/* the stack has taken */
	uint64_t got;
	uint64_t asked_us;	/* --count: when the last message was sent */
	uint32_t tx_len;	/* of the send under way */
	bool tx_busy;
	bool fin_sent;		/* shutdown posted */
	bool fin_acked;
	bool fin_seen;
	bool closing;
	bool failed;
	unsigned char *out;
	unsigned char *in;
};

struct client {
	struct prog *prog;
	const struct echo_options *options;
	struct call *calls;
	unsigned char *memory;
	unsigned int nb_open;	/* not closed */
	unsigned int nb_good;
	unsigned int nb_failed;
	uint64_t sent;
	uint64_t got;
	uint64_t got_said;
	uint64_t rtt_sum_us;
	uint64_t rtt_min_us;
	uint64_t rtt_max_us;
	uint64_t rtts;
	struct san_tcp_info info;	/* of the connection that was closed last */
};

static unsigned int
number_of(const struct client *cl, const struct call *c)
{
	return (unsigned int)(c - cl->calls);
}

static void
close_call(struct client *cl, struct call *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (!c->failed)
		cl->nb_good++;
	cl->info.size = sizeof(cl->info);
	san_tcp_info(c->sock, &cl->info);
	if (san_close(c->sock, (uintptr_t)c) != 0)
		cl->nb_open--;
}

/* code: a negative errno, or 0 when what says it all. */
static void
fail_call(struct client *cl, struct call *c, const char *what, int code)
{
	if (c->closing)
		return;
	c->failed = true;
	cl->nb_failed++;
	if (cl->nb_failed <= COMPLAINTS)
		prog_complain("connection %u: %s%s%s (%" PRIu64 " of %" PRIu64 " bytes came back).",
			      number_of(cl, c), what, code != 0 ? ": " : "",
			      code != 0 ? strerror(-code) : "", c->got, cl->options->bytes);
	if (cl->nb_failed == COMPLAINTS + 1)
		prog_complain("more connections failed; they are only counted.");
	close_call(cl, c);
}

static void
post_shutdown(struct client *cl, struct call *c)
{
	int rc = san_shutdown(c->sock, &c->tx, 0);

	c->fin_sent = true;
	if (rc < 0)
		fail_call(cl, c, "shutdown", rc);
}

/* How much may be sent now: with --count the next message, when the last one is back. */
static uint32_t
next_len(const struct client *cl, const struct call *c)
{
	uint64_t left = cl->options->bytes - c->sent;

	if (cl->options->count > 0 && c->got < c->sent)
		return 0;
	return left < cl->options->size ? (uint32_t)left : cl->options->size;
}

static void
send_more(struct client *cl, struct call *c)
{
	uint32_t len;

	while (!c->closing && !c->tx_busy && (len = next_len(cl, c)) > 0) {
		int rc;

		if (cl->options->verify)
			pattern_fill(c->seed, c->sent, c->out, len);
		if (cl->options->count > 0)
			c->asked_us = prog_now_us();
		rc = san_send(c->sock, &c->tx, c->out, len, 0);
		if (rc < 0) {
			fail_call(cl, c, "send", rc);
			return;
		}
		c->tx_busy = rc == 0;
		c->tx_len = len;
		c->sent += len;
		cl->sent += len;
	}
	if (!c->closing && !c->tx_busy && !c->fin_sent && c->sent == cl->options->bytes)
		post_shutdown(cl, c);
}

static void
receive(struct client *cl, struct call *c)
{
	int rc = san_recv(c->sock, &c->rx, c->in, cl->options->size, 0);

	if (rc < 0)
		fail_call(cl, c, "receive", rc);
}

static void
note_rtt(struct client *cl, const struct call *c)
{
	uint64_t rtt_us = prog_now_us() - c->asked_us;

	cl->rtts++;
	cl->rtt_sum_us += rtt_us;
	if (rtt_us < cl->rtt_min_us)
		cl->rtt_min_us = rtt_us;
	if (rtt_us > cl->rtt_max_us)
		cl->rtt_max_us = rtt_us;
}

/* False: the bytes are not those that were sent. */
static bool
check(struct client *cl, struct call *c, size_t len)
{
	size_t good = len;

	if (cl->options->verify)
		good = pattern_check(c->seed, c->got, c->in, len);
	if (good == len && c->got + len <= c->sent)
		return true;
	c->got += good;
	fail_call(cl, c, "the next byte is not the one that was sent", 0);
	return false;
}

static void
on_data(struct client *cl, struct call *c, size_t len)
{
	if (!check(cl, c, len))
		return;
	c->got += len;
	cl->got += len;
	if (cl->options->count > 0 && c->got == c->sent)
		note_rtt(cl, c);
	receive(cl, c);
	send_more(cl, c);
}

static void
on_fin(struct client *cl, struct call *c)
{
	c->fin_seen = true;
	if (c->got != cl->options->bytes)
		fail_call(cl, c, "the server ended the stream early", 0);
	else if (c->fin_acked)
		close_call(cl, c);
}

static void
on_completion(struct client *cl, const struct san_completion *comp)
{
	static const char *const words[] = {
		[SAN_OP_CONNECT] = "connect", [SAN_OP_SEND] = "send", [SAN_OP_RECV] = "receive",
		[SAN_OP_SHUTDOWN] = "shutdown",
	};
	struct call *c = (struct call *)(uintptr_t)comp->user;

	if (comp->kind == SAN_OP_CLOSE) {
		cl->nb_open--;
	} else if (c->closing) {
		return;
	} else if (comp->result < 0) {
		fail_call(cl, c, words[comp->kind], comp->result);
	} else if (comp->kind == SAN_OP_CONNECT) {
		receive(cl, c);
		send_more(cl, c);
	} else if (comp->kind == SAN_OP_SEND) {
		c->tx_busy = false;
		send_more(cl, c);
	} else if (comp->kind == SAN_OP_SHUTDOWN) {
		c->fin_acked = true;
		if (c->fin_seen)
			close_call(cl, c);
	} else if (comp->result > 0) {
		on_data(cl, c, (size_t)comp->result);
	} else {
		on_fin(cl, c);
	}
}

static void
reap(struct client *cl)
{
	struct san_completion comp[64];
	int nb = san_cq_poll(cl->prog->cq, comp, 64);

	for (int i = 0; i < nb; i++)
		on_completion(cl, &comp[i]);
}

/* So little that the stack takes it at once; what it takes goes with the SYN, or behind it. */
static int
send_early(struct client *cl, struct call *c)
{
	uint32_t len = next_len(cl, c);

	len = len < EARLY_MOST ? len : EARLY_MOST;
	if (san_send(c->sock, &c->early, c->out, len, 0) != 1)
		return -ENOBUFS;
	c->asked_us = prog_now_us();
	c->sent += len;
	cl->sent += len;
	return 0;
}

static int
start_call(struct client *cl, unsigned int i)
{
	const struct echo_options *o = cl->options;
	struct call *c = &cl->calls[i];
	int rc = san_socket(cl->prog->cores[o->host_core], cl->prog->cq, &c->sock);

	if (rc != 0)
		return rc;
	cl->nb_open++;
	c->seed = o->seed + ((uint64_t)i << 32);
	c->out = cl->memory + (size_t)2 * i * o->size;
	c->in = c->out + o->size;
	c->tx.user = (uintptr_t)c;
	c->rx.user = (uintptr_t)c;
	pattern_fill(c->seed, 0, c->out, o->size);
	if (o->user_timeout_ms > 0)
		rc = san_set_option(c->sock, SAN_OPT_USER_TIMEOUT, o->user_timeout_ms);
	if (rc == 0)
		rc = o->fast ? san_set_option(c->sock, SAN_OPT_FASTOPEN, 1) : 0;
	if (rc == 0)
		rc = san_connect(c->sock, &c->tx, &o->peer, 0);
	if (rc == 0 && o->fast)
		rc = send_early(cl, c);
	if (rc != 0)
		fail_call(cl, c, "connect", rc);
	return 0;
}

static bool
start_calls(struct client *cl)
{
	for (unsigned int i = 0; i < cl->options->connections; i++) {
		int rc = start_call(cl, i);

		if (rc != 0) {
			prog_complain("only %u of %u sockets can be made: %s (see \"sockets\" in "
				      "doc/configuration.md).", i, cl->options->connections,
				      strerror(-rc));
			return false;
		}
		while (cl->options->fast && cl->nb_open > 0 && !prog_stop && !cl->prog->down) {
			prog_poll(cl->prog);
			reap(cl);
		}
		/* the answers to many SYNs come while the rest are sent */
		if (i % 32 == 31) {
			prog_poll(cl->prog);
			reap(cl);
		}
	}
	return true;
}

static void
say_progress(struct client *cl)
{
	prog_say("%u connections open, %u done, %.1f MB sent, %.1f MB back, %.1f MB/s", cl->nb_open,
		 cl->nb_good, (double)cl->sent / 1e6, (double)cl->got / 1e6,
		 (double)(cl->got - cl->got_said) / 1e6);
	cl->got_said = cl->got;
}

/* Where a transfer was slow, one line says most of why. */
static void
say_info(const struct san_tcp_info *i)
{
	if (i->segs_out > 0)
		prog_say("the last one: %s, round trip %u us, timeout %u us, window %u, segments of %u, "
			 "%" PRIu64 " sent, %" PRIu64 " of them again", i->cc_name, i->srtt_us, i->rto_us,
			 i->cwnd, i->snd_mss, i->segs_out, i->segs_retrans);
}

static void
say_totals(struct client *cl, double seconds)
{
	prog_say("%u connections good, %u failed; %" PRIu64 " bytes sent, %" PRIu64 " back%s in %.3f s",
		 cl->nb_good, cl->nb_failed, cl->sent, cl->got,
		 cl->options->verify && cl->nb_failed == 0 ? ", every one of them compared," : "",
		 seconds);
	if (cl->rtts > 0)
		prog_say("%" PRIu64 " messages: round trip least %" PRIu64 ", mean %.1f, most %" PRIu64
			 " us", cl->rtts, cl->rtt_min_us, (double)cl->rtt_sum_us / (double)cl->rtts,
			 cl->rtt_max_us);
	say_info(&cl->info);
}

/* A signal ends it early: what is open is closed and counts as failed. */
static void
give_up(struct client *cl)
{
	uint64_t end_us = prog_now_us() + LAST_CLOSES_US;

	for (unsigned int i = 0; i < cl->options->connections; i++) {
		struct call *c = &cl->calls[i];

		if (c->sock != SAN_NO_HANDLE && !c->closing) {
			c->failed = true;
			cl->nb_failed++;
			close_call(cl, c);
		}
	}
	while (cl->nb_open > 0 && !cl->prog->down && prog_now_us() < end_us) {
		prog_poll(cl->prog);
		reap(cl);
	}
}

static bool
run(struct client *cl)
{
	uint64_t start_us = prog_now_us();
	bool all = start_calls(cl);

	while (all && cl->nb_open > 0 && !prog_stop && !cl->prog->down) {
		prog_poll(cl->prog);
		reap(cl);
		if (prog_tick(cl->prog))
			say_progress(cl);
	}
	give_up(cl);
	say_totals(cl, (double)(prog_now_us() - start_us) / 1e6);
	return all && cl->nb_good == cl->options->connections;
}

int
echo_call(struct prog *p, const struct echo_options *options)
{
	struct client cl = { .prog = p, .options = options, .rtt_min_us = UINT64_MAX };
	bool good = false;

	cl.calls = prog_alloc(options->connections * sizeof(*cl.calls));
	cl.memory = malloc((size_t)2 * options->connections * options->size);
	if (cl.calls == NULL || cl.memory == NULL) {
		prog_complain("no memory for %u connections of twice %u bytes.", options->connections,
			      options->size);
	} else {
		good = run(&cl);
		/* the stack owns operations and buffers until the last close */
		if (cl.nb_open > 0) {
			prog_cleanup(p);
			prog_end_cq(p);
		}
	}
	free(cl.memory);
	free(cl.calls);
	return good ? 0 : 1;
}
