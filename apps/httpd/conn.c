/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection's life.
 *
 *   READ     receives until a whole request is in the buffer
 *   ANSWER   sends head and body, the body in pieces straight from the loaded file
 *   LINGER   has said FIN and takes what still comes, until the peer's FIN: a close before that would
 *            reset the connection, and the peer might lose the end of the answer
 *
 * One operation at a time, but for LINGER, which shuts down and receives. Requests that come before the
 * answer of the last one wait in the buffer and are answered in order (RFC 9112 9.3.2).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpd.h"

#define PIECE (256u << 10)
#define SMALL 16384u
#define IDLE_US 60000000u
#define LINGER_US 5000000u

enum conn_state {
	READ,
	ANSWER,
	LINGER,
	CLOSING,
};

struct conn {
	struct san_overlapped op;
	struct san_overlapped shut;
	san_handle sock;
	enum conn_state state;
	bool keep_alive;
	bool shut_done;
	bool fin_seen;
	uint64_t deadline_us;
	struct conn *next;
	struct conn **prev;
	const unsigned char *body;	/* what is still to be sent of it */
	size_t body_len;
	size_t in_len;
	size_t out_len;			/* what is in out and not sent */
	char in[REQUEST_MAX];
	char out[SMALL];
};

static void
go_on(struct server *s, struct conn *c);

static void
close_conn(struct conn *c)
{
	c->state = CLOSING;
	san_close(c->sock, (uintptr_t)c);
}

static void
break_off(struct server *s, struct conn *c)
{
	if (c->state == CLOSING)
		return;
	s->broken++;
	close_conn(c);
}

static void
receive(struct server *s, struct conn *c)
{
	/* lingering: what comes now is read over */
	size_t from = c->state == LINGER ? 0 : c->in_len;

	if (san_recv(c->sock, &c->op, c->in + from, sizeof(c->in) - from, 0) < 0)
		break_off(s, c);
}

static void
linger(struct server *s, struct conn *c)
{
	c->state = LINGER;
	c->deadline_us = prog_now_us() + LINGER_US;
	if (san_shutdown(c->sock, &c->shut, 0) < 0)
		break_off(s, c);
	else
		receive(s, c);
}

static const char *
phrase_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "HTTP Version Not Supported";
	}
}

static void
write_head(struct conn *c, int status, const char *type, size_t len)
{
	int n = snprintf(c->out, sizeof(c->out),
			 "HTTP/1.1 %d %s\r\n"
			 "Content-Type: %s\r\n"
			 "Content-Length: %zu\r\n"
			 "%s%s\r\n",
			 status, phrase_of(status), type, len,
			 status == 405 ? "Allow: GET, HEAD\r\n" : "",
			 c->keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");

	c->out_len = (size_t)n;
}

static void
answer_error(struct server *s, struct conn *c, const struct request *r, int status)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%d %s\n", status, phrase_of(status));

	s->errors++;
	write_head(c, status, "text/plain; charset=utf-8", (size_t)len);
	c->body_len = 0;
	if (!r->head) {
		memcpy(c->out + c->out_len, text, (size_t)len);
		c->out_len += (size_t)len;
	}
}

static void
answer_file(struct conn *c, const struct request *r, const struct file *file)
{
	write_head(c, 200, file->type, file->len);
	c->body = file->data;
	c->body_len = r->head ? 0 : file->len;
	/* a small file goes with its head in one piece */
	if (c->body_len > 0 && c->body_len <= sizeof(c->out) - c->out_len) {
		memcpy(c->out + c->out_len, c->body, c->body_len);
		c->out_len += c->body_len;
		c->body_len = 0;
	}
}

/* The first request of the buffer, if it is whole. */
static bool
take_request(struct server *s, struct conn *c)
{
	struct request *r = &s->request;
	const struct file *file;

	if (!request_read(c->in, c->in_len, r))
		return false;
	s->requests++;
	c->keep_alive = r->keep_alive;
	file = r->status == 200 ? files_find(s->files, r->path) : NULL;
	if (file != NULL)
		answer_file(c, r, file);
	else
		answer_error(s, c, r, r->status == 200 ? 404 : r->status);
	c->in_len -= r->len;
	memmove(c->in, c->in + r->len, c->in_len);
	c->state = ANSWER;
	return true;
}

/* The next piece of the answer. @return As san_send(); 2: there is none. */
static int
send_piece(struct server *s, struct conn *c)
{
	const void *data = c->out;
	size_t len = c->out_len;

	if (len > 0) {
		c->out_len = 0;
	} else {
		len = c->body_len < PIECE ? c->body_len : PIECE;
		data = c->body;
		c->body += len;
		c->body_len -= len;
	}
	if (len == 0)
		return 2;
	s->bytes += len;
	return san_send(c->sock, &c->op, data, len, 0);
}

/* Read and answer as far as it goes without waiting. */
static void
go_on(struct server *s, struct conn *c)
{
	int rc = 1;

	c->deadline_us = prog_now_us() + IDLE_US;
	while (rc > 0) {
		if (c->state == READ && !take_request(s, c)) {
			receive(s, c);
			return;
		}
		rc = send_piece(s, c);
		if (rc < 0) {
			break_off(s, c);
		} else if (rc == 2 && !c->keep_alive) {
			linger(s, c);
			return;
		} else if (rc == 2) {
			c->state = READ;
		}
	}
}

static void
on_received(struct server *s, struct conn *c, size_t len)
{
	if (c->state == READ && len > 0) {
		c->in_len += len;
		go_on(s, c);
	} else if (c->state == READ) {
		/* the peer has finished between two requests, or in the middle of one */
		c->fin_seen = true;
		c->state = LINGER;
		c->deadline_us = prog_now_us() + LINGER_US;
		if (san_shutdown(c->sock, &c->shut, 0) < 0)
			break_off(s, c);
	} else if (len > 0) {
		receive(s, c);
	} else {
		c->fin_seen = true;
		if (c->shut_done)
			close_conn(c);
	}
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

void
conn_event(struct server *s, const struct san_completion *comp)
{
	struct conn *c = (struct conn *)(uintptr_t)comp->user;

	if (comp->kind == SAN_OP_CLOSE) {
		on_close(s, c);
	} else if (c->state == CLOSING) {
		return;
	} else if (comp->result < 0) {
		break_off(s, c);
	} else if (comp->kind == SAN_OP_RECV) {
		on_received(s, c, (size_t)comp->result);
	} else if (comp->kind == SAN_OP_SEND) {
		go_on(s, c);
	} else {
		c->shut_done = true;
		if (c->fin_seen)
			close_conn(c);
	}
}

bool
conn_open(struct server *s, san_handle sock)
{
	struct conn *c = prog_alloc(sizeof(*c));

	s->closes_due++;
	if (c == NULL) {
		san_close(sock, 0);
		return false;
	}
	s->open++;
	c->sock = sock;
	c->op.user = (uintptr_t)c;
	c->shut.user = (uintptr_t)c;
	c->next = s->conns;
	c->prev = &s->conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	s->conns = c;
	go_on(s, c);
	return true;
}

void
conn_expire(struct server *s, uint64_t now_us)
{
	for (struct conn *c = s->conns; c != NULL; c = c->next) {
		if (c->state != CLOSING && now_us >= c->deadline_us)
			close_conn(c);
	}
}

void
conn_close_all(struct server *s)
{
	for (struct conn *c = s->conns; c != NULL; c = c->next) {
		if (c->state != CLOSING)
			close_conn(c);
	}
}
