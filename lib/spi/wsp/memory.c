/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registrations: entries of one table, which a handle names by generation and offset. A socket has a list of its own,
 * and remembers the last one of each direction.
 */
#include <sys/mman.h>

#include "spi/wsp/priv.h"

#define ENTRIES (1u << 20)

static struct sani_wsp_mem *table;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sani_wsp_mem *first_free;
static uint32_t fresh;

_Static_assert(sizeof(struct sani_wsp_mem) % 64 == 0, "an entry's offset has no lower bits");

bool
sani_wsp_reserve_memory(void)
{
	void *p;

	if (table != NULL)
		return true;
	p = mmap(NULL, ENTRIES * sizeof(*table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		return false;
	table = p;
	return true;
}

static struct sani_wsp_mem *
by_handle(const struct sani_wsp_sock *so, HANDLE handle)
{
	uint32_t offset = (uint32_t)(uintptr_t)handle;
	struct sani_wsp_mem *mem = (void *)((char *)table + offset);

	if (handle == NULL || offset % sizeof(*mem) != 0 || offset >= ENTRIES * sizeof(*mem))
		return NULL;
	/* Of another socket it may be written meanwhile: then its owner is not this one. */
	return mem->so == so && mem->handle == handle ? mem : NULL;
}

/* Its first operation; false: none is free. */
static bool
begin_circle(struct sani_wsp_mem *mem, unsigned int direction)
{
	struct sani_wsp_op *op;

	if (mem->ops[direction] != NULL)
		return true;
	op = sani_wsp_take_op(mem->so->home);
	if (op == NULL)
		return false;
	op->next = op;
	op->prev = op;
	sani_wsp_make_ready(mem->so, op, direction);
	mem->ops[direction] = op;
	return true;
}

static void
forget(struct sani_wsp_sock *so, const struct sani_wsp_mem *mem)
{
	for (unsigned int i = 0; i < 2; i++)
		if (so->hot->near[i].mem == mem)
			so->hot->near[i] = (struct sani_wsp_near){ .mem = NULL };
}

/* R123: is an operation of it not over? */
static bool
is_used(const struct sani_wsp_mem *mem)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct sani_wsp_op *op = mem->ops[i];

		if (op == NULL)
			continue;
		do {
			if (op->native.state != 0)
				return true;
			op = op->next;
		} while (op != mem->ops[i]);
	}
	return mem->in_use > 0;
}

/* Its operations, which are over, go back to the home. */
static void
end_circles(struct sani_wsp_mem *mem)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (mem->ops[i] != NULL)
			sani_wsp_give_circle(mem->so->home, mem->ops[i]);
		mem->ops[i] = NULL;
	}
}

/* Those of a registration that are over go, but for one that is next, or the last one. */
static void
thin_out(struct sani_wsp_mem *mem, unsigned int direction)
{
	struct sani_wsp_near *near = &mem->so->hot->near[direction];
	struct sani_wsp_op *first = near->mem == mem ? near->op : mem->ops[direction];
	struct sani_wsp_op *op = first->next;

	mem->ops[direction] = first;
	while (op != first) {
		struct sani_wsp_op *next = op->next;

		if (op->native.state == 0) {
			op->prev->next = next;
			next->prev = op->prev;
			op->next = op;
			sani_wsp_give_circle(mem->so->home, op);
		}
		op = next;
	}
}

void
sani_wsp_spare_ops(struct sani_wsp_sock *so)
{
	for (struct sani_wsp_mem *mem = so->mems; mem != NULL; mem = mem->next)
		for (unsigned int i = 0; i < 2; i++)
			if (mem->ops[i] != NULL)
				thin_out(mem, i);
}

struct sani_wsp_mem *
sani_wsp_mem_of(const struct sani_wsp_sock *so, const WSABUFEX *buf, unsigned int direction)
{
	struct sani_wsp_mem *mem = by_handle(so, buf->handle);
	uintptr_t off;

	if (mem == NULL)
		return NULL;
	off = (uintptr_t)buf->buf - (uintptr_t)mem->base;
	if (off > mem->room[direction] || buf->len > mem->room[direction] - off)
		return NULL;
	return mem;
}

bool
sani_wsp_keep_near(struct sani_wsp_mem *mem, unsigned int direction)
{
	struct sani_wsp_hot *hot = mem->so->hot;
	struct sani_wsp_near *near = &hot->near[direction];

	if (near->mem == mem)
		return true;
	if (mem->room[direction] > SAN_IO_MAX || !begin_circle(mem, direction))
		return false;
	if (near->mem != NULL)
		near->mem->ops[direction] = near->op;
	near->handle = mem->handle;
	near->base = mem->base;
	near->limit = (uint64_t)mem->room[direction] + 1;
	near->op = mem->ops[direction];
	near->way = direction == SANI_WSP_SENDS && mem->lent != SAN_NO_MEM ? &sani_wsp_small : &sani_wsp_plain;
	near->mem = mem;
	/* One that was accepted may live on another core than its listener, whose home it has. */
	hot->k = sani_sock_core(sani_handle_core(mem->so->h));
	hot->s = sani_wsp_name(mem->so);
	return true;
}

static struct sani_wsp_mem *
take(void)
{
	struct sani_wsp_mem *mem;

	pthread_mutex_lock(&lock);
	mem = first_free;
	if (mem != NULL)
		first_free = mem->next;
	else if (fresh < ENTRIES)
		mem = &table[fresh++];
	pthread_mutex_unlock(&lock);
	return mem;
}

static void
give_back(struct sani_wsp_mem *mem)
{
	mem->handle = NULL;
	mem->so = NULL;
	mem->gen++;
	pthread_mutex_lock(&lock);
	mem->next = first_free;
	first_free = mem;
	pthread_mutex_unlock(&lock);
}

static void
link_to(struct sani_wsp_sock *so, struct sani_wsp_mem *mem)
{
	mem->prev = NULL;
	mem->next = so->mems;
	if (so->mems != NULL)
		so->mems->prev = mem;
	so->mems = mem;
	so->nb_mem++;
}

static void
unlink_from(struct sani_wsp_sock *so, struct sani_wsp_mem *mem)
{
	if (mem->prev != NULL)
		mem->prev->next = mem->next;
	else
		so->mems = mem->next;
	if (mem->next != NULL)
		mem->next->prev = mem->prev;
	so->nb_mem--;
}

/*
 * Make memory known to the port that is to send from it. What cannot be lent, or only copied out of, is copied at the
 * post, as where no port lends.
 */
static san_mem
make_known(const struct sani_wsp_sock *so, void *base, size_t len)
{
	san_mem lent = SAN_NO_MEM;
	int rc;

	if (len < SANI_WSP_LEND_MIN || !sani_layer_lends(so->h))
		return SAN_NO_MEM;
	rc = san_mem_register(base, len, SAN_MEM_READ, &lent);
	if (rc == 0)
		return lent;
	if (rc > 0)
		san_mem_deregister(lent);
	return SAN_NO_MEM;
}

/* No operation of it is left. Refused only by the last cleanup, which ends what is left of them itself. */
static void
make_unknown(const struct sani_wsp_mem *mem)
{
	if (mem->lent != SAN_NO_MEM)
		(void)san_mem_deregister(mem->lent);
}

static void
end(struct sani_wsp_sock *so, struct sani_wsp_mem *mem)
{
	unlink_from(so, mem);
	end_circles(mem);
	make_unknown(mem);
	give_back(mem);
}

/* R119: with its socket. */
void
sani_wsp_forget_memory(struct sani_wsp_sock *so)
{
	if (so->hot != NULL)
		*so->hot = (struct sani_wsp_hot){ .s = 0 };
	while (so->mems != NULL)
		end(so, so->mems);
}

/* R116, R119 */
static bool
is_connected(const struct sani_wsp_sock *so)
{
	uint32_t state;

	return so->home != NULL && so->phase == SANI_WSP_CONNECTED &&
	       san_get_option(so->h, SAN_OPT_STATE, &state) == 0 && state != SAN_TCP_CLOSED;
}

/* R121: the memory stays as it is, whoever has it mapped; R120: each direction has its own bound. */
static DWORD
register_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	HANDLE *handle = call->out;
	uint32_t len = (uint32_t)call->value;
	struct sani_wsp_mem *mem;

	if (!is_connected(so))
		return WSAENOTCONN;
	mem = so->nb_mem < SANI_WSP_MEMORIES ? take() : NULL;
	if (mem == NULL)
		return WSAENOBUFS;
	mem->so = so;
	mem->base = call->handle;
	mem->room[SANI_WSP_SENDS] = call->flags & MEM_READ ? len : 0;
	mem->room[SANI_WSP_RECVS] = call->flags & MEM_WRITE ? len : 0;
	mem->lent = make_known(so, mem->base, mem->room[SANI_WSP_SENDS]);
	mem->in_use = 0;
	mem->ops[SANI_WSP_SENDS] = NULL;
	mem->ops[SANI_WSP_RECVS] = NULL;
	mem->gen = RTE_MAX(mem->gen, 1u);	/* never a handle that is NULL */
	mem->handle = (HANDLE)((uintptr_t)mem->gen << 32 | ((uintptr_t)mem - (uintptr_t)table));
	link_to(so, mem);
	*handle = mem->handle;
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

/* R124: each registration counts for itself. */
static DWORD
deregister_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	struct sani_wsp_mem *mem = by_handle(so, call->handle);

	if (mem == NULL || is_used(mem))
		return WSAEINVAL;
	forget(so, mem);
	end(so, mem);
	return 0;
}

int WSPAPI
sani_wsp_deregister_memory(SOCKET s, HANDLE handle, LPINT err)
{
	struct sani_wsp_call call = { .s = s, .fn = deregister_here, .handle = handle };

	return sani_wsp_return(sani_wsp_carry_out(&call), err);
}
