/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/mem.h"

#include <errno.h>
#include <pthread.h>

#include "sock/sock.h"

/* Pages that nobody has written to cost nothing: entries are taken from the front. */
static struct sani_mem table[SAN_MEM_MAX];
static uint32_t nb_fresh;		/* from here on never used */
static uint32_t first_free;		/* + 1 */
static uint32_t nb_alive;
static uint64_t copy_only_ever;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct sani_mem *
sani_mem_at(uint32_t idx)
{
	return &table[idx];
}

/* The entry of a handle; NULL: none has it. */
static struct sani_mem *
find(san_mem mem)
{
	uint32_t idx = (uint32_t)mem - 1;

	return idx < SAN_MEM_MAX ? &table[idx] : NULL;
}

static bool
is_named(uint64_t word, san_mem mem)
{
	return (word & SANI_MEM_ALIVE) && word >> 32 == mem >> 32;
}

static int
check_use(const struct sani_mem *e, uintptr_t base, size_t len, unsigned int access)
{
	if (base < e->base || len > e->len || base - e->base > e->len - len)
		return -EFAULT;
	return (e->access & access) == access ? 0 : -EACCES;
}

int
sani_mem_use(san_mem mem, const void *base, size_t len, unsigned int access, uint32_t *idx)
{
	struct sani_mem *e = find(mem);
	uint64_t w;
	int rc;

	if (e == NULL)
		return -EINVAL;
	w = atomic_load_explicit(&e->word, memory_order_relaxed);
	do {
		if (!is_named(w, mem) || (w & SANI_MEM_USERS) == SANI_MEM_USERS)
			return -EINVAL;
		/* acquire: what was written while nobody was a user */
	} while (!atomic_compare_exchange_weak_explicit(&e->word, &w, w + SANI_MEM_USER, memory_order_acquire,
							memory_order_relaxed));
	*idx = (uint32_t)(e - table);
	rc = check_use(e, (uintptr_t)base, len, access);
	if (rc < 0)
		sani_mem_drop(*idx);
	else
		rc = !(w & SANI_MEM_FROZEN) && e->region != SANI_NONE;
	return rc;
}

void
sani_mem_drop(uint32_t idx)
{
	/* release: nothing of the memory is read or written any more */
	atomic_fetch_sub_explicit(&table[idx].word, SANI_MEM_USER, memory_order_release);
}

static struct sani_mem *
take(void)
{
	struct sani_mem *e;

	if (first_free != 0) {
		e = &table[first_free - 1];
		first_free = e->next;
	} else if (nb_fresh < SAN_MEM_MAX) {
		e = &table[nb_fresh++];
	} else {
		return NULL;
	}
	return e;
}

static int
register_locked(const struct sani_mem *like, san_mem *mem)
{
	struct sani_mem *e;
	uint64_t gen;
	uint32_t idx;
	bool known;

	if (sani_lib_check() < 0)
		return -ENETDOWN;
	e = take();
	if (e == NULL)
		return -ENFILE;
	idx = (uint32_t)(e - table);
	e->base = like->base;
	e->len = like->len;
	e->access = like->access;
	known = sani_region_join(idx);
	gen = (atomic_load_explicit(&e->word, memory_order_relaxed) >> 32) + 1;
	*mem = gen << 32 | (idx + 1);
	nb_alive++;
	copy_only_ever += !known;
	/* release: the entry before the word that shows it */
	atomic_store_explicit(&e->word, gen << 32 | SANI_MEM_ALIVE, memory_order_release);
	return !known;
}

int
sani_mem_register(void *base, size_t len, unsigned int access, san_mem *mem)
{
	struct sani_mem like = { .base = (uintptr_t)base, .len = len, .access = (uint8_t)access };
	int rc;

	pthread_mutex_lock(&lock);
	rc = register_locked(&like, mem);
	pthread_mutex_unlock(&lock);
	return rc;
}

/* The word says that it is dead. An entry whose generation would wrap is never used again. */
static void
bury(struct sani_mem *e, uint64_t gen)
{
	nb_alive--;
	sani_region_leave((uint32_t)(e - table));
	if (gen == UINT32_MAX)
		return;
	e->next = first_free;
	first_free = (uint32_t)(e - table) + 1;
}

static int
deregister_locked(san_mem mem)
{
	struct sani_mem *e = find(mem);
	uint64_t w;

	if (sani_lib_check() < 0)
		return -ENETDOWN;
	if (e == NULL)
		return -EINVAL;
	w = atomic_load_explicit(&e->word, memory_order_relaxed);
	do {
		if (!is_named(w, mem))
			return -EINVAL;
		if (w & SANI_MEM_USERS)
			return -EBUSY;
		/* acquire: what the last user did */
	} while (!atomic_compare_exchange_weak_explicit(&e->word, &w, w & ~SANI_MEM_ALIVE, memory_order_acquire,
							memory_order_relaxed));
	bury(e, w >> 32);
	return 0;
}

int
sani_mem_deregister(san_mem mem)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = deregister_locked(mem);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
sani_mem_end(void)
{
	uint32_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; nb_alive > 0 && i < nb_fresh; i++) {
		uint64_t w = atomic_load_explicit(&table[i].word, memory_order_acquire);

		if (!(w & SANI_MEM_ALIVE))
			continue;
		sani_assert(!(w & SANI_MEM_USERS));
		atomic_store_explicit(&table[i].word, w & ~SANI_MEM_ALIVE, memory_order_relaxed);
		bury(&table[i], w >> 32);
	}
	pthread_mutex_unlock(&lock);
}

static uint32_t
count_copy_only(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < nb_fresh; i++)
		n += (atomic_load_explicit(&table[i].word, memory_order_relaxed) & SANI_MEM_ALIVE) &&
		     table[i].region == SANI_NONE;
	return n;
}

void
sani_mem_usage(struct san_mem_usage *usage)
{
	pthread_mutex_lock(&lock);
	*usage = (struct san_mem_usage){
		.registrations = nb_alive,
		.copy_only = count_copy_only(),
		.regions = sani_region_count(),
		.copy_only_ever = copy_only_ever,
	};
	pthread_mutex_unlock(&lock);
}
