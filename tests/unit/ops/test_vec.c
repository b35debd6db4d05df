/* SPDX-License-Identifier: BSD-3-Clause */
/* Several buffers in one operation, and a receive's least number of bytes. */
#include "duo.h"

#include <string.h>

#define BIG (24u << 20)

static uint8_t out[BIG];
static uint8_t in[BIG];

static void
fill_out(void)
{
	duo_fill(out, BIG);
	memset(in, 0, sizeof(in));
}

/* Cut a stretch of memory into n buffers of uneven length, some of them empty. */
static unsigned int
cut(struct san_vec *vec, void *mem, size_t len, unsigned int n)
{
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		size_t part = i + 1 == n ? len - at : i % 5 == 3 ? 0 : RTE_MIN(len - at, len / n + i * 7 - 20);

		vec[i] = (struct san_vec){ .base = (char *)mem + at, .len = part };
		at += part;
	}
	return n;
}

static void
buffers_are_one_stream(void)
{
	static const uint32_t lens[] = { 16, 1000, 1448 * 16, 100000 };
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	struct san_vec from[SAN_VEC_MAX], to[SAN_VEC_MAX];
	san_handle s[2];
	unsigned int i;
	int rc;

	fill_out();
	duo_pair(s);
	for (i = 0; i < RTE_DIM(lens); i++) {
		uint32_t len = lens[i];

		if (len == 16) {
			from[0] = (struct san_vec){ out, 16 };
			to[0] = (struct san_vec){ in, 16 };
		} else {
			cut(from, out, len, 16);
			cut(to, in, len, 11);
		}
		duo_must(san_recvv(s[1], recv, to, len == 16 ? 1 : 11, 1, SAN_WAITALL) == 0);
		rc = san_sendv(s[0], send, from, len == 16 ? 1 : 16, 0);
		duo_must(rc == 0 || rc == 1);
		/* The arrays are the caller's again: only the bytes are not. */
		memset(from, 0xee, sizeof(from));
		memset(to, 0xee, sizeof(to));
		duo_go();
		duo_must(rc == 1 ? send->result == (int32_t)len : duo_result(send) == (int32_t)len);
		duo_must(duo_result(recv) == (int32_t)len);
		duo_must(memcmp(in, out, len) == 0);
		memset(in, 0, len);
	}
}

/* More than all queues hold: taken piece by piece. */
static void
long_send_goes_on_as_room_comes(void)
{
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	struct san_vec from[SAN_VEC_MAX], to[SAN_VEC_MAX];
	san_handle s[2];

	fill_out();
	duo_pair(s);
	cut(from, out, BIG, 16);
	cut(to, in, BIG, 16);
	duo_must(san_sendv(s[0], send, from, 16, SAN_ACKED) == 0);
	duo_must(san_recvv(s[1], recv, to, 16, BIG, 0) == 0);
	duo_pass(5000000);
	duo_must(duo_result(send) == (int32_t)BIG);
	duo_must(duo_result(recv) == (int32_t)BIG);
	duo_must(memcmp(in, out, BIG) == 0);
}

static void
receive_waits_for_the_least_number(void)
{
	struct san_overlapped *recv = duo_op();
	struct san_vec to[2] = { { in, 10 }, { in + 10, 100 } };
	san_handle s[2];

	fill_out();
	duo_pair(s);
	duo_must(san_recvv(s[1], recv, to, 2, 15, 0) == 0);
	duo_must(san_send(s[0], duo_op(), out, 14, 0) >= 0);
	duo_go();
	duo_must(duo_result(recv) == INT32_MIN);
	duo_must(san_send(s[0], duo_op(), out + 14, 3, 0) >= 0);
	duo_go();
	duo_must(duo_result(recv) == 17);
	duo_must(memcmp(in, out, 17) == 0);
	/* More than the least is taken when it is there. */
	duo_must(san_send(s[0], duo_op(), out, 50, 0) >= 0);
	duo_go();
	duo_must(san_recvv(s[1], recv, to, 2, 20, 0) == 0);
	duo_go();
	duo_must(duo_result(recv) == 50);
}

static void
end_of_stream_ends_it_short(void)
{
	struct san_overlapped *recv = duo_op();
	struct san_vec to[2] = { { in, 10 }, { in + 10, 100 } };
	san_handle s[2];

	fill_out();
	duo_pair(s);
	duo_must(san_recvv(s[1], recv, to, 2, 15, 0) == 0);
	duo_must(san_send(s[0], duo_op(), out, 14, 0) >= 0);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	duo_go();
	duo_must(duo_result(recv) == 14);
	duo_must(san_recvv(s[1], recv, to, 2, 15, 0) == 0);
	duo_go();
	duo_must(duo_result(recv) == 0);
}

static void
what_ends_early_tells_how_far_it_came(void)
{
	struct san_overlapped *recv = duo_op();
	struct san_vec to[2] = { { in, 10 }, { in + 10, 100 } };
	san_handle s[2];

	fill_out();
	duo_pair(s);
	duo_must(san_recvv(s[1], recv, to, 2, 15, 0) == 0);
	duo_must(san_send(s[0], duo_op(), out, 12, 0) >= 0);
	duo_go();
	duo_must(san_cancel(s[1], recv->id) == 0);
	duo_go();
	duo_must(duo_result(recv) == -ECANCELED);
	duo_must(recv->done == 12);
	duo_must(memcmp(in, out, 12) == 0);
}

static void
arrays_that_cannot_be_are_refused(void)
{
	struct san_vec v[SAN_VEC_MAX + 1] = { { out, 10 }, { in, 10 } };
	struct san_overlapped *op = duo_op();
	san_handle s[2];
	unsigned int i;

	duo_pair(s);
	for (i = 2; i <= SAN_VEC_MAX; i++)
		v[i] = (struct san_vec){ in, 1 };
	duo_must(san_sendv(s[0], op, NULL, 1, 0) == -EINVAL);
	duo_must(san_sendv(s[0], op, v, 0, 0) == -EINVAL);
	duo_must(san_sendv(s[0], op, v, SAN_VEC_MAX + 1, 0) == -EINVAL);
	duo_must(san_sendv(s[0], NULL, v, 2, 0) == -EINVAL);
	duo_must(san_sendv(s[0], op, v, 2, SAN_WAITALL) == -EINVAL);
	duo_must(san_recvv(s[0], op, v, 2, 1, SAN_MORE) == -EINVAL);
	duo_must(san_recvv(s[0], op, v, 2, 0, 0) == -EINVAL);
	duo_must(san_recvv(s[0], op, v, 2, 21, 0) == -EINVAL);
	duo_must(san_recvv(s[0], op, v, 2, (size_t)1 << 32 | 1, 0) == -EINVAL);
	v[1].base = NULL;
	duo_must(san_sendv(s[0], op, v, 2, 0) == -EINVAL);
	v[1] = (struct san_vec){ in, SIZE_MAX };
	duo_must(san_sendv(s[0], op, v, 2, 0) == -EINVAL);
	v[1].len = SIZE_MAX - 9;	/* the sum is 0 */
	duo_must(san_sendv(s[0], op, v, 2, 0) == -EINVAL);
	v[1].len = SAN_IO_MAX;	/* above it with the first */
	duo_must(san_sendv(s[0], op, v, 2, 0) == -EINVAL);
	v[0].len = v[1].len = 0;
	duo_must(san_sendv(s[0], op, v, 2, 0) == -EINVAL);
	duo_must(duo_count(op) == 0);
}

/* Polled operations take no place, but each array has to be kept: as many as the queue has places. */
static void
arrays_are_bounded_and_come_back(void)
{
	static struct san_overlapped op[65];
	struct san_vec v[2] = { { in, 10 }, { in + 10, 10 } };
	san_handle s[2];
	unsigned int i, round;

	duo_pair(s);
	memset(op, 0, sizeof(op));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 64; i++)
			duo_must(san_recvv(s[0], &op[i], v, 2, 1, SAN_POLLED) == 0);
		duo_must(san_recvv(s[0], &op[64], v, 2, 1, SAN_POLLED) == -EAGAIN);
		duo_must(san_sendv(s[0], &op[64], v, 2, SAN_POLLED) == -EAGAIN);
		duo_go();
		duo_must(san_cancel_all(s[0]) == 0);
		duo_go();
		for (i = 0; i < 64; i++)
			duo_must(san_op_status(&op[i]) == -ECANCELED);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(buffers_are_one_stream),
		DUO_CASES(long_send_goes_on_as_room_comes),
		DUO_CASES(receive_waits_for_the_least_number),
		DUO_CASES(end_of_stream_ends_it_short),
		DUO_CASES(what_ends_early_tells_how_far_it_came),
		DUO_CASES(arrays_that_cannot_be_are_refused),
		DUO_CASES(arrays_are_bounded_and_come_back),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("vec", tests, NULL, NULL);
}
