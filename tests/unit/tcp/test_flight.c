/* SPDX-License-Identifier: BSD-3-Clause */
/* flight.c: against a plain array of bytes, with a pool that has buffers and with one that has none. */
#include <rte_mempool.h>

#include "bed.h"

#define SPAN 65536u
#define LOST SANI_TCP_RUN_LOST
#define SACKED SANI_TCP_RUN_SACKED

/* What is known of each byte between snd_una and snd_nxt. */
struct byte {
	uint8_t flags;
	uint32_t time;
};

struct model {
	struct sani_tcp_conn *c;
	struct byte byte[SPAN];		/* by sequence number, modulo SPAN */
	uint64_t now;
};

static struct model model;

/* Whose acknowledgement it is; nothing was ever sent less than a round trip ago. */
static const struct sani_tcp_seg no_options;
static struct sani_tcp_io io;
static struct sani_tcp_rx segment = { .seg = &no_options, .io = &io };
static uint64_t rng;

static uint32_t
draw(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 20) % n);
}

static struct byte *
at(uint32_t seq)
{
	return &model.byte[seq % SPAN];
}

static struct sani_tcp_conn *
begin(struct bed *b, uint32_t una)
{
	b->p.iss = una - 1;
	sani_tcp_init(&b->c, &b->p);
	b->c.snd_una = b->c.snd_nxt = b->c.rack_fack = una;
	b->c.srtt_us = 10000;
	b->c.snd_mss = 1000;
	memset(&model, 0, sizeof(model));
	model.c = segment.c = &b->c;
	model.now = b->now;
	return &b->c;
}

static void
send_new(uint32_t len)
{
	struct sani_tcp_conn *c = model.c;

	sani_tcp_flight_sent(c, c->snd_nxt, c->snd_nxt + len, model.now, bed_pool);
	for (uint32_t s = c->snd_nxt; s != c->snd_nxt + len; s++)
		*at(s) = (struct byte){ .time = (uint32_t)model.now };
	c->snd_nxt += len;
}

/* The runs lie side by side, and the sums are right. */
static void
check_shape(void)
{
	struct sani_tcp_conn *c = model.c;
	const struct sani_tcp_run *r = sani_tcp_runs(c);
	uint32_t sacked = 0, lost = 0;

	assert_int_equal(c->flight.nb == 0, c->snd_una == c->snd_nxt);
	for (uint32_t i = 0; i < c->flight.nb; i++) {
		uint32_t len = sani_tcp_run_end(c, r, i) - r[i].seq;

		assert_in_range(len, 1, SPAN);
		assert_int_not_equal(r[i].word & (LOST | SACKED), LOST | SACKED);
		sacked += r[i].word & SACKED ? len : 0;
		lost += r[i].word & LOST ? len : 0;
	}
	if (c->flight.nb > 0)
		assert_int_equal(r[0].seq, c->snd_una);
	assert_int_equal(sacked, c->flight.sacked);
	assert_int_equal(lost, c->flight.lost);
}

/* Every byte has fared as the model says. */
static void
check_bytes(void)
{
	struct sani_tcp_conn *c = model.c;
	const struct sani_tcp_run *r = sani_tcp_runs(c);

	check_shape();
	for (uint32_t i = 0; i < c->flight.nb; i++)
		for (uint32_t s = r[i].seq; s != sani_tcp_run_end(c, r, i); s++) {
			assert_int_equal(r[i].word & (LOST | SACKED), at(s)->flags & (LOST | SACKED));
			if (at(s)->flags & SACKED)
				continue;	/* its time says nothing any more */
			assert_int_equal(r[i].word & SANI_TCP_RUN_RESENT,
					 at(s)->flags & SANI_TCP_RUN_RESENT);
			assert_int_equal(sani_tcp_time_diff(sani_tcp_run_time(&r[i]), at(s)->time), 0);
		}
}

static void
acknowledge(uint32_t len)
{
	struct sani_tcp_conn *c = model.c;
	struct sani_tcp_delivery d = { .rx = &segment, .prior_fack = c->rack_fack };
	uint32_t fresh = 0;

	for (uint32_t s = c->snd_una; s != c->snd_una + len; s++)
		fresh += !(at(s)->flags & SACKED);
	sani_tcp_flight_acked(c, c->snd_una + len, &d);
	c->snd_una += len;
	assert_int_equal(d.bytes, fresh);
}

/* A random SACK block that does not cut runs in more places than there is room for. */
static void
sack(void)
{
	struct sani_tcp_conn *c = model.c;
	struct sani_tcp_delivery d = { .rx = &segment, .prior_fack = c->rack_fack };
	uint32_t out = c->snd_nxt - c->snd_una;
	uint32_t left = c->snd_una + draw(out);
	uint32_t right = left + 1 + draw(c->snd_nxt - left);
	uint32_t fresh = 0;

	for (uint32_t s = left; s != right; s++) {
		fresh += !(at(s)->flags & SACKED);
		at(s)->flags = (uint8_t)((at(s)->flags | SACKED) & ~LOST);
	}
	sani_tcp_flight_sacked(c, left, right, &d, bed_pool);
	assert_int_equal(d.bytes, fresh);
	assert_int_equal(d.sacked, fresh > 0);
}

static void
lose_one(void)
{
	struct sani_tcp_conn *c = model.c;
	uint32_t i = draw(c->flight.nb);
	const struct sani_tcp_run *r = sani_tcp_runs(c);

	for (uint32_t s = r[i].seq; s != sani_tcp_run_end(c, r, i); s++)
		if (!(at(s)->flags & SACKED))
			at(s)->flags |= LOST;
	sani_tcp_flight_lose(c, i);
}

static void
send_lost(void)
{
	struct sani_tcp_conn *c = model.c;
	uint32_t seq, end;

	if (!sani_tcp_flight_first_lost(c, &seq, &end))
		return;
	end = seq + sani_tcp_min(end - seq, 1 + draw(1500));
	sani_tcp_flight_sent(c, seq, end, model.now, bed_pool);
	for (uint32_t s = seq; s != end; s++)
		*at(s) = (struct byte){ .flags = SANI_TCP_RUN_RESENT, .time = (uint32_t)model.now };
}

static void
every_byte_fares_as_in_a_plain_array(void **state)
{
	struct bed *b = *state;

	rng = 88172645463325252u;
	for (uint32_t round = 0; round < 20; round++) {
		struct sani_tcp_conn *c = begin(b, round % 2 ? UINT32_MAX - 20000 : draw(UINT32_MAX));

		for (int step = 0; step < 400; step++) {
			uint32_t out = c->snd_nxt - c->snd_una;

			model.now += draw(300);
			if (out == 0 || (out < 40000 && draw(3) == 0))
				send_new(1 + draw(4000));
			else if (draw(8) == 0)
				acknowledge(draw(4) ? 1 + draw(sani_tcp_min(out, 3000)) : out);
			else if (c->flight.nb < 100 && draw(2) == 0)
				sack();
			else if (draw(2) == 0)
				lose_one();
			else
				send_lost();
			check_bytes();
		}
		sani_tcp_flight_free(c);
	}
}

/* Without room information is given up, but never the shape: nothing is lost sight of. */
static void
full_table_keeps_its_shape(void **state)
{
	struct bed *b = *state;
	struct rte_mbuf *all[8192];
	unsigned int n = bed_drain(all);

	rng = 1234567;
	for (uint32_t round = 0; round < 20; round++) {
		struct sani_tcp_conn *c = begin(b, draw(UINT32_MAX));
		struct sani_tcp_delivery d = { .rx = &segment };

		for (int step = 0; step < 400; step++) {
			uint32_t out = c->snd_nxt - c->snd_una;
			uint32_t left, seq, end;

			model.now += draw(300);
			if (out == 0 || (out < 40000 && draw(3) == 0)) {
				send_new(1 + draw(4000));
			} else if (draw(8) == 0) {
				seq = 1 + draw(out);
				sani_tcp_flight_acked(c, c->snd_una + seq, &d);
				c->snd_una += seq;
			} else if (draw(2) == 0) {
				left = c->snd_una + draw(out);
				sani_tcp_flight_sacked(c, left, left + 1 + draw(c->snd_nxt - left), &d,
						       bed_pool);
			} else if (draw(2) == 0) {
				sani_tcp_flight_lose(c, draw(c->flight.nb));
			} else if (sani_tcp_flight_first_lost(c, &seq, &end)) {
				end = seq + sani_tcp_min(end - seq, 1 + draw(1500));
				sani_tcp_flight_sent(c, seq, end, model.now, bed_pool);
				/* progress: the same is not sent for ever */
				assert_true(!sani_tcp_flight_first_lost(c, &left, &end) || left != seq);
			}
			check_shape();
			assert_in_range(c->flight.nb, 0, SANI_TCP_RUNS_FEW);
		}
		sani_tcp_flight_free(c);
	}
	bed_refill(all, n);
}

static void
burst_is_one_run(void **state)
{
	struct sani_tcp_conn *c = begin(*state, 5000);

	for (int i = 0; i < 40; i++)
		send_new(1000);
	assert_int_equal(c->flight.nb, 1);
	assert_null(c->flight.table);
	sani_tcp_flight_free(c);
}

/* The peer acknowledges every other octet: runs are bounded, and so is the work. */
static void
every_other_octet_sacked_stays_within_the_table(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_conn *c = begin(b, 5000);
	struct sani_tcp_delivery d = { .rx = &segment };
	unsigned int before = rte_mempool_avail_count(bed_pool);

	send_new(20000);
	for (uint32_t s = 5001; s < 25000; s += 2)
		sani_tcp_flight_sacked(c, s, s + 1, &d, bed_pool);
	check_shape();
	assert_int_equal(before - rte_mempool_avail_count(bed_pool), 1);
	assert_in_range(c->flight.sacked, 50, 400);
	send_new(1000);
	check_shape();
	sani_tcp_flight_free(c);
	assert_int_equal(rte_mempool_avail_count(bed_pool), before);
}

/* Many bursts in a crowded table: later ones share a time that is off by a 64th of the round trip at most. */
static void
crowded_table_coalesces_times(void **state)
{
	struct sani_tcp_conn *c = begin(*state, 5000);

	c->srtt_us = 64000;
	for (int i = 0; i < 1000; i++) {
		model.now += 100;
		send_new(10);
	}
	check_shape();
	for (uint32_t i = 0; i < c->flight.nb; i++) {
		const struct sani_tcp_run *r = sani_tcp_runs(c);

		for (uint32_t s = r[i].seq; s != sani_tcp_run_end(c, r, i); s++)
			assert_in_range(sani_tcp_time_diff(at(s)->time, sani_tcp_run_time(&r[i])), 0, 1000);
	}
	sani_tcp_flight_free(c);
}

/* What is sent behind a retransmission never has a time from before it: RACK would hold it for overtaken. */
static void
crowded_table_keeps_the_order_around_a_retransmission(void **state)
{
	struct sani_tcp_conn *c = begin(*state, 5000);
	uint32_t again_us;

	c->srtt_us = 64000;
	for (int i = 0; i < 1000; i++) {
		model.now += 100;
		send_new(10);
	}
	model.now++;
	again_us = (uint32_t)model.now << 4 >> 4;
	sani_tcp_flight_sent(c, 5000, 5010, model.now, bed_pool);
	model.now++;
	send_new(10);
	assert_in_range(sani_tcp_time_diff(sani_tcp_run_time(&sani_tcp_runs(c)[c->flight.nb - 1]), again_us), 1, 1);
	sani_tcp_flight_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(every_byte_fares_as_in_a_plain_array),
		bed_test(full_table_keeps_its_shape),
		bed_test(burst_is_one_run),
		bed_test(every_other_octet_sacked_stays_within_the_table),
		bed_test(crowded_table_coalesces_times),
		bed_test(crowded_table_keeps_the_order_around_a_retransmission),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
