/* SPDX-License-Identifier: BSD-3-Clause */
#include <glob.h>
#include <limits.h>
#include <stdio.h>

#include "api/pages.h"

static unsigned long
read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned long n = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu", &n) != 1)
		n = 0;
	fclose(file);
	return n;
}

unsigned long
sani_api_free_pages(const char *folder)
{
	char pattern[PATH_MAX];
	unsigned long sum = 0;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/hugepages-*/free_hugepages", folder);
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		sum += read_number(found.gl_pathv[i]);
	globfree(&found);
	return sum;
}
