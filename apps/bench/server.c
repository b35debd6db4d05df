/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guard.h"

#define BATCH 64u
#define ACCEPTS SAN_REPEAT_MAX
#define SERVICES 1004u
#define SINK_PIECES 4u
#define SINK_PIECE 16384u
#define SOURCE_SEND 32768u	/* of one chargen send: stays in the cache */
#define SOURCE_COPIED (128u << 10)	/* what lies ahead in the stack as a copy stays there too [bytes] */
#define SOURCE_LENT 16u		/* sends ahead from registered memory */

static const char answer[] =
	"HTTP/1.1 200 OK\r\n"
	"Content-Type: text/plain\r\n"
	"Content-Length: 13\r\n"
	"\r\n"
	"Hello, world\n";

_Static_assert(sizeof(answer) - 1 == 78, "what clients that count the bytes of answers expect");

enum service_kind { ECHO, DISCARD, CHARGEN, HTTP };

struct service {
	struct san_overlapped accept;
	san_handle sock;
	enum service_kind kind;
	uint16_t port;
};

/*
 * The lines that a message touches: the operation, the second line of this, the bytes. A connection sends with the
 * server's operation; only when a send is not over at once it keeps that, and the server takes another one.
 */
struct conn {
	struct san_overlapped recv;
	san_handle sock;
	struct san_pieces pieces;
	uint32_t next;			/* free: the next one; NONE ends */
	uint8_t kind;
	uint8_t sending;		/* sends that are not over; nothing is echoed meanwhile */
	uint8_t head;			/* HTTP: bytes of the empty line that ends a request, as far as seen */
	bool repeat;
	bool closing;
	bool ended;			/* the peer's FIN has come */
	unsigned char data[] __attribute__((aligned(64)));
};

#define NONE UINT32_MAX

struct server {
	struct server_options options;
	size_t conn_size;
	char *conns;
	uint32_t free;
	struct san_overlapped **spare;	/* operations for sends: a stack */
	uint32_t nb_spare;
	struct san_overlapped *ops;
	unsigned int nb_services;
	struct server_seen seen;
	unsigned char *sink, *source;
	san_mem mem;			/* the source, registered */
	struct service services[SERVICES];
};

static struct conn *
conn_at(const struct server *s, uint32_t i)
{
	return (struct conn *)(void *)(s->conns + (size_t)i * s->conn_size);
}

static void
close_conn(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	san_close(c->sock, (uintptr_t)c);
}

static void
break_off(struct server *s, struct conn *c)
{
	s->seen.broken += !c->closing;
	close_conn(c);
}

/* Does it receive in the stack's own buffers? */
static inline bool
lends(const struct server *s, const struct conn *c)
{
	return c->kind == DISCARD && s->options.lend;
}

static inline unsigned int
nb_loans(const struct server *s)
{
	size_t n = s->options.buffer / sizeof(struct san_loan);

	return n < SAN_LOAN_MAX ? (unsigned int)n : SAN_LOAN_MAX;
}

static void
receive(struct server *s, struct conn *c)
{
	int rc = -EAGAIN;

	if (lends(s, c)) {
		rc = san_recv_loan(c->sock, &c->recv, (struct san_loan *)(void *)c->data, nb_loans(s), 0);
	} else if (c->repeat) {
		rc = san_recv_repeat(c->sock, &c->recv, &c->pieces, 0);
		c->repeat = rc == 0;
	}
	if (rc == -EAGAIN && !lends(s, c))
		rc = san_recv(c->sock, &c->recv, c->pieces.mem, c->pieces.size, 0);
	if (rc < 0)
		break_off(s, c);
}

/* The bytes that were received are done with. */
static inline void
go_on(struct server *s, struct conn *c)
{
	if (lends(s, c))
		san_loan_return((struct san_loan *)(void *)c->data, nb_loans(s));
	if (c->repeat)
		san_give_back(&c->pieces, 1);
	else
		receive(s, c);
}

static void
note_waiting(struct server *s, struct conn *c, struct san_overlapped *op)
{
	op->user = (uintptr_t)c;
	s->nb_spare--;
	s->seen.waited++;
	c->sending++;
}

/* 1: over; 0: its completion follows, the bytes are the stack's meanwhile; less: broken. */
static int
send_bytes(struct server *s, struct conn *c, const void *data, uint32_t len)
{
	struct san_overlapped *op = s->spare[s->nb_spare - 1];
	int rc = san_send(c->sock, op, data, len, 0);

	if (rc == 0)
		note_waiting(s, c, op);
	if (rc >= 0)
		s->seen.sent += len;
	return rc;
}

/* From registered memory, so many ahead that the peer's window is what ends it. */
static int
lend_bytes(struct server *s, struct conn *c)
{
	const struct san_mem_vec vec = { s->source, SOURCE_SEND, s->mem };
	int rc = 0;

	while (c->sending < SOURCE_LENT) {
		struct san_overlapped *op = s->spare[s->nb_spare - 1];

		rc = san_send_mem(c->sock, op, &vec, 1, 0);
		if (rc != 0)
			break;
		note_waiting(s, c, op);
		s->seen.sent += SOURCE_SEND;
	}
	return rc == -EAGAIN && c->sending > 0 ? 0 : rc;
}

/* As much as the send buffer takes: the last one waits for room, and feeds again when it is over. */
static void
feed(struct server *s, struct conn *c)
{
	int rc = s->options.lend ? lend_bytes(s, c) : 1;

	while (rc == 1)
		rc = send_bytes(s, c, s->source, SOURCE_SEND);
	if (rc < 0)
		break_off(s, c);
}

/* How many requests end in these bytes: each with an empty line. */
static uint32_t
count_requests(struct conn *c, const char *data, uint32_t len)
{
	static const char end[] = "\r\n\r\n";
	uint32_t n = 0;

	for (uint32_t i = 0; i < len; i++) {
		c->head = data[i] == end[c->head] ? (uint8_t)(c->head + 1) : data[i] == '\r';
		if (c->head == 4) {
			c->head = 0;
			n++;
		}
	}
	return n;
}

static int
answer_requests(struct server *s, struct conn *c, const void *data, uint32_t len)
{
	uint32_t n = count_requests(c, data, len);
	int rc = 1;

	while (n-- > 0 && rc == 1)
		rc = send_bytes(s, c, answer, sizeof(answer) - 1);
	return rc;
}

/* Bytes have come; value is where they lie. */
static inline void
take(struct server *s, struct conn *c, const struct san_completion *comp)
{
	const void *data = c->repeat ? (const void *)(uintptr_t)comp->value : c->pieces.mem;
	uint32_t len = (uint32_t)comp->result;
	int rc = 1;

	s->seen.received += len;
	s->seen.messages++;
	if (c->kind == ECHO)
		rc = send_bytes(s, c, data, len);
	else if (c->kind == HTTP)
		rc = answer_requests(s, c, data, len);
	if (rc == 1)
		go_on(s, c);
	else if (rc < 0)
		break_off(s, c);
}

/* The peer has said its FIN: once all that it sent is answered, so do we. */
static void
finish(struct server *s, struct conn *c)
{
	c->ended = true;
	if (c->sending == 0 && san_shutdown(c->sock, &c->recv, 0) < 0)
		break_off(s, c);
}

static void
on_sent(struct server *s, struct conn *c, const struct san_completion *comp)
{
	s->spare[s->nb_spare++] = comp->op;
	c->sending--;
	if (comp->result < 0)
		break_off(s, c);
	else if (c->ended)
		finish(s, c);
	else if (c->kind == CHARGEN)
		feed(s, c);
	else
		go_on(s, c);
}

static void
on_accept(struct server *s, const struct san_completion *comp)
{
	const struct service *v = (const struct service *)(const void *)comp->op;
	struct conn *c;

	if (comp->result < 0)
		return;
	if (s->free == NONE) {
		s->seen.refused++;
		san_close(comp->value, 0);
		return;
	}
	c = conn_at(s, s->free);
	s->free = c->next;
	bench_add(&s->seen.accepted, 1);
	c->sock = comp->value;
	c->kind = (uint8_t)v->kind;
	c->closing = false;
	c->ended = false;
	c->head = 0;
	c->sending = 0;
	c->repeat = s->options.repeat && !lends(s, c);
	c->pieces = v->kind == DISCARD || v->kind == CHARGEN ?
		    (struct san_pieces){ .mem = s->sink, .size = SINK_PIECE, .nb = SINK_PIECES } :
		    (struct san_pieces){ .mem = c->data, .size = s->options.buffer, .nb = 1 };
	receive(s, c);
	if (v->kind == CHARGEN)
		feed(s, c);
}

static void
on_close(struct server *s, struct conn *c)
{
	if (c == NULL)
		return;
	bench_add(&s->seen.closed, 1);
	c->next = s->free;
	s->free = (uint32_t)(((char *)c - s->conns) / (ptrdiff_t)s->conn_size);
}

static inline void
take_completion(struct server *s, const struct san_completion *comp)
{
	struct conn *c = (struct conn *)(uintptr_t)comp->user;

	if (comp->kind == SAN_OP_RECV && comp->result > 0)
		take(s, c, comp);
	else if (comp->kind == SAN_OP_RECV && comp->result == 0)
		finish(s, c);
	else if (comp->kind == SAN_OP_SEND)
		on_sent(s, c, comp);
	else if (comp->kind == SAN_OP_ACCEPT)
		on_accept(s, comp);
	else if (comp->kind == SAN_OP_CLOSE)
		on_close(s, c);
	else if (comp->kind == SAN_OP_SHUTDOWN && comp->result == 0)
		close_conn(c);
	else
		break_off(s, c);
}

static unsigned int
step(struct bench_side *side, void *arg)
{
	struct server *s = arg;
	struct san_completion comp[BATCH];
	int nb = san_cq_poll(side->cq, comp, BATCH);

	for (int i = 0; i < nb; i++) {
		if (i + 2 < nb)
			__builtin_prefetch((const char *)(uintptr_t)comp[i + 2].user + 64, 1);
		take_completion(s, &comp[i]);
	}
	return nb > 0 ? (unsigned int)nb : 0;
}

static uint32_t
source_buffer(const struct server *s)
{
	return s->options.lend ? SOURCE_LENT * SOURCE_SEND : SOURCE_COPIED;
}

static int
listen_on(const struct server *s, struct bench_side *side, struct service *v)
{
	const struct san_addr any = { .port = v->port };
	int rc = san_socket(side->core, side->cq, &v->sock);

	if (rc == 0)
		rc = san_bind(v->sock, &any);
	if (rc == 0 && v->kind == CHARGEN)
		rc = san_set_option(v->sock, SAN_OPT_SNDBUF, source_buffer(s));
	if (rc == 0)
		rc = san_listen(v->sock, 65535);
	if (rc == 0)
		rc = san_accept_repeat(v->sock, &v->accept, ACCEPTS);
	return rc;
}

static bool
register_source(struct server *s)
{
	int rc = san_mem_register(s->source, SOURCE_SEND, SAN_MEM_READ, &s->mem);

	if (rc == 1)
		prog_complain("server: what is to be lent is copied: --iova-mode=va may help.");
	else if (rc < 0)
		prog_complain("server: its memory cannot be registered: %s.", strerror(-rc));
	return rc >= 0;
}

static bool
open_services(struct bench_side *side, void *arg)
{
	struct server *s = arg;

	if (s->options.lend && !register_source(s))
		return false;
	for (unsigned int i = 0; i < s->nb_services; i++) {
		int rc = listen_on(s, side, &s->services[i]);

		if (rc != 0) {
			prog_complain("server: port %u: %s.", s->services[i].port, strerror(-rc));
			return false;
		}
	}
	return true;
}

static void
add_service(struct server *s, unsigned int port, enum service_kind kind)
{
	s->services[s->nb_services++] = (struct service){
		.port = (uint16_t)(port + s->options.shift),
		.kind = kind,
	};
}

static void
list_services(struct server *s)
{
	static const uint16_t ports[] = { SERVER_ECHO, SERVER_DISCARD, SERVER_CHARGEN, SERVER_HTTP };
	static const enum service_kind kinds[] = { ECHO, DISCARD, CHARGEN, HTTP };

	for (unsigned int i = 0; i < 4; i++)
		add_service(s, ports[i], kinds[i]);
	for (unsigned int i = 0; i < s->options.more && s->nb_services < SERVICES; i++)
		add_service(s, SERVER_MORE + i, ECHO);
}

/* In pages as large as they come: the connections' lines are all over it. */
static void *
take_pages(size_t size)
{
	size_t page = (size_t)2 << 20;
	void *p;

	size = (size + page - 1) & ~(page - 1);
	p = aligned_alloc(page, size);
	if (p != NULL)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}

/* That a connection may have under way. */
static uint32_t
most_sends(const struct server *s)
{
	return s->options.lend ? SOURCE_LENT : 1;
}

static bool
take_memory(struct server *s)
{
	uint32_t n = s->options.connections, ops = n * most_sends(s) + 1;

	s->conn_size = (sizeof(struct conn) + s->options.buffer + 63) & ~(size_t)63;
	s->conns = take_pages(n * s->conn_size);
	s->ops = take_pages(ops * sizeof(*s->ops));
	s->spare = calloc(ops, sizeof(*s->spare));
	s->sink = prog_alloc(SINK_PIECES * SINK_PIECE);
	s->source = prog_alloc(SOURCE_SEND);
	if (s->conns == NULL || s->ops == NULL || s->spare == NULL || s->sink == NULL || s->source == NULL)
		return false;
	memset(s->ops, 0, ops * sizeof(*s->ops));
	for (uint32_t i = 0; i < ops; i++)
		s->spare[i] = &s->ops[ops - 1 - i];
	s->nb_spare = ops;
	for (uint32_t i = 0; i < n; i++) {
		struct conn *c = conn_at(s, i);

		memset(c, 0, sizeof(*c));
		c->recv.user = (uintptr_t)c;
		c->next = i + 1 < n ? i + 1 : NONE;
	}
	for (uint32_t i = 0; i < SOURCE_SEND; i++)
		s->source[i] = (unsigned char)(' ' + i % 95);
	return true;
}

struct server *
server_make(const struct server_options *options)
{
	struct server *s = bench_alloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->options = *options;
	list_services(s);
	if (!take_memory(s)) {
		prog_complain("no memory for %u connections.", options->connections);
		server_free(s);
		return NULL;
	}
	return s;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	free(s->conns);
	free(s->ops);
	free(s->spare);
	free(s->sink);
	free(s->source);
	free(s);
}

struct bench_program
server_program(struct server *s)
{
	/* Of a connection so many completions can be due: its receive, its end, sends that were not over. */
	uint64_t each = 2 + most_sends(s);
	uint64_t depth = each * s->options.connections + s->nb_services * (1 + ACCEPTS);

	return (struct bench_program){
		.open = open_services,
		.step = step,
		.arg = s,
		.cq_depth = depth < SAN_CQ_MAX ? (unsigned int)depth : SAN_CQ_MAX,
	};
}

bool
server_repeats(const struct bench *b)
{
	const char *how = bench_text(b, "receive");

	if (strcmp(how, "repeat") != 0 && strcmp(how, "post") != 0)
		prog_refuse("--receive is \"%s\", accepted is repeat or post.", how);
	return strcmp(how, "repeat") == 0;
}

uint32_t
server_ports_for(uint32_t connections)
{
	return connections <= 8192 ? 0 : (connections + 8191) / 8192;
}

uint16_t
server_port(uint32_t i, uint32_t more)
{
	return more == 0 ? SERVER_ECHO : (uint16_t)(SERVER_MORE + i % more);
}

const struct server_seen *
server_seen(const struct server *s)
{
	return &s->seen;
}
