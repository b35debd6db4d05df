/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The straight paths of input and output, held against the general ones: two blocks with the same past are given the
 * same segments, writes, reads and time. One takes the straight paths where it may, the other never does; after each
 * step they are the same, with all they hold, have sent, told and counted.
 */
#include <netinet/ip_icmp.h>
#include <stdlib.h>

#include "bed.h"

#define NB_STEPS 1000
#define NB_CONNECTIONS 200

struct twins {
	struct bed *of[2];		/* 0 straight, 1 general */
	uint64_t rng;
	bool calm;			/* what is odd is rarer, so that it stays straight for longer */
	bool lazy;			/* the program reads seldom */
	bool brief;			/* both ends are soon done */
	unsigned int nb_segments;
	unsigned int nb_straight;
	unsigned int nb_text;		/* of these with text, */
	unsigned int nb_ack;		/* with an ACK of all that was out, */
	unsigned int nb_part;		/* of some of it, */
	unsigned int nb_bare;		/* with an ACK, without SACK, */
	unsigned int nb_fin;		/* and with a FIN */
	unsigned int nb_begun;		/* connections that came out of SYN_RECEIVED, */
	unsigned int nb_ended;		/* and out of LAST_ACK by an ACK */
};

static uint32_t
draw(struct twins *t, uint32_t n)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return (uint32_t)((t->rng >> 20) % n);
}

static bool
chance(struct twins *t, uint32_t per_mille)
{
	return draw(t, 1000) < per_mille;
}

/* Does something odd happen? */
static bool
odd(struct twins *t, uint32_t per_mille)
{
	return chance(t, t->calm ? (per_mille + 15) / 16 : per_mille);
}

/* The same bytes in two chains, however they are divided in both the same way. */
static void
assert_same_chain(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next) {
		assert_int_equal(a->data_len, b->data_len);
		assert_int_equal(a->data_off, b->data_off);
		assert_memory_equal(rte_pktmbuf_mtod(a, const void *), rte_pktmbuf_mtod(b, const void *), a->data_len);
	}
	assert_ptr_equal(a, b);		/* both have come to their end */
}

/* How far from its begin a pointer into a chain points; -1: nowhere. */
static int
place_in(const struct rte_mbuf *chain, const struct rte_mbuf *m)
{
	for (int i = 0; chain != NULL && m != NULL; chain = chain->next, i++)
		if (chain == m)
			return i;
	return -1;
}

static void
assert_same_queues(struct sani_tcp_conn *a, struct sani_tcp_conn *b)
{
	struct sani_tcp_block blocks[2][SANI_TCP_SACK_BLOCKS];
	uint8_t n = sani_tcp_ooo_blocks(&a->rcvq, blocks[0], SANI_TCP_SACK_BLOCKS);

	assert_same_chain(a->sndq.head, b->sndq.head);
	assert_int_equal(place_in(a->sndq.head, a->sndq.tail), place_in(b->sndq.head, b->sndq.tail));
	assert_int_equal(place_in(a->sndq.head, a->sndq.cur), place_in(b->sndq.head, b->sndq.cur));
	assert_same_chain(a->rcvq.head, b->rcvq.head);
	assert_int_equal(place_in(a->rcvq.head, a->rcvq.tail), place_in(b->rcvq.head, b->rcvq.tail));
	assert_int_equal(sani_tcp_ooo_blocks(&b->rcvq, blocks[1], SANI_TCP_SACK_BLOCKS), n);
	assert_memory_equal(blocks[0], blocks[1], n * sizeof(blocks[0][0]));
	assert_int_equal(a->flight.table == NULL, b->flight.table == NULL);
	assert_int_equal(a->flight.nb, b->flight.nb);
	assert_memory_equal(sani_tcp_runs(a), sani_tcp_runs(b), a->flight.nb * sizeof(struct sani_tcp_run));
}

/* What points to mbufs is compared by what it points to. */
static struct sani_tcp_conn
without_pointers(const struct sani_tcp_conn *c)
{
	struct sani_tcp_conn bare;

	memcpy(&bare, c, sizeof(bare));
	bare.sndq.head = bare.sndq.tail = bare.sndq.cur = NULL;
	bare.rcvq.head = bare.rcvq.tail = bare.rcvq.ooo = NULL;
	bare.flight.table = NULL;
	return bare;
}

static void
assert_same(struct twins *t)
{
	struct bed *a = t->of[0];
	struct bed *b = t->of[1];
	struct sani_tcp_conn bare[2] = { without_pointers(&a->c), without_pointers(&b->c) };

	assert_memory_equal(&bare[0], &bare[1], sizeof(bare[0]));
	assert_same_queues(&a->c, &b->c);
	assert_int_equal(a->ev, b->ev);
	assert_memory_equal(&a->ctr, &b->ctr, sizeof(a->ctr));
	assert_int_equal(a->budget.growth, b->budget.growth);
	assert_int_equal(a->nb, b->nb);
	for (unsigned int i = 0; i < a->nb; i++) {
		assert_memory_equal(&a->out[i].seg, &b->out[i].seg, sizeof(a->out[i].seg));
		assert_memory_equal(a->out[i].data, b->out[i].data, a->out[i].seg.len);
		assert_int_equal(a->out[i].at_us, b->out[i].at_us);
	}
	bed_clear(a);
	bed_clear(b);
}

/* The general path gets the segment as the straight one would have it. */
static void
give(struct twins *t, int i, const struct sani_tcp_seg *seg, uint32_t piece)
{
	struct bed *b = t->of[i];
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(b, tx, 4);
	struct rte_mbuf *m = bed_text(seg, piece);

	if (i == 0) {
		b->ev |= sani_tcp_input(&b->c, seg, m, &io);
	} else {
		b->c.segs_in++;
		b->ev |= sani_tcp_process(&b->c, seg, m, &io);
	}
	for (uint16_t k = 0; k < io.nb_tx; k++)
		bed_take(b, tx[k]);
}

static void
note_kind(struct twins *t, const struct sani_tcp_seg *seg, uint32_t piece)
{
	struct sani_tcp_conn *c = &t->of[0]->c;
	struct rte_mbuf *tx[1];
	struct sani_tcp_io io = bed_io(t->of[0], tx, 1);
	struct rte_mbuf *m = bed_text(seg, piece);

	t->nb_segments++;
	if (sani_tcp_is_straight(c, seg, m, &io)) {
		t->nb_straight++;
		t->nb_text += seg->len > 0;
		t->nb_ack += seg->ack != c->snd_una && seg->ack == c->snd_nxt;
		t->nb_part += seg->ack != c->snd_una && seg->ack != c->snd_nxt;
		t->nb_bare += seg->ack != c->snd_una && !(c->flags & SANI_TCP_F_SACK);
		t->nb_fin += seg->flags & SANI_TCP_FIN;
	}
	rte_pktmbuf_free(m);
}

static uint32_t
draw_ack(struct twins *t, const struct sani_tcp_conn *c)
{
	uint32_t out = c->snd_nxt - c->snd_una;

	if (chance(t, 500))
		return c->snd_nxt;
	if (chance(t, 500))
		return c->snd_una;
	if (!odd(t, 100))
		return c->snd_una + draw(t, out + 1);
	return c->snd_una + draw(t, 2 * out + 100000) - 50000;
}

static uint32_t
draw_seq(struct twins *t, const struct sani_tcp_conn *c)
{
	if (!odd(t, 70))
		return c->rcv_nxt;
	return c->rcv_nxt + draw(t, chance(t, 900) ? 8000 : 200000) - 3000;
}

static uint8_t
draw_flags(struct twins *t)
{
	static const uint8_t rare[] = {
		SANI_TCP_FIN, SANI_TCP_SYN, SANI_TCP_RST, SANI_TCP_URG, SANI_TCP_ECE, SANI_TCP_CWR,
		SANI_TCP_ECE, SANI_TCP_CWR, SANI_TCP_URG,
	};

	if (t->brief && chance(t, 20))
		return SANI_TCP_ACK | SANI_TCP_FIN | (chance(t, 500) ? SANI_TCP_PSH : 0);
	if (!odd(t, 15))
		return SANI_TCP_ACK | (chance(t, 500) ? SANI_TCP_PSH : 0);
	return (chance(t, 900) ? SANI_TCP_ACK : 0) | rare[draw(t, RTE_DIM(rare))];
}

static void
draw_sack(struct twins *t, const struct sani_tcp_conn *c, struct sani_tcp_seg *seg)
{
	uint32_t out = c->snd_nxt - c->snd_una;

	seg->opts |= SANI_TCP_OPT_SACK;
	seg->nb_sack = (uint8_t)(1 + draw(t, 2));
	for (uint8_t i = 0; i < seg->nb_sack; i++) {
		seg->sack[i].left = c->snd_una + draw(t, out + 1) - (chance(t, 200) ? 2000 : 0);
		seg->sack[i].right = seg->sack[i].left + draw(t, 3000);
	}
}

static struct sani_tcp_seg
draw_segment(struct twins *t)
{
	struct bed *b = t->of[0];
	uint32_t len = chance(t, 400) ? 0 : 1 + draw(t, chance(t, 500) ? 64 : 1700);
	struct sani_tcp_seg seg;

	b->tsval += draw(t, 3);
	b->tsecr = b->c.ts_offset + (uint32_t)(b->now / 1000) - draw(t, 4);
	b->wnd = (uint16_t)(!odd(t, 50) ? 60000 - draw(t, 100) : draw(t, chance(t, 500) ? 3000 : 2));
	seg = bed_seg(b, draw_flags(t), draw_seq(t, &b->c), draw_ack(t, &b->c), len);
	seg.ecn = (uint8_t)(odd(t, 30) ? SANI_ECN_CE : SANI_ECN_NOT_ECT);
	seg.urg = (uint16_t)draw(t, 100);
	if (odd(t, 10))
		seg.opts ^= SANI_TCP_OPT_TS;
	if (odd(t, 10))
		seg.tsval -= 100;
	if (odd(t, 40))
		draw_sack(t, &b->c, &seg);
	return seg;
}

static void
receive(struct twins *t)
{
	struct sani_tcp_seg seg = draw_segment(t);
	uint32_t piece = !odd(t, 50) ? 1800 : 1 + draw(t, 400);
	uint8_t state;

	t->of[0]->scarce = t->of[1]->scarce = odd(t, 20);
	state = t->of[0]->c.state;
	note_kind(t, &seg, piece);
	give(t, 0, &seg, piece);
	give(t, 1, &seg, piece);
	t->nb_begun += state == SAN_TCP_SYN_RECEIVED && t->of[0]->c.state >= SAN_TCP_ESTABLISHED;
	t->nb_ended += state == SAN_TCP_LAST_ACK && t->of[0]->c.state == SAN_TCP_CLOSED && t->of[0]->c.error == 0;
}

static void
write_some(struct twins *t)
{
	uint32_t n = 1 + draw(t, chance(t, 500) ? 64 : 6000);

	assert_int_equal(bed_write(t->of[0], n), bed_write(t->of[1], n));
}

static void
pass_time(struct twins *t)
{
	uint64_t us = draw(t, chance(t, 900) ? 3000 : 60000);

	if (odd(t, 20))
		us = draw(t, 5000000);
	bed_run(t->of[0], us);
	bed_run(t->of[1], us);
}

/* What is seldom asked of a connection: its end, or to hear of an error on the way. */
static void
do_seldom(struct twins *t)
{
	bool ends = chance(t, t->brief ? 900 : 100);

	for (int i = 0; i < 2; i++) {
		struct bed *b = t->of[i];
		struct rte_mbuf *tx[1];
		struct sani_tcp_io io = bed_io(b, tx, 1);

		if (ends)
			bed_shutdown(b);
		else
			b->ev |= sani_tcp_icmp(&b->c, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, b->c.snd_una,
					       &io);
	}
}

static void
step(struct twins *t)
{
	uint32_t what = draw(t, 100);

	if (what < 55) {
		receive(t);
		assert_same(t);
	}
	if (what >= 55 && what < 75)
		write_some(t);
	if (what >= 75 && what < 85 && (!t->lazy || chance(t, 30)))
		assert_int_equal(bed_read(t->of[0]), bed_read(t->of[1]));
	if (what >= 85 && what < 99)
		pass_time(t);
	if (what == 99)
		do_seldom(t);
	if (chance(t, 700)) {
		bed_flush(t->of[0]);
		bed_flush(t->of[1]);
	}
	assert_same(t);
}

/* From a seed: what the ends have agreed on, and what the program has asked for. */
static void
open_twins(struct twins *t)
{
	uint32_t sndbuf = chance(t, 500) ? 20000 : 256 * 1024;
	bool ts = chance(t, 700), sack = chance(t, 850), nodelay = chance(t, 700), ecn = chance(t, 150);
	bool passive = chance(t, 500);
	uint8_t cc = (uint8_t)draw(t, 3);
	uint32_t rcvbuf_max = chance(t, 500) ? 400000 : 0;
	uint8_t cwv = chance(t, 100);
	uint32_t pacing = chance(t, 50) ? 1000000 : 0;

	t->calm = chance(t, 600);
	t->lazy = chance(t, 300);
	t->brief = chance(t, 600);
	for (int i = 0; i < 2; i++) {
		struct bed *b = t->of[i];

		sani_tcp_discard(&b->c);
		b->ts = ts;
		b->tsval = 7000;
		b->tsecr = 0;
		b->sack = sack;
		b->wnd = 60000;
		b->scarce = false;
		b->budget.growth = 1000000;
		b->p.nodelay = nodelay;
		b->p.rcvbuf_max = rcvbuf_max;
		b->p.sndbuf = sndbuf;
		b->p.sndbuf_max = 256 * 1024;
		b->p.tune.cc = cc;
		b->p.tune.cwv = cwv;
		b->p.tune.pacing = pacing;
		b->general = i == 1;
		if (passive)
			bed_syn(b);
		else
			bed_connect(b);
		if (ecn)
			b->c.flags |= SANI_TCP_F_ECN;
	}
	/* what lies between the fields too */
	memcpy(&t->of[1]->c, &t->of[0]->c, sizeof(t->of[0]->c));
	assert_same(t);
}

static void
test_both_ways_are_the_same(void **state)
{
	struct twins t = { .of = { *state }, .rng = 88172645463325252u };
	void *other;

	assert_int_equal(bed_setup(&other), 0);
	t.of[1] = other;
	for (int i = 0; i < NB_CONNECTIONS; i++) {
		open_twins(&t);
		for (int k = 0; k < (t.brief ? NB_STEPS / 4 : NB_STEPS) && t.of[0]->c.state != SAN_TCP_CLOSED; k++)
			step(&t);
	}
	sani_tcp_discard(&t.of[1]->c);
	sani_tcp_discard(&t.of[0]->c);
	assert_int_equal(bed_teardown(&other), 0);
	/* the comparison is of something: each kind was there, and so were others */
	print_message("%u segments, %u straight: %u with text, %u acknowledge all, %u some, %u FINs\n", t.nb_segments,
		      t.nb_straight, t.nb_text, t.nb_ack, t.nb_part, t.nb_fin);
	print_message("%u connections were completed, %u ended by an ACK\n", t.nb_begun, t.nb_ended);
	assert_in_range(t.nb_fin, 20, t.nb_straight);
	assert_in_range(t.nb_begun, 50, NB_CONNECTIONS);
	assert_in_range(t.nb_ended, 20, NB_CONNECTIONS);
	assert_in_range(t.nb_straight, t.nb_segments / 8, t.nb_segments / 8 * 7);
	assert_in_range(t.nb_text, 500, t.nb_straight);
	assert_in_range(t.nb_ack, 500, t.nb_straight);
	assert_in_range(t.nb_part, 50, t.nb_straight);
	assert_in_range(t.nb_bare, 50, t.nb_straight);
	print_message("%u calls of output, %u straight, %u of them behind others\n", t.of[0]->nb_sending,
		      t.of[0]->nb_straight, t.of[0]->nb_behind);
	assert_in_range(t.of[0]->nb_straight, 500, t.of[0]->nb_sending / 8 * 7);
	assert_in_range(t.of[0]->nb_behind, 100, t.of[0]->nb_straight / 8 * 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(test_both_ways_are_the_same),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
