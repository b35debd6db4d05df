/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "../common/basic.h"
#include "conn.h"

struct conn *conns;
int conn_result;
uint64_t conn_sent_back;

static const struct provider *provider;

static void
hang_up(struct conn *c, int code)
{
	if (c->is_client)
		conn_result = code;
	else if (code != 0 && code != WSAECONNRESET)
		prog_complain("a connection ends: %s", switch_text(code));
	provider->call.lpWSPCloseSocket(c->s, NULL);
}

static void
receive(struct conn *c)
{
	WSABUFEX buf = { .len = sizeof(c->buf), .buf = c->buf, .handle = c->memory };
	DWORD got, flags = 0;
	INT code = 0;

	provider->call.lpWSPRecv(c->s, &buf, 1, &got, &flags, &c->op.ov, NULL, NULL, &code);
	if (code != WSA_IO_PENDING)
		hang_up(c, code);
}

static void
send_bytes(struct conn *c, uint32_t len)
{
	WSABUFEX buf = { .len = len, .buf = c->buf, .handle = c->memory };
	DWORD sent;
	INT code = 0;

	provider->call.lpWSPSend(c->s, &buf, 1, &sent, 0, &c->op.ov, NULL, NULL, &code);
	if (code != WSA_IO_PENDING)
		hang_up(c, code);
}

/* What came goes back; nothing: the peer has ended. */
static void
server_received(struct operation *op, DWORD error, DWORD bytes);

static void
server_sent(struct operation *op, DWORD error, DWORD bytes)
{
	struct conn *c = op->owner;

	conn_sent_back += bytes;
	op->ended = server_received;
	if (error == 0)
		receive(c);
	else if (error != WSA_OPERATION_ABORTED)
		hang_up(c, (int)error);
}

static void
server_received(struct operation *op, DWORD error, DWORD bytes)
{
	struct conn *c = op->owner;

	op->ended = server_sent;
	if (error == 0 && bytes > 0)
		send_bytes(c, bytes);
	else if (error != WSA_OPERATION_ABORTED)
		hang_up(c, (int)error);
}

/* The client: a message, then as many bytes back. */
static void
client_received(struct operation *op, DWORD error, DWORD bytes);

static void
client_sent(struct operation *op, DWORD error, DWORD bytes)
{
	struct conn *c = op->owner;

	op->ended = client_received;
	c->sent = bytes;
	c->back = 0;
	if (error == 0)
		receive(c);
	else if (error != WSA_OPERATION_ABORTED)
		hang_up(c, (int)error);
}

static void
send_next(struct conn *c)
{
	c->op.ended = client_sent;
	send_bytes(c, c->left < sizeof(c->buf) ? (uint32_t)c->left : (uint32_t)sizeof(c->buf));
}

static void
client_received(struct operation *op, DWORD error, DWORD bytes)
{
	struct conn *c = op->owner;

	if (error == WSA_OPERATION_ABORTED)
		return;
	if (error != 0 || bytes == 0) {
		hang_up(c, error != 0 ? (int)error : WSAECONNRESET);
		return;
	}
	c->back += bytes;
	c->left -= bytes;
	if (c->left == 0)
		hang_up(c, 0);
	else if (c->back == c->sent)
		send_next(c);
	else
		receive(c);
}

void
conn_begin(const struct provider *p, SOCKET s, uint64_t left)
{
	struct conn *c = calloc(1, sizeof(*c));
	INT code = WSAENOBUFS;

	provider = p;
	if (c != NULL)
		c->memory = p->register_memory(s, c->buf, sizeof(c->buf), MEM_READWRITE, &code);
	if (c == NULL || c->memory == NULL) {
		prog_complain("a connection cannot begin: %s", switch_text(code));
		p->call.lpWSPCloseSocket(s, NULL);
		free(c);
		return;
	}
	c->s = s;
	c->left = left;
	c->is_client = left > 0;
	c->op.owner = c;
	c->op.ended = server_received;
	c->next = conns;
	conns = c;
	if (c->is_client)
		send_next(c);
	else
		receive(c);
}

void
conn_end(SOCKET s)
{
	struct conn **at = &conns;
	struct conn *c;

	while (*at != NULL && (*at)->s != s)
		at = &(*at)->next;
	c = *at;
	if (c == NULL)
		return;
	*at = c->next;
	free(c);
}
