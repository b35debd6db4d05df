/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "core/arm.h"
#include "core/owe.h"
#include "core/priv.h"
#include "tcp/plain.h"

#define EXPIRE_BURST 64
#define COLD_BLOCKS 4096	/* measured: with 3,000 in use asking ahead cost some, with 5,000 it saved some */
#define REST_BLOCKS 131072
#define PARK_LOOKS 4	/* at blocks that may be parked, for each that was taken */
#define EXPIRE_BURSTS 16	/* in one round; what is left fires in the next */

int
sani_conn_init(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	const struct sani_host_conf *conf = &core->host->conf;

	p->cold_blocks = COLD_BLOCKS;
	p->rest_blocks = REST_BLOCKS;
	p->conn_free = SANI_NONE;
	sani_hop_init(p);
	p->short_ones = (struct sani_waiting){ .first = SANI_NONE, .last = SANI_NONE };
	p->conns = sani_map(conf->nb_conns * sizeof(p->conns[0]));
	p->dirty = sani_map(conf->nb_conns * sizeof(p->dirty[0]));
	if (p->conns == NULL || p->dirty == NULL ||
	    sani_flow_init(&p->flow, conf->nb_conns + conf->nb_tw) != 0 || sani_park_init(core) != 0)
		return -ENOMEM;
	p->wheel = sani_wheel_create(p->conns, sizeof(p->conns[0]),
				     offsetof(struct sani_tcp_conn, owner.timer), 0);
	return p->wheel == NULL ? -ENOMEM : 0;
}

void
sani_conn_stop(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;

	for (uint32_t i = 0; i < p->conn_fresh; i++)
		if ((p->conns[i].owner.flags & SANI_CONN_USED) != 0)
			sani_tcp_discard(&p->conns[i]);
}

void
sani_conn_fini(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	const struct sani_host_conf *conf = &core->host->conf;

	sani_wheel_destroy(p->wheel);
	sani_park_fini(core);
	sani_flow_fini(&p->flow);
	sani_unmap(p->dirty, conf->nb_conns * sizeof(p->dirty[0]));
	sani_unmap(p->conns, conf->nb_conns * sizeof(p->conns[0]));
}

uint32_t
sani_core_nb_conns(const struct sani_core *core)
{
	return atomic_load_explicit(&core->priv->nb_conns, memory_order_relaxed);
}

struct sani_tcp_conn *
sani_core_conn(struct sani_core *core, uint32_t idx)
{
	if (sani_unlikely((idx & SANI_CONN_PARKED) != 0))
		return sani_park_wake(core, idx & ~SANI_CONN_PARKED);
	return &core->priv->conns[idx];
}

uint32_t
sani_core_conn_idx(const struct sani_core *core, const struct sani_tcp_conn *c)
{
	return sani_conn_idx(core->priv, c);
}

struct sani_tcp_conn *
sani_block_take(struct sani_core *core, uint32_t hash)
{
	struct sani_core_priv *p = core->priv;
	struct sani_tcp_conn *c;

	if (p->conn_free != SANI_NONE) {
		c = &p->conns[p->conn_free];
		p->conn_free = c->owner.next;
	} else {
		sani_assert(p->conn_fresh < core->host->conf.nb_conns);
		c = &p->conns[p->conn_fresh++];
		sani_timer_init(&c->owner.timer);
	}
	/* what its timer is set to stays: see sani_arm_first() */
	c->owner = (struct sani_tcp_owner){
		.timer = c->owner.timer, .hash = hash, .gen = c->owner.gen, .sock = SANI_NONE, .listen = SANI_NONE,
		.next = SANI_NONE, .prev = SANI_NONE, .dirty = SANI_NONE, .flags = SANI_CONN_USED,
		.tell_acks = 1,
	};
	p->nb_blocks++;
	p->park_due += PARK_LOOKS;
	return c;
}

void
sani_block_give(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	c->owner.flags = 0;
	c->owner.sock = SANI_NONE;
	c->owner.gen++;
	c->owner.next = p->conn_free;
	p->conn_free = sani_conn_idx(p, c);
	p->nb_blocks--;
}

struct sani_tcp_conn *
sani_conn_alloc(struct sani_core *core, uint32_t hash)
{
	struct sani_core_priv *p = core->priv;

	if (sani_core_nb_conns(core) == core->host->conf.nb_conns)
		return NULL;
	sani_gauge_add(&p->nb_conns, 1);
	return sani_block_take(core, hash);
}

/* Neither half-open nor finished and waiting to be adopted any more. */
static void
uncount_embryo(struct sani_core *core, struct sani_tcp_conn *c)
{
	sani_listen_uncount(core, c);
	if ((c->owner.flags & SANI_CONN_FINISHED) != 0)
		core->priv->nb_finished--;
	c->owner.flags &= (uint8_t)~SANI_CONN_FINISHED;
}

void
sani_conn_free(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	if ((c->owner.flags & ~SANI_CONN_USED) != 0) {
		sani_conn_leave(core, c);
		uncount_embryo(core, c);
		sani_fast_uncount(core, c);
		sani_listen_drop(core, c);
	}
	sani_conn_wait_no_more(core, c);
	if (c->owner.dirty != SANI_NONE)
		sani_conn_undirty(core, c);
	p->budget.growth += sani_tcp_give_back(c);
	sani_block_give(core, c);
	sani_gauge_add(&p->nb_conns, (uint32_t)-1);
}

void
sani_conn_enter(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	sani_flow_add(&p->flow, c->owner.hash, sani_flow_ref_of(sani_conn_idx(p, c), 0));
	c->owner.flags |= SANI_CONN_FLOW;
}

void
sani_conn_leave(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;

	if ((c->owner.flags & SANI_CONN_FLOW) == 0)
		return;
	sani_flow_del(&p->flow, c->owner.hash, sani_flow_ref_of(sani_conn_idx(p, c), 0));
	c->owner.flags &= (uint8_t)~SANI_CONN_FLOW;
}

static bool
has_tuple(const struct sani_core_priv *p, sani_flow_ref ref, const struct sani_tuple *t)
{
	const struct sani_tcp_tw *tw;

	if ((ref & SANI_FLOW_KINDS) == 0)
		return sani_tuple_eq(&p->conns[sani_flow_idx(ref)].tuple, t);
	if ((ref & SANI_FLOW_PARKED) != 0)
		return sani_tcp_parked_is(&p->parked[sani_flow_idx(ref)], t);
	tw = &p->tws[sani_flow_idx(ref)];
	return sani_ip_eq(&tw->remote, &t->remote) && sani_ip_eq(&tw->local, &t->local) &&
	       tw->local_port == t->local_port && tw->remote_port == t->remote_port;
}

sani_flow_ref
sani_conn_find(const struct sani_core *core, const struct sani_tuple *t, uint32_t hash)
{
	const struct sani_core_priv *p = core->priv;
	uint32_t at = 0;
	sani_flow_ref ref;

	while ((ref = sani_flow_next(&p->flow, hash, &at)) != SANI_FLOW_NOTHING)
		if (has_tuple(p, ref, t))
			break;
	return ref;
}

void
sani_conn_wait(struct sani_core_priv *p, struct sani_tcp_conn *c, struct sani_waiting *w, enum sani_wait for_what)
{
	uint32_t idx = sani_conn_idx(p, c);

	c->owner.waits = for_what & 3u;
	c->owner.prev = w->last;
	c->owner.next = SANI_NONE;
	if (w->last != SANI_NONE)
		p->conns[w->last].owner.next = idx;
	else
		w->first = idx;
	w->last = idx;
}

void
sani_conn_leave_waiting(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	struct sani_waiting *w = c->owner.waits == SANI_WAIT_POOL ? &p->short_ones : sani_hop_list(p, c);

	sani_assert(w != NULL);
	if (c->owner.prev != SANI_NONE)
		p->conns[c->owner.prev].owner.next = c->owner.next;
	else
		w->first = c->owner.next;
	if (c->owner.next != SANI_NONE)
		p->conns[c->owner.next].owner.prev = c->owner.prev;
	else
		w->last = c->owner.prev;
	if (c->owner.waits == SANI_WAIT_POOL)
		sani_ration_uncount(core);
	c->owner.waits = SANI_WAIT_NONE;
}

static void
list_dirty(struct sani_core_priv *p, struct sani_tcp_conn *c)
{
	p->posted = true;
	if (c->owner.dirty != SANI_NONE)
		return;
	c->owner.dirty = p->nb_dirty;
	p->dirty[p->nb_dirty++] = sani_conn_idx(p, c);
}

void
sani_conn_undirty(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_core_priv *p = core->priv;
	uint32_t at = c->owner.dirty;

	if (at == SANI_NONE)
		return;
	/* the last one takes its place */
	p->dirty[at] = p->dirty[--p->nb_dirty];
	p->conns[p->dirty[at]].owner.dirty = at;
	c->owner.dirty = SANI_NONE;
}

void
sani_core_touch(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	if ((ev & SANI_TCP_EV_OUTPUT) != 0)
		list_dirty(core->priv, c);
	/* of one that is listed the deadline is looked at behind its output, when it is final */
	if (c->owner.dirty == SANI_NONE && sani_unlikely(sani_arm_is_due(c) || ev == SANI_TCP_EV_ACKED))
		sani_arm_touched(core, c, ev);
}

int
sani_core_read(struct sani_core *core, struct sani_tcp_conn *c, void *buf, uint32_t n)
{
	uint32_t got, ev;

	got = sani_tcp_read_by(c, buf, n, &ev, core->host->pool, core->priv->tcp_io.cache);
	sani_assert(got == n);
	(void)got;
	if (sani_unlikely(ev != 0))
		sani_core_touch(core, c, ev);
	return 0;
}

bool
sani_core_write_plain(struct sani_core *core, struct sani_tcp_conn *c, const void *data, uint32_t len)
{
	struct sani_core_priv *p = core->priv;

	if (sani_unlikely(p->tcp_io.scarce) || !sani_tcp_write_plain(c, data, len, core->host->pool, &p->spare))
		return false;
	list_dirty(p, c);
	return true;
}

/*
 * An embryo has come to an end by itself. With an offer under way its place is kept (mesh.c), and it counts in the
 * backlog: its offer waits there.
 */
static void
end_embryo(struct sani_core *core, struct sani_tcp_conn *c)
{
	if (!c->owner.offered)
		sani_conn_free(core, c);
}

static void
settle_embryo(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	if ((ev & SANI_TCP_EV_CLOSED) != 0) {
		end_embryo(core, c);
		return;
	}
	if ((ev & SANI_TCP_EV_CONNECTED) == 0 || (c->owner.flags & SANI_CONN_HALF) == 0)
		return;
	uncount_embryo(core, c);
	c->owner.flags |= SANI_CONN_FINISHED;
	core->priv->nb_finished++;
	core->up->embryo(core, c);
}

/* RFC 9293 MUST-20 (b): the way is looked at again, that is its first hop. */
static void
doubt_way(struct sani_core *core, const struct sani_tcp_conn *c)
{
	sani_count(&core->ctr, SANI_CTR_tcp_doubt);
	sani_ip_doubt(core->priv->ip, &c->tuple.remote, sani_tx_io(core));
	sani_tx_sweep(core);
}

/* Events that the core itself has to do with. */
static void
note_seldom(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	if ((ev & SANI_TCP_EV_DOUBT) != 0)
		doubt_way(core, c);
	if ((ev & SANI_TCP_EV_CONNECTED) != 0 && c->state != SAN_TCP_SYN_RECEIVED &&
	    sani_unlikely((c->owner.flags & SANI_CONN_FAST) != 0 || c->fast.flags != 0)) {
		sani_fast_uncount(core, c);
		sani_fast_learn(core, c);
	}
}

void
sani_conn_settle(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev)
{
	if ((ev & SANI_TCP_EV_OUTPUT) != 0 && sani_owe(core, c, ev))
		ev &= ~(uint32_t)SANI_TCP_EV_OUTPUT;
	sani_core_touch(core, c, ev);
	ev &= ~(uint32_t)SANI_TCP_EV_OUTPUT;
	/* what is above is not even looked at when it has nothing that an acknowledgement moves on */
	if (sani_likely(ev == 0) || (ev == SANI_TCP_EV_ACKED && !c->owner.tell_acks))
		return;
	if ((ev & (SANI_TCP_EV_DOUBT | SANI_TCP_EV_CONNECTED)) != 0) {
		note_seldom(core, c, ev);
		ev &= ~(uint32_t)SANI_TCP_EV_DOUBT;
		if (ev == 0)
			return;
	}
	if ((ev & SANI_TCP_EV_CLOSED) != 0) {
		/* a last word, if there is one; from here on its segments find no connection */
		if (c->owner.dirty != SANI_NONE)
			sani_tx_conn(core, c);
		sani_conn_leave(core, c);
		sani_conn_wait_no_more(core, c);
	}
	if (c->owner.sock != SANI_NONE)
		core->up->event(core, c, ev);
	else
		settle_embryo(core, c, ev);
}

static void
expire_one(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_tcp_io io;
	uint32_t ev;

	/* set by the last one that had the block */
	if ((c->owner.flags & SANI_CONN_USED) == 0)
		return;
	if ((c->owner.flags & SANI_CONN_TELL) != 0) {
		c->owner.flags &= (uint8_t)~SANI_CONN_TELL;
		core->up->event(core, c, SANI_TCP_EV_CLOSED);
		return;
	}
	if (sani_tcp_deadline(c) > core->now_us) {
		sani_arm(core, c);
		return;
	}
	io = sani_make_io(core);
	ev = sani_tcp_timer(c, &io);
	sani_tx_segments(core, c, &io);
	sani_conn_settle(core, c, ev);
}

unsigned int
sani_conn_expire_due(struct sani_core *core)
{
	struct sani_core_priv *p = core->priv;
	uint32_t idx[EXPIRE_BURST];
	uint32_t gen[EXPIRE_BURST];
	unsigned int sum = 0;
	unsigned int n = EXPIRE_BURST;

	for (unsigned int burst = 0; burst < EXPIRE_BURSTS && n == EXPIRE_BURST; burst++) {
		n = sani_wheel_advance(p->wheel, core->now_us, idx, EXPIRE_BURST);
		for (unsigned int i = 0; i < n; i++) {
			gen[i] = p->conns[idx[i]].owner.gen;
			__builtin_prefetch(&p->conns[idx[i]].wake_us, 1);
			__builtin_prefetch(&p->conns[idx[i]].armed, 1);
			__builtin_prefetch(&p->conns[idx[i]].deadline[0]);
		}
		/* an earlier one's up-call may have closed a later one */
		for (unsigned int i = 0; i < n; i++)
			if (p->conns[idx[i]].owner.gen == gen[i])
				expire_one(core, &p->conns[idx[i]]);
		sum += n;
	}
	return sum;
}

void
sani_core_adopt(struct sani_core *core, struct sani_tcp_conn *c, uint32_t sock)
{
	uncount_embryo(core, c);
	sani_listen_drop(core, c);
	c->owner.sock = sock;
	if (sani_tcp_state(c) != SAN_TCP_CLOSED)
		return;
	/* it ended while its offer was under way, when there was nobody to be told */
	c->owner.flags |= SANI_CONN_TELL;
	sani_wheel_arm(core->priv->wheel, sani_conn_idx(core->priv, c), core->now_us);
}

static void
send_rst(struct sani_core *core, struct sani_tcp_conn *c)
{
	struct sani_tcp_io io = sani_make_io(core);
	struct rte_mbuf *m = sani_tx_reserved(core);

	if (m == NULL)
		sani_count(&core->ctr, SANI_CTR_core_drop_nomem);
	if (sani_tcp_abort(c, m, &io) && m != NULL)
		sani_tx_last(core, m, c);
	else
		rte_pktmbuf_free(m);
}

void
sani_conn_reset(struct sani_core *core, struct sani_tcp_conn *c)
{
	enum san_tcp_state state = sani_tcp_state(c);

	sani_conn_leave(core, c);
	switch (state) {
	case SAN_TCP_CLOSED:
	case SAN_TCP_LISTEN:
	case SAN_TCP_SYN_SENT:
		sani_tcp_discard(c);
		break;
	case SAN_TCP_TIME_WAIT:
		sani_tw_add(core, c, SANI_TCP_TW_TIME_WAIT);
		sani_tcp_discard(c);
		break;
	case SAN_TCP_SYN_RECEIVED:
	case SAN_TCP_ESTABLISHED:
	case SAN_TCP_FIN_WAIT_1:
	case SAN_TCP_FIN_WAIT_2:
	case SAN_TCP_CLOSE_WAIT:
	case SAN_TCP_CLOSING:
	case SAN_TCP_LAST_ACK:
	default:
		sani_tw_add(core, c, SANI_TCP_TW_TOMBSTONE);
		send_rst(core, c);
		break;
	}
}

void
sani_core_conn_close(struct sani_core *core, struct sani_tcp_conn *c)
{
	if (sani_likely(c->state == SAN_TCP_CLOSED)) {
		sani_conn_leave(core, c);
		sani_tcp_discard(c);
	} else {
		/* Perhaps between rounds, and long after the last one: the RST is to be repeated an RTO from now. */
		sani_core_tell_time(core);
		sani_conn_reset(core, c);
	}
	sani_conn_free(core, c);
}
