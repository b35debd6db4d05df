/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes that are cut in other pieces than usual (F7): one connection comes of them, or none. */
#include <errno.h>

#include "bed.h"

#define UNA (BED_ISS + 1)
#define NXT (BED_IRS + 1)
#define ACK SANI_TCP_ACK
#define SYN SANI_TCP_SYN
#define RST SANI_TCP_RST

static void
open_actively(struct bed *b)
{
	assert_int_equal(sani_tcp_open_active(&b->c, &b->p, b->now), SANI_TCP_EV_OUTPUT);
	bed_flush(b);
	assert_int_equal(b->nb, 1);
	bed_clear(b);
}

static void
expect_established(struct bed *b)
{
	assert_state(b, ESTABLISHED);
	assert_true(b->ev & SANI_TCP_EV_CONNECTED);
	bed_clear(b);
	bed_in(b, ACK | SANI_TCP_PSH, NXT, UNA, 100);
	assert_int_equal(bed_read(b), 100);
	assert_int_equal(bed_write(b, 100), 100);
	assert_last(b, ACK | SANI_TCP_PSH, UNA, NXT + 100, 100);
}

/* RFC 9293 3.5, figure 7, but that the other side is no active opener at all. */
static void
syn_for_a_syn_is_a_simultaneous_open(void **state)
{
	struct bed *b = *state;

	open_actively(b);
	bed_in(b, SYN, BED_IRS, 0, 0);
	assert_state(b, SYN_RECEIVED);
	assert_int_equal(b->nb, 1);
	assert_last(b, SYN | ACK, BED_ISS, NXT, 0);
	bed_in(b, ACK, NXT, UNA, 0);
	expect_established(b);
}

static void
syn_then_syn_ack_is_one_connection(void **state)
{
	struct bed *b = *state;

	open_actively(b);
	bed_in(b, SYN, BED_IRS, 0, 0);
	bed_in(b, SYN | ACK, BED_IRS, UNA, 0);
	expect_established(b);
}

/* RFC 9293 3.10.7.3, fifth: the ACK alone says nothing; the SYN that follows does. */
static void
ack_then_syn_is_a_simultaneous_open(void **state)
{
	struct bed *b = *state;

	open_actively(b);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_state(b, SYN_SENT);
	assert_int_equal(b->nb, 0);
	bed_in(b, SYN, BED_IRS, 0, 0);
	assert_state(b, SYN_RECEIVED);
	assert_last(b, SYN | ACK, BED_ISS, NXT, 0);
	bed_in(b, ACK, NXT, UNA, 0);
	expect_established(b);
}

/* RFC 9293 3.10.7.3, first. The connection itself goes on. */
static void
wrong_ack_gets_a_reset_and_changes_nothing(void **state)
{
	static const uint32_t acks[] = { BED_ISS, UNA + 1, UNA + 0x7fffffff, BED_ISS - 1000000 };
	static const uint8_t flags[] = { ACK, SYN | ACK, SYN | ACK | SANI_TCP_FIN };
	struct bed *b = *state;

	open_actively(b);
	for (unsigned int i = 0; i < RTE_DIM(acks) * RTE_DIM(flags); i++) {
		uint32_t ack = acks[i % RTE_DIM(acks)];

		bed_in(b, flags[i / RTE_DIM(acks)], BED_IRS, ack, 0);
		assert_state(b, SYN_SENT);
		assert_int_equal(b->nb, i + 1);
		assert_last(b, RST, ack, 0, 0);
	}
	bed_in(b, SYN | ACK, BED_IRS, UNA, 0);
	expect_established(b);
}

/* A RST that is no answer to our SYN ends nothing. */
static void
reset_without_our_ack_is_ignored(void **state)
{
	struct bed *b = *state;

	open_actively(b);
	bed_in(b, RST, BED_IRS, 0, 0);
	bed_in(b, RST | ACK, BED_IRS, UNA + 1, 0);
	bed_in(b, RST | SYN, BED_IRS, 0, 0);
	assert_state(b, SYN_SENT);
	assert_int_equal(b->nb, 0);
	bed_in(b, RST | ACK, BED_IRS, UNA, 0);
	assert_state(b, CLOSED);
	assert_int_equal(sani_tcp_error(&b->c), -ECONNREFUSED);
}

/* After the SYN of a split handshake: its SYN again, an ACK that is too high, then the right one. */
static void
split_handshake_withstands_noise(void **state)
{
	struct bed *b = *state;

	open_actively(b);
	bed_in(b, SYN, BED_IRS, 0, 0);
	bed_in(b, SYN, BED_IRS, 0, 0);
	assert_state(b, SYN_RECEIVED);
	assert_last(b, SYN | ACK, BED_ISS, NXT, 0);
	bed_in(b, ACK, NXT, UNA + 5, 0);
	assert_state(b, SYN_RECEIVED);
	assert_last(b, RST, UNA + 5, 0, 0);
	bed_in(b, ACK, NXT, UNA, 0);
	expect_established(b);
}

/* E12: the text of a bare SYN is left for the peer to send again; nothing is proved yet. */
static void
text_in_the_syn_of_a_simultaneous_open_is_not_taken(void **state)
{
	struct bed *b = *state;

	open_actively(b);
	bed_in(b, SYN, BED_IRS, 0, 300);
	assert_state(b, SYN_RECEIVED);
	assert_last(b, SYN | ACK, BED_ISS, NXT, 0);
	bed_in(b, ACK, NXT, UNA, 0);
	assert_state(b, ESTABLISHED);
	assert_int_equal(sani_tcp_readable(&b->c), 0);
	bed_in(b, ACK, NXT, UNA, 300);
	assert_int_equal(bed_read(b), 300);
}

/* RFC 7413 4.2.1: no more data than fits; on a link that carries little more than headers there is none. */
static void
syn_takes_no_data_along_that_its_link_does_not_carry(void **state)
{
	struct bed *b = *state;

	for (uint16_t mtu = 68; mtu < 200; mtu++) {
		struct rte_mbuf *tx[1];
		struct sani_tcp_io io = bed_io(b, tx, 1);
		struct sani_tcp_seg syn;

		b->p.mtu = mtu;
		b->p.fast = (struct sani_tcp_fast){
			.mss = 1460, .nb = 8, .flags = SANI_TCP_FAST_ASK | SANI_TCP_FAST_DATA,
		};
		sani_tcp_open_active(&b->c, &b->p, b->now);
		sani_tcp_write(&b->c, (uint8_t[4000]){ 0 }, 4000, &io, &(uint32_t){ 0 });
		sani_tcp_output(&b->c, &io);
		assert_int_equal(io.nb_tx, 1);
		assert_int_equal(sani_tcp_parse(rte_pktmbuf_mtod(tx[0], uint8_t *), tx[0]->data_len, tx[0]->pkt_len,
						&syn), SANI_TCP_PARSE_OK);
		assert_int_equal(syn.len, mtu > 80 ? mtu - 80 : 0);
		rte_pktmbuf_free(tx[0]);
		sani_tcp_discard(&b->c);
	}
}

/* RFC 7413 4.1.3: what may have kept it from getting through is left out. */
static void
syn_that_goes_again_has_no_fast_open_option(void **state)
{
	struct bed *b = *state;

	b->p.fast = (struct sani_tcp_fast){ .nb = 8, .flags = SANI_TCP_FAST_ASK };
	sani_tcp_open_active(&b->c, &b->p, b->now);
	bed_flush(b);
	assert_true(b->out[0].seg.opts & SANI_TCP_OPT_FAST);
	bed_run(b, 3 * SEC);
	assert_int_equal(b->nb, 3);
	for (unsigned int i = 1; i < b->nb; i++) {
		assert_int_equal(b->out[i].seg.flags, SYN);
		assert_false(b->out[i].seg.opts & SANI_TCP_OPT_FAST);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(syn_for_a_syn_is_a_simultaneous_open),
		bed_test(syn_then_syn_ack_is_one_connection),
		bed_test(ack_then_syn_is_a_simultaneous_open),
		bed_test(wrong_ack_gets_a_reset_and_changes_nothing),
		bed_test(reset_without_our_ack_is_ignored),
		bed_test(split_handshake_withstands_noise),
		bed_test(text_in_the_syn_of_a_simultaneous_open_is_not_taken),
		bed_test(syn_that_goes_again_has_no_fast_open_option),
		bed_test(syn_takes_no_data_along_that_its_link_does_not_carry),
	};

	return cmocka_run_group_tests(tests, bed_group, NULL);
}
