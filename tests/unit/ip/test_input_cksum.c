/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_log.h>

#include "rig.h"

static void
wrong_tcp_checksum_is_dropped(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint32_t at = 34; at < 65; at++) {
		make_tcp(&f, 11);
		f.b[at] ^= 0x04;
		expect_drop(r, &f, SANI_CTR_tcp_rx_bad_checksum);
	}
}

/* What the driver says, on a port that promises to know or not, of a segment with a wrong checksum. */
static enum sani_ip_verdict
give_flagged(struct rig *r, const struct frame *f, uint32_t caps, uint64_t flags)
{
	struct rte_mbuf *m = mbuf_of(f, NULL, 0);

	r->ifaces[0].caps = caps;
	m->ol_flags |= flags;
	return give_mbuf(r, m, 0);
}

static void
driver_is_believed_only_where_it_promises(void **state)
{
	const uint64_t l4_good = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint64_t l4_bad = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 40);
	f.b[60] ^= 1;
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, l4_good), SANI_IP_TCP);
	assert_int_equal(give_flagged(r, &f, 0, l4_good), SANI_IP_DONE);
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, 0), SANI_IP_DONE);
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, l4_bad), SANI_IP_DONE);
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, RTE_MBUF_F_RX_L4_CKSUM_NONE),
			 SANI_IP_DONE);
	expect_counted(r, SANI_CTR_tcp_rx_bad_checksum, 4);
	f.b[60] ^= 1;
	/* "bad" is looked at as well: the segment is right */
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, l4_bad), SANI_IP_TCP);
}

static void
driver_is_believed_of_the_header_only_where_it_promises(void **state)
{
	const uint64_t l4_good = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	const uint64_t ip_good = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	struct rig *r = *state;
	struct frame f;

	make_tcp(&f, 40);
	f.b[24] ^= 1;
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, ip_good | l4_good), SANI_IP_TCP);
	assert_int_equal(give_flagged(r, &f, 0, ip_good | l4_good), SANI_IP_DONE);
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, l4_good), SANI_IP_DONE);
	assert_int_equal(give_flagged(r, &f, SANI_PORT_RX_CKSUM, RTE_MBUF_F_RX_IP_CKSUM_BAD),
			 SANI_IP_DONE);
	expect_counted(r, SANI_CTR_ip4_rx_bad_checksum, 3);
}

static void
give_bad_tcp(struct rig *r, unsigned int n)
{
	struct frame f;

	make_tcp(&f, 4);
	f.b[50] ^= 1;
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(give(r, &f), SANI_IP_DONE);
}

/* How many lines the engine logged, and whether the last one has these words. */
static unsigned int
count_log_lines(FILE *log, const char *words)
{
	char line[512];
	unsigned int n = 0;

	rewind(log);
	for (; fgets(line, sizeof(line), log) != NULL; n++)
		assert_non_null(strstr(line, words));
	return n;
}

static void
port_whose_every_checksum_fails_says_so_once(void **state)
{
	struct rig *r = *state;
	FILE *log = tmpfile();

	assert_non_null(log);
	rte_openlog_stream(log);
	give_bad_tcp(r, 63);
	assert_int_equal(count_log_lines(log, "ethtool -K"), 0);
	give_bad_tcp(r, 1);
	assert_int_equal(count_log_lines(log, "interface lan0"), 1);
	assert_int_equal(count_log_lines(log, "ethtool -K <peer device> tx off gso off tso off"), 1);
	give_bad_tcp(r, 500);
	assert_int_equal(count_log_lines(log, "ethtool -K"), 1);
	rte_openlog_stream(NULL);
	fclose(log);
}

static void
one_right_checksum_ends_the_watch(void **state)
{
	struct rig *r = *state;
	FILE *log = tmpfile();
	struct frame f;

	assert_non_null(log);
	rte_openlog_stream(log);
	give_bad_tcp(r, 63);
	make_tcp(&f, 0);
	assert_int_equal(give(r, &f), SANI_IP_TCP);
	give_bad_tcp(r, 500);
	assert_int_equal(count_log_lines(log, ""), 0);
	rte_openlog_stream(NULL);
	fclose(log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wrong_tcp_checksum_is_dropped),
		TEST(driver_is_believed_only_where_it_promises),
		TEST(driver_is_believed_of_the_header_only_where_it_promises),
		TEST(port_whose_every_checksum_fails_says_so_once),
		TEST(one_right_checksum_ends_the_watch),
	};

	return cmocka_run_group_tests_name("input_cksum", tests, rig_start, rig_stop);
}
