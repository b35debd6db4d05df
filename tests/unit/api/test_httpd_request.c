/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../apps/httpd/httpd.h"

static struct request r;

/* Reads from memory of exactly this size, so that a sanitizer sees a byte too many. */
static bool
read_exactly(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool whole;

	assert_non_null(copy);
	memcpy(copy, text, len);
	memset(&r, 0xa5, sizeof(r));
	whole = request_read(copy, len, &r);
	free(copy);
	return whole;
}

static bool
read_text(const char *text)
{
	return read_exactly(text, strlen(text));
}

static void
good_request_is_read(void **state)
{
	static const struct {
		const char *text;
		const char *path;
		bool head;
		bool keep_alive;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", false, true },
		{ "HEAD /a/b HTTP/1.1\r\nhost:a\r\n\r\n", "/a/b", true, true },
		{ "GET /a%20b%2F HTTP/1.1\r\nHost:\r\n\r\n", "/a b/", false, true },
		{ "GET /a?b%zz=c HTTP/1.1\r\nHost: a\r\n\r\n", "/a", false, true },
		{ "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", "/../x", false, true },
		{ "\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", "/x", false, true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "/", false, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x , CLOSE ,y\r\n\r\n", "/", false, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", "/", false, true },
		{ "GET / HTTP/1.0\r\n\r\n", "/", false, false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", false, true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "/", false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(read_text(cases[i].text));
		assert_int_equal(r.status, 200);
		assert_string_equal(r.path, cases[i].path);
		assert_int_equal(r.head, cases[i].head);
		assert_int_equal(r.keep_alive, cases[i].keep_alive);
		assert_int_equal(r.len, strlen(cases[i].text));
	}
}

static void
bad_request_is_answered_and_ends_the_connection(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "\r\nx\r\n\r\n", 400 },
		{ "GET\r\n\r\n", 400 },
		{ "GET /\r\n\r\n", 400 },
		{ "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTQ/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
		{ "POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
		{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
		{ "GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /%1 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /%g1 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(read_text(cases[i].text));
		if (r.status != cases[i].status || r.keep_alive)
			fail_msg("%s: status %d, keep_alive %d", cases[i].text, r.status, r.keep_alive);
	}
}

static void
request_is_not_read_before_its_end(void **state)
{
	static const char text[] = "\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_false(read_exactly(text, len));
	assert_true(read_exactly(text, strlen(text)));
}

static void
second_request_is_left(void **state)
{
	static const char first[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char both[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\n\r\n";

	(void)state;
	assert_true(read_text(both));
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, strlen(first));
	assert_string_equal(r.path, "/1");
}

static void
head_that_fills_the_buffer_is_too_large(void **state)
{
	static char text[REQUEST_MAX];
	int n = snprintf(text, sizeof(text), "GET /");

	(void)state;
	memset(text + n, 'x', sizeof(text) - (size_t)n);
	assert_false(read_exactly(text, sizeof(text) - 1));
	assert_true(read_exactly(text, sizeof(text)));
	assert_int_equal(r.status, 431);
	assert_false(r.keep_alive);
	/* the longest that fits is no error */
	memcpy(text + sizeof(text) - 13, " HTTP/1.0\r\n\r\n", 13);
	assert_true(read_exactly(text, sizeof(text)));
	assert_int_equal(r.status, 200);
	assert_int_equal(strlen(r.path), sizeof(text) - 13 - 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_request_is_read),
		cmocka_unit_test(bad_request_is_answered_and_ends_the_connection),
		cmocka_unit_test(request_is_not_read_before_its_end),
		cmocka_unit_test(second_request_is_left),
		cmocka_unit_test(head_that_fills_the_buffer_is_too_large),
	};

	return cmocka_run_group_tests_name("httpd_request", tests, NULL, NULL);
}
