/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A handle says whose it is, which registration, and of which generation:
 *
 *   | 63 .. 32                     | 31 .. 16   | 15 .. 0 |
 *   | descriptor: index, lower gen | generation | 1 + n   |
 */
#include <stdlib.h>

#include "spi/wsp/priv.h"

#define FIRST 8u

static inline uint32_t
owner_of(const struct sani_wsp_sock *so)
{
	return so->index << 16 | (uint32_t)(uint16_t)(atomic_load_explicit(&so->word, memory_order_relaxed) >> 32);
}

static inline struct sani_wsp_mem *
mem_of_handle(const struct sani_wsp_sock *so, HANDLE handle)
{
	uint64_t h = (uintptr_t)handle;
	uint32_t n = (uint32_t)(uint16_t)h - 1;

	if (sani_unlikely((uint32_t)(h >> 32) != owner_of(so) || n >= so->nb_mem))
		return NULL;
	if (sani_unlikely(so->mem[n].gen != (uint16_t)(h >> 16)))
		return NULL;
	return &so->mem[n];
}

struct sani_wsp_mem *
sani_wsp_mem_of(const struct sani_wsp_sock *so, const WSABUFEX *buf, uint8_t access)
{
	struct sani_wsp_mem *mem = mem_of_handle(so, buf->handle);
	uintptr_t off;

	if (sani_unlikely(mem == NULL))
		return NULL;
	off = (uintptr_t)buf->buf - (uintptr_t)mem->base;
	if (sani_unlikely((mem->access & access) == 0 || off > mem->len || buf->len > mem->len - off))
		return NULL;
	return mem;
}

/* A free entry, or NULL. */
static struct sani_wsp_mem *
take(struct sani_wsp_sock *so)
{
	uint32_t n, size, first;
	struct sani_wsp_mem *list;

	for (n = 0; n < so->nb_mem; n++)
		if (so->mem[n].access == 0)
			return &so->mem[n];
	first = n;
	size = so->nb_mem == 0 ? FIRST : 2 * so->nb_mem;
	if (size > SANI_WSP_MEMORIES)
		return NULL;
	list = realloc(so->mem, size * sizeof(*list));
	if (list == NULL)
		return NULL;
	so->mem = list;
	so->nb_mem = size;
	for (; n < size; n++)
		list[n] = (struct sani_wsp_mem){ .access = 0 };
	return &list[first];
}

/* R116 */
static bool
is_connected(const struct sani_wsp_sock *so)
{
	uint32_t state;

	return so->home != NULL && so->phase == SANI_WSP_CONNECTED &&
	       san_get_option(so->h, SAN_OPT_STATE, &state) == 0 && state != SAN_TCP_CLOSED;
}

static DWORD
register_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	HANDLE *handle = call->out;
	struct sani_wsp_mem *mem;

	if (!is_connected(so))
		return WSAENOTCONN;
	mem = take(so);
	if (mem == NULL)
		return WSAENOBUFS;
	mem->base = call->handle;
	mem->len = (uint32_t)call->value;
	mem->in_use = 0;
	mem->access = (uint8_t)call->flags;
	*handle = (HANDLE)(uintptr_t)((uint64_t)owner_of(so) << 32 | (uint64_t)mem->gen << 16 |
				      (uint64_t)(mem - so->mem + 1));
	return 0;
}

HANDLE WSPAPI
sani_wsp_register_memory(SOCKET s, PVOID buf, DWORD len, DWORD flags, LPINT err)
{
	HANDLE handle = NULL;
	struct sani_wsp_call call = { .s = s, .fn = register_here, .handle = buf, .value = len, .flags = flags,
				      .out = &handle };
	DWORD code = 0;

	if (sani_wsp_find(s) == NULL)
		code = WSAENOTSOCK;
	else if (flags == 0 || (flags & ~MEM_READWRITE) != 0)
		code = WSAEINVAL;
	else if (buf == NULL || len == 0 || (uintptr_t)buf + len < (uintptr_t)buf)
		code = WSAEFAULT;
	if (code == 0)
		code = sani_wsp_carry_out(&call);
	if (code == 0)
		return handle;
	sani_wsp_return(code, err);
	return NULL;
}

static DWORD
deregister_here(struct sani_wsp_call *call)
{
	struct sani_wsp_mem *mem = mem_of_handle(call->so, call->handle);

	if (mem == NULL || mem->access == 0 || mem->in_use > 0)
		return WSAEINVAL;
	mem->access = 0;
	mem->gen++;
	return 0;
}

int WSPAPI
sani_wsp_deregister_memory(SOCKET s, HANDLE handle, LPINT err)
{
	struct sani_wsp_call call = { .s = s, .fn = deregister_here, .handle = handle };

	return sani_wsp_return(sani_wsp_carry_out(&call), err);
}
