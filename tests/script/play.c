/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/play_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = { "END", "IN", "OUT", "ICMP", "QUIET", "WAIT", "FIRE", "CALL", "DONE",
					  "PENDING", "STATE", "COUNT", "MARK", "DROPS",
					  "ISS", "FORGET", "LATER_ISS" };

void
play_fail(struct play *p, const char *format, ...)
{
	char text[NB_LINES * 256 + 1024], sentence[512];
	va_list args;
	int n;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	n = snprintf(text, sizeof(text), "%s, row %u (%s): %s", p->script->name, p->row,
		p->at ? kind_names[p->at->kind] : "the end", sentence);
	for (unsigned int i = p->nb_lines > NB_LINES ? p->nb_lines - NB_LINES : 0; i < p->nb_lines; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "\n  %s", p->line[i % NB_LINES]);
	fail_msg("%s", text);
	abort();
}

/* A segment for the log: direction and time. */
static void
note(struct play *p, const char *way, const struct play_seg *s)
{
	char text[200];
	uint64_t us = vhost_now_us - p->begin_us;

	wire_print(text, sizeof(text), s);
	snprintf(p->line[p->nb_lines++ % NB_LINES], 256, "%4" PRIu64 ".%06" PRIu64 " %s %s", us / 1000000,
	us % 1000000,
		way, text);
}

static int64_t
relative(int64_t value, uint32_t base)
{
	return (int32_t)((uint32_t)value - base);
}

/* What a frame of the host says, in the numbers of the rows. */
static void
make_relative(const struct track *t, struct play_seg *s)
{
	s->seq = relative(s->seq, t->host_iss);
	if (s->flags & ACK)
		s->ack = relative(s->ack, t->peer_iss);
	for (unsigned int i = 0; i < PLAY_BLOCKS && (s->sack[i].left | s->sack[i].right) != 0; i++) {
		s->sack[i].left = relative(s->sack[i].left, t->peer_iss);
		s->sack[i].right = relative(s->sack[i].right, t->peer_iss);
	}
	if (s->tsval != UNNAMED) {
		s->tsval = relative(s->tsval, t->host_ts_base);
		if (s->flags & ACK)
			s->tsecr = relative(s->tsecr, t->peer_ts_base);
	}
}

static int64_t
space(const struct play_seg *s)
{
	return s->len + !!(s->flags & SYN) + !!(s->flags & FIN);
}

static void
learn(struct track *t, const struct play_seg *raw)
{
	if (raw->flags & SYN && !t->host_known) {
		t->host_known = true;
		t->host_iss = (uint32_t)raw->seq;
		t->host_ts = raw->tsval != UNNAMED;
	}
	if (raw->tsval != UNNAMED) {
		if (!t->ts_known)
			t->host_ts_base = (uint32_t)raw->tsval;
		t->ts_known = true;
		t->host_tsval = (uint32_t)raw->tsval;
	}
}

/* A frame of this case: it waits for its OUT row. */
static void
keep(struct play *p, struct wire_frame *f, unsigned int c)
{
	struct track *t = &p->track[c];
	int64_t end;

	if (f->fault != NULL)
		play_fail(p, "The host has sent a segment with %s.", f->fault);
	learn(t, &f->seg);
	make_relative(t, &f->seg);
	end = f->seg.seq + space(&f->seg);
	if (!(f->seg.flags & RST) && f->seg.seq <= t->rcv_nxt && end > t->rcv_nxt)
		t->rcv_nxt = end;
	f->seg.c = (int)c;
	f->at_us = vhost_now_us;
	note(p, "<", &f->seg);
	if (p->seen_tail - p->seen_head == NB_SEEN)
		play_fail(p, "The host has sent %u segments that nobody asked for.", NB_SEEN);
	p->seen[p->seen_tail++ % NB_SEEN] = *f;
}

static unsigned int
take_frames(struct play *p)
{
	struct rte_mbuf *m, *reply;
	struct wire_frame f;
	unsigned int c, n = 0;

	for (; (m = vhost_take(p->host)) != NULL; n++) {
		wire_parse(m, &f);
		if (f.kind == WIRE_ARP && (reply = wire_arp_reply(p->pool, &p->ends, m)) != NULL)
			vhost_put(p->host, 0, reply);
		c = (unsigned int)f.ends.dst_port - p->ends.src_port;
		if (f.kind == WIRE_TCP && !p->ignoring && c < NB_TRACKS)
			keep(p, &f, c);
		else
			rte_pktmbuf_free(m);
	}
	return n;
}

static void
reap(struct play *p)
{
	struct san_completion e;

	while (san_cq_poll(p->cq, &e, 1) > 0)
		play_completed(p, &e);
}

void
play_settle(struct play *p)
{
	for (unsigned int i = 0; vhost_round(p->host) + take_frames(p) > 0; i++)
		if (i == 20000)
			play_fail(p, "The host does not come to rest.");
	reap(p);
}

void
play_advance(struct play *p, uint64_t to_us, bool stop)
{
	uint64_t next;

	for (;;) {
		play_settle(p);
		if (vhost_now_us >= to_us || (stop && p->seen_head != p->seen_tail))
			return;
		next = vhost_deadline(p->host);
		if (next <= vhost_now_us)
			next = vhost_now_us + 10;
		vhost_now_us = RTE_MIN(next, to_us);
	}
}

static void
expect_nothing(struct play *p)
{
	char text[256];

	if (p->seen_head == p->seen_tail)
		return;
	wire_print(text, sizeof(text), &p->seen[p->seen_head % NB_SEEN].seg);
	play_fail(p, "Nothing was to be sent; seen is %s.", text);
}

/* What a row of the peer does not say. */
static void
fill_in(struct play *p, struct track *t, struct play_seg *s)
{
	int64_t now_ms = (int64_t)(vhost_now_us - p->begin_us) / 1000;

	s->seq = s->seq == UNNAMED ? t->snd_nxt : s->seq;
	s->len = s->len == UNNAMED ? 0 : s->len;
	s->wnd = s->wnd == UNNAMED ? t->wnd : s->wnd;
	if (s->ack == UNNAMED)
		s->ack = s->flags & ACK ? t->rcv_nxt : 0;
	if (s->tsval == UNNAMED && t->peer_ts && t->host_ts && !(s->flags & SYN) && !s->no_ts)
		s->tsval = now_ms;
}

static void
make_absolute(const struct track *t, struct play_seg *s)
{
	s->seq += t->peer_iss;
	if (s->flags & ACK || s->ack != 0)
		s->ack += t->host_iss;
	for (unsigned int i = 0; i < PLAY_BLOCKS && (s->sack[i].left | s->sack[i].right) != 0; i++) {
		s->sack[i].left += t->host_iss;
		s->sack[i].right += t->host_iss;
	}
	if (s->tsval == UNNAMED)
		return;
	s->tsval += t->peer_ts_base;
	if (s->tsecr == UNNAMED)
		s->tsecr = t->ts_known ? t->host_tsval : 0;
	else
		s->tsecr += t->host_ts_base;
}

static void
put_segment(struct play *p, const struct play_seg *row)
{
	struct track *t = &p->track[row->c];
	struct wire_ends ends = p->ends;
	struct play_seg s = *row;
	int64_t offset;

	fill_in(p, t, &s);
	note(p, ">", &s);
	if (s.seq == t->snd_nxt)
		t->snd_nxt += space(&s);
	t->wnd = s.wnd;
	offset = s.seq + !!(s.flags & SYN);
	if (s.flags & SYN)
		t->peer_ts = s.tsval != UNNAMED;
	make_absolute(t, &s);
	ends.src_port = (uint16_t)(ends.src_port + s.c);
	if (s.from != 0)
		ends.src_ip = s.from;
	if (s.land) {
		ends.src_ip = ends.dst_ip;
		ends.src_port = ends.dst_port;
	}
	assert_true(vhost_put(p->host, 0, wire_tcp(p->pool, &ends, &s, offset)));
}

static void
do_in(struct play *p, const struct play_seg *row)
{
	struct play_seg s = *row;

	expect_nothing(p);
	for (int i = 0; i < RTE_MAX(row->times, 1); i++) {
		put_segment(p, &s);
		s.seq += s.seq != UNNAMED ? s.step : 0;
		s.ack += s.ack != UNNAMED ? s.ack_step : 0;
		s.tsval += s.tsval != UNNAMED ? s.ts_step : 0;
		for (int k = 0; k < PLAY_BLOCKS && s.sack_step != 0 && (s.sack[k].left | s.sack[k].right) != 0; k++)
			s.sack[k] = (struct play_block){ s.sack[k].left + s.sack_step,
			s.sack[k].right + s.sack_step };
		if (!s.burst)
			play_settle(p);
	}
}

static void
do_icmp(struct play *p, const struct play_icmp *icmp)
{
	const struct play_seg s = SEG(0, .seq = icmp->seq);
	struct wire_ends ends = p->ends;

	expect_nothing(p);
	note(p, "> ICMP", &s);
	ends.src_port = (uint16_t)(ends.src_port + icmp->c);
	assert_true(vhost_put(p->host, 0,
		wire_icmp(p->pool, &ends, icmp, p->track[icmp->c].host_iss + (uint32_t)icmp->seq)));
	play_settle(p);
}

static bool
same(int64_t want, int64_t seen)
{
	return want == UNNAMED || want == seen;
}

static bool
same_sack(const struct play_seg *e, const struct play_seg *s)
{
	bool any = (e->sack[0].left | e->sack[0].right) != 0;

	if (e->no_sack && (s->sack[0].left | s->sack[0].right) != 0)
		return false;
	return !any || memcmp(e->sack, s->sack, sizeof(e->sack)) == 0;
}

static bool
same_options(const struct play_seg *e, const struct play_seg *s)
{
	if (e->no_syn_opts &&
	    (s->mss != UNNAMED || s->wscale != UNNAMED || s->tsval != UNNAMED || s->sack_ok != UNNAMED))
		return false;
	if (e->no_ts && s->tsval != UNNAMED)
		return false;
	return same(e->mss, s->mss) && same(e->wscale, s->wscale) && same(e->tsval,
	s->tsval) && same(e->tsecr, s->tsecr) &&
	       same(e->sack_ok, s->sack_ok != UNNAMED) && same_sack(e, s);
}

static bool
same_segment(const struct play_seg *e, const struct play_seg *s)
{
	if ((e->flags | PSH) != (s->flags | PSH) || (e->flags & PSH && !s->psh) || e->c != s->c)
		return false;
	if ((e->wnd_min != UNNAMED && s->wnd < e->wnd_min) || (e->wnd_max != UNNAMED && s->wnd > e->wnd_max))
		return false;
	return same(e->seq, s->seq) && same(e->ack, s->ack) && same(e->len, s->len) && same(e->wnd, s->wnd) &&
	       same(e->urg, s->urg) && same(e->psh, s->psh) && same(e->tos, s->tos) && same(e->df, s->df) &&
	       same(e->ttl, s->ttl) && same_options(e, s);
}

/* RFC 7323 3.2: once negotiated, timestamps are in every segment but RST. */
static bool
timestamps_missing(const struct track *t, const struct play_seg *s)
{
	return t->peer_ts && t->host_ts && s->tsval == UNNAMED && !(s->flags & (RST | SYN));
}

static bool
wrong_ends(const struct play *p, const struct play_seg *e, const struct wire_frame *f)
{
	return f->ends.dst_ip != (e->from ? e->from : p->ends.src_ip) || f->ends.src_ip != p->ends.dst_ip ||
	       f->ends.src_port != p->ends.dst_port + e->other_port;
}

static void
check_payload(struct play *p, const struct wire_frame *f)
{
	int64_t offset = f->seg.seq + !!(f->seg.flags & SYN);

	for (int64_t i = 0; i < f->seg.len; i++)
		if (f->payload[i] != wire_octet(offset + i))
			play_fail(p, "Octet %lld of the stream is sent as 0x%02x, posted was 0x%02x.",
			(long long)(offset + i),
				f->payload[i], wire_octet(offset + i));
}

/* When a segment may come, from the row before. */
static void
time_window(const struct play_seg *e, uint64_t *from, uint64_t *to)
{
	int64_t after = e->after == UNNAMED ? 0 : e->after;
	int64_t tol = e->tol != UNNAMED ? e->tol : after == 0 ? 0 : after / 100 + 2000;

	*from = vhost_now_us + (uint64_t)RTE_MAX(after - tol, 0);
	*to = vhost_now_us + (uint64_t)(after + tol);
	if (e->by != UNNAMED) {
		*from = 0;
		*to = vhost_now_us + (uint64_t)e->by;
	}
}

static void
expect_segment(struct play *p, const struct play_seg *e)
{
	char want[256], seen[256];
	struct wire_frame f;
	uint64_t from, to;

	wire_print(want, sizeof(want), e);
	time_window(e, &from, &to);
	if (p->seen_head == p->seen_tail)
		play_advance(p, to, true);
	if (p->seen_head == p->seen_tail)
		play_fail(p, "Expected is %s; nothing is sent.", want);
	f = p->seen[p->seen_head++ % NB_SEEN];
	wire_print(seen, sizeof(seen), &f.seg);
	if (!same_segment(e, &f.seg) || wrong_ends(p, e, &f))
		play_fail(p, "Expected is %s; seen is %s.", want, seen);
	if (f.at_us < from && e->after != UNNAMED)
		play_fail(p, "Expected is %s; it came %llu us too early.", want,
		(unsigned long long)(from - f.at_us));
	if (timestamps_missing(&p->track[f.seg.c], &f.seg))
		play_fail(p, "Seen is %s, without timestamps.", seen);
	check_payload(p, &f);
	rte_pktmbuf_free(f.m);
}

static void
do_out(struct play *p, const struct play_seg *row)
{
	struct play_seg e = *row;

	for (int i = 0; i < RTE_MAX(row->times, 1); i++) {
		expect_segment(p, &e);
		if (e.seq != UNNAMED)
			e.seq += e.step;
	}
}

static void
drop_seen(struct play *p)
{
	while (p->seen_head != p->seen_tail)
		rte_pktmbuf_free(p->seen[p->seen_head++ % NB_SEEN].m);
}

static void
let_pass(struct play *p, const struct play_row *row)
{
	uint64_t to = vhost_now_us + (uint64_t)row->n;

	if (row->kind == PLAY_QUIET) {
		expect_nothing(p);
		play_advance(p, to, true);
		expect_nothing(p);
		return;
	}
	do {
		drop_seen(p);
		play_advance(p, to, true);
	} while (vhost_now_us < to);
	drop_seen(p);
}

static void
begin_track(struct play *p, unsigned int c, uint32_t iss)
{
	struct track *t = &p->track[c];
	uint32_t ts_base = t->peer_ts_base;

	*t = (struct track){ .peer_iss = iss, .peer_ts_base = ts_base, .wnd = 65535 };
}

static void
set_iss(struct play *p, uint32_t iss)
{
	for (unsigned int c = 0; c < NB_TRACKS; c++)
		p->track[c].peer_iss = iss;
}

static void
forget(struct play *p)
{
	expect_nothing(p);
	p->old_iss = p->track[0].host_iss;
	for (unsigned int c = 0; c < NB_TRACKS; c++)
		begin_track(p, c, p->track[c].peer_iss + 0x01000000);
}

static void
check_later_iss(struct play *p)
{
	if (!p->track[0].host_known)
		play_fail(p, "The host has sent no SYN.");
	if (relative(p->track[0].host_iss, p->old_iss) <= 0)
		play_fail(p, "The initial sequence number has moved by %lld.",
			(long long)relative(p->track[0].host_iss, p->old_iss));
}

static void
do_row(struct play *p, const struct play_row *row)
{
	switch (row->kind) {
	case PLAY_IN:
		do_in(p, &row->seg);
		break;
	case PLAY_OUT:
		do_out(p, &row->seg);
		break;
	case PLAY_ICMP:
		do_icmp(p, &row->icmp);
		break;
	case PLAY_QUIET:
	case PLAY_WAIT:
		let_pass(p, row);
		break;
	case PLAY_FIRE:
		play_settle(p);
		break;
	case PLAY_CALL:
		expect_nothing(p);
		play_call(p, &row->call);
		break;
	case PLAY_DONE:
		play_done(p, &row->call);
		break;
	case PLAY_PENDING:
		play_pending(p, &row->call);
		break;
	case PLAY_STATE:
		play_state(p, row);
		break;
	case PLAY_COUNT:
		play_count(p, row);
		break;
	case PLAY_MARK:
		play_counters(p, p->mark);
		break;
	case PLAY_DROPS:
		play_drops(p, row->n);
		break;
	case PLAY_ISS:
		set_iss(p, (uint32_t)row->n);
		break;
	case PLAY_FORGET:
		forget(p);
		break;
	case PLAY_LATER_ISS:
		check_later_iss(p);
		break;
	case PLAY_END:
		break;
	}
}

void
play_begin(struct play *p, const struct play_case *script, unsigned int serial)
{
	p->script = script;
	p->row = 0;
	p->at = NULL;
	p->begin_us = vhost_now_us;
	p->nb_lines = 0;
	p->ignoring = false;
	p->ends.src_port = (uint16_t)(30000 + serial * NB_TRACKS);
	p->ends.dst_port = (uint16_t)(2000 + serial * 3);
	memset(p->op, 0, sizeof(p->op));
	memset(p->slot, 0, sizeof(p->slot));
	for (unsigned int c = 0; c < NB_TRACKS; c++) {
		p->track[c].peer_ts_base = 0x20000000 + serial * 0x01000193;
		begin_track(p, c, 0x40000000 + serial * 0x01234567);
	}
	san_host_usage(p->host->host, &p->usage);
	play_counters(p, p->mark);
}

void
play_rows(struct play *p)
{
	const struct play_row *row = p->script->rows;

	for (; row->kind != PLAY_END; row++, p->row++) {
		p->at = row;
		do_row(p, row);
	}
	p->at = NULL;
	play_settle(p);
	expect_nothing(p);
	play_all_asked(p);
}

void
play_end(struct play *p)
{
	struct san_usage now;

	p->ignoring = true;
	p->at = NULL;
	drop_seen(p);
	play_close_all(p);
	play_advance(p, vhost_now_us + S(130), false);
	drop_seen(p);
	san_host_usage(p->host->host, &now);
	if (now.sockets > p->usage.sockets || now.connections > p->usage.connections ||
	    now.timewait > p->usage.timewait)
		play_fail(p,
		"After the closes of all sockets %u sockets, %u connections, %u records are left.", now.sockets,
			now.connections, now.timewait);
}
