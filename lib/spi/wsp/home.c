/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Up-calls. Two sources, and one order for each direction of a socket:
 *
 *   done       sends that were over when they were posted: since the last turn, so before this round's input
 *   queue      everything else; emptied in each turn, so what is in it came after what is in done
 *
 * A close on the core makes the up-calls of its own socket at once, and keeps what it meets of others in the queue:
 * that is older than anything else when the turn comes. A turn that leaves something in the queue begins the next one
 * with it.
 */
#include <stdlib.h>
#include <string.h>

#include "spi/wsp/priv.h"

#define OPS 8192u
#define DONE_MAX 8192u
#define CQ_DEPTH 16384u
#define BURST 32u
#define TURN_MAX 4096u

static struct sani_wsp_home homes[SANI_CORE_IDS + 1];
static _Atomic uint32_t nb_homes;

uint32_t
sani_wsp_homes(void)
{
	return atomic_load(&nb_homes);
}

struct sani_wsp_home *
sani_wsp_home_at(unsigned int core_id)
{
	return &homes[core_id];
}

struct sani_wsp_op *
sani_wsp_fresh_op(struct sani_wsp_home *home)
{
	if (home->fresh == OPS)
		return NULL;
	return memset(&home->ops[home->fresh++], 0, sizeof(*home->ops));
}

static void
give_away(struct sani_wsp_away_pool *pool, struct sani_wsp_op *op)
{
	op->next = atomic_load_explicit(&pool->given, memory_order_relaxed);
	/* release: what was read of it before it is somebody else's */
	while (!atomic_compare_exchange_weak_explicit(&pool->given, &op->next, op, memory_order_release,
						      memory_order_relaxed))
		;
}

/* The registrations of an operation are not used by it any more. */
static void
drop_many(struct sani_wsp_op *op)
{
	while (op->nb > 0)
		op->mems[--op->nb]->in_use--;
}

/* What is not like most. @return False: it goes to the home's free list like the others. */
static bool
end_odd(struct sani_wsp_home *home, struct sani_wsp_op *op)
{
	if (op->odd & SANI_WSP_MANY)
		drop_many(op);
	op->odd &= SANI_WSP_AWAY;
	if (op->odd == 0)
		return false;
	give_away(&home->away, op);
	return true;
}

static inline void
tell(const struct sani_wsp_sock *so, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes)
{
	INT ignored;

	ov->OffsetHigh = error;
	ov->Offset = 0;
	sani_wsp_up.lpWPUCompleteOverlappedRequest(so->upper, ov, error, bytes, &ignored);
}

static inline void
complete(struct sani_wsp_home *home, struct sani_wsp_op *op, DWORD error, DWORD bytes)
{
	struct sani_wsp_sock *so = op->so;
	LPWSAOVERLAPPED ov = op->ov;

	if (sani_likely(op->mem != NULL))
		op->mem->in_use--;
	if (sani_likely(op->odd == 0) || !end_odd(home, op)) {
		op->next = home->free;
		home->free = op;
	}
	if (sani_wsp_is_polled(ov))
		sani_wsp_finish_polled(ov, error, bytes);
	else
		tell(so, ov, error, bytes);
	if (--so->nb_ops == 0 && sani_unlikely(so->retired))
		sani_wsp_try_release(so);
}

void
sani_wsp_complete(struct sani_wsp_home *home, struct sani_wsp_op *op, DWORD error, DWORD bytes)
{
	bool calling = home->calling;

	home->calling = true;
	complete(home, op, error, bytes);
	home->calling = calling;
}

static unsigned int
tell_done(struct sani_wsp_home *home)
{
	const struct sani_wsp_done *d;
	unsigned int n;

	/* The up-calls may add to it. */
	for (d = home->done; d != home->done_next; d++)
		tell(d->so, d->ov, 0, (DWORD)d->bytes);
	n = (unsigned int)(d - home->done);
	home->done_next = home->done;
	return n;
}

/* Those of one socket; the others keep their places. */
static void
tell_done_of(struct sani_wsp_home *home, const struct sani_wsp_sock *so)
{
	struct sani_wsp_done *kept = home->done;
	const struct sani_wsp_done *at;

	for (at = home->done; at != home->done_next; at++) {
		struct sani_wsp_done d = *at;

		if (d.so == so)
			tell(d.so, d.ov, 0, (DWORD)d.bytes);
		else
			*kept++ = d;
	}
	home->done_next = kept;
}

static struct sani_wsp_sock *
by_handle(struct sani_wsp_home *home, san_handle h)
{
	struct sani_wsp_sock *so = home->socks;

	while (so != NULL && so->h != h)
		so = so->next_home;
	return so;
}

/* A close that a cleanup of the library began brings no word of ours. */
static void
on_close(struct sani_wsp_home *home, const struct san_completion *c)
{
	struct sani_wsp_sock *so = c->user != 0 ? (void *)(uintptr_t)c->user : by_handle(home, c->sock);

	if (so == NULL)
		return;
	sani_wsp_make_unreachable(so, sani_wsp_gen(so));
	/* What it sent last comes before the end (R161). */
	tell_done_of(home, so);
	so->retired = true;
	sani_wsp_try_release(so);
}

/* Of another socket than the one that is being closed: told in the turn. */
static void
keep_for_turn(struct sani_wsp_home *home, struct sani_wsp_op *op, DWORD error, DWORD bytes)
{
	struct sani_wsp_kept *kept = &home->kept[home->nb_kept];

	if (home->nb_kept == SANI_WSP_KEPT_MAX) {
		complete(home, op, error, bytes);
		return;
	}
	home->nb_kept++;
	kept->op = op;
	kept->error = error;
	kept->bytes = bytes;
}

static inline __attribute__((always_inline)) void
on_transfer(struct sani_wsp_home *home, const struct san_completion *c, const struct sani_wsp_sock *only)
{
	struct sani_wsp_op *op = (struct sani_wsp_op *)c->op;
	DWORD error = c->result < 0 ? sani_wsp_error(c->result) : 0;
	DWORD bytes = c->result < 0 ? 0 : (DWORD)c->result;

	if (sani_unlikely(only != NULL && op->so != only))
		keep_for_turn(home, op, error, bytes);
	else
		complete(home, op, error, bytes);
}

static inline __attribute__((always_inline)) void
on_completion(struct sani_wsp_home *home, const struct san_completion *c, const struct sani_wsp_sock *only)
{
	if (sani_likely(c->kind == SAN_OP_RECV || c->kind == SAN_OP_SEND))
		on_transfer(home, c, only);
	else if (c->kind == SAN_OP_ACCEPT)
		sani_wsp_on_accept((void *)(uintptr_t)c->user, c);
	else if (c->kind == SAN_OP_CONNECT)
		sani_wsp_on_connect((void *)(uintptr_t)c->user, c);
	else if (c->kind == SAN_OP_CLOSE)
		on_close(home, c);
}

static inline __attribute__((always_inline)) unsigned int
reap_for(struct sani_wsp_home *home, const struct sani_wsp_sock *only)
{
	struct san_completion comp[BURST];
	unsigned int n = 0;
	int i, got;

	do {
		got = san_cq_poll(home->cq, comp, BURST);
		for (i = 0; i < got; i++)
			on_completion(home, &comp[i], only);
		n += got > 0 ? (unsigned int)got : 0;
	} while (got > 0 && n < TURN_MAX);
	home->behind = got > 0;
	return n;
}

static unsigned int
reap(struct sani_wsp_home *home)
{
	return reap_for(home, NULL);
}

static unsigned int
tell_kept(struct sani_wsp_home *home)
{
	unsigned int i;

	for (i = 0; i < home->nb_kept; i++) {
		const struct sani_wsp_kept *kept = &home->kept[i];

		complete(home, kept->op, kept->error, kept->bytes);
	}
	home->nb_kept = 0;
	return i;
}

static unsigned int
tell_all(struct sani_wsp_home *home)
{
	unsigned int n = 0;

	home->calling = true;
	if (sani_unlikely(home->nb_kept > 0))
		n += tell_kept(home);
	if (sani_unlikely(home->behind))
		n += reap(home);
	if (home->done_next != home->done && !home->behind)
		n += tell_done(home);
	if (!home->behind)
		n += reap(home);
	home->calling = false;
	return n;
}

void
sani_wsp_flush(struct sani_wsp_home *home, struct sani_wsp_sock *so)
{
	home->calling = true;
	tell_done_of(home, so);
	reap_for(home, so);
	home->calling = false;
}

static void
unlink_from(struct sani_wsp_home *home, struct sani_wsp_sock *so)
{
	if (so->prev_home != NULL)
		so->prev_home->next_home = so->next_home;
	else
		home->socks = so->next_home;
	if (so->next_home != NULL)
		so->next_home->prev_home = so->prev_home;
	home->nb_socks--;
}

/* The last up-call (R161); then the entry is free. */
static void
release(struct sani_wsp_sock *so)
{
	INT ignored;

	if (so->home != NULL)
		unlink_from(so->home, so);
	sani_wsp_forget_memory(so);
	if (so->has_upper)
		sani_wsp_up.lpWPUCloseSocketHandle(so->upper, &ignored);
	sani_wsp_free(so);
}

void
sani_wsp_try_release(struct sani_wsp_sock *so)
{
	/* The post of another thread that is under way comes through here again. */
	if (so->retired && so->nb_ops == 0 && atomic_load(&so->away) == 0)
		release(so);
}

static void
free_pools(struct sani_wsp_home *home)
{
	free(home->ops);
	free(home->done);
	free(home->kept);
	free(home->away.list);
	home->ops = NULL;
	home->done = NULL;
	home->kept = NULL;
	home->away.list = NULL;
}

static void
end_home(struct sani_wsp_home *home, struct san_core *k)
{
	sani_layer_remove(k, &home->layer);
	/* A queue of a thread that has given the core up goes with that thread. */
	san_cq_destroy(home->cq);
	free_pools(home);
	home->cq = NULL;
	atomic_fetch_sub(&nb_homes, 1);
}

/* The core is left: every native socket is retired and its record was read. */
static void
release_all(struct sani_wsp_home *home)
{
	while (home->socks != NULL)
		release(home->socks);
}

static unsigned int
take_turn(struct sani_layer *layer, struct san_core *k, bool last)
{
	struct sani_wsp_home *home = (struct sani_wsp_home *)layer;
	unsigned int n = tell_all(home);

	if (sani_likely(!last && (home->nb_socks > 0 || sani_wsp_is_up())))
		return n;
	if (last) {
		while (home->behind || home->done_next != home->done || home->nb_kept > 0)
			tell_all(home);
		release_all(home);
	}
	end_home(home, k);
	return n + 1;
}

static bool
make_pools(struct sani_wsp_home *home)
{
	home->ops = aligned_alloc(SANI_CACHE_LINE, OPS * sizeof(*home->ops));
	home->done = malloc(DONE_MAX * sizeof(*home->done));
	home->kept = malloc(SANI_WSP_KEPT_MAX * sizeof(*home->kept));
	home->away.list = aligned_alloc(SANI_CACHE_LINE, SANI_WSP_AWAY_MAX * sizeof(*home->away.list));
	home->fresh = 0;
	home->free = NULL;
	home->done_next = home->done;
	home->done_end = home->done != NULL ? home->done + DONE_MAX : NULL;
	home->nb_kept = 0;
	home->away.fresh = 0;
	home->away.free = NULL;
	atomic_store(&home->away.given, NULL);
	if (home->ops != NULL && home->done != NULL && home->kept != NULL && home->away.list != NULL) {
		home->spare = sani_wsp_fresh_op(home);
		return true;
	}
	free_pools(home);
	return false;
}

static bool
open_home(struct sani_wsp_home *home, struct san_core *k)
{
	if (!make_pools(home))
		return false;
	if (san_cq_create(CQ_DEPTH, &home->cq) < 0) {
		free_pools(home);
		return false;
	}
	pthread_mutex_init(&home->away.lock, NULL);
	home->k = k;
	home->thread = sani_thread_self();
	home->socks = NULL;
	home->nb_socks = 0;
	home->calling = false;
	home->behind = false;
	home->layer.turn = take_turn;
	atomic_fetch_add(&nb_homes, 1);
	sani_layer_add(k, &home->layer);
	return true;
}

/* The core has changed hands since; with sockets on it that is a breach (san/wsp.h). */
static struct sani_wsp_home *
take_over(struct sani_wsp_home *home)
{
	struct san_cq *cq;

	if (sani_wsp_is_here(home))
		return home;
	if (home->nb_socks > 0 || san_cq_create(CQ_DEPTH, &cq) < 0)
		return NULL;
	home->cq = cq;
	home->thread = sani_thread_self();
	return home;
}

struct sani_wsp_home *
sani_wsp_home(struct san_core *k)
{
	struct sani_wsp_home *home = &homes[sani_layer_core_id(k)];

	if (home->cq != NULL)
		return take_over(home);
	return open_home(home, k) ? home : NULL;
}

void
sani_wsp_settle(struct sani_wsp_home *home, struct sani_wsp_sock *so)
{
	so->prev_home = NULL;
	so->next_home = home->socks;
	if (home->socks != NULL)
		home->socks->prev_home = so;
	home->socks = so;
	home->nb_socks++;
	so->home = home;
	so->thread = home->thread;
}

DWORD
sani_wsp_check_caller(void)
{
	return sani_thread_may_ask(sani_thread_self()) && sani_lib_check() == 0 ? 0 : WSAENETDOWN;
}

/* Its socket may have been closed on the way. */
static int
run(struct san_core *k, struct sani_control_args *args)
{
	struct sani_wsp_call *call = args->arg;

	(void)k;
	if (sani_wsp_find(call->s) == NULL)
		return WSAENOTSOCK;
	return (int)call->fn(call);
}

DWORD
sani_wsp_carry_out(struct sani_wsp_call *call)
{
	struct sani_control_args args = { .arg = call };
	struct sani_wsp_home *home;
	int rc;

	call->so = sani_wsp_find(call->s);
	if (call->so == NULL)
		return WSAENOTSOCK;
	if (sani_wsp_check_caller() != 0)
		return WSAENETDOWN;
	home = call->so->home;
	if (home == NULL || sani_wsp_is_here(home))
		return call->fn(call);
	rc = sani_layer_call(home->k, run, &args);
	return rc < 0 ? WSAENETDOWN : (DWORD)rc;
}
