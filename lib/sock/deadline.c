/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sock/priv.h"

int
sani_deadline_init(struct san_core *k, uint32_t nb)
{
	struct sani_deadlines *d = &k->deadlines;

	/* Whole pages that nobody has written to cost nothing: places are taken from the front. */
	d->list = calloc(nb, sizeof(*d->list));
	if (d->list == NULL)
		return -ENOMEM;
	d->size = nb;
	d->free = SANI_NONE;
	d->wheel = sani_wheel_create(d->list, sizeof(*d->list),
				     offsetof(struct sani_deadline, timer), 0);
	return d->wheel == NULL ? -ENOMEM : 0;
}

void
sani_deadline_fini(struct san_core *k)
{
	sani_wheel_destroy(k->deadlines.wheel);
	free(k->deadlines.list);
	k->deadlines = (struct sani_deadlines){ 0 };
}

static uint32_t
take(struct sani_deadlines *d)
{
	uint32_t idx = d->free;

	if (idx != SANI_NONE)
		d->free = d->list[idx].next;
	else if (d->fresh < d->size)
		idx = d->fresh++;
	else
		return SANI_NONE;
	sani_timer_init(&d->list[idx].timer);
	return idx;
}

int
sani_deadline_set(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	struct sani_deadlines *d = &k->deadlines;
	uint32_t idx = take(d);
	uint32_t none;

	if (idx == SANI_NONE) {
		sani_count(&k->core->ctr, SANI_CTR_sock_deadlines_full);
		return -ENOBUFS;
	}
	/* Between rounds, perhaps long after the last one. */
	sani_core_tell_time(k->core);
	/* Nobody has moved the empty wheel on. */
	if (d->nb++ == 0)
		sani_wheel_advance(d->wheel, k->core->now_us, &none, 1);
	d->list[idx].op = op;
	d->list[idx].slot = sani_sock_slot(so);
	sani_wheel_arm(d->wheel, idx, k->core->now_us + op->timeout_us);
	op->timer = idx;
	op->flags |= SANI_OP_TIMED;
	return 0;
}

void
sani_deadline_clear(struct san_core *k, struct san_overlapped *op)
{
	struct sani_deadlines *d = &k->deadlines;
	uint32_t idx = op->timer;

	sani_wheel_disarm(d->wheel, idx);
	d->list[idx].next = d->free;
	d->free = idx;
	d->nb--;
	op->flags &= (uint16_t)~SANI_OP_TIMED;
}

unsigned int
sani_deadline_round(struct san_core *k)
{
	struct sani_deadlines *d = &k->deadlines;
	unsigned int n = 0;
	uint32_t idx;

	/* One at a time: the end of one may be the end of others, whose deadlines go with them. */
	while (sani_wheel_advance(d->wheel, k->core->now_us, &idx, 1) > 0) {
		struct sani_deadline *due = &d->list[idx];

		sani_deadline_clear(k, due->op);
		sani_count(&k->core->ctr, SANI_CTR_sock_deadlines);
		sani_op_abort(k, &k->socks[due->slot], due->op, -ETIMEDOUT);
		n++;
	}
	return n;
}

uint64_t
sani_sock_deadline(const struct san_core *k)
{
	uint64_t deadline = sani_core_deadline(k->core);

	return k->deadlines.nb > 0 ? RTE_MIN(deadline, sani_wheel_next(k->deadlines.wheel)) : deadline;
}
