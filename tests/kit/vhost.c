/* SPDX-License-Identifier: BSD-3-Clause */
#include "kit/vhost.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "core/priv.h"
#include "kit/fail.h"
#include "sock/sock.h"

#define RING_SIZE 1024
#define HOUR_US 3600000000ull

uint64_t vhost_now_us = HOUR_US;

static struct vhost *open_hosts[VHOST_MAX];
static unsigned int nb_open;

/* SplitMix64, in the place of the system's generator. */
static uint64_t random_state;

static const char *
name_random(void)
{
	return "vhost";
}

static uint32_t
draw_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static void
fill_random(void *const buf, const size_t len)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)draw_random();
}

/* Keys and ports of hosts come from libsodium, which lets its source be replaced. */
static void
choose_random(uint64_t seed)
{
	static struct randombytes_implementation seeded = {
		.implementation_name = name_random,
		.random = draw_random,
		.buf = fill_random,
	};

	if (seed == 0) {
		randombytes_set_implementation(&randombytes_sysrandom_implementation);
		return;
	}
	/* its first start draws something of its own */
	assert_true(sodium_init() >= 0);
	random_state = seed;
	randombytes_set_implementation(&seeded);
}

static uint64_t
read_clock(void)
{
	return vhost_now_us;
}

void
vhost_startup_small(unsigned int memory_mb)
{
	static bool eal_started;
	static char prefix[64], memory[16];
	char *argv[] = { (char *)"vhost", (char *)"--no-huge", (char *)"--no-pci", (char *)"--no-shconf",
			 (char *)"-m", memory, (char *)"--no-telemetry",
			 (char *)"--lcores=0@(0-1)", (char *)"--log-level=lib.eal:error", prefix, NULL };
	int rc;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		argv[7] = (char *)"--lcores=0";
	snprintf(memory, sizeof(memory), "%u", memory_mb);
	snprintf(prefix, sizeof(prefix), "--file-prefix=vhost-%d", (int)getpid());
	rc = eal_started ? san_startup(0, NULL) : san_startup((int)RTE_DIM(argv) - 1, argv);
	if (rc < 0)
		kit_fail("san_startup() answered %d: %s", rc, san_error());
	eal_started = true;
}

void
vhost_startup(void)
{
	vhost_startup_small(512);
}

static struct rte_ring *
make_ring(const struct vhost *h, const char *way, unsigned int queue)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "vh%u%s%u", h->serial, way, queue);
	r = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	kit_need(r != NULL);
	return r;
}

/* The ethdev is made here, so that its far end is ours; the host finds it by its name. */
static void
make_port(struct vhost *h)
{
	char name[16];

	for (unsigned int q = 0; q < h->nb_cores; q++) {
		h->in[q] = make_ring(h, "i", q);
		h->out[q] = make_ring(h, "o", q);
	}
	snprintf(name, sizeof(name), "vh%u", h->serial);
	snprintf(h->device, sizeof(h->device), "net_ring_%s", name);
	kit_need(rte_eth_from_rings(name, h->in, h->nb_cores, h->out, h->nb_cores, 0) >= 0);
}

static void
set(struct san_conf *conf, const char *section, const char *key, const char *value)
{
	if (san_conf_set(conf, section, key, value) != 0)
		kit_fail("[%s] %s = %s: %s", section, key, value, san_error());
}

static void
set_number(struct san_conf *conf, const char *section, const char *key, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	set(conf, section, key, text);
}

static struct san_conf *
make_conf(const struct vhost *h, const struct vhost_wish *wish)
{
	struct san_conf *conf = san_conf_create();
	char name[16];

	kit_need(conf != NULL);
	snprintf(name, sizeof(name), "v%u", h->serial);
	set(conf, "host", "name", wish->name ? wish->name : name);
	set_number(conf, "host", "cores", h->nb_cores);
	set_number(conf, "host", "mbufs", wish->nb_mbufs ? wish->nb_mbufs : 8191);
	for (unsigned int i = 0; i < VHOST_KEYS && wish->keys[i].key != NULL; i++)
		set(conf, "host", wish->keys[i].key, wish->keys[i].value);
	set(conf, "port p", "device", h->device);
	set(conf, "port p", "rx_desc", "256");
	set(conf, "port p", "tx_desc", "256");
	set(conf, "interface i", "port", "p");
	set(conf, "interface i", "address", wish->address);
	if (wish->mtu != 0)
		set_number(conf, "interface i", "mtu", wish->mtu);
	if (wish->gateway != NULL)
		set(conf, "interface i", "gateway", wish->gateway);
	if (wish->mac != NULL)
		set(conf, "interface i", "mac", wish->mac);
	return conf;
}

void
vhost_open(struct vhost *h, const struct vhost_wish *wish)
{
	static unsigned int serial;
	struct san_conf *conf;

	kit_need(nb_open < VHOST_MAX);
	memset(h, 0, sizeof(*h));
	h->serial = serial++;
	h->nb_cores = wish->nb_cores ? wish->nb_cores : 1;
	kit_need(h->nb_cores >= 1 && h->nb_cores <= VHOST_CORES);
	make_port(h);
	conf = make_conf(h, wish);
	choose_random(wish->seed);
	if (san_host_create(conf, &h->host) != 0)
		kit_fail("san_host_create(): %s", san_error());
	san_conf_destroy(conf);
	open_hosts[nb_open++] = h;
	h->below = sani_sock_host_below(h->host);
	h->below->clock = read_clock;
	for (unsigned int i = 0; i < h->nb_cores; i++) {
		h->core[i] = san_core_get(h->host, i);
		kit_need(san_core_claim(h->core[i]) == 0);
	}
}

unsigned int
vhost_round(struct vhost *h)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->nb_cores; i++) {
		int rc = san_core_poll(h->core[i]);

		kit_need(rc >= 0);
		n += (unsigned int)rc;
	}
	return n;
}

uint64_t
vhost_deadline(const struct vhost *h)
{
	uint64_t first = SANI_NEVER;

	for (unsigned int i = 0; i < h->nb_cores; i++)
		first = RTE_MIN(first, sani_sock_deadline(h->core[i]));
	return first;
}

bool
vhost_put(struct vhost *h, unsigned int queue, struct rte_mbuf *m)
{
	if (rte_ring_enqueue(h->in[queue], m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

struct rte_mbuf *
vhost_take(struct vhost *h)
{
	void *m;

	for (unsigned int q = 0; q < h->nb_cores; q++)
		if (rte_ring_dequeue(h->out[q], &m) == 0)
			return m;
	return NULL;
}

struct san_addr
vhost_addr(const char *address, uint16_t port)
{
	struct san_addr a;
	char text[SAN_ADDR_TEXT];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(address, "/"), address);
	kit_need(san_addr_parse(text, &a) == 0);
	a.port = port;
	return a;
}

void
vhost_know(struct vhost *h, const char *address, const struct rte_ether_addr *mac)
{
	struct san_addr a = vhost_addr(address, 0);
	union sani_ip ip;

	memcpy(ip.b, a.ip, sizeof(ip.b));
	for (unsigned int i = 0; i < h->nb_cores; i++) {
		struct sani_core *core = h->below->cores[i];

		sani_core_tell_time(core);
		sani_ip_neighbour_set(core->priv->ip, 0, &ip, mac, sani_tx_io(core));
		sani_tx_sweep(core);
	}
}

struct rte_ether_addr
vhost_mac(const struct vhost *h)
{
	return h->below->ifaces[0].mac;
}

uint64_t
vhost_count(const struct vhost *h, enum sani_counter which)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < h->nb_cores; i++)
		/* another thread may poll the core, and count, meanwhile */
		sum += __atomic_load_n(&h->below->cores[i]->ctr.v[which], __ATOMIC_RELAXED);
	return sum;
}

static void
drain(struct rte_ring *r)
{
	void *m;

	while (rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
}

/* Frames on the wires belong to the pools of the hosts that sent them: they go before the hosts do. */
void
vhost_drain(void)
{
	for (unsigned int i = 0; i < nb_open; i++)
		for (unsigned int q = 0; q < open_hosts[i]->nb_cores; q++) {
			drain(open_hosts[i]->in[q]);
			drain(open_hosts[i]->out[q]);
		}
}

void
vhost_forget(void)
{
	for (unsigned int i = 0; i < nb_open; i++) {
		struct vhost *h = open_hosts[i];

		rte_vdev_uninit(h->device);
		for (unsigned int q = 0; q < h->nb_cores; q++) {
			rte_ring_free(h->in[q]);
			rte_ring_free(h->out[q]);
		}
	}
	nb_open = 0;
}

void
vhost_cleanup(void)
{
	vhost_drain();
	kit_need(san_cleanup() == 0);
	vhost_forget();
}
