/* SPDX-License-Identifier: BSD-3-Clause */
/* WskSend and WskDisconnect: when a request is over, what the peer gets, and what a callback says of the peer's end. */
#include <netinet/tcp.h>
#include <string.h>

#include "world.h"

#define FLOOD (8u << 20)

static uint8_t flood[FLOOD];
static uint8_t in[STREAM];

static void
expect(struct end *e, const void *text, size_t len)
{
	struct req *r = post_receive(e, in, len, WSK_FLAG_WAITALL);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, len);
	assert_memory_equal(in, text, len);
}

static void
expect_end(struct end *e)
{
	struct req *r = post_receive(e, in, sizeof(in), 0);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, 0);
}

RULES("W18 W19")
static void
send_says_how_much_it_has_sent(void)
{
	struct pair p = world_pair();
	struct req *r = post_send(p.end[CLIENT], "sent", 4, 0);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, 4);
	expect(p.end[SERVER], "sent", 4);
}

RULES("W39")
static void
send_is_not_over_before_its_bytes_have_left(void)
{
	struct pair p = world_pair();
	struct req *r;

	net_fill(flood, sizeof(flood), 0, 3);
	r = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	world_steps(500);
	assert_int_equal(r->done, 0);
	post_receive(p.end[SERVER], NULL, 0, WSK_FLAG_DRAIN);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, sizeof(flood));
}

RULES("W39")
static void
nothing_of_a_send_is_kept_for_later(void)
{
	struct pair p = world_pair();
	struct req *r;

	/* The peer does not even answer: nothing has left for good, so nothing is over. */
	world_steps(20);
	world_hold(SERVER, true);
	r = post_send(p.end[CLIENT], "unheard", 7, 0);
	world_steps(100);
	assert_int_equal(r->done, 0);
	world_hold(SERVER, false);
	assert_int_equal(await(r), STATUS_SUCCESS);
}

RULES("W20")
static void
buffer_of_a_send_is_free_when_it_is_over(void)
{
	struct pair p = world_pair();
	uint8_t text[1000];

	memset(text, 'a', sizeof(text));
	assert_int_equal(await(post_send(p.end[CLIENT], text, sizeof(text), 0)), STATUS_SUCCESS);
	memset(text, 'b', sizeof(text));
	world_steps(50);
	memset(flood, 'a', sizeof(text));
	expect(p.end[SERVER], flood, sizeof(text));
}

RULES("W39")
static void
sends_arrive_in_their_order(void)
{
	struct pair p = world_pair();
	struct req *r[16];
	unsigned int i;

	net_fill(flood, STREAM, 0, 5);
	for (i = 0; i < 16; i++)
		r[i] = post_send(p.end[CLIENT], flood + i * 1000, 1000,
				 i % 2 ? WSK_FLAG_NODELAY : 0);
	expect(p.end[SERVER], flood, 16000);
	for (i = 0; i < 16; i++) {
		assert_int_equal(await(r[i]), STATUS_SUCCESS);
		assert_true(i == 0 || r[i - 1]->when < r[i]->when);
	}
}

RULES("W39")
static void
send_of_nothing_is_over_behind_the_sends_before_it(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;
	struct req *r[3];

	world_steps(20);
	world_hold(SERVER, true);
	r[0] = post_send(p.end[CLIENT], "unheard", 7, 0);
	r[1] = post_send(p.end[CLIENT], NULL, 0, 0);
	r[2] = req_new(p.end[CLIENT]);
	req_memory(r[2], in, 0, 1, 0);
	r[2]->returned = calls->WskSend(p.end[CLIENT]->sock, &r[2]->buf, 0, r[2]->irp);
	world_steps(50);
	assert_int_equal(r[0]->done + r[1]->done + r[2]->done, 0);
	world_hold(SERVER, false);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(await(r[i]), STATUS_SUCCESS);
		assert_int_equal(r[i]->information, i == 0 ? 7 : 0);
		assert_true(i == 0 || r[i - 1]->when < r[i]->when);
	}
}

RULES("W40")
static void
send_without_delay_takes_along_what_was_queued(void)
{
	struct pair p = world_pair();
	uint64_t sent;

	assert_int_equal(set_option(p.end[CLIENT], IPPROTO_TCP, TCP_NODELAY, 0), STATUS_SUCCESS);
	world_steps(50);
	world_hold(SERVER, true);
	sent = world_counter(CLIENT, "tcp_tx");
	/* Small sends behind one that is not acknowledged wait (RFC 9293 3.7.4); not so with the flag. */
	post_send(p.end[CLIENT], "small", 5, 0);
	world_steps(5);
	assert_int_equal(world_counter(CLIENT, "tcp_tx"), sent + 1);
	post_send(p.end[CLIENT], "small", 5, 0);
	world_steps(5);
	assert_int_equal(world_counter(CLIENT, "tcp_tx"), sent + 1);
	post_send(p.end[CLIENT], "now", 3, WSK_FLAG_NODELAY);
	world_steps(5);
	assert_true(world_counter(CLIENT, "tcp_tx") > sent + 1);
	world_hold(SERVER, false);
	expect(p.end[SERVER], "smallsmallnow", 13);
}

RULES("W40")
static void
flag_for_no_delay_changes_nothing_where_there_is_none(void)
{
	struct pair p = world_pair();

	post_send(p.end[CLIENT], "one", 3, WSK_FLAG_NODELAY);
	post_send(p.end[CLIENT], "two", 3, 0);
	post_send(p.end[CLIENT], "three", 5, WSK_FLAG_NODELAY);
	expect(p.end[SERVER], "onetwothree", 11);
}

RULES("W40 W18")
static void
send_with_a_flag_that_there_is_not_is_refused(void)
{
	struct pair p = world_pair();
	struct req *r = post_send(p.end[CLIENT], "x", 1, 0x40000000);

	assert_failed(r, STATUS_NOT_SUPPORTED);
}

/* A send and a receive of memory that their MDL, one of 100 bytes, does not have. */
static void
assert_not_there(const struct pair *p, ULONG offset, SIZE_T length)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *s = p->end[CLIENT]->sock->Dispatch;

	for (unsigned int i = 0; i < 2; i++) {
		struct req *r = req_new(p->end[CLIENT]);

		req_memory(r, in, 100, 1, 0);
		r->buf.Offset = offset;
		r->buf.Length = length;
		r->returned = (i == 0 ? s->WskSend : s->WskReceive)(p->end[CLIENT]->sock, &r->buf, 0, r->irp);
		assert_failed(r, STATUS_INVALID_BUFFER_SIZE);
	}
}

RULES("W18")
static void
memory_that_the_list_does_not_have_is_refused(void)
{
	struct pair p = world_pair();

	assert_not_there(&p, 1, 100);
	assert_not_there(&p, 100, 1);
	assert_not_there(&p, UINT32_MAX, 1);
	assert_not_there(&p, UINT32_MAX, 100);
	/* The sum of both is 51, 1 and 10, but for what has no room in it. */
	assert_not_there(&p, 52, SIZE_MAX);
	assert_not_there(&p, 50, SIZE_MAX - 48);
	assert_not_there(&p, UINT32_MAX, SIZE_MAX - UINT32_MAX + 11);
	/* Nothing was sent. */
	post_send(p.end[CLIENT], "yes", 3, 0);
	expect(p.end[SERVER], "yes", 3);
}

RULES("W53")
static void
graceful_disconnect_waits_for_what_was_sent(void)
{
	struct pair p = world_pair();
	struct req *s;
	struct req *d;

	s = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	d = post_disconnect(p.end[CLIENT], NULL, 0, 0);
	world_steps(200);
	assert_int_equal(d->done, 0);
	post_receive(p.end[SERVER], NULL, 0, WSK_FLAG_DRAIN);
	assert_int_equal(await(d), STATUS_SUCCESS);
	assert_int_equal(s->status, STATUS_SUCCESS);
	assert_true(s->when < d->when);
}

RULES("W53")
static void
last_words_of_a_disconnect_go_before_the_end(void)
{
	struct pair p = world_pair();
	struct req *d;

	post_send(p.end[CLIENT], "well, ", 6, 0);
	d = post_disconnect(p.end[CLIENT], "good bye", 8, 0);
	expect(p.end[SERVER], "well, good bye", 14);
	expect_end(p.end[SERVER]);
	assert_int_equal(await(d), STATUS_SUCCESS);
}

RULES("W53")
static void
who_has_disconnected_does_not_send_but_receives(void)
{
	struct pair p = world_pair();

	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, 0)), STATUS_SUCCESS);
	assert_failed(post_send(p.end[CLIENT], "x", 1, 0), STATUS_INVALID_DEVICE_STATE);
	expect_end(p.end[SERVER]);
	post_send(p.end[SERVER], "still", 5, 0);
	expect(p.end[CLIENT], "still", 5);
	assert_int_equal(await(post_disconnect(p.end[SERVER], NULL, 0, 0)), STATUS_SUCCESS);
	expect_end(p.end[CLIENT]);
}

RULES("W54 W55")
static void
abortive_disconnect_ends_a_graceful_one(void)
{
	struct pair p = world_pair();
	struct req *s = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	struct req *d = post_disconnect(p.end[CLIENT], NULL, 0, 0);
	struct req *a;

	world_steps(100);
	assert_int_equal(d->done, 0);
	a = post_disconnect(p.end[CLIENT], NULL, 0, WSK_FLAG_ABORTIVE);
	assert_int_equal(await(a), STATUS_SUCCESS);
	assert_failed(d, STATUS_CONNECTION_ABORTED);
	assert_failed(s, STATUS_CONNECTION_ABORTED);
	assert_int_equal(d->done, 1);
}

RULES("W55")
static void
abortive_disconnect_resets_and_ends_what_is_pending(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[CLIENT], in, sizeof(in), 0);
	struct req *s = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	uint64_t resets = world_counter(CLIENT, "tcp_tx_rst");

	world_steps(100);
	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, WSK_FLAG_ABORTIVE)),
			 STATUS_SUCCESS);
	assert_failed(s, STATUS_CONNECTION_ABORTED);
	assert_failed(r, STATUS_CONNECTION_ABORTED);
	world_steps(20);
	assert_int_equal(world_counter(CLIENT, "tcp_tx_rst"), resets + 1);
}

RULES("W55 W18")
static void
nothing_is_sent_or_received_after_an_abortive_disconnect(void)
{
	struct pair p = world_pair();

	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, WSK_FLAG_ABORTIVE)),
			 STATUS_SUCCESS);
	assert_failed(post_send(p.end[CLIENT], "x", 1, 0), STATUS_CONNECTION_ABORTED);
	assert_failed(post_receive(p.end[CLIENT], in, 1, 0), STATUS_CONNECTION_ABORTED);
}

RULES("W55 W18")
static void
abortive_disconnect_with_last_words_is_refused(void)
{
	struct pair p = world_pair();

	assert_failed(post_disconnect(p.end[CLIENT], "no", 2, WSK_FLAG_ABORTIVE), STATUS_INVALID_PARAMETER);
	post_send(p.end[CLIENT], "yes", 3, 0);
	expect(p.end[SERVER], "yes", 3);
}

RULES("W56")
static void
callback_of_a_graceful_disconnect_leaves_sending_open(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	enable(e, WSK_EVENT_DISCONNECT);
	assert_int_equal(await(post_disconnect(p.end[SERVER], NULL, 0, 0)), STATUS_SUCCESS);
	UNTIL(e->count[EV_DISCONNECT] == 1);
	assert_int_equal(e->call[0].flags & WSK_FLAG_ABORTIVE, 0);
	assert_int_equal(await(post_send(e, "but I", 5, 0)), STATUS_SUCCESS);
	expect(p.end[SERVER], "but I", 5);
	world_steps(100);
	assert_int_equal(e->count[EV_DISCONNECT], 1);
}

RULES("W56")
static void
callback_of_a_reset_says_so(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	enable(e, WSK_EVENT_DISCONNECT);
	assert_int_equal(await(post_disconnect(p.end[SERVER], NULL, 0, WSK_FLAG_ABORTIVE)),
			 STATUS_SUCCESS);
	UNTIL(e->count[EV_DISCONNECT] == 1);
	assert_int_equal(e->call[0].flags & WSK_FLAG_ABORTIVE, WSK_FLAG_ABORTIVE);
	assert_failed(post_send(e, "x", 1, 0), STATUS_CONNECTION_RESET);
	assert_failed(post_receive(e, in, 1, 0), STATUS_CONNECTION_RESET);
}

RULES("W56")
static void
callback_of_a_disconnect_comes_behind_the_data(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	e->take = SIZE_MAX;
	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	post_send(p.end[SERVER], flood, 20000, 0);
	post_disconnect(p.end[SERVER], "end", 3, 0);
	UNTIL(e->count[EV_DISCONNECT] == 1);
	assert_int_equal(e->len, 20003);
	assert_int_equal(e->call[e->nb_calls - 1].event, EV_DISCONNECT);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(send_says_how_much_it_has_sent),
	WORLD_CASE(send_is_not_over_before_its_bytes_have_left),
	WORLD_CASE(nothing_of_a_send_is_kept_for_later),
	WORLD_CASE(buffer_of_a_send_is_free_when_it_is_over),
	WORLD_CASE(sends_arrive_in_their_order),
	WORLD_CASE(send_of_nothing_is_over_behind_the_sends_before_it),
	WORLD_CASE(send_without_delay_takes_along_what_was_queued),
	WORLD_CASE(flag_for_no_delay_changes_nothing_where_there_is_none),
	WORLD_CASE(send_with_a_flag_that_there_is_not_is_refused),
	WORLD_CASE(memory_that_the_list_does_not_have_is_refused),
	WORLD_CASE(graceful_disconnect_waits_for_what_was_sent),
	WORLD_CASE(last_words_of_a_disconnect_go_before_the_end),
	WORLD_CASE(who_has_disconnected_does_not_send_but_receives),
	WORLD_CASE(abortive_disconnect_ends_a_graceful_one),
	WORLD_CASE(abortive_disconnect_resets_and_ends_what_is_pending),
	WORLD_CASE(nothing_is_sent_or_received_after_an_abortive_disconnect),
	WORLD_CASE(abortive_disconnect_with_last_words_is_refused),
	WORLD_CASE(callback_of_a_graceful_disconnect_leaves_sending_open),
	WORLD_CASE(callback_of_a_reset_says_so),
	WORLD_CASE(callback_of_a_disconnect_comes_behind_the_data),
};

WORLD_MAIN("wsk send and disconnect", cases)
