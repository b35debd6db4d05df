/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way in and the long one say the same of each frame. An engine takes the short one only behind its first
 * sound segment; a second engine that is made to forget that takes the long one.
 */
#include "ip/priv.h"
#include "rig.h"

struct said {
	enum sani_ip_verdict verdict;
	struct sani_ip_pkt pkt;
	uint32_t len;			/* of the frame that was handed up */
	struct sani_counters ctr;
};

static void
hear(struct rig *r, const struct frame *f, bool long_way, struct said *said)
{
	struct frame sound;

	make_tcp(&sound, 1);
	assert_int_equal(give(r, &sound), SANI_IP_TCP);
	if (long_way)
		r->ip->bad_cksums[0] = 0;
	r->ctr = (struct sani_counters){ .v = { 0 } };
	r->pkt = (struct sani_ip_pkt){ .iface = 0 };
	said->verdict = give(r, f);
	said->pkt = r->pkt;
	said->len = said->verdict == SANI_IP_TCP ? r->up->pkt_len : 0;
	said->ctr = r->ctr;
	drain(r);
}

/* All but what was answered, which is limited over time. */
static void
assert_both_say_the_same(struct rig *r, const struct frame *f)
{
	struct said shorter, longer;

	hear(r, f, false, &shorter);
	hear(r, f, true, &longer);
	assert_int_equal(shorter.verdict, longer.verdict);
	if (longer.verdict == SANI_IP_TCP)
		assert_memory_equal(&shorter.pkt, &longer.pkt, sizeof(longer.pkt));
	assert_int_equal(shorter.len, longer.len);
	for (unsigned int i = 0; i < SANI_NB_COUNTERS; i++)
		if (strstr(sani_counter_name(i), "_rx") != NULL)
			assert_int_equal(shorter.ctr.v[i], longer.ctr.v[i]);
}

static void
leave(struct frame *f)
{
	(void)f;
}

/* Each octet changed, once as it is, once with the IP header's sum mended, once with both. */
static void
each_octet_changed_is_taken_alike(void **state)
{
	static void (*const mend[])(struct frame *f) = { leave, fix_ip, fix_all };
	static const uint8_t change[] = { 0x01, 0x80, 0x10, 0xff };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int at = 0; at < 14 + 20 + 20 + 4; at++) {
		for (unsigned int i = 0; i < 12; i++) {
			make_tcp(&f, 9);
			f.b[at] ^= change[i % 4];
			mend[i / 4](&f);
			assert_both_say_the_same(r, &f);
		}
	}
}

static void
addresses_that_are_no_hosts_are_taken_alike(void **state)
{
	static const char *const who[] = { US, "10.0.0.255", "10.0.0.0", "255.255.255.255", "0.0.0.0", "127.0.0.1",
					   "224.0.0.1", "240.0.0.1", "172.16.0.1", "172.16.255.255", FAR };
	struct rig *r = *state;
	struct frame f;

	for (unsigned int i = 0; i < RTE_DIM(who); i++) {
		make_tcp(&f, 9);
		set_src(&f, who[i]);
		fix_all(&f);
		assert_both_say_the_same(r, &f);
		make_tcp(&f, 9);
		set_dst(&f, who[i]);
		fix_all(&f);
		assert_both_say_the_same(r, &f);
	}
}

static void
each_length_of_segment_and_frame_is_taken_alike(void **state)
{
	struct rig *r = *state;
	struct frame f;

	for (uint32_t payload = 0; payload < 70; payload += 7) {
		make_tcp(&f, payload);
		for (uint32_t less = f.len; less > 0; less--) {
			f.len = less;
			assert_both_say_the_same(r, &f);
		}
		make_tcp(&f, payload);
		memset(f.b + f.len, 0xee, 50);
		f.len += 50;
		assert_both_say_the_same(r, &f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_octet_changed_is_taken_alike),
		TEST(addresses_that_are_no_hosts_are_taken_alike),
		TEST(each_length_of_segment_and_frame_is_taken_alike),
	};

	return cmocka_run_group_tests_name("plain", tests, rig_start, rig_stop);
}
