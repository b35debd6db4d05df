/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SAN provider layer, so many times: sends and receives of 64 bytes through its table, on the owning core. Run
 * under callgrind by tests/perf/wsp: collected are the calls, and the rounds of the core in which their up-calls come.
 *
 *   perf-wsp send|polled|recv BATCHES BATCH
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include <san/wsp.h>

#include "kit/vhost.h"

#define LEN 64
#define BATCH_MAX 64

static struct vhost host[2];
static WSPPROC_TABLE call;
static unsigned int nb_ended;

static SOCKET WSPAPI
create_handle(DWORD catalog_id, DWORD_PTR context, LPINT err)
{
	(void)catalog_id;
	(void)err;
	return context;
}

static int WSPAPI
close_handle(SOCKET s, LPINT err)
{
	(void)s;
	(void)err;
	return 0;
}

static int WSPAPI
complete(SOCKET s, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	(void)s;
	(void)err;
	if (error != 0)
		exit(1);
	ov->InternalHigh = bytes;
	ov->Internal = 0;
	nb_ended++;
	return 0;
}

static BOOL WSPAPI
mind_event(WSAEVENT event, LPINT err)
{
	(void)event;
	(void)err;
	return TRUE;
}

static void
carry_frames(int from)
{
	struct rte_mbuf *m;

	while ((m = vhost_take(&host[from])) != NULL)
		vhost_put(&host[1 - from], 0, m);
}

static void
settle(void)
{
	for (int i = 0; i < 8; i++) {
		vhost_round(&host[i % 2]);
		carry_frames(i % 2);
	}
	vhost_now_us += 50;
}

static void
must(int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "a call is refused\n");
	exit(1);
}

static SOCKET
open_socket(int side, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };
	SOCKET s = call.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED, NULL);

	name.sin_addr.s_addr = htonl(0x0a000001u + (uint32_t)side);
	must(call.lpWSPBind(s, (struct sockaddr *)&name, sizeof(name), NULL));
	return s;
}

/* end[0] on host 0, end[1] on host 1. */
static void
establish(SOCKET end[2])
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(7) };
	SOCKET listener = open_socket(1, 7);
	INT code;

	peer.sin_addr.s_addr = htonl(0x0a000002u);
	must(call.lpWSPListen(listener, 5, NULL));
	end[0] = open_socket(0, 0);
	call.lpWSPConnect(end[0], (struct sockaddr *)&peer, sizeof(peer), NULL, NULL, NULL, NULL, &code);
	must(code != WSAEWOULDBLOCK);
	settle();
	end[1] = call.lpWSPAccept(listener, NULL, NULL, NULL, 0, NULL);
	settle();
}

static void
start(void)
{
	static WSPUPCALLTABLEEX up = {
		.lpWPUCreateSocketHandle = create_handle, .lpWPUCloseSocketHandle = close_handle,
		.lpWPUCompleteOverlappedRequest = complete, .lpWPUSetEvent = mind_event,
		.lpWPUResetEvent = mind_event,
	};
	static WSAPROTOCOL_INFOW info;
	static const struct vhost_wish wish[2] = { { .address = "10.0.0.1/24" }, { .address = "10.0.0.2/24" } };
	WSPDATA data;

	vhost_startup();
	vhost_open(&host[0], &wish[0]);
	vhost_open(&host[1], &wish[1]);
	must(WSPStartupEx(0x0202, &data, &info, &up, &call));
}

static HANDLE
register_memory(SOCKET s, void *mem, DWORD len)
{
	LPWSPREGISTERMEMORY fn;
	GUID id = WSAID_REGISTERMEMORY;
	DWORD got;

	must(call.lpWSPIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id), &fn, sizeof(fn), &got, NULL, NULL,
			     NULL, NULL));
	return fn(s, mem, len, MEM_READWRITE, NULL);
}

static struct {
	SOCKET end[2];
	HANDLE handle[2];
	WSAOVERLAPPED send[BATCH_MAX];
	WSAOVERLAPPED recv[BATCH_MAX];
	char mem[2][BATCH_MAX * LEN];
} it;

static void
send_all(unsigned int batch)
{
	DWORD moved;
	INT code;

	for (unsigned int i = 0; i < batch; i++) {
		WSABUFEX buf = { LEN, it.mem[0] + i * LEN, it.handle[0] };

		call.lpWSPSend(it.end[0], &buf, 1, &moved, 0, &it.send[i], NULL, NULL, &code);
	}
}

static void
recv_all(unsigned int batch)
{
	DWORD moved, flags = 0;
	INT code;

	for (unsigned int i = 0; i < batch; i++) {
		WSABUFEX buf = { LEN, it.mem[1] + i * LEN, it.handle[1] };

		call.lpWSPRecv(it.end[1], &buf, 1, &moved, &flags, &it.recv[i], NULL, NULL, &code);
	}
}

static void
one_batch(bool is_recv, unsigned int batch)
{
	if (is_recv)
		CALLGRIND_TOGGLE_COLLECT;
	recv_all(batch);
	if (is_recv)
		CALLGRIND_TOGGLE_COLLECT;
	if (!is_recv)
		CALLGRIND_TOGGLE_COLLECT;
	send_all(batch);
	vhost_round(&host[0]);
	if (!is_recv)
		CALLGRIND_TOGGLE_COLLECT;
	carry_frames(0);
	if (is_recv)
		CALLGRIND_TOGGLE_COLLECT;
	vhost_round(&host[1]);
	if (is_recv)
		CALLGRIND_TOGGLE_COLLECT;
	settle();
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 3 ? argv[1] : "send";
	unsigned long batches = argc > 3 ? strtoul(argv[2], NULL, 10) : 1;
	unsigned int batch = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 1;
	bool polled = strcmp(mode, "polled") == 0;

	start();
	establish(it.end);
	for (int i = 0; i < 2; i++)
		it.handle[i] = register_memory(it.end[i], it.mem[i], sizeof(it.mem[i]));
	for (unsigned int i = 0; polled && i < BATCH_MAX; i++)
		it.send[i].hEvent = (HANDLE)(uintptr_t)1;
	for (unsigned long i = 0; i < batches; i++)
		one_batch(strcmp(mode, "recv") == 0, batch);
	printf("ended %u\n", nb_ended);
	if (nb_ended != batches * batch * (polled ? 1 : 2))
		return 1;
	must(call.lpWSPCleanup(NULL));
	return 0;
}
