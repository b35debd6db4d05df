/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frame to connection, a burst at a time and in passes, so that the memory of all is on its way while
 * the first is looked at: read every frame and ask for its place in the flow table; ask for its
 * connection; process. Of many connections the passes run into each other (struct many).
 */
#include "core/mesh.h"
#include "core/priv.h"
#include "wire/buf.h"

#define CONN_LINES 4	/* of a block, from its begin: what is looked at first of a segment's */
#define PARKED_LINES (sizeof(struct sani_tcp_parked) / SANI_CACHE_LINE)

/* Cut the headers off: what is left is the payload, for the ip engine has cut the padding. NULL: none. */
static struct rte_mbuf *
cut_payload(const struct sani_core *core, struct rte_mbuf *m, uint16_t off, uint32_t len)
{
	if (len > 0 && rte_pktmbuf_adj(m, off) != NULL)
		return m;
	sani_buf_free(m, core->host->pool, core->priv->tcp_io.cache);
	return NULL;
}

static enum sani_tcp_parse
parse_segment(const struct rte_mbuf *m, const struct sani_ip_pkt *pkt, struct sani_tcp_seg *seg)
{
	uint32_t contig = m->data_len > pkt->l4_off ? (uint32_t)m->data_len - pkt->l4_off : 0;
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);

	if (sani_likely(sani_tcp_parse_plain(p, contig, pkt->l4_len, seg)))
		return SANI_TCP_PARSE_OK;
	return sani_tcp_parse(p, RTE_MIN(contig, pkt->l4_len), pkt->l4_len, seg);
}

static SANI_SELDOM bool
drop(struct sani_core *core, struct rte_mbuf *m, enum sani_counter why)
{
	sani_count(&core->ctr, why);
	rte_pktmbuf_free(m);
	return false;
}

/* Is it a segment to go on with? Else it is counted and gone. */
static bool
read_segment(struct sani_core *core, struct sani_rx_item *item)
{
	enum sani_tcp_parse parse;

	/* RFC 9293 MUST-57: silently */
	if (sani_unlikely(item->pkt.nonunicast))
		return drop(core, item->m, SANI_CTR_tcp_rx_drop_nonunicast);
	parse = parse_segment(item->m, &item->pkt, &item->seg);
	if (sani_unlikely(parse != SANI_TCP_PARSE_OK))
		return drop(core, item->m, parse == SANI_TCP_PARSE_HEADER ? SANI_CTR_tcp_rx_bad_header :
									     SANI_CTR_tcp_rx_bad_option);
	item->seg.ecn = item->pkt.tos & SANI_ECN_MASK;
	return true;
}

/* What is no segment. @return False: the frame is done with, or on its way to the core that it concerns. */
static SANI_SELDOM bool
read_other(struct sani_core *core, struct sani_rx_item *item, enum sani_ip_verdict verdict)
{
	if (verdict == SANI_IP_CONTROL)
		sani_mesh_hand(core, 0, item->m);
	item->is_icmp = verdict == SANI_IP_TCP_ERROR;
	return item->is_icmp;
}

/* @return False: the frame is done with. */
static inline __attribute__((always_inline)) bool
read_headers(struct sani_core *core, struct sani_rx_item *item)
{
	struct sani_core_priv *p = core->priv;
	const uint8_t iface = p->iface_of[item->m->port];
	enum sani_ip_verdict verdict = sani_ip_input(p->ip, item->m, iface, sani_tx_io(core), &item->pkt);

	sani_tx_sweep(core);
	item->is_icmp = false;
	item->reopens = false;
	item->tw = SANI_NONE;
	return sani_likely(verdict == SANI_IP_TCP) ? read_segment(core, item) : read_other(core, item, verdict);
}

/* @return False: it is on its way to another core. */
static inline __attribute__((always_inline)) bool
find_place(struct sani_core *core, struct sani_rx_item *item)
{
	const unsigned int nb_cores = core->host->nb_cores;

	item->hash = sani_flow_hash(&core->host->flow_key, &item->pkt.tuple);
	if (sani_likely(sani_flow_core(item->hash, nb_cores) == core->index))
		return true;
	sani_mesh_hand(core, sani_flow_core(item->hash, nb_cores), item->m);
	return false;
}

/* First pass. @return False: the frame is done with, or on its way to another core. */
static inline __attribute__((always_inline)) bool
read_frame(struct sani_core *core, struct sani_rx_item *item)
{
	if (!read_headers(core, item) || !find_place(core, item))
		return false;
	sani_flow_prefetch(&core->priv->flow, (uint32_t)item->hash);
	return true;
}

static inline void
prefetch_lines(const void *at, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		__builtin_prefetch((const uint8_t *)at + i * SANI_CACHE_LINE);
}

/* Second pass: what has this hash is most likely it. Processing looks whether it is, for it may have changed. */
static inline void
find_likely(const struct sani_core_priv *p, struct sani_rx_item *item)
{
	uint32_t at = 0;

	item->likely = sani_flow_next(&p->flow, (uint32_t)item->hash, &at);
}

static inline void
prefetch_conn(const struct sani_core_priv *p, struct sani_rx_item *item)
{
	find_likely(p, item);
	if (item->likely == SANI_FLOW_NOTHING || (item->likely & SANI_FLOW_TW) != 0)
		return;
	if ((item->likely & SANI_FLOW_PARKED) != 0)
		prefetch_lines(&p->parked[sani_flow_idx(item->likely)], 0, PARKED_LINES);
	else
		prefetch_lines(&p->conns[sani_flow_idx(item->likely)], 0, CONN_LINES);
}

static inline bool
has_text(const struct sani_rx_item *item)
{
	return !item->is_icmp && item->seg.len > 0;
}

/* All that the segment will touch of it. */
static inline void
prefetch_block(const struct sani_core_priv *p, struct sani_rx_item *item)
{
	find_likely(p, item);
	if (item->likely == SANI_FLOW_NOTHING || (item->likely & SANI_FLOW_TW) != 0)
		return;
	if (sani_unlikely((item->likely & SANI_FLOW_PARKED) != 0)) {
		prefetch_lines(&p->parked[sani_flow_idx(item->likely)], 0, PARKED_LINES);
		return;
	}
	prefetch_lines(&p->conns[sani_flow_idx(item->likely)], 0,
		       has_text(item) ? SANI_TCP_HOT_LINES : SANI_TCP_ACK_LINES);
}

/* A timer that is taken off the wheel touches those beside it. */
static inline void
prefetch_neighbours(const struct sani_core_priv *p, const struct sani_timer *t)
{
	if (!sani_timer_armed(t))
		return;
	if (t->next != SANI_NONE)
		sani_fetch_to_write(&p->conns[t->next].owner.timer);
	if (t->prev != SANI_NONE)
		sani_fetch_to_write(&p->conns[t->prev].owner.timer);
}

/*
 * Behind the block comes the socket, if it will be told. What is freed is not looked at (tcp/spare.h).
 * @return That socket when there is text for it, or SANI_NONE.
 */
static inline uint32_t
prefetch_held(struct sani_core *core, const struct sani_rx_item *item)
{
	const struct sani_core_priv *p = core->priv;
	const struct sani_tcp_conn *c;
	bool text = has_text(item);

	/* a parked one may have been woken since, by a segment before this */
	if (item->likely == SANI_FLOW_NOTHING || (item->likely & SANI_FLOW_KINDS) != 0)
		return SANI_NONE;
	c = &p->conns[sani_flow_idx(item->likely)];
	if (!text && p->nb_blocks > p->rest_blocks)
		prefetch_neighbours(p, &c->owner.timer);
	if (c->owner.sock == SANI_NONE || (!text && !c->owner.tell_acks))
		return SANI_NONE;
	core->up->ahead(core, c->owner.sock, SANI_AHEAD_SOCK);
	return text ? c->owner.sock : SANI_NONE;
}

/* A block that is in the flow table and has the tuple is the one, and there is no need to look for it once more. */
static sani_flow_ref
find_flow(const struct sani_core *core, const struct sani_rx_item *item)
{
	sani_flow_ref ref = item->likely;

	if (sani_likely(ref != SANI_FLOW_NOTHING && (ref & SANI_FLOW_KINDS) == 0)) {
		const struct sani_tcp_conn *c = &core->priv->conns[sani_flow_idx(ref)];

		if (sani_likely((c->owner.flags & SANI_CONN_FLOW) != 0 && sani_tuple_eq(&c->tuple, &item->pkt.tuple)))
			return ref;
	}
	return sani_conn_find(core, &item->pkt.tuple, (uint32_t)item->hash);
}

void
sani_rx_conn(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item)
{
	struct sani_tcp_io io = sani_make_io(core);
	bool in_time_wait = sani_tcp_state(c) == SAN_TCP_TIME_WAIT;
	struct rte_mbuf *payload = cut_payload(core, item->m, (uint16_t)(item->pkt.l4_off + item->seg.hdr_len),
					       item->seg.len);
	uint32_t ev;

	item->m = NULL;
	item->old_snd_nxt = c->snd_nxt;
	ev = sani_tcp_input(c, &item->seg, payload, &io);
	sani_tx_segments(core, c, &io);
	/* nothing else of the peer's ends TIME_WAIT than a SYN */
	item->reopens = in_time_wait && (ev & SANI_TCP_EV_CLOSED) != 0;
	sani_conn_settle(core, c, ev);
}

/* Is there no place for what the segment begins or finishes? The peer sends it again. */
static bool
has_no_place(struct sani_core *core, const struct sani_tcp_conn *c, const struct sani_rx_item *item)
{
	const uint8_t what = item->seg.flags & (SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_RST);

	if (sani_tcp_state(c) == SAN_TCP_TIME_WAIT)
		return what == SANI_TCP_SYN && sani_listen_refuses(core, &item->pkt.tuple);
	return (c->owner.flags & SANI_CONN_HALF) != 0 && (what & SANI_TCP_ACK) != 0 &&
	       (what & SANI_TCP_RST) == 0 &&
	       sani_listen_is_full(core, &core->priv->listens[c->owner.listen]);
}

/* Of a connection that is being opened: is the segment done with? */
static bool
input_opening(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item)
{
	const uint8_t what = item->seg.flags & (SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_RST);

	if ((c->owner.flags & SANI_CONN_HELD) == 0)
		return what == SANI_TCP_ACK && sani_unlikely(item->seg.ack != c->iss + 1) &&
		       sani_cookie_cross(core, c, item);
	/* Only what ends it is of use before it is answered: the peer repeats its SYN, and hears nothing else. */
	if ((what & SANI_TCP_RST) != 0 && item->seg.seq == c->rcv_nxt)
		return false;
	sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_state);
	return true;
}

/* What sani_rx_conn() does of one that is not in TIME_WAIT. io is for the burst, and does not know the time. */
static inline void
input_conn(struct sani_core *core, struct sani_tcp_conn *c, const struct sani_rx_item *item, struct sani_tcp_io *io)
{
	struct rte_mbuf *payload = cut_payload(core, item->m, (uint16_t)(item->pkt.l4_off + item->seg.hdr_len),
					       item->seg.len);
	uint32_t ev;

	io->now_us = core->now_us;
	ev = sani_tcp_input(c, &item->seg, payload, io);
	if (sani_unlikely(io->nb_tx > 0)) {
		sani_tx_segments(core, c, io);
		io->nb_tx = 0;
		io->ect = 0;
	}
	sani_conn_settle(core, c, ev);
}

/* Of a connection that is opened, or was, and may be opened anew. */
static void
input_seldom(struct sani_core *core, struct sani_tcp_conn *c, struct sani_rx_item *item, struct sani_tcp_io *io)
{
	if (has_no_place(core, c, item)) {
		sani_count(&core->ctr, SANI_CTR_tcp_rx_drop_backlog);
		return;
	}
	if ((c->owner.flags & (SANI_CONN_HALF | SANI_CONN_HELD)) != 0 && input_opening(core, c, item))
		return;
	if (sani_likely(c->state != SAN_TCP_TIME_WAIT)) {
		input_conn(core, c, item, io);
		item->m = NULL;
		return;
	}
	sani_rx_conn(core, c, item);
	if (item->reopens)
		sani_listen_input(core, item);
}

/* Is c one whose segments go to it, whatever they are? */
static inline bool
is_open(const struct sani_tcp_conn *c)
{
	return c->state != SAN_TCP_TIME_WAIT && (c->owner.flags & (SANI_CONN_HALF | SANI_CONN_HELD)) == 0;
}

static inline void
input_segment(struct sani_core *core, struct sani_rx_item *item, struct sani_tcp_io *io)
{
	sani_flow_ref ref = find_flow(core, item);

	sani_count(&core->ctr, SANI_CTR_tcp_rx);
	if (sani_likely(ref != SANI_FLOW_NOTHING && (ref & SANI_FLOW_TW) == 0)) {
		struct sani_tcp_conn *c = sani_conn_of(core, ref);

		if (sani_likely(is_open(c))) {
			input_conn(core, c, item, io);
			return;
		}
		input_seldom(core, c, item, io);
	} else if (ref == SANI_FLOW_NOTHING) {
		sani_listen_input(core, item);
	} else if (sani_tw_input(core, sani_flow_idx(ref), &item->seg)) {
		item->tw = sani_flow_idx(ref);
		sani_listen_input(core, item);
	}
	sani_buf_free(item->m, core->host->pool, core->priv->tcp_io.cache);
}

static void
input_error(struct sani_core *core, struct sani_rx_item *item)
{
	const struct sani_ip_pkt *pkt = &item->pkt;
	sani_flow_ref ref = sani_conn_find(core, &pkt->tuple, (uint32_t)item->hash);
	struct sani_tcp_io io = sani_make_io(core);
	struct sani_tcp_conn *c;

	/* by the core that it concerns: the one that has handed it over has read it too */
	sani_count(&core->ctr, SANI_CTR_icmp_rx_error);
	rte_pktmbuf_free(item->m);
	if (ref == SANI_FLOW_NOTHING || (ref & SANI_FLOW_TW) != 0)
		return;
	c = sani_conn_of(core, ref);
	sani_conn_settle(core, c, sani_tcp_icmp(c, pkt->icmp_type, pkt->icmp_code, pkt->icmp_mtu, pkt->quoted_seq,
						&io));
}

#define STEP 2u			/* items between one thing that is asked for and what is found in it */
#define STEPS_AHEAD (3 * STEP)	/* an item is looked at so long after its block */
#define BLOCK_STEP 8u		/* frames between the place in the flow table and the block */
#define BLOCKS_AHEAD (4 * STEP)	/* asked for while frames are read: reading takes less time than these take to come */

/*
 * A burst when most of what it touches is far away. A processor keeps track of some twenty lines that are on their way,
 * and drops what is asked for beyond: so not all are asked for at once, but those of a few segments, and work goes on
 * meanwhile. Each step finds in the lines of an item what the next asks for.
 */
struct many {
	struct sani_core *core;
	struct sani_rx_item *items;
	unsigned int n;			/* read */
	unsigned int nb_blocks;		/* asked for */
	unsigned int nb_steps;		/* done */
	unsigned int nb_texts;		/* processed, */
	uint32_t nb_spare;		/* and how many buffers were spared before */
	uint32_t socks[SANI_BURST];
};

static inline void
step_ahead(struct many *b, unsigned int i, enum sani_ahead what)
{
	/* an index before the first is greater than any */
	if (i < b->n && b->socks[i] != SANI_NONE)
		b->core->up->ahead(b->core, b->socks[i], what);
}

static inline void
step(struct many *b)
{
	unsigned int i = b->nb_steps++;

	if (i < b->n)
		b->socks[i] = prefetch_held(b->core, &b->items[i]);
	step_ahead(b, i - STEP, SANI_AHEAD_OP);
	step_ahead(b, i - 2 * STEP, SANI_AHEAD_TARGET);
}

static inline void
ask_for_block(struct many *b)
{
	if (b->nb_blocks < b->n)
		prefetch_block(b->core->priv, &b->items[b->nb_blocks++]);
}

/* A frame more was read. */
static __attribute__((noinline)) void
go_ahead_reading(struct many *b)
{
	b->n++;
	if (b->n > BLOCK_STEP && b->nb_blocks < BLOCKS_AHEAD)
		ask_for_block(b);
	if (b->n > 2 * BLOCK_STEP && b->nb_steps < STEPS_AHEAD)
		step(b);
}

/* All are read: what the first of them still lack. */
static __attribute__((noinline)) void
go_ahead_between(struct many *b)
{
	while (b->nb_blocks < RTE_MIN(b->n, STEPS_AHEAD))
		ask_for_block(b);
	while (b->nb_steps < STEPS_AHEAD)
		step(b);
}

/*
 * Text is most often answered, and the answer is written into a buffer that is spared: one that has come back with this
 * burst, for those are taken first, or else one of those before.
 */
static inline void
fetch_for_answer(struct many *b)
{
	const struct sani_tcp_spare *spare = &b->core->priv->spare;
	int32_t came = (int32_t)(spare->nb - b->nb_spare);
	uint32_t back = (int32_t)++b->nb_texts > came ? b->nb_texts : 1;

	if (back <= spare->nb)
		sani_tcp_spare_fetch(spare->m[spare->nb - back]);
}

/* Item i is processed next. */
static __attribute__((noinline)) void
go_ahead_processing(struct many *b, unsigned int i)
{
	ask_for_block(b);
	step(b);
	if (i > 0 && has_text(&b->items[i - 1]))
		fetch_for_answer(b);
}

static inline __attribute__((always_inline)) void
process_item(struct sani_core *core, struct sani_rx_item *item)
{
	if (sani_unlikely(item->is_icmp))
		input_error(core, item);
	else
		input_segment(core, item, &core->priv->tcp_io);
}

/* Is it for the connection that the frame before was for, which came alone too? */
static inline bool
is_lone_again(const struct sani_tcp_conn *c, const struct sani_rx_item *item)
{
	return !item->is_icmp && (c->owner.flags & SANI_CONN_FLOW) != 0 && is_open(c) &&
	       sani_tuple_eq(&c->tuple, &item->pkt.tuple);
}

/* Not so: it is looked for. */
static __attribute__((noinline)) void
process_other_lone(struct sani_core *core, struct sani_rx_item *item)
{
	if (!find_place(core, item))
		return;
	find_likely(core->priv, item);
	if (item->likely != SANI_FLOW_NOTHING && (item->likely & SANI_FLOW_KINDS) == 0)
		core->priv->lone = sani_flow_idx(item->likely);
	process_item(core, item);
}

/* A burst of one frame: there is nothing to be asked for ahead, and most often one peer speaks with pauses. */
static inline void
process_lone(struct sani_core *core, struct rte_mbuf *m)
{
	struct sani_tcp_conn *c = &core->priv->conns[core->priv->lone];
	struct sani_rx_item item;

	item.m = m;
	if (!read_headers(core, &item))
		return;
	if (sani_unlikely(!is_lone_again(c, &item))) {
		process_other_lone(core, &item);
		return;
	}
	sani_count(&core->ctr, SANI_CTR_tcp_rx);
	input_conn(core, c, &item, &core->priv->tcp_io);
}

/* All of a burst, while near caches hold what it touches. */
static void
process(struct sani_core *core, struct rte_mbuf **frames, unsigned int nb_frames)
{
	struct sani_rx_item items[SANI_BURST];
	unsigned int n = 0;

	for (unsigned int i = 0; i < nb_frames; i++) {
		items[n].m = frames[i];
		n += read_frame(core, &items[n]);
	}
	for (unsigned int i = 0; i < n; i++)
		prefetch_conn(core->priv, &items[i]);
	for (unsigned int i = 0; i < n; i++)
		process_item(core, &items[i]);
}

/* Likewise, of many connections. */
static __attribute__((noinline)) void
process_many(struct sani_core *core, struct rte_mbuf **frames, unsigned int nb_frames)
{
	struct sani_rx_item items[SANI_BURST];
	struct many b;

	b.core = core;
	b.items = items;
	b.n = b.nb_blocks = b.nb_steps = b.nb_texts = 0;
	b.nb_spare = core->priv->spare.nb;
	for (unsigned int i = 0; i < nb_frames; i++) {
		items[b.n].m = frames[i];
		if (read_frame(core, &items[b.n]))
			go_ahead_reading(&b);
	}
	go_ahead_between(&b);
	for (unsigned int i = 0; i < b.n; i++) {
		go_ahead_processing(&b, i);
		process_item(core, &items[i]);
	}
}

/* The headers and what follows them, in the first three lines; of a frame that is longer the rest comes by itself. */
static inline void
prefetch_frame(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	rte_prefetch0(p);
	rte_prefetch0(p + SANI_CACHE_LINE);
	rte_prefetch0(p + RTE_MIN(m->data_len, 2 * SANI_CACHE_LINE));
}

static inline __attribute__((always_inline)) void
take_burst(struct sani_core *core, struct rte_mbuf **frames, unsigned int n)
{
	struct sani_core_priv *p = core->priv;

	for (unsigned int i = 0; i < n; i++)
		prefetch_frame(frames[i]);
	p->more |= n == SANI_BURST;
	/* A pool that was not low was looked at a millisecond ago at most, and is in the next round, behind answers. */
	if (sani_unlikely(p->tcp_io.scarce) && !p->busy)
		sani_core_look_at_pool(core);
	p->busy = true;
	if (sani_unlikely(p->nb_blocks > p->cold_blocks))
		process_many(core, frames, n);
	else if (n == 1)
		process_lone(core, frames[0]);
	else
		process(core, frames, n);
}

unsigned int
sani_rx_ports(struct sani_core *core)
{
	struct rte_mbuf *frames[SANI_BURST];
	unsigned int sum = 0;

	for (unsigned int i = 0; i < core->host->nb_ifaces; i++) {
		uint16_t n = sani_port_rx(&core->host->ports[i], core->index, frames, SANI_BURST);

		if (n == 0)
			continue;
		sani_count_n(&core->ctr, SANI_CTR_port_rx, n);
		take_burst(core, frames, n);
		sum += n;
	}
	return sum;
}

static unsigned int
receive_handed(struct sani_core *core, struct sani_spsc *ring)
{
	struct rte_mbuf *frames[SANI_BURST];
	unsigned int n = 0;
	const void *entry;

	while (n < SANI_BURST && (entry = sani_spsc_peek(ring)) != NULL) {
		memcpy(&frames[n++], entry, sizeof(frames[0]));
		sani_spsc_pop(ring);
	}
	if (n > 0)
		take_burst(core, frames, n);
	return n;
}

unsigned int
sani_rx_others(struct sani_core *core)
{
	const struct sani_host *host = core->host;
	unsigned int n = 0;

	for (unsigned int from = 0; from < host->nb_cores; from++)
		if (from != core->index)
			n += receive_handed(core, host->pkt[from][core->index]);
	return n;
}
