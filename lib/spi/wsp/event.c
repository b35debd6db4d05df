/* SPDX-License-Identifier: BSD-3-Clause */
#include "spi/wsp/priv.h"

void
sani_wsp_signal(struct sani_wsp_sock *so, LONG event, int error)
{
	if (event == FD_CONNECT) {
		so->connect_error = error;
		so->outcome = (so->selected & FD_CONNECT) == 0;
	}
	/* R68, R71: what has come is for the switch to ask. R147, R156: nothing is told of a socket that closes. */
	if ((so->selected & event) == 0 || !sani_wsp_is_open(so))
		return;
	so->recorded |= event;
	sani_wsp_up_set(so->event);
}

static DWORD
select_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;

	so->event = call->handle;
	so->selected = (LONG)call->flags;
	so->recorded = 0;
	/* What holds already, or has not been told yet. */
	if (so->nb_queued > 0)
		sani_wsp_signal(so, FD_ACCEPT, 0);
	if (so->outcome)
		sani_wsp_signal(so, FD_CONNECT, so->connect_error);
	return 0;
}

int WSPAPI
sani_wsp_event_select(SOCKET s, WSAEVENT event, LONG events, LPINT err)
{
	struct sani_wsp_call call = { .s = s, .fn = select_here, .handle = event, .flags = (uint32_t)events };

	if (sani_wsp_find(s) == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	if ((events & ~(FD_ACCEPT | FD_CONNECT)) != 0 || (events != 0 && event == NULL))
		return sani_wsp_return(WSAEINVAL, err);
	return sani_wsp_return(sani_wsp_carry_out(&call), err);
}

/* R57, R145: one step. */
static DWORD
enum_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	LPWSANETWORKEVENTS out = call->out;

	out->lNetworkEvents = so->recorded;
	if (so->recorded & FD_ACCEPT)
		out->iErrorCode[FD_ACCEPT_BIT] = 0;
	if (so->recorded & FD_CONNECT)
		out->iErrorCode[FD_CONNECT_BIT] = so->connect_error;
	so->recorded = 0;
	if (call->handle != NULL)
		sani_wsp_up_reset(call->handle);
	return 0;
}

int WSPAPI
sani_wsp_enum_network_events(SOCKET s, WSAEVENT event, LPWSANETWORKEVENTS out, LPINT err)
{
	struct sani_wsp_call call = { .s = s, .fn = enum_here, .handle = event, .out = out };

	if (sani_wsp_find(s) == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	if (out == NULL)
		return sani_wsp_return(WSAEINVAL, err);
	return sani_wsp_return(sani_wsp_carry_out(&call), err);
}
