/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NIC that keeps what it was given: what it holds stays as it was until it lets go, and nothing but its own port
 * waits for it (O9, O10).
 */
#include <string.h>

#include "alloc.h"
#include "slow.h"

#define CHUNK 4000u
#define BULK (400u << 10)

/* Bytes of the stream from one side to the other, in pieces of n. */
static void
carry_stream(unsigned int from, uint32_t offset, uint32_t len, uint32_t n)
{
	static uint8_t in[BULK], out[BULK];
	struct stage_op *recv = stage_op(), *send = stage_op();

	wire_fill(out, len, offset);
	memset(in, 0, len);
	STAGE_MUST(stage_posted(recv, san_recv(slow.end[1 - from], &recv->op, in, len, SAN_WAITALL)));
	for (uint32_t at = 0; at < len && !stage_lost(); at += n) {
		STAGE_MUST(stage_posted(send, san_send(slow.end[from], &send->op, out + at, n, 0)));
		STAGE_UNTIL(stage_over(send));
	}
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == (int32_t)len && wire_is_filled(in, len, offset));
}

static void
late_buffers_change_nothing(void **state)
{
	slow_begin((enum nic_frees)(uintptr_t)*state);
	slow.nic[0].keeps = 20;
	carry_stream(0, 0, 12000, 100);
	carry_stream(1, 0, 12000, 100);
	carry_stream(0, 12000, BULK, BULK);
	STAGE_MUST((slow.nic[0].nb > 0) == (slow.nic[0].frees == NIC_FREES_LATER));
	slow_shut();
	slow_finish();
}

/* A send that ends when it is acknowledged, of which nothing has left the ring. */
static struct stage_op *
send_held(uint32_t offset, uint8_t out[CHUNK])
{
	struct stage_op *send = stage_op();

	slow.nic[0].holds = true;
	wire_fill(out, CHUNK, offset);
	STAGE_MUST(stage_posted(send, san_send(slow.end[0], &send->op, out, CHUNK, SAN_ACKED)));
	for (unsigned int i = 0; i < 10; i++)
		stage_round();
	STAGE_MUST(!stage_over(send) && nic_unsent(&slow.nic[0], 2) != NULL);
	return send;
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
	slow_begin(NIC_FREES_AT_ONCE);
	carry_stream(1, 0, 100, 100);
	recv = stage_op();
	STAGE_MUST(stage_posted(recv, san_recv(slow.end[1], &recv->op, in, CHUNK, SAN_WAITALL)));
	send = send_held(0, out);
	wire_forge_ack(&slow.nic[0], slow_last_unsent());
	STAGE_UNTIL(stage_over(send));
	STAGE_MUST(send->result == (int32_t)CHUNK);
	STAGE_MUST(wire[0].nb_data == 0);
	memset(out, 0xee, CHUNK);
	slow.nic[0].holds = false;
	nic_send(&slow.nic[0], NIC_RING);
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == (int32_t)CHUNK && wire_is_filled(in, CHUNK, 0));
	carry_stream(0, CHUNK, 1000, 100);
	carry_stream(1, 100, 1000, 100);
	slow_shut();
	slow_finish();
}

/* Closes wait for no copied frame. The RST lies behind it; what the NIC sends at last is still the stream. */
static void
close_does_not_wait_for_copied_frames(void **state)
{
	static uint8_t out[CHUNK];
	struct stage_op *send;
	bool sends_at_last = *state != NULL;

	slow_begin(NIC_FREES_NEVER);
	carry_stream(1, 0, 100, 100);
	send = send_held(0, out);
	stage_shut(slow.end[0]);
	STAGE_UNTIL(stage.closed == 1);
	STAGE_MUST(stage_over(send) && send->result == -ECANCELED);
	memset(out, 0xee, CHUNK);
	if (sends_at_last) {
		nic_send(&slow.nic[0], NIC_RING);
		STAGE_MUST(wire[0].nb_data > 2 && wire[0].nb_rst == 1);
	}
	stage_shut(slow.end[1]);
	stage_shut(slow.listener);
	slow_finish();
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
	slow_begin(NIC_FREES_NEVER);
	send = stage_op();
	recv = stage_op();
	wire_fill(out, BULK, 0);
	STAGE_MUST(san_set_option(slow.end[0], SAN_OPT_USER_TIMEOUT, 5000) == 0);
	STAGE_MUST(stage_posted(recv, san_recv(slow.end[1], &recv->op, in, BULK, SAN_WAITALL)));
	STAGE_MUST(stage_posted(send, san_send(slow.end[0], &send->op, out, BULK, SAN_ACKED)));
	before = stage_now_us;
	STAGE_UNTIL(stage_over(send));
	STAGE_MUST(send->result == -ETIMEDOUT && stage_now_us - before < 60 * 1000000ull);
	STAGE_MUST(slow.nic[0].nb == NIC_RING && slow.nic[0].refused > 0);
	STAGE_MUST(!stage_over(recv));
	/* of this host everything but its port */
	other = slow_socket(0);
	stage_shut(other);
	stage_shut(slow.end[0]);
	STAGE_UNTIL(stage.closed == 2);
	/* what waits for the port is counted, and what finds no room there any more too */
	STAGE_MUST(slow_count(0, "port_tx_full") > 0);
	STAGE_MUST(slow_count(0, "port_tx_drop") == 0);
	for (unsigned int i = 0; i < 300; i++) {
		wire_ask_arp(&slow.nic[0]);
		stage_round();
	}
	STAGE_MUST(slow_count(0, "port_tx_drop") > 0);
	STAGE_MUST(slow_count(1, "port_tx_full") == 0);
	STAGE_MUST(slow_count(1, "port_tx_drop") == 0);
	stage_shut(slow.end[1]);
	stage_shut(slow.listener);
	slow_finish();
}

/* The reset of a connection that the last cleanup ends lies behind much else; the port takes nothing for a while. */
static void
last_reset_leaves_before_its_port_is_stopped(void **state)
{
	static uint8_t out[BULK];
	struct stage_op *send;

	(void)state;
	slow_begin(NIC_FREES_AT_ONCE);
	carry_stream(1, 0, BULK, BULK);
	slow.nic[1].holds = true;
	send = stage_op();
	wire_fill(out, BULK, BULK);
	STAGE_MUST(stage_posted(send, san_send(slow.end[1], &send->op, out, BULK, SAN_ACKED)));
	for (unsigned int i = 0; i < 10; i++)
		stage_round();
	STAGE_MUST(slow.nic[1].refused > 0 && wire[1].nb_rst == 0);
	slow.nic[1].hold_bursts = 40;
	stage_end();
	STAGE_MUST(slow.nic[1].hold_bursts == 0 && wire[1].nb_rst == 1);
	slow_look();
}

/* Else the buffers that it holds would be missing where the host's own bounds count on them. */
static void
driver_with_more_descriptors_than_there_are_buffers_for_is_refused(void **state)
{
	static const char *const settings[][3] = {
		{ "host", "mbufs", "1023" }, { "host", "sockets", "16" }, { "port p", "device", "net_null7,size=64" },
		{ "port p", "rx_desc", "64" }, { "port p", "tx_desc", "64" }, { "interface i", "port", "p" },
		{ "interface i", "address", "10.8.0.1/24" },
	};
	struct san_conf *conf;
	struct san_host *host;

	(void)state;
	stage_begin();
	STAGE_MUST(san_startup(0, NULL) >= 0);
	for (unsigned int i = 0; i < 2; i++) {
		nic_least_descs = i == 0 ? 512 : 0;
		conf = san_conf_create();
		for (unsigned int k = 0; k < RTE_DIM(settings); k++)
			STAGE_MUST(san_conf_set(conf, settings[k][0], settings[k][1], settings[k][2]) == 0);
		STAGE_MUST(san_host_create(conf, &host) == (i == 0 ? -EINVAL : 0));
		STAGE_MUST(i > 0 || strstr(san_error(), "mbufs = 1023 in [host] is too few") != NULL);
		san_conf_destroy(conf);
	}
	STAGE_MUST(san_cleanup() == 0);
	if (stage_fault() != NULL)
		fail_msg("%s", stage_fault());
}

static const struct CMUnitTest cases[] = {
	{ "late_buffers_change_nothing__at_once", late_buffers_change_nothing, NULL, NULL, (void *)NIC_FREES_AT_ONCE },
	{ "late_buffers_change_nothing__later", late_buffers_change_nothing, NULL, NULL, (void *)NIC_FREES_LATER },
	cmocka_unit_test(early_acknowledgement_ends_copied_send),
	{ "close_does_not_wait_for_copied_frames", close_does_not_wait_for_copied_frames, NULL, NULL, NULL },
	{ "close_does_not_wait_for_copied_frames__sent_at_last", close_does_not_wait_for_copied_frames, NULL, NULL,
	  (void *)1 },
	cmocka_unit_test(nic_that_keeps_all_stalls_its_port_only),
	cmocka_unit_test(driver_with_more_descriptors_than_there_are_buffers_for_is_refused),
	cmocka_unit_test(last_reset_leaves_before_its_port_is_stopped),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	alloc_init();
	return cmocka_run_group_tests_name("nic", cases, NULL, NULL);
}
