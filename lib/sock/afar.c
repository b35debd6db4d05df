/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/afar.h"
#include "sock/batch.h"
#include "sock/end.h"

/* Of a long row so many are shown at a time, so that the two sides work at once. */
#define SHOWN_TOGETHER 4u

/* Of one that is not connected, or parked: its answer, or -EINPROGRESS for all that has to be looked at closely. */
static SANI_SELDOM int32_t
refuse(const struct sani_sock *so)
{
	if (so->phase == SANI_SOCK_CONNECTED || (so->phase == SANI_SOCK_DEAD && so->error == 0))
		return -EINPROGRESS;
	return so->phase == SANI_SOCK_DEAD ? -so->error : -ENOTCONN;
}

/* The result of a receive that is over at once, or -EINPROGRESS. What is there is copied. */
static inline int32_t
receive_now(struct san_core *k, const struct sani_sock *so, const struct sani_req *req)
{
	struct sani_tcp_conn *c;
	uint32_t n;

	if (so->direct == 0)
		return refuse(so);
	c = &k->conns[so->conn];
	n = c->rcvq.bytes;
	if (so->recv.head != NULL || n == 0 || (n < req->id && req->flags != 0) || (c->flags & SANI_TCP_MAYBE_URGENT))
		return -EINPROGRESS;
	n = n < req->id ? n : req->id;
	sani_core_read(k->core, c, req->buf, n);
	return (int32_t)n;
}

/* The same of a send: all of it is the connection's. */
static inline int32_t
send_now(struct san_core *k, const struct sani_sock *so, const struct sani_req *req)
{
	struct sani_tcp_conn *c;

	if (so->direct == 0 || so->send.head != NULL)
		return -EINPROGRESS;
	c = &k->conns[so->conn];
	return !c->more && sani_core_write_plain(k->core, c, req->buf, req->id) ? (int32_t)req->id : -EINPROGRESS;
}

/* Is the socket open, with the queue that the core knows, and the queue's thread there? */
static inline bool
is_known(const struct san_core *k, const struct sani_sock *so, const struct sani_req *req)
{
	/* acquire: a move's lane before the word that names its queue */
	return atomic_load_explicit(&k->slots->words[sani_handle_slot(req->sock)], memory_order_acquire) == so->word &&
	       !k->gone_here;
}

/* False: nothing was done, it does not end at once. */
static inline bool
take_one(struct san_core *k, const struct sani_req *req)
{
	struct sani_sock *so = &k->socks[sani_handle_slot(req->sock)];
	bool receives = req->kind == SANI_REQ_RECV;
	int32_t result;

	/* The fence keeps a slot until every post that read it OPEN has been met here (O7). */
	sani_assert(so == sani_sock_of(k, req->sock));
	if (sani_unlikely(!is_known(k, so, req)))
		return false;
	result = receives ? receive_now(k, so, req) : send_now(k, so, req);
	if (result == -EINPROGRESS)
		return false;
	sani_op_finish_unseen(so->lane, sani_sock_record(so), req->op, receives ? SAN_OP_RECV : SAN_OP_SEND, result);
	sani_sock_show(k, so);
	return true;
}

uint32_t
sani_afar_take(struct san_core *k, struct sani_spsc *ring, uint32_t max)
{
	const struct sani_req *entries = (const struct sani_req *)(const void *)ring->slots;
	uint32_t head = sani_spsc_head(ring);
	uint32_t there = ring->tail_seen - head;
	uint32_t i, n = there < max ? there : max;

	for (i = 0; i < n; i++) {
		const struct sani_req *req = &entries[(head + i) & ring->mask];

		if (!sani_req_is_plain(req) || !take_one(k, req))
			break;
		if ((i + 1) % SHOWN_TOGETHER == 0)
			sani_held_show(k);
	}
	sani_count_n(&k->core->ctr, SANI_CTR_sock_ops, i);
	sani_count_n(&k->core->ctr, SANI_CTR_sock_ops_ended, i);
	/* Given back when done, and together: nobody counts what is processed before this returns. */
	sani_spsc_pop_to(ring, head + i);
	return i;
}

/* What a row has found out of the socket, and where it writes. */
static inline bool
is_like(const struct sani_batch *b, const struct san_request *r)
{
	unsigned int allowed = r->kind == SAN_OP_RECV ? SAN_WAITALL : 0;

	return r->sock == b->sock && (r->kind == SAN_OP_RECV || r->kind == SAN_OP_SEND) &&
	       (r->flags & ~allowed) == 0 && r->op != NULL && r->buf != NULL && r->len - 1 < SAN_IO_MAX &&
	       (r->op->timeout_us | (uint32_t)sani_op_state(r->op)) == SANI_OP_FREE;
}

/* Begin the bracket for a post on this socket, when it goes the way of the last one. */
static inline void
open_batch(struct sani_batch *b, san_handle sock)
{
	struct san_core *k = sani_sock_core(sani_handle_core(sock));
	struct sani_thread *t = sani_thread_self();
	uint32_t slot = sani_handle_slot(sock);
	uint64_t w;

	if (sani_lib_check() < 0 || k == NULL || !sani_way_leads_to(t, k) || slot >= k->nb_slots)
		return;
	sani_bracket_begin(t);
	sani_window();
	b->core = k;
	/* sequentially consistent, after the bracket's exchange */
	w = atomic_load(&k->slots->words[slot]);
	if (w != sani_way_word(&t->way, sani_handle_gen(sock)))
		return;
	b->ring = t->way.ring;
	b->sock = sock;
	b->word = w;
}

/* b->ring is there. */
static unsigned int
post_row(struct sani_batch *b, struct san_request *req, unsigned int nb)
{
	struct sani_lane *lane = sani_thread_self()->way.lane;
	_Atomic uint64_t *word = &b->core->slots->words[sani_handle_slot(b->sock)];
	unsigned int n;

	for (n = 0; n < nb; n++) {
		struct san_request *r = &req[n];
		struct sani_post p = { .sock = r->sock, .op = r->op, .buf = r->buf, .len = r->len, .flags = r->flags,
				       .kind = r->kind };

		/* the load: sequentially consistent, after the bracket's exchange */
		if (!is_like(b, r) || atomic_load(word) != b->word || lane->left == 0 || sani_spsc_room(b->ring) == 0)
			break;
		sani_afar_put(lane, b->ring, &p, r->kind == SAN_OP_RECV ? SANI_REQ_RECV : SANI_REQ_SEND);
		r->answer = 0;
		/* the core takes them while the next are written */
		if ((n + 1) % SHOWN_TOGETHER == 0)
			sani_spsc_show(b->ring);
	}
	return n;
}

unsigned int
sani_batch_row(struct sani_batch *b, struct san_request *req, unsigned int nb)
{
	if (b->core == NULL)
		open_batch(b, req[0].sock);
	return b->ring != NULL ? post_row(b, req, nb) : 0;
}
