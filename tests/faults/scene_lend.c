/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registered memory and loans, over NICs that give back what they were given when they are asked.
 */
#include <string.h>

#include <san/mem.h>

#include "alloc.h"
#include "core/priv.h"
#include "kit/nic.h"
#include "scenes.h"
#include "sock/sock.h"
#include "stage.h"

#define PORT 7
#define CHUNK 6000u
#define LOANS 16

static struct nic nic[2];
static uint8_t out[4][CHUNK];

static void
plug(unsigned int side)
{
	struct sani_host *below = sani_sock_host_below(stage.host[side]);

	nic_plug(&nic[side]);
	/* net_null sends no chains; this NIC does */
	below->ports[0].caps |= SANI_PORT_MULTI_SEG | SANI_PORT_EXTMEM;
	below->ifaces[0].caps = below->ports[0].caps;
	sani_lend_init(below->cores[0]);
	nic[side].frees = NIC_FREES_ASKED;
}

static san_handle
open_socket(unsigned int side)
{
	san_handle s = SAN_NO_HANDLE;

	if (!stage_lost() && STAGE_TRY(san_socket(stage.core[side][0], stage.cq, &s), -ENOMEM, -ENFILE) == 0)
		stage.opened++;
	return s;
}

/* One pair; a table that is full ends it, and the next try begins anew. */
static bool
connect_pair(san_handle listener, san_handle end[2])
{
	struct san_addr a = stage_addr(1, PORT);
	struct stage_op *accept = stage_op(), *connect = stage_op();

	for (unsigned int tries = 0; tries < 100 && !stage_lost(); tries++) {
		end[0] = open_socket(0);
		if (end[0] == SAN_NO_HANDLE)
			return false;
		if (stage_over(accept))
			stage_posted(accept, STAGE_TRY(san_accept(listener, &accept->op, 0), -EAGAIN));
		stage_posted(connect, STAGE_TRY(san_connect(end[0], &connect->op, &a, 0), -EAGAIN, -ENOBUFS,
						-EADDRNOTAVAIL));
		STAGE_UNTIL(stage_over(connect) && (connect->result < 0 || stage_over(accept)));
		if (stage_over(accept) && accept->result == 0 && connect->result == 0) {
			end[1] = accept->value;
			return true;
		}
		stage_shut(end[0]);
		end[0] = SAN_NO_HANDLE;
	}
	return false;
}

static struct stage_op *
lend(san_handle s, san_mem mem, unsigned int i)
{
	struct stage_op *op = stage_op();
	struct san_mem_vec vec = { .base = out[i], .len = CHUNK, .mem = mem };

	memset(out[i], (int)(i + 1), CHUNK);
	if (!stage_lost())
		stage_posted(op, STAGE_TRY(san_send_mem(s, &op->op, &vec, 1, 0), -EAGAIN));
	return op;
}

/* So many octets, in the stack's own buffers. */
static void
take_loans(san_handle s, unsigned int i, uint32_t len)
{
	struct stage_op *op = stage_op();
	uint32_t got = 0;

	while (got < len && !stage_lost()) {
		struct san_loan loans[LOANS];
		bool same = true;

		memset(loans, 0, sizeof(loans));
		stage_posted(op, STAGE_TRY(san_recv_loan(s, &op->op, loans, LOANS, 0), -EAGAIN));
		if (!STAGE_UNTIL(stage_over(op)) || !STAGE_MUST(op->result > 0))
			return;
		for (unsigned int j = 0; j < LOANS && loans[j].base != NULL; j++)
			for (uint32_t k = 0; k < loans[j].len; k++)
				same &= ((const uint8_t *)loans[j].base)[k] == i + 1;
		STAGE_MUST(same);
		got += (uint32_t)op->result;
		STAGE_MUST(san_loan_return(loans, LOANS) > 0);
	}
}

static void
use_memory(const san_handle end[2])
{
	struct stage_op *send;
	san_mem mem = SAN_NO_MEM;

	if (STAGE_TRY(san_mem_register(out, sizeof(out), SAN_MEM_READ, &mem), -ENOMEM) < 0)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		send = lend(end[0], mem, i);
		take_loans(end[1], i, CHUNK);
		STAGE_UNTIL(stage_over(send));
		STAGE_MUST(send->result == (int32_t)CHUNK);
	}
	send = lend(end[0], mem, 2);
	if (!stage_over(send) && STAGE_TRY(san_cancel(end[0], send->op.id), -EAGAIN) == 0)
		STAGE_UNTIL(stage_over(send));
	/* what the connection had of it goes on */
	take_loans(end[1], 2, send->op.done);
	STAGE_MUST(san_mem_deregister(mem) == 0);
	/* what a close has to wait for, and a registration that cleanup ends */
	if (!stage_lost() && STAGE_TRY(san_mem_register(out, sizeof(out), SAN_MEM_READ, &mem), -ENOMEM) >= 0)
		lend(end[0], mem, 3);
}

void
scene_lend(void)
{
	san_handle end[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE }, listener;
	struct san_addr a = stage_addr(1, PORT);

	nic_make(nic);
	stage_device[0] = nic[0].name;
	stage_device[1] = nic[1].name;
	stage_ready = plug;
	stage_open(1);
	stage_claim();
	STAGE_TRY(san_cq_create(64, &stage.cq), -ENOMEM);
	listener = open_socket(1);
	if (listener != SAN_NO_HANDLE) {
		STAGE_MUST(san_bind(listener, &a) == 0);
		STAGE_TRY(san_listen(listener, 4), -ENOMEM);
	}
	if (connect_pair(listener, end))
		use_memory(end);
	stage_shut(end[0]);
	stage_shut(listener);
	stage_shut(end[1]);
	stage_close();
	nic_end(nic);
}
