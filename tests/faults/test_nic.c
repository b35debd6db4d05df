/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NIC that keeps what it was given: what it holds stays as it was until it lets go, and nothing but its own port
 * waits for it (O9, O10).
 */
#include <string.h>

#include "alloc.h"
#include "sock/sock.h"
#include "stage.h"
#include "test.h"
#include "wire.h"

#define PORT 7
#define CHUNK 4000u
#define BULK (400u << 10)

static struct nic pair[2];
static san_handle end[2], listener;
static unsigned int torn;

static void
plug(unsigned int side)
{
	nic_plug(&pair[side]);
}

static san_handle
open_socket(unsigned int side)
{
	san_handle s = SAN_NO_HANDLE;

	if (STAGE_MUST(san_socket(stage.core[side][0], stage.cq, &s) == 0))
		stage.opened++;
	return s;
}

static void
begin(enum nic_frees frees)
{
	struct san_addr a = stage_addr(1, PORT);
	struct stage_op *accept, *connect;

	torn = alloc_torn_pools();
	stage_begin();
	nic_make(pair);
	wire_watch(pair);
	pair[0].frees = frees;
	stage_device[0] = pair[0].name;
	stage_device[1] = pair[1].name;
	stage_ready = plug;
	stage_open(1);
	stage_claim();
	STAGE_MUST(san_cq_create(64, &stage.cq) == 0);
	accept = stage_op();
	connect = stage_op();
	listener = open_socket(1);
	STAGE_MUST(san_bind(listener, &a) == 0 && san_listen(listener, 4) == 0);
	STAGE_MUST(stage_posted(accept, san_accept(listener, &accept->op, 0)));
	end[0] = open_socket(0);
	STAGE_MUST(stage_posted(connect, san_connect(end[0], &connect->op, &a, 0)));
	STAGE_UNTIL(stage_over(accept) && stage_over(connect));
	STAGE_MUST(accept->result == 0 && connect->result == 0);
	end[1] = accept->value;
}

static void
finish(void)
{
	stage_close();
	nic_end(pair);
	STAGE_MUST(wire[0].bad == 0 && wire[1].bad == 0);
	STAGE_MUST(alloc_torn_pools() == torn);
	if (stage_fault() != NULL)
		fail_msg("%s", stage_fault());
}

static void
shut_all(void)
{
	stage_shut(end[0]);
	stage_shut(end[1]);
	stage_shut(listener);
}

/* Bytes of the stream from one side to the other, in pieces of n. */
static void
carry_stream(unsigned int from, uint32_t offset, uint32_t len, uint32_t n)
{
	static uint8_t in[BULK], out[BULK];
	struct stage_op *recv = stage_op(), *send = stage_op();

	wire_fill(out, len, offset);
	memset(in, 0, len);
	STAGE_MUST(stage_posted(recv, san_recv(end[1 - from], &recv->op, in, len, SAN_WAITALL)));
	for (uint32_t at = 0; at < len && !stage_lost(); at += n) {
		STAGE_MUST(stage_posted(send, san_send(end[from], &send->op, out + at, n, 0)));
		STAGE_UNTIL(stage_over(send));
	}
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == (int32_t)len && wire_is_filled(in, len, offset));
}

static void
late_buffers_change_nothing(void **state)
{
	begin((enum nic_frees)(uintptr_t)*state);
	pair[0].keeps = 20;
	carry_stream(0, 0, 12000, 100);
	carry_stream(1, 0, 12000, 100);
	carry_stream(0, 12000, BULK, BULK);
	STAGE_MUST((pair[0].nb > 0) == (pair[0].frees == NIC_FREES_LATER));
	shut_all();
	finish();
}

/* A send that ends when it is acknowledged, of which nothing has left the ring. */
static struct stage_op *
send_held(uint32_t offset, uint8_t out[CHUNK])
{
	struct stage_op *send = stage_op();

	pair[0].holds = true;
	wire_fill(out, CHUNK, offset);
	STAGE_MUST(stage_posted(send, san_send(end[0], &send->op, out, CHUNK, SAN_ACKED)));
	for (unsigned int i = 0; i < 10; i++)
		stage_round();
	STAGE_MUST(!stage_over(send) && nic_unsent(&pair[0], 2) != NULL);
	return send;
}

/* What the frame with the last octet of a send lies at. */
static const struct rte_mbuf *
last_unsent(void)
{
	const struct rte_mbuf *m, *last = NULL;

	for (unsigned int i = 0; (m = nic_unsent(&pair[0], i)) != NULL; i++)
		last = m;
	return last;
}

/*
 * A peer that acknowledges what it cannot have seen. A copied send is over then, and its bytes are copies: what the NIC
 * reads later is the stream, whatever the program does with its buffer.
 */
static void
early_acknowledgement_ends_copied_send(void **state)
{
	static uint8_t out[CHUNK], in[CHUNK];
	struct stage_op *send, *recv;

	(void)state;
	begin(NIC_FREES_AT_ONCE);
	carry_stream(1, 0, 100, 100);
	recv = stage_op();
	STAGE_MUST(stage_posted(recv, san_recv(end[1], &recv->op, in, CHUNK, SAN_WAITALL)));
	send = send_held(0, out);
	wire_forge_ack(&pair[0], last_unsent());
	STAGE_UNTIL(stage_over(send));
	STAGE_MUST(send->result == (int32_t)CHUNK);
	STAGE_MUST(wire[0].nb_data == 0);
	memset(out, 0xee, CHUNK);
	pair[0].holds = false;
	nic_send(&pair[0], NIC_RING);
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == (int32_t)CHUNK && wire_is_filled(in, CHUNK, 0));
	carry_stream(0, CHUNK, 1000, 100);
	carry_stream(1, 100, 1000, 100);
	shut_all();
	finish();
}

/* Closes wait for no copied frame. The RST lies behind it; what the NIC sends at last is still the stream. */
static void
close_does_not_wait_for_copied_frames(void **state)
{
	static uint8_t out[CHUNK];
	struct stage_op *send;
	bool sends_at_last = *state != NULL;

	begin(NIC_FREES_NEVER);
	carry_stream(1, 0, 100, 100);
	send = send_held(0, out);
	stage_shut(end[0]);
	STAGE_UNTIL(stage.closed == 1);
	STAGE_MUST(stage_over(send) && send->result == -ECANCELED);
	memset(out, 0xee, CHUNK);
	if (sends_at_last) {
		nic_send(&pair[0], NIC_RING);
		STAGE_MUST(wire[0].nb_data > 2 && wire[0].nb_rst == 1);
	}
	stage_shut(end[1]);
	stage_shut(listener);
	finish();
}

static uint64_t
count(unsigned int side, const char *name)
{
	struct san_counter list[512];
	unsigned int n = san_host_counters(stage.host[side], list, 512);

	for (unsigned int i = 0; i < n && i < 512; i++)
		if (strcmp(list[i].name, name) == 0)
			return list[i].value;
	fail_msg("no counter %s", name);
	return 0;
}

/*
 * A NIC that gives nothing back takes what its ring holds, then nothing: who sends by this port suffers, and is told
 * by his user timeout. Sockets open and close, the peer goes on, cleanup returns, the pool is whole.
 */
static void
nic_that_keeps_all_stalls_its_port_only(void **state)
{
	static uint8_t out[BULK], in[BULK];
	struct stage_op *send, *recv;
	uint64_t before;
	san_handle other;

	(void)state;
	begin(NIC_FREES_NEVER);
	send = stage_op();
	recv = stage_op();
	wire_fill(out, BULK, 0);
	STAGE_MUST(san_set_option(end[0], SAN_OPT_USER_TIMEOUT, 5000) == 0);
	STAGE_MUST(stage_posted(recv, san_recv(end[1], &recv->op, in, BULK, SAN_WAITALL)));
	STAGE_MUST(stage_posted(send, san_send(end[0], &send->op, out, BULK, SAN_ACKED)));
	before = stage_now_us;
	STAGE_UNTIL(stage_over(send));
	STAGE_MUST(send->result == -ETIMEDOUT && stage_now_us - before < 60 * 1000000ull);
	STAGE_MUST(pair[0].nb == NIC_RING && pair[0].refused > 0);
	STAGE_MUST(!stage_over(recv));
	/* of this host everything but its port */
	other = open_socket(0);
	stage_shut(other);
	stage_shut(end[0]);
	STAGE_UNTIL(stage.closed == 2);
	/* what waits for the port is counted, and what finds no room there any more too */
	STAGE_MUST(count(0, "port_tx_full") > 0);
	STAGE_MUST(count(0, "port_tx_drop") == 0);
	for (unsigned int i = 0; i < 300; i++) {
		wire_ask_arp(&pair[0]);
		stage_round();
	}
	STAGE_MUST(count(0, "port_tx_drop") > 0);
	STAGE_MUST(count(1, "port_tx_full") == 0);
	STAGE_MUST(count(1, "port_tx_drop") == 0);
	stage_shut(end[1]);
	stage_shut(listener);
	finish();
}

static const struct CMUnitTest cases[] = {
	{ "late_buffers_change_nothing__at_once", late_buffers_change_nothing, NULL, NULL, (void *)NIC_FREES_AT_ONCE },
	{ "late_buffers_change_nothing__later", late_buffers_change_nothing, NULL, NULL, (void *)NIC_FREES_LATER },
	cmocka_unit_test(early_acknowledgement_ends_copied_send),
	{ "close_does_not_wait_for_copied_frames", close_does_not_wait_for_copied_frames, NULL, NULL, NULL },
	{ "close_does_not_wait_for_copied_frames__sent_at_last", close_does_not_wait_for_copied_frames, NULL, NULL,
	  (void *)1 },
	cmocka_unit_test(nic_that_keeps_all_stalls_its_port_only),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	alloc_init();
	return cmocka_run_group_tests_name("nic", cases, NULL, NULL);
}
