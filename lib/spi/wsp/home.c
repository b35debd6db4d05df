/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Up-calls, in the order of the queue, which is emptied in each round: so what has ended of a socket is told before
 * its end. A close on the core makes the up-calls of its own socket at once, and keeps what it meets of others in the
 * queue: that is older than anything else in it, and told in the turn before.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "spi/wsp/priv.h"

#define OPS 8192u
#define CQ_DEPTH 16384u
#define BURST 64u

/* Of threads without a home. */
static struct sani_wsp_hot nobodys[SANI_WSP_SOCKS];

__thread struct sani_wsp_hot *sani_wsp_hots __attribute__((tls_model("initial-exec"), visibility("hidden"))) = nobodys;

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
sani_wsp_take_op(struct sani_wsp_home *home)
{
	struct sani_wsp_op *op = home->free;

	if (op != NULL) {
		home->free = op->next;
		return op;
	}
	if (home->fresh < OPS)
		return memset(&home->ops[home->fresh++], 0, sizeof(*home->ops));
	home->scarce = true;
	sani_wsp_ask(home);
	return NULL;
}

void
sani_wsp_give_op(struct sani_wsp_home *home, struct sani_wsp_op *op)
{
	op->next = home->free;
	home->free = op;
}

void
sani_wsp_give_circle(struct sani_wsp_home *home, struct sani_wsp_op *op)
{
	struct sani_wsp_op *first = op->next;

	op->next = home->given;
	home->given = first;
	sani_wsp_ask(home);
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

/* What is not like most goes back where it was taken from. */
static void
end_odd(struct sani_wsp_home *home, struct sani_wsp_op *op)
{
	bool away = op->odd & SANI_WSP_AWAY;

	if (op->odd & SANI_WSP_MANY)
		drop_many(op);
	op->odd = 0;
	if (away)
		give_away(&home->away, op);
	else
		sani_wsp_give_op(home, op);
}

/* Nothing of the operation is touched after it (R13, R112). */
static inline __attribute__((always_inline)) void
tell(SOCKET upper, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes)
{
	INT ignored;

	if (sani_unlikely(sani_wsp_is_polled(ov))) {
		sani_wsp_finish_polled(ov, error, bytes);
		return;
	}
	ov->OffsetHigh = error;
	ov->Offset = 0;
	sani_wsp_up.lpWPUCompleteOverlappedRequest(upper, ov, error, bytes, &ignored);
}

void
sani_wsp_end_away(struct sani_wsp_home *home, struct sani_wsp_op *op, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes)
{
	bool before = sani_layer_enter();
	SOCKET upper = op->upper;

	end_odd(home, op);
	tell(upper, ov, error, bytes);
	sani_layer_leave(before);
}

static void
on_close(struct sani_wsp_sock *so)
{
	sani_wsp_make_unreachable(so, sani_wsp_gen(so));
	so->retired = true;
	sani_wsp_share_leave(so);
	sani_wsp_try_release(so);
}

static unsigned int
tell_kept(struct sani_wsp_home *home)
{
	unsigned int i;

	for (i = 0; i < home->nb_kept; i++) {
		const struct sani_wsp_kept *kept = &home->kept[i];

		if (kept->so != NULL)
			on_close(kept->so);
		else
			tell(kept->upper, kept->ov, kept->error, kept->bytes);
	}
	home->nb_kept = 0;
	return i;
}

/* Of another socket than the one that is being closed: told in the turn. */
static void
keep_for_turn(struct sani_wsp_home *home, const struct sani_wsp_kept *kept)
{
	if (home->nb_kept == SANI_WSP_KEPT_MAX)
		tell_kept(home);
	home->kept[home->nb_kept++] = *kept;
	sani_wsp_ask(home);
}

static void
end_transfer(struct sani_wsp_home *home, const struct san_completion *c, const struct sani_wsp_sock *only)
{
	struct sani_wsp_op *op = (struct sani_wsp_op *)c->op;
	const struct sani_wsp_sock *so = op->so;
	struct sani_wsp_kept it = {
		.upper = op->upper,
		.ov = (void *)(uintptr_t)(c->user & ~SANI_WSP_ODD),
		.error = c->result < 0 ? sani_wsp_error(c->result) : 0,
		.bytes = c->result < 0 ? 0 : (DWORD)c->result,
	};

	if (c->user & SANI_WSP_ODD)
		end_odd(home, op);
	if (only != NULL && so != only)
		keep_for_turn(home, &it);
	else
		tell(it.upper, it.ov, it.error, it.bytes);
}

static struct sani_wsp_sock *
by_handle(struct sani_wsp_home *home, san_handle h)
{
	struct sani_wsp_sock *so = home->socks;

	while (so != NULL && so->h != h)
		so = so->next_home;
	return so;
}

/* A close that a cleanup of the library began brings no word of ours; nor does one of which nobody is to hear. */
static void
end_socket(struct sani_wsp_home *home, const struct san_completion *c, const struct sani_wsp_sock *only)
{
	struct sani_wsp_kept it = { .so = sani_wsp_of_user(c->user) };

	if (it.so == NULL)
		it.so = by_handle(home, c->sock);
	if (only != NULL && it.so != NULL && it.so != only)
		keep_for_turn(home, &it);
	else if (it.so != NULL)
		on_close(it.so);
}

static __attribute__((noinline)) void
on_completion(struct sani_wsp_home *home, const struct san_completion *c, const struct sani_wsp_sock *only)
{
	if (c->kind == SAN_OP_RECV || c->kind == SAN_OP_SEND)
		end_transfer(home, c, only);
	else if (c->kind == SAN_OP_ACCEPT)
		sani_wsp_on_accept(sani_wsp_of_user(c->user), c);
	else if (c->kind == SAN_OP_CONNECT)
		sani_wsp_on_connect(sani_wsp_of_user(c->user), c);
	else if (c->kind == SAN_OP_CLOSE)
		end_socket(home, c, only);
}

/* A transfer of one buffer, as asked for: nearly all there is. */
static inline bool
is_plain(const struct san_completion *c)
{
	return (int64_t)(c->user | (uint64_t)(int64_t)c->result) >= 0;
}

/* What the queue brings in a round. */
static void
on_ended(struct sani_layer *layer, const struct san_completion *c)
{
	if (sani_likely(is_plain(c)))
		tell(((const struct sani_wsp_op *)c->op)->upper, (void *)(uintptr_t)c->user, 0, (DWORD)c->result);
	else
		on_completion((struct sani_wsp_home *)layer, c, NULL);
}

static void
reap_for(struct sani_wsp_home *home, const struct sani_wsp_sock *only)
{
	struct san_completion comp[BURST];
	int i, got;

	do {
		got = san_cq_poll(home->layer.cq, comp, BURST);
		for (i = 0; i < got; i++)
			on_completion(home, &comp[i], only);
	} while (got > 0);
}

/* Outside the walk through a burst of completions: none is on its way any more of what had gone before. */
static void
take_given(struct sani_wsp_home *home)
{
	struct sani_wsp_op *op;

	while ((op = home->given) != NULL) {
		home->given = op->next;
		sani_wsp_give_op(home, op);
	}
}

static unsigned int
do_asked(struct sani_wsp_home *home)
{
	struct sani_wsp_sock *so;

	if (home->scarce)
		for (so = home->socks; so != NULL; so = so->next_home)
			sani_wsp_spare_ops(so);
	home->scarce = false;
	take_given(home);
	return tell_kept(home);
}

void
sani_wsp_flush(struct sani_wsp_home *home, struct sani_wsp_sock *so)
{
	bool before = sani_layer_enter();

	reap_for(home, so);
	sani_layer_leave(before);
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
	if (--home->nb_socks == 0)
		sani_wsp_ask(home);
}

/* The last up-call (R161); then the entry is free, and not before (R163). */
static void
release(struct sani_wsp_sock *so)
{
	if (so->home != NULL)
		unlink_from(so->home, so);
	sani_wsp_forget_memory(so);
	sani_wsp_share_leave(so);
	if (so->has_upper)
		sani_wsp_up_close(so->upper);
	sani_wsp_free(so);
}

void
sani_wsp_try_release(struct sani_wsp_sock *so)
{
	/* The post of another thread that is under way comes through here again. */
	if (so->retired && atomic_load(&so->away) == 0)
		release(so);
}

static void
free_pools(struct sani_wsp_home *home)
{
	free(home->ops);
	free(home->kept);
	free(home->away.list);
	home->ops = NULL;
	home->kept = NULL;
	home->away.list = NULL;
}

static void
end_home(struct sani_wsp_home *home, struct san_core *k)
{
	sani_layer_remove(k, &home->layer);
	sani_layer_end_queue(&home->layer);
	home->layer.cq = NULL;
	free_pools(home);
	atomic_store(&home->open, false);
	atomic_fetch_sub(&nb_homes, 1);
}

/* Nothing of the layer is left here, or may be: of a core that is left every native socket is retired and reaped. */
static void
leave(struct sani_wsp_home *home, struct san_core *k)
{
	unsigned int n;

	do {
		n = do_asked(home);
		n += sani_layer_reap(&home->layer);
	} while (n > 0);
	while (home->socks != NULL)
		release(home->socks);
	end_home(home, k);
}

/* Only as asked for, so who leaves a home without sockets, or lets none be opened any more, asks. */
static unsigned int
take_turn(struct sani_layer *layer, struct san_core *k, bool last)
{
	struct sani_wsp_home *home = (struct sani_wsp_home *)layer;
	unsigned int n;

	/* Gone in the turn before, and asked for since. */
	if (home->layer.cq == NULL)
		return 0;
	n = do_asked(home);
	if (!last && (home->nb_socks > 0 || sani_wsp_is_up()))
		return n;
	leave(home, k);
	return n + 1;
}

/* Up-calls that were kept come with no completion; nor does the end of a home that is left without sockets. */
static bool
is_waiting(const struct sani_layer *layer)
{
	const struct sani_wsp_home *home = (const struct sani_wsp_home *)layer;

	return home->nb_kept > 0 || (home->nb_socks == 0 && !sani_wsp_is_up());
}

static bool
make_pools(struct sani_wsp_home *home)
{
	home->ops = aligned_alloc(SANI_CACHE_LINE, OPS * sizeof(*home->ops));
	home->kept = malloc(SANI_WSP_KEPT_MAX * sizeof(*home->kept));
	home->away.list = aligned_alloc(SANI_CACHE_LINE, SANI_WSP_AWAY_MAX * sizeof(*home->away.list));
	home->fresh = 0;
	home->free = NULL;
	home->given = NULL;
	home->nb_kept = 0;
	home->away.fresh = 0;
	home->away.free = NULL;
	atomic_store(&home->away.given, NULL);
	if (home->ops != NULL && home->kept != NULL && home->away.list != NULL)
		return true;
	free_pools(home);
	return false;
}

/* The calling thread's table, made with its first home. It is never given back: who looks at it may be late. */
static bool
have_table(void)
{
	void *p;

	if (sani_wsp_hots != nobodys)
		return true;
	p = mmap(NULL, sizeof(nobodys), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	sani_wsp_hots = p;
	return true;
}

static bool
open_home(struct sani_wsp_home *home, struct san_core *k)
{
	if (!have_table() || !make_pools(home))
		return false;
	if (sani_layer_make_queue(&home->layer, CQ_DEPTH, SANI_WSP_ODD) < 0) {
		free_pools(home);
		return false;
	}
	pthread_mutex_init(&home->away.lock, NULL);
	atomic_store(&home->k, k);
	atomic_store(&home->thread, sani_thread_self());
	home->hots = sani_wsp_hots;
	home->socks = NULL;
	home->nb_socks = 0;
	home->scarce = false;
	home->layer.turn = take_turn;
	home->layer.waiting = is_waiting;
	home->layer.ended = on_ended;
	/* A cleanup that began meanwhile may have asked before. */
	sani_wsp_ask(home);
	atomic_store(&home->open, true);
	atomic_fetch_add(&nb_homes, 1);
	sani_layer_add(k, &home->layer);
	return true;
}

/* The core has changed hands since; with sockets on it that is a breach (san/wsp.h). */
static struct sani_wsp_home *
take_over(struct sani_wsp_home *home)
{
	if (sani_wsp_is_here(home) && sani_layer_has_queue(&home->layer))
		return home;
	if (home->nb_socks > 0 || !have_table() || sani_layer_make_queue(&home->layer, CQ_DEPTH, SANI_WSP_ODD) < 0)
		return NULL;
	atomic_store(&home->thread, sani_thread_self());
	home->hots = sani_wsp_hots;
	return home;
}

struct sani_wsp_home *
sani_wsp_home(struct san_core *k)
{
	struct sani_wsp_home *home = &homes[sani_layer_core_id(k)];

	if (home->layer.cq != NULL)
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
	so->hot = &home->hots[so - sani_wsp_socks];
	atomic_store(&so->home, home);
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
