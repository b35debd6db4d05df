/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The posts.
 */
#include <errno.h>

#include "api.h"

#define TOGETHER 6u

uint8_t api_text[API_TEXT] __attribute__((aligned(4096)));

/* One of the sockets of late, more often than anything; or what is none. */
san_handle
api_pick_sock(struct fuzz_in *in)
{
	uint8_t which = fuzz_8(in);

	if (which < 248 && api.nb_socks > 0)
		return api.sock[api.nb_socks - 1 - which % RTE_MIN(api.nb_socks, 12u)].h;
	if (which < 252 && api.nb_socks > 0)
		return api.sock[which % api.nb_socks].h ^ 0x80000000u;	/* of a generation far away */
	return which & 1 ? SAN_NO_HANDLE : UINT64_MAX - which;
}

/* One that is the program's, or NULL. */
struct api_op *
api_pick_op(struct fuzz_in *in)
{
	uint8_t which = fuzz_8(in) % API_OPS;
	struct api_op *op;

	for (unsigned int i = 0; i < API_OPS; i++) {
		op = &api.op[(which + i) % API_OPS];
		if (op->pending)
			continue;
		san_loan_return(op->loans, API_LOANS);
		return op;
	}
	return NULL;
}

/* Now and then one with an end. */
static void
draw_deadline(struct api_op *op, struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);

	op->o.timeout_us = how < 192 ? 0 : (how - 191u) * 20000u;
}

/* Flags that a kind knows, and rarely one that it does not. */
static unsigned int
draw_flags(struct fuzz_in *in, unsigned int known)
{
	uint8_t how = fuzz_8(in);

	return how == 255 ? 1u << 7 : how & known;
}

struct san_addr
api_draw_addr(struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);
	struct san_addr a = vhost_addr("10.7.0.1", (uint16_t)(80 + how % API_PORTS));

	if (how >= 128)
		a.ip[15] = 2;
	if (how == 127)
		a.ip[15] = fuzz_8(in);
	else if (how == 126)
		a.ip[12] = fuzz_8(in);
	else if (how == 125)
		memset(a.ip, how % 3, sizeof(a.ip));
	else if (how == 124)
		a.port = fuzz_16(in);
	else if (how == 123)
		memset(a.ip, 0, sizeof(a.ip));
	return a;
}

void
api_accept_or_connect(struct fuzz_in *in)
{
	san_handle h = api_pick_sock(in);
	struct api_op *op = api_pick_op(in);
	uint8_t how = fuzz_8(in);
	struct san_addr to = api_draw_addr(in);
	unsigned int flags = draw_flags(in, SAN_POLLED);

	if (op == NULL || api.nb_socks >= API_SOCKS / 2)
		return;
	draw_deadline(op, in);
	if (how & 1) {
		api_begin(op, h, SAN_OP_CONNECT, 0);
		api_answered(op, san_connect(h, &op->o, &to, flags));
	} else if (how & 2) {
		api_begin(op, h, SAN_OP_ACCEPT, 0);
		op->repeats = true;
		api_answered(op, san_accept_repeat(h, &op->o, how / 4 % 70));
	} else {
		api_begin(op, h, SAN_OP_ACCEPT, 0);
		api_answered(op, san_accept(h, &op->o, flags));
	}
}

/* Of a registration, rightly or a little beside it. */
static struct san_mem_vec
draw_mem(struct fuzz_in *in, void *base, uint32_t len)
{
	uint8_t which = fuzz_8(in);

	return (struct san_mem_vec){
		.base = base, .len = len,
		.mem = which < 192 ? api.reg[which % API_REGS] : which == 255 ? 12345 : SAN_NO_MEM,
	};
}

void
api_send(struct fuzz_in *in)
{
	san_handle h = api_pick_sock(in);
	struct api_op *op = api_pick_op(in);
	uint8_t how = fuzz_8(in) % 3;
	uint32_t at = fuzz_8(in);
	uint32_t len = fuzz_16(in);
	unsigned int flags = draw_flags(in, SAN_POLLED | SAN_ACKED | SAN_URGENT | SAN_MORE);
	struct san_mem_vec mem[2];
	struct san_vec vec[2] = { { api_text + at, len }, { api_text, at } };

	if (op == NULL)
		return;
	draw_deadline(op, in);
	mem[0] = draw_mem(in, api_text + at, len);
	mem[1] = draw_mem(in, api_text, at);
	api_begin(op, h, SAN_OP_SEND, how == 0 ? len : len + at);
	if (how == 0)
		api_answered(op, san_send(h, &op->o, api_text + at, len, flags));
	else if (how == 1)
		api_answered(op, san_sendv(h, &op->o, vec, 1 + (at > 0), flags));
	else
		api_answered(op, san_send_mem(h, &op->o, mem, 2, flags));
}

void
api_receive(struct fuzz_in *in)
{
	san_handle h = api_pick_sock(in);
	struct api_op *op = api_pick_op(in);
	uint8_t how = fuzz_8(in) % 6;
	uint32_t len = fuzz_16(in) % (API_MEM + 1);
	uint32_t least = fuzz_16(in) % (API_MEM + 1);
	unsigned int flags = draw_flags(in, SAN_POLLED | SAN_WAITALL);
	struct san_mem_vec mem;
	struct san_vec vec[3];

	if (op == NULL)
		return;
	draw_deadline(op, in);
	mem = draw_mem(in, op->mem, len);
	vec[0] = (struct san_vec){ op->mem, len / 2 };
	vec[1] = (struct san_vec){ op->mem, 0 };
	vec[2] = (struct san_vec){ op->mem + len / 2, len - len / 2 };
	api_begin(op, h, SAN_OP_RECV, how == 5 ? UINT32_MAX : len);
	switch (how) {
	case 0:
	case 1:
		api_answered(op, san_recv(h, &op->o, op->mem, len, flags));
		break;
	case 2:
		api_answered(op, san_recvv(h, &op->o, vec, 3, least, flags));
		break;
	case 3:
		api_answered(op, san_recv_mem(h, &op->o, &mem, 1, least, flags));
		break;
	case 4:
		op->repeats = true;
		op->pieces = (struct san_pieces){ .mem = op->mem, .size = len / 8, .nb = 1 + least % 8 };
		api_answered(op, san_recv_repeat(h, &op->o, &op->pieces, flags));
		break;
	default:
		op->lends = true;
		memset(op->loans, 0, sizeof(op->loans));
		api_answered(op, san_recv_loan(h, &op->o, op->loans, 1 + len % API_LOANS, flags & SAN_POLLED));
		break;
	}
}

void
api_finish(struct fuzz_in *in)
{
	san_handle h = api_pick_sock(in);
	struct api_op *op = api_pick_op(in);
	uint8_t how = fuzz_8(in) % 3;
	unsigned int flags = draw_flags(in, SAN_POLLED | SAN_ABORT);

	if (op == NULL)
		return;
	draw_deadline(op, in);
	api_begin(op, h, how == 0 ? SAN_OP_SHUTDOWN : how == 1 ? SAN_OP_DISCONNECT : SAN_OP_WATCH, 0);
	if (how == 0)
		api_answered(op, san_shutdown(h, &op->o, flags));
	else if (how == 1)
		api_answered(op, san_disconnect(h, &op->o, flags));
	else
		api_answered(op, san_watch(h, &op->o, flags));
}

/* Several posts in one call, on sockets of any core. */
void
api_post_together(struct fuzz_in *in)
{
	struct san_request req[TOGETHER];
	struct api_op *ops[TOGETHER];
	unsigned int nb = 1 + fuzz_8(in) % TOGETHER, n;
	int done;

	for (n = 0; n < nb; n++) {
		san_handle h = api_pick_sock(in);
		struct api_op *op = api_pick_op(in);
		uint8_t kind = fuzz_8(in) % 10;
		bool moves = kind == SAN_OP_SEND || kind == SAN_OP_RECV;
		uint32_t len = moves ? 1 + fuzz_16(in) % API_MEM : 0;

		for (unsigned int i = 0; op != NULL && i < n; i++)
			if (ops[i] == op)
				op = NULL;
		if (op == NULL)
			break;
		draw_deadline(op, in);
		ops[n] = op;
		api_begin(op, h, (enum san_op_kind)kind, len);
		req[n] = (struct san_request){ .sock = h, .op = &op->o, .len = len, .kind = kind,
					       .buf = moves ? op->mem : NULL };
		req[n].flags = (uint16_t)draw_flags(in, SAN_POLLED);
	}
	if (n == 0)
		return;
	done = san_post(req, n);
	fuzz_require(done >= 0 && done <= (int)n);
	for (int i = 0; i < done; i++) {
		fuzz_require(req[i].answer >= 0);
		api_answered(ops[i], req[i].answer);
	}
	if (done < (int)n)
		api_answered(ops[done], req[done].answer);
	fuzz_require(done == (int)n || req[done].answer < 0);
}

void
api_make_pair(struct fuzz_in *in)
{
	struct san_addr a = vhost_addr("10.7.0.2", (uint16_t)(80 + fuzz_8(in) % API_PORTS));
	struct api_op *accept = api_pick_op(in), *connect;
	san_handle h[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE };

	for (unsigned int i = 2; i-- > 0;) {
		if (!api.claimed[i][0] || api.nb_socks >= API_SOCKS / 2)
			return;
		if (san_socket(api.host[i].core[0], api.cq[0], &h[i]) == 0)
			api_adopt(h[i]);
	}
	if (accept == NULL || san_bind(h[1], &a) < 0 || san_listen(h[1], 2) < 0)
		return;
	accept->o.timeout_us = 0;
	api_begin(accept, h[1], SAN_OP_ACCEPT, 0);
	api_answered(accept, san_accept(h[1], &accept->o, 0));
	connect = api_pick_op(in);
	if (connect == NULL)
		return;
	connect->o.timeout_us = 0;
	api_begin(connect, h[0], SAN_OP_CONNECT, 0);
	api_answered(connect, san_connect(h[0], &connect->o, &a, 0));
	api_settle();
	api_reap(0, 8);
}
