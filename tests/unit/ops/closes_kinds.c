/* SPDX-License-Identifier: BSD-3-Clause */
#include "closes.h"

#include <string.h>

#define BYTES 20
#define HELD 20000	/* bytes in packets that the port holds */

struct closes closes;
char closes_big[BIG] __attribute__((aligned(4096)));

static char mem[4096];
static struct san_pieces pieces;

static int
post_accept(san_handle s[2], struct san_overlapped *op)
{
	s[0] = duo_listener(1, 81, 4);
	return san_accept(s[0], op, 0);
}

static int
post_accept_repeat(san_handle s[2], struct san_overlapped *op)
{
	s[0] = duo_listener(1, 81, 4);
	return san_accept_repeat(s[0], op, 4);
}

static void
satisfy_accept(san_handle s[2])
{
	(void)s;
	duo_connect(81, duo_op());
}

static int
post_connect(san_handle s[2], struct san_overlapped *op)
{
	struct san_addr to = vhost_addr("10.7.0.2", 81);

	duo_listener(1, 81, 4);
	s[0] = duo_socket(0);
	if (closes.why == GIVES_UP)
		duo_must(san_set_option(s[0], SAN_OPT_USER_TIMEOUT, 1000) == 0);
	duo.mute[0] = true;
	if (closes.why == PEER_RESET) {
		to.port = 82;
		duo.mute[0] = false;
		duo.mute[1] = true;
	}
	return san_connect(s[0], op, &to, 0);
}

static void
unmute(san_handle s[2])
{
	(void)s;
	duo.mute[0] = false;
	duo_pass(3000 * MS);
}

static int
post_send(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_send(s[0], op, closes_big, sizeof(closes_big), 0);
}

static int
post_sendv(san_handle s[2], struct san_overlapped *op)
{
	struct san_vec vec[2] = { { closes_big, 1000 }, { closes_big + 1000, BIG - 1000 } };

	duo_pair(s);
	return san_sendv(s[0], op, vec, 2, 0);
}

static san_mem
registered(void *base, size_t len, unsigned int access)
{
	duo_must(san_mem_register(base, len, access, &closes.registration) == 0);
	return closes.registration;
}

static int
send_lent(san_handle s[2], struct san_overlapped *op, size_t len, enum duo_card card)
{
	san_mem mem_of_big = registered(closes_big, sizeof(closes_big), SAN_MEM_READ);
	struct san_mem_vec vec = { .base = closes_big, .len = len, .mem = mem_of_big };

	duo_pair(s);
	duo_let_lend(0);
	duo.card = card;
	return san_send_mem(s[0], op, &vec, 1, 0);
}

static int
post_send_mem(san_handle s[2], struct san_overlapped *op)
{
	return send_lent(s, op, BIG, DUO_CARD_FREES);
}

/* They arrive, and are acknowledged. */
static int
post_send_held(san_handle s[2], struct san_overlapped *op)
{
	return send_lent(s, op, HELD, DUO_CARD_KEEPS);
}

void
closes_let_go(san_handle s[2])
{
	(void)s;
	duo.card = DUO_CARD_FREES;
	duo_pass(MS);
}

/* The peer reads on. */
static void
read_all(san_handle s[2])
{
	static char sink[BIG];

	duo_must(san_recv(s[1], duo_op(), sink, sizeof(sink), SAN_WAITALL) == 0);
	duo_pass(5000 * MS);
}

static int
post_send_acked(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	duo.mute[0] = true;
	return san_send(s[0], op, closes_big, BYTES, SAN_ACKED);
}

static int
post_recv(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_recv(s[0], op, mem, sizeof(mem), 0);
}

static void
send_rest(san_handle s[2])
{
	duo_must(san_send(s[1], duo_op(), closes_big, BYTES, 0) >= 0);
	duo_pass(MS);
}

/* Some bytes are there, not enough. */
static int
post_recv_waitall(san_handle s[2], struct san_overlapped *op)
{
	int rc;

	duo_pair(s);
	rc = san_recv(s[0], op, mem, BYTES, SAN_WAITALL);
	duo_must(san_send(s[1], duo_op(), closes_big, 6, 0) >= 0);
	return rc;
}

static int
post_recvv(san_handle s[2], struct san_overlapped *op)
{
	struct san_vec vec[2] = { { mem, 10 }, { mem + 100, 100 } };
	int rc;

	duo_pair(s);
	rc = san_recvv(s[0], op, vec, 2, BYTES, 0);
	duo_must(san_send(s[1], duo_op(), closes_big, 12, 0) >= 0);
	return rc;
}

static int
post_recv_mem(san_handle s[2], struct san_overlapped *op)
{
	struct san_mem_vec vec = { .base = mem, .len = 100, .mem = registered(mem, sizeof(mem), SAN_MEM_WRITE) };

	duo_pair(s);
	return san_recv_mem(s[0], op, &vec, 1, 1, 0);
}

static int
post_recv_loan(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_recv_loan(s[0], op, closes.loans, RTE_DIM(closes.loans), 0);
}

static void
send_and_look(san_handle s[2])
{
	send_rest(s);
	duo_must(closes.loans[0].base != NULL && closes.loans[0].len == BYTES &&
		 memcmp(closes.loans[0].base, closes_big, BYTES) == 0);
	duo_must(san_loan_return(closes.loans, RTE_DIM(closes.loans)) == 1);
}

static int
post_recv_repeat(san_handle s[2], struct san_overlapped *op)
{
	pieces = (struct san_pieces){ .mem = mem, .size = 1000, .nb = 4 };
	duo_pair(s);
	return san_recv_repeat(s[0], op, &pieces, 0);
}

static int
post_shutdown(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	duo.mute[0] = true;
	return san_shutdown(s[0], op, 0);
}

static int
post_disconnect(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	duo.mute[0] = closes.why == GIVES_UP;	/* else its FIN is acknowledged, and nothing is outstanding */
	return san_disconnect(s[0], op, 0);
}

static int
post_watch(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_watch(s[0], op, 0);
}

static int
post_watch_abort(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_watch(s[0], op, SAN_ABORT);
}

/* Both directions. */
static void
shut_both(san_handle s[2])
{
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_pass(MS);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	duo_pass(MS);
}

void
closes_shut_peer(san_handle s[2])
{
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_pass(MS);
}

#define ENDS_LOCALLY [CANCEL] = -ECANCELED, [CANCEL_ALL] = -ECANCELED, [DEADLINE] = -ETIMEDOUT, [CLOSE] = -ECANCELED, \
	[CLEANUP] = -ECANCELED, [THREAD_EXIT] = -ECANCELED
#define ENDS_WITH_CONNECTION ENDS_LOCALLY, [ABORT] = -ECONNABORTED, [PEER_RESET] = -ECONNRESET, [GIVES_UP] = -ETIMEDOUT
#define NO_CONNECTION [ABORT] = NONE, [PEER_FIN] = NONE

const struct closes_kind closes_kinds[] = {
	{ "accept", "accept", post_accept, satisfy_accept,
	  .want = { [RESULT] = 0, ENDS_LOCALLY, NO_CONNECTION, [PEER_RESET] = NONE, [GIVES_UP] = NONE } },
	{ "accept_repeat", "repeating accept", post_accept_repeat, satisfy_accept,
	  .want = { [RESULT] = STAYS, ENDS_LOCALLY, NO_CONNECTION, [PEER_RESET] = NONE, [GIVES_UP] = NONE } },
	{ "connect", "connect", post_connect, unmute,
	  .want = { [RESULT] = 0, ENDS_LOCALLY, NO_CONNECTION, [PEER_RESET] = -ECONNREFUSED, [GIVES_UP] = -ETIMEDOUT },
	  .connects = true },
	{ "send", "send that waits for room", post_send, read_all,
	  .want = { [RESULT] = BIG, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "sendv", "send of several buffers", post_sendv, read_all,
	  .want = { [RESULT] = BIG, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "send_acked", "send with `SAN_ACKED`", post_send_acked, unmute,
	  .want = { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "send_mem", "send from registered memory that waits for room", post_send_mem, read_all,
	  .want = { [RESULT] = BIG, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "send_held", "the same of 20,000 bytes, acknowledged, which the port holds: when it gives them back",
	  post_send_held, closes_let_go, .want = { [RESULT] = HELD, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "recv", "receive", post_recv, send_rest,
	  .want = { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "recv_waitall", "receive with `SAN_WAITALL`, 6 of 20 bytes there", post_recv_waitall, send_rest,
	  .want = { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 6 } },
	{ "recvv", "receive of at least 20 bytes into several buffers, 12 there", post_recvv, send_rest,
	  .want = { [RESULT] = 12 + BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 12 } },
	{ "recv_mem", "receive into registered memory", post_recv_mem, send_rest,
	  .want = { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "recv_loan", "receive in the stack's buffers", post_recv_loan, send_and_look,
	  .want = { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "recv_repeat", "repeating receive", post_recv_repeat, send_rest,
	  .want = { [RESULT] = STAYS, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "shutdown", "shutdown", post_shutdown, unmute,
	  .want = { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS }, .shuts = true },
	{ "disconnect", "disconnect", post_disconnect, closes_shut_peer,
	  .want = { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 }, .shuts = true },
	{ "watch", "watch", post_watch, closes_shut_peer,
	  .want = { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "watch_abort", "watch with `SAN_ABORT`", post_watch_abort, shut_both,
	  .want = { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
};

_Static_assert(RTE_DIM(closes_kinds) == CLOSES_KINDS, "as many as there are rows");
