/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp.h"

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

void
tcp_take(struct tcp_world *w, struct rte_mbuf *m)
{
	w->b->nb = 0;
	fuzz_require(m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0);
	bed_take(w->b, m);
	tcp_check_sent(w, &w->b->out[0].seg);
}

void
tcp_flush(struct tcp_world *w)
{
	struct rte_mbuf *tx[4];
	bool more = true;

	for (unsigned int i = 0; more && sani_tcp_state(&w->b->c) != SAN_TCP_CLOSED; i++) {
		struct sani_tcp_io io = bed_io(w->b, tx, 4);

		fuzz_require(i < 4096);
		more = sani_tcp_output(&w->b->c, &io);
		for (uint16_t k = 0; k < io.nb_tx; k++)
			tcp_take(w, tx[k]);
	}
}

/* What it offers counts for what it acknowledges: neither of what was never sent nor of half the space ago. */
static void
note_offer(struct tcp_world *w, const struct sani_tcp_seg *seg)
{
	const struct sani_tcp_conn *c = &w->b->c;
	bool syn = seg->flags & SANI_TCP_SYN;
	uint32_t offered = seg->ack + ((uint32_t)seg->wnd << (syn ? 0 : c->snd_wscale));

	if (syn && !(seg->flags & SANI_TCP_ACK) && sani_tcp_state(c) == SAN_TCP_SYN_SENT)
		offered = w->b->p.iss + 1 + seg->wnd;
	else if (!(seg->flags & SANI_TCP_ACK) || seq_gt(seg->ack, c->snd_nxt))
		return;
	if (seq_gt(offered, c->snd_una) && seq_gt(offered, w->edge))
		w->edge = offered;
}

static void
inject(struct tcp_world *w, const struct sani_tcp_seg *seg)
{
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint32_t text = seg->seq + !!(seg->flags & SANI_TCP_SYN);

	if (sani_tcp_state(&w->b->c) == SAN_TCP_SYN_SENT && (seg->flags & SANI_TCP_SYN)) {
		/* it may be where the peer's numbers begin */
		bed_irs = seg->seq;
		tcp_forget_came();
	}
	tcp_note_came(seg->seq, sani_tcp_seg_space(seg));
	note_offer(w, seg);
	sani_tcp_input(&w->b->c, seg, bed_payload(text, seg->len, 1500), &io);
	for (uint16_t k = 0; k < io.nb_tx; k++)
		tcp_take(w, tx[k]);
	tcp_flush(w);
}

/* Around where the connection stands, more often than anywhere. */
static uint32_t
near(struct fuzz_in *in, uint32_t where)
{
	uint16_t by = fuzz_16(in);

	return by == 0x8000 ? fuzz_32(in) : where + (uint32_t)(int32_t)(int16_t)by;
}

void
tcp_draw_syn_options(struct fuzz_in *in, struct sani_tcp_seg *seg)
{
	uint8_t which = fuzz_8(in);

	seg->opts = which & (SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_SACK_PERM | SANI_TCP_OPT_TS);
	if (seg->opts & SANI_TCP_OPT_MSS)
		seg->mss = fuzz_16(in);
	if (seg->opts & SANI_TCP_OPT_WSCALE)
		seg->wscale = fuzz_8(in) % 15;
}

static void
send_segment(struct tcp_world *w, struct fuzz_in *in)
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
		tcp_draw_syn_options(in, &seg);
	if (seg.opts & SANI_TCP_OPT_TS) {
		seg.tsval += fuzz_8(in) - 4u;
		seg.tsecr = sani_tcp_ts_now(c, w->b->now) - fuzz_8(in);
	}
	inject(w, &seg);
}

static void
send_in_order(struct tcp_world *w, struct fuzz_in *in)
{
	const struct sani_tcp_conn *c = &w->b->c;
	struct sani_tcp_seg seg = bed_seg(w->b, SANI_TCP_ACK, c->rcv_nxt, c->snd_nxt, fuzz_16(in) % 1461);

	inject(w, &seg);
}

static void
send_sack(struct tcp_world *w, struct fuzz_in *in)
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
wait(struct tcp_world *w, struct fuzz_in *in)
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
			tcp_take(w, tx[k]);
		tcp_flush(w);
	}
	w->b->tsval += (uint32_t)((end - begin) / 1000);
	w->b->now = end;
}

void
tcp_write_some(struct tcp_world *w, struct fuzz_in *in)
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
	tcp_flush(w);
}

static void
read_some(struct tcp_world *w, struct fuzz_in *in)
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
	tcp_flush(w);
}

static void
tell_icmp(struct tcp_world *w, struct fuzz_in *in)
{
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint8_t type = fuzz_8(in) & 1 ? 3 : 11;
	uint8_t code = fuzz_8(in) % 16;
	uint16_t mtu = fuzz_16(in);

	sani_tcp_icmp(&w->b->c, type, code, mtu, near(in, w->b->c.snd_una), &io);
	for (uint16_t k = 0; k < io.nb_tx; k++)
		tcp_take(w, tx[k]);
	tcp_flush(w);
}

/* One that may be changed at any time, and a value of its range (san/sock.h). */
static void
set_option(struct tcp_world *w, struct fuzz_in *in)
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
	tcp_flush(w);
}

/* Its RST goes by no rule of tcp_check_sent()'s. */
static void
end_now(struct tcp_world *w)
{
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(w->b, tx, 1);
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed_pool);

	fuzz_require(m != NULL);
	if (sani_tcp_abort(&w->b->c, m, &io))
		tcp_take(w, m);
	else
		rte_pktmbuf_free(m);
	fuzz_require(sani_tcp_state(&w->b->c) == SAN_TCP_CLOSED && sani_tcp_deadline(&w->b->c) == SANI_NEVER);
}

static void
play(struct tcp_world *w, struct fuzz_in *in)
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
		tcp_write_some(w, in);
		break;
	case STEP_READ:
		read_some(w, in);
		break;
	case STEP_SHUTDOWN:
		sani_tcp_shutdown(&w->b->c);
		tcp_flush(w);
		break;
	case STEP_SCARCE:
		w->b->scarce = !w->b->scarce;
		/* of what is left of the input, so that it reads as it did */
		w->b->budget.sends = in->n % 4;
		w->b->budget.texts = in->n / 4 % 4;
		break;
	case STEP_ICMP:
		tell_icmp(w, in);
		break;
	case STEP_URGE:
		sani_tcp_urge(&w->b->c);
		tcp_flush(w);
		break;
	case STEP_MORE:
		sani_tcp_more(&w->b->c, fuzz_8(in) & 1, w->b->now);
		tcp_flush(w);
		break;
	case STEP_OPTION:
		set_option(w, in);
		break;
	case STEP_ABORT:
		end_now(w);
		break;
	case STEP_UNREACHABLE:
		sani_tcp_unreachable(&w->b->c);
		tcp_flush(w);
		break;
	case STEP_LEND:
		tcp_lend_some(w, in);
		break;
	case STEP_OWN:
		tcp_own_some(w, in);
		break;
	case STEP_TAKE:
		tcp_take_some(w, in);
		break;
	case STEP_BEHIND:
		w->behind = !w->behind;
		break;
	case NB_STEPS:
		break;
	}
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
	struct tcp_world w = { .b = NULL };
	void *state = NULL;
	uint64_t budget;

	tcp_forget_came();
	fuzz_require(bed_setup(&state) == 0);
	w.b = state;
	tcp_choose(w.b, &in);
	budget = w.b->budget.growth;
	tcp_open(&w, &in, size > 0 ? data[0] : 0, size > 1 ? data[1] : 0);
	for (unsigned int i = 0; i < TCP_STEPS && in.n > 0 && sani_tcp_state(&w.b->c) != SAN_TCP_CLOSED; i++) {
		play(&w, &in);
		tcp_check(&w);
	}
	fuzz_require(w.b->budget.growth + sani_tcp_give_back(&w.b->c) == budget);
	fuzz_require(bed_teardown(&state) == 0);
	tcp_check_lends();
	return 0;
}
