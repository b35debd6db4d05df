/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <malloc.h>

#include "base/error.h"
#include "pair.h"

static const struct sani_core_up no_up;

static void
too_few_mbufs_are_refused_with_what_is_needed(void **state)
{
	struct sani_host_conf conf = pair_conf(A, 2);
	struct sani_host *host = NULL;

	(void)state;
	conf.nb_mbufs = 2000;
	assert_int_equal(sani_host_open(&conf, &no_up, &host), -EINVAL);
	assert_null(host);
	assert_non_null(strstr(sani_error_text(), "mbufs = 2000 in [host]"));
	assert_non_null(strstr(sani_error_text(), "at least"));
}

static void
number_that_the_sentence_asks_for_is_enough(void **state)
{
	struct sani_host_conf conf = pair_conf(A, 2);
	struct sani_host *host = NULL;
	const char *least;

	(void)state;
	conf.nb_mbufs = 16;
	assert_int_equal(sani_host_open(&conf, &no_up, &host), -EINVAL);
	/* caches grow with the pool: ask until the sentence is content */
	for (unsigned int tries = 0; tries < 10; tries++) {
		least = strstr(sani_error_text(), "at least ");
		assert_non_null(least);
		conf.nb_mbufs = (uint32_t)strtoul(least + strlen("at least "), NULL, 10);
		if (sani_host_open(&conf, &no_up, &host) == 0)
			break;
	}
	assert_non_null(host);
	sani_host_stop(host);
	sani_host_free(host);
}

static uint16_t
room_with(uint16_t mtu, uint16_t other)
{
	struct sani_host_conf conf = pair_conf(A, 1);
	struct sani_host *host = NULL;
	uint16_t room;

	conf.nb_ifaces = 2;
	conf.nb_mbufs = 8192;
	conf.ports[1] = conf.ports[0];
	conf.ifaces[1] = conf.ifaces[0];
	strcpy(conf.ports[1].device, "ring:other/0");
	conf.ports[0].mtu = conf.ifaces[0].mtu = mtu;
	conf.ports[1].mtu = conf.ifaces[1].mtu = other;
	assert_int_equal(sani_host_open(&conf, &no_up, &host), 0);
	room = rte_pktmbuf_data_room_size(host->pool);
	sani_host_stop(host);
	sani_host_free(host);
	return room;
}

static void
buffers_are_as_long_as_the_longest_mtu_needs(void **state)
{
	(void)state;
	assert_int_equal(room_with(1500, 68), RTE_MBUF_DEFAULT_BUF_SIZE);
	assert_int_equal(room_with(1856, 1500), RTE_MBUF_DEFAULT_BUF_SIZE);
	/* Ethernet and a VLAN tag around it */
	for (uint16_t mtu = 1857; mtu < 9000; mtu += 29)
		assert_true(room_with(1500, mtu) >= RTE_PKTMBUF_HEADROOM + mtu + 18);
	assert_int_equal(room_with(9000, 1500), RTE_PKTMBUF_HEADROOM + 9216);
}

static void
missing_device_leaves_nothing_behind(void **state)
{
	struct sani_host_conf conf = pair_conf(A, 1);
	struct sani_host *host = NULL;

	(void)state;
	conf.nb_ifaces = 2;
	conf.ports[1] = conf.ports[0];
	conf.ifaces[1] = conf.ifaces[0];
	strcpy(conf.ports[1].device, "no_such_device");
	for (unsigned int round = 0; round < 3; round++) {
		assert_int_equal(sani_host_open(&conf, &no_up, &host), -ENODEV);
		assert_null(host);
	}
	/* the first port is free again */
	conf.nb_ifaces = 1;
	assert_int_equal(sani_host_open(&conf, &no_up, &host), 0);
	sani_host_stop(host);
	sani_host_free(host);
}

static void
port_of_another_host_is_busy(void **state)
{
	struct sani_host_conf conf = pair_conf(A, 1);
	struct sani_host *host;

	(void)state;
	pair_open(1, NULL);
	assert_int_equal(sani_host_open(&conf, &no_up, &host), -EBUSY);
	pair_close();
}

static void
rounds_of_open_and_free_do_not_grow_the_heap(void **state)
{
	size_t before = 0;

	(void)state;
	for (unsigned int round = 0; round < 60; round++) {
		pair_open(2, NULL);
		pair_close();
		if (round == 20)
			before = mallinfo2().uordblks;
	}
	assert_true(mallinfo2().uordblks <= before);
}

static void
keys_differ_and_ids_follow_the_first(void **state)
{
	(void)state;
	pair_open(2, NULL);
	assert_memory_not_equal(pair.host[A]->key, pair.host[B]->key, 16);
	assert_int_equal(pair.host[B]->cores[1]->id, 17);
	assert_int_equal(pair.host[B]->cores[1]->index, 1);
	pair_close();
}

/* RFC 6528 3: 128 bits, none of them the same in all of 48 hosts. */
static void
every_bit_of_a_key_is_drawn(void **state)
{
	uint8_t first[16], differs[16] = { 0 }, all[16];

	(void)state;
	assert_int_equal(sizeof(pair.host[A]->key), sizeof(first));
	for (unsigned int i = 0; i < 24; i++) {
		pair_open(1, NULL);
		if (i == 0)
			memcpy(first, pair.host[A]->key, sizeof(first));
		for (unsigned int k = 0; k < sizeof(first); k++)
			differs[k] |= (uint8_t)((first[k] ^ pair.host[A]->key[k]) | (first[k] ^ pair.host[B]->key[k]));
		pair_close();
	}
	memset(all, 0xff, sizeof(all));
	assert_memory_equal(differs, all, sizeof(all));
}

static uint64_t
system_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
default_clock_runs_in_microseconds(void **state)
{
	uint64_t before, after, least, most, us, t0;

	(void)state;
	sani_clock_init();
	before = system_us();
	t0 = sani_clock_tsc();
	after = system_us();
	do {
		least = system_us() - after;
		us = sani_clock_tsc() - t0;
		most = system_us() - before;
	} while (least < 20000);
	/* However late this thread was between two of the readings: the span lies between these. */
	assert_in_range(us, least - least / 50, most + most / 50);
}

static void
time_never_goes_back(void **state)
{
	struct sani_core *core;

	(void)state;
	pair_open(1, NULL);
	core = pair.host[A]->cores[0];
	pair_now_us += 500;
	sani_core_begin(core);
	assert_int_equal(core->now_us, pair_now_us);
	pair_now_us -= 300;
	sani_core_begin(core);
	assert_int_equal(core->now_us, pair_now_us + 300);
	pair_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_few_mbufs_are_refused_with_what_is_needed),
		cmocka_unit_test(buffers_are_as_long_as_the_longest_mtu_needs),
		cmocka_unit_test(number_that_the_sentence_asks_for_is_enough),
		cmocka_unit_test(missing_device_leaves_nothing_behind),
		cmocka_unit_test(port_of_another_host_is_busy),
		cmocka_unit_test(rounds_of_open_and_free_do_not_grow_the_heap),
		cmocka_unit_test(keys_differ_and_ids_follow_the_first),
		cmocka_unit_test(every_bit_of_a_key_is_drawn),
		cmocka_unit_test(default_clock_runs_in_microseconds),
		cmocka_unit_test(time_never_goes_back),
	};

	return cmocka_run_group_tests(tests, pair_start_eal, NULL);
}
