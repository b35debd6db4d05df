/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/afar.h"
#include "sock/batch.h"
#include "sock/layer.h"
#include "sock/priv.h"

/* What a call of the calling thread found out about a handle. */
struct target {
	struct sani_thread *t;
	struct san_core *k;
	uint32_t slot;
	bool on_core;
};

/* Who polls the core may use it; others have to be attached, or poll another one. */
static inline int
resolve(san_handle h, struct target *at)
{
	int rc = sani_lib_check();

	if (sani_unlikely(rc < 0))
		return rc;
	at->t = sani_thread_self();
	if (sani_unlikely(at->t == NULL))
		return -EPERM;
	at->k = sani_sock_core(sani_handle_core(h));
	at->slot = sani_handle_slot(h);
	at->on_core = at->k != NULL && sani_is_on_core(at->k, at->t);
	if (!at->on_core && !at->t->attached && at->t->nb_claims == 0)
		return -EPERM;
	if (sani_unlikely(at->k == NULL || at->slot >= at->k->nb_slots))
		return -ENOTSOCK;
	if (at->on_core)
		sani_core_stir(at->k);
	return 0;
}

/* Give a polled operation that has ended back to its poster (O14). */
static void
settle_polled(struct san_overlapped *op)
{
	const struct sani_slots *slots;
	uint32_t slot = sani_handle_slot(op->sock);
	uint64_t w;

	if (sani_op_state(op) != SANI_OP_DONE || !(op->flags & SAN_POLLED))
		return;
	slots = sani_slots_peek(sani_handle_core(op->sock));
	w = atomic_load_explicit(&slots->words[slot], memory_order_acquire);
	/* Of a retired socket the record may be the next one's. */
	if (sani_word_gen(w) == sani_handle_gen(op->sock))
		slots->records[slot].posted--;
	sani_op_set(op, SANI_OP_FREE);
}

static inline void
prepare(const struct sani_post *p, struct sani_record *rec, struct sani_extra *x)
{
	struct san_overlapped *op = p->op;

	op->sock = p->sock;
	op->u.buf = p->buf;
	op->len = p->len;
	op->done = 0;
	op->id = sani_record_next_id(rec);
	op->result = 0;
	op->kind = p->kind;
	op->flags = p->flags;
	if (sani_unlikely(x != NULL)) {
		op->flags |= p->extra->repeat > 0 ? SANI_OP_EXTRA | SANI_OP_REPEAT : SANI_OP_EXTRA;
		op->u.extra = x;
	}
	if (sani_unlikely(p->peer != NULL))
		sani_op_stash_addr(op, p->peer);
	sani_op_set(op, SANI_OP_POSTED);
}

/* O4: how many places. */
static inline uint32_t
places(const struct sani_post *p)
{
	if (sani_unlikely(p->extra != NULL && p->extra->repeat > 0))
		return 1 + p->extra->repeat;
	return (p->flags & SAN_POLLED) == 0;
}

/* May the thread post on a socket with this word, and where does the completion go? */
static int
check_word(const struct target *at, uint64_t w, uint32_t gen, struct san_cq **cq)
{
	if (!sani_word_is_open(w, gen))
		return -ENOTSOCK;
	*cq = sani_cq_find(sani_word_cq(w));
	if (*cq == NULL || atomic_load_explicit(&(*cq)->thread_id, memory_order_relaxed) != at->t->id)
		return -EPERM;
	return 0;
}

/* O4: by the poster's own count, in its own memory. -EAGAIN: no room for the operation, and nothing changed. */
static inline int
claim(const struct sani_post *p, struct sani_lane *lane, uint32_t n, struct sani_extra **x)
{
	*x = NULL;
	if (n > lane->left)
		return -EAGAIN;
	return sani_unlikely(p->extra != NULL) ? sani_extra_make(p->extra, &lane->extras, x) : 0;
}

/* The socket of a post on the owning core. Almost always its word is the one that the core knows. */
static inline int
check_own(const struct target *at, struct sani_sock *so, san_handle h)
{
	uint64_t w = atomic_load_explicit(&at->k->slots->words[at->slot], memory_order_acquire);

	if (sani_unlikely(w != so->word || sani_handle_gen(h) != sani_word_gen(w))) {
		if (!sani_word_is_open(w, sani_handle_gen(h)))
			return -ENOTSOCK;
		sani_sock_rebind(at->k, so);
	}
	/* The socket has the queue of the word, which lasts as long as it is bound. */
	return sani_likely(so->lane->thread_id == at->t->id) ? 0 : -EPERM;
}

/* Finished or refused: nothing follows. */
static int
take_back(struct san_core *k, struct san_overlapped *op, int rc)
{
	if (sani_unlikely(op->flags & (SANI_OP_TIMED | SANI_OP_EXTRA)))
		sani_op_strip(k, op);
	if (rc > 0)
		sani_count(&k->core->ctr, SANI_CTR_sock_ops_ended);
	op->result = rc > 0 ? (int32_t)op->done : rc;
	sani_op_set(op, SANI_OP_FREE);
	return rc;
}

/* told: what is finished at once ends like everything else, by a completion. */
static inline __attribute__((always_inline)) int
post_on_core(const struct target *at, const struct sani_post *p, bool told)
{
	struct san_core *k = at->k;
	struct sani_sock *so = &k->socks[at->slot];
	struct sani_record *rec = &k->slots->records[at->slot];
	uint32_t n = places(p);
	struct sani_extra *x;
	int rc = check_own(at, so, p->sock);

	if (sani_unlikely(rc < 0))
		return rc;
	rc = claim(p, so->lane, n, &x);
	if (sani_unlikely(rc < 0))
		return rc;
	prepare(p, rec, x);
	so->nb_ops++;
	rc = sani_op_start(k, so, p->op);
	if (rc >= 0)
		sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	if (told && rc > 0) {
		sani_op_end(k, so, p->op, (int32_t)p->op->done);
		rc = 0;
	}
	if (rc == 0) {
		/* This thread's own counts: nobody looks at them before it returns. */
		so->lane->left -= n;
		rec->posted++;
		return 0;
	}
	so->nb_ops--;
	return take_back(k, p->op, rc);
}

/* Does the request say all of it? */
static inline bool
is_plain(const struct sani_post *p)
{
	unsigned int allowed = p->kind == SAN_OP_RECV ? SAN_WAITALL : 0;

	return (p->kind == SAN_OP_RECV || p->kind == SAN_OP_SEND) && p->extra == NULL &&
	       (p->flags & ~allowed) == 0 && p->op->timeout_us == 0;
}

/* There is room. */
static inline void
put_request(struct sani_spsc *ring, const struct sani_post *p)
{
	struct sani_req *req = sani_req_place(ring);

	req->sock = p->sock;
	req->op = p->op;
	req->buf = p->buf;
	req->id = p->len;
	req->flags = p->flags;
	if (!is_plain(p))
		req->kind = SANI_REQ_POST;
	else
		req->kind = p->kind == SAN_OP_RECV ? SANI_REQ_RECV : SANI_REQ_SEND;
	sani_spsc_wrote(ring);
}

/* The way to the socket with this word; mostly the last one. */
static int
find_way(const struct target *at, uint64_t w, uint32_t gen)
{
	struct sani_way *way = &at->t->way;
	struct sani_spsc *ring;
	struct san_cq *cq;
	int rc;

	if (sani_likely(way->core == at->k && w == sani_way_word(way, gen)))
		return 0;
	rc = check_word(at, w, gen, &cq);
	if (rc < 0)
		return rc;
	ring = sani_thread_ring(at->t, at->k->id);
	if (ring == NULL)
		return -EAGAIN;
	way->core = at->k;
	way->lane = atomic_load_explicit(&cq->lane_of[at->k->id], memory_order_relaxed);
	way->ring = ring;
	way->word = (uint32_t)w;
	return 0;
}

/*
 * Between the brackets: the fence of a close waits for what is done here (O7). The entry is written into the ring of
 * the batch, and has to be shown before the bracket ends.
 */
static int
post_bracketed(struct sani_batch *b, const struct target *at, const struct sani_post *p)
{
	struct san_core *k = at->k;
	struct sani_record *rec = &k->slots->records[at->slot];
	/* sequentially consistent, after the bracket's exchange */
	uint64_t w = atomic_load(&k->slots->words[at->slot]);
	struct sani_way *way = &at->t->way;
	uint32_t n = places(p);
	struct sani_extra *x;
	int rc = find_way(at, w, sani_handle_gen(p->sock));

	if (rc < 0)
		return rc;
	sani_window();
	if (sani_spsc_room(way->ring) == 0)
		return -EAGAIN;
	rc = claim(p, way->lane, n, &x);
	if (rc < 0)
		return rc;
	prepare(p, rec, x);
	way->lane->left -= n;
	rec->posted++;
	put_request(way->ring, p);
	b->ring = way->ring;
	b->sock = p->sock;
	b->word = w;
	return 0;
}

/* RFC 9293 MUST-46; what api cannot know without the host. */
static bool
is_broadcast(const struct san_core *k, const struct san_addr *peer)
{
	union sani_ip ip;

	memcpy(ip.b, peer->ip, sizeof(ip.b));
	return sani_host_is_broadcast(k->core->host, &ip);
}

static int
post_off_core(struct sani_batch *b, const struct target *at, const struct sani_post *p)
{
	if (b->core == NULL) {
		sani_bracket_begin(at->t);
		sani_window();
		b->core = at->k;
	}
	return post_bracketed(b, at, p);
}

/* Show what is written, and end the bracket. */
static inline void
end_batch(struct sani_batch *b)
{
	struct san_core *k = b->core;
	bool any = b->ring != NULL;

	if (k == NULL)
		return;
	if (any)
		sani_spsc_show(b->ring);
	sani_window();
	sani_bracket_end(sani_thread_self());
	*b = (struct sani_batch){ .core = NULL };
	if (any)
		sani_core_wake_posted(k);
}

static inline __attribute__((always_inline)) int
post(struct sani_batch *b, const struct sani_post *p)
{
	struct target at;
	int rc = resolve(p->sock, &at);

	if (sani_unlikely(rc < 0))
		return rc;
	if (sani_unlikely(p->peer != NULL) && is_broadcast(at.k, p->peer))
		return -EINVAL;
	if (sani_unlikely(sani_op_state(p->op) != SANI_OP_FREE)) {
		settle_polled(p->op);
		if (sani_op_state(p->op) != SANI_OP_FREE)
			return -EINVAL;
	}
	if (sani_unlikely(b->core != NULL && b->core != at.k))
		end_batch(b);
	return at.on_core ? post_on_core(&at, p, false) : post_off_core(b, &at, p);
}

int
sani_batch_post(struct sani_batch *b, const struct sani_post *p)
{
	return post(b, p);
}

void
sani_batch_end(struct sani_batch *b)
{
	end_batch(b);
}

int
sani_sock_post(const struct sani_post *p)
{
	struct sani_batch b = { .core = NULL };
	int rc = post(&b, p);

	end_batch(&b);
	return rc;
}

int
sani_layer_post_told(const struct sani_post *p)
{
	struct target at;
	int rc = resolve(p->sock, &at);

	if (rc < 0)
		return rc;
	if (sani_op_state(p->op) != SANI_OP_FREE)
		return -EINVAL;
	return at.on_core ? post_on_core(&at, p, true) : sani_sock_post(p);
}

/* As sani_layer_post_told(), of an operation that a layer has made ready. */
static inline int
post_ready(struct san_core *k, const struct sani_post *p, uint32_t max, uint64_t user)
{
	struct target at = { .t = sani_thread_self(), .k = k, .slot = sani_handle_slot(p->sock), .on_core = true };
	int rc;

	if (sani_unlikely(sani_op_state(p->op) != SANI_OP_FREE))
		return -EBUSY;
	if (sani_unlikely(p->len > max || (p->len == 0 && p->kind == SAN_OP_RECV)))
		return -EMSGSIZE;
	rc = sani_lib_check();
	if (sani_unlikely(rc < 0))
		return rc;
	p->op->user = user;
	if (sani_unlikely(!sani_is_on_core(k, at.t)))
		return sani_layer_post_told(p);
	sani_core_stir(k);
	return post_on_core(&at, p, true);
}

int
sani_layer_transfer(struct san_core *k, struct san_overlapped *op, void *buf, uint32_t len,
		    const struct sani_layer_way *way, uint64_t user)
{
	const struct sani_post p = { .sock = op->sock, .op = op, .buf = buf, .len = len,
				     .flags = op->flags & (SAN_ACKED | SAN_WAITALL | SAN_MORE), .kind = op->kind };
	int rc = post_ready(k, &p, way->max, user);

	return sani_likely(rc == 0) ? way->accepted : way->refused(op, rc, buf, len, user);
}

int
san_op_status(struct san_overlapped *op)
{
	settle_polled(op);
	return sani_op_state(op) == SANI_OP_FREE ? op->result : -EINPROGRESS;
}

/* The target of a cancel, and its word. */
static int
resolve_open(san_handle h, struct target *at, uint64_t *w)
{
	int rc = resolve(h, at);

	if (rc < 0)
		return rc;
	*w = atomic_load(&at->k->slots->words[at->slot]);
	return sani_word_is_open(*w, sani_handle_gen(h)) ? 0 : -ENOTSOCK;
}

static int
ask_core(const struct target *at, const struct sani_req *req)
{
	struct sani_spsc *ring = sani_thread_ring(at->t, at->k->id);

	if (ring == NULL || !sani_spsc_put(ring, req))
		return -EAGAIN;
	sani_core_wake(at->k);
	return 0;
}

int
sani_sock_cancel(san_handle h, uint32_t id)
{
	struct sani_req req = { .sock = h, .id = id, .kind = SANI_REQ_CANCEL };
	struct target at;
	uint64_t w;
	int rc = resolve_open(h, &at, &w);

	if (rc < 0)
		return rc;
	if (!at.on_core)
		return ask_core(&at, &req);
	if (sani_word_thread(w) == at.t->id)
		return sani_cancel_now(at.k, &at.k->socks[at.slot], id);
	return sani_cancel_request(at.k, h, id, false, true);
}

int
sani_sock_cancel_all(san_handle h)
{
	struct sani_req req = { .sock = h, .kind = SANI_REQ_CANCEL_ALL };
	struct target at;
	uint64_t w;
	int rc = resolve_open(h, &at, &w);

	if (rc < 0)
		return rc;
	req.id = __atomic_load_n(&at.k->slots->records[at.slot].next_id, __ATOMIC_RELAXED);
	if (!at.on_core)
		return ask_core(&at, &req);
	if (sani_word_thread(w) != at.t->id)
		return sani_cancel_request(at.k, h, req.id, true, true);
	sani_cancel_all_now(at.k, &at.k->socks[at.slot], req.id);
	return 0;
}

/* OPEN to CLOSING, whatever the queue (a move may come between); false: somebody else's, or stale. */
static bool
make_unreachable(_Atomic uint64_t *word, uint32_t gen)
{
	uint64_t w = atomic_load(word);

	while (sani_word_is_open(w, gen))
		if (atomic_compare_exchange_weak(word, &w,
						 sani_word(gen, sani_word_cq(w), SANI_SLOT_CLOSING)))
			return true;
	return false;
}

static void
push_overflow(struct san_core *k, uint32_t slot)
{
	struct sani_record *rec = &k->slots->records[slot];
	uint32_t head = atomic_load(&k->overflow);

	do
		atomic_store_explicit(&rec->link, head, memory_order_relaxed);
	/* release: the link before the head that shows it */
	while (!atomic_compare_exchange_weak(&k->overflow, &head, slot + 1));
}

/* On the owning core, of a socket whose word the core knows. False: it is otherwise. */
static inline bool
close_here(san_handle h, uint64_t user)
{
	struct san_core *k = sani_sock_core(sani_handle_core(h));
	struct sani_sock *so;
	uint64_t w;

	if (sani_lib_check() < 0 || k == NULL || !sani_is_here(k, sani_thread_id) ||
	    sani_handle_slot(h) >= k->nb_slots)
		return false;
	so = &k->socks[sani_handle_slot(h)];
	w = so->word;
	if (sani_word_gen(w) != sani_handle_gen(h) ||
	    !atomic_compare_exchange_strong(&k->slots->words[sani_handle_slot(h)], &w,
					    w - SANI_SLOT_OPEN + SANI_SLOT_CLOSING))
		return false;
	sani_window();
	k->slots->records[sani_handle_slot(h)].close_user = user;
	sani_close_bound(k, so);
	return true;
}

/* On any core, and whatever stands against it. */
static int
close_anywhere(san_handle h, uint64_t user)
{
	struct sani_req req = { .sock = h, .kind = SANI_REQ_CLOSE };
	struct sani_spsc *ring;
	struct target at;
	int rc = resolve(h, &at);

	if (rc < 0)
		return rc;
	if (!make_unreachable(&at.k->slots->words[at.slot], sani_handle_gen(h)))
		return -ENOTSOCK;
	sani_window();
	at.k->slots->records[at.slot].close_user = user;
	if (at.on_core) {
		sani_close_begin(at.k, &at.k->socks[at.slot]);
		return 0;
	}
	ring = sani_thread_ring(at.t, at.k->id);
	if (ring == NULL || !sani_spsc_put(ring, &req))
		push_overflow(at.k, at.slot);
	sani_core_wake(at.k);
	return 0;
}

int
sani_sock_close(san_handle h, uint64_t user)
{
	return sani_likely(close_here(h, user)) ? 0 : close_anywhere(h, user);
}
