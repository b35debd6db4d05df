/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>

#include "spi/wsp/priv.h"

struct sani_wsp_sock *sani_wsp_socks;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sani_wsp_sock *oldest_free;	/* first in, first out: an entry comes back as late as can be */
static struct sani_wsp_sock **free_end = &oldest_free;
static _Atomic uint32_t high;
static _Atomic uint32_t in_use;

bool
sani_wsp_reserve(void)
{
	void *p;

	if (sani_wsp_socks != NULL)
		return true;
	p = mmap(NULL, SANI_WSP_SOCKS * sizeof(*sani_wsp_socks), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	sani_wsp_socks = p;
	/* Not 0: that is nobody's descriptor. */
	atomic_store(&sani_wsp_socks[0].word, sani_wsp_word(sani_wsp_socks, 1, SANI_WSP_FREE));
	return true;
}

uint32_t
sani_wsp_high(void)
{
	return atomic_load(&high);
}

SOCKET
sani_wsp_name(const struct sani_wsp_sock *so)
{
	return sani_wsp_word(so, sani_wsp_gen(so), SANI_WSP_OPEN);
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
	uint32_t n = atomic_load(&high);
	struct sani_wsp_sock *so = &sani_wsp_socks[n];

	if (n == SANI_WSP_SOCKS)
		return NULL;
	atomic_store(&so->word, sani_wsp_word(so, 1, SANI_WSP_FREE));
	atomic_store(&high, n + 1);
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

	if (so == NULL)
		return NULL;
	memset(&so->op, 0, sizeof(so->op));
	so->op.user = sani_wsp_user(so);
	memset((char *)so + offsetof(struct sani_wsp_sock, hot), 0,
	       sizeof(*so) - offsetof(struct sani_wsp_sock, hot));
	so->nodelay = true;
	atomic_store(&so->home, NULL);
	atomic_store(&so->tie, sani_wsp_tie(sani_wsp_gen(so), SANI_WSP_BUSY));
	atomic_fetch_add(&in_use, 1);
	atomic_store(&so->word, sani_wsp_word(so, sani_wsp_gen(so), state));
	return so;
}

void
sani_wsp_free(struct sani_wsp_sock *so)
{
	/* R191: the descriptor is of its generation. Never 0: so no descriptor is. */
	uint32_t gen = RTE_MAX(sani_wsp_gen(so) + 1, 1u);

	atomic_store(&so->word, sani_wsp_word(so, gen, SANI_WSP_FREE));
	pthread_mutex_lock(&lock);
	so->next = NULL;
	*free_end = so;
	free_end = &so->next;
	pthread_mutex_unlock(&lock);
	atomic_fetch_sub(&in_use, 1);
}
