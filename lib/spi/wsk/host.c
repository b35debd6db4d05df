/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the subsystem is ready. An entry is used again when nobody uses it: dead sockets outlive their host. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "spi/wsk/priv.h"

static struct sani_wsk_host hosts[SAN_WSK_HOSTS];
static uint64_t starts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;

void
sani_wsk_lock(void)
{
	pthread_mutex_lock(&lock);
}

void
sani_wsk_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void
sani_wsk_changed(void)
{
	pthread_cond_broadcast(&change);
}

void
sani_wsk_wait_change(void)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += 10000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&change, &lock, &at);
}

static struct sani_wsk_host *
entry_of(const struct san_host *host)
{
	unsigned int i;

	for (i = 0; i < SAN_WSK_HOSTS; i++)
		if (hosts[i].host == host && (host == NULL || hosts[i].nb_left == 0))
			return &hosts[i];
	return NULL;
}

struct sani_wsk_host *
sani_wsk_host_find(const struct san_host *wanted)
{
	struct sani_wsk_host *oldest = NULL;
	unsigned int i;

	for (i = 0; i < SAN_WSK_HOSTS; i++) {
		struct sani_wsk_host *h = &hosts[i];

		if (h->host == NULL || !h->ready || (wanted != NULL && h->host != wanted))
			continue;
		if (oldest == NULL || h->since < oldest->since)
			oldest = h;
	}
	return oldest;
}

static void
free_entry(struct sani_wsk_host *h)
{
	unsigned int i;

	for (i = 0; i < h->nb_cores; i++)
		free(h->cores[i]);
	memset(h, 0, sizeof(*h));
}

void
sani_wsk_host_put(struct sani_wsk_host *h)
{
	h->users--;
	if (h->users == 0 && h->nb_left > 0 && h->nb_left == h->nb_cores)
		free_entry(h);
	sani_wsk_changed();
}

/* On the core's thread. */
static int
open_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_wsk_core *wc = args->arg;
	int rc = sani_layer_make_queue(&wc->layer, args->value, SANI_WSK_ODD);

	if (rc < 0)
		return rc;
	wc->core = k;
	wc->thread = &sani_wsk_mark;
	wc->layer.turn = sani_wsk_turn;
	wc->layer.waiting = sani_wsk_waiting;
	wc->layer.ended = sani_wsk_ended;
	sani_layer_add(k, &wc->layer);
	return 0;
}

static int
close_here(struct san_core *k, struct sani_control_args *args)
{
	struct sani_wsk_core *wc = args->arg;
	int rc;

	if (wc->layer.cq == NULL)
		return 0;
	/* Connections that were refused may be on their way out still. */
	sani_wsk_turn(&wc->layer, k, false);
	sani_layer_reap(&wc->layer);
	sani_wsk_turn(&wc->layer, k, false);
	rc = sani_layer_end_queue(&wc->layer);
	if (rc < 0)
		return rc == -EBUSY ? -EAGAIN : rc;
	sani_layer_remove(k, &wc->layer);
	sani_wsk_blocks_free(wc);
	return 0;
}

void
sani_wsk_core_left(struct sani_wsk_core *wc)
{
	struct sani_wsk_host *h = wc->host;

	sani_layer_end_queue(&wc->layer);
	sani_wsk_blocks_free(wc);
	atomic_store(&wc->gone, true);
	sani_wsk_sweep(wc);
	sani_wsk_lock();
	h->ready = false;
	h->nb_left++;
	if (h->nb_left == h->nb_cores && h->users == 0)
		free_entry(h);
	sani_wsk_unlock();
}

static int
call_core(struct sani_wsk_core *wc, struct san_core *k, sani_control_fn fn, unsigned int places)
{
	struct sani_control_args args = { .arg = wc, .value = places };

	return sani_layer_call(k, fn, &args);
}

static int
close_cores(struct sani_wsk_host *h)
{
	unsigned int i;
	int rc;

	for (i = 0; i < h->nb_cores; i++) {
		rc = call_core(h->cores[i], san_core_get(h->host, i), close_here, 0);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The next core of h; one that does not open is none of its cores, and is not asked to close. */
static int
open_next(struct sani_wsk_host *h, unsigned int places)
{
	struct sani_wsk_core *wc = aligned_alloc(SANI_CACHE_LINE, sizeof(*wc));
	int rc;

	if (wc == NULL)
		return -ENOMEM;
	memset(wc, 0, sizeof(*wc));
	wc->host = h;
	rc = call_core(wc, san_core_get(h->host, h->nb_cores), open_here, places);
	if (rc < 0)
		free(wc);
	else
		h->cores[h->nb_cores++] = wc;
	return rc;
}

static int
open_cores(struct sani_wsk_host *h, unsigned int places)
{
	int rc = 0;

	while (h->nb_cores < san_host_cores(h->host) && rc == 0)
		rc = open_next(h, places);
	return rc;
}

/* Take an entry, which is not ready yet. */
static int
begin(struct san_host *host, struct sani_wsk_host **h)
{
	int rc = 0;

	sani_wsk_lock();
	*h = entry_of(NULL);
	if (entry_of(host) != NULL)
		rc = -EALREADY;
	else if (*h == NULL)
		rc = -ENFILE;
	else
		(*h)->host = host;
	sani_wsk_unlock();
	return rc;
}

int
san_wsk_start(struct san_host *host, unsigned int places)
{
	struct sani_wsk_host *h = NULL;
	int rc;

	if (places == 0)
		places = SAN_WSK_PLACES;
	if (host == NULL || places < 128 || places > SAN_CQ_MAX)
		return -EINVAL;
	rc = sani_lib_check();
	if (rc == 0 && sani_layer_in_round())
		rc = -EDEADLK;
	if (rc == 0)
		rc = begin(host, &h);
	if (rc < 0)
		return rc;
	rc = open_cores(h, places);
	if (rc < 0)
		close_cores(h);
	sani_wsk_lock();
	if (rc < 0) {
		free_entry(h);
	} else {
		h->since = ++starts;
		h->ready = true;
		sani_wsk_changed();
	}
	sani_wsk_unlock();
	return rc;
}

int
san_wsk_stop(struct san_host *host)
{
	struct sani_wsk_host *h;
	int rc = host == NULL ? -EINVAL : sani_lib_check();

	if (rc < 0)
		return rc;
	if (sani_layer_in_round())
		return -EDEADLK;
	sani_wsk_lock();
	h = entry_of(host);
	if (h == NULL)
		rc = -EALREADY;
	else if (h->users > 0)
		rc = -EBUSY;
	else
		h->ready = false;
	sani_wsk_unlock();
	if (rc < 0)
		return rc;
	rc = close_cores(h);
	if (rc < 0)
		return rc;
	sani_wsk_lock();
	free_entry(h);
	sani_wsk_unlock();
	return 0;
}
