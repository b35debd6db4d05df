/* SPDX-License-Identifier: BSD-3-Clause */
#include "api.h"
#include "core/priv.h"
#include "sock/sock.h"

#define HOUR_US 3600000000ull
#define ROUNDS_MOST 100000u
#define KEPT 256u
#define GONE_US 400000000ull	/* TIME_WAIT, tombstones and the last SYN-ACK of a handshake are over */
#define STEP_US 5000000ull

static const char *const address[2] = { "10.7.0.1/24", "10.7.0.2/24" };

struct api api;
static struct rte_mbuf *kept[2][KEPT];	/* by the cards */
static unsigned int nb_kept[2];

void
api_prepare(void)
{
	vhost_startup_small(128);
	vhost_cleanup();
}

static void
open_host(unsigned int i)
{
	vhost_open(&api.host[i], &(struct vhost_wish){
		.address = address[i], .nb_cores = api.nb_cores, .nb_mbufs = 2047, .seed = 1 + i,
		.keys = { { "sockets", "16" }, { "connections", "32" }, { "half_open", "8" }, { "listeners", "4" },
			  { "loans", "8" }, { "request_ring", "16" }, { "time_wait_records", "16" } } });
	for (unsigned int j = 0; j < api.nb_cores; j++)
		api.claimed[i][j] = true;
}

static uint32_t
count_mbufs(unsigned int i)
{
	struct san_usage usage;

	san_host_usage(api.host[i].host, &usage);
	return usage.mbufs_used;
}

/* While the library is cleaned up, which ends no sooner, cards go on giving back what they send. */
static uint64_t
look_at_clock(void)
{
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < 2 && api.cleaning; i++)
		while ((m = vhost_take(&api.host[i])) != NULL)
			rte_pktmbuf_free(m);
	return vhost_now_us;
}

/* A port on a ring never has its host lend what it sends; one that frees what it has sent does. */
static void
let_lend(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		api.host[i].below->clock = look_at_clock;
		for (unsigned int j = 0; j < api.nb_cores; j++)
			api.host[i].below->cores[j]->priv->txq[0].lend = SANI_LEND_FREED;
	}
}

void
api_start(struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);
	unsigned int depth = 1u << fuzz_8(in) % 8;

	memset(&api, 0, sizeof(api));
	vhost_now_us = HOUR_US + fuzz_8(in) * 4000000ull;
	api.nb_cores = 1 + (how & 1);
	vhost_startup();
	for (unsigned int i = 0; i < 2; i++)
		open_host(i);
	for (unsigned int i = 0; i < 2; i++) {
		struct rte_ether_addr mac = vhost_mac(&api.host[1 - i]);

		vhost_know(&api.host[i], address[1 - i], &mac);
	}
	for (unsigned int i = 0; i < API_QUEUES; i++)
		fuzz_require(san_cq_create(depth, &api.cq[i]) == 0);
	api_settle();
	api.lends = how & 2;
	if (api.lends)
		let_lend();
	for (unsigned int i = 0; i < 2; i++)
		api.mbufs[i] = count_mbufs(i);
}

bool
api_may_ask(void)
{
	bool may = api.attached;

	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < api.nb_cores; j++)
			may |= api.claimed[i][j];
	return may;
}

void
api_keep(unsigned int host, bool keeps)
{
	api.keeps[host] = keeps;
	if (keeps)
		return;
	rte_pktmbuf_free_bulk(kept[host], nb_kept[host]);
	nb_kept[host] = 0;
}

/* A card that lends sends what it reads: a copy arrives. */
static void
deliver(unsigned int from, struct rte_mbuf *m, unsigned int queue)
{
	struct vhost *to = &api.host[1 - from];
	struct rte_mbuf *copy;

	if (!api.lends) {
		vhost_put(to, queue, m);
		return;
	}
	copy = rte_pktmbuf_copy(m, to->below->pool, 0, UINT32_MAX);
	if (copy != NULL)
		vhost_put(to, queue, copy);
	if (api.keeps[from] && nb_kept[from] < KEPT)
		kept[from][nb_kept[from]++] = m;
	else
		rte_pktmbuf_free(m);
}

static unsigned int
carry(unsigned int from)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (; (m = vhost_take(&api.host[from])) != NULL; n++) {
		if (api.mute[from])
			rte_pktmbuf_free(m);
		else
			deliver(from, m, n % api.nb_cores);
	}
	return n;
}

static unsigned int
turn(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < api.nb_cores; j++) {
			int rc = san_core_poll(api.host[i].core[j]);

			fuzz_require(api.claimed[i][j] ? rc >= 0 : rc == -EPERM);
			n += rc > 0 ? (unsigned int)rc : 0;
		}
	return n + carry(0) + carry(1);
}

void
api_settle(void)
{
	unsigned int left = ROUNDS_MOST;

	while (turn() > 0)
		fuzz_require(--left > 0);
}

/* Of a core that nobody polls the deadlines pass. */
static uint64_t
next_deadline(void)
{
	uint64_t next = SANI_NEVER;

	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < api.nb_cores; j++)
			if (api.claimed[i][j])
				next = RTE_MIN(next, sani_sock_deadline(api.host[i].core[j]));
	return next;
}

void
api_pass(uint64_t us)
{
	uint64_t end = vhost_now_us + us;
	unsigned int left = ROUNDS_MOST;

	for (;;) {
		uint64_t next;

		api_settle();
		next = next_deadline();
		if (next > end)
			break;
		fuzz_require(--left > 0);
		vhost_now_us = RTE_MAX(next, vhost_now_us + 1);
	}
	vhost_now_us = end;
	api_settle();
}

static void
reap_all(void)
{
	for (unsigned int i = 0; i < API_QUEUES; i++)
		while (api_reap(i, 64) > 0)
			;
}

static void
return_loans(void)
{
	for (unsigned int i = 0; i < API_OPS; i++)
		if (!api.op[i].pending)
			fuzz_require(san_loan_return(api.op[i].loans, API_LOANS) >= 0);
}

static void
claim_all(void)
{
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < api.nb_cores; j++)
			if (!api.claimed[i][j]) {
				fuzz_require(san_core_claim(api.host[i].core[j]) == 0);
				api.claimed[i][j] = true;
			}
}

static void
require_whole(unsigned int i)
{
	struct san_usage usage;

	san_host_usage(api.host[i].host, &usage);
	fuzz_require(usage.sockets == 0 && usage.connections == 0 && usage.dead == 0 && usage.loans == 0);
	fuzz_require(usage.timewait == 0);
	fuzz_require(usage.mbufs_used == api.mbufs[i]);
}

/* What is accepted while it goes on is closed too. */
static void
close_all(void)
{
	for (uint64_t us = 0; us < GONE_US; us += STEP_US) {
		for (unsigned int i = 0; i < api.nb_socks; i++)
			if (!api.sock[i].is_closing)
				api_close(api.sock[i].h);
		api_pass(STEP_US);
		reap_all();
		return_loans();
	}
	api_require_over();
	for (unsigned int i = 0; i < API_REGS; i++)
		if (api.reg[i] != SAN_NO_MEM)
			fuzz_require(san_mem_deregister(api.reg[i]) == 0);
	for (unsigned int i = 0; i < 2; i++)
		require_whole(i);
}

void
api_end(bool by_cleanup)
{
	api.mute[0] = api.mute[1] = false;
	api_keep(0, false);
	api_keep(1, false);
	if (!by_cleanup) {
		claim_all();
		close_all();
	} else {
		/* a loan that is out would refuse it; what an operation that is pending now borrows is not given out */
		reap_all();
		return_loans();
		api.cleaning = true;
	}
	vhost_cleanup();
	reap_all();
	api_require_over();
	for (unsigned int i = 0; i < API_QUEUES; i++)
		fuzz_require(san_cq_destroy(api.cq[i]) == 0);
}
