/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "spi/win/addr.h"
#include "spi/wsp/priv.h"

/* There is no RDMA, and no cache of registered memory: the functions are there, and say so. */
static DWORD
no_rdma(SOCKET s)
{
	return sani_wsp_find(s) == NULL ? WSAENOTSOCK : WSAEOPNOTSUPP;
}

static int WSPAPI
sani_wsp_register_rdma(SOCKET s, PVOID buf, DWORD len, DWORD flags, LPVOID descriptor, LPDWORD descriptor_len,
		       LPINT err)
{
	(void)buf;
	(void)len;
	(void)flags;
	(void)descriptor;
	(void)descriptor_len;
	return sani_wsp_return(no_rdma(s), err);
}

static int WSPAPI
sani_wsp_deregister_rdma(SOCKET s, LPVOID descriptor, DWORD descriptor_len, LPINT err)
{
	(void)descriptor;
	(void)descriptor_len;
	return sani_wsp_return(no_rdma(s), err);
}

static int WSPAPI
sani_wsp_rdma_write(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPVOID descriptor, DWORD descriptor_len, DWORD offset,
		    LPDWORD moved, DWORD flags, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
		    LPWSATHREADID thread, LPINT err)
{
	(void)bufs;
	(void)nb;
	(void)descriptor;
	(void)descriptor_len;
	(void)offset;
	(void)moved;
	(void)flags;
	(void)ov;
	(void)routine;
	(void)thread;
	return sani_wsp_return(no_rdma(s), err);
}

/* The same places as a write, and the same answer. */
static int WSPAPI
sani_wsp_rdma_read(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPVOID descriptor, DWORD descriptor_len, DWORD offset,
		   LPDWORD moved, DWORD flags, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
		   LPWSATHREADID thread, LPINT err)
{
	return sani_wsp_rdma_write(s, bufs, nb, descriptor, descriptor_len, offset, moved, flags, ov, routine, thread,
				   err);
}

/*
 * The provider's own function, which the switch calls before a mapping changes (R137). Its codes speak of a cache:
 * WSAEFAULT has something in it that stays, WSAEINVAL never had it. There is none to have looked in.
 */
static int WSPAPI
sani_wsp_cache_callback(PVOID address, SIZE_T size, LPINT err)
{
	(void)address;
	(void)size;
	return sani_wsp_return(WSAEOPNOTSUPP, err);
}

typedef void (*any_function)(void);

static const struct {
	GUID id;
	any_function fn;
} extensions[] = {
	{ WSAID_REGISTERMEMORY, (any_function)sani_wsp_register_memory },
	{ WSAID_DEREGISTERMEMORY, (any_function)sani_wsp_deregister_memory },
	{ WSAID_REGISTERRDMAMEMORY, (any_function)sani_wsp_register_rdma },
	{ WSAID_DEREGISTERRDMAMEMORY, (any_function)sani_wsp_deregister_rdma },
	{ WSAID_RDMAWRITE, (any_function)sani_wsp_rdma_write },
	/* R134: a provider may be without these two; here it is the call that says so, not the question. */
	{ WSAID_RDMAREAD, (any_function)sani_wsp_rdma_read },
	{ WSAID_MEMORYREGISTRATIONCACHECALLBACK, (any_function)sani_wsp_cache_callback },
};

/* One ioctl's buffers. */
struct buffers {
	LPVOID in;
	DWORD nb_in;
	LPVOID out;
	DWORD nb_out;
	LPDWORD returned;
};

static DWORD
get_extension(const struct buffers *b)
{
	GUID id;
	unsigned int i;

	if (b->in == NULL || b->nb_in < sizeof(id))
		return WSAEFAULT;
	memcpy(&id, b->in, sizeof(id));
	for (i = 0; i < RTE_DIM(extensions); i++) {
		if (memcmp(&id, &extensions[i].id, sizeof(id)) != 0)
			continue;
		*b->returned = sizeof(extensions[i].fn);
		if (b->out == NULL || b->nb_out < sizeof(extensions[i].fn))
			return WSAEFAULT;
		memcpy(b->out, &extensions[i].fn, sizeof(extensions[i].fn));
		return 0;
	}
	return WSAEINVAL;
}

/* R202 */
static DWORD
list_addresses(const struct buffers *b)
{
	*b->returned = (DWORD)sani_win_addr_list(NULL, b->out, b->nb_out);
	return b->out == NULL || b->nb_out < *b->returned ? WSAEFAULT : 0;
}

/* R200 */
static DWORD
carry_out(SOCKET s, DWORD code, const struct buffers *b)
{
	/* R201: asked before there is any socket. */
	bool before = code == SIO_GET_EXTENSION_FUNCTION_POINTER && s == INVALID_SOCKET;

	if (!before && sani_wsp_find(s) == NULL)
		return WSAENOTSOCK;
	if (!sani_wsp_is_up())
		return WSAENETDOWN;
	if (b->returned == NULL)
		return WSAEFAULT;
	switch (code) {
	case SIO_GET_EXTENSION_FUNCTION_POINTER:
		return get_extension(b);
	case SIO_ADDRESS_LIST_QUERY:
		return sani_lib_check() < 0 ? WSAENETDOWN : list_addresses(b);
	case SIO_GET_QOS:
	case SIO_SET_QOS:
	case SIO_GET_GROUP_QOS:
	case SIO_SET_GROUP_QOS:
	case SIO_ADDRESS_LIST_CHANGE:
		return WSAEOPNOTSUPP;
	default:
		return WSAEINVAL;
	}
}

int WSPAPI
sani_wsp_ioctl(SOCKET s, DWORD code, LPVOID in, DWORD nb_in, LPVOID out, DWORD nb_out, LPDWORD returned,
	       LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	struct buffers b = { in, nb_in, out, nb_out, returned };

	(void)ov;
	(void)routine;
	(void)thread;
	return sani_wsp_return(carry_out(s, code, &b), err);
}
