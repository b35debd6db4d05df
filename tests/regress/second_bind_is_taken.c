/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket that was bound with port 0 took a second bind, and forgot the first.
 */
#include <errno.h>

#include "net.h"

static struct net net;

static void
second_bind_of_a_socket_is_refused(void **state)
{
	const struct net_wish wish = { .one_host = true, .cold = true };
	const uint16_t port[][2] = { { 0, 0 }, { 0, 7 }, { 7, 0 }, { 7, 8 } };
	struct san_addr local;
	struct wsock *s;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	for (i = 0; i < sizeof(port) / sizeof(port[0]); i++) {
		struct san_addr first = net_addr(0, port[i][0]);
		struct san_addr second = net_addr(0, port[i][1]);

		s = net_socket(&net, 0, 0);
		assert_int_equal(san_bind(s->h, &first), 0);
		assert_int_equal(san_bind(s->h, &second), -EINVAL);
		assert_int_equal(san_names(s->h, &local, NULL), 0);
		assert_memory_equal(&local, &first, sizeof(local));
		assert_int_equal(watch_shut(s), 0);
		NET_UNTIL(&net, s->closed);
	}
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(second_bind_of_a_socket_is_refused),
};

NET_MAIN("second_bind_is_taken", cases)
