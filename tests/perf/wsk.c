/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Winsock Kernel layer, so many times: sends and receives of 64 bytes through its tables, on the owning core. Run
 * under callgrind by tests/perf/wsk: collected are the calls, and the rounds of the core in which their IRPs complete,
 * and in which what is sent leaves.
 *
 *   perf-wsk send|recv BATCHES BATCH
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include <san/wsk.h>

#include "kit/vhost.h"

#define LEN 64
#define BATCH_MAX 64

static struct vhost host[2];
static WSK_PROVIDER_NPI npi[2];
static unsigned int nb_ended;

static NTSTATUS
complete(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	(void)device;
	if (!NT_SUCCESS(irp->IoStatus.Status))
		exit(1);
	if (context != NULL)
		*(ULONG_PTR *)context = irp->IoStatus.Information;
	nb_ended++;
	return STATUS_MORE_PROCESSING_REQUIRED;
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

static PIRP
new_irp(ULONG_PTR *information)
{
	PIRP irp = IoAllocateIrp(1, FALSE);

	IoSetCompletionRoutine(irp, complete, information, TRUE, TRUE, TRUE);
	return irp;
}

static PWSK_SOCKET
open_socket(int side, ULONG category)
{
	ULONG_PTR made = 0;
	PIRP irp = new_irp(&made);

	npi[side].Dispatch->WskSocket(npi[side].Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, category, NULL, NULL, NULL,
				      NULL, NULL, irp);
	settle();
	IoFreeIrp(irp);
	return (PWSK_SOCKET)made;
}

static struct sockaddr_in
address(int side, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(0x0a000001u + (uint32_t)side);
	return a;
}

/* end[0] on host 0, end[1] on host 1. */
static void
establish(PWSK_SOCKET end[2])
{
	PWSK_SOCKET l = open_socket(1, WSK_FLAG_LISTEN_SOCKET);
	const WSK_PROVIDER_LISTEN_DISPATCH *listen = l->Dispatch;
	const WSK_PROVIDER_CONNECTION_DISPATCH *connect;
	struct sockaddr_in to = address(1, 7), from = address(0, 0);
	ULONG_PTR accepted = 0;

	listen->WskBind(l, (PSOCKADDR)&to, 0, new_irp(NULL));
	listen->WskAccept(l, 0, NULL, NULL, NULL, NULL, new_irp(&accepted));
	settle();
	end[0] = open_socket(0, WSK_FLAG_CONNECTION_SOCKET);
	connect = end[0]->Dispatch;
	connect->WskBind(end[0], (PSOCKADDR)&from, 0, new_irp(NULL));
	connect->WskConnect(end[0], (PSOCKADDR)&to, 0, new_irp(NULL));
	settle();
	settle();
	end[1] = (PWSK_SOCKET)accepted;
}

static void
start(void)
{
	static const struct vhost_wish wish[2] = { { .address = "10.0.0.1/24" }, { .address = "10.0.0.2/24" } };
	static const WSK_CLIENT_DISPATCH client = { .Version = MAKE_WSK_VERSION(1, 0) };
	static WSK_REGISTRATION reg[2];
	WSK_CLIENT_NPI mine = { .Dispatch = &client };

	vhost_startup();
	for (int i = 0; i < 2; i++) {
		vhost_open(&host[i], &wish[i]);
		if (san_wsk_start(host[i].host, 0) != 0 ||
		    san_wsk_register(host[i].host, &mine, &reg[i]) != STATUS_SUCCESS ||
		    WskCaptureProviderNPI(&reg[i], WSK_NO_WAIT, &npi[i]) != STATUS_SUCCESS)
			exit(1);
	}
}

static struct {
	PWSK_SOCKET end[2];
	PIRP irp[2][BATCH_MAX];
	MDL mdl[2];
	char mem[2][BATCH_MAX * LEN];
} it;

/* side 0 sends, 1 receives. */
static void
post_all(int side, unsigned int batch, bool counted)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *call = it.end[side]->Dispatch;

	for (unsigned int i = 0; i < batch; i++) {
		WSK_BUF buf = { &it.mdl[side], i * LEN, LEN };

		IoReuseIrp(it.irp[side][i], STATUS_SUCCESS);
		IoSetCompletionRoutine(it.irp[side][i], complete, NULL, TRUE, TRUE, TRUE);
		if (counted)
			CALLGRIND_TOGGLE_COLLECT;
		if (side == 0)
			call->WskSend(it.end[0], &buf, 0, it.irp[0][i]);
		else
			call->WskReceive(it.end[1], &buf, WSK_FLAG_WAITALL, it.irp[1][i]);
		if (counted)
			CALLGRIND_TOGGLE_COLLECT;
	}
}

static void
do_round(int side, bool counted)
{
	if (counted)
		CALLGRIND_TOGGLE_COLLECT;
	vhost_round(&host[side]);
	if (counted)
		CALLGRIND_TOGGLE_COLLECT;
	carry_frames(side);
}

/*
 * A receive's round is the one that the data comes in. A send's are the one in which its data leaves, and the one in
 * which the acknowledgement comes, however late: then it is over.
 */
static void
one_batch(bool is_recv, unsigned int batch)
{
	unsigned int before = nb_ended;

	post_all(1, batch, is_recv);
	post_all(0, batch, !is_recv);
	do_round(0, !is_recv);
	do_round(1, is_recv);
	/* a delayed acknowledgement */
	for (int i = 0; i < 8; i++) {
		vhost_now_us += 25000;
		do_round(1, false);
	}
	do_round(0, !is_recv);
	if (nb_ended - before != 2 * batch)
		exit(1);
	settle();
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 3 ? argv[1] : "send";
	unsigned long batches = argc > 3 ? strtoul(argv[2], NULL, 10) : 1;
	unsigned int batch = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 1;

	start();
	establish(it.end);
	for (int side = 0; side < 2; side++) {
		MmInitializeMdl(&it.mdl[side], it.mem[side], sizeof(it.mem[side]));
		for (unsigned int i = 0; i < batch; i++)
			it.irp[side][i] = IoAllocateIrp(1, FALSE);
	}
	nb_ended = 0;
	for (unsigned long i = 0; i < batches; i++)
		one_batch(strcmp(mode, "recv") == 0, batch);
	printf("ended %u\n", nb_ended);
	return 0;
}
