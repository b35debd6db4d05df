/* SPDX-License-Identifier: BSD-3-Clause */
/* san_cancel_all(): all that was posted before the call, nothing that was posted after it. */
#include <pthread.h>

#include "duo.h"

static char buf[256];
static san_handle target;

static void
receives_and_sends_end_oldest_first(void)
{
	struct san_overlapped *op[6];
	san_handle s[2];
	unsigned int i, at = 0;

	duo_pair(s);
	duo.cut = true;
	for (i = 0; i < 6; i++)
		op[i] = duo_op();
	for (i = 0; i < 3; i++)
		duo_must(san_recv(s[0], op[i], buf, 10, 0) == 0);
	for (i = 3; i < 6; i++)
		duo_must(san_send(s[0], op[i], buf, 10, SAN_ACKED) == 0);
	duo_go();
	at = duo.nb;
	duo_must(san_cancel_all(s[0]) == 0);
	duo_go();
	duo_must(duo.nb == at + 6);
	for (i = 0; i < 6; i++) {
		duo_must(duo_result(op[i]) == -ECANCELED);
		duo_must(duo.comp[at + i].op == op[i]);
	}
	duo_must(san_cancel_all(s[0]) == 0);
	duo_go();
	duo_must(duo.nb == at + 6);
}

/* A send that waits for room is not given to the connection by the end of the one before it. */
static void
nothing_of_what_waits_is_sent_meanwhile(void)
{
	static char big[32 << 20];
	struct san_overlapped *first = duo_op(), *second = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.cut = true;
	duo_must(san_send(s[0], first, big, sizeof(big), 0) == 0);
	duo_must(san_send(s[0], second, big, 100, 0) == 0);
	duo_go();
	duo_must(san_cancel_all(s[0]) == 0);
	duo_go();
	duo_must(duo_result(first) == -ECANCELED && first->done > 0);
	duo_must(duo_result(second) == -ECANCELED && second->done == 0);
}

static void
accepts_and_connect_end(void)
{
	struct san_overlapped *accept[2] = { duo_op(), duo_op() }, *connect = duo_op();
	san_handle listener = duo_listener(1, 81, 4), s;

	duo.cut = true;
	duo_must(san_accept(listener, accept[0], 0) == 0);
	duo_must(san_accept(listener, accept[1], SAN_POLLED) == 0);
	s = duo_connect(81, connect);
	duo_go();
	duo_must(san_cancel_all(listener) == 0);
	duo_must(san_cancel_all(s) == 0);
	duo_go();
	duo_must(duo_result(accept[0]) == -ECANCELED);
	duo_must(duo_result(accept[1]) == -ECANCELED);
	duo_must(duo_result(connect) == -ECANCELED);
	duo_must(duo_state(s) == SAN_TCP_CLOSED);
}

static void
shutdown_that_waits_is_undone(void)
{
	static char big[32 << 20];
	struct san_overlapped *send = duo_op(), *fin = duo_op(), *again = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo.cut = true;
	duo_must(san_send(s[0], send, big, sizeof(big), 0) == 0);
	duo_must(san_shutdown(s[0], fin, 0) == 0);
	duo_go();
	duo_must(san_cancel_all(s[0]) == 0);
	duo_go();
	duo_must(duo_result(fin) == -ECANCELED);
	duo_must(san_send(s[0], again, big, 100, 0) >= 0);
	duo_go();
	duo_must(duo_result(again) != -EPIPE);
}

static void
closed_socket_is_refused(void)
{
	san_handle s[2];

	duo_pair(s);
	duo_end(s[0]);
	duo_must(san_cancel_all(s[0]) == -ENOTSOCK);
	duo_must(san_cancel_all(SAN_NO_HANDLE) == -ENOTSOCK);
}

static void *
cancel_from_here(void *arg)
{
	duo_must(san_attach() == 0);
	duo_must(san_cancel_all(target) == 0);
	duo_must(san_detach() == 0);
	return arg;
}

/*
 * The request of a third thread is late: the core takes it behind both posts. The first was posted before the
 * call, the second after it.
 */
static void
third_threads_request_knows_what_came_before_it(void)
{
	struct san_overlapped *before = duo_op(), *after = duo_op();
	pthread_t thread;
	san_handle s[2];

	duo_pair(s);
	target = s[0];
	duo.frozen = true;
	duo_settle();	/* no round goes on any more */
	duo_must(san_recv(s[0], before, buf, 10, 0) == 0);
	duo_must(pthread_create(&thread, NULL, cancel_from_here, NULL) == 0);
	duo_must(pthread_join(thread, NULL) == 0);
	duo_must(san_recv(s[0], after, buf, 10, 0) == 0);
	duo.frozen = false;
	duo_go();
	duo_go();
	duo_must(duo_result(before) == -ECANCELED);
	duo_must(duo_result(after) == INT32_MIN);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(receives_and_sends_end_oldest_first),
		DUO_CASES(nothing_of_what_waits_is_sent_meanwhile),
		DUO_CASES(accepts_and_connect_end),
		DUO_CASES(shutdown_that_waits_is_undone),
		DUO_CASES(closed_socket_is_refused),
		DUO_CASES(third_threads_request_knows_what_came_before_it),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("cancel_all", tests, NULL, NULL);
}
