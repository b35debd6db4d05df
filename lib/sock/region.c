/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions: what DPDK is told of registered memory, in whole pages.
 *
 *   registrations    [aaaaa]  [bbb]   [ccc]
 *   pages          |   1   |   2   |   1   |      how many registrations lie in each
 *   region         [-----------------------]
 *
 * Where a new registration touches regions they are made one, if nobody uses what lies in them at that moment: a
 * region that mbufs refer to is not taken away, not even for an instant. Then one that only lies beside a region
 * gets its own, and one that shares a page with it is copy-only. Pages of which no registration is left stay
 * known until the region goes or is made anew: what is mapped there by then may be other memory, so a new
 * registration does not count on them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "port/extmem.h"
#include "sock/mem.h"

struct region {
	uintptr_t begin;
	uintptr_t end;		/* 0: not in use */
	uint32_t *pages;	/* users of each */
	uint32_t first;		/* of its registrations */
	uint32_t nb;
};

static struct region regions[SANI_EXTMEM_MAX];
static uint32_t nb_regions;

static size_t
page_len(void)
{
	static size_t len;

	if (len == 0)
		len = (size_t)sysconf(_SC_PAGESIZE);
	return len;
}

/* The pages of a registration. */
static uintptr_t
begin_of(const struct sani_mem *e)
{
	return e->base & ~(uintptr_t)(page_len() - 1);
}

static uintptr_t
end_of(const struct sani_mem *e)
{
	return (e->base + e->len + page_len() - 1) & ~(uintptr_t)(page_len() - 1);
}

static uint32_t *
page_at(const struct region *r, uintptr_t at)
{
	return &r->pages[(at - r->begin) / page_len()];
}

/* Add n to the count of each page of a registration. */
static void
count(struct region *r, const struct sani_mem *e, uint32_t n)
{
	for (uintptr_t at = begin_of(e); at < end_of(e); at += page_len())
		*page_at(r, at) += n;
}

/* Are all the pages known, and in use by others? */
static bool
covers(const struct region *r, uintptr_t begin, uintptr_t end)
{
	if (begin < r->begin || end > r->end)
		return false;
	for (uintptr_t at = begin; at < end; at += page_len())
		if (*page_at(r, at) == 0)
			return false;
	return true;
}

static void
link_in(struct region *r, uint32_t idx)
{
	struct sani_mem *e = sani_mem_at(idx);

	e->region = (uint32_t)(r - regions);
	e->prev = SANI_NONE;
	e->next = r->first;
	if (r->first != SANI_NONE)
		sani_mem_at(r->first)->prev = idx;
	r->first = idx;
	r->nb++;
	count(r, e, 1);
}

static struct region *
find_unused(void)
{
	for (uint32_t i = 0; i < SANI_EXTMEM_MAX; i++)
		if (regions[i].end == 0)
			return &regions[i];
	return NULL;
}

/* A region of nothing yet; NULL: no room. */
static struct region *
make(uintptr_t begin, uintptr_t end)
{
	struct region *r = find_unused();

	if (r == NULL)
		return NULL;
	r->pages = calloc((end - begin) / page_len(), sizeof(*r->pages));
	if (r->pages == NULL)
		return NULL;
	if (sani_extmem_map(begin, end) < 0) {
		free(r->pages);
		return NULL;
	}
	r->begin = begin;
	r->end = end;
	r->first = SANI_NONE;
	r->nb = 0;
	nb_regions++;
	return r;
}

static void
drop(struct region *r)
{
	sani_extmem_unmap(r->begin, r->end);
	free(r->pages);
	*r = (struct region){ .end = 0 };
	nb_regions--;
}

static bool
touches(const struct region *r, uintptr_t begin, uintptr_t end)
{
	return r->end != 0 && r->begin <= end && begin <= r->end;
}

/* Who becomes a user from here on copies. False: somebody is one. */
static bool
freeze(const struct region *r)
{
	bool idle = true;

	for (uint32_t i = r->first; i != SANI_NONE; i = sani_mem_at(i)->next)
		/* acquire: what the last user did */
		idle &= !(atomic_fetch_or_explicit(&sani_mem_at(i)->word, SANI_MEM_FROZEN, memory_order_acq_rel) &
			  SANI_MEM_USERS);
	return idle;
}

static void
thaw(const struct region *r)
{
	for (uint32_t i = r->first; i != SANI_NONE; i = sani_mem_at(i)->next)
		/* release: the region before the word that lets others count on it */
		atomic_fetch_and_explicit(&sani_mem_at(i)->word, ~SANI_MEM_FROZEN, memory_order_release);
}

/* Freeze all regions that touch [begin, end), or none. */
static bool
freeze_all(uintptr_t begin, uintptr_t end)
{
	bool idle = true;
	uint32_t i;

	for (i = 0; i < SANI_EXTMEM_MAX; i++)
		if (touches(&regions[i], begin, end))
			idle &= freeze(&regions[i]);
	for (i = 0; !idle && i < SANI_EXTMEM_MAX; i++)
		if (touches(&regions[i], begin, end))
			thaw(&regions[i]);
	return idle;
}

/* Where what is in use of a region begins and ends: pages that are left behind at its ends are not kept. */
static void
extend(const struct region *r, uintptr_t *begin, uintptr_t *end)
{
	uintptr_t first = r->begin, last = r->end;

	while (first < last && *page_at(r, first) == 0)
		first += page_len();
	while (last > first && *page_at(r, last - page_len()) == 0)
		last -= page_len();
	*begin = first < *begin ? first : *begin;
	*end = last > *end ? last : *end;
}

/* Take what is in r to another region; NULL: to none. */
static void
hand_over(struct region *r, struct region *to)
{
	uint32_t next;

	for (uint32_t i = r->first; i != SANI_NONE; i = next) {
		next = sani_mem_at(i)->next;
		sani_mem_at(i)->region = SANI_NONE;
		if (to != NULL)
			link_in(to, i);
	}
}

/*
 * Frozen regions that touch [begin, end) become one that holds it too. DPDK does not take the new one while the old
 * ones are there, so those go first; should it refuse the new one, all that was in them is copy-only.
 */
static struct region *
merge(uintptr_t begin, uintptr_t end)
{
	struct region old[SANI_EXTMEM_MAX];
	uintptr_t from = begin, to = end;
	uint32_t n = 0;
	struct region *r;

	for (uint32_t i = 0; i < SANI_EXTMEM_MAX; i++) {
		if (!touches(&regions[i], begin, end))
			continue;
		extend(&regions[i], &from, &to);
		old[n] = regions[i];
		old[n++].pages = NULL;
		drop(&regions[i]);
	}
	r = make(from, to);
	for (uint32_t i = 0; i < n; i++)
		hand_over(&old[i], r);
	if (r != NULL)
		thaw(r);
	return r;
}

bool
sani_region_join(uint32_t idx)
{
	struct sani_mem *e = sani_mem_at(idx);
	uintptr_t begin = begin_of(e), end = end_of(e);
	bool beside = false, over = false;
	struct region *r = NULL;

	e->region = SANI_NONE;
	for (uint32_t i = 0; i < SANI_EXTMEM_MAX; i++) {
		if (!touches(&regions[i], begin, end))
			continue;
		if (covers(&regions[i], begin, end)) {
			link_in(&regions[i], idx);
			return true;
		}
		beside = true;
		over |= regions[i].begin < end && begin < regions[i].end;
	}
	if (beside && freeze_all(begin, end))
		r = merge(begin, end);
	else if (!over)
		r = make(begin, end);
	if (r != NULL)
		link_in(r, idx);
	return r != NULL;
}

void
sani_region_leave(uint32_t idx)
{
	struct sani_mem *e = sani_mem_at(idx);
	struct region *r;

	if (e->region == SANI_NONE)
		return;
	r = &regions[e->region];
	e->region = SANI_NONE;
	count(r, e, UINT32_MAX);
	if (e->next != SANI_NONE)
		sani_mem_at(e->next)->prev = e->prev;
	if (e->prev != SANI_NONE)
		sani_mem_at(e->prev)->next = e->next;
	else
		r->first = e->next;
	if (--r->nb == 0)
		drop(r);
}

uint32_t
sani_region_count(void)
{
	return nb_regions;
}
