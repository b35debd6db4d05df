/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the system says of huge pages, for a message of the start.
 */
#ifndef SANI_API_PAGES_H
#define SANI_API_PAGES_H

/** Where the kernel tells it: a folder for each size of pages. */
#define SANI_API_PAGES "/sys/kernel/mm/hugepages"

/** @return How many huge pages of all sizes are free; 0 if the folder or what is in it cannot be read. */
unsigned long
sani_api_free_pages(const char *folder);

#endif
