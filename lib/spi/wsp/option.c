/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "spi/wsp/priv.h"

static bool
is_sol_socket(int level)
{
	return level == SOL_SOCKET || level == WIN_SOL_SOCKET;
}

/*
 * While a socket has no home its options are any thread's. A bind takes them with it: whoever comes later finds its
 * home, or, where it has failed, none.
 */
static pthread_mutex_t homeless = PTHREAD_MUTEX_INITIALIZER;

void
sani_wsp_options_hold(void)
{
	pthread_mutex_lock(&homeless);
}

void
sani_wsp_options_let_go(void)
{
	pthread_mutex_unlock(&homeless);
}

/* @return Whether it was; code is what it has said. */
static bool
carry_out_homeless(struct sani_wsp_call *call, DWORD *code)
{
	bool done = false;

	sani_wsp_options_hold();
	call->so = sani_wsp_find(call->s);
	if (call->so != NULL && call->so->home == NULL) {
		*code = call->fn(call);
		done = true;
	}
	sani_wsp_options_let_go();
	return done;
}

static DWORD
carry_out(struct sani_wsp_call *call)
{
	DWORD code = sani_wsp_check_caller();

	if (code != 0 || carry_out_homeless(call, &code))
		return code;
	return sani_wsp_carry_out(call);
}

#define OF_TCP UINT32_MAX	/* in a call's flags: TCP_NODELAY; else an option of the socket */

static DWORD
get_here(struct sani_wsp_call *call)
{
	DWORD *value = call->out;

	switch (call->flags) {
	case SO_DEBUG:
		*value = (DWORD)call->so->debug;
		break;
	case SO_REUSEADDR:
		*value = call->so->reuse;
		break;
	case (uint32_t)SO_EXCLUSIVEADDRUSE:
		*value = call->so->exclusive;
		break;
	default:
		*value = call->so->nodelay;
		break;
	}
	return 0;
}

/* R194: of all others the switch does not ask. R132: there is no RDMA. */
static DWORD
get_option(struct sani_wsp_call *call, int level, int name, DWORD *value)
{
	call->flags = (uint32_t)name;
	call->out = value;
	call->fn = get_here;
	if (level == IPPROTO_TCP) {
		call->flags = OF_TCP;
		return name == TCP_NODELAY ? carry_out(call) : WSAENOPROTOOPT;
	}
	if (!is_sol_socket(level))
		return WSAEINVAL;
	switch (name) {
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_EXCLUSIVEADDRUSE:
		return carry_out(call);
	case SO_MAX_MSG_SIZE:
		*value = SAN_IO_MAX;
		return 0;
	case SO_MAX_RDMA_SIZE:
		*value = 0;
		return 0;
	case SO_RDMA_THRESHOLD_SIZE:
		*value = UINT32_MAX;
		return 0;
	default:
		return WSAENOPROTOOPT;
	}
}

int WSPAPI
sani_wsp_get_sock_opt(SOCKET s, int level, int name, char *value, LPINT len, LPINT err)
{
	struct sani_wsp_call call = { .s = s };
	DWORD got, code;

	if (sani_wsp_find(s) == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	code = get_option(&call, level, name, &got);
	if (code != 0)
		return sani_wsp_return(code, err);
	if (len == NULL)
		return sani_wsp_return(WSAEFAULT, err);
	if (value == NULL || *len < (INT)sizeof(got)) {
		*len = sizeof(got);
		return sani_wsp_return(WSAEFAULT, err);
	}
	memcpy(value, &got, sizeof(got));
	*len = sizeof(got);
	return 0;
}

static DWORD
set_nodelay(struct sani_wsp_sock *so, bool nodelay)
{
	uint32_t state;
	int rc;

	if (so->home != NULL) {
		rc = san_get_option(so->h, SAN_OPT_STATE, &state);
		if (rc == 0 && so->phase == SANI_WSP_CONNECTED && state == SAN_TCP_CLOSED)
			return WSAENOTCONN;
		rc = san_set_option(so->h, SAN_OPT_NODELAY, nodelay);
		if (rc < 0)
			return sani_wsp_error(rc);
	}
	so->nodelay = nodelay;
	return 0;
}

/* Both say who may have the address too: what the bind has made of it stays. */
static DWORD
set_sharing(struct sani_wsp_sock *so, bool *option, bool on)
{
	if (so->home != NULL)
		return WSAEINVAL;
	*option = on;
	return 0;
}

static DWORD
set_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	bool on = call->value != 0;

	switch (call->flags) {
	case OF_TCP:
		return set_nodelay(so, on);
	case SO_REUSEADDR:
		return set_sharing(so, &so->reuse, on);
	case (uint32_t)SO_EXCLUSIVEADDRUSE:
		return set_sharing(so, &so->exclusive, on);
	default:
		so->debug = on;
		return 0;
	}
}

static bool
can_be_set(int level, int name)
{
	if (level == IPPROTO_TCP)
		return name == TCP_NODELAY;
	return name == SO_DEBUG || name == SO_REUSEADDR || name == SO_EXCLUSIVEADDRUSE;
}

int WSPAPI
sani_wsp_set_sock_opt(SOCKET s, int level, int name, const char *value, int len, LPINT err)
{
	struct sani_wsp_call call = { .s = s, .fn = set_here };
	DWORD given;

	if (sani_wsp_find(s) == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	if (level != IPPROTO_TCP && !is_sol_socket(level))
		return sani_wsp_return(WSAEINVAL, err);
	if (!can_be_set(level, name))
		return sani_wsp_return(WSAENOPROTOOPT, err);
	if (value == NULL || len < (int)sizeof(given))
		return sani_wsp_return(WSAEFAULT, err);
	memcpy(&given, value, sizeof(given));
	call.value = given;
	call.flags = level == IPPROTO_TCP ? OF_TCP : (uint32_t)name;
	return sani_wsp_return(carry_out(&call), err);
}

BOOL WSPAPI
sani_wsp_get_qos_by_name(SOCKET s, LPWSABUF name, LPQOS qos, LPINT err)
{
	(void)name;
	(void)qos;
	sani_wsp_return(sani_wsp_find(s) == NULL ? WSAENOTSOCK : WSAEOPNOTSUPP, err);
	return FALSE;
}
