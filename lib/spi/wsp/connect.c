/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "spi/wsp/priv.h"

/* R54, R55: it has begun, or it has failed. */
static DWORD
connect_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	int rc;

	if (so->phase == SANI_WSP_CONNECTING)
		return WSAEALREADY;
	if (so->phase == SANI_WSP_CONNECTED)
		return WSAEISCONN;
	if (so->phase == SANI_WSP_LISTENING)
		return WSAEINVAL;
	rc = san_connect(so->h, &so->op, call->in, 0);
	/* Of an address that is not one host's: api checks it. */
	if (rc == -EINVAL)
		return WSAEADDRNOTAVAIL;
	if (rc < 0)
		return sani_wsp_connect_error(rc);
	so->phase = SANI_WSP_CONNECTING;
	so->outcome = false;
	return WSAEWOULDBLOCK;
}

void
sani_wsp_on_connect(struct sani_wsp_sock *so, const struct san_completion *c)
{
	/* R56; R63: the native socket has all that a connection needs. */
	so->phase = c->result == 0 ? SANI_WSP_CONNECTED : SANI_WSP_FRESH;
	/* Cancelled: the socket is being closed, and nothing is signalled (R156). */
	if (c->result != -ECANCELED)
		sani_wsp_signal(so, FD_CONNECT, (int)sani_wsp_connect_error(c->result));
}

static DWORD
check_extras(LPWSABUF caller, LPWSABUF callee, LPQOS sqos)
{
	if (caller != NULL && caller->len > 0)
		return WSAEPROTONOSUPPORT;
	if (sqos != NULL)
		return WSAEOPNOTSUPP;
	if (callee != NULL)
		callee->len = 0;
	return 0;
}

static DWORD
connect_to(SOCKET s, const struct sockaddr *name, int namelen)
{
	static const struct san_addr any;
	struct sani_wsp_call call = { .s = s, .fn = connect_here };
	struct sani_wsp_sock *so = sani_wsp_find(s);
	struct san_addr peer;
	DWORD code;

	code = sani_wsp_read_name(name, namelen, &peer);
	if (code == 0 && so->home == NULL)
		code = sani_wsp_bind_to(s, &any);
	if (code != 0)
		return code;
	call.in = &peer;
	return sani_wsp_carry_out(&call);
}

int WSPAPI
sani_wsp_connect(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller, LPWSABUF callee, LPQOS sqos,
		 LPQOS gqos, LPINT err)
{
	DWORD code;

	(void)gqos;
	if (sani_wsp_find(s) == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	code = sani_wsp_check_caller();
	if (code == 0)
		code = check_extras(caller, callee, sqos);
	if (code == 0)
		code = connect_to(s, name, namelen);
	return sani_wsp_return(code, err);
}
