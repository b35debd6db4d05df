/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection, from its handshake on or from its SYN, with whatever a peer and a program may do. Octets are a function
 * of their place in the stream, and a model notes which the peer has sent: what is acknowledged, told in SACK blocks or
 * read can be nothing else. And whatever was done, what is still to come has a timer.
 *
 * Input: three octets, how it is opened; then where each thing that goes round begins, sequence numbers of both ends,
 * the peer's timestamps, ours, and the clock: before the end of 32 bits, or of 31, or anywhere. Then steps, an octet
 * each with what belongs to it.
 */
#include "fuzz.h"
#include "tcp/lent.h"
#include "unit/tcp/bed.h"

#define STEPS 400u
#define BUDGET 1000000u
#define GROWN 200000u

enum step {
	STEP_SEGMENT,
	STEP_IN_ORDER,
	STEP_SACK,
	STEP_WAIT,
	STEP_WRITE,
	STEP_READ,
	STEP_SHUTDOWN,
	STEP_SCARCE,
	STEP_ICMP,
	STEP_URGE,
	STEP_MORE,
	STEP_OPTION,
	STEP_ABORT,
	STEP_UNREACHABLE,
	STEP_LEND,
	STEP_OWN,
	STEP_TAKE,
	STEP_BEHIND,
	NB_STEPS
};

struct world {
	struct bed *b;
	uint32_t known;		/* of the peer's stream, acknowledged when it was last looked at */
	uint64_t nb_read;
	uint32_t edge;		/* the farthest that the peer has offered */
	uint32_t rcv_adv;
	uint32_t snd_una;
	bool heard;		/* rcv_adv says something */
	bool behind;		/* packets wait that were not read when a timer fires */
};

#define LENDS 8u
#define LENT 65536u

/* Memory that is lent to the connection: it is no longer what it was as soon as it is said to be free. */
static struct lend {
	struct rte_mbuf_ext_shared_info info;
	bool busy;
	uint8_t data[LENT];
} lends[LENDS];

/* What the peer has sent, a span a segment with its SYN and FIN, wherever it lies in the circle of numbers. */
static struct span {
	uint32_t seq;
	uint32_t len;
} came[STEPS];
static unsigned int nb_came;

static void
note(uint32_t seq, uint32_t len)
{
	fuzz_require(nb_came < STEPS);
	came[nb_came++] = (struct span){ seq, len };
}

/* How many octets from seq on one of the spans holds. */
static uint32_t
come_from(uint32_t seq)
{
	uint32_t most = 0;

	for (unsigned int i = 0; i < nb_came; i++)
		if (seq_in(seq, came[i].seq, came[i].len) && came[i].seq + came[i].len - seq > most)
			most = came[i].seq + came[i].len - seq;
	return most;
}

static void
require_came(uint32_t left, uint32_t right)
{
	fuzz_require(seq_leq(left, right));
	while (left != right) {
		uint32_t n = come_from(left);

		fuzz_require(n > 0);
		left += sani_tcp_min(n, right - left);
	}
}

static void
check_sent(struct world *w, const struct sani_tcp_seg *seg)
{
	if (seg->opts & SANI_TCP_OPT_SACK)
		for (unsigned int i = 0; i < seg->nb_sack; i++)
			require_came(seg->sack[i].left, seg->sack[i].right);
	if (seg->flags & (SANI_TCP_SYN | SANI_TCP_RST))
		return;
	fuzz_require(seq_leq(seg->ack, w->b->c.rcv_nxt));
	/* a window probe is one octet beyond, a FIN another */
	fuzz_require(seg->len == 0 || seq_leq(seg->seq + seg->len, w->edge + 1));
	fuzz_require(seq_leq(w->b->c.snd_una, w->b->c.snd_nxt));
}

static void
take(struct world *w, struct rte_mbuf *m)
{
	w->b->nb = 0;
	fuzz_require(m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0);
	bed_take(w->b, m);
	check_sent(w, &w->b->out[0].seg);
}

static void
flush(struct world *w)
{
	struct rte_mbuf *tx[4];
	bool more = true;

	for (unsigned int i = 0; more && sani_tcp_state(&w->b->c) != SAN_TCP_CLOSED; i++) {
		struct sani_tcp_io io = bed_io(w->b, tx, 4);

		fuzz_require(i < 4096);
		more = sani_tcp_output(&w->b->c, &io);
		for (uint16_t k = 0; k < io.nb_tx; k++)
			take(w, tx[k]);
	}
}

static void
inject(struct world *w, const struct sani_tcp_seg *seg)
{
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint32_t text = seg->seq + !!(seg->flags & SANI_TCP_SYN);
	bool syn = seg->flags & SANI_TCP_SYN;
	uint32_t offered = seg->ack + ((uint32_t)seg->wnd << (syn ? 0 : w->b->c.snd_wscale));

	if (sani_tcp_state(&w->b->c) == SAN_TCP_SYN_SENT && syn) {
		/* it may be where the peer's numbers begin */
		bed_irs = seg->seq;
		nb_came = 0;
		if (!(seg->flags & SANI_TCP_ACK))
			offered = w->b->p.iss + 1 + seg->wnd;
	}
	note(seg->seq, sani_tcp_seg_space(seg));
	if ((syn || (seg->flags & SANI_TCP_ACK)) && seq_gt(offered, w->edge))
		w->edge = offered;
	sani_tcp_input(&w->b->c, seg, bed_payload(text, seg->len, 1500), &io);
	for (uint16_t k = 0; k < io.nb_tx; k++)
		take(w, tx[k]);
	flush(w);
}

/* Around where the connection stands, more often than anywhere. */
static uint32_t
near(struct fuzz_in *in, uint32_t where)
{
	uint16_t by = fuzz_16(in);

	return by == 0x8000 ? fuzz_32(in) : where + (uint32_t)(int32_t)(int16_t)by;
}

static void
draw_syn_options(struct fuzz_in *in, struct sani_tcp_seg *seg)
{
	uint8_t which = fuzz_8(in);

	seg->opts = which & (SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_SACK_PERM | SANI_TCP_OPT_TS);
	if (seg->opts & SANI_TCP_OPT_MSS)
		seg->mss = fuzz_16(in);
	if (seg->opts & SANI_TCP_OPT_WSCALE)
		seg->wscale = fuzz_8(in) % 15;
}

static void
send_segment(struct world *w, struct fuzz_in *in)
{
	const struct sani_tcp_conn *c = &w->b->c;
	uint8_t flags = fuzz_8(in);
	uint32_t seq = near(in, c->rcv_nxt);
	uint32_t ack = near(in, c->snd_una);
	struct sani_tcp_seg seg = bed_seg(w->b, flags, seq, ack, fuzz_16(in) % 3000);

	seg.wnd = fuzz_16(in);
	if (flags & SANI_TCP_URG)
		seg.urg = fuzz_16(in);
	seg.ecn = fuzz_8(in) & 3;
	if (flags & SANI_TCP_SYN)
		draw_syn_options(in, &seg);
	if (seg.opts & SANI_TCP_OPT_TS) {
		seg.tsval += fuzz_8(in) - 4u;
		seg.tsecr = sani_tcp_ts_now(c, w->b->now) - fuzz_8(in);
	}
	inject(w, &seg);
}

static void
send_in_order(struct world *w, struct fuzz_in *in)
{
	const struct sani_tcp_conn *c = &w->b->c;
	struct sani_tcp_seg seg = bed_seg(w->b, SANI_TCP_ACK, c->rcv_nxt, c->snd_nxt, fuzz_16(in) % 1461);

	inject(w, &seg);
}

static void
send_sack(struct world *w, struct fuzz_in *in)
{
	const struct sani_tcp_conn *c = &w->b->c;
	struct sani_tcp_seg seg = bed_seg(w->b, SANI_TCP_ACK, c->rcv_nxt, near(in, c->snd_una), 0);

	seg.opts |= SANI_TCP_OPT_SACK;
	seg.nb_sack = fuzz_8(in) % (SANI_TCP_SACK_BLOCKS + 1);
	for (unsigned int i = 0; i < seg.nb_sack; i++) {
		seg.sack[i].left = near(in, c->snd_una);
		seg.sack[i].right = near(in, seg.sack[i].left);
	}
	inject(w, &seg);
}

static void
wait(struct world *w, struct fuzz_in *in)
{
	uint64_t begin = w->b->now;
	uint64_t end = begin + fuzz_16(in) * 200ull;
	struct rte_mbuf *tx[4];

	for (unsigned int i = 0; sani_tcp_deadline(&w->b->c) <= end; i++) {
		struct sani_tcp_io io;

		fuzz_require(i < 100000);
		if (sani_tcp_deadline(&w->b->c) > w->b->now)
			w->b->now = sani_tcp_deadline(&w->b->c);
		io = bed_io(w->b, tx, 4);
		io.behind = w->behind;
		sani_tcp_timer(&w->b->c, &io);
		for (uint16_t k = 0; k < io.nb_tx; k++)
			take(w, tx[k]);
		flush(w);
	}
	w->b->tsval += (uint32_t)((end - begin) / 1000);
	w->b->now = end;
}

static void
write_some(struct world *w, struct fuzz_in *in)
{
	static uint8_t data[65536];
	uint32_t n = fuzz_16(in);
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint32_t taken;

	for (uint32_t i = 0; i < n; i++)
		data[i] = bed_byte(sani_tcp_written(&w->b->c) + i);
	sani_tcp_write(&w->b->c, data, n, &io, &taken);
	fuzz_require(taken <= n && io.nb_tx == 0);
	flush(w);
}

static void
read_some(struct world *w, struct fuzz_in *in)
{
	static uint8_t data[65536];
	uint32_t there = sani_tcp_readable(&w->b->c);
	uint32_t want = fuzz_16(in);
	uint32_t ev;
	uint32_t n = sani_tcp_read(&w->b->c, data, want, &ev);

	fuzz_require(n == (there < want ? there : want));
	for (uint32_t i = 0; i < n; i++)
		fuzz_require(data[i] == bed_byte(w->nb_read + i));
	w->nb_read += n;
	flush(w);
}

static void
end_lend(void *addr, void *opaque)
{
	struct lend *l = opaque;

	(void)addr;
	fuzz_require(l->busy);
	l->busy = false;
	memset(l->data, 0xa5, LENT);
}

static void
drop_lend(struct lend *l)
{
	if (rte_mbuf_ext_refcnt_update(&l->info, -1) == 0)
		end_lend(l->data, l);
}

static void
lend_some(struct world *w, struct fuzz_in *in)
{
	struct lend *l = &lends[fuzz_8(in) % LENDS];
	uint8_t how = fuzz_8(in);
	struct sani_tcp_lent lent = {
		.data = l->data, .len = fuzz_16(in), .copy = how & 1, .refer = how & 2, .info = &l->info,
	};
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint32_t taken;

	if (l->busy || lent.len == 0)
		return;
	l->busy = true;
	l->info.free_cb = end_lend;
	l->info.fcb_opaque = l;
	rte_mbuf_ext_refcnt_set(&l->info, 1);
	for (uint32_t i = 0; i < lent.len; i++)
		l->data[i] = bed_byte(sani_tcp_written(&w->b->c) + i);
	sani_tcp_lend(&w->b->c, &lent, &io, &taken);
	fuzz_require(taken <= lent.len && io.nb_tx == 0);
	drop_lend(l);
	flush(w);
}

/* Nothing refers to the memory then but segments, of which none is on its way. */
static void
own_some(struct world *w, struct fuzz_in *in)
{
	struct lend *l = &lends[fuzz_8(in) % LENDS];
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);

	if (l->busy && sani_tcp_own(&w->b->c, &l->info, &io))
		fuzz_require(!l->busy);
	flush(w);
}

static void
take_some(struct world *w, struct fuzz_in *in)
{
	struct rte_mbuf *m[16];
	uint32_t bytes, ev, sum = 0;
	uint32_t n = sani_tcp_take(&w->b->c, m, 1 + fuzz_8(in) % RTE_DIM(m), &bytes, &ev);

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < m[i]->data_len; k++)
			fuzz_require(*rte_pktmbuf_mtod_offset(m[i], uint8_t *, k) == bed_byte(w->nb_read + sum + k));
		sum += m[i]->data_len;
		rte_pktmbuf_free(m[i]);
	}
	fuzz_require(sum == bytes);
	w->nb_read += bytes;
	flush(w);
}

static void
tell_icmp(struct world *w, struct fuzz_in *in)
{
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint8_t type = fuzz_8(in) & 1 ? 3 : 11;
	uint8_t code = fuzz_8(in) % 16;
	uint16_t mtu = fuzz_16(in);

	sani_tcp_icmp(&w->b->c, type, code, mtu, near(in, w->b->c.snd_una), &io);
	for (uint16_t k = 0; k < io.nb_tx; k++)
		take(w, tx[k]);
	flush(w);
}

/* One that may be changed at any time, and a value of its range (san/sock.h). */
static void
set_option(struct world *w, struct fuzz_in *in)
{
	static const struct {
		enum san_option option;
		uint32_t least;
		uint32_t most;
	} options[] = {
		{ SAN_OPT_SNDBUF, 4096, 65536 },
		{ SAN_OPT_RCVBUF, 4096, 70000 },
		{ SAN_OPT_NODELAY, 0, 1 },
		{ SAN_OPT_USER_TIMEOUT, 0, 60000 },
		{ SAN_OPT_TTL, 1, 255 },
		{ SAN_OPT_KEEPALIVE, 0, 1 },
		{ SAN_OPT_KEEP_IDLE, 1000, 20000 },
		{ SAN_OPT_KEEP_INTERVAL, 1000, 20000 },
		{ SAN_OPT_KEEP_COUNT, 1, 127 },
		{ SAN_OPT_PACING, 1000, 66000 },
		{ SAN_OPT_PACING, SAN_PACING_OFF, SAN_PACING_OFF },
		{ SAN_OPT_PACING, SAN_PACING_AUTO, SAN_PACING_AUTO },
	};
	unsigned int i = fuzz_8(in) % RTE_DIM(options);
	uint32_t by = fuzz_16(in) % (options[i].most - options[i].least + 1);

	sani_tcp_set_option(&w->b->c, options[i].option, options[i].least + by, w->b->now);
	flush(w);
}

/* Its RST goes by no rule of check_sent()'s. */
static void
end_now(struct world *w)
{
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(w->b, tx, 1);
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);

	fuzz_require(m != NULL);
	if (sani_tcp_abort(&w->b->c, m, &io))
		take(w, m);
	else
		rte_pktmbuf_free(m);
	fuzz_require(sani_tcp_state(&w->b->c) == SAN_TCP_CLOSED && sani_tcp_deadline(&w->b->c) == SANI_NEVER);
}

static void
play(struct world *w, struct fuzz_in *in)
{
	switch ((enum step)(fuzz_8(in) % NB_STEPS)) {
	case STEP_SEGMENT:
		send_segment(w, in);
		break;
	case STEP_IN_ORDER:
		send_in_order(w, in);
		break;
	case STEP_SACK:
		send_sack(w, in);
		break;
	case STEP_WAIT:
		wait(w, in);
		break;
	case STEP_WRITE:
		write_some(w, in);
		break;
	case STEP_READ:
		read_some(w, in);
		break;
	case STEP_SHUTDOWN:
		sani_tcp_shutdown(&w->b->c);
		flush(w);
		break;
	case STEP_SCARCE:
		w->b->scarce = !w->b->scarce;
		break;
	case STEP_ICMP:
		tell_icmp(w, in);
		break;
	case STEP_URGE:
		sani_tcp_urge(&w->b->c);
		flush(w);
		break;
	case STEP_MORE:
		sani_tcp_more(&w->b->c, fuzz_8(in) & 1, w->b->now);
		flush(w);
		break;
	case STEP_OPTION:
		set_option(w, in);
		break;
	case STEP_ABORT:
		end_now(w);
		break;
	case STEP_UNREACHABLE:
		sani_tcp_unreachable(&w->b->c);
		flush(w);
		break;
	case STEP_LEND:
		lend_some(w, in);
		break;
	case STEP_OWN:
		own_some(w, in);
		break;
	case STEP_TAKE:
		take_some(w, in);
		break;
	case STEP_BEHIND:
		w->behind = !w->behind;
		break;
	case NB_STEPS:
		break;
	}
}

/* It does not wait for ever: what is out, what is to go out and what is to be acknowledged has a timer. */
static void
check_alive(const struct bed *b)
{
	const struct sani_tcp_conn *c = &b->c;

	bed_deadline(b);
	if (sani_tcp_state(c) < SAN_TCP_ESTABLISHED)
		return;
	if (c->snd_una != c->snd_nxt)
		fuzz_require(sani_tcp_armed(c, SANI_TCP_T_REXMIT) || sani_tcp_armed(c, SANI_TCP_T_LOSS) ||
			     (sani_tcp_armed(c, SANI_TCP_T_PERSIST) && (c->flags & SANI_TCP_F_PROBED)));
	else if (sani_tcp_unsent(c) > 0)
		fuzz_require(sani_tcp_armed(c, SANI_TCP_T_PERSIST) || sani_tcp_armed(c, SANI_TCP_T_RETRY) ||
			     sani_tcp_armed(c, SANI_TCP_T_PACE));
	if (c->rcv_nxt != c->last_ack_sent)
		fuzz_require(sani_tcp_armed(c, SANI_TCP_T_DELACK));
}

/* After each step. */
static void
check(struct world *w)
{
	const struct sani_tcp_conn *c = &w->b->c;
	uint32_t seq = bed_irs + 1 + w->known;

	if (sani_tcp_state(c) == SAN_TCP_CLOSED || sani_tcp_state(c) == SAN_TCP_SYN_SENT)
		return;
	if (!w->heard) {
		w->rcv_adv = c->rcv_adv;
		w->heard = true;
	}
	require_came(seq, c->rcv_nxt);
	w->known = c->rcv_nxt - bed_irs - 1;
	/* what was promised stays, but for the peer's FIN behind it */
	fuzz_require(seq_geq(c->rcv_adv, w->rcv_adv));
	w->rcv_adv = c->rcv_adv;
	fuzz_require(seq_geq(c->snd_una, w->snd_una) && seq_leq(c->snd_una, c->snd_nxt));
	w->snd_una = c->snd_una;
	fuzz_require(w->nb_read + sani_tcp_readable(c) <= w->known);
	fuzz_require(c->rcvq.head != NULL || c->rcvq.ooo != NULL || (c->rcvq.nb_mbufs == 0 && c->rcvq.bytes == 0));
	check_alive(w->b);
}

static uint32_t
draw_first(struct fuzz_in *in)
{
	uint16_t before = fuzz_16(in);

	if (before == 0x8000)
		return fuzz_32(in);
	return ((before & 0x8000u) << 16) - (before & 0x7fffu);
}

static void
choose(struct bed *b, struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);
	uint8_t more = fuzz_8(in);

	b->ts = how & 1;
	b->sack = how & 2;
	b->p.tune.cc = (how >> 2) % 3;
	b->p.tune.mtu_probe = how & 16;
	b->p.tune.pacing = how & 32 ? 1000000 : 0;
	b->p.nodelay = how & 64;
	b->p.tune.ecn = more % 3;
	b->p.tune.cwv = more & 4;
	b->p.tune.keep = (struct sani_tcp_keep){ .idle_ms = 7200000, .interval_ms = 75000, .count = 9 };
	b->p.sndbuf = 65536;
	b->p.rcvbuf = fuzz_8(in) * 256u + 2048;
	if (more & 8) {
		b->budget = BUDGET;
		b->p.sndbuf_max = b->p.rcvbuf_max = GROWN;
	}
	b->p.iss = draw_first(in);
	bed_irs = draw_first(in);
	b->tsval = draw_first(in);
	b->p.ts_offset = draw_first(in);
	b->now = UINT64_C(1) << 32 | draw_first(in);
}

/* A SYN with data and a cookie that was good (RFC 7413). */
static void
open_fast(struct world *w, struct fuzz_in *in)
{
	struct bed *b = w->b;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, bed_irs, 0, fuzz_16(in) % 1461);
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(b, tx, 4);

	draw_syn_options(in, &syn);
	note(syn.seq, sani_tcp_seg_space(&syn));
	sani_tcp_open_fast(&b->c, &b->p, &syn, bed_payload(syn.seq + 1, syn.len, 1500), &io);
	fuzz_require(io.nb_tx == 0);
	flush(w);
}

/* Only to the first segment of the handshake. */
static void
open_half(struct world *w, struct fuzz_in *in, bool active, bool fast)
{
	struct bed *b = w->b;

	if (fast)
		b->p.fast = (struct sani_tcp_fast){ .mss = 1460, .nb = 8, .flags = active ?
				SANI_TCP_FAST_ASK | SANI_TCP_FAST_DATA : SANI_TCP_FAST_GIVE };
	if (active) {
		sani_tcp_open_active(&b->c, &b->p, b->now);
		if (fast)
			write_some(w, in);
		flush(w);
	} else if (fast) {
		open_fast(w, in);
	} else {
		bed_syn(b);
	}
}

static void
open_one(struct world *w, struct fuzz_in *in, uint8_t how, uint8_t more)
{
	struct bed *b = w->b;
	bool half = more & 16;

	/* a peer that was not heard of yet has offered nothing */
	w->edge = b->p.iss + 1 + (half && (how & 128) ? 0 : b->wnd);
	if (half)
		open_half(w, in, how & 128, more & 32);
	else if (how & 128)
		bed_connect(b);
	else
		bed_accept(b);
	w->snd_una = b->c.snd_una;
	check(w);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* an assertion of the bed's is a crash, which leaves its input */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return bed_group(NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct world w = { .b = NULL };
	void *state = NULL;
	uint64_t budget;

	nb_came = 0;
	fuzz_require(bed_setup(&state) == 0);
	w.b = state;
	choose(w.b, &in);
	budget = w.b->budget;
	open_one(&w, &in, size > 0 ? data[0] : 0, size > 1 ? data[1] : 0);
	for (unsigned int i = 0; i < STEPS && in.n > 0 && sani_tcp_state(&w.b->c) != SAN_TCP_CLOSED; i++) {
		play(&w, &in);
		check(&w);
	}
	fuzz_require(w.b->budget + sani_tcp_give_back(&w.b->c) == budget);
	fuzz_require(bed_teardown(&state) == 0);
	for (unsigned int i = 0; i < LENDS; i++)
		fuzz_require(!lends[i].busy);
	return 0;
}
