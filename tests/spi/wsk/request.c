/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "world.h"

/* At the end of a close nothing of the socket pends any more (W64). A request that was never made does not count. */
static void
check_closed(const struct req *closing)
{
	const struct req *r;

	for (r = world.reqs; r; r = r->next) {
		if (r->end == closing->end && r != closing && !r->done && r->returned != STATUS_UNSUCCESSFUL)
			world_wrong("a close was over before a request of its socket");
	}
}

/* The routine of every request (W15): it writes down what there is to know, and keeps the IRP. */
static NTSTATUS
complete(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	struct req *r = context;

	UNREFERENCED_PARAMETER(device);
	r->when = ++world.now;
	r->status = irp->IoStatus.Status;
	r->information = irp->IoStatus.Information;
	if (++r->done > 1)
		world_wrong("an IRP was completed twice");
	if (irp != r->irp)
		world_wrong("a routine was called with another IRP");
	if (r->end && r->end->closing == r)
		check_closed(r);
	if (r->made && NT_SUCCESS(r->status))
		r->made->sock = (PWSK_SOCKET)r->information;
	if (r->then)
		r->then(r);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

struct req *
req_new(struct end *e)
{
	struct req *r = calloc(1, sizeof(*r));

	if (r)
		r->irp = IoAllocateIrp(1, FALSE);
	if (!r || !r->irp) {
		world_wrong("no memory for a request");
		abort();
	}
	r->end = e;
	r->returned = STATUS_UNSUCCESSFUL;
	IoSetCompletionRoutine(r->irp, complete, r, TRUE, TRUE, TRUE);
	r->next = world.reqs;
	world.reqs = r;
	return r;
}

void
req_memory(struct req *r, const void *mem, size_t len, unsigned int parts, ULONG offset)
{
	const uint8_t *at = mem;
	size_t left = len + offset;
	unsigned int i;

	for (i = 0; i < parts; i++) {
		size_t part = i + 1 < parts ? left / (parts - i) : left;

		r->mdl[i] = IoAllocateMdl((PVOID)(uintptr_t)(at - (i ? 0 : offset)), (ULONG)part,
					  FALSE, FALSE, NULL);
		at += part - (i ? 0 : offset);
		left -= part;
		if (i)
			r->mdl[i - 1]->Next = r->mdl[i];
	}
	r->buf = (WSK_BUF){ r->mdl[0], offset, len };
}

static struct req *
req_with(struct end *e, const void *mem, size_t len)
{
	struct req *r = req_new(e);

	if (len > 0)
		req_memory(r, mem, len, 1, 0);
	return r;
}

NTSTATUS
await(struct req *r)
{
	UNTIL(r->done);
	return r->status;
}

void
assert_failed(struct req *r, NTSTATUS status)
{
	assert_int_equal(await(r), status);
	assert_int_equal(r->returned, STATUS_PENDING);
	assert_int_equal(r->done, 1);
}

static PSOCKADDR
sockaddr(struct req *r, unsigned int which)
{
	return (PSOCKADDR)&r->addr[which];
}

static const WSK_PROVIDER_LISTEN_DISPATCH *
listening(const struct end *e)
{
	return e->sock->Dispatch;
}

static const WSK_PROVIDER_CONNECTION_DISPATCH *
connection(const struct end *e)
{
	return e->sock->Dispatch;
}

static const WSK_PROVIDER_STREAM_DISPATCH *
stream(const struct end *e)
{
	return e->sock->Dispatch;
}

static bool
is(const struct end *e, ULONG kind)
{
	return e->kind == kind;
}

/* The function of a name, from the table that the kind of socket has. */
#define OF_ALL(e, f)                                                                               \
	(is(e, WSK_FLAG_LISTEN_SOCKET)       ? listening(e)->f                                     \
	 : is(e, WSK_FLAG_CONNECTION_SOCKET) ? connection(e)->f                                    \
					     : stream(e)->f)
#define OF_DATA(e, f) (is(e, WSK_FLAG_CONNECTION_SOCKET) ? connection(e)->f : stream(e)->f)
#define OF_ACCEPT(e, f) (is(e, WSK_FLAG_LISTEN_SOCKET) ? listening(e)->f : stream(e)->f)

struct req *
post_bind(struct end *e, unsigned int host, uint16_t port)
{
	struct req *r = req_new(e);

	r->addr[0] = address(host, port);
	r->returned = OF_ALL(e, WskBind)(e->sock, sockaddr(r, 0), 0, r->irp);
	return r;
}

struct req *
post_connect(struct end *e, unsigned int host, uint16_t port)
{
	struct req *r = req_new(e);

	r->addr[1] = address(host, port);
	r->returned = OF_DATA(e, WskConnect)(e->sock, sockaddr(r, 1), 0, r->irp);
	return r;
}

struct req *
post_listen(struct end *e)
{
	struct req *r = req_new(e);

	r->returned = stream(e)->WskListen(e->sock, r->irp);
	return r;
}

struct req *
post_accept(struct end *e)
{
	struct req *r = req_new(e);

	r->made = end_new(e->side,
			  is(e, WSK_FLAG_STREAM_SOCKET) ? e->kind : WSK_FLAG_CONNECTION_SOCKET);
	r->returned = OF_ACCEPT(e, WskAccept)(e->sock, 0, r->made, &world_connection_calls,
					      sockaddr(r, 0), sockaddr(r, 1), r->irp);
	return r;
}

struct req *
post_inspect_complete(struct end *e, const WSK_INSPECT_ID *id, WSK_INSPECT_ACTION action)
{
	struct req *r = req_new(e);
	WSK_INSPECT_ID copy = { 0 };

	if (id)
		copy = *id;
	r->returned = listening(e)->WskInspectComplete(e->sock, id ? &copy : NULL, action, r->irp);
	return r;
}

struct req *
post_receive(struct end *e, void *mem, size_t len, ULONG flags)
{
	struct req *r = req_with(e, mem, len);

	r->returned = OF_DATA(e, WskReceive)(e->sock, &r->buf, flags, r->irp);
	return r;
}

struct req *
post_send(struct end *e, const void *mem, size_t len, ULONG flags)
{
	struct req *r = req_with(e, mem, len);

	r->returned = OF_DATA(e, WskSend)(e->sock, &r->buf, flags, r->irp);
	return r;
}

struct req *
post_disconnect(struct end *e, const void *mem, size_t len, ULONG flags)
{
	struct req *r = req_with(e, mem, len);

	r->returned = OF_DATA(e, WskDisconnect)(e->sock, len > 0 ? &r->buf : NULL, flags, r->irp);
	return r;
}

struct req *
post_close_then(struct end *e, void (*then)(struct req *), void *arg)
{
	const WSK_PROVIDER_BASIC_DISPATCH *basic = e->sock->Dispatch;
	struct req *r = req_new(e);

	r->then = then;
	r->arg = arg;
	e->closing = r;
	r->returned = basic->WskCloseSocket(e->sock, r->irp);
	return r;
}

struct req *
post_close(struct end *e)
{
	return post_close_then(e, NULL, NULL);
}

struct req *
post_control(struct end *e, const struct ask *a)
{
	const WSK_PROVIDER_BASIC_DISPATCH *basic = e->sock->Dispatch;
	struct req *r = req_new(e);

	r->returned = basic->WskControlSocket(e->sock, a->type, a->code, a->level, a->in_len, a->in,
					      a->out_len, a->out, a->got, r->irp);
	return r;
}

NTSTATUS
control(struct end *e, const struct ask *a)
{
	const WSK_PROVIDER_BASIC_DISPATCH *basic = e->sock->Dispatch;

	return basic->WskControlSocket(e->sock, a->type, a->code, a->level, a->in_len, a->in,
				       a->out_len, a->out, a->got, NULL);
}

NTSTATUS
control_client(unsigned int side, const struct ask *a)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[side];

	return npi->Dispatch->WskControlClient(npi->Client, a->code, a->in_len, a->in, a->out_len,
					       a->out, a->got, NULL);
}

NTSTATUS
set_option(struct end *e, ULONG level, ULONG name, ULONG value)
{
	return await(post_control(
		e, ASK(WskSetOption, name, level, &value, sizeof(value), NULL, 0, NULL)));
}

NTSTATUS
get_option(struct end *e, ULONG level, ULONG name, ULONG *value)
{
	return await(post_control(
		e, ASK(WskGetOption, name, level, NULL, 0, value, sizeof(*value), NULL)));
}

NTSTATUS
local_address(struct end *e, struct sockaddr_in *a)
{
	struct req *r = req_new(e);

	r->returned = OF_ALL(e, WskGetLocalAddress)(e->sock, (PSOCKADDR)a, r->irp);
	return await(r);
}

NTSTATUS
remote_address(struct end *e, struct sockaddr_in *a)
{
	struct req *r = req_new(e);

	r->returned = OF_DATA(e, WskGetRemoteAddress)(e->sock, (PSOCKADDR)a, r->irp);
	return await(r);
}

uint16_t
port_of(struct end *e)
{
	struct sockaddr_in a;

	assert_int_equal(local_address(e, &a), STATUS_SUCCESS);
	return ntohs(a.sin_port);
}

static const void *
calls_of(ULONG kind)
{
	switch (kind) {
	case WSK_FLAG_LISTEN_SOCKET:
		return &world_listen_calls;
	case WSK_FLAG_CONNECTION_SOCKET:
		return &world_connection_calls;
	case WSK_FLAG_STREAM_SOCKET:
		return &world_stream_calls;
	default:
		return NULL;
	}
}

struct req *
post_socket(unsigned int side, ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[side];
	struct req *r = req_new(NULL);

	r->made = end_new(side, flags);
	r->returned = npi->Dispatch->WskSocket(npi->Client, family, type, protocol, flags,
					       flags ? r->made : NULL, calls_of(flags), NULL, NULL,
					       NULL, r->irp);
	return r;
}

struct req *
post_socket_connect(unsigned int side, unsigned int host, uint16_t port)
{
	const WSK_PROVIDER_NPI *npi = &world.npi[side];
	struct req *r = req_new(NULL);

	r->made = end_new(side, WSK_FLAG_CONNECTION_SOCKET);
	r->addr[0] = address(ANY, 0);
	r->addr[1] = address(host, port);
	r->returned = npi->Dispatch->WskSocketConnect(
		npi->Client, SOCK_STREAM, IPPROTO_TCP, sockaddr(r, 0), sockaddr(r, 1), 0, r->made,
		&world_connection_calls, NULL, NULL, NULL, r->irp);
	return r;
}
