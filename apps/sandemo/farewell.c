/* SPDX-License-Identifier: BSD-3-Clause */
/* What a close looks like from the outside: 64 receives and 64 sends pending, then san_close(). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

#define PENDING 64
#define PIECE (64u << 10)

static struct {
	struct end near;
	struct end far;
	struct san_overlapped sends[PENDING];
	struct san_overlapped recvs[PENDING];
	unsigned char out[PIECE];
	unsigned char in[PENDING][MESSAGE];
	unsigned char far_in[PIECE];
	unsigned int sends_pending;
	bool send_ended;		/* while the pipe is being filled */
	unsigned int ended[SAN_OP_CLOSE + 1];
	unsigned int canceled[SAN_OP_CLOSE + 1];
	unsigned int after_close;
	bool closed;
	bool far_knows;
	int far_result;
} show;

static void
on_near(struct demo *d, struct end *e, const struct san_completion *comp)
{
	(void)d;
	(void)e;
	show.after_close += show.closed;
	show.ended[comp->kind]++;
	show.canceled[comp->kind] += comp->result == -ECANCELED;
	show.closed |= comp->kind == SAN_OP_CLOSE;
	show.send_ended |= comp->kind == SAN_OP_SEND;
}

/* The far end reads until it hears of the end. */
static void
far_receive(struct end *e)
{
	int rc = san_recv(e->sock, &e->rx, show.far_in, sizeof(show.far_in), 0);

	if (rc < 0) {
		show.far_result = rc;
		show.far_knows = true;
	}
}

static void
on_far(struct demo *d, struct end *e, const struct san_completion *comp)
{
	(void)d;
	if (comp->kind != SAN_OP_RECV)
		return;
	if (comp->result > 0) {
		far_receive(e);
		return;
	}
	show.far_result = comp->result;
	show.far_knows = true;
}

/* Nothing is read at the far end: send until a send stays pending for a while. */
static bool
fill_pipe(struct demo *d)
{
	for (int tries = 0; tries < 1000 && !d->broken; tries++) {
		int rc = san_send(show.near.sock, &show.sends[0], show.out, PIECE, 0);

		if (rc < 0) {
			demo_fail(d, "send", rc);
			return false;
		}
		show.send_ended = rc == 1;
		if (rc == 0 && !demo_wait(d, &show.send_ended, 0.1))
			return !d->broken;
	}
	demo_fail(d, "the far end takes data that nobody reads", 0);
	return false;
}

static bool
post_all(struct demo *d)
{
	int rc = 0;

	if (!fill_pipe(d))
		return false;
	for (int i = 1; i < PENDING && rc == 0; i++)
		rc = san_send(show.near.sock, &show.sends[i], show.out, PIECE, 0);
	for (int i = 0; i < PENDING && rc == 0; i++)
		rc = san_recv(show.near.sock, &show.recvs[i], show.in[i], MESSAGE, 0);
	if (rc != 0)
		demo_fail(d, "a post was not accepted", rc);
	return rc == 0;
}

static void
prepare(void)
{
	for (int i = 0; i < PENDING; i++) {
		show.sends[i].user = (uintptr_t)&show.near;
		show.recvs[i].user = (uintptr_t)&show.near;
	}
	show.near.on = on_near;
	show.far.on = on_far;
}

/* True: it looked as it has to. */
static bool
judge(int again)
{
	bool good = show.canceled[SAN_OP_RECV] == PENDING && show.canceled[SAN_OP_SEND] == PENDING &&
		    show.ended[SAN_OP_RECV] == PENDING && show.ended[SAN_OP_SEND] == PENDING &&
		    show.ended[SAN_OP_CLOSE] == 1 && show.after_close == 0 && again == -ENOTSOCK;

	demo_say("   %u receives ended, %u of them with -ECANCELED", show.ended[SAN_OP_RECV],
		 show.canceled[SAN_OP_RECV]);
	demo_say("   %u sends ended, %u of them with -ECANCELED", show.ended[SAN_OP_SEND],
		 show.canceled[SAN_OP_SEND]);
	demo_say("   %u close completion, and %u completions after it", show.ended[SAN_OP_CLOSE],
		 show.after_close);
	demo_say("   the handle answered %s from the moment san_close() returned",
		 again == -ENOTSOCK ? "-ENOTSOCK" : strerror(-again));
	demo_say("   the other end heard: %s", show.far_result == 0 ? "end of stream" :
		 strerror(-show.far_result));
	return good;
}

bool
farewell_run(struct demo *d)
{
	uint64_t closed_ns;
	uint64_t took_ns;
	int again;

	if (!demo_connect(d, &show.near, &show.far))
		return false;
	prepare();
	if (!post_all(d))
		return false;
	memset(show.ended, 0, sizeof(show.ended));
	memset(show.canceled, 0, sizeof(show.canceled));
	closed_ns = demo_now_ns();
	demo_close(d, &show.near);
	again = san_recv(show.near.sock, &show.near.rx, show.near.in, MESSAGE, 0);
	if (!demo_wait(d, &show.closed, 5))
		return false;
	took_ns = demo_now_ns() - closed_ns;
	far_receive(&show.far);
	demo_wait(d, &show.far_knows, 5);
	if (!judge(again)) {
		demo_fail(d, "the close broke its contract (doc/op-contract.md)", 0);
		return false;
	}
	demo_say("   all of that within %.0f us of san_close()", (double)took_ns / 1e3);
	demo_close(d, &show.far);
	return !d->broken;
}
