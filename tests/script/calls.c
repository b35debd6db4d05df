/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/play_priv.h"

#include <stdlib.h>
#include <string.h>

#define USER_CLOSE 100

static const char *const verb_names[] = { "socket", "listen", "accept", "connect", "send", "recv", "shutdown",
					  "close", "cancel", "set", "get" };

static struct slot *
make_socket(struct play *p, int at)
{
	struct slot *s = &p->slot[at];
	struct san_addr local = vhost_addr("10.7.0.1", p->ends.dst_port);
	int rc;

	if (s->open)
		return s;
	if (s->closing || s->closed)
		play_fail(p, "Slot %d is not free.", at);
	rc = san_socket(p->host->core[0], p->cq, &s->sock);
	if (rc == 0)
		rc = san_bind(s->sock, &local);
	if (rc != 0)
		play_fail(p, "san_socket() and san_bind() answered %d (%s).", rc, san_error());
	*s = (struct slot){ .sock = s->sock, .open = true, .sent = 1, .received = 1 };
	return s;
}

static struct op *
take_op(struct play *p, const struct play_call *call)
{
	struct op *o = &p->op[call->op];

	if (o->posted || o->ended)
		play_fail(p, "Operation %d is in use.", call->op);
	free(o->buf);
	memset(o, 0, sizeof(*o));
	o->verb = call->verb;
	o->slot = call->s;
	o->len = (uint32_t)call->arg;
	o->over.user = (uint64_t)call->op + 1;
	if (call->verb == PLAY_SEND || call->verb == PLAY_RECV)
		o->buf = malloc((size_t)call->arg + 1);
	return o;
}

static int
post_data(struct play *p, struct op *o, const struct play_call *call)
{
	struct slot *s = &p->slot[call->s];

	if (call->verb == PLAY_RECV)
		return san_recv(s->sock, &o->over, o->buf, o->len, call->flags);
	for (uint32_t i = 0; i < o->len; i++)
		o->buf[i] = wire_octet(s->sent + i);
	return san_send(s->sock, &o->over, o->buf, o->len, call->flags);
}

static struct san_addr
whom(const struct play *p, int64_t to)
{
	static const char *const name[] = { "10.7.0.2", "255.255.255.255", "10.7.0.255", "224.0.0.1", "*", "10.7.0.2",
					    "192.0.2.1", "10.7.0.1" };
	struct san_addr peer = vhost_addr(name[to], p->ends.src_port);

	if (to == TO_PORT_ZERO)
		peer.port = 0;
	if (to == TO_ITSELF)
		peer.port = p->ends.dst_port;
	return peer;
}

static int
post(struct play *p, const struct play_call *call)
{
	struct san_addr peer = whom(p, call->verb == PLAY_CONNECT ? call->arg : TO_PEER);
	struct op *o = take_op(p, call);
	int rc;

	if (call->verb == PLAY_ACCEPT)
		rc = san_accept(p->slot[call->arg ? call->arg - 1 : LISTENER].sock, &o->over, call->flags);
	else if (call->verb == PLAY_CONNECT)
		rc = san_connect(make_socket(p, call->s)->sock, &o->over, &peer, call->flags);
	else if (call->verb == PLAY_SHUTDOWN)
		rc = san_shutdown(p->slot[call->s].sock, &o->over, call->flags);
	else
		rc = post_data(p, o, call);
	o->posted = rc == 0;
	if (rc == 1 && o->over.result != (int32_t)o->len)
		play_fail(p, "The call answered 1 with result %d.", o->over.result);
	if (call->verb == PLAY_SEND && rc >= 0)
		p->slot[call->s].sent += o->len;
	return rc;
}

static int
close_slot(struct play *p, int at)
{
	struct slot *s = &p->slot[at];
	int rc = san_close(s->sock, USER_CLOSE + (unsigned int)at);

	if (rc == 0) {
		s->open = false;
		s->closing = true;
	}
	return rc;
}

static int
get_option(struct play *p, const struct play_call *call)
{
	uint32_t value = 0;
	int rc = san_get_option(p->slot[call->s].sock, (enum san_option)call->op, &value);

	return rc != 0 ? rc : (int)value;
}

static int
make_call(struct play *p, const struct play_call *call)
{
	san_handle sock = p->slot[call->s].sock;

	switch (call->verb) {
	case PLAY_SOCKET:
		make_socket(p, call->s);
		return 0;
	case PLAY_LISTEN:
		return san_listen(make_socket(p, call->s)->sock, (unsigned int)call->arg);
	case PLAY_CLOSE:
		return close_slot(p, call->s);
	case PLAY_CANCEL:
		return san_cancel(sock, p->op[call->op].over.id);
	case PLAY_SET:
		return san_set_option(make_socket(p, call->s)->sock, (enum san_option)call->op, (uint32_t)call->arg);
	case PLAY_GET:
		return get_option(p, call);
	default:
		return post(p, call);
	}
}

void
play_call(struct play *p, const struct play_call *call)
{
	int rc = make_call(p, call);

	if (rc != call->want)
		play_fail(p, "The %s answered %d, expected %lld.", verb_names[call->verb], rc, (long long)call->want);
	play_settle(p);
}

static void
check_received(struct play *p, struct op *o)
{
	struct slot *s = &p->slot[o->slot];

	for (int32_t i = 0; i < o->result; i++)
		if (o->buf[i] != wire_octet(s->received + i))
			play_fail(p, "Octet %lld of what was received is 0x%02x, sent was 0x%02x.",
				(long long)s->received + i, o->buf[i], wire_octet(s->received + i));
	if (o->result > 0)
		s->received += o->result;
}

static void
end_op(struct play *p, const struct san_completion *e)
{
	struct op *o = e->user >= 1 && e->user <= NB_OPS ? &p->op[e->user - 1] : NULL;

	if (o == NULL || !o->posted || e->op != &o->over)
		play_fail(p, "A completion came (user %llu) of what was not posted.", (unsigned long long)e->user);
	o->posted = false;
	o->ended = true;
	o->result = e->result;
	o->flags = e->flags;
	if (o->verb == PLAY_ACCEPT && e->result == 0) {
		if (p->slot[o->slot].open)
			play_fail(p, "Slot %d is not free for what was accepted.", o->slot);
		p->slot[o->slot] = (struct slot){ .sock = e->value, .open = true, .sent = 1, .received = 1 };
	}
	if (o->verb == PLAY_RECV && !p->ignoring)
		check_received(p, o);
}

void
play_completed(struct play *p, const struct san_completion *e)
{
	struct slot *s;

	if (e->kind != SAN_OP_CLOSE) {
		end_op(p, e);
		return;
	}
	if (e->user < USER_CLOSE || e->user >= USER_CLOSE + NB_SLOTS || !p->slot[e->user - USER_CLOSE].closing)
		play_fail(p, "A close came (user %llu) that nobody asked for.", (unsigned long long)e->user);
	s = &p->slot[e->user - USER_CLOSE];
	s->closing = false;
	s->closed = true;
	for (int i = 0; i < NB_OPS; i++)
		if (p->op[i].posted && p->op[i].over.sock == s->sock)
			play_fail(p, "The close is reported before the end of operation %d.", i);
}

void
play_done(struct play *p, const struct play_call *call)
{
	struct op *o = &p->op[RTE_MAX(call->op, 0)];
	struct slot *s = &p->slot[call->s];

	if (call->op < 0) {
		if (!s->closed)
			play_fail(p, "The close of slot %d is not reported.", call->s);
		s->closed = false;
		return;
	}
	if (!o->ended)
		play_fail(p, "Operation %d has not ended; expected is %lld.", call->op, (long long)call->want);
	o->ended = false;
	if (o->result != call->want)
		play_fail(p, "Operation %d ended with %d, expected is %lld.", call->op, o->result,
		(long long)call->want);
	if (call->urg != 0 && (o->flags != 0) != (call->urg > 0))
		play_fail(p, "The completion of operation %d has flags 0x%x.", call->op, o->flags);
}

void
play_pending(struct play *p, const struct play_call *call)
{
	const struct op *o = &p->op[call->op];

	if (!o->posted)
		play_fail(p, "Operation %d is not pending; its result is %d.", call->op, o->result);
}

void
play_state(struct play *p, const struct play_row *row)
{
	uint32_t value = 99;
	int rc = san_get_option(p->slot[row->call.s].sock, SAN_OPT_STATE, &value);

	if (rc != 0 || value != row->call.want)
		play_fail(p, "The state is %u (answer %d), expected is %s (%lld).", value, rc, row->name,
			(long long)row->call.want);
}

unsigned int
play_counters(struct play *p, uint64_t *value)
{
	struct san_counter list[NB_COUNTERS];
	unsigned int n = san_host_counters(p->host->host, list, NB_COUNTERS);

	assert_in_range(n, 1, NB_COUNTERS);
	for (unsigned int i = 0; i < n; i++)
		value[i] = list[i].value;
	return n;
}

static int
find_counter(struct play *p, const char *name)
{
	struct san_counter list[NB_COUNTERS];
	unsigned int n = san_host_counters(p->host->host, list, NB_COUNTERS);

	for (unsigned int i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return (int)i;
	play_fail(p, "There is no counter %s.", name);
}

void
play_count(struct play *p, const struct play_row *row)
{
	uint64_t now[NB_COUNTERS];
	int i = find_counter(p, row->name);

	play_counters(p, now);
	if (now[i] - p->mark[i] != (uint64_t)row->n)
		play_fail(p, "%s has moved by %lld, expected is %lld.", row->name, (long long)(now[i] - p->mark[i]),
			(long long)row->n);
}

void
play_drops(struct play *p, int64_t n)
{
	struct san_counter list[NB_COUNTERS];
	unsigned int nb = san_host_counters(p->host->host, list, NB_COUNTERS);
	char text[400] = "";
	int64_t sum = 0;

	for (unsigned int i = 0; i < nb; i++) {
		if (list[i].value == p->mark[i] || (strstr(list[i].name,
		"_drop") == NULL && strstr(list[i].name, "_bad") == NULL))
			continue;
		sum += (int64_t)(list[i].value - p->mark[i]);
		strncat(strncat(text, " ", 2), list[i].name, 60);
	}
	if (sum != n)
		play_fail(p, "%lld drops are counted (%s ), expected is %lld.", (long long)sum, text, (long long)n);
}

void
play_all_asked(struct play *p)
{
	for (int i = 0; i < NB_OPS; i++)
		if (p->op[i].ended)
			play_fail(p, "Operation %d ended with %d, and no row asked.", i, p->op[i].result);
	for (int i = 0; i < NB_SLOTS; i++)
		if (p->slot[i].closed)
			play_fail(p, "The close of slot %d is reported, and no row asked.", i);
}

void
play_close_all(struct play *p)
{
	for (int i = 0; i < NB_SLOTS; i++)
		if (p->slot[i].open)
			close_slot(p, i);
	for (int i = 0; i < 10000; i++) {
		bool closing = false;

		play_settle(p);
		for (int k = 0; k < NB_SLOTS; k++)
			closing |= p->slot[k].closing;
		if (!closing)
			break;
		play_advance(p, vhost_now_us + 1000, false);
	}
	for (int i = 0; i < NB_OPS; i++) {
		if (p->op[i].posted)
			play_fail(p, "Operation %d has not ended with its socket.", i);
		free(p->op[i].buf);
		p->op[i].buf = NULL;
		p->op[i].ended = false;
	}
}
