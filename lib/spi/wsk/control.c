/* SPDX-License-Identifier: BSD-3-Clause */
/* WskControlSocket: options and ioctls (W74 to W79), and which callbacks are enabled (W57, W58). */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "spi/wsk/priv.h"

/* SAN_OPT_RCVBUF */
#define RCVBUF_MIN 4096u
#define RCVBUF_MAX (64u << 20)

enum { ARG_TYPE, ARG_CODE, ARG_LEVEL, ARG_IN_SIZE, ARG_IN, ARG_OUT_SIZE, ARG_OUT };

/* Of one request. */
struct control {
	struct sani_wsk_sock *s;
	ULONG code;
	SIZE_T in_size;
	const void *in;
	SIZE_T out_size;
	void *out;
	SIZE_T returned;
};

/* Options that are the native ones. */
static const struct {
	bool tcp;
	int code;
	enum san_option option;
} natives[] = {
	{ false, SO_KEEPALIVE, SAN_OPT_KEEPALIVE },
	{ false, SO_RCVBUF, SAN_OPT_RCVBUF },
	{ false, SO_SNDBUF, SAN_OPT_SNDBUF },
	{ true, TCP_NODELAY, SAN_OPT_NODELAY },
	{ true, TCP_FASTOPEN, SAN_OPT_FASTOPEN },
};

static NTSTATUS
put(struct control *c, const void *value, SIZE_T size)
{
	c->returned = size;
	if (c->out == NULL || c->out_size < size)
		return STATUS_BUFFER_TOO_SMALL;
	memcpy(c->out, value, size);
	return STATUS_SUCCESS;
}

static NTSTATUS
put_ulong(struct control *c, ULONG value)
{
	return put(c, &value, sizeof(value));
}

static bool
get_ulong(const struct control *c, ULONG *value)
{
	if (c->in == NULL || c->in_size < sizeof(*value))
		return false;
	memcpy(value, c->in, sizeof(*value));
	return true;
}

/* What connections are to have that a listening socket accepts from now on; NULL: natively that is settled (W74). */
static struct sani_wsk_late *
late_of(const struct sani_wsk_sock *s, enum san_option option)
{
	if (atomic_load(&s->phase) != SANI_WSK_LISTENING || s->listening == NULL)
		return NULL;
	if (option == SAN_OPT_KEEPALIVE)
		return &s->listening->keepalive;
	return option == SAN_OPT_RCVBUF ? &s->listening->rcvbuf : NULL;
}

static NTSTATUS
set_late(struct sani_wsk_late *late, enum san_option option, ULONG value)
{
	if (option == SAN_OPT_RCVBUF && (value < RCVBUF_MIN || value > RCVBUF_MAX))
		return STATUS_INVALID_PARAMETER;
	*late = (struct sani_wsk_late){ .set = true, .value = value };
	return STATUS_SUCCESS;
}

static NTSTATUS
set_native(struct control *c, enum san_option option)
{
	struct sani_wsk_sock *s = c->s;
	struct sani_wsk_late *late = late_of(s, option);
	ULONG value;
	int rc;

	if (!get_ulong(c, &value))
		return STATUS_INVALID_PARAMETER;
	if (option == SAN_OPT_KEEPALIVE || option == SAN_OPT_NODELAY)
		value = value != 0;
	if (late != NULL)
		return set_late(late, option, value);
	rc = san_set_option(s->h, option, value);
	if (rc == 0 && option == SAN_OPT_NODELAY) {
		s->nagle = value == 0;
		s->hurried = false;
		sani_wsk_sock_straighten(s);
	}
	/* Natively one code says both. */
	if (rc == -EINVAL && atomic_load(&s->phase) > SANI_WSK_BOUND)
		return STATUS_INVALID_DEVICE_STATE;
	return sani_wsk_status(rc);
}

static NTSTATUS
get_native(struct control *c, enum san_option option)
{
	const struct sani_wsk_late *late = late_of(c->s, option);
	uint32_t value;
	int rc;

	if (late != NULL && late->set)
		return put_ulong(c, late->value);
	rc = san_get_option(c->s->h, option, &value);
	if (option == SAN_OPT_NODELAY)
		value = !c->s->nagle;
	return rc < 0 ? sani_wsk_status(rc) : put_ulong(c, value);
}

static NTSTATUS
set_conditional(struct control *c)
{
	struct sani_wsk_sock *s = c->s;
	ULONG on;

	if (s->category == WSK_FLAG_CONNECTION_SOCKET)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!get_ulong(c, &on))
		return STATUS_INVALID_PARAMETER;
	/* Without an inspector nobody could be asked. */
	if (on && (s->on_listen == NULL || s->on_listen->WskInspectEvent == NULL))
		return STATUS_INVALID_PARAMETER;
	s->conditional = on != 0;
	return STATUS_SUCCESS;
}

static NTSTATUS
set_security(struct control *c)
{
	struct sani_wsk_sock *s = c->s;
	SECURITY_DESCRIPTOR *copy;
	PSECURITY_DESCRIPTOR sd;
	NTSTATUS status;

	if (c->in == NULL || c->in_size < sizeof(sd))
		return STATUS_INVALID_PARAMETER;
	memcpy(&sd, c->in, sizeof(sd));
	if (sd == NULL)
		return STATUS_INVALID_PARAMETER;
	status = sani_wsk_sd_keep(s->client, sd, &copy);
	if (!NT_SUCCESS(status))
		return status;
	free(s->security);
	s->security = copy;
	return STATUS_SUCCESS;
}

static NTSTATUS
get_security(struct control *c)
{
	static const SECURITY_DESCRIPTOR none = { .Revision = SECURITY_DESCRIPTOR_REVISION };
	struct sani_wsk_sock *s = c->s;
	PSECURITY_DESCRIPTOR copy;

	c->returned = sizeof(copy);
	if (c->out == NULL || c->out_size < sizeof(copy))
		return STATUS_BUFFER_TOO_SMALL;
	copy = sani_wsk_sd_copy(s->client, s->security != NULL ? s->security : &none);
	return copy == NULL ? STATUS_INSUFFICIENT_RESOURCES : put(c, &copy, sizeof(copy));
}

/* Options that this module keeps; all of them are set before bind. */
static NTSTATUS
set_own(struct control *c)
{
	struct sani_wsk_sock *s = c->s;
	ULONG on;

	if (c->code == (ULONG)SO_CONDITIONAL_ACCEPT && s->category == WSK_FLAG_CONNECTION_SOCKET)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (atomic_load(&s->phase) != SANI_WSK_FRESH)
		return STATUS_INVALID_DEVICE_STATE;
	if (c->code == (ULONG)SO_CONDITIONAL_ACCEPT)
		return set_conditional(c);
	if (c->code == SO_WSK_SECURITY)
		return set_security(c);
	if (!get_ulong(c, &on))
		return STATUS_INVALID_PARAMETER;
	*(c->code == SO_REUSEADDR ? &s->reuse : &s->exclusive) = on != 0;
	return STATUS_SUCCESS;
}

static NTSTATUS
get_own(struct control *c)
{
	if (c->code == (ULONG)SO_CONDITIONAL_ACCEPT)
		return put_ulong(c, c->s->conditional);
	if (c->code == SO_WSK_SECURITY)
		return get_security(c);
	return put_ulong(c, c->code == SO_REUSEADDR ? c->s->reuse : c->s->exclusive);
}

static bool
is_own(ULONG code)
{
	return code == SO_REUSEADDR || code == (ULONG)SO_EXCLUSIVEADDRUSE ||
	       code == (ULONG)SO_CONDITIONAL_ACCEPT || code == SO_WSK_SECURITY;
}

static NTSTATUS
do_option(struct control *c, ULONG_PTR level, bool set)
{
	bool tcp = level == IPPROTO_TCP;
	unsigned int i;

	if (c->s->category == WSK_FLAG_BASIC_SOCKET)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!tcp && level != SOL_SOCKET && level != WIN_SOL_SOCKET)
		return STATUS_NOT_SUPPORTED;
	if (!tcp && is_own(c->code))
		return set ? set_own(c) : get_own(c);
	for (i = 0; i < RTE_DIM(natives); i++)
		if (natives[i].tcp == tcp && (ULONG)natives[i].code == c->code)
			return set ? set_native(c, natives[i].option) : get_native(c, natives[i].option);
	return !tcp && c->code == SO_BROADCAST ? STATUS_INVALID_DEVICE_REQUEST : STATUS_NOT_SUPPORTED;
}

static NTSTATUS
query_receive_backlog(struct control *c)
{
	struct san_tcp_info info = { .size = sizeof(info) };
	const struct sani_wsk_rx *rx = c->s->rx;
	SIZE_T n;

	if (san_tcp_info(c->s->h, &info) < 0)
		return STATUS_INVALID_DEVICE_STATE;
	n = info.unread + (rx != NULL && rx->left != NULL ? rx->len : 0);
	return put(c, &n, sizeof(n));
}

static NTSTATUS
query_ideal_backlog(struct control *c)
{
	SIZE_T ideal = sani_wsk_ideal_backlog(c->s);

	return ideal == 0 ? STATUS_INVALID_DEVICE_STATE : put(c, &ideal, sizeof(ideal));
}

static NTSTATUS
do_ioctl(struct control *c)
{
	bool connects = c->s->category == WSK_FLAG_CONNECTION_SOCKET || c->s->category == WSK_FLAG_STREAM_SOCKET;

	switch (c->code) {
	case SIO_WSK_QUERY_IDEAL_SEND_BACKLOG:
	case SIO_WSK_QUERY_RECEIVE_BACKLOG:
		if (!connects)
			return STATUS_INVALID_DEVICE_REQUEST;
		if (atomic_load(&c->s->phase) != SANI_WSK_CONNECTED)
			return STATUS_INVALID_DEVICE_STATE;
		return c->code == SIO_WSK_QUERY_RECEIVE_BACKLOG ? query_receive_backlog(c) :
								  query_ideal_backlog(c);
	case SIO_WSK_SET_REMOTE_ADDRESS:
	case SIO_WSK_SET_SENDTO_ADDRESS:
		return STATUS_INVALID_DEVICE_REQUEST;
	default:
		return STATUS_NOT_SUPPORTED;
	}
}

static VOID
start_control(PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct control c = {
		.s = irp->Socket,
		.code = (ULONG)arg[ARG_CODE],
		.in_size = arg[ARG_IN_SIZE],
		.in = (const void *)arg[ARG_IN],
		.out_size = arg[ARG_OUT_SIZE],
		.out = (void *)arg[ARG_OUT],
	};
	NTSTATUS status;

	if (arg[ARG_TYPE] == WskIoctl && c.code == SIO_ADDRESS_LIST_CHANGE) {
		/* Addresses are the host's as long as it lives. */
		sani_wsk_hold(&c.s->held, irp);
		return;
	}
	if (arg[ARG_TYPE] == WskIoctl)
		status = do_ioctl(&c);
	else
		status = do_option(&c, arg[ARG_LEVEL], arg[ARG_TYPE] == WskSetOption);
	sani_wsk_finish(irp, status, NT_SUCCESS(status) ? c.returned : 0);
}

/* With an IRP or without. */
static NTSTATUS
answer(PIRP irp, NTSTATUS status)
{
	return irp != NULL ? sani_wsk_answer(irp, status) : status;
}

static NTSTATUS
list_addresses(struct control *c)
{
	c->returned = sani_win_addr_list(c->s->core->host->host, c->out, c->out_size);
	return c->out == NULL || c->out_size < c->returned ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* Ioctls without an IRP. */
static NTSTATUS
do_at_once(struct control *c)
{
	if (atomic_load(&c->s->core->gone))
		return STATUS_FILE_FORCED_CLOSED;
	if (c->code == SIO_ADDRESS_LIST_QUERY)
		return list_addresses(c);
	if (c->code == SIO_WSK_REGISTER_EXTENSION)
		return STATUS_NOT_SUPPORTED;
	if (c->s->inspect.Key == 0)
		return STATUS_INVALID_DEVICE_REQUEST;
	return put(c, &c->s->inspect, sizeof(c->s->inspect));
}

static bool
is_at_once(WSK_CONTROL_SOCKET_TYPE type, ULONG code)
{
	return type == WskIoctl && (code == SIO_ADDRESS_LIST_QUERY || code == SIO_WSK_QUERY_INSPECT_ID ||
				    code == SIO_WSK_REGISTER_EXTENSION);
}

static NTSTATUS
disable(struct sani_wsk_sock *s, ULONG event, PIRP irp)
{
	bool listens = atomic_load(&s->phase) == SANI_WSK_LISTENING;

	if (event == 0 || (event & (event - 1)) != 0)
		return answer(irp, STATUS_INVALID_PARAMETER);
	/* W38, W59: for good. */
	if ((listens && event & SANI_WSK_CONNECTION_EVENTS) || event & atomic_load(&s->client->fixed_events) ||
	    !(event & (SANI_WSK_CONNECTION_EVENTS | WSK_EVENT_ACCEPT)))
		return answer(irp, STATUS_INVALID_DEVICE_REQUEST);
	atomic_fetch_and(&s->events, ~event);
	sani_wsk_kick(s);
	/* When it ends no callback runs: here there is none, or the one that makes this call, before the turn. */
	if (irp != NULL)
		return sani_wsk_answer(irp, STATUS_SUCCESS);
	return atomic_load(&s->running) == event ? STATUS_EVENT_PENDING : STATUS_SUCCESS;
}

static NTSTATUS
enable(struct sani_wsk_sock *s, ULONG events)
{
	bool listens = atomic_load(&s->phase) == SANI_WSK_LISTENING;
	struct sani_wsk_rx *rx;

	if (events == 0)
		return STATUS_INVALID_PARAMETER;
	if (events & ~(SANI_WSK_CONNECTION_EVENTS | WSK_EVENT_ACCEPT))
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!listens && atomic_load(&s->phase) != SANI_WSK_CONNECTED)
		return STATUS_INVALID_DEVICE_STATE;
	if (!listens && events & WSK_EVENT_ACCEPT)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (events & ~(listens ? sani_wsk_events_of(s) | SANI_WSK_CONNECTION_EVENTS : sani_wsk_events_of(s)))
		return STATUS_INVALID_PARAMETER;
	if (listens) {
		__atomic_fetch_or(&s->inherited, events & SANI_WSK_CONNECTION_EVENTS, __ATOMIC_SEQ_CST);
		events &= WSK_EVENT_ACCEPT;
	}
	if (events & WSK_EVENT_RECEIVE) {
		rx = sani_wsk_rx_make(s);
		if (rx == NULL)
			return STATUS_INSUFFICIENT_RESOURCES;
		free(atomic_exchange(&s->rx_new, rx));
	}
	atomic_fetch_or(&s->events, events);
	sani_wsk_kick(s);
	return STATUS_SUCCESS;
}

static NTSTATUS
change_events(struct sani_wsk_sock *s, const WSK_EVENT_CALLBACK_CONTROL *in, SIZE_T size, PIRP irp)
{
	if (in == NULL || size < sizeof(*in) || in->NpiId == NULL)
		return answer(irp, STATUS_INVALID_PARAMETER);
	if (memcmp(in->NpiId, &NPI_WSK_INTERFACE_ID, sizeof(NPIID)) != 0)
		return answer(irp, STATUS_NOT_SUPPORTED);
	if (s->category == WSK_FLAG_BASIC_SOCKET)
		return answer(irp, STATUS_INVALID_DEVICE_REQUEST);
	if (atomic_load(&s->core->gone))
		return answer(irp, STATUS_FILE_FORCED_CLOSED);
	if (in->EventMask & WSK_EVENT_DISABLE)
		return disable(s, in->EventMask & ~WSK_EVENT_DISABLE, irp);
	return irp != NULL ? answer(irp, STATUS_INVALID_PARAMETER) : enable(s, in->EventMask);
}

NTSTATUS
sani_wsk_control(PWSK_SOCKET Socket, WSK_CONTROL_SOCKET_TYPE RequestType, ULONG ControlCode, ULONG Level,
		 SIZE_T InputSize, PVOID InputBuffer, SIZE_T OutputSize, PVOID OutputBuffer,
		 SIZE_T *OutputSizeReturned, PIRP Irp)
{
	struct sani_wsk_sock *s = sani_wsk_sock(Socket);
	struct control c = { s, ControlCode, InputSize, InputBuffer, OutputSize, OutputBuffer, 0 };
	bool at_once = is_at_once(RequestType, ControlCode);
	bool events = RequestType == WskSetOption && ControlCode == SO_WSK_EVENT_CALLBACK &&
		      (Level == SOL_SOCKET || Level == WIN_SOL_SOCKET);
	NTSTATUS status;
	ULONG_PTR *arg;

	if (Irp != NULL && !sani_wsk_take(s, s->core, Irp))
		return STATUS_INVALID_PARAMETER;
	if (events)
		return change_events(s, InputBuffer, InputSize, Irp);
	if (at_once != (Irp == NULL) || (unsigned int)RequestType >= WskControlMax)
		return answer(Irp, STATUS_INVALID_PARAMETER);
	if (at_once) {
		status = do_at_once(&c);
		if (OutputSizeReturned != NULL)
			*OutputSizeReturned = c.returned;
		return status;
	}
	arg = sani_wsk_args(Irp);
	arg[ARG_TYPE] = RequestType;
	arg[ARG_CODE] = ControlCode;
	arg[ARG_LEVEL] = Level;
	arg[ARG_IN_SIZE] = InputSize;
	arg[ARG_IN] = (ULONG_PTR)InputBuffer;
	arg[ARG_OUT_SIZE] = OutputSize;
	arg[ARG_OUT] = (ULONG_PTR)OutputBuffer;
	return sani_wsk_submit(Irp, start_control);
}
