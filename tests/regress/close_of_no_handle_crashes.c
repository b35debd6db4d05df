/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Before the first socket a close of SAN_NO_HANDLE by the thread that polls the first core wrote to address 0: a slot
 * that was never used had this handle for its own.
 */
#include <errno.h>

#include "net.h"

static struct net net;

static void
handles_of_slots_never_used_are_stale(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true };

	(void)state;
	net_open(&net, &wish);
	assert_int_equal(san_close(SAN_NO_HANDLE, 1), -ENOTSOCK);
	for (san_handle slot = 0; slot < 4; slot++)
		net_assert_stale(&net, slot << 32);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(handles_of_slots_never_used_are_stale),
};

NET_MAIN("close_of_no_handle_crashes", cases)
