/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every call that takes a descriptor, with one that is none.
 */
#include <string.h>

#include "sw_priv.h"

#define EXPECT(call, answer, failed) do { \
	err = 0; \
	if ((answer) != (failed)) \
		fail_msg("%s takes a descriptor that is none", call); \
	if (err != WSAENOTSOCK) \
		fail_msg("%s fails with %d for a descriptor that is none, not with WSAENOTSOCK", call, err); \
} while (0)

static void
assert_transfers(SOCKET s)
{
	WSAOVERLAPPED ov;
	char byte = 0;
	WSABUFEX buf = { .len = 1, .buf = &byte };
	DWORD bytes = 0;
	DWORD flags = 0;
	int err;

	memset(&ov, 0, sizeof(ov));
	EXPECT("WSPSend", sw.calls.lpWSPSend(s, &buf, 1, &bytes, 0, &ov, NULL, NULL, &err), SOCKET_ERROR);
	EXPECT("WSPRecv", sw.calls.lpWSPRecv(s, &buf, 1, &bytes, &flags, &ov, NULL, NULL, &err), SOCKET_ERROR);
	EXPECT("WSPGetOverlappedResult", sw.calls.lpWSPGetOverlappedResult(s, &ov, &bytes, FALSE, &flags, &err),
	       FALSE);
	EXPECT("WSPRegisterMemory", sw.reg(s, &byte, 1, MEM_READ, &err), NULL);
	EXPECT("WSPDeregisterMemory", sw.dereg(s, &byte, &err), SOCKET_ERROR);
}

static void
assert_settings(SOCKET s)
{
	WSANETWORKEVENTS events;
	struct sw_event ev;
	char out[256];
	int value = 0;
	int len = sizeof(value);
	DWORD got;
	int err;

	memset(&ev, 0, sizeof(ev));
	EXPECT("WSPEventSelect", sw.calls.lpWSPEventSelect(s, &ev, FD_ACCEPT, &err), SOCKET_ERROR);
	EXPECT("WSPEnumNetworkEvents", sw.calls.lpWSPEnumNetworkEvents(s, NULL, &events, &err), SOCKET_ERROR);
	EXPECT("WSPGetSockOpt", sw.calls.lpWSPGetSockOpt(s, SOL_SOCKET, SO_DEBUG, (char *)&value, &len, &err),
	       SOCKET_ERROR);
	EXPECT("WSPSetSockOpt", sw.calls.lpWSPSetSockOpt(s, SOL_SOCKET, SO_DEBUG, (char *)&value, len, &err),
	       SOCKET_ERROR);
	EXPECT("WSPIoctl", sw.calls.lpWSPIoctl(s, SIO_ADDRESS_LIST_QUERY, NULL, 0, out, sizeof(out), &got, NULL, NULL,
					       NULL, &err), SOCKET_ERROR);
}

void
sw_assert_stale(SOCKET s)
{
	struct sockaddr_in a = sw_addr(0, 9999);
	int err;

	EXPECT("WSPBind", sw.calls.lpWSPBind(s, (struct sockaddr *)&a, sizeof(a), &err), SOCKET_ERROR);
	EXPECT("WSPListen", sw.calls.lpWSPListen(s, 1, &err), SOCKET_ERROR);
	EXPECT("WSPConnect", sw.calls.lpWSPConnect(s, (struct sockaddr *)&a, sizeof(a), NULL, NULL, NULL, NULL, &err),
	       SOCKET_ERROR);
	EXPECT("WSPAccept", sw.calls.lpWSPAccept(s, NULL, NULL, NULL, 0, &err), INVALID_SOCKET);
	EXPECT("WSPCloseSocket", sw.calls.lpWSPCloseSocket(s, &err), SOCKET_ERROR);
	assert_transfers(s);
	assert_settings(s);
}
