/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parking: what comes back is what was put away, byte for byte, after any past that lets a connection be parked; what
 * is put away has nothing that would be lost; and one that was parked at each opportunity speaks like one that never
 * was.
 */
#include "bed.h"
#include "tcp/park.h"

#define NB_CONNECTIONS 60
#define NB_STEPS 400

struct walk {
	uint64_t rng;
	unsigned int nb_parked;
	unsigned int nb_resent;		/* of these, with something that was sent again before */
};

static uint32_t
draw(struct walk *w, uint32_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (uint32_t)((w->rng >> 20) % n);
}

/* Into another block, in which nothing is as it was. */
static void
put_away_and_back(struct bed *b)
{
	struct sani_tcp_parked p = { .sock = 4711 };
	struct sani_tcp_owner owner = b->c.owner;

	sani_tcp_park(&b->c, &p, b->now);
	assert_int_equal(p.sock, 4711);
	assert_true(sani_tcp_parked_is(&p, &b->c.tuple));
	memset((uint8_t *)&b->c, 0xa5, sizeof(b->c));
	b->c.owner = owner;
	sani_tcp_unpark(&b->c, &p, b->now);
}

static void
park(struct walk *w, struct bed *b)
{
	static struct sani_tcp_conn calm;

	if (!sani_tcp_may_park(&b->c, 0, b->now))
		return;
	w->nb_parked++;
	w->nb_resent += b->c.rexmit_segs > 0;
	sani_tcp_calm(&b->c, b->now);
	memcpy(&calm, &b->c, sizeof(calm));
	put_away_and_back(b);
	assert_memory_equal(&b->c, &calm, sizeof(calm));
	assert_true(sani_tcp_may_park(&b->c, 0, b->now));
}

/* The peer acknowledges all, some, or nothing; with text or without. */
static void
receive(struct walk *w, struct bed *b)
{
	uint32_t out = b->c.snd_nxt - b->c.snd_una;
	uint32_t ack = draw(w, 3) > 0 ? b->c.snd_nxt : b->c.snd_una + draw(w, out + 1);
	uint32_t edges[2] = { b->c.snd_una + out / 2, b->c.snd_nxt };

	b->tsval++;
	b->tsecr = b->c.ts_offset + (uint32_t)(b->now / 1000);
	if (b->sack && out > 2000 && draw(w, 4) == 0)
		bed_sack(b, b->c.snd_una, 1, edges);
	else
		bed_in(b, SANI_TCP_ACK, b->c.rcv_nxt + (draw(w, 20) == 0 ? 1000 : 0), ack,
		       draw(w, 2) ? draw(w, 1400) : 0);
}

static void
step(struct walk *w, struct bed *b)
{
	uint32_t what = draw(w, 100);

	if (what < 45)
		receive(w, b);
	else if (what < 60)
		bed_write(b, 1 + draw(w, draw(w, 2) ? 64 : 6000));
	else if (what < 80)
		bed_read(b);
	else
		bed_run(b, draw(w, draw(w, 10) ? 3000 : 1500000));
	bed_flush(b);
	bed_clear(b);
	park(w, b);
}

static void
open_one(struct walk *w, struct bed *b)
{
	sani_tcp_discard(&b->c);
	b->ts = draw(w, 10) < 7;
	b->sack = draw(w, 10) < 8;
	b->wnd = 60000;
	b->budget.growth = 1000000;
	b->p.nodelay = draw(w, 2);
	b->p.rcvbuf_max = draw(w, 2) ? 400000 : 0;
	b->p.tune = (struct sani_tcp_tune){ .keep = SANI_TCP_KEEP_USUAL, .cc = (uint8_t)draw(w, 3),
		.tos = 8, .ttl = 61 };
	b->p.user_timeout_ms = draw(w, 2) * 1000000;
	if (draw(w, 2))
		bed_connect(b);
	else
		bed_accept(b);
}

static void
test_all_comes_back(void **state)
{
	struct bed *b = *state;
	struct walk w = { .rng = 88172645463325252u };

	for (int i = 0; i < NB_CONNECTIONS; i++) {
		open_one(&w, b);
		for (int k = 0; k < NB_STEPS && b->c.state != SAN_TCP_CLOSED; k++)
			step(&w, b);
	}
	sani_tcp_discard(&b->c);
	print_message("parked %u times, %u of them after a loss\n", w.nb_parked, w.nb_resent);
	assert_true(w.nb_parked > 500);
	assert_true(w.nb_resent > 100);
}

/* A request and its answer; then silence, in which the delayed ACK goes. */
static void
exchange(struct bed *b, uint32_t len)
{
	b->tsval++;
	b->tsecr = b->c.ts_offset + (uint32_t)(b->now / 1000);
	bed_in(b, SANI_TCP_ACK | SANI_TCP_PSH, b->c.rcv_nxt, b->c.snd_una, len);
	bed_read(b);
	bed_write(b, len);
	bed_run(b, 500);
	bed_in(b, SANI_TCP_ACK, b->c.rcv_nxt, b->c.snd_nxt, 0);
	bed_run(b, 100 * MS);
}

static void
test_nothing_is_heard_of_it(void **state)
{
	struct bed *b[2] = { *state, NULL };
	void *other;

	assert_int_equal(bed_setup(&other), 0);
	b[1] = other;
	for (int i = 0; i < 2; i++) {
		b[i]->ts = b[i]->sack = true;
		b[i]->wnd = 60000;
		b[i]->p.tune.keep = (struct sani_tcp_keep)SANI_TCP_KEEP_USUAL;
		bed_accept(b[i]);
		bed_clear(b[i]);
	}
	for (uint32_t k = 0; k < 200; k++) {
		for (int i = 0; i < 2; i++)
			exchange(b[i], 1 + k * 7 % 1400);
		assert_true(sani_tcp_may_park(&b[0]->c, 0, b[0]->now));
		put_away_and_back(b[0]);
		assert_int_equal(b[0]->nb, b[1]->nb);
		for (unsigned int i = 0; i < b[0]->nb; i++) {
			assert_memory_equal(&b[0]->out[i].seg, &b[1]->out[i].seg, sizeof(b[0]->out[i].seg));
			assert_int_equal(b[0]->out[i].at_us, b[1]->out[i].at_us);
		}
		assert_memory_equal(&b[0]->ctr, &b[1]->ctr, sizeof(b[0]->ctr));
		assert_int_equal(b[0]->c.cwnd, b[1]->c.cwnd);
		bed_clear(b[0]);
		bed_clear(b[1]);
	}
	sani_tcp_discard(&b[1]->c);
	assert_int_equal(bed_teardown(&other), 0);
}

/* What would be lost, each by itself; m stands for any buffer. */
#define LOST_CASES(X)							\
	X(state, c->state = SAN_TCP_CLOSE_WAIT)				\
	X(recovery, c->ca = SANI_TCP_CA_CWR)				\
	X(extras, c->extras = SANI_TCP_X_CWV)				\
	X(fin, c->flags |= SANI_TCP_F_FIN_KNOWN)			\
	X(urgent, c->flags |= SANI_TCP_F_RCV_URG)			\
	X(search_flag, c->flags |= SANI_TCP_F_MTU)			\
	X(ack_due, c->flags |= SANI_TCP_F_ACK_NOW)			\
	X(search, c->search.on = true)					\
	X(lowered, c->search.top = 1500)				\
	X(keepalive, c->keep.on = true)					\
	X(keep_idle, c->keep.idle_ms++)					\
	X(keep_interval, c->keep.interval_ms++)				\
	X(keep_count, c->keep.count++)					\
	X(error, c->error = -1)						\
	X(soft_error, c->soft_error = -1)				\
	X(mss, c->snd_mss--)						\
	X(rto, c->rto_us++)						\
	X(in_flight, c->snd_nxt++)					\
	X(unsent, c->written++)						\
	X(sndq, c->sndq.head = m)					\
	X(runs, c->flight.nb = 1)					\
	X(table, c->flight.table = m)					\
	X(shut, c->snd_wnd = 0)						\
	X(unread, c->rcvq.bytes = 1)					\
	X(rcvq, c->rcvq.head = m)					\
	X(hole, c->rcvq.ooo = m)					\
	X(dsack, c->rcvq.dsack_right++)					\
	X(owed, c->last_ack_sent--)					\
	X(timer, sani_tcp_arm(c, SANI_TCP_T_PACE, 1ull << 40))		\
	X(first_timer, sani_tcp_arm(c, SANI_TCP_T_USER, 1ull << 40))	\
	X(backoff, c->backoff = 1)					\
	X(persist, c->persist_shift = 1)				\
	X(dup_acks_due, c->dup_acks_due = 1)				\
	X(more, c->more = true)						\
	X(keep_due, c->keep_due = true)					\
	X(iss, c->iss--)						\
	X(irs, c->irs--)						\
	X(v6, c->tuple.remote.b[0] = 0x20)				\
	X(segs_in, c->segs_in = 1ull << 32)				\
	X(segs_out, c->segs_out = 1ull << 32)				\
	X(rexmit_segs, c->rexmit_segs = 1ull << 32)			\
	X(rexmit_bytes, c->rexmit_bytes = 1ull << 32)			\
	X(granted, c->granted = 1ull << 32)				\
	X(quick_acks, c->quick_acks = 64)				\
	X(undo_now, (c->flags |= SANI_TCP_F_UNDO, c->last_snd_us = now))	\
	X(resent_now, (c->flags |= SANI_TCP_F_RTX_SENT, c->last_snd_us = now))	\
	X(probe_now, (c->tlp_untimed = true, c->last_snd_us = now))	\
	X(challenges, (c->nb_challenges = 1, c->challenge_ms = (uint32_t)(now / 1000)))

#define LOST(name, what)								\
	static void lose_##name(struct sani_tcp_conn *c, struct rte_mbuf *m, uint64_t now)	\
	{										\
		(void)m;								\
		(void)now;								\
		what;									\
	}
LOST_CASES(LOST)

static const struct {
	const char *name;
	void (*lose)(struct sani_tcp_conn *c, struct rte_mbuf *m, uint64_t now);
} lost[] = {
#define ENTRY(name, what) { #name, lose_##name },
	LOST_CASES(ENTRY)
};

static void
test_what_would_be_lost_stays(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_conn c;
	struct rte_mbuf m;

	b->sack = b->ts = true;
	b->p.tune.keep = (struct sani_tcp_keep)SANI_TCP_KEEP_USUAL;
	bed_accept(b);
	exchange(b, 100);
	assert_true(sani_tcp_may_park(&b->c, 0, b->now));
	for (size_t i = 0; i < RTE_DIM(lost); i++) {
		memcpy(&c, &b->c, sizeof(c));
		lost[i].lose(&c, &m, b->now);
		if (sani_tcp_may_park(&c, 0, b->now))
			fail_msg("%s would be lost", lost[i].name);
	}
}

/* What tells of a loss counts for an RTO after the last segment, and challenges for a second. */
static void
test_what_is_over_is_forgotten(void **state)
{
	struct bed *b = *state;

	b->sack = b->ts = true;
	b->p.tune.keep = (struct sani_tcp_keep)SANI_TCP_KEEP_USUAL;
	bed_accept(b);
	exchange(b, 100);
	b->c.flags |= SANI_TCP_F_UNDO | SANI_TCP_F_RTX_SENT;
	b->c.last_snd_us = b->now;
	b->c.nb_challenges = 3;
	b->c.challenge_ms = (uint32_t)(b->now / 1000);
	assert_false(sani_tcp_may_park(&b->c, 0, b->now + b->c.rto_us));
	assert_false(sani_tcp_may_park(&b->c, 0, b->now + SEC - MS));
	assert_true(sani_tcp_may_park(&b->c, 0, b->now + SEC));
	sani_tcp_calm(&b->c, b->now + SEC);
	assert_int_equal(b->c.flags & (SANI_TCP_F_UNDO | SANI_TCP_F_RTX_SENT), 0);
}

/* The mark of urgent data of ours is noted as over only with the next segment. */
static void
test_urgent_data_that_was_acknowledged_keeps_nothing(void **state)
{
	struct bed *b = *state;

	b->sack = b->ts = true;
	b->p.tune.keep = (struct sani_tcp_keep)SANI_TCP_KEEP_USUAL;
	bed_accept(b);
	sani_tcp_urge(&b->c);
	exchange(b, 100);
	sani_tcp_urge(&b->c);
	assert_true(b->c.flags & SANI_TCP_F_SND_URG);
	assert_true(sani_tcp_may_park(&b->c, 0, b->now));
	sani_tcp_calm(&b->c, b->now);
	assert_false(b->c.flags & SANI_TCP_F_SND_URG);
	/* what is not even sent yet does */
	bed_clear(b);
	b->wnd = 60000;
	bed_write(b, 100);
	sani_tcp_urge(&b->c);
	assert_false(sani_tcp_may_park(&b->c, 0, b->now));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(test_all_comes_back),
		bed_test(test_nothing_is_heard_of_it),
		bed_test(test_what_would_be_lost_stays),
		bed_test(test_what_is_over_is_forgotten),
		bed_test(test_urgent_data_that_was_acknowledged_keeps_nothing),
	};

	return cmocka_run_group_tests_name("tcp_park", tests, bed_group, NULL);
}
