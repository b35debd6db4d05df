/* SPDX-License-Identifier: BSD-3-Clause */
/* Received bytes that are lent to the program: what they are, how long they last, and how many there may be. */
#include "duo.h"

#include <pthread.h>
#include <string.h>

#include "sock/priv.h"

#define BIG (1u << 20)
#define WAITS INT32_MIN

static uint8_t out[BIG];
static uint8_t in[BIG];
static struct san_loan loans[SAN_LOAN_MAX];

static void
fill_out(void)
{
	duo_fill(out, BIG);
	memset(in, 0, sizeof(in));
}

static uint32_t
loans_out(unsigned int i)
{
	struct san_usage u;

	san_host_usage(duo.h[i].host, &u);
	return u.loans;
}

/* Append what was lent to `in`. @return How many bytes it has then. */
static uint32_t
copy_out(uint32_t at, unsigned int nb)
{
	for (unsigned int i = 0; i < nb && loans[i].base != NULL; i++) {
		duo_must(loans[i].len > 0 && at + loans[i].len <= BIG);
		memcpy(in + at, loans[i].base, loans[i].len);
		at += loans[i].len;
	}
	return at;
}

static void
bytes_come_in_the_buffers_of_the_stack(void)
{
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	uint32_t got = 0, used;
	struct san_usage before, after;
	san_handle s[2];

	fill_out();
	duo_pair(s);
	san_host_usage(duo.h[0].host, &before);
	duo_must(san_send(s[0], send, out, BIG, SAN_ACKED) == 0);
	while (got < BIG) {
		duo_must(san_recv_loan(s[1], recv, loans, 10, 0) == 0);
		duo_pass(1000000);
		duo_must(duo_result(recv) > 0);
		used = copy_out(got, 10) - got;
		duo_must(used == (uint32_t)duo_result(recv));
		if (used == 0)
			return;
		got += used;
		duo_must(loans_out(1) > 0 && loans_out(1) <= 10);
		duo_must(san_loan_return(loans, 10) > 0);
		duo_must(loans[0].base == NULL && loans_out(1) == 0);
		duo_must(san_loan_return(loans, 10) == 0);
	}
	duo_must(memcmp(in, out, BIG) == 0);
	duo_pass(1000000);
	duo_must(duo_result(send) == (int32_t)BIG);
	san_host_usage(duo.h[0].host, &after);
	duo_must(before.mbufs_used == after.mbufs_used);
	duo_must(vhost_count(&duo.h[1], SANI_CTR_lend_rx) > 0);
}

static void
what_is_there_comes_at_once_and_the_end_brings_none(void)
{
	struct san_overlapped *recv = duo_op();
	san_handle s[2];

	fill_out();
	duo_pair(s);
	memset(loans, 0xee, sizeof(loans));
	duo_must(san_send(s[0], duo_op(), out, 100, 0) >= 0);
	duo_go();
	duo_must(san_recv_loan(s[1], recv, loans, 4, 0) == 0);
	duo_go();
	duo_must(duo_result(recv) == 100 && copy_out(0, 4) == 100);
	for (unsigned int i = 1; i < 4; i++)
		duo_must(loans[i].base == NULL);
	duo_must(san_loan_return(loans, 4) == 1);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	duo_must(san_recv_loan(s[1], recv, loans, 4, 0) == 0);
	duo_go();
	duo_must(duo_result(recv) == 0 && loans[0].base == NULL);
}

static void *
give_back(void *arg)
{
	duo_must(san_loan_return(loans, SAN_LOAN_MAX) > 0);
	return arg;
}

static void
loans_outlive_the_socket(void)
{
	struct san_overlapped *recv = duo_op(), *more = duo_op();
	uint32_t got;
	pthread_t t;
	san_handle s[2];

	fill_out();
	duo_pair(s);
	duo_must(san_recv_loan(s[1], recv, loans, SAN_LOAN_MAX, SAN_POLLED) == 0);
	duo_must(san_send(s[0], duo_op(), out, 20000, 0) >= 0);
	duo_pass(100000);
	got = (uint32_t)duo_result(recv);
	duo_must(got > 0);
	duo_must(san_recv(s[1], more, in, 20000, 0) == 0);
	duo_end(s[0]);
	duo_end(s[1]);
	duo_pass(3000000);
	duo_must(loans_out(1) > 0);
	duo_must(copy_out(0, SAN_LOAN_MAX) == got && memcmp(in, out, got) == 0);
	/* the last one who could clean up is told so, and nothing has changed */
	duo_must(san_cleanup() == -EBUSY);
	duo_must(pthread_create(&t, NULL, give_back, NULL) == 0);
	pthread_join(t, NULL);
	duo_must(loans_out(1) == 0);
	duo_pair(s);
}

/* A program that keeps what it has gets no more; others go on, and so does it when it has given back. */
static void
who_keeps_them_starves_himself(void)
{
	struct san_overlapped *recv = duo_op(), *wait = duo_op(), *usual = duo_op();
	static struct san_loan second[4];
	san_handle s[2], t[2];

	fill_out();
	duo_pair(s);
	duo_pair(t);
	duo.h[1].core[0]->loans.max = 3;
	duo_must(san_send(s[0], duo_op(), out, 100000, 0) >= 0);
	duo_pass(100000);
	duo_must(san_recv_loan(s[1], recv, loans, 8, 0) == 0);
	duo_pass(100000);
	duo_must(duo_result(recv) > 0 && loans_out(1) == 3);
	duo_must(san_recv_loan(s[1], wait, second, 4, 0) == 0);
	duo_pass(100000);
	duo_must(duo_result(wait) == WAITS);
	duo_must(vhost_count(&duo.h[1], SANI_CTR_lend_rx_full) == 1);
	duo_must(san_send(t[0], duo_op(), out, 500, 0) >= 0);
	duo_must(san_recv(t[1], usual, in, 500, SAN_WAITALL) == 0);
	duo_pass(100000);
	duo_must(duo_result(usual) == 500);
	duo_must(san_loan_return(loans, 1) == 1);
	duo_pass(100000);
	duo_must(duo_result(wait) > 0 && second[0].base != NULL && second[1].base == NULL);
	duo_must(san_loan_return(loans, 8) == 2 && san_loan_return(second, 4) == 1);
}

static void
pending_ones_end_with_their_socket(void)
{
	struct san_overlapped *a = duo_op(), *b = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo_must(san_recv_loan(s[1], a, loans, 4, 0) == 0);
	duo_must(san_recv_loan(s[0], b, loans + 4, 4, 0) == 0);
	duo_must(san_cancel(s[0], b->id) == 0);
	duo_go();
	duo_must(duo_result(b) == -ECANCELED);
	duo_must(san_close(s[0], 0) == 0);
	duo_go();
	duo_must(duo_result(a) == -ECONNRESET && loans[0].base == NULL);
}

static void
what_cannot_be_is_refused(void)
{
	struct san_overlapped *op = duo_op();
	san_handle s[2];

	duo_pair(s);
	duo_must(san_recv_loan(s[0], op, NULL, 4, 0) == -EINVAL);
	duo_must(san_recv_loan(s[0], op, loans, 0, 0) == -EINVAL);
	duo_must(san_recv_loan(s[0], op, loans, SAN_LOAN_MAX + 1, 0) == -EINVAL);
	duo_must(san_recv_loan(s[0], op, loans, 1, SAN_WAITALL) == -EINVAL);
	duo_must(san_recv_loan(s[0], NULL, loans, 1, 0) == -EINVAL);
	duo_must(san_loan_return(NULL, 1) == -EINVAL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(bytes_come_in_the_buffers_of_the_stack),
		DUO_CASES(what_is_there_comes_at_once_and_the_end_brings_none),
		DUO_CASES(loans_outlive_the_socket),
		DUO_CASES(who_keeps_them_starves_himself),
		DUO_CASES(pending_ones_end_with_their_socket),
		DUO_CASES(what_cannot_be_is_refused),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("loan", tests, NULL, NULL);
}
