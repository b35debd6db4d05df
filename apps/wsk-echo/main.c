/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Echo by the Winsock Kernel interface, as a program written for it would be. Each connection has one
 * request at a time; follow-up calls are made from the polling loop, not inside completion routines
 * (W21): a routine only notes that its connection has something to do.
 *
 * A socket is closed as the documents show it: CloseSocket() allocates an IRP, sets CloseSocketComplete()
 * and returns what WskCloseSocket() returned; the routine frees what belonged to the socket, and the IRP,
 * and answers STATUS_MORE_PROCESSING_REQUIRED. What it takes to close a socket later is there before there
 * is one: a connection's memory is made before it is accepted. Only the IRP of the close is not, and a close
 * that finds no memory for it is tried again in the next round.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <san/wsk.h>

#include "../common/prog.h"

static const char usage[] =
	"wsk-echo EAL-ARGUMENTS -- --config FILE [--port N]\n"
	"\n"
	"Sends back what it receives, by the functions of Winsock Kernel (doc/spi/wsk.md).\n"
	"\n"
	"  --config FILE   the host: doc/configuration.md, examples in config/\n"
	"  --port N        default 7\n"
	"\n"
	"It ends with SIGINT or SIGTERM.\n";

#define BUFFER 65536

enum step { LISTENING, ACCEPTING, RECEIVING, SENDING, DISCONNECTING, CLOSING };

/* What the program keeps of a socket; freed when its close is complete. */
struct conn {
	PWSK_SOCKET socket;
	PIRP irp;
	MDL mdl;
	enum step step;
	bool ended;		/* the request has completed; its IRP says how */
	bool closing;
	struct conn *next;
	struct conn **prev;
	char data[BUFFER];
};

static WSK_REGISTRATION registration;
static WSK_PROVIDER_NPI provider;
static struct conn *conns;
static struct conn *spare;	/* for the next connection; it is in no list */
static unsigned int nb_open;
static unsigned long long nb_accepted, nb_bytes, nb_closed, nb_not_closed;

static NTSTATUS
RequestComplete(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
	struct conn *c = Context;

	UNREFERENCED_PARAMETER(DeviceObject);
	UNREFERENCED_PARAMETER(Irp);
	c->ended = true;
	return STATUS_MORE_PROCESSING_REQUIRED;
}

static void
free_conn(struct conn *c)
{
	IoFreeIrp(c->irp);
	free(c);
}

static void
forget(struct conn *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free_conn(c);
	nb_open--;
}

static NTSTATUS
CloseSocketComplete(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
	UNREFERENCED_PARAMETER(DeviceObject);
	if (Irp->IoStatus.Status == STATUS_SUCCESS) {
		nb_closed++;
	} else {
		prog_complain("a close ends with status 0x%x.", (unsigned int)Irp->IoStatus.Status);
		nb_not_closed++;
	}
	/* Nothing can be done with the socket any more, whatever the status. */
	forget(Context);
	IoFreeIrp(Irp);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
CloseSocket(PWSK_SOCKET Socket, struct conn *SocketContext)
{
	const WSK_PROVIDER_BASIC_DISPATCH *Dispatch = Socket->Dispatch;
	PIRP Irp = IoAllocateIrp(1, FALSE);

	if (Irp == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	IoSetCompletionRoutine(Irp, CloseSocketComplete, SocketContext, TRUE, TRUE, TRUE);
	return Dispatch->WskCloseSocket(Socket, Irp);
}

/* Only when there is no IRP has nothing been begun: whatever else it returns, the routine is called. */
static void
close_conn(struct conn *c)
{
	if (c->closing)
		return;
	c->step = CLOSING;
	c->closing = CloseSocket(c->socket, c) != STATUS_INSUFFICIENT_RESOURCES;
}

static PIRP
ready(struct conn *c, enum step step)
{
	c->step = step;
	c->ended = false;
	IoReuseIrp(c->irp, STATUS_SUCCESS);
	IoSetCompletionRoutine(c->irp, RequestComplete, c, TRUE, TRUE, TRUE);
	return c->irp;
}

static void
receive(struct conn *c)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *dispatch = c->socket->Dispatch;
	WSK_BUF buf = { .Mdl = &c->mdl, .Length = BUFFER };

	dispatch->WskReceive(c->socket, &buf, 0, ready(c, RECEIVING));
}

static void
send_back(struct conn *c, SIZE_T len)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *dispatch = c->socket->Dispatch;
	WSK_BUF buf = { .Mdl = &c->mdl, .Length = len };

	dispatch->WskSend(c->socket, &buf, 0, ready(c, SENDING));
}

static void
disconnect(struct conn *c)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *dispatch = c->socket->Dispatch;

	dispatch->WskDisconnect(c->socket, NULL, 0, ready(c, DISCONNECTING));
}

static struct conn *
make_conn(void)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->irp = IoAllocateIrp(1, FALSE);
	if (c->irp == NULL) {
		free(c);
		return NULL;
	}
	MmInitializeMdl(&c->mdl, c->data, BUFFER);
	return c;
}

static void
add_conn(struct conn *c, PWSK_SOCKET socket)
{
	c->socket = socket;
	c->next = conns;
	c->prev = &conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	conns = c;
	nb_open++;
}

/* Without memory for what it brings it is not asked for: the next round tries again. */
static void
accept_next(struct conn *listener)
{
	const WSK_PROVIDER_LISTEN_DISPATCH *dispatch = listener->socket->Dispatch;

	listener->step = LISTENING;
	if (spare == NULL)
		spare = make_conn();
	if (spare != NULL)
		dispatch->WskAccept(listener->socket, 0, NULL, NULL, NULL, NULL, ready(listener, ACCEPTING));
}

static void
accepted(struct conn *listener)
{
	struct conn *c = spare;

	if (!NT_SUCCESS(listener->irp->IoStatus.Status)) {
		close_conn(listener);
		return;
	}
	spare = NULL;
	nb_accepted++;
	add_conn(c, (PWSK_SOCKET)listener->irp->IoStatus.Information);
	receive(c);
	accept_next(listener);
}

/* A request has completed: what comes next. */
static void
go_on(struct conn *c)
{
	NTSTATUS status = c->irp->IoStatus.Status;

	if (c->step == SENDING && NT_SUCCESS(status))
		nb_bytes += c->irp->IoStatus.Information;
	if (c->step == CLOSING)
		close_conn(c);
	else if (c->step == LISTENING)
		accept_next(c);
	else if (c->step == ACCEPTING)
		accepted(c);
	else if (!NT_SUCCESS(status) || c->step == DISCONNECTING)
		close_conn(c);
	else if (c->step == SENDING)
		receive(c);
	else if (c->irp->IoStatus.Information == 0)
		disconnect(c);
	else
		send_back(c, c->irp->IoStatus.Information);
}

static void
look_at_all(void)
{
	struct conn *c, *next;

	for (c = conns; c != NULL; c = next) {
		next = c->next;
		if (c->ended && !c->closing)
			go_on(c);
	}
}

/* Make a request and poll until it has completed. */
static NTSTATUS
await(struct prog *p, struct conn *c)
{
	while (!c->ended && !p->down)
		prog_poll(p);
	return p->down ? STATUS_DEVICE_NOT_READY : c->irp->IoStatus.Status;
}

static bool
listen_on(struct prog *p, uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	const WSK_PROVIDER_LISTEN_DISPATCH *dispatch;
	struct conn *l = make_conn();
	NTSTATUS status;

	if (l == NULL)
		return false;
	provider.Dispatch->WskSocket(provider.Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_LISTEN_SOCKET, NULL,
				     NULL, NULL, NULL, NULL, ready(l, ACCEPTING));
	status = await(p, l);
	if (!NT_SUCCESS(status)) {
		free_conn(l);
		return false;
	}
	add_conn(l, (PWSK_SOCKET)l->irp->IoStatus.Information);
	dispatch = l->socket->Dispatch;
	dispatch->WskBind(l->socket, (PSOCKADDR)&any, 0, ready(l, ACCEPTING));
	status = await(p, l);
	if (!NT_SUCCESS(status)) {
		prog_complain("port %u cannot be listened on: status 0x%x.", port, (unsigned int)status);
		close_conn(l);
		return false;
	}
	accept_next(l);
	return true;
}

static bool
attach(struct prog *p)
{
	static const WSK_CLIENT_DISPATCH client = { .Version = MAKE_WSK_VERSION(1, 0) };
	WSK_CLIENT_NPI npi = { .Dispatch = &client };

	if (san_wsk_start(p->hosts[0], 0) != 0 || WskRegister(&npi, &registration) != STATUS_SUCCESS)
		return false;
	return WskCaptureProviderNPI(&registration, WSK_INFINITE_WAIT, &provider) == STATUS_SUCCESS;
}

/*
 * Every socket is closed before the program detaches (W60). Then WskDeregister() has nothing to wait for.
 * @return Whether all went well.
 */
static bool
detach(struct prog *p)
{
	struct conn *c;

	while (nb_open > 0 && !p->down) {
		for (c = conns; c != NULL; c = c->next)
			close_conn(c);
		prog_poll(p);
	}
	if (p->down)
		return false;
	WskReleaseProviderNPI(&registration);
	WskDeregister(&registration);
	if (spare != NULL)
		free_conn(spare);
	return san_wsk_stop(p->hosts[0]) == 0 && nb_not_closed == 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "port", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = NULL;
	uint16_t port = 7;
	struct prog prog;
	char **own;
	int id, nb_own = prog_split(&argc, argv, usage, &own);
	int status = 1;

	optind = 0;
	while ((id = getopt_long(nb_own, own, "", options, NULL)) != -1) {
		if (id == 'c')
			config = optarg;
		else if (id == 'p')
			port = (uint16_t)prog_number("--port", optarg, 1, 65535);
		else
			return 2;
	}
	if (config == NULL)
		prog_refuse("--config FILE is missing; own arguments stand behind \"--\".");
	if (!prog_open(&prog, argc, argv, config, 128))
		return 1;
	if (!attach(&prog)) {
		prog_complain("the interface cannot be had.");
	} else if (listen_on(&prog, port)) {
		prog_say("serving on port %u", port);
		while (!prog_stop && !prog.down) {
			prog_poll(&prog);
			look_at_all();
		}
		status = 0;
	}
	if (provider.Client != NULL && !detach(&prog))
		status = 1;
	prog_say("%llu connections accepted, %llu bytes sent back, %llu sockets closed", nb_accepted, nb_bytes,
		 nb_closed);
	prog_cleanup(&prog);
	prog_end_cq(&prog);
	return status;
}
