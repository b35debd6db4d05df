/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/pages.h"

static char folder[] = "/tmp/san-pages-XXXXXX";
static const char *const sizes[] = { "hugepages-2048kB", "hugepages-1048576kB" };

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int
end_folder(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(folder) != 0;
}

/* A size of pages, with what its file says of the free ones; NULL: without a file. */
static void
add_size(const char *size, const char *text)
{
	char path[64];
	FILE *file;

	assert_int_equal(mkdir(size, 0700), 0);
	if (text == NULL)
		return;
	snprintf(path, sizeof(path), "%s/free_hugepages", size);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
end_sizes(void)
{
	char path[64];

	for (unsigned int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/free_hugepages", sizes[i]);
		unlink(path);
		rmdir(sizes[i]);
	}
}

static void
free_pages_of_all_sizes_count(void **state)
{
	(void)state;
	add_size(sizes[0], "12\n");
	add_size(sizes[1], "3\n");
	assert_int_equal(sani_api_free_pages(folder), 15);
	end_sizes();
}

static void
what_cannot_be_read_is_none(void **state)
{
	(void)state;
	assert_int_equal(sani_api_free_pages("/nowhere"), 0);
	assert_int_equal(sani_api_free_pages(folder), 0);
	add_size(sizes[0], NULL);
	add_size(sizes[1], "many\n");
	assert_int_equal(sani_api_free_pages(folder), 0);
	end_sizes();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_pages_of_all_sizes_count),
		cmocka_unit_test(what_cannot_be_read_is_none),
	};

	return cmocka_run_group_tests(tests, make_folder, end_folder);
}
