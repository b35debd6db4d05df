/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

#ifndef NDEBUG

#define SOCKS_A_ROUND 16

static bool
is_sending(const struct san_overlapped *op)
{
	return op->kind == SAN_OP_SEND || op->kind == SAN_OP_SHUTDOWN || op->kind == SAN_OP_DISCONNECT;
}

/* One that is pending: its state, its socket, and what is its own. */
static void
check_op(const struct san_core *k, const struct sani_sock *so, const struct san_overlapped *op)
{
	enum sani_op_state state = sani_op_state(op);

	sani_assert(state == SANI_OP_POSTED || state == SANI_OP_ACTIVE || state == SANI_OP_CANCELLING);
	sani_assert(state != SANI_OP_CANCELLING || op->kind == SAN_OP_ACCEPT || is_sending(op));
	/* Its memory is in use for as long as anything may refer to it. */
	sani_assert(!sani_lent_is_out(op) || is_sending(op));
	sani_assert(op->sock == sani_sock_handle(so));
	sani_assert(op->flags & SANI_OP_LISTED);
	sani_assert(!(op->flags & SANI_OP_REPEAT) || (op->flags & SANI_OP_EXTRA));
	sani_assert(!(op->flags & SANI_OP_REPEAT) || !(op->flags & SAN_POLLED));
	sani_assert(!(op->flags & SANI_OP_TIMED) || k->deadlines.list[op->timer].op == op);
	sani_assert(!(op->flags & SANI_OP_EXTRA) || sani_op_extra(op)->pool == &so->lane->extras);
}

/* A list, both ways. @return Its length. */
static uint32_t
check_list(const struct san_core *k, const struct sani_sock *so, const struct sani_oplist *l)
{
	const struct san_overlapped *op, *last = NULL;
	uint32_t n = 0;

	for (op = l->head; op != NULL; op = op->next) {
		check_op(k, so, op);
		sani_assert(op->prev == last);
		sani_assert(is_sending(op) == (l == &so->send));
		sani_assert((op->kind == SAN_OP_ACCEPT) == (l == &so->recv && so->listens));
		last = op;
		n++;
	}
	sani_assert(l->tail == last);
	return n;
}

/*
 * A send is CANCELLING while packets refer to its memory, or behind one that is, of a connection that is over. And
 * what is out has begun, and is counted.
 */
static void
check_lent(const struct san_core *k, const struct sani_sock *so)
{
	const struct san_overlapped *op;
	uint32_t out = 0;

	for (op = so->send.head; op != NULL; op = op->next) {
		out += sani_lent_is_out(op);
		sani_assert(sani_op_state(op) != SANI_OP_CANCELLING || out > 0);
		if (sani_lent_is_out(op))
			sani_assert(sani_op_extra(op)->lent.op == op && sani_op_extra(op)->lent.core == k);
		/* A close has let go of all that it could. */
		sani_assert(so->close == SANI_CLOSE_NONE || !sani_lent_is_out(op) ||
			    (!sani_op_extra(op)->lent.holding && sani_op_state(op) == SANI_OP_CANCELLING));
	}
	sani_assert(out <= k->nb_lent);
}

/* What is not given to the connection is the end of the list of sends. */
static void
check_unsent(const struct sani_sock *so)
{
	const struct san_overlapped *op = so->send.head;

	while (op != NULL && op != so->unsent)
		op = op->next;
	sani_assert(op == so->unsent);
}

static void
check_accepting(const struct san_core *k, const struct sani_sock *so)
{
	const struct sani_accepting *a = sani_sock_accepting(k, so);
	const struct san_overlapped *op;
	uint32_t ones = 0, repeating = 0, cancelling = 0, room = 0;

	for (op = so->recv.head; op != NULL; op = op->next) {
		bool repeats = op->flags & SANI_OP_REPEAT;

		ones += !repeats;
		repeating += repeats;
		cancelling += sani_op_state(op) == SANI_OP_CANCELLING;
		room += repeats ? sani_repeat_room(so, op) : 1;
	}
	sani_assert(ones == a->nb_accepts);
	sani_assert(repeating == a->nb_repeating);
	sani_assert(cancelling == a->nb_cancelling);
	sani_assert(room >= a->nb_taken);
	sani_assert(a->nb <= a->size);
}

void
sani_check_sock(struct san_core *k, struct sani_sock *so)
{
	uint64_t w = atomic_load(&k->slots->words[sani_sock_slot(so)]);
	uint32_t n;

	sani_assert(sani_word_gen(w) == sani_word_gen(so->word));
	sani_assert(sani_word_state(w) == SANI_SLOT_OPEN || sani_word_state(w) == SANI_SLOT_CLOSING);
	sani_assert(so->close == SANI_CLOSE_NONE || sani_word_state(w) == SANI_SLOT_CLOSING);
	sani_assert(so->close == SANI_CLOSE_NONE || so->conn == SANI_NONE);
	sani_assert(so->close == SANI_CLOSE_NONE || !so->paused);
	n = check_list(k, so, &so->recv) + check_list(k, so, &so->send);
	if (so->connect != NULL)
		check_op(k, so, so->connect);
	if (so->connect != NULL && so->connect->kind == SAN_OP_WATCH)
		sani_assert(so->phase == SANI_SOCK_CONNECTED || so->phase == SANI_SOCK_DEAD);
	else
		sani_assert(so->connect == NULL || so->phase == SANI_SOCK_CONNECTING || so->phase == SANI_SOCK_NEW);
	sani_assert(n + (so->connect != NULL) == so->nb_ops);
	check_unsent(so);
	check_lent(k, so);
	if (so->listens)
		check_accepting(k, so);
}

void
sani_check_entry(const struct san_core *k, const struct sani_sock *so, const struct san_overlapped *op)
{
	enum sani_slot_state state = sani_word_state(atomic_load(&k->slots->words[sani_sock_slot(so)]));

	/* Nothing comes behind the close, and every entry has its place. */
	sani_assert(state == SANI_SLOT_OPEN || state == SANI_SLOT_CLOSING);
	sani_assert(op->sock == sani_sock_handle(so));
	sani_assert(sani_op_state(op) != SANI_OP_FREE && sani_op_state(op) != SANI_OP_DONE);
	/* No end while a packet refers to its memory (O9.4, O10). */
	sani_assert(!sani_lent_is_out(op));
	sani_assert((op->flags & SAN_POLLED) || sani_spsc_room(so->lane->ring) > 0);
}

void
sani_check_round(struct san_core *k)
{
	uint32_t i;

	for (i = 0; i < SOCKS_A_ROUND; i++) {
		uint32_t slot = k->check_next++ % k->nb_slots;
		enum sani_slot_state state = sani_word_state(atomic_load(&k->slots->words[slot]));

		if (state == SANI_SLOT_OPEN || state == SANI_SLOT_CLOSING)
			sani_check_sock(k, &k->socks[slot]);
	}
}

#endif
