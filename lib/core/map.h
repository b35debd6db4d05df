/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Map: memory for the big arrays of a core, and of what is above it: zero, reserved at once and taken page by page as
 * it is used.
 */
#ifndef SANI_CORE_MAP_H
#define SANI_CORE_MAP_H

#include "base/base.h"

/** Reserve; huge pages are asked for where they fit. NULL: no memory. */
void *
sani_map(size_t bytes);

/** Give back; NULL is allowed. */
void
sani_unmap(void *p, size_t bytes);

#endif
