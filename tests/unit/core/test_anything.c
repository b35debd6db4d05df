/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strangers that send anything, a program that does anything, a clock that jumps and a pool that runs dry, from fixed
 * seeds: numbers are near those of the connection more often than not. Nothing breaks (the sanitizers see more of it),
 * what waits has a timer, and in the end, when everybody is silent, nothing is left that waits for an answer.
 */
#include "spoof.h"
#include "tcp/lent.h"
#include "tcp/priv.h"

#define FIN SANI_TCP_FIN
#define SYN SANI_TCP_SYN
#define RST SANI_TCP_RST
#define PSH SANI_TCP_PSH
#define ACK SANI_TCP_ACK
#define URG SANI_TCP_URG
#define ECE SANI_TCP_ECE
#define CWR SANI_TCP_CWR
#define MS UINT64_C(1000)
#define SEC UINT64_C(1000000)

#define WORLDS 24u
#define STEPS 4000u
#define FLOWS 16u
#define ACTIVE 12u		/* from here on B connects */
#define SILENCE_S 2600u		/* more than two user timeouts, and as long as any backoff */

static const uint8_t text[4096];

/* What a stranger remembers of its flow. */
static struct flow {
	struct sani_tuple t;
	uint32_t seq;
	uint32_t ack;
	uint32_t tsval;
	uint32_t tsecr;
} flows[FLOWS];

static uint64_t random_state;
static bool tight;
static struct rte_mbuf *held[8192];
static unsigned int nb_held;

static uint32_t
draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static uint32_t
draw_below(uint32_t n)
{
	return n > 0 ? draw() % n : 0;
}

static bool
chance(uint32_t percent)
{
	return draw_below(100) < percent;
}

static struct sani_core *
core_of_b(void)
{
	return pair.host[B]->cores[0];
}

static struct sani_tcp_conn *
conn_of(const struct sani_tuple *t)
{
	uint32_t hash = (uint32_t)sani_flow_hash(&pair.host[B]->flow_key, t);
	sani_flow_ref ref = sani_conn_find(core_of_b(), t, hash);

	/* of one that is parked it knows what it has heard, so that its segment wakes it */
	if (ref == SANI_FLOW_NOTHING || (ref & SANI_FLOW_KINDS) != 0)
		return NULL;
	return sani_core_conn(core_of_b(), sani_flow_idx(ref));
}

static void
hear_answers(void)
{
	struct sani_tcp_seg out;
	struct sani_tuple t;

	while (spoof_take(&t, &out))
		for (unsigned int i = 0; i < FLOWS; i++) {
			if (!sani_tuple_eq(&t, &flows[i].t))
				continue;
			flows[i].ack = out.seq + sani_tcp_seg_space(&out);
			flows[i].tsecr = out.tsval;
			if (out.flags & ACK)
				flows[i].seq = out.ack;
		}
}

static void
add_syn_options(struct sani_tcp_seg *seg, const struct flow *f)
{
	seg->opts = SANI_TCP_OPT_MSS;
	seg->mss = chance(10) ? (uint16_t)draw_below(300) : 1460;
	if (chance(80)) {
		seg->opts |= SANI_TCP_OPT_TS;
		seg->tsval = f->tsval;
		seg->tsecr = seg->flags & ACK ? f->tsecr : 0;
	}
	if (chance(60)) {
		seg->opts |= SANI_TCP_OPT_WSCALE;
		seg->wscale = (uint8_t)draw_below(15);
	}
	if (chance(50))
		seg->opts |= SANI_TCP_OPT_SACK_PERM;
	if (chance(60)) {
		seg->opts |= SANI_TCP_OPT_FAST;
		seg->nb_fast = chance(80) ? SANI_FAST_COOKIE : (uint8_t)(2 * draw_below(4));
		sani_fast_cookie(pair.host[B]->key, &f->t.remote, pair_now_us, seg->fast);
	}
}

static void
add_blocks(struct sani_tcp_seg *seg, const struct sani_tcp_conn *c)
{
	uint32_t out = c->snd_nxt - c->snd_una;

	seg->opts |= SANI_TCP_OPT_SACK;
	seg->nb_sack = (uint8_t)(1 + draw_below(3));
	for (uint8_t i = 0; i < seg->nb_sack; i++) {
		seg->sack[i].left = c->snd_una + draw_below(out + 3) - (chance(20) ? draw_below(2000) : 0);
		seg->sack[i].right = seg->sack[i].left + 1 + draw_below(out + 10);
	}
}

static void
add_options(struct sani_tcp_seg *seg, const struct flow *f, const struct sani_tcp_conn *c)
{
	if (chance(96)) {
		seg->opts |= SANI_TCP_OPT_TS;
		seg->tsval = f->tsval;
		seg->tsecr = c != NULL ? sani_tcp_ts_now(c, pair_now_us) - draw_below(50) : f->tsecr;
	}
	if (c != NULL && chance(25))
		add_blocks(seg, c);
}

/* Where it would be right, or near, or anywhere. */
static void
draw_numbers(struct sani_tcp_seg *seg, const struct flow *f, const struct sani_tcp_conn *c)
{
	seg->seq = c != NULL ? c->rcv_nxt : f->seq;
	seg->ack = c != NULL ? c->snd_nxt : f->ack;
	if (c != NULL && chance(40))
		seg->ack = c->snd_una + draw_below(c->snd_nxt - c->snd_una + 2);
	if (chance(30))
		seg->seq += draw_below(6000) - 3000u;
	if (chance(3))
		seg->seq = draw();
	if (chance(5))
		seg->ack += draw_below(200) - 100u;
	if (chance(2))
		seg->ack = draw();
}

static void
send_segment(struct flow *f)
{
	static const uint8_t flags[] = {
		ACK, ACK, ACK, ACK, ACK | PSH, ACK | FIN, SYN, SYN, RST, RST | ACK, SYN | ACK, ACK | URG,
		ACK | ECE, ACK | CWR, SYN | ECE | CWR, 0, FIN, SYN | FIN, SYN | RST,
	};
	struct sani_tcp_conn *c = conn_of(&f->t);
	struct sani_tcp_seg seg = {
		.flags = flags[draw_below(sizeof(flags))],
		.wnd = chance(15) ? 0 : chance(20) ? (uint16_t)draw_below(100) : 60000,
		.len = chance(50) ? 0 : draw_below(1400),
		.urg = (uint16_t)draw_below(3000),
	};

	if (c != NULL && sani_tcp_state(c) == SAN_TCP_SYN_SENT && chance(60))
		seg.flags = SYN | ACK;
	f->tsval += chance(5) ? draw_below(100000) : draw_below(3);
	draw_numbers(&seg, f, c);
	if (c == NULL && (seg.flags & SYN))
		seg.seq = chance(50) ? f->seq + draw_below(100000) : draw();
	if (seg.flags & SYN)
		add_syn_options(&seg, f);
	else
		add_options(&seg, f, c);
	spoof_send(&f->t, &seg, text);
}

/* B opens a connection of its own, mostly with something to say at once. */
static void
connect_to(const struct flow *f)
{
	struct sani_open open = {
		.local_port = f->t.local_port, .remote = f->t.remote, .remote_port = f->t.remote_port,
		.sock = pair.nb_socks,
		.tune = {
			.keep = SANI_TCP_KEEP_USUAL, .fast = chance(80), .mtu_probe = chance(30), .cc = SAN_CC_CUBIC,
			.ecn = (uint8_t)draw_below(3),
		},
	};
	struct sani_tcp_io io = sani_core_io(core_of_b());
	struct sani_tcp_conn *c;
	uint32_t taken;

	if (sani_core_connect(core_of_b(), &open, &c) != 0)
		return;
	pair.socks[pair.nb_socks++] = (struct pair_sock){
		.core = core_of_b(), .idx = sani_core_conn_idx(core_of_b(), c), .gen = c->owner.gen,
	};
	if (chance(70))
		sani_core_touch(core_of_b(), c, sani_tcp_write(c, text, 1 + draw_below(4000), &io, &taken));
	if (chance(10))
		sani_core_touch(core_of_b(), c, sani_tcp_shutdown(c));
}

static void
act_as_stranger(void)
{
	struct flow *f = &flows[draw_below(FLOWS)];

	if (f->t.local_port == 80 || conn_of(&f->t) != NULL)
		send_segment(f);
	else if (chance(50))
		connect_to(f);
}

static uint32_t
take_buffers(struct sani_tcp_conn *c)
{
	struct rte_mbuf *m[4];
	uint32_t bytes;
	uint32_t ev;
	uint32_t n = sani_tcp_take(c, m, 1 + draw_below(4), &bytes, &ev);

	rte_pktmbuf_free_bulk(m, n);
	return ev;
}

static uint32_t
set_something(struct sani_tcp_conn *c)
{
	static const enum san_option options[] = {
		SAN_OPT_NODELAY, SAN_OPT_PACING, SAN_OPT_KEEPALIVE, SAN_OPT_RCVBUF, SAN_OPT_SNDBUF,
	};
	enum san_option option = options[draw_below(5)];
	uint32_t value = chance(50);

	if (option == SAN_OPT_RCVBUF || option == SAN_OPT_SNDBUF)
		value = 4096 + draw_below(chance(50) ? 10000 : 1000000);
	else if (option == SAN_OPT_PACING)
		value = chance(50) ? SAN_PACING_AUTO : 1000 + draw_below(1000000);
	return sani_tcp_set_option(c, option, value, pair_now_us);
}

static void
hear_of_mtu(struct sani_tcp_conn *c)
{
	struct sani_tcp_io io = sani_core_io(core_of_b());
	uint16_t mtu = (uint16_t)(chance(50) ? draw_below(1500) : draw_below(80));
	uint8_t code = chance(70) ? 4 : (uint8_t)draw_below(6);

	sani_conn_settle(core_of_b(), c, sani_tcp_icmp(c, 3, code, mtu, c->snd_una, &io));
}

/* One of the sockets that came last does something. */
static void
act_as_program(void)
{
	uint32_t back = 1 + draw_below(12);
	struct sani_tcp_io io = sani_core_io(core_of_b());
	uint8_t buf[3000];
	struct sani_tcp_conn *c;
	uint32_t taken;
	uint32_t ev = 0;

	if (back > pair.nb_socks)
		return;
	c = sani_core_conn(core_of_b(), pair.socks[pair.nb_socks - back].idx);
	if (c->owner.gen != pair.socks[pair.nb_socks - back].gen)
		return;
	switch (draw_below(12)) {
	case 0:
	case 1:
	case 2:
		ev = sani_tcp_write(c, text, 1 + draw_below(sizeof(text)), &io, &taken);
		break;
	case 3:
	case 4:
		sani_tcp_read(c, buf, 1 + draw_below(sizeof(buf)), &ev);
		break;
	case 5:
		ev = sani_tcp_shutdown(c);
		break;
	case 6:
		ev = sani_tcp_urge(c);
		break;
	case 7:
		ev = sani_tcp_more(c, chance(50), pair_now_us);
		break;
	case 8:
		ev = take_buffers(c);
		break;
	case 9:
		ev = set_something(c);
		break;
	case 10:
		hear_of_mtu(c);
		return;
	default:
		sani_core_confirm(core_of_b(), c);
		if (chance(30))
			sani_core_conn_close(core_of_b(), c);
		return;
	}
	sani_core_touch(core_of_b(), c, ev);
}

static void
close_all(void)
{
	for (uint32_t i = 0; i < pair.nb_socks; i++) {
		struct sani_tcp_conn *c = sani_core_conn(core_of_b(), pair.socks[i].idx);

		if (c->owner.gen == pair.socks[i].gen)
			sani_core_conn_close(core_of_b(), c);
	}
	pair.nb_socks = 0;
}

/* Somebody else takes all buffers for a while. */
static void
change_pool(void)
{
	if (chance(2))
		while (nb_held < RTE_DIM(held) && (held[nb_held] = rte_pktmbuf_alloc(pair.host[B]->pool)) != NULL)
			nb_held++;
	if (chance(10)) {
		rte_pktmbuf_free_bulk(held, nb_held);
		nb_held = 0;
	}
}

static void
change_time(void)
{
	if (chance(30))
		pair_now_us += draw_below(chance(80) ? 300000 : 8000000);
	if (chance(1))
		pair_now_us += draw_below(400 * SEC);
}

static bool
is_armed(const struct sani_tcp_conn *c, enum sani_tcp_timer_kind t)
{
	return sani_tcp_armed(c, t);
}

/* Is its timer put off to the next round? */
static bool
is_late(const struct sani_tcp_conn *c)
{
	const struct sani_core_priv *p = core_of_b()->priv;

	for (uint32_t i = 0; i < p->nb_late; i++)
		if (p->late[i] == sani_conn_idx(p, c))
			return true;
	return false;
}

/* Does its ACK wait for the program, and is that noted? */
static bool
is_owed(const struct sani_tcp_conn *c)
{
	const struct sani_core_priv *p = core_of_b()->priv;
	const struct sani_owed *o = &p->owed;

	for (uint32_t i = o->head; i != o->tail; i++)
		if (o->idx[i % SANI_OWED_MAX] == sani_conn_idx(p, c))
			return c->owner.owes;
	return false;
}

/* Is there a timer for what it waits for? One that is listed has output next. */
static void
check_timers(const struct sani_tcp_conn *c)
{
	bool out = c->snd_una != c->snd_nxt;

	for (int t = 0; t < SANI_TCP_NB_TIMERS; t++)
		assert_true(c->wake_us <= sani_tcp_deadline_of(c, (enum sani_tcp_timer_kind)t));
	if (c->owner.dirty != SANI_NONE || sani_tcp_state(c) == SAN_TCP_TIME_WAIT)
		return;
	assert_true(c->wake_us == SANI_NEVER || sani_timer_armed(&c->owner.timer) || is_late(c));
	if (out)
		assert_true(is_armed(c, SANI_TCP_T_REXMIT) ||
			    (is_armed(c, SANI_TCP_T_PERSIST) && (c->flags & SANI_TCP_F_PROBED)));
	if (sani_tcp_state(c) < SAN_TCP_ESTABLISHED)
		return;
	if (!out && sani_tcp_has_new(c))
		assert_true(is_armed(c, SANI_TCP_T_PERSIST) || is_armed(c, SANI_TCP_T_PACE) ||
			    is_armed(c, SANI_TCP_T_RETRY));
	if (c->rcv_nxt != c->last_ack_sent)
		assert_true(is_armed(c, SANI_TCP_T_DELACK) || is_owed(c));
}

static void
check_flight(struct sani_tcp_conn *c)
{
	uint32_t out = c->snd_nxt - c->snd_una;

	assert_true(c->flight.lost + c->flight.sacked <= out);
	assert_true(c->cwnd > 0 && c->cwnd < 1u << 30);
	assert_int_equal(c->flight.nb > 0, out > 0);
	if (out > 0)
		assert_int_equal(sani_tcp_runs(c)[0].seq, c->snd_una);
}

static void
check_connections(bool silent)
{
	const struct sani_core_priv *p = core_of_b()->priv;

	for (uint32_t i = 0; i < p->conn_fresh; i++) {
		struct sani_tcp_conn *c = &p->conns[i];

		if (!(c->owner.flags & SANI_CONN_USED) || sani_tcp_state(c) <= SAN_TCP_LISTEN)
			continue;
		check_timers(c);
		if (sani_tcp_state(c) >= SAN_TCP_ESTABLISHED)
			check_flight(c);
		if (!silent)
			continue;
		assert_true(sani_tcp_state(c) >= SAN_TCP_ESTABLISHED && sani_tcp_state(c) != SAN_TCP_TIME_WAIT);
		assert_int_equal(c->snd_una, c->snd_nxt);
		assert_false(sani_tcp_has_new(c));
	}
}

static void
run_round(void)
{
	pair_round(B);
	hear_answers();
	check_connections(false);
}

static void
limit_tables(struct sani_host_conf *conf)
{
	spoof_gateway(conf);
	if (!tight || conf->first_core_id == 0)
		return;
	conf->nb_half_open = 2;
	conf->nb_tw = 3;
	conf->nb_conns = 40;
}

static void
open_world(uint64_t seed)
{
	struct sani_listen *l;

	random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
	tight = seed % 2 == 0;
	pair_open(1, limit_tables);
	pair.accept = true;
	pair_listen(B, 80, 8);
	l = &sani_listen_find(core_of_b(), &(union sani_ip){ .q = { 0, 0 } }, 80)->l;
	l->tune = (struct sani_tcp_tune){
		.keep = { .idle_ms = 1000 + draw_below(100000), .interval_ms = 1000, .count = 3 },
		.cc = chance(30) ? SAN_CC_DCTCP : chance(50) ? SAN_CC_NEWRENO : SAN_CC_CUBIC,
		.ecn = (uint8_t)draw_below(3), .cwv = chance(30), .mtu_probe = chance(50), .fast = 4,
	};
	if (seed % 4 < 2) {
		l->tune.keep = (struct sani_tcp_keep)SANI_TCP_KEEP_USUAL;
		l->tune.cwv = l->tune.mtu_probe = 0;
		core_of_b()->priv->cold_blocks = core_of_b()->priv->rest_blocks = 0;
		core_of_b()->priv->keep_blocks = 0;
		core_of_b()->priv->park_quiet_most_us = 0;
	}
	l->hold = seed % 3 == 0;
	l->rcvbuf = chance(50) ? 4096 + draw_below(100000) : 0;
	for (uint32_t i = 0; i < FLOWS; i++) {
		flows[i] = (struct flow){ .t = spoof_tuple(i / 2 + 1, 80), .seq = draw(), .tsval = draw() };
		flows[i].t.remote_port = (uint16_t)(i < ACTIVE ? 2000 + i : 80);
		flows[i].t.local_port = (uint16_t)(i < ACTIVE ? 80 : 7000 + i);
	}
}

/* Nobody says anything any more. */
static void
fall_silent(void)
{
	rte_pktmbuf_free_bulk(held, nb_held);
	nb_held = 0;
	for (unsigned int s = 0; s < SILENCE_S; s++) {
		pair_now_us += SEC;
		run_round();
		for (unsigned int i = 0; i < SANI_ACK_TURNS; i++)
			pair_round(B);
	}
	hear_answers();
	check_connections(true);
}

static void
anything_at_any_time_breaks_nothing_and_leaves_nothing(void **state)
{
	uint64_t nb_fast = 0;
	uint64_t nb_cookies = 0;
	uint64_t nb_parked = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= WORLDS; seed++) {
		open_world(seed);
		for (unsigned int step = 0; step < STEPS; step++) {
			for (uint32_t i = draw_below(6); i-- > 0;)
				act_as_stranger();
			act_as_program();
			run_round();
			change_time();
			change_pool();
			if (pair.nb_socks > PAIR_SOCKS / 2)
				close_all();
		}
		fall_silent();
		nb_fast += pair_count(B, SANI_CTR_tcp_rx_fast) + pair_count(B, SANI_CTR_tcp_tx_fast);
		nb_cookies += pair_count(B, SANI_CTR_tcp_rx_cookie);
		nb_parked += pair_count(B, SANI_CTR_core_parked);
		pair_close();
	}
	/* it has come to what is rare */
	assert_true(nb_fast > 0 && nb_cookies > 0 && nb_parked > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_at_any_time_breaks_nothing_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
