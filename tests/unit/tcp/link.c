/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "link.h"

static uint32_t
draw(struct link *l, uint32_t n)
{
	l->rng ^= l->rng << 13;
	l->rng ^= l->rng >> 7;
	l->rng ^= l->rng << 17;
	return n == 0 ? 0 : (uint32_t)((l->rng >> 20) % n);
}

static bool
chance(struct link *l, unsigned int percent)
{
	return draw(l, 100) < percent;
}

static struct sani_tcp_io
make_io(struct link *l, struct link_end *e, struct rte_mbuf **tx, uint16_t max)
{
	return (struct sani_tcp_io){
		.now_us = l->now, .pool = bed_pool, .ctr = &e->ctr, .tx = tx, .max_tx = max,
		.cut = l->plan.cut ? &l->cut : NULL,
	};
}

static void
note(struct link_end *e, uint32_t ev)
{
	/* each of these is told once in a connection's life */
	uint32_t once = SANI_TCP_EV_CONNECTED | SANI_TCP_EV_FIN | SANI_TCP_EV_CLOSED;

	assert_int_equal(e->ev & ev & once, 0);
	e->ev |= ev;
	if (ev & SANI_TCP_EV_OUTPUT)
		e->output = true;
	if (ev & (SANI_TCP_EV_ACKED | SANI_TCP_EV_CONNECTED))
		e->may_write = true;
	if (ev & (SANI_TCP_EV_READABLE | SANI_TCP_EV_FIN))
		e->may_read = true;
}

void
link_init(struct link *l, const struct link_plan *plan)
{
	*l = (struct link){ .plan = *plan, .rng = plan->seed * 2654435761u + 88172645463325252u,
			    .now = LINK_BEGIN_US, .cut_at = SANI_NEVER,
			    .cut = { .max = 65000, .room = UINT32_MAX } };
	for (int i = 0; i < 2; i++) {
		struct link_end *e = &l->end[i];

		e->to_write = plan->bytes[i];
		e->p = (struct sani_tcp_params){
			.tuple = {
				.local = sani_ip_from_v4(0x0100000a + (uint32_t)i),
				.remote = sani_ip_from_v4(0x0200000a - (uint32_t)i),
				.local_port = (uint16_t)(1000 + i),
				.remote_port = (uint16_t)(1001 - i),
			},
			.iss = plan->iss[i],
			.ts_offset = draw(l, UINT32_MAX),
			.mtu = plan->mtu[i],
			.sndbuf = plan->sndbuf[i],
			.rcvbuf = plan->rcvbuf[i],
			.time_wait_ms = 600000,	/* longer than any backoff */
			.nodelay = !plan->nagle,
			.tune = { .cc = (uint8_t)plan->cc[i], .ecn = (uint8_t)plan->ecn,
				  .pacing = i == 0 ? plan->pacing : 0 },
		};
	}
}

static void
start(struct link *l)
{
	for (int i = 0; i < (l->plan.simultaneous ? 2 : 1); i++) {
		note(&l->end[i], sani_tcp_open_active(&l->end[i].c, &l->end[i].p, l->now));
		l->end[i].open = true;
	}
}

/* The window is never pulled back, but for the rounding of the scale (RFC 7323 2.4). */
static void
check_window(struct link_end *e, const struct sani_tcp_seg *seg)
{
	uint8_t scale = seg->flags & SANI_TCP_SYN ? 0 : e->c.rcv_wscale;
	uint32_t edge = seg->ack + ((uint32_t)seg->wnd << scale);

	if (!(seg->flags & SANI_TCP_ACK) || (seg->flags & SANI_TCP_RST))
		return;
	if (e->has_edge && e->c.state >= SAN_TCP_ESTABLISHED)
		assert_true(seq_geq(edge + (1u << scale), e->edge));
	e->edge = e->has_edge ? seq_max(e->edge, edge) : edge;
	e->has_edge = true;
}

static void
put(struct link *l, uint8_t to, const struct sani_tcp_seg *seg, struct rte_mbuf *m)
{
	const struct link_end *e = &l->end[!to];
	uint64_t at = (e->wire_free > l->now ? e->wire_free : l->now) + l->plan.delay_us;

	if (chance(l, l->plan.reorder))
		at += draw(l, 3 * l->plan.delay_us + 2000);
	assert_true(l->nb_pkt < LINK_PACKETS);
	l->pkt[l->nb_pkt++] = (struct link_packet){ at, l->nb_put++, to, *seg, m };
}

/* What waits before the wire [bytes]. */
static uint32_t
queue_of(const struct link *l, const struct link_end *e)
{
	return e->wire_free > l->now ? (uint32_t)((e->wire_free - l->now) * l->plan.rate / 1000) : 0;
}

static uint64_t
time_of(const struct link *l, const struct sani_tcp_seg *seg)
{
	return l->plan.rate > 0 ? (seg->len + 60) * 1000ull / l->plan.rate : 0;
}

/* Text of the first end, against the rate at which it should be paced. */
static void
fill_bucket(struct link *l, struct link_end *e, const struct sani_tcp_seg *seg)
{
	uint64_t out = l->plan.pacing * (l->now - e->seen_at[1]);

	if (e->queue_nb > 0 && out > e->level && e->empty_most_us < (out - e->level) / l->plan.pacing)
		e->empty_most_us = (out - e->level) / l->plan.pacing;
	e->level -= out < e->level ? out : e->level;
	e->level += seg->len * SEC;
	e->level_most = e->level > e->level_most ? e->level : e->level_most;
}

static void
observe(struct link *l, struct link_end *e, const struct sani_tcp_seg *seg)
{
	uint32_t waits = queue_of(l, e);

	if (seg->len == 0 || l->now < LINK_BEGIN_US + l->plan.settle_us)
		return;
	e->queue_sum += waits;
	e->queue_most = waits > e->queue_most ? waits : e->queue_most;
	e->busy_us += time_of(l, seg);
	e->text += seg->len;
	if (l->plan.pacing > 0)
		fill_bucket(l, e, seg);
	if (e->queue_nb++ == 0)
		e->seen_at[0] = l->now;
	e->seen_at[1] = l->now;
}

/* Does the wire lose it? */
static bool
loses(struct link *l, struct link_end *e, const struct sani_tcp_seg *seg)
{
	const struct link_plan *p = &l->plan;

	if (p->burst > 0 && draw(l, 1000) < p->burst)
		e->burst_until = l->now + 1 + draw(l, 100000);
	if (l->now < e->burst_until)
		return true;
	if (p->rate > 0 && queue_of(l, e) > p->queue)
		return true;
	if (seg->len > 0 && draw(l, 1000) < p->loss_1000)
		return true;
	return chance(l, p->loss) || l->now >= l->cut_at ||
	       (seg->len == 0 && !(seg->flags & SANI_TCP_SYN) && chance(l, p->ack_loss));
}

/* What the path does to the end beside losing its segments. */
static void
disturb(struct link *l, struct link_end *e, const struct sani_tcp_seg *seg)
{
	struct link_end *other = &l->end[e == &l->end[0]];
	struct sani_tcp_io io = make_io(l, e, NULL, 0);

	if (l->plan.renege > 0 && draw(l, 1000) < l->plan.renege)
		sani_tcp_ooo_free(&other->c.rcvq);
	if (l->plan.shrink > 0 && seg->len > 0 && draw(l, 1000) < l->plan.shrink)
		note(e, sani_tcp_icmp(&e->c, 3, 4, (uint16_t)(e->c.mtu - 40), seg->seq, &io));
}

/* How much of it was sent before. */
static void
account(struct link_end *e, const struct sani_tcp_seg *seg)
{
	uint32_t end = seg->seq + seg->len;

	if (seg->flags & SANI_TCP_SYN)
		e->sent_end = seg->seq + 1;
	if (seg->len > 0 && seq_lt(seg->seq, e->sent_end))
		e->resent += sani_tcp_min(e->sent_end - seg->seq, seg->len);
	e->sent_end = seq_max(e->sent_end, end);
}

static void
occupy(struct link *l, struct link_end *e, const struct sani_tcp_seg *seg)
{
	uint64_t begin = e->wire_free > l->now ? e->wire_free : l->now;

	e->wire_free = begin + time_of(l, seg);
}

static void
transmit(struct link *l, unsigned int from, struct rte_mbuf *m, bool ect)
{
	struct link_end *e = &l->end[from];
	struct sani_tcp_seg seg;
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	assert_int_equal(sani_tcp_parse(p, m->data_len, m->data_len, &seg), SANI_TCP_PARSE_OK);
	assert_int_equal(seg.src_port, 1000 + from);
	check_window(&l->end[from], &seg);
	if ((seg.flags & SANI_TCP_SYN) && l->plan.no_ts)
		seg.opts &= (uint8_t)~SANI_TCP_OPT_TS;
	if ((seg.flags & SANI_TCP_SYN) && l->plan.no_wscale)
		seg.opts &= (uint8_t)~SANI_TCP_OPT_WSCALE;
	if ((seg.flags & SANI_TCP_SYN) && l->plan.no_sack)
		seg.opts &= (uint8_t)~SANI_TCP_OPT_SACK_PERM;
	rte_pktmbuf_adj(m, seg.hdr_len);
	account(e, &seg);
	disturb(l, e, &seg);
	if (loses(l, e, &seg)) {
		e->lost += seg.len;
		rte_pktmbuf_free(m);
		return;
	}
	if (ect && l->plan.mark > 0 && queue_of(l, e) > l->plan.mark)
		seg.ecn = SANI_ECN_CE;
	observe(l, e, &seg);
	occupy(l, e, &seg);
	if (chance(l, l->plan.dup)) {
		struct rte_mbuf *again = rte_pktmbuf_copy(m, bed_pool, 0, UINT32_MAX);

		if (again != NULL)
			put(l, (uint8_t)!from, &seg, again);
	}
	put(l, (uint8_t)!from, &seg, m);
}

/* What a port makes of a packet that it cuts: headers are repeated, PSH and FIN are the last one's. */
static void
cut(struct link *l, unsigned int from, struct rte_mbuf *m, bool ect)
{
	uint8_t hdr[SANI_TCP_HDR_MAX];
	uint32_t hdr_len = rte_pktmbuf_mtod_offset(m, const uint8_t *, 12)[0] / 16 * 4u;
	uint32_t len = m->pkt_len - hdr_len;
	uint32_t seq;

	assert_int_equal(len % m->tso_segsz, 0);
	memcpy(hdr, rte_pktmbuf_mtod(m, void *), hdr_len);
	memcpy(&seq, hdr + 4, sizeof(seq));
	seq = rte_be_to_cpu_32(seq);
	for (uint32_t at = 0; at < len; at += m->tso_segsz) {
		struct rte_mbuf *part = rte_pktmbuf_alloc(bed_pool);
		uint32_t seq_be = rte_cpu_to_be_32(seq + at);
		const uint8_t *text;
		uint8_t *p;

		if (part == NULL)
			break;	/* the test has emptied the pool: lost */
		p = (uint8_t *)rte_pktmbuf_append(part, (uint16_t)(hdr_len + m->tso_segsz));
		assert_non_null(p);
		memcpy(p, hdr, hdr_len);
		memcpy(p + 4, &seq_be, sizeof(seq_be));
		if (at + m->tso_segsz < len)
			p[13] &= (uint8_t)~(SANI_TCP_PSH | SANI_TCP_FIN);
		p += hdr_len;
		text = rte_pktmbuf_read(m, hdr_len + at, m->tso_segsz, p);
		if (text != p)	/* not gathered there */
			memcpy(p, text, m->tso_segsz);
		transmit(l, from, part, ect);
	}
	rte_pktmbuf_free(m);
}

/* The runs of the flight lie side by side, and the sums are right. */
static void
check_flight(struct sani_tcp_conn *c)
{
	const struct sani_tcp_run *r = sani_tcp_runs(c);
	uint32_t sacked = 0, lost = 0;

	assert_int_equal(c->flight.nb == 0, c->snd_una == c->snd_nxt);
	for (uint32_t i = 0; i < c->flight.nb; i++) {
		uint32_t len = sani_tcp_run_end(c, r, i) - r[i].seq;

		assert_in_range(len, 1, c->snd_nxt - c->snd_una);
		sacked += r[i].word & SANI_TCP_RUN_SACKED ? len : 0;
		lost += r[i].word & SANI_TCP_RUN_LOST ? len : 0;
	}
	if (c->flight.nb > 0)
		assert_int_equal(r[0].seq, c->snd_una);
	assert_int_equal(sacked, c->flight.sacked);
	assert_int_equal(lost, c->flight.lost);
	assert_true(sacked + lost <= c->snd_nxt - c->snd_una);
}

/* What holds whenever an end rests: whatever is out, or waits, has a timer; windows stay within bounds. */
static void
check_end(struct link *l, struct link_end *e)
{
	struct sani_tcp_conn *c = &e->c;
	bool probed = c->flags & SANI_TCP_F_PROBED;

	if (!e->open || e->output || c->state < SAN_TCP_ESTABLISHED)
		return;
	check_flight(c);
	assert_in_range(c->cwnd, 1, 1u << 30);
	if (c->snd_una == c->snd_nxt) {
		/* the last ACK may have brought an echo: its reaction lasts until new data is acknowledged */
		assert_true(c->ca == SANI_TCP_CA_OPEN || c->ca == SANI_TCP_CA_CWR);
		assert_false(sani_tcp_armed(c, SANI_TCP_T_LOSS));
		assert_true(!sani_tcp_has_new(c) || sani_tcp_armed(c, SANI_TCP_T_PERSIST) ||
			    sani_tcp_armed(c, SANI_TCP_T_PACE));
		return;
	}
	assert_true(c->snd_wnd == 0 || sani_tcp_armed(c, SANI_TCP_T_USER));
	assert_true(sani_tcp_armed(c, probed ? SANI_TCP_T_PERSIST : SANI_TCP_T_REXMIT));
	assert_true(!sani_tcp_armed(c, SANI_TCP_T_REXMIT) ||
		    c->deadline[SANI_TCP_T_REXMIT] <= l->now + SANI_TCP_RTO_MAX_US);
	if (l->plan.shrink == 0 && c->ca == SANI_TCP_CA_OPEN)
		assert_true(c->flight.lost == 0 || probed);
}

static void
send_output(struct link *l, unsigned int i)
{
	struct link_end *e = &l->end[i];
	struct rte_mbuf *tx[8];
	struct sani_tcp_io io = make_io(l, e, tx, 8);

	e->output = e->open && sani_tcp_output(&e->c, &io);
	for (uint16_t k = 0; k < io.nb_tx; k++) {
		if (tx[k]->pkt_len >= SANI_TCP_CUT_LEAST)
			cut(l, i, tx[k], io.ect >> k & 1);
		else
			transmit(l, i, tx[k], io.ect >> k & 1);
	}
}

/* The payload as a driver may bring it: in pieces, or referred to by somebody else. */
static struct rte_mbuf *
shape(struct link *l, struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *other;

	if (len == 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (len > 2 && chance(l, l->plan.chain)) {
		uint32_t at = 1 + draw(l, len - 1);

		other = rte_pktmbuf_copy(m, bed_pool, at, UINT32_MAX);
		if (other != NULL) {
			rte_pktmbuf_trim(m, (uint16_t)(len - at));
			rte_pktmbuf_chain(m, other);
		}
	} else if (chance(l, l->plan.clone)) {
		other = rte_pktmbuf_clone(m, bed_pool);
		if (other != NULL) {
			rte_pktmbuf_free(m);
			m = other;
		}
	}
	return m;
}

static void
deliver(struct link *l, const struct link_packet *pkt)
{
	struct link_end *e = &l->end[pkt->to];
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = make_io(l, e, tx, 1);
	struct rte_mbuf *m = shape(l, pkt->m, pkt->seg.len);

	if (!e->open && (pkt->seg.flags & (SANI_TCP_SYN | SANI_TCP_ACK)) == SANI_TCP_SYN) {
		e->open = true;
		rte_pktmbuf_free(m);
		note(e, sani_tcp_open_passive(&e->c, &e->p, &pkt->seg, l->now));
		return;
	}
	if (!e->open || e->c.state == SAN_TCP_CLOSED) {
		rte_pktmbuf_free(m);
		return;
	}
	note(e, sani_tcp_input(&e->c, &pkt->seg, m, &io));
	if (io.nb_tx > 0)
		transmit(l, pkt->to, tx[0], false);
	assert_true(e->c.rcvq.nb_mbufs <= e->p.rcvbuf / 512 + 80);
}

static void
do_write(struct link *l, struct link_end *e)
{
	struct sani_tcp_io io = make_io(l, e, NULL, 0);
	uint8_t data[4096];

	while (e->may_write && e->wrote < e->to_write) {
		uint32_t n = 1 + draw(l, sizeof(data));
		uint32_t taken;

		n = sani_tcp_min(n, (uint32_t)(e->to_write - e->wrote));
		for (uint32_t i = 0; i < n; i++)
			data[i] = bed_byte(e->wrote + i);
		note(e, sani_tcp_write(&e->c, data, n, &io, &taken));
		e->wrote += taken;
		e->may_write = taken == n;
	}
	if (e->wrote == e->to_write && !e->shut && (e->ev & SANI_TCP_EV_CONNECTED)) {
		note(e, sani_tcp_shutdown(&e->c));
		e->shut = true;
	}
}

static void
do_read(struct link *l, struct link_end *e)
{
	uint8_t data[8192];
	uint32_t want = 1 + draw(l, l->plan.read_max);
	uint32_t ev;
	uint32_t n;

	if (!e->may_read || l->now < e->rest_until)
		return;
	n = sani_tcp_read(&e->c, data, sani_tcp_min(want, sizeof(data)), &ev);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(data[i], bed_byte(e->read + i));
	e->read += n;
	if (e == &l->end[1] && n > 0 && e->read == l->plan.bytes[0])
		l->arrived_at = l->now;
	note(e, ev);
	e->may_read = sani_tcp_readable(&e->c) > 0;
	if (l->plan.pause_us > 0)
		e->rest_until = l->now + (chance(l, 10) ? l->plan.pause_us : draw(l, 500));
}

static void
starve(struct link *l)
{
	if (l->nb_held > 0 && l->now >= l->starved_until) {
		bed_refill(l->held, l->nb_held);
		l->nb_held = 0;
	}
	if (l->plan.starve > 0 && l->nb_held == 0 && draw(l, 1000) < l->plan.starve) {
		l->nb_held = bed_drain(l->held);
		l->starved_until = l->now + 1 + draw(l, 20000);
	}
}

static unsigned int
first_packet(const struct link *l)
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < l->nb_pkt; i++) {
		const struct link_packet *a = &l->pkt[i];
		const struct link_packet *b = &l->pkt[best];

		if (a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order))
			best = i;
	}
	return best;
}

static void
deliver_due(struct link *l)
{
	while (l->nb_pkt > 0) {
		unsigned int i = first_packet(l);
		struct link_packet pkt = l->pkt[i];

		if (pkt.at_us > l->now)
			return;
		l->pkt[i] = l->pkt[--l->nb_pkt];
		deliver(l, &pkt);
	}
}

static uint64_t
deadline_of(const struct link *l, const struct link_end *e)
{
	uint64_t at = sani_tcp_deadline(&e->c);

	return l->plan.wheel && at != SANI_NEVER ? sani_wheel_tick(at) << SANI_TICK_SHIFT : at;
}

static uint64_t
next_time(const struct link *l)
{
	uint64_t next = l->nb_held > 0 ? l->starved_until : SANI_NEVER;

	if (l->nb_pkt > 0 && l->pkt[first_packet(l)].at_us < next)
		next = l->pkt[first_packet(l)].at_us;
	for (int i = 0; i < 2; i++) {
		const struct link_end *e = &l->end[i];

		if (e->open && deadline_of(l, e) < next)
			next = deadline_of(l, e);
		if (e->may_read && e->rest_until < next)
			next = e->rest_until;
		if (e->output && l->now + 100 < next)
			next = l->now + 100;
	}
	return next > l->now ? next : l->now + 1;
}

static bool
is_done(const struct link *l)
{
	for (int i = 0; i < 2; i++) {
		const struct link_end *e = &l->end[i];

		if (!e->open || e->c.state != SAN_TCP_CLOSED || e->may_read)
			return false;
	}
	return true;
}

bool
link_run(struct link *l, uint64_t end_us)
{
	start(l);
	while (!is_done(l) && l->now < end_us) {
		starve(l);
		deliver_due(l);
		for (unsigned int i = 0; i < 2; i++) {
			struct link_end *e = &l->end[i];
			struct sani_tcp_io io = make_io(l, e, NULL, 0);

			if (e->open && deadline_of(l, e) <= l->now)
				note(e, sani_tcp_timer(&e->c, &io));
			if (e->open) {
				do_write(l, e);
				do_read(l, e);
			}
			if (e->output)
				send_output(l, i);
			check_end(l, e);
		}
		l->now = next_time(l);
		l->steps++;
	}
	return is_done(l);
}

void
link_fini(struct link *l)
{
	bed_refill(l->held, l->nb_held);
	for (unsigned int i = 0; i < l->nb_pkt; i++)
		rte_pktmbuf_free(l->pkt[i].m);
	sani_tcp_discard(&l->end[0].c);
	sani_tcp_discard(&l->end[1].c);
}
