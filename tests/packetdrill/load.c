/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The object that packetdrill loads loads the stack. The tool binds the symbols of what it loads to that
 * object's own libraries first (RTLD_DEEPBIND). Variables of the C library that the tool itself uses
 * exist twice then: its getopt() works on the tool's `optind` and `optarg`, the EAL looks at the others,
 * and finds no arguments. An object that is loaded in the usual way from here sees what the C library sees.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "packetdrill/interface.h"

#define STACK "libsanstack-packetdrill-stack.so"

typedef int (*get)(int fd, int level, int name, void *value, socklen_t *size);
typedef void (*fill)(const char *flags, struct packetdrill_interface *ifc);

static struct packetdrill_interface *table;

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "packetdrill_interface_init(): %s\n", what);
	exit(EXIT_FAILURE);
}

/* The other object lies beside this one. */
static void
find_stack(char *path, size_t room)
{
	Dl_info self;
	const char *slash;

	if (dladdr(find_stack, &self) == 0)
		give_up("this object has no name");
	slash = strrchr(self.dli_fname, '/');
	snprintf(path, room, "%.*s%s", slash == NULL ? 0 : (int)(slash - self.dli_fname) + 1,
		 self.dli_fname, STACK);
}

void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
	char path[PATH_MAX];
	void *stack;
	fill fill_interface;

	find_stack(path, sizeof(path));
	stack = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (stack == NULL)
		give_up(dlerror());
	fill_interface = (fill)dlsym(stack, "packetdrill_interface_init");
	if (fill_interface == NULL)
		give_up(dlerror());
	fill_interface(flags, ifc);
	table = ifc;
}

static bool
is_for_code(int level, int name)
{
	return (level == IPPROTO_TCP && (name == TCP_INFO || name == TCP_CC_INFO)) ||
	       (level == SOL_SOCKET && name == SO_MEMINFO);
}

/*
 * For code in a script the tool asks the kernel for figures, and not the object. When this object is preloaded
 * too (LD_PRELOAD), the question comes by here: of a socket of the object's it is answered by the object.
 */
__attribute__((visibility("default"))) int
getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	get next = (get)dlsym(RTLD_NEXT, "getsockopt");
	int rc;

	if (table != NULL && is_for_code(level, name)) {
		rc = table->getsockopt(table->userdata, fd, level, name, value, size);
		if (rc == 0 || errno != EBADF)
			return rc;
	}
	return next(fd, level, name, value, size);
}
