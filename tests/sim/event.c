/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/event.h"

#include <stdbool.h>
#include <stdlib.h>

static bool
is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event t = *a;

	*a = *b;
	*b = t;
}

void
sim_event_add(struct sim_events *q, uint64_t at_us, void (*run)(void *arg, uint32_t what), void *arg,
	      uint32_t what)
{
	uint32_t i = q->nb++;

	if (q->nb > q->size) {
		q->size = q->size ? 2 * q->size : 64;
		q->heap = realloc(q->heap, q->size * sizeof(q->heap[0]));
	}
	q->heap[i] = (struct sim_event){ at_us, q->order++, run, arg, what };
	for (; i > 0 && is_before(&q->heap[i], &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&q->heap[i], &q->heap[(i - 1) / 2]);
}

static void
remove_first(struct sim_events *q)
{
	uint32_t i = 0;

	q->heap[0] = q->heap[--q->nb];
	for (;;) {
		uint32_t least = i;

		for (uint32_t k = 2 * i + 1; k <= 2 * i + 2 && k < q->nb; k++)
			if (is_before(&q->heap[k], &q->heap[least]))
				least = k;
		if (least == i)
			return;
		swap(&q->heap[i], &q->heap[least]);
		i = least;
	}
}

unsigned int
sim_event_run(struct sim_events *q, uint64_t now_us)
{
	unsigned int n = 0;

	while (q->nb > 0 && q->heap[0].at_us <= now_us) {
		struct sim_event e = q->heap[0];

		remove_first(q);
		e.run(e.arg, e.what);
		n++;
	}
	return n;
}

uint64_t
sim_event_next(const struct sim_events *q)
{
	return q->nb > 0 ? q->heap[0].at_us : UINT64_MAX;
}

void
sim_event_clear(struct sim_events *q)
{
	free(q->heap);
	*q = (struct sim_events){ .nb = 0 };
}
