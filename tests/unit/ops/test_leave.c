/* SPDX-License-Identifier: BSD-3-Clause */
/* Every kind of operation is pending when the library is cleaned up, or when its thread exits without a word. */
#include "duo.h"

static char buf[4096];
static char big[32 << 20];
static struct san_pieces pieces;
static struct san_overlapped *pending[16];
static unsigned int nb_pending;

static struct san_overlapped *
next_op(void)
{
	return pending[nb_pending++] = duo_op();
}

static void
post_all(void)
{
	struct san_vec vec[2] = { { buf, 100 }, { buf + 100, 100 } };
	san_handle s[2], listener, other;
	struct san_overlapped *op;

	nb_pending = 0;
	pieces = (struct san_pieces){ .mem = buf, .size = 100, .nb = 4 };
	duo_pair(s);
	op = next_op();
	op->timeout_us = 3600000000u;
	duo_must(san_recvv(s[0], op, vec, 2, 150, 0) == 0);
	duo_must(san_recv_repeat(s[0], next_op(), &pieces, 0) == 0);
	duo_must(san_recv_repeat(s[1], next_op(), &pieces, 0) == 0);
	listener = duo_listener(1, 81, 4);
	duo_must(san_accept_repeat(listener, next_op(), 4) == 0);
	duo_must(san_accept(listener, next_op(), 0) == 0);
	/* Its pieces are full, and its completions are not reaped. */
	duo_must(san_send(s[0], duo_op(), big, 1000, 0) >= 0);
	duo_connect(81, duo_op());
	duo_settle();
	duo.cut = true;
	duo_must(san_sendv(s[0], next_op(), &(struct san_vec){ big, sizeof(big) }, 1, 0) == 0);
	duo_must(san_disconnect(s[0], next_op(), 0) == 0);
	other = duo_socket(0);
	op = next_op();
	op->timeout_us = 3600000000u;
	duo_must(san_connect(other, op, &(struct san_addr){ .ip = { [10] = 0xff, 0xff, 10, 7, 0, 2 },
							    .port = 81 }, 0) == 0);
	duo_settle();
	duo.leave = true;
}

static void
look_at_cleanup(void)
{
	unsigned int i;

	for (i = 0; i < nb_pending; i++) {
		duo_must(duo_of(pending[i]) != NULL && duo_of(pending[i])->result == -ECANCELED);
		duo_must(!(duo_of(pending[i])->flags & SAN_MORE));
	}
}

static void
cleanup_ends_all(void)
{
	duo.after = look_at_cleanup;
	post_all();
}

static void
look_at_counters(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		duo_must(vhost_count(&duo.h[i], SANI_CTR_sock_ops) ==
			 vhost_count(&duo.h[i], SANI_CTR_sock_ops_ended));
		duo_must(vhost_count(&duo.h[i], SANI_CTR_sock_opened) ==
			 vhost_count(&duo.h[i], SANI_CTR_sock_closed));
	}
	duo_must(vhost_count(&duo.h[0], SANI_CTR_sock_orphans) > 0);
}

static void
thread_exit_ends_all(void)
{
	duo.after = look_at_counters;
	post_all();
}

static void
cleanup(void **state)
{
	(void)state;
	duo_run(cleanup_ends_all, DUO_ON_CORE, 1, 64);
	/* A startup right behind it works. */
	duo_run(cleanup_ends_all, DUO_ON_CORE, 2, 64);
}

static void
thread_exit(void **state)
{
	(void)state;
	duo_run(thread_exit_ends_all, DUO_OFF_CORE, 1, 64);
	duo_run(thread_exit_ends_all, DUO_OFF_CORE, 2, 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "cleanup_ends_all", cleanup, NULL, NULL, NULL },
		{ "thread_exit_ends_all", thread_exit, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("leave", tests, NULL, NULL);
}
