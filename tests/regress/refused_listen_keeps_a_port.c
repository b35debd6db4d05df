/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * san_listen() of a socket without an address took a port before it found that the host has no
 * listener left, and the refused socket kept it.
 */
#include <errno.h>

#include "net.h"

static struct san_host *host;
static struct san_core *core;
static struct san_cq *cq;

static void
open_host_with_one_listener(void)
{
	const struct net_wish wish = { .sockets = 16 };
	struct san_conf *conf;

	net_startup();
	conf = net_conf(&wish, 0, 1);
	assert_int_equal(san_conf_set(conf, "host", "listeners", "1"), 0);
	assert_int_equal(san_host_create(conf, &host), 0);
	san_conf_destroy(conf);
	core = san_core_get(host, 0);
	assert_int_equal(san_core_claim(core), 0);
	assert_int_equal(san_cq_create(8, &cq), 0);
}

static void
close_host(void)
{
	assert_int_equal(san_core_release(core), 0);
	assert_int_equal(san_cleanup(), 0);
}

static san_handle
open_socket(void)
{
	san_handle s = SAN_NO_HANDLE;

	assert_int_equal(san_socket(core, cq, &s), 0);
	return s;
}

static uint16_t
local_port(san_handle s)
{
	struct san_addr local;

	assert_int_equal(san_names(s, &local, NULL), 0);
	return local.port;
}

static void
close_socket(san_handle s)
{
	uint64_t until_ms = net_now_ms() + NET_PATIENCE_MS;
	struct san_completion comp;

	assert_int_equal(san_close(s, 0), 0);
	while (san_cq_poll(cq, &comp, 1) == 0) {
		assert_true(net_now_ms() < until_ms);
		san_core_poll(core);
	}
	assert_int_equal(comp.kind, SAN_OP_CLOSE);
	assert_true(comp.sock == s);
}

static void
listen_beyond_the_last_listener_takes_no_port(void **state)
{
	san_handle first;
	san_handle s;

	(void)state;
	open_host_with_one_listener();
	first = open_socket();
	s = open_socket();
	assert_int_equal(san_listen(first, 4), 0);
	assert_int_not_equal(local_port(first), 0);
	assert_int_equal(san_listen(s, 4), -ENOMEM);
	assert_int_equal(local_port(s), 0);
	assert_int_equal(san_listen(s, 4), -ENOMEM);
	close_socket(first);
	assert_int_equal(san_listen(s, 4), 0);
	assert_int_not_equal(local_port(s), 0);
	close_socket(s);
	assert_int_equal(san_cq_destroy(cq), 0);
	close_host();
}

/* A port that was given by name stays the socket's own, until its close. */
static void
refused_listener_frees_its_bound_port_at_its_close(void **state)
{
	struct san_addr local = net_addr(0, 7);
	san_handle first;
	san_handle s;
	san_handle other;

	(void)state;
	open_host_with_one_listener();
	first = open_socket();
	s = open_socket();
	other = open_socket();
	assert_int_equal(san_listen(first, 4), 0);
	assert_int_equal(san_bind(s, &local), 0);
	assert_int_equal(san_listen(s, 4), -ENOMEM);
	assert_int_equal(san_bind(other, &local), -EADDRINUSE);
	close_socket(s);
	assert_int_equal(san_bind(other, &local), 0);
	close_socket(other);
	close_socket(first);
	assert_int_equal(san_cq_destroy(cq), 0);
	close_host();
}

static const struct CMUnitTest cases[] = {
	NET_CASE(listen_beyond_the_last_listener_takes_no_port),
	NET_CASE(refused_listener_frees_its_bound_port_at_its_close),
};

NET_MAIN("refused_listen_keeps_a_port", cases)
