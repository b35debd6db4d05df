/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening beside what is being opened: a listener on the local port of a connection that has not come about yet. */
#include "duo.h"

#include <string.h>

#define WAITS INT32_MIN
#define PEER_PORT 99u

static const char *const address[] = { "10.7.0.1", "10.7.0.2" };

/* Host 0 connects, and nothing of it arrives. @return Its local port. */
static uint16_t
begin_connect(san_handle *s, struct san_overlapped *op)
{
	struct san_addr local;

	duo.mute[0] = true;
	*s = duo_connect(PEER_PORT, op);
	duo_go();
	duo_must(duo_state(*s) == SAN_TCP_SYN_SENT);
	duo_must(san_names(*s, &local, NULL) == 0 && local.port != 0);
	return local.port;
}

/* Somebody listens on that port, and is connected to; then the connection that was there first goes on. */
static void
listen_beside(san_handle s, struct san_overlapped *connect, uint16_t port, enum san_tcp_state state)
{
	struct san_overlapped *accept = duo_op(), *other = duo_op();
	struct san_addr to = vhost_addr(address[0], port);
	san_handle listener = duo_listener(0, port, 4);
	san_handle peer = duo_socket(1);

	duo_must(duo_state(listener) == SAN_TCP_LISTEN && duo_state(s) == state);
	duo_must(san_accept(listener, accept, 0) == 0);
	duo.mute[0] = false;
	duo_must(san_connect(peer, other, &to, 0) == 0);
	duo_pass(100000);
	duo_must(duo_result(accept) == 0 && duo_result(other) == 0);
	duo_must(duo_state(s) == state && duo_result(connect) == WAITS);
	duo_end(listener);
}

/* RFC 9293 MUST-42, of a connection in SYN_SENT. */
static void
port_of_a_syn_can_be_listened_on(void)
{
	struct san_overlapped *connect = duo_op(), *accept = duo_op();
	san_handle s;
	san_handle server = duo_listener(1, PEER_PORT, 4);
	uint16_t port = begin_connect(&s, connect);

	duo_must(san_accept(server, accept, 0) == 0);
	listen_beside(s, connect, port, SAN_TCP_SYN_SENT);
	duo_pass(10000000);
	duo_must(duo_result(connect) == 0 && duo_result(accept) == 0);
	duo_must(duo_state(s) == SAN_TCP_ESTABLISHED);
}

/* In SYN_RECEIVED: the peer's SYN has crossed it. */
static void
port_of_a_half_open_connection_can_be_listened_on(void)
{
	struct san_overlapped *connect = duo_op(), *crossing = duo_op();
	const struct san_addr from = { .port = PEER_PORT };
	san_handle s, crosses = duo_socket(1);
	uint16_t port = begin_connect(&s, connect);
	struct san_addr to = vhost_addr(address[0], port);

	duo_must(san_bind(crosses, &from) == 0);
	duo_must(san_connect(crosses, crossing, &to, 0) == 0);
	duo_go();
	listen_beside(s, connect, port, SAN_TCP_SYN_RECEIVED);
	duo_pass(10000000);
	duo_must(duo_result(connect) == 0 && duo_result(crossing) == 0);
	duo_must(duo_state(s) == SAN_TCP_ESTABLISHED);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(port_of_a_syn_can_be_listened_on),
		DUO_CASES(port_of_a_half_open_connection_can_be_listened_on),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
