/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <san/host.h>

#include "api/pages.h"
#include "base/error.h"
#include "sock/sock.h"

static pthread_mutex_t eal_lock = PTHREAD_MUTEX_INITIALIZER;

/* Before rte_eal_init() no lcore exists; afterwards at least the main one does. */
static bool
eal_runs(void)
{
	return rte_lcore_count() > 0;
}

static bool
has_argument(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

/*
 * The EAL says EACCES when there are no huge pages or none that it may use, ENOMEM when there are too few for what was
 * asked, and either for other reasons: whether there are any the kernel says.
 */
static int
tell_why_not(bool no_huge)
{
	unsigned long n = sani_api_free_pages(SANI_API_PAGES);
	bool of_memory = !no_huge && (rte_errno == EACCES || rte_errno == ENOMEM);

	if (of_memory && n == 0)
		return sani_error_set(-EINVAL, "the EAL found no free huge pages: reserve some (sysctl -w"
				      " vm.nr_hugepages=512) or start with --no-huge");
	if (of_memory)
		return sani_error_set(-EINVAL, "the EAL did not start (%s), %lu huge pages are free: ask for"
				      " less (-m), reserve more or start with --no-huge; if it is not that, its own"
				      " lines above say what",
				      rte_strerror(rte_errno), n);
	return sani_error_set(-EINVAL, "the EAL did not start (%s): its own lines above say which"
			      " argument it did not take", rte_strerror(rte_errno));
}

static int
start_eal(int argc, char **argv)
{
	bool no_huge = has_argument(argc, argv, "--no-huge");
	int n;

	if (eal_runs())
		return sani_error_set(-EALREADY, "the EAL runs already, so it cannot take arguments:"
				      " call san_startup(0, NULL) to keep it");
	n = rte_eal_init(argc, argv);
	if (n >= 0)
		return n;
	return tell_why_not(no_huge);
}

int
san_startup(int argc, char **argv)
{
	int n = 0;
	int rc;

	if (argc < 0 || (argc > 0 && argv == NULL))
		return sani_error_set(-EINVAL, "san_startup: argc is %d and argv is not given", argc);
	pthread_mutex_lock(&eal_lock);
	if (argc > 0)
		n = start_eal(argc, argv);
	else if (!eal_runs())
		n = sani_error_set(-EINVAL, "the EAL does not run: pass EAL arguments to san_startup()"
				   " or call rte_eal_init() first");
	pthread_mutex_unlock(&eal_lock);
	if (n < 0)
		return n;
	rc = sani_lib_startup();
	if (rc < 0)
		return sani_error_set(rc, "a cleanup is under way: start again when it has returned");
	return n;
}

int
san_cleanup(void)
{
	int rc = sani_lib_cleanup();

	if (rc == -EBUSY)
		sani_error_set(rc, "cleanup: other threads are attached; each calls san_detach() first");
	return rc;
}

const char *
san_error(void)
{
	return sani_error_text();
}

int
san_attach(void)
{
	return sani_lib_attach();
}

int
san_detach(void)
{
	return sani_lib_detach();
}
