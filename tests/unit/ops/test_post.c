/* SPDX-License-Identifier: BSD-3-Clause */
/* san_post(): several posts together; on the owning core, and from another thread. */
#include "duo.h"

#define MANY 32u
#define MS 1000u

static char mem[MANY * 64];
static char text[] = "several posts are made, one after the other, as the calls of their kinds do";

static struct san_request
request(san_handle sock, enum san_op_kind kind, void *buf, uint32_t len)
{
	return (struct san_request){ .sock = sock, .op = duo_op(), .buf = buf, .len = len, .kind = (uint8_t)kind,
				     .answer = INT32_MIN };
}

/* A byte each. */
static void
request_receives(struct san_request *req, uint32_t n, san_handle sock)
{
	for (uint32_t i = 0; i < n; i++)
		req[i] = request(sock, SAN_OP_RECV, mem + i, 1);
}

static void
begin(san_handle s[2])
{
	duo_pair(s);
	duo_pass(500 * MS);
}

/* Each ends once, in the order of the array, with its own bytes. */
static void
receives_end_in_their_order(void)
{
	struct san_request req[MANY];
	san_handle s[2];

	begin(s);
	request_receives(req, MANY, s[0]);
	duo_must(san_post(req, MANY) == (int)MANY);
	duo_go();
	duo_must(san_send(s[1], duo_op(), text, MANY, 0) >= 0);
	duo_go();
	for (uint32_t i = 0; i < MANY; i++) {
		duo_must(req[i].answer == 0);
		duo_must(duo_count(req[i].op) == 1 && duo_result(req[i].op) == 1);
		duo_must(mem[i] == text[i]);
	}
}

/* A stream is what the sends say, one after the other; then the FIN. */
static void
sends_and_a_shutdown_go_in_their_order(void)
{
	struct san_overlapped *in = duo_op(), *end = duo_op();
	struct san_request req[3];
	san_handle s[2];

	begin(s);
	req[0] = request(s[0], SAN_OP_SEND, text, 10);
	req[1] = request(s[0], SAN_OP_SEND, text + 10, 20);
	req[2] = request(s[0], SAN_OP_SHUTDOWN, NULL, 0);
	duo_must(san_recv(s[1], in, mem, 30, SAN_WAITALL) == 0);
	duo_must(san_recv(s[1], end, mem + 30, 1, 0) == 0);
	duo_must(san_post(req, 3) == 3);
	duo_go();
	duo_must(duo_result(in) == 30 && memcmp(mem, text, 30) == 0);
	duo_must(duo_result(end) == 0);
	duo_must(duo_result(req[2].op) == 0);
	/* finished at once, or ended: never both */
	for (int i = 0; i < 2; i++)
		duo_must(req[i].answer == 1 ? duo_count(req[i].op) == 0 : duo_count(req[i].op) == 1);
}

/* What stands behind the one that is refused was not tried, and the answer says why. */
static void
ends_at_the_first_that_is_refused(void)
{
	struct san_request req[4];
	san_handle s[2];

	begin(s);
	request_receives(req, 4, s[0]);
	req[2].flags = SAN_ACKED;
	duo_must(san_post(req, 4) == 2);
	duo_must(req[0].answer == 0 && req[1].answer == 0 && req[2].answer == -EINVAL);
	duo_must(req[3].answer == INT32_MIN);
	req[2].flags = 0;
	duo_must(san_post(req + 2, 2) == 2);
	/* an operation that is posted already */
	duo_must(san_post(req, 1) == 0 && req[0].answer == -EINVAL);
	duo_must(san_close(s[0], 0) == 0);
	duo_go();
	for (int i = 0; i < 4; i++)
		duo_must(duo_count(req[i].op) == 1 && duo_result(req[i].op) == -ECANCELED);
	duo_must(san_post(req, 4) == 0 && req[0].answer == -ENOTSOCK);
}

/* The queue has 8 places. */
static void
ends_where_there_is_no_place(void)
{
	struct san_request req[MANY];
	san_handle s[2];

	begin(s);
	request_receives(req, MANY, s[0]);
	duo_must(san_post(req, MANY) == 8 && req[8].answer == -EAGAIN);
	duo_must(san_post(req + 8, 1) == 0);
	duo_go();
	duo_must(san_send(s[1], duo_op(), text, 8, SAN_POLLED) >= 0);
	duo_go();
	for (uint32_t i = 0; i < MANY; i++)
		duo_must(duo_count(req[i].op) == (i < 8));
	duo_must(san_post(req + 8, 1) == 1);
}

/* One call for sockets of two cores: each has what is its own, whatever stands between. */
static void
goes_to_several_cores(void)
{
	struct san_request req[6];
	san_handle s[2];

	for (unsigned int i = 0; i < 2; i++)
		duo_must(san_socket(duo.h[0].core[i], duo.cq, &s[i]) == 0);
	for (unsigned int i = 0; i < 6; i++)
		req[i] = request(s[i % 2], SAN_OP_RECV, mem + i, 1);
	/* Not connected: refused at once on the core, or in the completion. */
	for (unsigned int done = 0; done < 6; done++) {
		int n = san_post(req + done, 6 - done);

		duo_must(n >= 0 && n <= 6 - (int)done);
		done += (unsigned int)n;
		duo_must(done == 6 || req[done].answer == -ENOTCONN);
	}
	duo_go();
	for (unsigned int i = 0; i < 6; i++)
		duo_must(req[i].answer == 0 ? duo_count(req[i].op) == 1 && duo_result(req[i].op) == -ENOTCONN :
					      duo_count(req[i].op) == 0);
	for (unsigned int i = 0; i < 2; i++)
		duo_end(s[i]);
}

static void
refuses_what_cannot_be(void)
{
	struct san_request good, bad[7];
	san_handle s[2];

	begin(s);
	good = request(s[0], SAN_OP_RECV, mem, 1);
	for (int i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].op = NULL;
	bad[1].buf = NULL;
	bad[2].len = 0;
	bad[3].len = SAN_IO_MAX + 1;
	bad[4].kind = SAN_OP_CONNECT;
	bad[5].kind = 200;
	bad[6].kind = SAN_OP_WATCH;	/* which has no buffer */
	duo_must(san_post(NULL, 1) == -EINVAL && san_post(&good, 0) == -EINVAL);
	for (int i = 0; i < 7; i++)
		duo_must(san_post(&bad[i], 1) == 0 && bad[i].answer == -EINVAL);
	duo_must(san_post(&good, 1) == 1);
}

#define CASE(name, nb_cores, depth) \
	static void name##_on_core(void **state) { (void)state; duo_run(name, DUO_ON_CORE, nb_cores, depth); } \
	static void name##_off_core(void **state) { (void)state; duo_run(name, DUO_OFF_CORE, nb_cores, depth); }

CASE(receives_end_in_their_order, 1, 64)
CASE(sends_and_a_shutdown_go_in_their_order, 1, 64)
CASE(ends_at_the_first_that_is_refused, 1, 64)
CASE(ends_where_there_is_no_place, 1, 8)
CASE(goes_to_several_cores, 2, 64)
CASE(refuses_what_cannot_be, 1, 64)

#define BOTH(name) cmocka_unit_test(name##_on_core), cmocka_unit_test(name##_off_core)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(receives_end_in_their_order),
		BOTH(sends_and_a_shutdown_go_in_their_order),
		BOTH(ends_at_the_first_that_is_refused),
		BOTH(ends_where_there_is_no_place),
		BOTH(goes_to_several_cores),
		BOTH(refuses_what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
