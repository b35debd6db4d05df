/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection of an accepted socket had its listener's options, but san_get_option() answered
 * the defaults (O11).
 */
#include "net.h"

#define PORT 7
#define MAX_ROUNDS 100

static struct net net;

static const struct {
	enum san_option option;
	uint32_t value;
} wanted[] = {
	{ SAN_OPT_SNDBUF, 12345 },
	{ SAN_OPT_RCVBUF, 54321 },
	{ SAN_OPT_NODELAY, 0 },
	{ SAN_OPT_USER_TIMEOUT, 4321 },
	{ SAN_OPT_TOS, 0xb8 },
	{ SAN_OPT_TTL, 255 },
	{ SAN_OPT_KEEPALIVE, 1 },
	{ SAN_OPT_KEEP_COUNT, 2 },
	{ SAN_OPT_CC, SAN_CC_NEWRENO },
	{ SAN_OPT_PACING, 1000000 },
	{ SAN_OPT_CWV, 1 },
};

#define NB_WANTED (sizeof(wanted) / sizeof(wanted[0]))

static uint32_t
get(const struct wsock *s, enum san_option option)
{
	uint32_t value = UINT32_MAX;

	assert_int_equal(san_get_option(s->h, option, &value), 0);
	return value;
}

static struct wsock *
make_listener(void)
{
	struct san_addr local = net_addr(1, PORT);
	struct wsock *listener = net_socket(&net, 1, 0);
	unsigned int i;

	for (i = 0; i < NB_WANTED; i++) {
		assert_int_not_equal(get(listener, wanted[i].option), wanted[i].value);
		assert_int_equal(san_set_option(listener->h, wanted[i].option, wanted[i].value), 0);
	}
	assert_int_equal(san_bind(listener->h, &local), 0);
	assert_int_equal(san_listen(listener->h, 8), 0);
	return listener;
}

/* The core is in the handle (san/types.h). */
static unsigned int
core_of(const struct wsock *s)
{
	return (unsigned int)(s->h >> 56);
}

/* Until there was one on each core: a connection lives where its flow is, not with its listener. */
static void
accepted_socket_reports_its_listeners_options(void **state)
{
	const struct net_wish wish = { .cores = { 2, 2 } };
	struct wsock *listener;
	struct wsock *accepted;
	bool seen[2] = { false, false };
	unsigned int round;
	unsigned int i;

	(void)state;
	net_open(&net, &wish);
	listener = make_listener();
	for (round = 0; round < MAX_ROUNDS && !(seen[0] && seen[1]); round++) {
		accepted = net_connect_to(&net, listener, 0, PORT).end[1];
		for (i = 0; i < NB_WANTED; i++)
			assert_int_equal(get(accepted, wanted[i].option), wanted[i].value);
		seen[core_of(accepted) == core_of(listener)] = true;
	}
	assert_true(seen[0] && seen[1]);
	net_close(&net);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(accepted_socket_reports_its_listeners_options),
};

NET_MAIN("accepted_socket_forgets_options", cases)
