/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>

#include "spi/win/share.h"

/* The options of a socket and its address: on any, or on one. */
enum kind { NONE_ANY, NONE_ONE, REUSE_ANY, REUSE_ONE, EXCL_ANY, EXCL_ONE, KINDS };

#define OK SANI_WIN_SHARE_OK
#define INUSE SANI_WIN_SHARE_INUSE
#define DENIED SANI_WIN_SHARE_DENIED
#define CHECK SANI_WIN_SHARE_CHECK

/* First bind: row; second bind: column; both on one port, and not on two different addresses. */
static const uint8_t table[KINDS][KINDS] = {
	[NONE_ANY] = { INUSE, OK, INUSE, OK, INUSE, OK },
	[NONE_ONE] = { CHECK, INUSE, CHECK, DENIED, DENIED, INUSE },
	[REUSE_ANY] = { DENIED, OK, OK, OK, DENIED, OK },
	[REUSE_ONE] = { CHECK, DENIED, OK, OK, DENIED, DENIED },
	[EXCL_ANY] = { INUSE, INUSE, INUSE, INUSE, INUSE, INUSE },
	[EXCL_ONE] = { CHECK, INUSE, CHECK, INUSE, DENIED, INUSE },
};

static bool
is_any(const struct san_addr *a)
{
	static const struct san_addr any;

	return memcmp(a->ip, any.ip, sizeof(a->ip)) == 0;
}

static unsigned int
kind_of(const struct sani_win_binding *b)
{
	unsigned int one = !is_any(&b->addr);

	if (b->exclusive)
		return EXCL_ANY + one;
	return b->reuse ? REUSE_ANY + one : NONE_ANY + one;
}

enum sani_win_share
sani_win_share(const struct sani_win_binding *first, const struct sani_win_binding *second)
{
	if (!is_any(&first->addr) && !is_any(&second->addr) &&
	    memcmp(first->addr.ip, second->addr.ip, sizeof(first->addr.ip)) != 0)
		return OK;
	return (enum sani_win_share)table[kind_of(first)][kind_of(second)];
}
