/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends from registered memory: what goes over the wire, and that nothing ends one while a packet refers to its
 * memory. The card is played by the test: it takes what host 0 sends, and holds it for as long as it likes.
 */
#include "duo.h"

#include <string.h>

#include "core/priv.h"
#include "sock/priv.h"

#define BIG (4u << 20)
#define WAITS INT32_MIN

static uint8_t out[BIG] __attribute__((aligned(4096)));
static uint8_t in[BIG];

static void
fill_out(void)
{
	duo_fill(out, BIG);
	memset(in, 0, sizeof(in));
}

static san_mem
registered(void *base, size_t len, unsigned int access)
{
	san_mem mem = SAN_NO_MEM;

	duo_must(san_mem_register(base, len, access, &mem) == 0);
	duo_must(mem != SAN_NO_MEM);
	return mem;
}

/* A pair whose first end has the bytes to send in registered memory, and a host that lends. */
static san_mem
lending_pair(san_handle s[2])
{
	fill_out();
	duo_pair(s);
	duo_let_lend(0);
	return registered(out, sizeof(out), SAN_MEM_READ);
}

static int
send_from(san_handle s, struct san_overlapped *op, san_mem mem, size_t len, unsigned int flags)
{
	struct san_mem_vec vec = { .base = out, .len = len, .mem = mem };

	return san_send_mem(s, op, &vec, 1, flags);
}

static void
bytes_go_from_where_they_lie(void)
{
	static const uint32_t lens[] = { 1, 300, 1448, 70000, BIG };
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	san_handle s[2];
	san_mem mem = lending_pair(s);

	for (unsigned int i = 0; i < RTE_DIM(lens); i++) {
		duo_must(san_recv(s[1], recv, in, lens[i], SAN_WAITALL) == 0);
		duo_must(send_from(s[0], send, mem, lens[i], 0) == 0);
		duo_must(san_mem_deregister(mem) == -EBUSY);
		duo_pass(2000000);
		duo_must(duo_result(send) == (int32_t)lens[i]);
		duo_must(duo_result(recv) == (int32_t)lens[i]);
		duo_must(memcmp(in, out, lens[i]) == 0);
		memset(in, 0, lens[i]);
	}
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx) > BIG / 1448);
	/* the byte alone: an mbuf that refers to it would cost more */
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx_copied) == 1);
	duo_must(san_mem_deregister(mem) == 0);
	duo_must(san_mem_deregister(mem) == -EINVAL);
}

/* As over this wire by itself, which passes buffers by reference. */
static void
port_that_does_not_lend_copies(void)
{
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	san_mem mem;
	san_handle s[2];

	fill_out();
	duo_pair(s);
	mem = registered(out, sizeof(out), SAN_MEM_READ);
	duo_must(san_recv(s[1], recv, in, 70000, SAN_WAITALL) == 0);
	duo_must(send_from(s[0], send, mem, 70000, 0) == 0);
	duo_pass(2000000);
	duo_must(duo_result(send) == 70000);
	duo_must(memcmp(in, out, 70000) == 0);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx) == 0);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx_copied) >= 70000 / 1448);
	duo_must(san_mem_deregister(mem) == 0);
}

static void
what_is_lost_is_sent_again_from_there(void)
{
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	uint64_t before;
	san_handle s[2];
	san_mem mem = lending_pair(s);

	duo_must(san_recv(s[1], recv, in, 100000, SAN_WAITALL) == 0);
	duo.mute[0] = true;
	duo_must(send_from(s[0], send, mem, 100000, 0) == 0);
	duo_pass(300000);
	duo.mute[0] = false;
	before = vhost_count(&duo.h[0], SANI_CTR_lend_tx);
	duo_must(before > 0);
	/* Nobody has seen the bytes yet: it is these that come. */
	memset(out, 0x5a, 1448);
	duo_pass(20000000);
	duo_must(duo_result(send) == 100000);
	duo_must(duo_result(recv) == 100000);
	duo_must(memcmp(in, out, 100000) == 0);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx) > before + 50);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_tcp_tx_rexmit) > 0);
	duo_must(san_mem_deregister(mem) == 0);
}

/* Copied bytes, lent ones, a registration beside it, and a send behind it: one stream, ends in order. */
static void
lent_and_copied_are_one_stream(void)
{
	struct san_overlapped *send = duo_op(), *next = duo_op(), *recv = duo_op();
	struct san_mem_vec vec[4];
	san_mem a, b;
	san_handle s[2];

	fill_out();
	duo_pair(s);
	duo_let_lend(0);
	a = registered(out, 8192, SAN_MEM_READ);
	b = registered(out + 4096, 100000, SAN_MEM_READ | SAN_MEM_WRITE);
	vec[0] = (struct san_mem_vec){ .base = out, .len = 40 };
	vec[1] = (struct san_mem_vec){ .base = out + 40, .len = 5000, .mem = a };
	vec[2] = (struct san_mem_vec){ .base = NULL, .len = 0, .mem = 12345 };
	vec[3] = (struct san_mem_vec){ .base = out + 5040, .len = 60000, .mem = b };
	duo_must(san_recv(s[1], recv, in, 65140, SAN_WAITALL) == 0);
	duo_must(san_send_mem(s[0], send, vec, 4, SAN_MORE) == 0);
	memset(vec, 0xee, sizeof(vec));
	duo_must(san_send(s[0], next, out + 65040, 100, 0) == 0);
	duo_must(san_mem_deregister(a) == -EBUSY);
	duo_must(san_mem_deregister(b) == -EBUSY);
	duo_pass(2000000);
	duo_must(duo_result(send) == 65040);
	duo_must(duo_result(next) == 100);
	duo_must(duo_of(send) < duo_of(next));
	duo_must(duo_result(recv) == 65140 && memcmp(in, out, 65140) == 0);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_unregistered) == 1);
	duo_must(san_mem_deregister(a) == 0);
	duo_must(san_mem_deregister(b) == 0);
}

static void
unregistered_is_copied_and_over(void)
{
	struct san_overlapped *send = duo_op();
	san_handle s[2];
	int rc;

	fill_out();
	duo_pair(s);
	rc = send_from(s[0], send, SAN_NO_MEM, 100, 0);
	duo_go();
	duo_must(rc == 1 ? send->result == 100 : duo_result(send) == 100);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_unregistered) == 1);
}

static void
what_is_not_allowed_is_refused(void)
{
	struct san_overlapped *op = duo_op();
	struct san_mem_vec v = { .base = out, .len = 100 };
	san_mem r, w;
	san_handle s[2];

	duo_pair(s);
	r = registered(out, 4096, SAN_MEM_READ);
	w = registered(out, 4096, SAN_MEM_WRITE);
	v.mem = w;
	duo_must(san_send_mem(s[0], op, &v, 1, 0) == -EACCES);
	v.mem = r;
	duo_must(san_recv_mem(s[0], op, &v, 1, 1, 0) == -EACCES);
	v.len = 4097;
	duo_must(san_send_mem(s[0], op, &v, 1, 0) == -EFAULT);
	v.base = out + sizeof(out) - 5;
	v.len = 10;
	duo_must(san_send_mem(s[0], op, &v, 1, 0) == -EFAULT);
	v = (struct san_mem_vec){ .base = out, .len = 10, .mem = r + 1 };
	duo_must(san_send_mem(s[0], op, &v, 1, 0) == -EINVAL);
	v.mem = r;
	duo_must(san_send_mem(s[0], op, &v, 1, SAN_WAITALL) == -EINVAL);
	duo_must(san_send_mem(s[0], op, &v, 0, 0) == -EINVAL);
	duo_must(san_send_mem(s[0], op, &v, SAN_VEC_MAX + 1, 0) == -EINVAL);
	duo_must(san_recv_mem(s[0], op, &v, 1, 11, 0) == -EINVAL);
	duo_must(san_mem_register(NULL, 10, SAN_MEM_READ, &w) == -EFAULT);
	duo_must(san_mem_register(out, 0, SAN_MEM_READ, &w) == -EINVAL);
	duo_must(san_mem_register(out, 10, 4, &w) == -EINVAL);
	duo_must(san_mem_register(out, 10, 0, &w) == -EINVAL);
	/* none of it has left a user behind */
	duo_must(san_mem_deregister(r) == 0);
	duo_must(san_mem_deregister(w) == 0);
	v.mem = r;
	duo_must(san_send_mem(s[0], op, &v, 1, 0) == -EINVAL);
}

static void
registered_memory_is_received_into(void)
{
	struct san_overlapped *recv = duo_op();
	struct san_mem_vec v[2] = { { .base = in, .len = 10 }, { .base = in + 10, .len = 4000 } };
	san_mem mem;
	san_handle s[2];

	fill_out();
	duo_pair(s);
	mem = registered(in, sizeof(in), SAN_MEM_WRITE);
	v[0].mem = v[1].mem = mem;
	duo_must(san_recv_mem(s[1], recv, v, 2, 20, 0) == 0);
	duo_must(san_send(s[0], duo_op(), out, 15, 0) >= 0);
	duo_go();
	duo_must(duo_result(recv) == WAITS && san_mem_deregister(mem) == -EBUSY);
	duo_must(san_send(s[0], duo_op(), out + 15, 15, 0) >= 0);
	duo_go();
	duo_must(duo_result(recv) == 30 && memcmp(in, out, 30) == 0);
	duo_must(san_mem_deregister(mem) == 0);
}

/* A hostile peer may acknowledge what is still in the card. */
static void
acknowledged_is_not_over_while_the_card_holds_it(void)
{
	struct san_overlapped *send = duo_op(), *next = duo_op(), *recv = duo_op();
	san_handle s[2];
	san_mem mem = lending_pair(s);

	duo_must(san_recv(s[1], recv, in, 10100, SAN_WAITALL) == 0);
	duo_must(send_from(s[0], send, mem, 10000, 0) == 0);
	duo_must(san_send(s[0], next, out + 10000, 100, 0) == 0);
	duo_card_go(true);
	duo_must(duo_result(recv) == 10100);
	duo_must(duo_result(send) == WAITS && duo_result(next) == WAITS);
	duo_must(san_mem_deregister(mem) == -EBUSY);
	duo_card_let_go();
	duo_card_go(true);
	duo_must(duo_result(send) == 10000 && duo_result(next) == 100);
	duo_must(memcmp(in, out, 10100) == 0);
	duo_must(san_mem_deregister(mem) == 0);
	duo_card_let_go();
}

enum reason { BY_CLOSE, BY_RESET, BY_CANCEL, BY_CANCEL_ALL, BY_DEADLINE, BY_ABORT };

static void
end_by(enum reason why, san_handle s[2], struct san_overlapped *send)
{
	switch (why) {
	case BY_CLOSE:
		duo_must(san_close(s[0], 0) == 0);
		break;
	case BY_RESET:
		duo_must(san_close(s[1], 0) == 0);
		break;
	case BY_CANCEL:
		duo_must(san_cancel(s[0], send->id) == 0);
		duo_must(san_cancel(s[0], send->id) == -EALREADY);
		break;
	case BY_CANCEL_ALL:
		duo_must(san_cancel_all(s[0]) == 0);
		break;
	case BY_DEADLINE:
		vhost_now_us += 1000000;
		break;
	case BY_ABORT:
		duo_must(san_disconnect(s[0], duo_op(), SAN_ABORT) == 0);
		break;
	}
}

/* O9.4: the same for every reason. Behind it a send that waits for room. */
static void
ends_when_the_card_lets_go(enum reason why, int32_t result)
{
	struct san_overlapped *send = duo_op(), *next = duo_op();
	san_handle s[2];
	san_mem mem = lending_pair(s);

	send->timeout_us = why == BY_DEADLINE ? 500000 : 0;
	duo_must(send_from(s[0], send, mem, BIG, 0) == 0);
	duo_must(san_send(s[0], next, in, 100, 0) == 0);
	duo_card_go(true);
	duo_must(duo_card_holds() > 0 && duo_result(send) == WAITS);
	end_by(why, s, send);
	duo_card_go(true);
	duo_must(duo_result(send) == WAITS);
	duo_must(send->state == SANI_OP_CANCELLING);
	duo_must(san_mem_deregister(mem) == -EBUSY);
	if (why == BY_CLOSE)
		duo_must(!duo_closed(s[0]) && duo_result(next) == WAITS);
	duo_card_let_go();
	duo_card_go(true);
	duo_card_let_go();
	duo_card_go(true);
	duo_must(duo_count(send) == 1 && duo_result(send) == result);
	duo_must(san_mem_deregister(mem) == 0);
	if (why == BY_CLOSE)
		duo_must(duo_closed(s[0]));
	if (why == BY_CLOSE || why == BY_RESET)
		duo_must(duo_result(next) == result && duo_of(send) < duo_of(next));
	duo_card_let_go();
}

#define WAITS_FOR_THE_CARD(reason, why, result) \
static void \
reason##_waits_for_the_card(void) \
{ \
	ends_when_the_card_lets_go(why, result); \
}

WAITS_FOR_THE_CARD(close, BY_CLOSE, -ECANCELED)
WAITS_FOR_THE_CARD(reset, BY_RESET, -ECONNRESET)
WAITS_FOR_THE_CARD(cancel, BY_CANCEL, -ECANCELED)
WAITS_FOR_THE_CARD(cancel_of_all, BY_CANCEL_ALL, -ECANCELED)
WAITS_FOR_THE_CARD(deadline, BY_DEADLINE, -ETIMEDOUT)
WAITS_FOR_THE_CARD(abort, BY_ABORT, -ECONNABORTED)

/* Sends end in the order of their posts (O9.4), though the card lets go of all of them at once. */
static void
several_end_in_their_order(enum reason why, int32_t result)
{
	struct san_overlapped *send[3] = { duo_op(), duo_op(), duo_op() };
	san_handle s[2];
	san_mem mem = lending_pair(s);

	for (unsigned int i = 0; i < RTE_DIM(send); i++)
		duo_must(send_from(s[0], send[i], mem, 1000, SAN_ACKED) == 0);
	duo_card_go(false);
	duo_must(duo_card_holds() > 0);
	end_by(why, s, send[0]);
	duo_card_go(true);
	duo_must(duo_result(send[0]) == WAITS);
	duo_card_let_go();
	duo_card_go(true);
	for (unsigned int i = 0; i < RTE_DIM(send); i++)
		duo_must(duo_result(send[i]) == result && (i == 0 || duo_of(send[i - 1]) < duo_of(send[i])));
	duo_must(san_mem_deregister(mem) == 0);
	duo_card_let_go();
}

static void
closed_ones_end_in_their_order(void)
{
	several_end_in_their_order(BY_CLOSE, -ECANCELED);
}

static void
reset_ones_end_in_their_order(void)
{
	several_end_in_their_order(BY_RESET, -ECONNRESET);
}

static void
aborted_ones_end_in_their_order(void)
{
	several_end_in_their_order(BY_ABORT, -ECONNABORTED);
}

/* The peer does not read: the connection keeps what it had taken, the program has its memory back. */
static void
cancelled_send_leaves_a_copy_behind(void)
{
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	uint32_t done;
	bool waits;
	san_handle s[2];
	san_mem mem = lending_pair(s);

	duo_must(send_from(s[0], send, mem, BIG, 0) == 0);
	duo_pass(1000000);
	duo_must(duo_result(send) == WAITS);
	duo_must(san_cancel(s[0], send->id) == 0);
	duo_pass(10000);
	waits = duo_result(send) == WAITS;
	duo_must(san_recv(s[1], recv, in, send->done, SAN_WAITALL) == 0);
	if (waits)	/* what lies at the other host is in mbufs of this one, as in a card */
		duo_pass(1000000);
	duo_must(duo_result(send) == -ECANCELED);
	done = send->done;
	duo_must(done > 0 && done < BIG);
	duo_must(san_mem_deregister(mem) == 0);
	memset(out, 0, sizeof(out));
	duo_pass(5000000);
	duo_must(duo_result(recv) == (int32_t)done);
	duo_fill(out, done);
	duo_must(memcmp(in, out, done) == 0);
}

/* What was lent is copied and given back with the cancel: the connection is as others are from there on. */
static void
cancelled_send_that_is_back_at_once_leaves_an_ordinary_connection(void)
{
	const struct sani_tcp_conn *conns = duo.h[0].below->cores[0]->priv->conns;
	struct san_overlapped *send = duo_op();
	san_handle s[2];
	san_mem mem;

	fill_out();
	duo_pair(s);
	mem = registered(out, sizeof(out), SAN_MEM_READ);
	duo_must(send_from(s[0], send, mem, BIG, 0) == 0);
	duo_pass(1000000);
	duo_must(duo_result(send) == WAITS && conns[0].extras != 0);
	duo_must(san_cancel(s[0], send->id) == 0);
	duo_go();
	duo_must(duo_result(send) == -ECANCELED);
	duo_must(conns[0].extras == 0);
	duo_must(san_mem_deregister(mem) == 0);
}

/* Without buffers there is no copy yet; it is made as soon as there are some, though the peer says nothing. */
static void
copy_waits_for_buffers(void)
{
	static struct rte_mbuf *all[16384];
	struct rte_mempool *pool = duo.h[0].below->pool;
	struct san_overlapped *send = duo_op();
	unsigned int n = 0;
	san_mem mem;
	san_handle s[2];

	fill_out();
	duo_pair(s);
	duo_let_lend(0);
	mem = registered(out, sizeof(out), SAN_MEM_READ);
	duo_must(send_from(s[0], send, mem, 10000, 0) == 0);
	duo_card_go(false);
	duo_must(duo_card_holds() > 0);
	while (n < RTE_DIM(all) && (all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	duo_must(n < RTE_DIM(all));
	duo_must(san_cancel(s[0], send->id) == 0);
	duo_card_let_go();
	/* what the card gave back too */
	while (n < RTE_DIM(all) && (all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	vhost_now_us += 10000;
	/* not until nothing is left to do: it tries again */
	for (unsigned int i = 0; i < 5; i++)
		duo_card_turn(false);
	duo_reap();
	duo_must(duo_result(send) == WAITS && san_mem_deregister(mem) == -EBUSY);
	rte_pktmbuf_free_bulk(all, n);
	vhost_now_us += 10000;
	duo_card_go(false);
	duo_card_let_go();
	duo_card_go(false);
	duo_must(duo_result(send) == -ECANCELED);
	duo_must(san_mem_deregister(mem) == 0);
	duo_card_let_go();
}

static void
polled_send_ends_in_its_structure(void)
{
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	san_handle s[2];
	san_mem mem = lending_pair(s);

	duo_must(send_from(s[0], send, mem, 10000, SAN_POLLED) == 0);
	duo_must(duo_result(send) == WAITS);
	duo_must(san_recv(s[1], recv, in, 10000, SAN_WAITALL) == 0);
	duo_pass(100000);
	duo_must(duo_result(send) == 10000 && memcmp(in, out, 10000) == 0);
	duo_must(duo_count(send) == 0);
	duo_must(san_mem_deregister(mem) == 0);
}

/* A FIN behind it is a FIN behind its bytes. */
static void
shutdown_goes_behind_it(void)
{
	struct san_overlapped *send = duo_op(), *shut = duo_op(), *recv = duo_op();
	san_handle s[2];
	san_mem mem = lending_pair(s);

	duo_must(send_from(s[0], send, mem, BIG, 0) == 0);
	duo_must(san_shutdown(s[0], shut, 0) == 0);
	duo_must(san_recv(s[1], recv, in, BIG, SAN_WAITALL) == 0);
	duo_pass(2000000);
	duo_must(duo_result(recv) == (int32_t)BIG && memcmp(in, out, BIG) == 0);
	duo_must(duo_result(send) == (int32_t)BIG && duo_result(shut) == 0);
	duo_must(duo_of(send) < duo_of(shut));
	duo_must(san_mem_deregister(mem) == 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(bytes_go_from_where_they_lie),
		DUO_CASES(port_that_does_not_lend_copies),
		DUO_CASES(what_is_lost_is_sent_again_from_there),
		DUO_CASES(lent_and_copied_are_one_stream),
		DUO_CASES(unregistered_is_copied_and_over),
		DUO_CASES(what_is_not_allowed_is_refused),
		DUO_CASES(registered_memory_is_received_into),
		DUO_CASES(cancelled_send_leaves_a_copy_behind),
		DUO_CASES(cancelled_send_that_is_back_at_once_leaves_an_ordinary_connection),
		DUO_CASES(polled_send_ends_in_its_structure),
		DUO_CASES(shutdown_goes_behind_it),
		DUO_CASE_HERE(acknowledged_is_not_over_while_the_card_holds_it),
		DUO_CASE_HERE(close_waits_for_the_card),
		DUO_CASE_HERE(reset_waits_for_the_card),
		DUO_CASE_HERE(cancel_waits_for_the_card),
		DUO_CASE_HERE(cancel_of_all_waits_for_the_card),
		DUO_CASE_HERE(deadline_waits_for_the_card),
		DUO_CASE_HERE(abort_waits_for_the_card),
		DUO_CASE_HERE(closed_ones_end_in_their_order),
		DUO_CASE_HERE(reset_ones_end_in_their_order),
		DUO_CASE_HERE(aborted_ones_end_in_their_order),
		DUO_CASE_HERE(copy_waits_for_buffers),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("lend", tests, NULL, NULL);
}
