/* SPDX-License-Identifier: BSD-3-Clause */
/* One stream in one direction, over a connection of its own. */
#include "demo.h"

#define PIECE (64u << 10)

static struct {
	struct end from;
	struct end to;
	bool sending;
	bool done;
	uint64_t bytes;
	unsigned char out[PIECE];
	unsigned char in[PIECE];
} bulk;

static void
send_more(struct demo *d)
{
	int rc = 1;

	/* until the send buffer is full: the rest goes on with the completion */
	while (bulk.sending && rc == 1)
		rc = san_send(bulk.from.sock, &bulk.from.tx, bulk.out, PIECE, 0);
	if (rc < 0)
		demo_fail(d, "bulk send", rc);
	if (bulk.sending)
		return;
	rc = san_shutdown(bulk.from.sock, &bulk.from.tx, 0);
	if (rc < 0)
		demo_fail(d, "bulk shutdown", rc);
}

static void
receive(struct demo *d)
{
	int rc = san_recv(bulk.to.sock, &bulk.to.rx, bulk.in, PIECE, 0);

	if (rc < 0)
		demo_fail(d, "bulk receive", rc);
}

static void
on_from(struct demo *d, struct end *e, const struct san_completion *comp)
{
	(void)e;
	if (comp->result < 0)
		demo_fail(d, "bulk", comp->result);
	else if (comp->kind == SAN_OP_SEND)
		send_more(d);
}

static void
on_to(struct demo *d, struct end *e, const struct san_completion *comp)
{
	(void)e;
	if (comp->result < 0) {
		demo_fail(d, "bulk", comp->result);
	} else if (comp->result > 0) {
		bulk.bytes += (uint64_t)comp->result;
		receive(d);
	} else {
		bulk.done = true;
	}
}

bool
bulk_run(struct demo *d, double seconds)
{
	uint64_t start_ns;
	uint64_t now_ns;

	if (!demo_connect(d, &bulk.from, &bulk.to))
		return false;
	bulk.from.on = on_from;
	bulk.to.on = on_to;
	bulk.sending = true;
	start_ns = demo_now_ns();
	now_ns = start_ns;
	receive(d);
	send_more(d);
	while (!d->broken && !prog_stop && now_ns - start_ns < (uint64_t)(seconds * 1e9)) {
		demo_step(d);
		now_ns = demo_now_ns();
	}
	demo_say("   %.2f Gbit/s", (double)bulk.bytes * 8 / (double)(now_ns - start_ns));
	/* the FIN goes behind everything: when it has come, nothing is under way */
	bulk.sending = false;
	if (!demo_wait(d, &bulk.done, 5))
		return false;
	demo_close(d, &bulk.from);
	demo_close(d, &bulk.to);
	return !d->broken;
}
