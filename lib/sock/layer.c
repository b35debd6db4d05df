/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/layer.h"
#include "sock/priv.h"

void
sani_layer_add(struct san_core *k, struct sani_layer *layer)
{
	layer->next = k->layers;
	k->layers = layer;
}

void
sani_layer_remove(struct san_core *k, struct sani_layer *layer)
{
	struct sani_layer **at = &k->layers;

	while (*at != layer)
		at = &(*at)->next;
	*at = layer->next;
}

unsigned int
sani_layer_round(struct san_core *k, bool last)
{
	struct sani_layer *layer = k->layers;
	unsigned int n = 0;

	while (layer != NULL) {
		/* Before its turn, in which it may go. */
		struct sani_layer *next = layer->next;

		n += layer->turn(layer, k, last);
		layer = next;
	}
	return n;
}

bool
sani_layer_is_here(const struct san_core *k)
{
	const struct sani_thread *t = sani_thread_self();

	return t != NULL && t->nb_claims != 0 && sani_is_on_core(k, t);
}

bool
sani_layer_in_round(void)
{
	const struct sani_thread *t = sani_thread_self();

	return t != NULL && t->in_round;
}

struct san_core *
sani_layer_core_here(const struct san_host *host)
{
	const struct sani_thread *t = sani_thread_self();
	unsigned int id;

	for (id = 0; t != NULL && t->nb_claims != 0 && id < SANI_CORE_IDS; id++) {
		struct san_core *k = sani_sock_core((uint8_t)id);

		if (k != NULL && sani_is_on_core(k, t) && (host == NULL || k->host == host))
			return k;
	}
	return NULL;
}

int
sani_layer_post(struct san_core *k, sani_layer_fn fn, void *arg)
{
	struct sani_req req = { .fn = fn, .arg = arg, .kind = SANI_REQ_CALL };
	struct sani_thread *t = sani_thread_self();
	struct sani_spsc *ring;

	if (sani_lib_check() < 0)
		return -ENETDOWN;
	if (t == NULL || (!t->attached && t->nb_claims == 0))
		return -EPERM;
	ring = sani_thread_ring(t, k->id);
	if (ring == NULL || !sani_spsc_put(ring, &req))
		return -EAGAIN;
	sani_core_wake(k);
	return 0;
}
