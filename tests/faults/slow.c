/* SPDX-License-Identifier: BSD-3-Clause */
#include "slow.h"

#include <string.h>

#include "alloc.h"
#include "core/priv.h"
#include "sock/sock.h"

#define PORT 7

struct slow slow;
static unsigned int torn;

static void
plug(unsigned int side)
{
	struct sani_host *below = sani_sock_host_below(stage.host[side]);

	slow.nic[side].prepares = slow.caps & SANI_PORT_TX_PREPARE;
	nic_plug(&slow.nic[side]);
	/* net_null sends no chains; this NIC does */
	below->ports[0].caps |= SANI_PORT_MULTI_SEG | SANI_PORT_EXTMEM | slow.caps;
	below->ports[0].cut_segs = slow.caps & SANI_PORT_TX_CUT ? SANI_PORT_CUT_SEGS : 0;
	below->ifaces[0].caps = below->ports[0].caps;
	sani_lend_init(below->cores[0]);
	sani_cut_init(below->cores[0]);
}

san_handle
slow_socket(unsigned int side)
{
	san_handle s = SAN_NO_HANDLE;

	if (STAGE_MUST(san_socket(stage.core[side][0], stage.cq, &s) == 0))
		stage.opened++;
	return s;
}

void
slow_begin_lend(enum nic_frees frees, const char *lend)
{
	struct san_addr a = stage_addr(1, PORT);
	struct stage_op *accept, *connect;

	torn = alloc_torn_pools();
	stage_begin();
	nic_make(slow.nic);
	wire_watch(slow.nic);
	slow.nic[0].frees = frees;
	stage_device[0] = slow.nic[0].name;
	stage_device[1] = slow.nic[1].name;
	stage_ready = plug;
	stage_lend = lend;
	stage_open(1);
	stage_claim();
	STAGE_MUST(san_cq_create(64, &stage.cq) == 0);
	accept = stage_op();
	connect = stage_op();
	slow.listener = slow_socket(1);
	STAGE_MUST(san_bind(slow.listener, &a) == 0 && san_listen(slow.listener, 4) == 0);
	STAGE_MUST(stage_posted(accept, san_accept(slow.listener, &accept->op, 0)));
	slow.end[0] = slow_socket(0);
	STAGE_MUST(stage_posted(connect, san_connect(slow.end[0], &connect->op, &a, 0)));
	STAGE_UNTIL(stage_over(accept) && stage_over(connect));
	STAGE_MUST(accept->result == 0 && connect->result == 0);
	slow.end[1] = accept->value;
}

void
slow_begin(enum nic_frees frees)
{
	slow_begin_lend(frees, NULL);
}

void
slow_finish(void)
{
	stage_close();
	slow_look();
}

void
slow_look(void)
{
	nic_end(slow.nic);
	STAGE_MUST(wire[0].bad == 0 && wire[1].bad == 0);
	STAGE_MUST(alloc_torn_pools() == torn);
	if (stage_fault() != NULL)
		fail_msg("%s", stage_fault());
}

void
slow_shut(void)
{
	stage_shut(slow.end[0]);
	stage_shut(slow.end[1]);
	stage_shut(slow.listener);
}

uint64_t
slow_count(unsigned int side, const char *name)
{
	struct san_counter list[512];
	unsigned int n = san_host_counters(stage.host[side], list, 512);

	for (unsigned int i = 0; i < n && i < 512; i++)
		if (strcmp(list[i].name, name) == 0)
			return list[i].value;
	fail_msg("no counter %s", name);
	return 0;
}

const struct rte_mbuf *
slow_last_unsent(void)
{
	const struct rte_mbuf *m, *last = NULL;

	for (unsigned int i = 0; (m = nic_unsent(&slow.nic[0], i)) != NULL; i++)
		last = m;
	return last;
}
