/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thousand lives in one process: start, two hosts, a connection, a transfer, a close, cleanup. What the
 * heap and the table of descriptors hold after the hundredth they hold after the thousandth (O15).
 */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "load.h"

#define ROUNDS 1000
#define SETTLED 100

static struct net net;

/* Present in a build with the address sanitizer, whose heap mallinfo2() does not see. */
size_t
__sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t
heap_bytes(void)
{
	struct mallinfo2 m;

	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static unsigned int
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
live(unsigned int round)
{
	struct net_wish wish = { .cold = true, .sockets = 64, .mbufs = 4095 };
	static struct load recvs;
	struct net_pair pair;
	struct wsock *s;

	net_open(&net, &wish);
	pair = net_connect(&net, 7);
	load_transfer(&net, pair.end[0], pair.end[1], 20000, round);
	load_recvs(&net, pair.end[0], 4, &recvs);
	s = net_socket(&net, 0, 0);
	assert_int_equal(watch_shut(pair.end[0]), 0);
	if (round % 2 == 0) {
		assert_int_equal(watch_shut(pair.end[1]), 0);
		assert_int_equal(watch_shut(s), 0);
		NET_UNTIL(&net, watch_open_sockets(&net.w) == 0);
	}
	net_release(&net);
	assert_int_equal(net_cleanup(&net), 0);
	while (watch_reap(&net.w) > 0)
		;
	watch_settled(&net.w);
	assert_int_equal(watch_end(&net.w), 0);
}

static void
lives_1000_do_not_grow(void **state)
{
	size_t heap = 0;
	unsigned int descriptors = 0;
	unsigned int i;

	(void)state;
	for (i = 1; i <= ROUNDS; i++) {
		live(i);
		if (i == SETTLED) {
			heap = heap_bytes();
			descriptors = open_descriptors();
		}
	}
	assert_true(heap > 0);
	assert_int_equal(heap_bytes(), heap);
	assert_int_equal(open_descriptors(), descriptors);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(lives_1000_do_not_grow),
};

NET_MAIN("rounds", cases)
