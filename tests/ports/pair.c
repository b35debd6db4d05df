/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "net.h"

struct san_addr
net_addr(unsigned int side, uint16_t port)
{
	struct san_addr a = { .port = port };

	a.ip[10] = 0xff;
	a.ip[11] = 0xff;
	a.ip[12] = 10;
	a.ip[13] = 9;
	a.ip[15] = (uint8_t)(side + 1);
	return a;
}

struct wsock *
net_socket(struct net *net, unsigned int side, unsigned int core)
{
	int rc;
	struct wsock *s = watch_socket(&net->w, net->core[side][core], &rc);

	assert_int_equal(rc, 0);
	return s;
}

struct wsock *
net_listener(struct net *net, unsigned int side, uint16_t port, unsigned int backlog)
{
	struct wsock *s = net_socket(net, side, 0);
	struct san_addr a = net_addr(side, port);

	assert_int_equal(san_bind(s->h, &a), 0);
	assert_int_equal(san_listen(s->h, backlog), 0);
	return s;
}

struct net_pair
net_connect_to(struct net *net, struct wsock *listener, unsigned int from, uint16_t port)
{
	struct san_addr a = net_addr(1 - from, port);
	struct wop *accept = watch_op(&net->w);
	struct wop *connect = watch_op(&net->w);
	struct net_pair pair;

	pair.end[0] = net_socket(net, from, 0);
	assert_int_equal(watch_accept(listener, accept, 0), 0);
	assert_int_equal(watch_connect(pair.end[0], connect, &a, 0), 0);
	NET_UNTIL(net, !accept->pending && !connect->pending);
	assert_int_equal(accept->result, 0);
	assert_int_equal(connect->result, 0);
	assert_non_null(accept->accepted);
	pair.end[1] = accept->accepted;
	return pair;
}

struct net_pair
net_connect(struct net *net, uint16_t port)
{
	struct wsock *listener = net_listener(net, 1, port, 8);
	struct net_pair pair = net_connect_to(net, listener, 0, port);

	assert_int_equal(watch_shut(listener), 0);
	NET_UNTIL(net, listener->closed);
	return pair;
}

int
net_state(const struct wsock *s)
{
	uint32_t value = 99;

	assert_int_equal(san_get_option(s->h, SAN_OPT_STATE, &value), 0);
	return (int)value;
}

void
net_assert_stale(struct net *net, san_handle h)
{
	const char *call = watch_stale(h, net->w.cq);

	if (call)
		fail_msg("%s() does not answer -ENOTSOCK for a closed handle", call);
}

uint64_t
net_counter(const struct net *net, unsigned int side, const char *name)
{
	struct san_counter list[512];
	unsigned int n = san_host_counters(net->host[side], list, 512);
	unsigned int i;

	assert_in_range(n, 1, 512);
	for (i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0)
			return list[i].value;
	}
	fail_msg("no counter %s", name);
	return 0;
}

void
net_explain(const struct net *net)
{
	struct san_counter list[512];
	struct san_usage u;
	unsigned int side;
	unsigned int i;

	for (side = 0; side < 2 && net->host[side]; side++) {
		unsigned int n = san_host_counters(net->host[side], list, 512);

		san_host_usage(net->host[side], &u);
		print_message("# host %u: sockets %u, connections %u, timewait %u, dead %u, mbufs %u\n", side,
			      u.sockets, u.connections, u.timewait, u.dead, u.mbufs_used);
		for (i = 0; i < n && i < 512; i++) {
			if (list[i].value != 0 && strcmp(list[i].name, "core_rounds") != 0)
				print_message("#   %s %llu\n", list[i].name,
					      (unsigned long long)list[i].value);
		}
	}
}

/* Different at every offset of a stream up to 2^32, and different between streams. */
static uint8_t
octet(uint64_t offset, uint32_t seed)
{
	uint64_t x = offset * 0x9e3779b97f4a7c15ull + seed;

	return (uint8_t)(x >> 37 ^ x >> 11);
}

void
net_fill(uint8_t *buf, size_t len, uint64_t offset, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = octet(offset + i, seed);
}

bool
net_same(const uint8_t *buf, size_t len, uint64_t offset, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len && buf[i] == octet(offset + i, seed); i++)
		;
	return i == len;
}
