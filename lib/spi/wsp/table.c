/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "spi/wsp/priv.h"

struct sani_wsp_sock *_Atomic sani_wsp_chunks[SANI_WSP_SOCKS / SANI_WSP_CHUNK];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sani_wsp_sock *oldest_free;	/* first in, first out: a number comes back as late as can be */
static struct sani_wsp_sock **free_end = &oldest_free;
static uint32_t fresh;
static _Atomic uint32_t in_use;

SOCKET
sani_wsp_name(const struct sani_wsp_sock *so)
{
	uint32_t gen = (uint32_t)(atomic_load_explicit(&so->word, memory_order_relaxed) >> 32);

	return (SOCKET)gen << 32 | (so->index + 1);
}

uint32_t
sani_wsp_in_use(void)
{
	return atomic_load(&in_use);
}

/* Under the lock. */
static struct sani_wsp_sock *
take_fresh(void)
{
	struct sani_wsp_sock *chunk;
	struct sani_wsp_sock *so;

	if (fresh == SANI_WSP_SOCKS)
		return NULL;
	if (fresh % SANI_WSP_CHUNK == 0) {
		chunk = aligned_alloc(SANI_CACHE_LINE, SANI_WSP_CHUNK * sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		memset(chunk, 0, SANI_WSP_CHUNK * sizeof(*chunk));
		/* release: the entries before the pointer that shows them */
		atomic_store_explicit(&sani_wsp_chunks[fresh / SANI_WSP_CHUNK], chunk, memory_order_release);
	}
	so = sani_wsp_at(fresh);
	so->index = fresh++;
	atomic_store(&so->word, sani_wsp_word(1, SANI_WSP_FREE));
	return so;
}

static struct sani_wsp_sock *
take(void)
{
	struct sani_wsp_sock *so;

	pthread_mutex_lock(&lock);
	so = oldest_free;
	if (so == NULL) {
		so = take_fresh();
	} else {
		oldest_free = so->next;
		if (oldest_free == NULL)
			free_end = &oldest_free;
	}
	pthread_mutex_unlock(&lock);
	return so;
}

struct sani_wsp_sock *
sani_wsp_alloc(enum sani_wsp_state state)
{
	struct sani_wsp_sock *so = take();
	uint32_t gen;

	if (so == NULL)
		return NULL;
	gen = (uint32_t)(atomic_load(&so->word) >> 32);
	memset(&so->op, 0, sizeof(so->op));
	so->op.user = (uintptr_t)so;
	memset((char *)so + offsetof(struct sani_wsp_sock, home), 0,
	       sizeof(*so) - offsetof(struct sani_wsp_sock, home));
	so->nodelay = true;
	atomic_fetch_add(&in_use, 1);
	atomic_store(&so->word, sani_wsp_word(gen, state));
	return so;
}

void
sani_wsp_free(struct sani_wsp_sock *so)
{
	uint32_t gen = (uint32_t)(atomic_load(&so->word) >> 32) + 1;

	/* A descriptor is never 0 nor INVALID_SOCKET whatever its generation: the lower half is 1..65,536. */
	atomic_store(&so->word, sani_wsp_word(gen, SANI_WSP_FREE));
	pthread_mutex_lock(&lock);
	so->next = NULL;
	*free_end = so;
	free_end = &so->next;
	pthread_mutex_unlock(&lock);
	atomic_fetch_sub(&in_use, 1);
}
