/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/mman.h>

#include "core/map.h"

#define HUGE_PAGE (UINT64_C(2) << 20)

void *
sani_map(size_t bytes)
{
	void *p;

	if (bytes == 0)
		bytes = 1;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* a wish: a million connections on small pages would pay a page walk each */
	if (bytes >= HUGE_PAGE)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

void
sani_unmap(void *p, size_t bytes)
{
	if (p != NULL)
		munmap(p, bytes == 0 ? 1 : bytes);
}
