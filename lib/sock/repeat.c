/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repeating operations (O4). At most k of one's completions but the last lie in the ring and are not reaped; where
 * each of them lies is noted, so the ring's head tells how many that are. One that may not go on although there
 * is something for it waits in a list of its core, and is looked at once a round: reaping tells nobody.
 */
#include "sock/priv.h"

uint32_t
sani_repeat_room(const struct sani_sock *so, const struct san_overlapped *op)
{
	struct sani_repeat *r = &sani_op_extra(op)->repeat;
	uint32_t head = sani_spsc_head(so->lane->ring);

	while (r->reaped != r->written && (int32_t)(head - r->at[r->reaped % SAN_REPEAT_MAX]) >= 0)
		r->reaped++;
	return r->k - (r->written - r->reaped);
}

void
sani_repeat_put(struct san_core *k, struct sani_sock *so, struct san_overlapped *op, uint64_t value)
{
	struct sani_repeat *r = &sani_op_extra(op)->repeat;
	struct sani_cq_entry e = {
		.op = op,
		.rec = sani_sock_record(so),
		.value = value,
		.result = (int32_t)op->done,
		.kind = op->kind,
		.flags = (uint8_t)(SAN_MORE | (op->flags & SAN_URGENT)),
	};

	sani_check_entry(k, so, op);
	sani_op_set(op, SANI_OP_ACTIVE);
	op->done = 0;
	op->flags &= (uint16_t)~SAN_URGENT;
	sani_count(&k->core->ctr, SANI_CTR_sock_ops_repeated);
	if (sani_unlikely(k->gone_here) && sani_gone_cq(so->lane->cq)) {
		sani_count(&k->core->ctr, SANI_CTR_sock_orphans);
		return;
	}
	*sani_lane_place(so->lane) = e;
	sani_spsc_wrote(so->lane->ring);
	r->at[r->written++ % SAN_REPEAT_MAX] = so->lane->ring->put;
	sani_sock_show(k, so);
}

bool
sani_repeat_has_piece(const struct sani_sock *so, const struct san_overlapped *op)
{
	const struct sani_repeat *r = &sani_op_extra(op)->repeat;
	/* acquire: the program has read what it gave back */
	uint32_t given = __atomic_load_n(&r->pieces->given, __ATOMIC_ACQUIRE);

	return r->written - given < r->k && sani_repeat_room(so, op) > 0;
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
	/* release: what was read of the pieces before they are filled again */
	__atomic_fetch_add(&pieces->given, nb, __ATOMIC_RELEASE);
}
