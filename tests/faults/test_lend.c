/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registered memory under a NIC that keeps what it was given (O9, O10): a send ends when its bytes are acknowledged and
 * no buffer refers to them, whatever else wants it to end. The moment it has ended its memory is spoilt: what the NIC
 * reads after that would be seen on the wire.
 */
#include <string.h>

#include <san/mem.h>

#include "alloc.h"
#include "slow.h"

#define CHUNK 5000u
#define BULK (400u << 10)

static uint8_t out[BULK], in[BULK];
static san_mem mem;

static void
begin(enum nic_frees frees, const char *lend)
{
	slow_begin_lend(frees, lend);
	memset(in, 0, sizeof(in));
	STAGE_MUST(san_mem_register(out, sizeof(out), SAN_MEM_READ, &mem) == 0);
}

static void
finish(void)
{
	STAGE_UNTIL(stage.closed == stage.opened);
	STAGE_MUST(san_mem_deregister(mem) == 0);
	slow_finish();
}

/* Stream octets from their offset on, lent. */
static struct stage_op *
lend(uint32_t offset, uint32_t len, uint32_t timeout_us)
{
	struct stage_op *op = stage_op();
	struct san_mem_vec vec = { .base = out + offset, .len = len, .mem = mem };

	wire_fill(out + offset, len, offset);
	op->op.timeout_us = timeout_us;
	STAGE_MUST(stage_posted(op, san_send_mem(slow.end[0], &op->op, &vec, 1, 0)));
	return op;
}

static struct stage_op *
receive(uint32_t len)
{
	struct stage_op *op = stage_op();

	STAGE_MUST(stage_posted(op, san_recv(slow.end[1], &op->op, in, len, SAN_WAITALL)));
	return op;
}

/* The memory is the program's again: it writes what nobody may ever see. */
static void
spoil(uint32_t offset, uint32_t len)
{
	STAGE_MUST(memcmp(out + offset, (const uint8_t[4]){ 0xee, 0xee, 0xee, 0xee }, 4) != 0);
	memset(out + offset, 0xee, len);
}

/* A while in which everything else may happen. */
static void
let_pass(uint64_t us)
{
	uint64_t end = stage_now_us + us;

	stage_wait_begin();
	while (stage_now_us < end && stage_go_on())
		;
	for (unsigned int i = 0; i < 10; i++)
		stage_round();
}

/* A send of which all lies in the ring, and the peer has heard nothing. */
static struct stage_op *
lend_held(uint32_t offset, uint32_t timeout_us)
{
	struct stage_op *op;

	slow.nic[0].holds = true;
	op = lend(offset, CHUNK, timeout_us);
	for (unsigned int i = 0; i < 10; i++)
		stage_round();
	STAGE_MUST(!stage_over(op) && nic_unsent(&slow.nic[0], 2) != NULL);
	STAGE_MUST(san_mem_deregister(mem) == -EBUSY);
	return op;
}

static void
release(void)
{
	slow.nic[0].holds = false;
	nic_send(&slow.nic[0], NIC_RING);
}

/* The peer says something, so that there is a segment to forge others from. */
static void
hear_peer(void)
{
	static uint8_t to, from;
	struct stage_op *recv = stage_op();

	wire_fill(&from, 1, 0);
	STAGE_MUST(stage_posted(recv, san_recv(slow.end[0], &recv->op, &to, 1, 0)));
	STAGE_MUST(san_send(slow.end[1], &stage_op()->op, &from, 1, 0) == 1);
	STAGE_UNTIL(stage_over(recv));
}

static bool
loses_some(unsigned int side, unsigned int nr)
{
	return nr > 10 && nr % 13 == 5 + side;
}

struct way {
	enum nic_frees frees;
	const char *lend;
	bool lent;	/* Else the bytes are copied. */
	bool loses;
};

/* Sends one behind the other, each spoilt the moment it ends; the wire sees the stream and nothing else. */
static void
stream_arrives(void **state)
{
	const struct way *way = *state;
	struct stage_op *send[4], *recv;
	unsigned int left = 4, spoilt = 0;

	begin(way->frees, way->lend);
	slow.nic[0].keeps = 20;
	stage_loses = way->loses ? loses_some : NULL;
	recv = receive(BULK);
	for (unsigned int i = 0; i < 4; i++)
		send[i] = lend(i * (BULK / 4), BULK / 4, 0);
	while (left > 0 && STAGE_UNTIL(stage_over(send[4 - left]))) {
		STAGE_MUST(send[4 - left]->result == (int32_t)BULK / 4);
		/* copied or acknowledged, what is over is over */
		if (way->lent)
			STAGE_MUST(wire[0].end >= (5 - left) * (BULK / 4));
		spoil((4 - left) * (BULK / 4), BULK / 4);
		spoilt++;
		left--;
	}
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(spoilt == 4 && recv->result == (int32_t)BULK && wire_is_filled(in, BULK, 0));
	STAGE_MUST((slow_count(0, "lend_tx") > 0) == way->lent);
	STAGE_MUST(way->lent || slow_count(0, "lend_tx_copied") > BULK / 1500);
	slow_shut();
	finish();
}

/* An acknowledgement is no proof. */
static void
acknowledged_in_the_ring_does_not_end(void **state)
{
	struct stage_op *send, *recv;

	begin((enum nic_frees)(uintptr_t)*state, NULL);
	hear_peer();
	recv = receive(CHUNK);
	send = lend_held(0, 0);
	wire_forge_ack(&slow.nic[0], slow_last_unsent());
	let_pass(2000000);
	STAGE_MUST(!stage_over(send) && wire[0].nb_data == 0);
	STAGE_MUST(san_mem_deregister(mem) == -EBUSY);
	release();
	STAGE_UNTIL(stage_over(send));
	STAGE_MUST(send->result == (int32_t)CHUNK);
	spoil(0, CHUNK);
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == (int32_t)CHUNK && wire_is_filled(in, CHUNK, 0));
	slow_shut();
	finish();
}

enum reason { CANCEL, DEADLINE, RESET, CLOSE };

static const int32_t result_of[] = {
	[CANCEL] = -ECANCELED, [DEADLINE] = -ETIMEDOUT, [RESET] = -ECONNRESET, [CLOSE] = -ECANCELED,
};

static void
end_by(enum reason reason, const struct stage_op *send)
{
	if (reason == CANCEL)
		STAGE_MUST(san_cancel(slow.end[0], send->op.id) == 0);
	if (reason == RESET)
		wire_forge_rst(&slow.nic[0]);
	if (reason == CLOSE)
		stage_shut(slow.end[0]);
	let_pass(1000000);
}

/* No reason ends it while the NIC has its memory; then it ends with the reason's result, and a close behind it. */
static void
reason_waits_for_the_nic(void **state)
{
	enum reason reason = (enum reason)(uintptr_t)*state;
	struct stage_op *send, *recv;

	begin(NIC_FREES_ASKED, NULL);
	hear_peer();
	recv = receive(CHUNK);
	send = lend_held(0, reason == DEADLINE ? 500000 : 0);
	end_by(reason, send);
	STAGE_MUST(!stage_over(send) && stage.closed == 0);
	STAGE_MUST(san_mem_deregister(mem) == -EBUSY);
	release();
	if (reason == CLOSE)
		STAGE_UNTIL(stage.closed == 1);
	else
		STAGE_UNTIL(stage_over(send));
	STAGE_MUST(stage_over(send) && send->result == result_of[reason]);
	spoil(0, CHUNK);
	if (reason == CANCEL || reason == DEADLINE) {
		/* what the connection had of it is its own, and goes on */
		STAGE_UNTIL(stage_over(recv));
		STAGE_MUST(recv->result == (int32_t)CHUNK && wire_is_filled(in, CHUNK, 0));
	}
	if (reason != CLOSE)
		stage_shut(slow.end[0]);
	stage_shut(slow.end[1]);
	stage_shut(slow.listener);
	finish();
}

/* The last cleanup returns when the NIC has let go, not before. */
static void
cleanup_waits_for_the_nic(void **state)
{
	struct stage_op *send;

	(void)state;
	begin(NIC_FREES_ASKED, NULL);
	send = lend_held(0, 0);
	slow.nic[0].hold_polls = 1000;
	stage_end();
	STAGE_MUST(slow.nic[0].hold_polls == 0 && stage_over(send));
	/* the other host's reset may be heard first */
	STAGE_MUST(send->result == -ECANCELED || send->result == -ECONNRESET);
	slow_look();
}

/* A queue that gives back only when it is stopped is stopped once it has been idle for a while. */
static void
idle_queue_is_restarted(void **state)
{
	struct stage_op *send, *recv;
	unsigned int before;

	(void)state;
	begin(NIC_FREES_STOPPED, "restart");
	recv = receive(CHUNK);
	before = slow.nic[0].stopped;
	send = lend(0, CHUNK, 0);
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(!stage_over(send) && slow.nic[0].stopped == before);
	let_pass(100000);
	STAGE_MUST(stage_over(send) && send->result == (int32_t)CHUNK);
	spoil(0, CHUNK);
	STAGE_MUST(slow.nic[0].stopped == before + 1 && slow_count(0, "lend_restarts") > 0);
	STAGE_MUST(wire_is_filled(in, CHUNK, 0));
	slow_shut();
	finish();
}

/* What a restart has lost is sent again, from where it lies. */
static void
restart_loses_nothing(void **state)
{
	struct stage_op *send, *recv;

	(void)state;
	begin(NIC_FREES_STOPPED, "restart");
	recv = receive(CHUNK);
	send = lend_held(0, 0);
	let_pass(50000);
	STAGE_MUST(!stage_over(send) && slow_count(0, "lend_restarts") > 0);
	release();
	STAGE_UNTIL(stage_over(send) && stage_over(recv));
	STAGE_MUST(send->result == (int32_t)CHUNK && recv->result == (int32_t)CHUNK);
	STAGE_MUST(wire_is_filled(in, CHUNK, 0));
	slow_shut();
	finish();
}

/* Lends until the NIC, which keeps what it was given, takes nothing any more. */
static struct stage_op *
lend_until_full(void)
{
	struct stage_op *op;

	begin(NIC_FREES_STOPPED, "restart");
	slow.nic[0].keeps = NIC_RING;
	op = lend(0, BULK, 0);
	STAGE_UNTIL(slow.nic[0].refused > 0);
	STAGE_MUST(!stage_over(op));
	return op;
}

/* A queue that takes nothing is idle too, though frames wait for it. */
static void
full_queue_is_restarted(void **state)
{
	struct stage_op *send, *recv;

	(void)state;
	send = lend_until_full();
	recv = receive(BULK);
	STAGE_UNTIL(stage_over(send) && stage_over(recv));
	STAGE_MUST(send->result == (int32_t)BULK && recv->result == (int32_t)BULK);
	STAGE_MUST(wire_is_filled(in, BULK, 0) && slow_count(0, "lend_restarts") > 0);
	slow_shut();
	finish();
}

static void
close_does_not_wait_for_a_full_queue(void **state)
{
	struct stage_op *send;

	(void)state;
	send = lend_until_full();
	slow_shut();
	STAGE_UNTIL(stage_over(send));
	STAGE_MUST(send->result == -ECANCELED || send->result == -ECONNRESET);
	finish();
}

#define WAY(name, ...) \
	{ "stream_arrives__" name, stream_arrives, NULL, NULL, &(struct way){ __VA_ARGS__ } }
#define REASON(reason) \
	{ "reason_waits_for_the_nic__" #reason, reason_waits_for_the_nic, NULL, NULL, (void *)(uintptr_t)(reason) }

static const struct CMUnitTest cases[] = {
	WAY("freed_at_once", .frees = NIC_FREES_AT_ONCE, .lent = true),
	WAY("freed_when_asked", .frees = NIC_FREES_ASKED, .lent = true),
	WAY("freed_when_asked_over_a_bad_wire", .frees = NIC_FREES_ASKED, .lent = true, .loses = true),
	WAY("freed_when_stopped", .frees = NIC_FREES_STOPPED, .lend = "restart", .lent = true),
	WAY("freed_late_is_copied", .frees = NIC_FREES_LATER),
	WAY("freed_late_restarted_in_vain_is_copied", .frees = NIC_FREES_LATER, .lend = "restart"),
	{ "acknowledged_in_the_ring_does_not_end__at_once", acknowledged_in_the_ring_does_not_end, NULL, NULL,
	  (void *)NIC_FREES_AT_ONCE },
	{ "acknowledged_in_the_ring_does_not_end__asked", acknowledged_in_the_ring_does_not_end, NULL, NULL,
	  (void *)NIC_FREES_ASKED },
	REASON(CANCEL),
	REASON(DEADLINE),
	REASON(RESET),
	REASON(CLOSE),
	cmocka_unit_test(cleanup_waits_for_the_nic),
	cmocka_unit_test(idle_queue_is_restarted),
	cmocka_unit_test(restart_loses_nothing),
	cmocka_unit_test(full_queue_is_restarted),
	cmocka_unit_test(close_does_not_wait_for_a_full_queue),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	alloc_init();
	return cmocka_run_group_tests_name("lend", cases, NULL, NULL);
}
