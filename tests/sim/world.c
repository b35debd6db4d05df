/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/world.h"

#include <stdlib.h>

#include "core/priv.h"
#include "sim/checker.h"
#include "sim/genuine.h"
#include "sim/pcap.h"

#define POOL_SIZE 16383u
#define CABLE_FRAMES 4096u
#define ROUNDS_MAX 20000u	/* of one host at one moment */
#define FAULTY_ROUNDS 4u	/* one under a fault may have work that it cannot do */
#define FAULTY_STEP_US 500u

static void
trace(struct sim_world *w, const struct sim_host *h, char what, const uint8_t *frame, uint32_t len)
{
	uint64_t hash = w->hash ^ sim_mix(vhost_now_us - w->start_us + ((uint64_t)h->index << 56) +
					  ((uint64_t)(uint8_t)what << 48));
	uint32_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, frame + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	for (; i < len; i++)
		hash = (hash ^ frame[i]) * 0x100000001b3ull;
	w->hash = hash;
	w->nb_frames++;
	if (w->trace != NULL) {
		struct sim_packet p;
		char text[300];

		sim_packet_read(frame, len, &p);
		fprintf(w->trace, "%12.6f h%u %c %s\n", (double)(vhost_now_us - w->start_us) / 1e6, h->index, what,
			sim_packet_text(&p, text, sizeof(text)));
	}
}

/* A frame in a buffer of pool; NULL: it is empty. */
static struct rte_mbuf *
make_frame(struct rte_mempool *pool, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char *to = m != NULL ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;

	if (to == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(to, frame, len);
	return m;
}

/* The switch has no room for what the cable does not pass, and says so (RFC 1191). */
static void
answer_too_big(struct sim_host *from, uint16_t mtu, const uint8_t *frame, uint32_t len)
{
	uint8_t reply[600];
	struct sim_packet p;
	struct rte_mbuf *m;

	sim_packet_read(frame, len, &p);
	/* where the MTU is odd the path says nothing of it: a black hole (RFC 4821) */
	if (p.proto != SIM_TCP || !p.df || (mtu & 1))
		return;
	m = make_frame(from->w->pool, reply, sim_packet_too_big(frame, len, mtu, reply));
	if (m != NULL)
		sani_impair_put(from->down, m, vhost_now_us);
}

static struct sim_host *
find_mac(struct sim_world *w, const uint8_t *mac)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		if (memcmp(w->hosts[i].mac.addr_bytes, mac, 6) == 0)
			return &w->hosts[i];
	return NULL;
}

/* No checksum protects ARP; on a real wire the frame's own does. */
static bool
is_true_arp(struct sim_world *w, const uint8_t *frame, uint32_t len)
{
	const struct sim_host *h = len >= 42 ? find_mac(w, frame + 22) : NULL;
	uint32_t ip_be = h != NULL ? rte_cpu_to_be_32(h->ip) : 0;
	static const uint8_t head[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *target = frame + 38;

	if (h == NULL || memcmp(frame + 14, head, 6) != 0 || memcmp(frame + 28, &ip_be, 4) != 0 || frame[20] != 0)
		return false;
	return (frame[21] == 1 || frame[21] == 2) && memcmp(target, &ip_be, 3) == 0;
}

static void
forward_to(struct sim_host *from, struct sim_host *to, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m;

	if (to->down_now.mtu != 0 && len > to->down_now.mtu + 14u)
		answer_too_big(from, (uint16_t)to->down_now.mtu, frame, len);
	m = make_frame(to->w->pool, frame, len);
	if (m != NULL)
		sani_impair_put(to->down, m, vhost_now_us);
}

/* A frame has reached the switch. */
static void
switch_frame(struct sim_host *from, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct sim_world *w = from->w;
	struct sim_host *to = find_mac(w, frame);
	bool broken = frame[12] == 8 && frame[13] == 6 && !is_true_arp(w, frame, m->data_len);

	for (unsigned int i = 0; i < w->nb_hosts && !broken; i++)
		if (&w->hosts[i] == to || (to == NULL && &w->hosts[i] != from && (frame[0] & 1)))
			forward_to(from, &w->hosts[i], frame, m->data_len);
	rte_pktmbuf_free(m);
}

static unsigned int
choose_queue(const struct sim_host *h, const struct sim_packet *p)
{
	if (p->proto != SIM_TCP || h->v.nb_cores == 1)
		return 0;
	return (unsigned int)(sim_mix(p->src ^ (uint64_t)p->dst << 32 ^ (uint64_t)p->sport << 16 ^ p->dport) %
			      h->v.nb_cores);
}

/* A frame has reached a host's network card. */
static void
deliver(struct sim_host *h, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct rte_mbuf *copy = NULL;
	struct sim_packet p;
	unsigned int queue;

	sim_packet_read(frame, m->data_len, &p);
	queue = choose_queue(h, &p);
	if ((frame[12] == 8 && frame[13] == 6 && !is_true_arp(h->w, frame, m->data_len)) ||
	    (p.proto == SIM_TCP && !sim_genuine_is(&p))) {
		rte_pktmbuf_free(m);
		return;
	}
	if (rte_ring_count(h->v.in[queue]) >= SIM_RX_DESC)
		h->nb_no_desc++;
	else if (!h->deaf)
		copy = make_frame(h->v.below->pool, frame, m->data_len);
	h->nb_no_buffer += copy == NULL;
	if (copy != NULL && vhost_put(&h->v, queue, copy)) {
		h->nb_delivered++;
		h->nb_bad += p.proto == SIM_BAD;
		h->nb_tcp += p.proto == SIM_TCP;
		h->wants_poll = true;
		trace(h->w, h, '<', frame, m->data_len);
		sim_checker_delivered(h, &p);
	}
	rte_pktmbuf_free(m);
}

static unsigned int
move_frames(struct sim_world *w)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->nb_hosts; i++)
		while (sani_impair_take(w->hosts[i].up, vhost_now_us, &m, 1) == 1) {
			switch_frame(&w->hosts[i], m);
			n++;
		}
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		while (!w->hosts[i].held && sani_impair_take(w->hosts[i].down, vhost_now_us, &m, 1) == 1) {
			deliver(&w->hosts[i], m);
			n++;
		}
	return n;
}

/* A frame has left a host. */
static void
transmit(struct sim_host *h, struct rte_mbuf *m)
{
	uint8_t buf[SIM_FRAME_MAX];
	const uint8_t *frame = rte_pktmbuf_read(m, 0, m->pkt_len, buf);
	uint32_t len = m->pkt_len;
	struct rte_mbuf *copy;
	struct sim_packet p;

	if (len == 0) {
		rte_pktmbuf_free(m);
		return;
	}
	sim_packet_read(frame, len, &p);
	trace(h->w, h, '>', frame, len);
	sim_pcap_frame(vhost_now_us - h->w->start_us, frame, len);
	sim_checker_sent(h, &p);
	if (p.proto == SIM_TCP)
		sim_genuine_sent(&p);
	copy = h->deaf ? NULL : make_frame(h->w->pool, frame, len);
	if (copy != NULL) {
		if (h->up_now.mtu != 0 && len > h->up_now.mtu + 14u)
			answer_too_big(h, (uint16_t)h->up_now.mtu, frame, len);
		sani_impair_put(h->up, copy, vhost_now_us);
	}
	rte_pktmbuf_free(m);
}

static unsigned int
take_frames(struct sim_host *h)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while (!h->held && (m = vhost_take(&h->v)) != NULL) {
		transmit(h, m);
		n++;
	}
	return n;
}

/* Poll a host until it has no more to do. @return How much it did. */
static unsigned int
run_host(struct sim_host *h)
{
	bool faulty = sim_host_is_faulty(h);
	unsigned int limit = faulty ? FAULTY_ROUNDS : ROUNDS_MAX;
	unsigned int sum = 0;
	unsigned int n = 1;

	h->wants_poll = false;
	if (h->stopped_until_us > vhost_now_us)
		return 0;
	h->ran = true;
	sim_exercised[SIM_rest]++;
	for (unsigned int i = 0; n > 0 && i < limit && !sim_failure.failed; i++) {
		n = vhost_round(&h->v);
		n += take_frames(h);
		n += h->w->work != NULL ? h->w->work(h) : 0;
		sum += n;
	}
	if (n > 0 && !faulty)
		sim_fail(SIM_rest, "host %u does not come to rest", h->index);
	if (n > 0)
		h->wants_poll = true;
	return sum;
}

/* A host that is not polled has no deadline; one with work that it cannot do now is asked again a little later. */
static uint64_t
find_deadline(const struct sim_host *h)
{
	uint64_t deadline;

	if (h->stopped_until_us > vhost_now_us)
		return h->stopped_until_us;
	deadline = h->wants_poll ? vhost_now_us : vhost_deadline(&h->v);
	if (!sim_host_is_faulty(h))
		return RTE_MAX(deadline, vhost_now_us + 1);
	return RTE_MAX(deadline, vhost_now_us + FAULTY_STEP_US);
}

static uint64_t
find_next(const struct sim_world *w)
{
	uint64_t next = sim_event_next(&w->events);

	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		const struct sim_host *h = &w->hosts[i];

		next = RTE_MIN(next, find_deadline(h));
		next = RTE_MIN(next, sani_impair_next(h->up));
		if (!h->held)
			next = RTE_MIN(next, sani_impair_next(h->down));
	}
	return next;
}

/* Everything that happens at this moment. */
static void
do_now(struct sim_world *w)
{
	unsigned int n = 1;

	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		struct sim_host *h = &w->hosts[i];

		if (sim_host_is_faulty(h))
			h->excused_us = vhost_now_us;
		h->wants_poll |= vhost_deadline(&h->v) <= vhost_now_us || h->stopped_until_us != 0;
		if (h->stopped_until_us <= vhost_now_us)
			h->stopped_until_us = 0;
	}
	while (n > 0 && !sim_failure.failed) {
		n = sim_event_run(&w->events, vhost_now_us);
		n += move_frames(w);
		for (unsigned int i = 0; i < w->nb_hosts; i++)
			if (w->hosts[i].wants_poll && (n == 0 || !sim_host_is_faulty(&w->hosts[i])))
				n += run_host(&w->hosts[i]) > 0 && !sim_host_is_faulty(&w->hosts[i]);
	}
	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		struct sim_host *h = &w->hosts[i];

		if (sim_host_is_faulty(h))
			continue;
		sim_checker_settle(h);
		if (h->ran && w->look != NULL)
			w->look(h);
		h->ran = false;
	}
}

bool
sim_world_step(struct sim_world *w, uint64_t limit_us)
{
	uint64_t next;

	do_now(w);
	next = find_next(w);
	vhost_now_us = RTE_MAX(vhost_now_us, RTE_MIN(next, limit_us));
	sim_checker_tick(w);
	return next != SANI_NEVER;
}

static void
open_host(struct sim_host *h, const struct sim_host_plan *plan, struct sim_rng *rng)
{
	char mac[20];
	char numbers[4][12];
	struct vhost_wish wish = {
		.address = h->address, .nb_cores = plan->nb_cores, .mtu = plan->mtu, .nb_mbufs = plan->nb_mbufs,
		.mac = mac, .seed = sim_draw(rng) | 1,
		.keys = { { "sockets", numbers[0] }, { "half_open", numbers[1] }, { "time_wait", numbers[2] },
			  { "time_wait_records", numbers[3] } },
	};

	h->plan = plan;
	h->ip = 10u << 24 | 9u << 16 | (h->index + 1);
	snprintf(h->address, sizeof(h->address), "10.9.0.%u/24", h->index + 1);
	snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", h->index + 1);
	snprintf(numbers[0], sizeof(numbers[0]), "%u", plan->nb_sockets);
	snprintf(numbers[1], sizeof(numbers[1]), "%u", plan->nb_half_open);
	snprintf(numbers[2], sizeof(numbers[2]), "%u", plan->time_wait_ms);
	snprintf(numbers[3], sizeof(numbers[3]), "%u", 4 * plan->nb_sockets + 64);
	vhost_open(&h->v, &wish);
	h->mac = vhost_mac(&h->v);
	h->addr = vhost_addr(h->address, 0);
	h->up_now = plan->up;
	h->down_now = plan->down;
	h->up = sani_impair_create(&plan->up, sim_draw(rng), CABLE_FRAMES, h->w->pool);
	h->down = sani_impair_create(&plan->down, sim_draw(rng), CABLE_FRAMES, h->w->pool);
	assert_true(h->up != NULL && h->down != NULL);
	for (unsigned int i = 0; i < plan->nb_cores; i++) {
		h->v.below->cores[i]->priv->txq[0].state = 0;
		h->v.below->cores[i]->priv->txq[0].lend = plan->lends ? SANI_LEND_FREED : SANI_LEND_NEVER;
		assert_int_equal(san_cq_create(plan->cq_depth, &h->cq[i]), 0);
		/* however few connections they have: half work as with many, and half park what is quiet */
		if ((h->index + plan->nb_cores) % 2 == 0) {
			h->v.below->cores[i]->priv->cold_blocks = 0;
			h->v.below->cores[i]->priv->rest_blocks = 0;
		}
		if (h->index % 2 == 1) {
			h->v.below->cores[i]->priv->keep_blocks = 0;
			h->v.below->cores[i]->priv->park_quiet_most_us = 0;
		}
	}
}

/* Buffers of the cables, in which any host's frame fits. */
static struct rte_mempool *
make_pool(unsigned int nb_hosts, const struct sim_host_plan *plans)
{
	uint32_t room = RTE_MBUF_DEFAULT_DATAROOM;
	struct rte_mempool *pool;

	for (unsigned int i = 0; i < nb_hosts; i++)
		room = RTE_MAX(room, plans[i].mtu + (uint32_t)RTE_ETHER_HDR_LEN);
	assert_true(room <= SIM_FRAME_MAX);
	pool = rte_pktmbuf_pool_create("sim", POOL_SIZE, 0, 0, (uint16_t)(RTE_PKTMBUF_HEADROOM + room), SOCKET_ID_ANY);
	assert_non_null(pool);
	return pool;
}

static uint32_t
count_mbufs(const struct sim_host *h)
{
	struct san_usage u;

	san_host_usage(h->v.host, &u);
	return u.mbufs_used;
}

void
sim_world_open(struct sim_world *w, unsigned int nb_hosts, const struct sim_host_plan *plans, uint64_t seed)
{
	struct sim_rng rng = { .state = seed };

	sim_genuine_begin();
	w->nb_hosts = nb_hosts;
	w->start_us = vhost_now_us;
	vhost_startup();
	w->pool = make_pool(nb_hosts, plans);
	for (unsigned int i = 0; i < nb_hosts; i++) {
		w->hosts[i].w = w;
		w->hosts[i].index = i;
		open_host(&w->hosts[i], &plans[i], &rng);
	}
	/* the announcements are out and gone before anybody counts */
	for (unsigned int i = 0; i < nb_hosts; i++)
		w->hosts[i].wants_poll = true;
	do_now(w);
	for (unsigned int i = 0; i < nb_hosts; i++)
		w->hosts[i].mbufs_at_rest = count_mbufs(&w->hosts[i]);
}

void
sim_world_heal(struct sim_world *w)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		struct sim_host *h = &w->hosts[i];
		struct sani_impair_conf perfect = { .delay_us = 100 };

		sim_fault_end_all(h);
		h->up_now = perfect;
		h->down_now = perfect;
		sani_impair_set(h->up, &perfect);
		sani_impair_set(h->down, &perfect);
	}
	w->well = true;
}

static bool
is_at_rest(const struct sim_host *h)
{
	struct san_usage u;

	san_host_usage(h->v.host, &u);
	return u.sockets == 0 && u.connections == 0 && u.timewait == 0 && u.dead == 0 &&
	       u.mbufs_used == h->mbufs_at_rest;
}

bool
sim_world_is_at_rest(struct sim_world *w)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		if (!is_at_rest(&w->hosts[i]))
			return false;
	return true;
}

/* Checksums are looked at before anything is counted as TCP, so each frame is in exactly one of these. */
static void
audit_drops(const struct sim_host *h)
{
	const struct vhost *v = &h->v;
	uint64_t bad = vhost_count(v, SANI_CTR_ip4_rx_bad_header) + vhost_count(v, SANI_CTR_ip4_rx_bad_checksum) +
		       vhost_count(v, SANI_CTR_tcp_rx_bad_checksum) + vhost_count(v, SANI_CTR_tcp_rx_bad_header) +
		       vhost_count(v, SANI_CTR_tcp_rx_bad_option) + vhost_count(v, SANI_CTR_icmp_rx_bad);
	uint64_t tcp = vhost_count(v, SANI_CTR_tcp_rx) + vhost_count(v, SANI_CTR_core_handover_drop);

	sim_hold(SIM_drop_once, vhost_count(v, SANI_CTR_port_rx) == h->nb_delivered,
		 "host %u was given %lu frames and counts %lu", h->index, h->nb_delivered,
		 vhost_count(v, SANI_CTR_port_rx));
	sim_hold(SIM_drop_once, bad == h->nb_bad, "host %u was given %lu corrupted frames and counts %lu", h->index,
		 h->nb_bad, bad);
	sim_hold(SIM_drop_once, tcp == h->nb_tcp, "host %u was given %lu TCP segments and counts %lu", h->index,
		 h->nb_tcp, tcp);
}

void
sim_world_audit(struct sim_world *w)
{
	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		const struct sim_host *h = &w->hosts[i];
		struct san_usage u;

		san_host_usage(h->v.host, &u);
		sim_hold(SIM_no_leak, is_at_rest(h),
			 "host %u still holds %u sockets, %u connections, %u records, %u dead, %u mbufs (%u at rest)",
			 i, u.sockets, u.connections, u.timewait, u.dead, u.mbufs_used, h->mbufs_at_rest);
		audit_drops(h);
	}
}

void
sim_world_close(struct sim_world *w)
{
	struct san_completion e;

	for (unsigned int i = 0; i < w->nb_hosts; i++) {
		sani_impair_destroy(w->hosts[i].up);
		sani_impair_destroy(w->hosts[i].down);
		sim_fault_free(&w->hosts[i]);
	}
	vhost_cleanup();
	for (unsigned int i = 0; i < w->nb_hosts; i++)
		for (unsigned int c = 0; c < w->hosts[i].plan->nb_cores; c++) {
			while (san_cq_poll(w->hosts[i].cq[c], &e, 1) > 0)
				;
			assert_int_equal(san_cq_destroy(w->hosts[i].cq[c]), 0);
		}
	rte_mempool_free(w->pool);
	sim_event_clear(&w->events);
	w->pool = NULL;
}
