/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp.h"

#define BUDGET 1000000u
#define GROWN 200000u

static uint32_t
draw_first(struct fuzz_in *in)
{
	uint16_t before = fuzz_16(in);

	if (before == 0x8000)
		return fuzz_32(in);
	return ((before & 0x8000u) << 16) - (before & 0x7fffu);
}

void
tcp_choose(struct bed *b, struct fuzz_in *in)
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
		b->budget.growth = BUDGET;
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
open_fast(struct tcp_world *w, struct fuzz_in *in)
{
	struct bed *b = w->b;
	struct sani_tcp_seg syn = bed_seg(b, SANI_TCP_SYN, bed_irs, 0, fuzz_16(in) % 1461);
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(b, tx, 4);

	tcp_draw_syn_options(in, &syn);
	tcp_note_came(syn.seq, sani_tcp_seg_space(&syn));
	sani_tcp_open_fast(&b->c, &b->p, &syn, bed_payload(syn.seq + 1, syn.len, 1500), &io);
	fuzz_require(io.nb_tx == 0);
	tcp_flush(w);
}

/* Only to the first segment of the handshake. */
static void
open_half(struct tcp_world *w, struct fuzz_in *in, bool active, bool fast)
{
	struct bed *b = w->b;

	if (fast)
		b->p.fast = (struct sani_tcp_fast){ .mss = 1460, .nb = 8, .flags = active ?
				SANI_TCP_FAST_ASK | SANI_TCP_FAST_DATA : SANI_TCP_FAST_GIVE };
	if (active) {
		sani_tcp_open_active(&b->c, &b->p, b->now);
		if (fast)
			tcp_write_some(w, in);
		tcp_flush(w);
	} else if (fast) {
		open_fast(w, in);
	} else {
		bed_syn(b);
	}
}

void
tcp_open(struct tcp_world *w, struct fuzz_in *in, uint8_t how, uint8_t more)
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
	tcp_check(w);
}
