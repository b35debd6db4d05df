/* SPDX-License-Identifier: BSD-3-Clause */
/* info.c: what is shown of a connection. */
#include <errno.h>
#include <string.h>

#include <san/info.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK

static struct san_tcp_info
look(const struct bed *b)
{
	struct san_tcp_info info;

	memset(&info, 0x5a, sizeof(info));
	sani_tcp_info(&b->c, b->now, &info);
	assert_int_equal(info.size, sizeof(info));
	return info;
}

static void
syn_is_shown(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info i;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_run(b, 3500 * MS);
	i = look(b);
	assert_int_equal(i.state, SAN_TCP_SYN_SENT);
	assert_int_equal(i.backoff, 2);
	assert_int_equal(i.segs_out, 3);
	assert_int_equal(i.segs_retrans, 2);
	assert_int_equal(i.bytes_retrans, 2);
	assert_int_equal(i.unacked, 1);
	assert_int_equal(i.srtt_us, 0);
	assert_int_equal(i.rto_us, 1000000);
	assert_int_equal(i.last_sent_ms, 500);
	assert_int_equal(i.last_recv_ms, SAN_TCP_INFO_NEVER);
	assert_int_equal(i.adv_mss, 1460);
}

static void
negotiated_options_are_shown(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;
	struct san_tcp_info i;

	b->ts = true;
	b->p.rcvbuf = 1 << 20;
	syn = bed_seg(b, SANI_TCP_SYN, BED_IRS, 0, 0);
	syn.opts |= SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_MSS;
	syn.wscale = 7;
	syn.mss = 1000;
	sani_tcp_open_passive(&b->c, &b->p, &syn, b->now);
	bed_flush(b);
	i = look(b);
	assert_int_equal(i.state, SAN_TCP_SYN_RECEIVED);
	assert_int_equal(i.options, SAN_TCP_INFO_TIMESTAMPS | SAN_TCP_INFO_WSCALE);
	assert_int_equal(i.snd_wscale, 7);
	assert_int_equal(i.rcv_wscale, 5);
	assert_int_equal(i.snd_mss, 988);
	assert_int_equal(i.pmtu, 1500);
	sani_tcp_discard(&b->c);
	b->ts = false;
	bed_reach(b, SAN_TCP_ESTABLISHED);
	i = look(b);
	assert_int_equal(i.options, 0);
	assert_int_equal(i.snd_mss, 1000);
}

static void
transfer_is_counted_both_ways(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info i;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 30000);
	i = look(b);
	assert_int_equal(i.cwnd, 10000);
	assert_int_equal(i.ssthresh, UINT32_MAX);
	assert_int_equal(i.unacked, 10000);
	assert_int_equal(i.unsent, 20000);
	assert_int_equal(i.bytes_sent, 10000);
	assert_int_equal(i.bytes_acked, 0);
	assert_int_equal(i.snd_wnd, 60000);
	b->now += 50 * MS;
	bed_in(b, ACK, NXT, UNA + 4000, 700);
	i = look(b);
	assert_int_equal(i.bytes_acked, 4000);
	assert_int_equal(i.bytes_received, 700);
	assert_int_equal(i.unread, 700);
	assert_int_equal(i.rcv_wnd, 60000 - 700);
	assert_int_equal(i.segs_in, 2);		/* with the SYN-ACK */
	assert_true(i.segs_out >= 12);
	assert_int_equal(i.segs_retrans, 0);
	assert_in_range(i.srtt_us, 1, 50000);
	assert_int_equal(bed_read(b), 700);
	assert_int_equal(look(b).unread, 0);
	assert_string_equal(i.cc_name, b->c.cc->name);
}

/* Out of order it is not received yet; what comes twice counts once. */
static void
stream_received_counts_each_octet_once(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_in(b, ACK, NXT + 100, UNA, 100);
	assert_int_equal(look(b).bytes_received, 0);
	bed_in(b, ACK, NXT, UNA, 150);
	assert_int_equal(look(b).bytes_received, 200);
	bed_in(b, ACK, NXT, UNA, 150);
	bed_in(b, SANI_TCP_FIN | ACK, NXT + 200, UNA, 0);
	assert_int_equal(look(b).bytes_received, 200);
	assert_int_equal(look(b).segs_in, 5);
}

/* SHLD-9: R1 is passed and R2 is not. */
static void
doubt_is_shown_long_before_the_end(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info i;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_run(b, 1399 * MS);
	assert_int_equal(look(b).backoff, 2);
	bed_run(b, 1 * MS);
	i = look(b);
	assert_int_equal(i.backoff, SAN_TCP_R1);
	assert_int_equal(i.recovery, SAN_TCP_INFO_LOSS);
	assert_int_equal(i.segs_retrans, 3);
	assert_int_equal(i.bytes_retrans, 300);
	assert_int_equal(i.bytes_sent, 100);
	assert_int_equal(i.last_sent_ms, 0);
	assert_in_range(i.last_recv_ms, 1400, 1401);	/* its unit is 1,024 us */
}

/* MUST-47, SHLD-25: told to who asks. */
static void
soft_error_is_shown_until_the_next_progress(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_io io = bed_io(b, NULL, 0);

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	sani_tcp_icmp(&b->c, 3, 1, 0, UNA, &io);
	assert_int_equal(look(b).soft_error, -EHOSTUNREACH);
	bed_in(b, ACK, NXT, UNA + 100, 0);
	assert_int_equal(look(b).soft_error, 0);
}

static void
probes_are_counted(void **state)
{
	struct bed *b = *state;

	b->p.tune.keep = (struct sani_tcp_keep){ .idle_ms = 5000, .interval_ms = 1000, .count = 9, .on = true };
	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_run(b, 7 * SEC);
	assert_int_equal(look(b).keep_probes, 3);
	b->wnd = 0;
	bed_in(b, ACK, NXT, UNA, 0);
	bed_write(b, 100);
	bed_run(b, 700 * MS);
	assert_int_equal(look(b).window_probes, 2);
	assert_int_equal(look(b).snd_wnd, 0);
}

static void
dead_connection_keeps_its_figures(void **state)
{
	struct bed *b = *state;
	struct san_tcp_info i;

	bed_reach(b, SAN_TCP_ESTABLISHED);
	bed_write(b, 100);
	bed_in(b, ACK, NXT, UNA + 100, 10);
	bed_in(b, SANI_TCP_RST, NXT + 10, 0, 0);
	i = look(b);
	assert_int_equal(i.state, SAN_TCP_CLOSED);
	assert_int_equal(i.bytes_acked, 100);
	assert_int_equal(i.bytes_received, 10);
	assert_int_equal(i.unread, 0);
	assert_int_equal(i.unsent, 0);
	assert_int_equal(i.lost, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(syn_is_shown),
		bed_test(negotiated_options_are_shown),
		bed_test(transfer_is_counted_both_ways),
		bed_test(stream_received_counts_each_octet_once),
		bed_test(doubt_is_shown_long_before_the_end),
		bed_test(soft_error_is_shown_until_the_next_progress),
		bed_test(probes_are_counted),
		bed_test(dead_connection_keeps_its_figures),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
