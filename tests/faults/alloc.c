/* SPDX-License-Identifier: BSD-3-Clause */
#include "alloc.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "core/priv.h"
#include "sock/priv.h"

#define SITES 1024

/* A call, and who called the function that it stands in: helpers that allocate for many are told apart. */
struct site {
	void *at[2];
	const char *what;
	bool failed;
};

static atomic_uint count, nb_failed, ever, torn_pools;
static atomic_llong live;
static unsigned int first_bad = UINT32_MAX, last_bad;
static const char *what_failed;
static bool own_failed;

/* Shared with children. */
static struct site *sites;
static unsigned int *nb_sites;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
alloc_init(void)
{
	size_t size = SITES * sizeof(*sites) + sizeof(*nb_sites);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	sites = p;
	nb_sites = (unsigned int *)(sites + SITES);
}

void
alloc_arm(unsigned int n, unsigned int burst)
{
	first_bad = n;
	last_bad = n < ALLOC_NEW ? n + burst - 1 : 0;
	what_failed = NULL;
	atomic_store(&nb_failed, 0);
	atomic_store(&count, 0);
}

unsigned int
alloc_disarm(void)
{
	first_bad = UINT32_MAX;
	last_bad = 0;
	return atomic_load(&count);
}

unsigned int
alloc_failed(void)
{
	return atomic_load(&nb_failed);
}

unsigned int
alloc_failed_ever(void)
{
	return atomic_load(&ever);
}

const char *
alloc_what(bool *own)
{
	*own = own_failed;
	return what_failed != NULL ? what_failed : "nothing";
}

int64_t
alloc_live(void)
{
	return atomic_load(&live);
}

unsigned int
alloc_torn_pools(void)
{
	return atomic_load(&torn_pools);
}

/* Where a call comes from, under the lock. */
static __attribute__((noinline)) struct site *
find_site(const char *what)
{
	void *frames[6] = { NULL };
	unsigned int i;

	/* find_site(), note(), due(), the wrapper, then who called it, and that one's caller */
	backtrace(frames, 6);
	for (i = 0; i < *nb_sites; i++)
		if (sites[i].at[0] == frames[4] && sites[i].at[1] == frames[5])
			return &sites[i];
	if (i == SITES)
		abort();
	sites[i] = (struct site){ .at = { frames[4], frames[5] }, .what = what };
	(*nb_sites)++;
	return &sites[i];
}

/* Note the place, and whether it is made to fail: so it is, or because it never was and that is what is asked for. */
static __attribute__((noinline)) bool
note(const char *what, bool bad)
{
	struct site *site;

	pthread_mutex_lock(&lock);
	site = find_site(what);
	bad |= first_bad == ALLOC_NEW && atomic_load(&nb_failed) == 0 && !site->failed;
	site->failed |= bad;
	pthread_mutex_unlock(&lock);
	return bad;
}

void
alloc_sites(unsigned int *asked, unsigned int *failed)
{
	*asked = *nb_sites;
	*failed = 0;
	for (unsigned int i = 0; i < *nb_sites; i++)
		*failed += sites[i].failed;
}

/* Of the program, as addr2line wants it. */
static unsigned long
offset_of(const void *at)
{
	extern const char __executable_start;

	return (unsigned long)((const char *)at - &__executable_start);
}

void
alloc_print_spared(void)
{
	for (unsigned int i = 0; i < *nb_sites; i++)
		if (!sites[i].failed)
			printf("# never failed: %s, called at %#lx from %#lx\n", sites[i].what,
			       offset_of(sites[i].at[0]), offset_of(sites[i].at[1]));
}

/* Is this allocation to fail? */
static __attribute__((noinline)) bool
due(const char *what, bool own)
{
	unsigned int n = atomic_fetch_add(&count, 1) + 1;
	bool bad = n >= first_bad && n <= last_bad;

	if (bad || first_bad == ALLOC_NOTE || first_bad == ALLOC_NEW)
		bad = note(what, bad);
	if (!bad)
		return false;
	if (atomic_fetch_add(&nb_failed, 1) == 0) {
		what_failed = what;
		own_failed = own;
	}
	atomic_fetch_add(&ever, 1);
	errno = ENOMEM;
	rte_errno = ENOMEM;
	return true;
}

static void *
held(void *p)
{
	if (p != NULL)
		atomic_fetch_add(&live, 1);
	return p;
}

/* The heap. */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
void __real_free(void *p);
void __wrap_free(void *p);

void *
__wrap_malloc(size_t size)
{
	return due("malloc", false) ? NULL : held(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return due("calloc", false) ? NULL : held(__real_calloc(n, size));
}

void *
__wrap_aligned_alloc(size_t align, size_t size)
{
	return due("aligned_alloc", false) ? NULL : held(__real_aligned_alloc(align, size));
}

char *
__wrap_strdup(const char *s)
{
	return due("strdup", false) ? NULL : held(__real_strdup(s));
}

void
__wrap_free(void *p)
{
	if (p != NULL)
		atomic_fetch_sub(&live, 1);
	__real_free(p);
}

/* getline() */
ssize_t __real___getdelim(char **line, size_t *size, int delim, FILE *f);
ssize_t __wrap___getdelim(char **line, size_t *size, int delim, FILE *f);

ssize_t
__wrap___getdelim(char **line, size_t *size, int delim, FILE *f)
{
	bool first = *line == NULL;
	ssize_t n = first && due("getline", false) ? -1 : __real___getdelim(line, size, delim, f);

	if (first && *line != NULL)
		held(*line);
	return n;
}

/* The kernel. */

void *__real_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);
int __real_eventfd(unsigned int initial, int flags);
int __wrap_eventfd(unsigned int initial, int flags);
int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev);
FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);
int __real_pthread_key_create(pthread_key_t *key, void (*end)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*end)(void *));
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

void *
__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	void *p = due("mmap", false) ? MAP_FAILED : __real_mmap64(at, len, prot, flags, fd, off);

	if (p != MAP_FAILED)
		held(p);
	return p;
}

int
__wrap_munmap(void *at, size_t len)
{
	atomic_fetch_sub(&live, 1);
	return __real_munmap(at, len);
}

int
__wrap_eventfd(unsigned int initial, int flags)
{
	return due("eventfd", false) ? -1 : __real_eventfd(initial, flags);
}

int
__wrap_timerfd_create(int clock, int flags)
{
	return due("timerfd_create", false) ? -1 : __real_timerfd_create(clock, flags);
}

int
__wrap_epoll_create1(int flags)
{
	return due("epoll_create1", false) ? -1 : __real_epoll_create1(flags);
}

int
__wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	return due("epoll_ctl", false) ? -1 : __real_epoll_ctl(epfd, op, fd, ev);
}

FILE *
__wrap_fopen64(const char *path, const char *mode)
{
	return due("fopen", false) ? NULL : __real_fopen64(path, mode);
}

int
__wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	/* taking a value away needs no memory */
	return value != NULL && due("pthread_setspecific", false) ? ENOMEM :
								     __real_pthread_setspecific(key, value);
}

int
__wrap_pthread_key_create(pthread_key_t *key, void (*end)(void *))
{
	return due("pthread_key_create", false) ? EAGAIN : __real_pthread_key_create(key, end);
}

/* DPDK. */

struct rte_ring *__real_rte_ring_create(const char *name, unsigned int n, int node, unsigned int flags);
struct rte_ring *__wrap_rte_ring_create(const char *name, unsigned int n, int node, unsigned int flags);
int __real_rte_eth_from_rings(const char *name, struct rte_ring *const rx[], unsigned int nb_rx,
			      struct rte_ring *const tx[], unsigned int nb_tx, unsigned int node);
int __wrap_rte_eth_from_rings(const char *name, struct rte_ring *const rx[], unsigned int nb_rx,
			      struct rte_ring *const tx[], unsigned int nb_tx, unsigned int node);
int __real_rte_thread_register(void);
int __wrap_rte_thread_register(void);
int __real_rte_eth_dev_configure(uint16_t id, uint16_t nb_rx, uint16_t nb_tx, const struct rte_eth_conf *conf);
int __wrap_rte_eth_dev_configure(uint16_t id, uint16_t nb_rx, uint16_t nb_tx, const struct rte_eth_conf *conf);
int __real_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t nb, unsigned int node,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *mp);
int __wrap_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t nb, unsigned int node,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *mp);
int __real_rte_eth_tx_queue_setup(uint16_t id, uint16_t queue, uint16_t nb, unsigned int node,
				  const struct rte_eth_txconf *conf);
int __wrap_rte_eth_tx_queue_setup(uint16_t id, uint16_t queue, uint16_t nb, unsigned int node,
				  const struct rte_eth_txconf *conf);
int __real_rte_eth_dev_start(uint16_t id);
int __wrap_rte_eth_dev_start(uint16_t id);
int __real_rte_extmem_register(void *at, size_t len, rte_iova_t iova[], unsigned int n, size_t page);
int __wrap_rte_extmem_register(void *at, size_t len, rte_iova_t iova[], unsigned int n, size_t page);
int __real_rte_dev_dma_map(struct rte_device *dev, void *addr, uint64_t iova, size_t len);
int __wrap_rte_dev_dma_map(struct rte_device *dev, void *addr, uint64_t iova, size_t len);
int __real_rte_dev_probe(const char *devargs);
int __wrap_rte_dev_probe(const char *devargs);
struct rte_mempool *__wrap_rte_pktmbuf_pool_create(const char *name, unsigned int n, unsigned int cache,
						   uint16_t priv, uint16_t room, int node);
void __real_rte_mempool_free(struct rte_mempool *mp);
void __wrap_rte_mempool_free(struct rte_mempool *mp);

struct rte_ring *
__wrap_rte_ring_create(const char *name, unsigned int n, int node, unsigned int flags)
{
	return due("rte_ring_create", false) ? NULL : __real_rte_ring_create(name, n, node, flags);
}

int
__wrap_rte_eth_from_rings(const char *name, struct rte_ring *const rx[], unsigned int nb_rx,
			  struct rte_ring *const tx[], unsigned int nb_tx, unsigned int node)
{
	return due("rte_eth_from_rings", false) ? -1 :
						   __real_rte_eth_from_rings(name, rx, nb_rx, tx, nb_tx, node);
}

int
__wrap_rte_thread_register(void)
{
	return due("rte_thread_register", false) ? -1 : __real_rte_thread_register();
}

int
__wrap_rte_eth_dev_configure(uint16_t id, uint16_t nb_rx, uint16_t nb_tx, const struct rte_eth_conf *conf)
{
	/* one for less gives memory back */
	return nb_rx * nb_tx > 0 && due("rte_eth_dev_configure", false) ?
		       -ENOMEM : __real_rte_eth_dev_configure(id, nb_rx, nb_tx, conf);
}

int
__wrap_rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t nb, unsigned int node,
			      const struct rte_eth_rxconf *conf, struct rte_mempool *mp)
{
	return due("rte_eth_rx_queue_setup", false) ?
		       -ENOMEM : __real_rte_eth_rx_queue_setup(id, queue, nb, node, conf, mp);
}

int
__wrap_rte_eth_tx_queue_setup(uint16_t id, uint16_t queue, uint16_t nb, unsigned int node,
			      const struct rte_eth_txconf *conf)
{
	return due("rte_eth_tx_queue_setup", false) ?
		       -ENOMEM : __real_rte_eth_tx_queue_setup(id, queue, nb, node, conf);
}

int
__wrap_rte_eth_dev_start(uint16_t id)
{
	return due("rte_eth_dev_start", false) ? -ENOMEM : __real_rte_eth_dev_start(id);
}

int
__wrap_rte_extmem_register(void *at, size_t len, rte_iova_t iova[], unsigned int n, size_t page)
{
	return due("rte_extmem_register", false) ? -1 : __real_rte_extmem_register(at, len, iova, n, page);
}

int
__wrap_rte_dev_dma_map(struct rte_device *dev, void *addr, uint64_t iova, size_t len)
{
	return due("rte_dev_dma_map", false) ? -1 : __real_rte_dev_dma_map(dev, addr, iova, len);
}

int
__wrap_rte_dev_probe(const char *devargs)
{
	return due("rte_dev_probe", false) ? -ENOMEM : __real_rte_dev_probe(devargs);
}

struct rte_mempool *
__wrap_rte_pktmbuf_pool_create(const char *name, unsigned int n, unsigned int cache, uint16_t priv,
			       uint16_t room, int node)
{
	(void)cache;
	return due("rte_pktmbuf_pool_create", false) ? NULL :
		       rte_pktmbuf_pool_create_by_ops(name, n, 0, priv, room, node, "counted");
}

void
__wrap_rte_mempool_free(struct rte_mempool *mp)
{
	if (mp != NULL && !rte_mempool_full(mp))
		atomic_fetch_add(&torn_pools, 1);
	__real_rte_mempool_free(mp);
}

/* The pool: DPDK's own ring, with a look at each buffer that is asked for. */

static const struct rte_mempool_ops *
ring(void)
{
	static const struct rte_mempool_ops *found;

	for (unsigned int i = 0; found == NULL && i < rte_mempool_ops_table.num_ops; i++)
		if (strcmp(rte_mempool_ops_table.ops[i].name, "ring_mp_mc") == 0)
			found = &rte_mempool_ops_table.ops[i];
	return found;
}

static int
pool_make(struct rte_mempool *mp)
{
	return ring()->alloc(mp);
}

static void
pool_end(struct rte_mempool *mp)
{
	ring()->free(mp);
}

static int
pool_put(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
	return ring()->enqueue(mp, objs, n);
}

static int
pool_get(struct rte_mempool *mp, void **objs, unsigned int n)
{
	return due("packet buffer", false) ? -ENOBUFS : ring()->dequeue(mp, objs, n);
}

static unsigned int
pool_count(const struct rte_mempool *mp)
{
	return ring()->get_count(mp);
}

static const struct rte_mempool_ops counted = {
	.name = "counted",
	.alloc = pool_make,
	.free = pool_end,
	.enqueue = pool_put,
	.dequeue = pool_get,
	.get_count = pool_count,
};

RTE_MEMPOOL_REGISTER_OPS(counted);

/* Tables of the library. */

struct sani_tcp_conn *__real_sani_conn_alloc(struct sani_core *core, uint32_t hash);
struct sani_tcp_conn *__wrap_sani_conn_alloc(struct sani_core *core, uint32_t hash);
struct sani_sock *__real_sani_sock_open(struct san_core *k, struct san_cq *cq, struct sani_lane *lane);
struct sani_sock *__wrap_sani_sock_open(struct san_core *k, struct san_cq *cq, struct sani_lane *lane);
struct sani_extra *__real_sani_extra_take(struct sani_extras *pool);
struct sani_extra *__wrap_sani_extra_take(struct sani_extras *pool);
int __real_sani_deadline_set(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);
int __wrap_sani_deadline_set(struct san_core *k, struct sani_sock *so, struct san_overlapped *op);
int __real_sani_host_port_take_any(struct sani_host *host);
int __wrap_sani_host_port_take_any(struct sani_host *host);
int __real_sani_port_choose(struct sani_core *core, struct sani_tuple *t, uint64_t *hash);
int __wrap_sani_port_choose(struct sani_core *core, struct sani_tuple *t, uint64_t *hash);
struct sani_thread *__real_sani_thread_make(void);
struct sani_thread *__wrap_sani_thread_make(void);

struct sani_tcp_conn *
__wrap_sani_conn_alloc(struct sani_core *core, uint32_t hash)
{
	return due("connection block", true) ? NULL : __real_sani_conn_alloc(core, hash);
}

struct sani_sock *
__wrap_sani_sock_open(struct san_core *k, struct san_cq *cq, struct sani_lane *lane)
{
	return due("slot", true) ? NULL : __real_sani_sock_open(k, cq, lane);
}

struct sani_extra *
__wrap_sani_extra_take(struct sani_extras *pool)
{
	return due("extra", true) ? NULL : __real_sani_extra_take(pool);
}

int
__wrap_sani_deadline_set(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	return due("deadline", true) ? -ENOBUFS : __real_sani_deadline_set(k, so, op);
}

int
__wrap_sani_host_port_take_any(struct sani_host *host)
{
	return due("listening port", true) ? -EADDRNOTAVAIL : __real_sani_host_port_take_any(host);
}

int
__wrap_sani_port_choose(struct sani_core *core, struct sani_tuple *t, uint64_t *hash)
{
	return due("local port", true) ? -EADDRNOTAVAIL : __real_sani_port_choose(core, t, hash);
}

struct sani_thread *
__wrap_sani_thread_make(void)
{
	/* one that there is costs nothing */
	return sani_thread_self() == NULL && due("thread record", true) ? NULL : __real_sani_thread_make();
}
