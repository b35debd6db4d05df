/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "bed.h"

static void
active_open_sends_syn_with_options(void **state)
{
	struct bed *b = *state;
	const struct sani_tcp_seg *syn = &b->out[0].seg;

	b->p.rcvbuf = 1 << 20;
	assert_int_equal(sani_tcp_open_active(&b->c, &b->p, b->now), SANI_TCP_EV_OUTPUT);
	bed_flush(b);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_SYN, BED_ISS, 0, 0);
	assert_int_equal(syn->opts, SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE | SANI_TCP_OPT_TS |
			 SANI_TCP_OPT_SACK_PERM);
	assert_int_equal(syn->mss, 1460);
	assert_int_equal(syn->wscale, 5);
	assert_int_equal(syn->wnd, 65535);
	assert_int_equal(syn->tsval, (uint32_t)(b->now / 1000) + 12345);
	assert_int_equal(syn->tsecr, 0);
}

static void
syn_ack_establishes_and_is_acknowledged(void **state)
{
	struct bed *b = *state;

	bed_connect(b);
	assert_int_equal(b->nb, 2);
	assert_last(b, SANI_TCP_ACK, BED_ISS + 1, BED_IRS + 1, 0);
	assert_true(b->ev & SANI_TCP_EV_CONNECTED);
	assert_int_equal(bed_deadline(b), SANI_NEVER);
}

static void
peer_without_options_gets_defaults(void **state)
{
	struct bed *b = *state;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->out[b->nb - 1].seg.opts, 0);
	assert_int_equal(b->c.snd_mss, 536);
	assert_int_equal(b->c.rcv_wscale, 0);
}

static void
ipv6_peer_without_mss_gets_1220(void **state)
{
	struct bed *b = *state;

	b->p.tuple.remote = (union sani_ip){ .b = { 0xfe, 0x80, [15] = 2 } };
	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	assert_int_equal(b->out[0].seg.mss, 1440);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	assert_int_equal(b->c.snd_mss, 1220);
}

static void
send_mss_counts_timestamp_octets(void **state)
{
	struct bed *b = *state;

	b->ts = true;
	bed_connect(b);
	assert_int_equal(b->c.snd_mss, 1000 - 12);
}

static void
send_mss_is_capped_by_the_path(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	syn = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	syn.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_TS;
	syn.mss = 65535;
	bed_inject(b, &syn);
	bed_flush(b);
	assert_int_equal(b->c.snd_mss, 1448);
}

/* RFC 791's least MTU: what is announced fits it, and so does what is sent, whatever the peer says it takes. */
static void
smallest_mtu_is_kept_to(void **state)
{
	struct bed *b = *state;

	b->p.mtu = 68;
	b->ts = true;
	bed_connect(b);
	assert_int_equal(b->out[0].seg.mss, 28);
	bed_clear(b);
	bed_write(b, 100);
	assert_true(b->nb > 1);
	for (unsigned int i = 0; i < b->nb; i++)
		assert_int_equal(20 + b->out[i].seg.hdr_len + b->out[i].seg.len, i < 6 ? 68 : 56);
}

static void
absurd_mss_is_not_believed(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;

	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	syn = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	syn.opts = SANI_TCP_OPT_MSS;
	syn.mss = 0;
	bed_inject(b, &syn);
	bed_flush(b);
	assert_int_equal(b->c.snd_mss, 100);
	assert_int_equal(bed_write(b, 1000), 1000);
	assert_last(b, SANI_TCP_ACK | SANI_TCP_PSH, BED_ISS + 1 + 900, BED_IRS + 1, 100);
}

static void
segments_fill_a_long_mtu(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;

	b->ts = true;
	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	assert_int_equal(b->out[0].seg.mss, 8960);
	syn = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	syn.opts |= SANI_TCP_OPT_MSS;
	syn.mss = 8960;
	bed_inject(b, &syn);
	bed_flush(b);
	assert_int_equal(b->c.snd_mss, 8948);
	assert_int_equal(b->c.cwnd, 2 * 8948);	/* RFC 6928: above 14,600 */
	assert_int_equal(bed_write(b, 9000), 9000);
	bed_flush(b);
	assert_int_equal(b->out[2].seg.len, 8948);
	assert_int_equal(b->out[3].seg.len, 52);
}

static void
window_scale_applies_only_when_both_offer_it(void **state)
{
	struct bed *b = *state;
	struct sani_tcp_seg syn;

	b->p.rcvbuf = 1 << 20;
	b->wnd = 1000;
	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	syn = bed_seg(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	syn.opts = SANI_TCP_OPT_MSS | SANI_TCP_OPT_WSCALE;
	syn.mss = 1000;
	syn.wscale = 7;
	bed_inject(b, &syn);
	bed_flush(b);
	assert_int_equal(b->c.snd_wnd, 1000);	/* never scaled in a SYN */
	assert_int_equal(b->out[1].seg.wnd, (1 << 20) >> 5);
	bed_in(b, SANI_TCP_ACK, BED_IRS + 1, BED_ISS + 1, 0);
	assert_int_equal(b->c.snd_wnd, 1000 << 7);
}

static void
without_window_scale_the_window_is_16_bits(void **state)
{
	struct bed *b = *state;

	b->p.rcvbuf = 1 << 20;
	bed_connect(b);
	assert_int_equal(b->out[1].seg.wnd, 65535);
}

static void
refused_by_rst_in_syn_sent(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_RST | SANI_TCP_ACK, 0, BED_ISS + 1, 0);
	assert_state(b, CLOSED);
	assert_int_equal(b->ev, SANI_TCP_EV_CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNREFUSED);
	assert_int_equal(b->nb, 0);
}

static void
rst_without_good_ack_in_syn_sent_is_ignored(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_RST, 0, 0, 0);
	bed_in(b, SANI_TCP_RST | SANI_TCP_ACK, 0, BED_ISS, 0);
	bed_in(b, SANI_TCP_RST | SANI_TCP_ACK, 0, BED_ISS + 2, 0);
	assert_state(b, SYN_SENT);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_rst), 1);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_ack), 2);
}

static void
bad_ack_in_syn_sent_gets_rst_and_the_open_goes_on(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 77, 0);
	assert_state(b, SYN_SENT);
	assert_int_equal(b->nb, 1);
	assert_last(b, SANI_TCP_RST, BED_ISS + 77, 0, 0);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	assert_state(b, ESTABLISHED);
}

static void
bare_ack_in_syn_sent_is_dropped(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	assert_state(b, SYN_SENT);
	assert_int_equal(b->nb, 0);
	assert_int_equal(bed_count(b, SANI_CTR_tcp_rx_drop_state), 1);
}

static void
simultaneous_open_ends_established(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_SYN, BED_IRS, 0, 0);
	assert_state(b, SYN_RECEIVED);
	assert_last(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_ISS, BED_IRS + 1, 0);
	bed_in(b, SANI_TCP_SYN | SANI_TCP_ACK, BED_IRS, BED_ISS + 1, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(b->ev & SANI_TCP_EV_CONNECTED, SANI_TCP_EV_CONNECTED);
	bed_in(b, SANI_TCP_ACK, BED_IRS + 1, BED_ISS + 1, 10);
	assert_int_equal(bed_read(b), 10);
}

static void
simultaneous_open_is_also_finished_by_a_bare_ack(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_SYN, BED_IRS, 0, 0);
	bed_in(b, SANI_TCP_ACK, BED_IRS + 1, BED_ISS + 1, 0);
	assert_state(b, ESTABLISHED);
}

static void
rst_after_simultaneous_open_is_refusal(void **state)
{
	struct bed *b = *state;

	bed_reach(b, SAN_TCP_SYN_SENT);
	bed_in(b, SANI_TCP_SYN, BED_IRS, 0, 0);
	bed_in(b, SANI_TCP_RST, BED_IRS + 1, 0, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNREFUSED);
}

static void
block_can_be_used_again(void **state)
{
	struct bed *b = *state;

	b->c.owner.gen = 77;
	bed_connect(b);
	bed_write(b, 5000);
	bed_in(b, SANI_TCP_RST, BED_IRS + 1, 0, 0);
	assert_state(b, CLOSED);
	b->p.iss = 9;
	bed_clear(b);
	bed_connect(b);
	assert_int_equal(b->c.owner.gen, 77);
	assert_int_equal(sani_tcp_error(&b->c), 0);
	assert_int_equal(sani_tcp_written(&b->c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(active_open_sends_syn_with_options),
		bed_test(syn_ack_establishes_and_is_acknowledged),
		bed_test(peer_without_options_gets_defaults),
		bed_test(ipv6_peer_without_mss_gets_1220),
		bed_test(send_mss_counts_timestamp_octets),
		bed_test(send_mss_is_capped_by_the_path),
		bed_test(smallest_mtu_is_kept_to),
		bed_test(absurd_mss_is_not_believed),
		bed_test_long(segments_fill_a_long_mtu),
		bed_test(window_scale_applies_only_when_both_offer_it),
		bed_test(without_window_scale_the_window_is_16_bits),
		bed_test(refused_by_rst_in_syn_sent),
		bed_test(rst_without_good_ack_in_syn_sent_is_ignored),
		bed_test(bad_ack_in_syn_sent_gets_rst_and_the_open_goes_on),
		bed_test(bare_ack_in_syn_sent_is_dropped),
		bed_test(simultaneous_open_ends_established),
		bed_test(simultaneous_open_is_also_finished_by_a_bare_ack),
		bed_test(rst_after_simultaneous_open_is_refusal),
		bed_test(block_can_be_used_again),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
