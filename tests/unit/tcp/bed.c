/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include "bed.h"

#define POOL_MBUFS 4095u
#define POOL_MBUFS_LONG 1023u

struct rte_mempool *bed_pool;
uint32_t bed_irs;

static struct rte_mempool *pools[2];	/* the usual, the long */

void
bed_use_long(bool yes)
{
	bed_pool = pools[yes];
}

int
bed_group(void **state)
{
	char args[][24] = { "test", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
			    "-m", "64", "--log-level=error" };
	char *argv[RTE_DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return -1;
	pools[0] = rte_pktmbuf_pool_create("bed", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	pools[1] = rte_pktmbuf_pool_create("bed_long", POOL_MBUFS_LONG, 0, 0,
					   RTE_PKTMBUF_HEADROOM + BED_LONG_MTU + 20, 0);
	bed_use_long(false);
	return pools[0] != NULL && pools[1] != NULL ? 0 : -1;
}

int
bed_setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -1;
	b->before = rte_mempool_avail_count(bed_pool);
	bed_irs = BED_IRS;
	b->now = 1000 * SEC;
	b->wnd = 60000;
	b->tsval = 7000;
	b->p = (struct sani_tcp_params){
		.tuple = {
			.local = sani_ip_from_v4(0x0100000a),
			.remote = sani_ip_from_v4(0x0200000a),
			.local_port = 4000,
			.remote_port = 80,
		},
		.iss = BED_ISS,
		.ts_offset = 12345,
		.mtu = 1500,
		.sndbuf = 256 * 1024,
		.rcvbuf = 60000,
		.nodelay = true,
	};
	b->budget.sends = b->budget.texts = UINT32_MAX;
	*state = b;
	return 0;
}

int
bed_teardown(void **state)
{
	struct bed *b = *state;
	bool whole;

	sani_tcp_discard(&b->c);
	whole = rte_mempool_avail_count(bed_pool) == b->before;
	free(b);
	return whole ? 0 : -1;
}

int
bed_setup_long(void **state)
{
	bed_use_long(true);
	if (bed_setup(state) != 0)
		return -1;
	((struct bed *)*state)->p.mtu = BED_LONG_MTU;
	return 0;
}

int
bed_teardown_long(void **state)
{
	int rc = bed_teardown(state);

	bed_use_long(false);
	return rc;
}

uint8_t
bed_byte(uint64_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 13 ^ offset >> 7);
}

struct sani_tcp_io
bed_io(struct bed *b, struct rte_mbuf **tx, uint16_t max)
{
	return (struct sani_tcp_io){
		.scarce = b->scarce, .budget = &b->budget, .cut = b->cut.max > 0 ? &b->cut : NULL,
		.now_us = b->now, .pool = bed_pool,
		.cache = rte_mempool_default_cache(bed_pool, rte_lcore_id()), .ctr = &b->ctr,
		.tx = tx, .max_tx = max,
	};
}

uint64_t
bed_deadline(const struct bed *b)
{
	uint64_t first = SANI_NEVER;

	for (int t = 0; t < SANI_TCP_NB_TIMERS; t++) {
		uint64_t deadline = sani_tcp_deadline_of(&b->c, (enum sani_tcp_timer_kind)t);

		if (deadline < first)
			first = deadline;
	}
	assert_true(sani_tcp_deadline(&b->c) <= first);
	return first;
}

void
bed_clear(struct bed *b)
{
	b->nb = 0;
	b->ev = 0;
}

/* Its octets in one piece: in flat, when it is a chain, which only a packet is that a port is to cut. */
static const uint8_t *
look_at(struct bed *b, const struct rte_mbuf *m, uint8_t *flat)
{
	if (m->pkt_len < SANI_TCP_CUT_LEAST) {
		assert_int_equal(m->nb_segs, 1);
		assert_int_equal(m->pkt_len, m->data_len);
		return rte_pktmbuf_mtod(m, const uint8_t *);
	}
	assert_true(m->pkt_len <= b->cut.max + SANI_TCP_HDR_MAX);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal(m->tso_segsz, b->c.snd_mss);
	b->nb_cut++;
	return rte_pktmbuf_read(m, 0, m->pkt_len, flat);
}

void
bed_take(struct bed *b, struct rte_mbuf *m)
{
	static uint8_t flat[UINT16_MAX];
	struct seen *s = &b->out[b->nb++];
	const uint8_t *p = look_at(b, m, flat);
	uint32_t text;

	assert_true(b->nb <= BED_SEEN);
	assert_true(rte_pktmbuf_headroom(m) >= SANI_TCP_HEADROOM);
	assert_int_equal(sani_tcp_parse(p, m->data_len, m->pkt_len, &s->seg), SANI_TCP_PARSE_OK);
	s->at_us = b->now;
	memcpy(s->data, p + s->seg.hdr_len, sani_tcp_min(s->seg.len, sizeof(s->data)));
	text = s->seg.seq + !!(s->seg.flags & SANI_TCP_SYN);
	for (uint32_t i = 0; i < s->seg.len; i++)
		assert_int_equal(p[s->seg.hdr_len + i], bed_byte(text + i - b->p.iss - 1));
	rte_pktmbuf_free(m);
}

void
bed_flush(struct bed *b)
{
	struct rte_mbuf *tx[4];
	bool more = true;

	for (int i = 0; more && i < 64; i++) {
		struct sani_tcp_io io = bed_io(b, tx, 4);

		if (sani_tcp_is_straight_out(&b->c, &io)) {
			b->nb_straight++;
			b->nb_behind += b->c.snd_nxt != b->c.snd_una;
		}
		more = b->general ? sani_tcp_output_any(&b->c, &io) : sani_tcp_output(&b->c, &io);
		b->nb_sending += io.nb_tx > 0;
		for (uint16_t k = 0; k < io.nb_tx; k++)
			bed_take(b, tx[k]);
	}
	assert_false(more);
}

void
bed_run(struct bed *b, uint64_t us)
{
	uint64_t end = b->now + us;
	struct rte_mbuf *tx[1];

	while (sani_tcp_deadline(&b->c) <= end) {
		struct sani_tcp_io io;

		if (sani_tcp_deadline(&b->c) > b->now)
			b->now = sani_tcp_deadline(&b->c);
		io = bed_io(b, tx, 1);
		b->ev |= sani_tcp_timer(&b->c, &io);
		if (io.nb_tx > 0)
			bed_take(b, tx[0]);
		bed_flush(b);
	}
	b->now = end;
}

struct rte_mbuf *
bed_payload(uint32_t seq, uint32_t len, uint32_t piece)
{
	struct rte_mbuf *head = NULL;
	struct rte_mbuf **link = &head;

	for (uint32_t at = 0; at < len;) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);
		uint32_t n = sani_tcp_min(piece, len - at);
		uint8_t *p;

		assert_non_null(m);
		m->data_off = (uint16_t)(m->data_off + 54);	/* as behind the headers of a frame */
		p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
		assert_non_null(p);
		for (uint32_t i = 0; i < n; i++)
			p[i] = bed_byte(seq + at + i - bed_irs - 1);
		*link = m;
		link = &m->next;
		at += n;
	}
	return head;
}

struct rte_mbuf *
bed_text(const struct sani_tcp_seg *seg, uint32_t piece)
{
	struct rte_mbuf *m = bed_payload(seg->seq + !!(seg->flags & SANI_TCP_SYN), seg->len, piece);

	if (m != NULL)
		m->pkt_len = seg->len;
	return m;
}

struct sani_tcp_seg
bed_seg(const struct bed *b, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	return (struct sani_tcp_seg){
		.seq = seq,
		.ack = ack,
		.src_port = b->p.tuple.remote_port,
		.dst_port = b->p.tuple.local_port,
		.wnd = b->wnd,
		.flags = flags,
		.hdr_len = 20,
		.len = len,
		.opts = b->ts ? SANI_TCP_OPT_TS : 0,
		.tsval = b->tsval,
		.tsecr = b->tsecr,
	};
}

void
bed_open_ecn(struct bed *b, uint16_t mss)
{
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ECE | SANI_TCP_CWR, bed_irs, 0, 0);

	b->p.tune.ecn = SAN_ECN_ACCEPT;
	syn.opts = SANI_TCP_OPT_MSS | (b->sack ? SANI_TCP_OPT_SACK_PERM : 0);
	syn.mss = mss;
	b->wnd = 60000;
	b->ev |= sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	assert_last(b, SANI_TCP_SYN | SANI_TCP_ACK | SANI_TCP_ECE, BED_ISS, bed_irs + 1, 0);
	bed_run(b, 20 * MS);
	bed_in(b, SANI_TCP_ACK, bed_irs + 1, BED_ISS + 1, 0);
	assert_true(b->c.flags & SANI_TCP_F_ECN);
	b->c.quick_acks = 0;
	bed_clear(b);
}

uint32_t
bed_inject(struct bed *b, const struct sani_tcp_seg *seg)
{
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	uint32_t text = seg->seq + !!(seg->flags & SANI_TCP_SYN);
	bool burst = b->c.rcv_nxt - b->c.last_ack_sent >= SANI_TCP_BURST_SEGMENTS * b->c.rcv_mss;
	uint32_t ev = sani_tcp_input(&b->c, seg, bed_payload(text, seg->len, 1500), &io);

	/* said at once is what a change of marks makes due (RFC 8257 3.2), and behind a hole or much what was due */
	assert_true(io.nb_tx == 0 || b->c.cc->exact_echo || b->c.quick_acks >= SANI_TCP_QUICK_ACKS || burst);
	for (uint16_t k = 0; k < io.nb_tx; k++)
		bed_take(b, tx[k]);
	b->ev |= ev;
	return ev;
}

void
bed_in(struct bed *b, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct sani_tcp_seg seg = bed_seg(b, flags, seq, ack, len);
	uint32_t ev = bed_inject(b, &seg);

	if (ev & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

static void
give_syn_options(const struct bed *b, struct sani_tcp_seg *syn)
{
	syn->opts |= SANI_TCP_OPT_MSS;
	syn->mss = 1000;
	if (b->ts)
		syn->opts |= SANI_TCP_OPT_TS;
	if (b->sack)
		syn->opts |= SANI_TCP_OPT_SACK_PERM;
}

void
bed_sack(struct bed *b, uint32_t ack, unsigned int n, const uint32_t *edges)
{
	struct sani_tcp_seg seg = bed_seg(b, SANI_TCP_ACK, bed_irs + 1, ack, 0);

	seg.opts |= SANI_TCP_OPT_SACK;
	seg.nb_sack = (uint8_t)n;
	for (unsigned int i = 0; i < n; i++) {
		seg.sack[i].left = edges[2 * i];
		seg.sack[i].right = edges[2 * i + 1];
	}
	bed_inject(b, &seg);
	bed_flush(b);
}

void
bed_connect(struct bed *b)
{
	struct sani_tcp_seg syn;

	b->ev |= sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	syn = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ACK, bed_irs, b->p.iss + 1, 0);
	give_syn_options(b, &syn);
	bed_inject(b, &syn);
	bed_flush(b);
	assert_state(b, ESTABLISHED);
}

void
bed_syn(struct bed *b)
{
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, bed_irs, 0, 0);

	give_syn_options(b, &syn);
	b->ev |= sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	assert_state(b, SYN_RECEIVED);
}

void
bed_accept(struct bed *b)
{
	bed_syn(b);
	bed_in(b, SANI_TCP_ACK, bed_irs + 1, b->p.iss + 1, 0);
	assert_state(b, ESTABLISHED);
}

/* The peer's FIN, then ours, in the order that leads to the state. */
static void
reach_closing_states(struct bed *b, enum san_tcp_state state)
{
	bool peer_first = state == SAN_TCP_CLOSE_WAIT || state == SAN_TCP_LAST_ACK;
	uint32_t una = b->p.iss + 1;

	if (peer_first) {
		bed_in(b, SANI_TCP_FIN | SANI_TCP_ACK, bed_irs + 1, una, 0);
		if (state == SAN_TCP_LAST_ACK)
			bed_shutdown(b);
		return;
	}
	bed_shutdown(b);
	if (state == SAN_TCP_FIN_WAIT_2 || state == SAN_TCP_TIME_WAIT)
		bed_in(b, SANI_TCP_ACK, bed_irs + 1, una + 1, 0);
	if (state == SAN_TCP_CLOSING)
		bed_in(b, SANI_TCP_FIN | SANI_TCP_ACK, bed_irs + 1, una, 0);
	if (state == SAN_TCP_TIME_WAIT)
		bed_in(b, SANI_TCP_FIN | SANI_TCP_ACK, bed_irs + 1, una + 1, 0);
}

void
bed_reach(struct bed *b, enum san_tcp_state state)
{
	if (state == SAN_TCP_SYN_SENT) {
		sani_tcp_open_active(&b->c, &b->p, b->now);
		bed_flush(b);
	} else if (state == SAN_TCP_SYN_RECEIVED) {
		bed_syn(b);
	} else if (state >= SAN_TCP_ESTABLISHED) {
		bed_connect(b);
		if (state > SAN_TCP_ESTABLISHED)
			reach_closing_states(b, state);
	}
	assert_int_equal(sani_tcp_state(&b->c), state);
	bed_clear(b);
}

uint32_t
bed_write(struct bed *b, uint32_t n)
{
	uint8_t *data = malloc(n);
	uint64_t at = sani_tcp_written(&b->c);
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(b, tx, 1);
	uint32_t taken;
	uint32_t ev;

	assert_non_null(data);
	for (uint32_t i = 0; i < n; i++)
		data[i] = bed_byte(at + i);
	ev = sani_tcp_write(&b->c, data, n, &io, &taken);
	free(data);
	if (ev & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
	return taken;
}

uint32_t
bed_read(struct bed *b)
{
	uint64_t at = b->c.rcv_nxt - sani_tcp_readable(&b->c) - bed_irs - 1;
	uint8_t buf[777];
	uint32_t all = 0;
	uint32_t n;

	if (b->c.flags & SANI_TCP_F_FIN_RCVD)
		at--;
	do {
		uint32_t ev;

		n = sani_tcp_read(&b->c, buf, sizeof(buf), &ev);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(buf[i], bed_byte(at + all + i));
		all += n;
		b->ev |= ev;
		if (ev & SANI_TCP_EV_OUTPUT)
			bed_flush(b);
	} while (n > 0);
	return all;
}

void
bed_shutdown(struct bed *b)
{
	if (sani_tcp_shutdown(&b->c) & SANI_TCP_EV_OUTPUT)
		bed_flush(b);
}

uint64_t
bed_count(const struct bed *b, enum sani_counter which)
{
	return b->ctr.v[which];
}

unsigned int
bed_drain(struct rte_mbuf **all)
{
	unsigned int n = 0;

	while ((all[n] = rte_pktmbuf_alloc(bed_pool)) != NULL)
		n++;
	return n;
}

void
bed_refill(struct rte_mbuf **all, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rte_pktmbuf_free(all[i]);
}
