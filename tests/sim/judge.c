/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/judge.h"

#include <errno.h>

#include "sim/checker.h"

#define DEADLINE_SLACK_US 2000u		/* ticks of wheels */

void
sim_stream_fill(uint64_t key, uint64_t from, uint8_t *buf, uint32_t len)
{
	uint32_t i = 0;

	while (i < len) {
		uint64_t at = from + i;
		uint64_t word = sim_mix(key + (at >> 3));
		uint32_t skip = (uint32_t)(at & 7);
		uint32_t n = 8 - skip;

		word >>= 8 * skip;
		if (n > len - i)
			n = len - i;
		memcpy(buf + i, &word, n);
		i += n;
	}
}

static uint64_t
find_difference(uint64_t key, uint64_t from, const uint8_t *buf, uint32_t len)
{
	uint8_t want[1024];

	for (uint32_t i = 0; i < len; i += sizeof(want)) {
		uint32_t n = len - i < sizeof(want) ? len - i : (uint32_t)sizeof(want);

		sim_stream_fill(key, from + i, want, n);
		for (uint32_t k = 0; memcmp(want, buf + i, n) != 0 && k < n; k++)
			if (want[k] != buf[i + k])
				return from + i + k;
	}
	return UINT64_MAX;
}

/* Behind its deadline, and for that reason as far as can be told. */
static bool
is_late(const struct sim_op *op)
{
	return op->result == -ETIMEDOUT && op->o.timeout_us != 0 &&
	       op->ended_us >= op->posted_us + op->o.timeout_us;
}

/* What it has by then is a result, too. A send from registered memory has to wait for the packets that refer to it. */
void
sim_judge_deadline(const struct sim_op *op)
{
	const struct sim_host *h = op->end->host;

	if (op->o.timeout_us == 0 || op->lent || h->excused_us + 1000 >= op->posted_us)
		return;
	sim_hold(SIM_deadline, op->ended_us <= op->posted_us + op->o.timeout_us + DEADLINE_SLACK_US,
		 "host %u: an operation of kind %u has ended %lu us after its post, its deadline was %u us", h->index,
		 op->kind, op->ended_us - op->posted_us, op->o.timeout_us);
}

/*
 * The octet in front of the mark is written with the send that sets it, so the segment that brings it has the mark: the
 * receive that takes it has to be told. One that is told takes urgent data, or has some before it.
 */
static void
judge_urgent(const struct sim_end *e, const struct sim_op *op, uint32_t n)
{
	bool told = op->o.flags & SAN_URGENT;
	bool ahead = false;

	for (uint32_t i = 0; i < e->peer->nb_urgent; i++) {
		uint64_t end = e->peer->urgent[i];

		ahead |= end > e->got;
		if (end > e->got && end <= e->got + n)
			sim_hold(SIM_urgent, told, "host %u: not told of urgent data that ends at %lu, in %lu..%lu",
				 e->host->index, end, e->got, e->got + n);
	}
	if (!told)
		return;
	sim_hold(SIM_urgent, ahead, "host %u: told of urgent data, in %lu..%lu or behind, that was not sent",
		 e->host->index, e->got, e->got + n);
	sim_exercised[SIM_urgent_told]++;
}

static void
take_bytes(struct sim_end *e, const struct sim_op *op, uint32_t n)
{
	uint64_t wrong = find_difference(e->peer->stream, e->got, op->buf, n);

	sim_hold(SIM_bytes, wrong == UINT64_MAX && e->got + n <= e->peer->sent,
		 "host %u port %u: octet %lu of %lu is wrong (received %u at %lu)", e->host->index,
		 e->half ? e->half->port : 0, wrong, e->peer->sent, n, e->got);
	e->got += n;
	e->moved_us = vhost_now_us;
}

/* How long has the network given no sign of life? A connection gives up only after its user timeout. */
static bool
may_time_out(const struct sim_end *e)
{
	uint64_t timeout_us = e->user_timeout_ms != 0 ? e->user_timeout_ms * 1000ull :
			      e->phase == SIM_CONNECTING || e->got + e->sent == 0 ? 180000000ull : 924000000ull;

	/* what is accepted with the SYN may find that nobody is there, for as long as a handshake lasts */
	if (e->fast)
		timeout_us = RTE_MIN(timeout_us, 60000000ull);
	if (e->keep_ms != 0 && e->keep_ms * 1000ull < timeout_us)
		timeout_us = e->keep_ms * 1000ull;
	return sim_situation.lossy && vhost_now_us - e->opened_us + 100000 >= timeout_us;
}

/* Has it ended for the buffers that it held? The host has counted each that did. */
static bool
may_be_evicted(const struct sim_end *e)
{
	return e->error == -ETIMEDOUT || e->host->nb_evicted < vhost_count(&e->host->v, SANI_CTR_tcp_evicted);
}

/*
 * Has the host answered SYNs by cookies and had no place for what came back? Then it knows nothing of the
 * connection until the very first text comes again, and resets what comes behind it (doc/rfc/4987.md).
 */
static bool
may_have_forgotten(const struct sim_host *host)
{
	return vhost_count(&host->v, SANI_CTR_tcp_tx_cookie) != 0 &&
	       (vhost_count(&host->v, SANI_CTR_tcp_rx_drop_backlog) != 0 ||
		vhost_count(&host->v, SANI_CTR_core_drop_noconn) != 0);
}

/* Somebody has to have caused a reset: the peer's program, or a host that has given up or forgotten. */
static bool
may_be_reset(const struct sim_end *e)
{
	const struct sim_end *peer = e->peer;
	uint32_t state;

	if (peer == NULL || peer->host == NULL || peer->phase == SIM_NEW)
		return sim_situation.tight || sim_situation.lossy;
	if (e->got == 0 && may_have_forgotten(peer->host))
		return true;
	if (peer->closed_live || peer->phase >= SIM_CLOSING || peer->error != 0)
		return true;
	return san_get_option(peer->sock, SAN_OPT_STATE, &state) == 0 && state == SAN_TCP_CLOSED;
}

static bool
is_permitted_error(const struct sim_end *e, const struct sim_op *op)
{
	/* what was sent with a connect shares its fate */
	if (e->fast && e->error != 0 && e->error == op->result)
		return true;
	switch (op->result) {
	case -ECANCELED:
		return op->cancelled || e->phase == SIM_CLOSING;
	case -ECONNRESET:
		return may_be_reset(e);
	case -ETIMEDOUT:
		return may_time_out(e) || may_be_evicted(e);
	case -EHOSTUNREACH:
		return sim_situation.lossy;
	case -ECONNABORTED:
		return e->aborted;
	default:
		return false;
	}
}

static void
note_timeout(const struct sim_end *e)
{
	if (e->user_timeout_ms != 0)
		sim_exercised[SIM_user_timeout]++;
	else if (e->keep_ms != 0 && vhost_now_us - e->opened_us < 180000000)
		sim_exercised[SIM_keep_timeout]++;
}

static void
judge_error(struct sim_end *e, const struct sim_op *op)
{
	if (is_late(op))
		return;
	sim_hold(SIM_op_result, is_permitted_error(e, op),
		 "host %u port %u: an operation of kind %u ends with %d (peer in phase %d, error %d)", e->host->index,
		 e->half ? e->half->port : 0, op->kind, op->result, e->peer ? (int)e->peer->phase : -1,
		 e->peer ? e->peer->error : 0);
	if (op->result == -ECANCELED || e->error != 0)
		return;
	if (op->result == -ETIMEDOUT && may_time_out(e))
		note_timeout(e);
	else if (op->result == -ETIMEDOUT)
		e->host->nb_evicted++;
	e->error = op->result;
	e->left_us = vhost_now_us;
}

static void
judge_recv(struct sim_end *e, struct sim_op *op)
{
	if (op->result < 0) {
		/* what a cancelled one has received is told in done */
		if ((op->result == -ECANCELED || is_late(op)) && op->o.done > 0)
			take_bytes(e, op, op->o.done);
		sim_exercised[SIM_late_recv] += is_late(op);
		judge_error(e, op);
		return;
	}
	sim_hold(SIM_op_result, op->result <= (int)op->len, "a receive of %u got %d", op->len, op->result);
	judge_urgent(e, op, (uint32_t)op->result);
	take_bytes(e, op, (uint32_t)op->result);
	if ((op->flags & SAN_WAITALL) && op->result < (int)op->len)
		sim_hold(SIM_waitall, e->peer->shut && e->got == e->peer->sent,
			 "SAN_WAITALL for %u ends with %d, %lu of %lu received", op->len, op->result, e->got,
			 e->peer->sent);
	if (op->result > 0)
		return;
	sim_hold(SIM_end_of_stream, e->peer->shut && e->got == e->peer->sent,
		 "host %u port %u: the end of the stream after %lu of %lu (the peer's shutdown: %d)", e->host->index,
		 e->half ? e->half->port : 0, e->got, e->peer->sent, e->peer->shut);
	e->at_end = true;
}

/* Of a send only that much is the stream's: it ends there, and what of it was urgent does too. */
static void
take_back(struct sim_end *e, const struct sim_op *op)
{
	e->sent = op->from + op->o.done;
	if (!(op->flags & SAN_URGENT))
		return;
	e->nb_urgent--;
	if (op->o.done > 0)
		e->urgent[e->nb_urgent++] = e->sent;
}

static void
judge_send(struct sim_end *e, struct sim_op *op)
{
	if (op->result < 0) {
		/* what was not given to the connection is not part of the stream; only the last one is cancelled */
		if ((op->result == -ECANCELED || is_late(op)) && e->phase == SIM_OPEN)
			take_back(e, op);
		sim_exercised[SIM_late_send] += is_late(op);
		judge_error(e, op);
		return;
	}
	e->moved_us = vhost_now_us;
	sim_hold(SIM_op_result, op->result == (int)op->len, "a send of %u ends with %d", op->len, op->result);
	if (op->lent && e->half != NULL && !e->half->flow->ignored)
		sim_hold(SIM_lent_acked, op->to <= sim_half_acked(e->half),
			 "lent up to %lu, but only %u were acknowledged", op->to, sim_half_acked(e->half));
	if ((op->flags & SAN_ACKED) && e->half != NULL && !e->half->flow->ignored)
		sim_hold(SIM_op_acked, op->to <= sim_half_acked(e->half),
			 "SAN_ACKED up to %lu, but only %u were acknowledged", op->to, sim_half_acked(e->half));
}

static void
judge_shutdown(struct sim_end *e, struct sim_op *op)
{
	if (op->result < 0) {
		judge_error(e, op);
		return;
	}
	sim_hold(SIM_op_result, op->result == 0, "a shutdown ends with %d", op->result);
	e->shut_done = true;
	e->moved_us = vhost_now_us;
	if (e->half != NULL && !e->half->flow->ignored)
		sim_hold(SIM_shutdown_acked, sim_half_fin_acked(e->half),
			 "a shutdown ends before its FIN is acknowledged");
}

static void
judge_disconnect(struct sim_end *e, struct sim_op *op)
{
	const struct sim_half *x = e->half;

	if (op->result < 0) {
		sim_exercised[SIM_late_disconnect] += is_late(op);
		judge_error(e, op);
		return;
	}
	e->moved_us = vhost_now_us;
	if (op->flags & SAN_ABORT) {
		sim_hold(SIM_disconnect, op->result == 0 && (op->ended_us == op->posted_us ||
							     e->host->excused_us >= op->posted_us),
			 "an abort ends with %d after %lu us", op->result, op->ended_us - op->posted_us);
		sim_exercised[SIM_aborted]++;
		return;
	}
	e->shut_done = true;
	sim_hold(SIM_disconnect, op->result == 0 && e->peer->shut,
		 "h%u port %u: a disconnect ends with %d (peer's shutdown: %d, phase %d, error %d)", e->host->index,
		 x ? x->port : 0, op->result, e->peer->shut, (int)e->peer->phase, e->peer->error);
	if (x != NULL && !x->flow->ignored)
		sim_hold(SIM_disconnect, sim_half_fin_acked(x) && x->got_fin,
			 "a disconnect ends, FIN acknowledged: %d, FIN received: %d", sim_half_fin_acked(x),
			 x->got_fin);
	sim_exercised[SIM_disconnected]++;
}

void
sim_judge_refusal(struct sim_end *e, uint8_t kind, int rc)
{
	const struct sim_op op = { .kind = kind, .result = rc };

	judge_error(e, &op);
}

static void
judge_connect(struct sim_end *e, struct sim_op *op)
{
	bool lost = sim_situation.lossy;

	e->moved_us = vhost_now_us;
	switch (op->result) {
	case 0:
		return;
	case -ECONNREFUSED:
		sim_hold(SIM_refused, e->peer->host == NULL || e->meets || sim_situation.tight || lost,
			 "a connect to a listener is refused");
		break;
	case -ETIMEDOUT:
		sim_hold(SIM_op_result, is_late(op) || may_time_out(e) || sim_situation.tight, "a connect times out");
		sim_exercised[SIM_late_connect] += is_late(op);
		break;
	case -EHOSTUNREACH:
		sim_hold(SIM_op_result, lost, "no way to the peer");
		break;
	case -ECONNRESET:
		sim_hold(SIM_op_result, lost || sim_situation.tight, "a connect is reset");
		break;
	case -ENOBUFS:
	case -EADDRNOTAVAIL:
		sim_hold(SIM_op_result, sim_situation.tight, "a connect ends with %d", op->result);
		break;
	default:
		sim_hold(SIM_op_result, op->result == -ECANCELED && (op->cancelled || e->phase == SIM_CLOSING),
			 "a connect ends with %d", op->result);
		break;
	}
	e->error = op->result;
	e->left_us = vhost_now_us;
}

static void
judge_accept(struct sim_end *e, struct sim_op *op)
{
	if (op->result == 0)
		return;
	sim_hold(SIM_op_result, (op->result == -ECANCELED && (op->cancelled || e->phase == SIM_CLOSING)) ||
		 (op->result == -ENFILE && sim_situation.tight), "an accept ends with %d", op->result);
}

void
sim_judge(struct sim_end *e, struct sim_op *op)
{
	switch ((enum san_op_kind)op->kind) {
	case SAN_OP_ACCEPT:
		judge_accept(e, op);
		break;
	case SAN_OP_CONNECT:
		judge_connect(e, op);
		break;
	case SAN_OP_SEND:
		judge_send(e, op);
		break;
	case SAN_OP_RECV:
		judge_recv(e, op);
		break;
	case SAN_OP_SHUTDOWN:
		judge_shutdown(e, op);
		break;
	case SAN_OP_DISCONNECT:
		judge_disconnect(e, op);
		break;
	case SAN_OP_NONE:
	case SAN_OP_WATCH:
	case SAN_OP_CLOSE:
		break;
	}
}

/*
 * RFC 9293 3.8.6.2.2: half the buffer, of which a socket has 4096 octets at least, or a segment is worth an update. The
 * text of a SYN may fill the buffer and be read before its sender has answered the SYN-ACK (RFC 7413 4.2.1). That may
 * have to go again, unscaled (RFC 7323 2.2) and without shrinking what was offered since (RFC 9293 3.8.6): until then
 * the edge may stay where it is.
 */
bool
sim_judge_window(const struct sim_end *e)
{
	const struct sim_half *x = e->half;

	if (x == NULL || x->flow->ignored || x->got_fin || x->aborted || x->reset_maybe || !x->has_acked ||
	    e->error != 0 || e->phase != SIM_OPEN || e->got != sim_half_received(x) ||
	    e->host->excused_us + 1000000 > vhost_now_us || vhost_now_us - e->moved_us < SIM_WINDOW_LATE_US)
		return true;
	if (!x->asked && sim_leq(x->una, x->iss))
		return false;
	sim_hold(SIM_window_update, sim_half_offered(x) >= SIM_WINDOW_LEAST,
		 "host %u port %u has read all, and offers %u octets", e->host->index, x->port, sim_half_offered(x));
	return true;
}
