/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <san/mem.h>
#include <san/post.h>

#include "sock/lent.h"
#include "sock/mem.h"
#include "sock/sock.h"

int
san_mem_register(void *base, size_t len, unsigned int access, san_mem *mem)
{
	if (len == 0 || mem == NULL || access == 0 || (access & ~(unsigned int)(SAN_MEM_READ | SAN_MEM_WRITE)))
		return -EINVAL;
	if (base == NULL || (uintptr_t)base > UINTPTR_MAX - len)
		return -EFAULT;
	return sani_mem_register(base, len, access, mem);
}

int
san_mem_deregister(san_mem mem)
{
	return sani_mem_deregister(mem);
}

void
san_mem_usage(struct san_mem_usage *usage)
{
	sani_mem_usage(usage);
}

/* The length of all buffers; 0: one that cannot be. */
static size_t
sum_of(const struct san_mem_vec *vec, unsigned int nb)
{
	size_t sum = 0;
	unsigned int i;

	if (vec == NULL || nb == 0 || nb > SAN_VEC_MAX)
		return 0;
	for (i = 0; i < nb; i++) {
		if (vec[i].len > SAN_IO_MAX || (vec[i].base == NULL && vec[i].len > 0))
			return 0;
		sum += vec[i].len;
	}
	return sum;
}

static int
transfer(struct sani_post *p, const struct sani_post_extra *x)
{
	size_t len = sum_of(x->mem, x->nb);

	if (p->op == NULL || len == 0 || len > SAN_IO_MAX || x->min > len)
		return -EINVAL;
	p->extra = x;
	p->len = (uint32_t)len;
	return sani_sock_post(p);
}

static bool
names_one(const struct san_mem_vec *vec, unsigned int nb)
{
	unsigned int i;

	for (i = 0; vec != NULL && i < nb && i < SAN_VEC_MAX; i++)
		if (vec[i].mem != SAN_NO_MEM && vec[i].len > 0)
			return true;
	return false;
}

int
san_send_mem(san_handle sock, struct san_overlapped *op, const struct san_mem_vec *vec, unsigned int nb,
	     unsigned int flags)
{
	struct sani_post_extra x = { .mem = vec, .nb = nb, .access = SAN_MEM_READ };
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_SEND, .flags = (uint16_t)flags };

	if (flags & ~(unsigned int)(SAN_POLLED | SAN_ACKED | SAN_URGENT | SAN_MORE))
		return -EINVAL;
	/* What is lent is over when it is acknowledged, at the earliest. */
	if (names_one(vec, nb))
		p.flags |= SAN_ACKED;
	return transfer(&p, &x);
}

int
san_recv_mem(san_handle sock, struct san_overlapped *op, const struct san_mem_vec *vec, unsigned int nb,
	     size_t min, unsigned int flags)
{
	struct sani_post_extra x = { .mem = vec, .nb = nb, .access = SAN_MEM_WRITE, .min = (uint32_t)min };
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_RECV, .flags = (uint16_t)flags };

	if ((flags & ~(unsigned int)(SAN_POLLED | SAN_WAITALL)) || min == 0 || min > SAN_IO_MAX)
		return -EINVAL;
	return transfer(&p, &x);
}

int
san_recv_loan(san_handle sock, struct san_overlapped *op, struct san_loan *loans, unsigned int nb,
	      unsigned int flags)
{
	struct sani_post_extra x = { .loans = loans, .nb_loans = nb, .min = 1 };
	struct sani_post p = { .sock = sock, .op = op, .kind = SAN_OP_RECV, .extra = &x, .flags = (uint16_t)flags };

	if (op == NULL || loans == NULL || nb == 0 || nb > SAN_LOAN_MAX || (flags & ~(unsigned int)SAN_POLLED))
		return -EINVAL;
	return sani_sock_post(&p);
}

int
san_loan_return(struct san_loan *loans, unsigned int nb)
{
	unsigned int i;
	int n = 0;

	if (loans == NULL)
		return -EINVAL;
	for (i = 0; i < nb; i++) {
		if (loans[i].base == NULL)
			continue;
		sani_loan_give_back(&loans[i]);
		n++;
	}
	return n;
}
