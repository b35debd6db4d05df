/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repeating operations (O4). At most k of one's completions but the last lie in the ring and are not reaped; where
 * each of them lies is noted, so the ring's head tells how many that are. One that may not go on although there
 * is something for it waits in a list of its core, and is looked at once a round: reaping tells nobody.
 */
#include "sock/priv.h"

static inline uint32_t
find_room(const struct sani_sock *so, const struct san_overlapped *op)
{
	struct sani_repeat *r = &sani_op_extra(op)->repeat;
	uint32_t head = sani_spsc_head(so->lane->ring);

	while (r->reaped != r->written && (int32_t)(head - r->at[r->reaped % SAN_REPEAT_MAX]) >= 0)
		r->reaped++;
	return r->k - (r->written - r->reaped);
}

uint32_t
sani_repeat_room(const struct sani_sock *so, const struct san_overlapped *op)
{
	return find_room(so, op);
}

/* The completion of len bytes, or of a connection, and where it lies. */
static inline void
write_entry(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint64_t value, uint32_t len)
{
	struct sani_repeat *r = &sani_op_extra(op)->repeat;
	struct sani_cq_entry *e = sani_lane_place(so->lane);

	e->op = op;
	e->rec = sani_sock_record(so);
	e->value = value;
	sani_entry_tell(e, (int32_t)len, op->kind, (uint8_t)(SAN_MORE | (op->flags & SAN_URGENT)), 0);
	sani_spsc_wrote(so->lane->ring);
	r->at[r->written++ % SAN_REPEAT_MAX] = so->lane->ring->put;
	r->next = r->next + 1 == r->k ? 0 : r->next + 1;
	sani_sock_show(k, so);
}

void
sani_repeat_put(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint64_t value)
{
	uint32_t done = op->done;

	sani_check_entry(k, so, op);
	sani_op_set(op, SANI_OP_ACTIVE);
	op->done = 0;
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_repeated);
	if (sani_unlikely(k->gone_here) && sani_gone_cq(so->lane->cq))
		sani_count(&k->core->ctr, SANI_CTR_sock_orphans);
	else
		write_entry(k, so, op, value, done);
	op->flags &= (uint16_t)~SAN_URGENT;
}

static inline bool
has_piece(const struct sani_sock *so, const struct san_overlapped *op)
{
	const struct sani_repeat *r = &sani_op_extra(op)->repeat;
	/* acquire: the program has read what it gave back */
	uint32_t given = __atomic_load_n(&r->pieces->given, __ATOMIC_ACQUIRE);

	return r->written - given < r->k && find_room(so, op) > 0;
}

bool
sani_repeat_has_piece(const struct sani_sock *so, const struct san_overlapped *op)
{
	return has_piece(so, op);
}

/* Would all n bytes that are unread be the next piece, and is nothing else to be said of them? */
static inline bool
is_piece(const struct san_overlapped *op, const struct sani_tcp_conn *c, uint32_t n)
{
	const struct sani_extra *x = sani_op_extra(op);
	uint32_t least = op->flags & SAN_WAITALL ? x->repeat.size : x->min;

	return n > 0 && n >= least && n <= x->repeat.size && op->done == 0 && !(c->flags & SANI_TCP_MAYBE_URGENT);
}

bool
sani_repeat_take(struct san_core *k, struct sani_sock *so, struct sani_tcp_conn *c)
{
	struct san_overlapped *op = so->recv.head;
	uint32_t n = c->rcvq.bytes;
	const struct sani_repeat *r;
	char *at;

	if ((op->flags & (SANI_OP_REPEAT | SAN_URGENT)) != SANI_OP_REPEAT || sani_unlikely(k->gone_here) ||
	    !is_piece(op, c, n) || !has_piece(so, op))
		return false;
	r = &sani_op_extra(op)->repeat;
	at = r->mem + (size_t)r->next * r->size;
	sani_check_entry(k, so, op);
	if (sani_unlikely(sani_op_state(op) != SANI_OP_ACTIVE))
		sani_op_set(op, SANI_OP_ACTIVE);
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_repeated);
	sani_core_read(k->core, c, at, n);
	write_entry(k, so, op, (uintptr_t)at, n);
	return true;
}

bool
sani_repeat_end(struct san_core *k, struct sani_sock *so, const struct sani_tcp_conn *c)
{
	struct san_overlapped *op = so->recv.head;

	if (op->next != NULL || op->done > 0 || !sani_tcp_at_end(c) || (c->flags & SANI_TCP_MAYBE_URGENT))
		return false;
	sani_op_end(k, so, op, 0);
	return true;
}

void
sani_repeat_pause(struct san_core *k, struct sani_sock *so)
{
	if (so->paused)
		return;
	so->paused = true;
	k->more[sani_sock_slot(so)].next_paused = k->paused;
	k->paused = sani_sock_slot(so);
}

void
sani_repeat_forget(struct san_core *k, struct sani_sock *so)
{
	uint32_t slot = sani_sock_slot(so);
	uint32_t *at = &k->paused;

	if (!so->paused)
		return;
	while (*at != slot)
		at = &k->more[*at].next_paused;
	*at = k->more[slot].next_paused;
	so->paused = false;
}

/* True when something was moved. */
static bool
go_on(struct san_core *k, struct sani_sock *so)
{
	uint64_t put = k->core->ctr.v[SANI_CTR_sock_ops_repeated];
	const struct sani_accepting *a = sani_sock_accepting(k, so);
	uint32_t offers;

	if (a != NULL) {
		offers = a->nb;
		sani_accept_go_on(k, so);
		return a->nb != offers;
	}
	if (so->recv.head != NULL && so->conn != SANI_NONE)
		sani_recv_pump(k, so);
	return k->core->ctr.v[SANI_CTR_sock_ops_repeated] != put || !so->paused;
}

unsigned int
sani_repeat_round(struct san_core *k)
{
	uint32_t slot = k->paused;
	unsigned int n = 0;

	k->paused = SANI_NONE;
	while (slot != SANI_NONE) {
		struct sani_sock *so = &k->socks[slot];

		slot = k->more[slot].next_paused;
		so->paused = false;
		n += go_on(k, so);
	}
	return n;
}

void
san_give_back(struct san_pieces *pieces, unsigned int nb)
{
	/* release: what was read of the pieces before they are filled again; nobody else writes it */
	__atomic_store_n(&pieces->given, pieces->given + nb, __ATOMIC_RELEASE);
}
