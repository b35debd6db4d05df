/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/layer.h"
#include "sock/priv.h"

#define BURST 32
#define TURN_MAX 256u

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

int
sani_layer_make_queue(struct sani_layer *layer, unsigned int depth, uint64_t user)
{
	struct san_cq *cq;
	int rc = san_cq_create(depth, &cq);

	if (rc < 0)
		return rc;
	cq->unasked = user;
	layer->cq = cq;
	layer->cq_id = atomic_load(&cq->id);
	return 0;
}

int
sani_layer_end_queue(struct sani_layer *layer)
{
	int rc = sani_layer_has_queue(layer) ? san_cq_destroy(layer->cq) : 0;

	if (rc == 0)
		layer->cq = NULL;
	return rc;
}

unsigned int
sani_layer_reap(struct sani_layer *layer)
{
	struct san_completion comp[BURST];
	unsigned int n = 0;
	int got;

	if (sani_unlikely(!sani_layer_has_queue(layer)))
		return 0;
	do {
		got = san_cq_poll(layer->cq, comp, BURST);
		for (int i = 0; i < got; i++)
			layer->ended(layer, &comp[i]);
		n += got > 0 ? (unsigned int)got : 0;
	} while (got == BURST && n < TURN_MAX);
	return n;
}

/* The turn that it has asked for; or none. */
static inline unsigned int
serve_asked(struct sani_layer *layer, struct san_core *k)
{
	if (sani_likely(!atomic_load_explicit(&layer->asked, memory_order_relaxed)))
		return 0;
	/* acquire, of what it reads: all that was pushed for the last time that it was asked for is seen in the turn */
	(void)atomic_exchange_explicit(&layer->asked, false, memory_order_acquire);
	return layer->turn(layer, k, false);
}

static unsigned int
serve(struct sani_layer *layer, struct san_core *k, bool last)
{
	unsigned int n;

	if (last)
		return layer->turn(layer, k, last);
	n = serve_asked(layer, k);
	n += sani_layer_reap(layer);
	return n + serve_asked(layer, k);
}

unsigned int
sani_layer_round(struct san_core *k, bool last)
{
	struct sani_layer *layer = k->layers;
	unsigned int n = 0;

	while (layer != NULL) {
		/* Before its turn, in which it may go. */
		struct sani_layer *next = layer->next;

		n += serve(layer, k, last);
		layer = next;
	}
	return n;
}

bool
sani_layer_waits(const struct san_core *k)
{
	const struct sani_layer *layer;

	for (layer = k->layers; layer != NULL; layer = layer->next)
		if (layer->waiting != NULL && layer->waiting(layer))
			return true;
	return false;
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

bool
sani_layer_enter(void)
{
	struct sani_thread *t = sani_thread_self();
	bool before = t != NULL && t->in_round;

	if (t != NULL)
		t->in_round = true;
	return before;
}

void
sani_layer_leave(bool before)
{
	struct sani_thread *t = sani_thread_self();

	if (t != NULL)
		t->in_round = before;
}

bool
sani_layer_polls(void)
{
	const struct sani_thread *t = sani_thread_self();

	return t != NULL && t->nb_claims != 0;
}

bool
sani_layer_poll_own(void)
{
	bool any = false;
	unsigned int id;

	if (sani_layer_in_round() || !sani_layer_polls())
		return false;
	for (id = 0; id < SANI_CORE_IDS; id++) {
		struct san_core *k = sani_sock_core((uint8_t)id);

		if (k != NULL && sani_layer_is_here(k)) {
			sani_sock_poll(k);
			any = true;
		}
	}
	return any;
}

bool
sani_layer_is_polled(const struct san_core *k)
{
	return atomic_load_explicit(&k->claimer, memory_order_acquire) != SANI_CLAIM_NONE;
}

uint8_t
sani_layer_core_id(const struct san_core *k)
{
	return k->id;
}

/* A core of h that the calling thread polls; NULL: none. */
static struct san_core *
core_here(const struct san_host *h)
{
	unsigned int i;

	for (i = 0; i < h->nb_cores; i++)
		if (sani_layer_is_here(h->cores[i]))
			return h->cores[i];
	return NULL;
}

static bool
has_address(const struct san_host *h, const union sani_ip *ip)
{
	const struct sani_host *below = h->host;
	unsigned int i;

	for (i = 0; i < below->nb_ifaces; i++)
		if (sani_ip_eq(ip, &below->ifaces[i].addr))
			return true;
	return false;
}

/* The list has the newest first. */
static const struct san_host *
choose_host(const union sani_ip *local)
{
	const struct san_host *h, *found = NULL;
	bool any = sani_ip_is_any(local);

	for (h = sani_sock_hosts(); h != NULL; h = h->next) {
		if (!any && has_address(h, local))
			return h;
		if (any && (core_here(h) != NULL || found == NULL || core_here(found) == NULL))
			found = h;
	}
	return found;
}

struct san_core *
sani_layer_choose_core(const union sani_ip *local)
{
	static _Atomic unsigned int turn;
	const struct san_host *h = choose_host(local);
	struct san_core *here;

	if (h == NULL)
		return NULL;
	here = core_here(h);
	return here != NULL ? here : h->cores[atomic_fetch_add(&turn, 1) % h->nb_cores];
}

unsigned int
sani_layer_addresses(const struct san_host *host, union sani_ip *list, unsigned int max)
{
	const struct san_host *h;
	unsigned int i, n = 0;

	for (h = sani_sock_hosts(); h != NULL; h = h->next)
		for (i = 0; (host == NULL || h == host) && i < h->host->nb_ifaces && n < max; i++)
			list[n++] = h->host->ifaces[i].addr;
	return n;
}

int
sani_layer_post(struct san_core *k, sani_layer_fn fn, void *arg)
{
	struct sani_req req = { .fn = fn, .arg = arg, .kind = SANI_REQ_CALL };
	struct sani_thread *t = sani_thread_self();
	struct sani_spsc *ring;

	if (sani_lib_check() < 0)
		return -ENETDOWN;
	if (!sani_thread_may_ask(t))
		return -EPERM;
	ring = sani_thread_ring(t, k->id);
	if (ring == NULL || !sani_spsc_put(ring, &req))
		return -EAGAIN;
	sani_core_wake(k);
	return 0;
}

bool
sani_layer_lends(san_handle h)
{
	struct san_core *k = sani_sock_core(sani_handle_core(h));
	const struct sani_sock *so;

	if (k == NULL || !sani_layer_is_here(k))
		return false;
	so = sani_sock_of(k, h);
	return so != NULL && so->conn != SANI_NONE && sani_core_lends(k->core, sani_sock_conn(k, so));
}

struct san_host *
sani_layer_host(const struct san_core *k)
{
	return k->host;
}

int
sani_layer_port_take(struct san_host *host, uint16_t port)
{
	int rc = port != 0 ? sani_host_port_take(host->host, port) : sani_host_port_take_any(host->host);

	if (rc < 0)
		return -EADDRINUSE;
	return port != 0 ? port : rc;
}

void
sani_layer_port_put(struct san_host *host, uint16_t port)
{
	sani_host_port_put(host->host, port);
}

int
sani_layer_hold(struct san_core *k, san_handle h)
{
	struct sani_sock *so = sani_sock_of(k, h);

	if (so == NULL || so->close != SANI_CLOSE_NONE)
		return -ENOTSOCK;
	if (so->phase != SANI_SOCK_NEW)
		return -EINVAL;
	so->hold = true;
	return 0;
}

static void
confirm_here(struct san_core *k, void *arg)
{
	struct sani_sock *so = sani_sock_of(k, (uintptr_t)arg);

	if (so != NULL && so->conn != SANI_NONE)
		sani_core_confirm(k->core, sani_sock_conn(k, so));
}

int
sani_layer_watch_open(san_handle h, struct san_overlapped *op)
{
	const struct sani_post p = { .sock = h, .op = op, .kind = SAN_OP_WATCH, .flags = SANI_WATCH_OPEN };

	return sani_sock_post(&p);
}

int
sani_layer_confirm(san_handle h)
{
	struct san_core *k = sani_sock_core(sani_handle_core(h));

	if (k == NULL)
		return -ENOTSOCK;
	if (!sani_layer_is_here(k))
		return sani_layer_post(k, confirm_here, (void *)(uintptr_t)h);
	sani_core_stir(k);
	confirm_here(k, (void *)(uintptr_t)h);
	return 0;
}
