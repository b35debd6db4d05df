/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "sock/priv.h"

static struct san_host *hosts;
struct san_core *_Atomic sani_cores[SANI_CORE_IDS + 1];
static unsigned int nb_core_ids;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct sani_core_up up = {
	.event = sani_conn_event,
	.embryo = sani_embryo_ready,
	.message = sani_sock_message,
	.moved = sani_conn_moved,
	.ahead = sani_conn_ahead,
	.reads = sani_conn_reads,
};

struct san_host *
sani_sock_hosts(void)
{
	return hosts;
}

uint32_t
sani_sock_ring_size(uint8_t core_id)
{
	return sani_sock_core(core_id)->ring_size;
}

void
sani_sock_wake_all(void)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nb_core_ids; i++) {
		struct san_core *k = atomic_load(&sani_cores[i]);

		if (k != NULL)
			sani_core_wake(k);
	}
	pthread_mutex_unlock(&lock);
}

uint64_t
sani_sock_count_loans(void)
{
	uint64_t n = 0;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nb_core_ids; i++) {
		const struct san_core *k = atomic_load(&sani_cores[i]);

		n += k != NULL ? sani_loan_count(&k->loans) : 0;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

struct sani_host *
sani_sock_host_below(const struct san_host *host)
{
	return host->host;
}

/* What is gone by now has nothing on a core that is only being made. */
static void
acknowledge_past(struct san_core *k)
{
	unsigned int id;

	for (id = 1; id < SANI_THREADS; id++) {
		struct sani_thread *t = sani_thread_get(id);
		uint32_t life = atomic_load(&t->life);

		if (atomic_load(&t->state) == SANI_THREAD_GONE)
			k->gone_acked[id] = life;
	}
	k->gone_seen = sani_thread_gone_count();
}

static struct san_core *
make_core(struct san_host *h, unsigned int index, const struct sani_sock_conf *conf)
{
	struct san_core *k = aligned_alloc(SANI_CACHE_LINE,
					   (sizeof(*k) + SANI_CACHE_LINE - 1) &
						   ~(size_t)(SANI_CACHE_LINE - 1));

	if (k == NULL)
		return NULL;
	memset(k, 0, sizeof(*k));
	k->host = h;
	k->core = h->host->cores[index];
	k->id = k->core->id;
	k->core->ctx = k;
	k->sleep.event_fd = -1;
	atomic_store(&k->here, SANI_NONE);
	k->sleep_after_us = conf->sleep_after_us;
	k->loans.max = conf->nb_loans;
	if (sani_sock_init(k, conf->nb_slots, conf->ring_size) < 0) {
		free(k);
		return NULL;
	}
	acknowledge_past(k);
	return k;
}

/*
 * A core that has left its last round acknowledges what went after it: everything is retired. (A core
 * that was never polled since does so here too.)
 */
static void
acknowledge_late(struct san_core *k)
{
	unsigned int id;

	for (id = 1; id < SANI_THREADS; id++) {
		struct sani_thread *t = sani_thread_get(id);
		uint32_t life = atomic_load(&t->life);

		if (atomic_load(&t->state) == SANI_THREAD_GONE && k->gone_acked[id] != life)
			sani_thread_ack_gone(t);
	}
}

static void
free_host(struct san_host *h)
{
	unsigned int i;

	for (i = 0; i < h->nb_cores; i++) {
		if (h->cores[i] == NULL)
			continue;
		acknowledge_late(h->cores[i]);
		atomic_store(&sani_cores[h->cores[i]->id], NULL);
		sani_sock_fini(h->cores[i]);
		free(h->cores[i]);
	}
	sani_host_free(h->host);
	free(h);
}

/* Under the lock: make what is above the data path. */
static int
open_host(struct sani_host_conf *conf, const struct sani_sock_conf *sock, struct san_host *h)
{
	unsigned int i;
	int rc = sani_host_open(conf, &up, &h->host);

	if (rc < 0)
		return rc;
	h->nb_cores = conf->nb_cores;
	for (i = 0; i < h->nb_cores; i++) {
		h->cores[i] = make_core(h, i, sock);
		if (h->cores[i] == NULL)
			return sani_error_set(-ENOMEM, "host %s: no memory for %u sockets on each core;"
					      " lower sockets in [host]", conf->name,
					      sock->nb_slots);
	}
	return 0;
}

static int
create_locked(struct sani_host_conf *conf, const struct sani_sock_conf *sock, struct san_host **out)
{
	struct san_host *h;
	unsigned int i;
	int rc;

	/* Once more, under the lock: a cleanup may have gone by since the first look. */
	if (sani_lib_check() < 0)
		return sani_error_set(-ENETDOWN, "host %s: the library was cleaned up meanwhile",
				      conf->name);
	if (nb_core_ids + conf->nb_cores > SANI_CORE_IDS)
		return sani_error_set(-EINVAL, "host %s: %u cores are more than the %u that are left of"
				      " %d in this process", conf->name, conf->nb_cores,
				      SANI_CORE_IDS - nb_core_ids, SANI_CORE_IDS);
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return sani_error_set(-ENOMEM, "host %s: no memory", conf->name);
	conf->first_core_id = nb_core_ids;
	rc = open_host(conf, sock, h);
	if (rc < 0) {
		if (h->host != NULL)
			sani_host_stop(h->host);
		if (h->host != NULL)
			free_host(h);
		else
			free(h);
		return rc;
	}
	nb_core_ids += conf->nb_cores;
	h->next = hosts;
	hosts = h;
	for (i = 0; i < h->nb_cores; i++)
		/* release: the core before the pointer that shows it */
		atomic_store_explicit(&sani_cores[h->cores[i]->id], h->cores[i], memory_order_release);
	*out = h;
	return 0;
}

int
sani_sock_host_create(struct sani_host_conf *conf, const struct sani_sock_conf *sock,
		      struct san_host **host)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = create_locked(conf, sock, host);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
sani_sock_hosts_destroy(void)
{
	struct san_host *h;

	pthread_mutex_lock(&lock);
	/* All ports first: a ring pair may hold buffers of the other host's pool. */
	for (h = hosts; h != NULL; h = h->next)
		sani_host_stop(h->host);
	while (hosts != NULL) {
		h = hosts;
		hosts = h->next;
		free_host(h);
	}
	nb_core_ids = 0;
	pthread_mutex_unlock(&lock);
}

void
sani_sock_thread_gone(struct sani_thread *t)
{
	uint32_t nb;

	/* The lock: no core comes into being between the count and the state. */
	pthread_mutex_lock(&lock);
	nb = nb_core_ids;
	atomic_store(&t->acks_left, nb + 1);
	atomic_store(&t->state, SANI_THREAD_GONE);
	pthread_mutex_unlock(&lock);
	/* The one more is ours: with no core at all it is the last one. */
	sani_thread_ack_gone(t);
}
