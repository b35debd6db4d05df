/* SPDX-License-Identifier: BSD-3-Clause */
/* WskReceive and WskReceiveEvent: what a request gets, what a callback gets, and when it is called again. */
#include <string.h>

#include "world.h"

static uint8_t out[STREAM];
static uint8_t in[STREAM];
static uint8_t flood[1u << 20];
static uint8_t deluge[16u << 20];	/* more than all lists hold, however much each of them has */

/* A pair, and nothing in "in" that an earlier case has received. */
static struct pair
fresh_pair(void)
{
	net_fill(out, sizeof(out), 0, 7);
	memset(in, 0, sizeof(in));
	return world_pair();
}

static void
send_all(struct end *e, size_t from, size_t len)
{
	struct req *r = post_send(e, out + from, len, 0);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, len);
}

static void
assert_got(const struct end *e, size_t len)
{
	assert_int_equal(e->len, len);
	assert_memory_equal(e->stream, out, len);
}

static void
assert_received(struct req *r, size_t from, size_t len)
{
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, len);
	assert_memory_equal(in, out + from, len);
}

/* The accepting end of a pair, its callback enabled, which takes so much of each indication. */
static struct end *
told(const struct pair *p, SIZE_T take)
{
	struct end *e = p->end[SERVER];

	e->take = take;
	enable(e, WSK_EVENT_RECEIVE);
	return e;
}

RULES("W18 W19 W20")
static void
receive_brings_the_bytes_and_their_number(void)
{
	struct pair p = fresh_pair();
	struct req *r = post_receive(p.end[SERVER], in, sizeof(in), 0);

	send_all(p.end[CLIENT], 0, 1000);
	assert_received(r, 0, 1000);
}

RULES("W18 W19")
static void
receive_of_what_is_there_ends_at_once_and_its_request_too(void)
{
	struct pair p = fresh_pair();
	struct req *r;

	send_all(p.end[CLIENT], 0, 1000);
	world_steps(50);
	r = post_receive(p.end[SERVER], in, 600, 0);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, 600);
	r = post_receive(p.end[SERVER], in + 600, 600, 0);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, 400);
	assert_memory_equal(in, out, 1000);
}

RULES("W20 W41")
static void
receive_for_all_waits_until_its_buffer_is_full(void)
{
	struct pair p = fresh_pair();
	struct req *r = post_receive(p.end[SERVER], in, 3000, WSK_FLAG_WAITALL);

	send_all(p.end[CLIENT], 0, 1000);
	world_steps(50);
	assert_int_equal(r->done, 0);
	send_all(p.end[CLIENT], 1000, 1999);
	world_steps(50);
	assert_int_equal(r->done, 0);
	send_all(p.end[CLIENT], 2999, 1);
	assert_received(r, 0, 3000);
}

RULES("W41")
static void
receive_for_all_ends_with_what_it_has_at_a_graceful_disconnect(void)
{
	struct pair p = fresh_pair();
	struct req *r = post_receive(p.end[SERVER], in, 3000, WSK_FLAG_WAITALL);

	send_all(p.end[CLIENT], 0, 1000);
	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, 0)), STATUS_SUCCESS);
	assert_received(r, 0, 1000);
	r = post_receive(p.end[SERVER], in, 3000, WSK_FLAG_WAITALL);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, 0);
}

RULES("W41")
static void
receive_for_all_ends_at_a_reset(void)
{
	struct pair p = fresh_pair();
	struct req *r = post_receive(p.end[SERVER], in, 3000, WSK_FLAG_WAITALL);

	send_all(p.end[CLIENT], 0, 1000);
	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, WSK_FLAG_ABORTIVE)),
			 STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_CONNECTION_RESET);
	assert_int_equal(r->done, 1);
}

RULES("W42")
static void
drain_throws_away_until_the_peer_disconnects(void)
{
	struct pair p = fresh_pair();
	struct req *r = post_receive(p.end[SERVER], NULL, 0, WSK_FLAG_DRAIN);
	unsigned int i;

	/* Much more than any window: it goes on only if somebody takes it. */
	for (i = 0; i < 200; i++)
		send_all(p.end[CLIENT], 0, sizeof(out));
	assert_int_equal(r->done, 0);
	assert_int_equal(await(post_disconnect(p.end[CLIENT], NULL, 0, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_SUCCESS);
}

RULES("W42 W18")
static void
drain_and_waiting_for_all_do_not_go_together(void)
{
	struct pair p = world_pair();
	struct req *r = post_receive(p.end[SERVER], NULL, 0, WSK_FLAG_DRAIN | WSK_FLAG_WAITALL);

	assert_failed(r, STATUS_NOT_SUPPORTED);
}

RULES("W43")
static void
requests_are_served_before_the_callback(void)
{
	struct pair p = fresh_pair();
	struct req *r = post_receive(p.end[SERVER], in, 500, 0);

	p.end[SERVER]->take = SIZE_MAX;
	enable(p.end[SERVER], WSK_EVENT_RECEIVE);
	send_all(p.end[CLIENT], 0, 500);
	assert_received(r, 0, 500);
	world_steps(50);
	assert_int_equal(p.end[SERVER]->count[EV_RECEIVE], 0);
	send_all(p.end[CLIENT], 0, 400);
	UNTIL(p.end[SERVER]->len == 400);
	assert_got(p.end[SERVER], 400);
}

RULES("W45 W57")
static void
callback_that_takes_all_is_called_again(void)
{
	struct pair p = fresh_pair();
	struct end *e = told(&p, SIZE_MAX);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		send_all(p.end[CLIENT], i * 1000, 1000);
		UNTIL(e->len == (i + 1) * 1000);
	}
	assert_got(e, 10000);
	assert_in_range(e->count[EV_RECEIVE], 10, CALLS);
}

RULES("W44")
static void
receive_callbacks_follow_one_another(void)
{
	struct pair p = fresh_pair();
	struct end *e = told(&p, SIZE_MAX);
	unsigned int i;

	for (i = 0; i < 8; i++)
		post_send(p.end[CLIENT], out + i * 8000, 8000, 0);
	UNTIL(e->len == 64000);
	assert_got(e, 64000);
	/* The record fails the case when a callback is called inside another one (end.c). */
}

RULES("W45")
static void
callback_that_takes_less_waits_for_a_receive(void)
{
	struct pair p = fresh_pair();
	struct end *e = told(&p, 300);
	struct req *r;

	send_all(p.end[CLIENT], 0, 1000);
	UNTIL(e->len == 300);
	send_all(p.end[CLIENT], 1000, 500);
	world_steps(100);
	assert_int_equal(e->count[EV_RECEIVE], 1);
	/* An empty receive is enough to have the rest told. */
	e->take = SIZE_MAX;
	r = post_receive(e, NULL, 0, 0);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, 0);
	UNTIL(e->len == 1500);
	assert_got(e, 1500);
}

RULES("W45")
static void
rest_that_a_callback_left_is_received_by_a_request(void)
{
	struct pair p = fresh_pair();
	struct end *e = told(&p, 300);
	struct req *r;

	send_all(p.end[CLIENT], 0, 1000);
	UNTIL(e->len == 300);
	r = post_receive(e, in, sizeof(in), 0);
	assert_received(r, 300, 700);
	e->take = SIZE_MAX;
	send_all(p.end[CLIENT], 300, 200);
	UNTIL(e->len == 500);
	assert_got(e, 500);
}

RULES("W47")
static void
callback_that_refuses_waits_for_a_receive(void)
{
	struct pair p = fresh_pair();
	struct end *e = p.end[SERVER];
	struct req *r;

	e->answer[EV_RECEIVE] = STATUS_DATA_NOT_ACCEPTED;
	enable(e, WSK_EVENT_RECEIVE);
	send_all(p.end[CLIENT], 0, 1000);
	UNTIL(e->count[EV_RECEIVE] == 1);
	send_all(p.end[CLIENT], 1000, 1000);
	world_steps(100);
	assert_int_equal(e->count[EV_RECEIVE], 1);
	r = post_receive(e, in, 1500, WSK_FLAG_WAITALL);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_memory_equal(in, out, 1500);
	e->answer[EV_RECEIVE] = STATUS_SUCCESS;
	e->take = SIZE_MAX;
	UNTIL(e->len == 500);
	assert_memory_equal(e->stream, out + 1500, 500);
}

RULES("W46 W50")
static void
kept_indication_is_readable_until_it_is_released(void)
{
	struct pair p = fresh_pair();
	struct end *e = p.end[SERVER];
	unsigned int i;

	e->keep = true;
	enable(e, WSK_EVENT_RECEIVE);
	for (i = 0; i < 4; i++) {
		send_all(p.end[CLIENT], i * 500, 500);
		UNTIL(e->nb_kept == i + 1);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(indication_read(e->kept[i], in, sizeof(in)), 500);
		assert_memory_equal(in, out + i * 500, 500);
	}
	/* In whatever order. */
	assert_int_equal(release(e, 2), STATUS_SUCCESS);
	assert_int_equal(release(e, 0), STATUS_SUCCESS);
	assert_int_equal(indication_read(e->kept[1], in, sizeof(in)), 500);
	assert_memory_equal(in, out + 500, 500);
	assert_int_equal(release(e, 1), STATUS_SUCCESS);
	assert_int_equal(release(e, 3), STATUS_SUCCESS);
}

RULES("W46 W49 W50")
static void
lists_that_are_kept_are_bounded_and_nothing_is_lost(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[SERVER];
	struct req *s;
	unsigned int n;
	SIZE_T sum = 0;

	e->keep = true;
	enable(e, WSK_EVENT_RECEIVE);
	net_fill(flood, sizeof(flood), 0, 9);
	s = post_send(p.end[CLIENT], flood, sizeof(flood), 0);
	/* The peer sends on as long as there is room; then only as lists are given back. */
	for (n = 0; sum < sizeof(flood); n++) {
		UNTIL(e->nb_kept > n);
		if (n < 8)
			world_steps(100);
		sum += indication_read(e->kept[n], in, sizeof(in));
		assert_true(net_same(in, e->call[n].bytes, sum - e->call[n].bytes, 9));
		assert_int_equal(release(e, n), STATUS_SUCCESS);
		assert_in_range(n, 0, KEPT - 2);
	}
	assert_int_equal(sum, sizeof(flood));
	assert_int_equal(await(s), STATUS_SUCCESS);
}

/* How many of so many calls from the first on have the flag. */
static unsigned int
with_flag(const struct end *e, unsigned int first, unsigned int nb, ULONG flag)
{
	unsigned int n = 0;

	while (nb-- > 0)
		n += (e->call[first + nb].flags & flag) != 0;
	return n;
}

RULES("W49 W46")
static void
program_is_asked_to_release_soon_when_few_lists_are_left(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[SERVER];
	struct req *s;
	unsigned int kept;
	unsigned int asked;
	unsigned int i;

	e->keep = true;
	enable(e, WSK_EVENT_RECEIVE);
	s = post_send(p.end[CLIENT], deluge, sizeof(deluge), 0);
	/* The peer sends until there is no list left. */
	do {
		kept = e->nb_kept;
		world_steps(500);
	} while (kept == 0 || e->nb_kept > kept);
	assert_int_equal(s->done, 0);
	asked = with_flag(e, 0, kept, WSK_FLAG_RELEASE_ASAP);
	assert_in_range(asked, 1, kept / 2);
	/* Not of the first ones, and of each of the last. */
	assert_int_equal(with_flag(e, kept - asked, asked, WSK_FLAG_RELEASE_ASAP), asked);
	/* What says nothing in W49 is never set, and the level is what it is. */
	assert_int_equal(with_flag(e, 0, kept, WSK_FLAG_ENTIRE_MESSAGE), 0);
	assert_int_equal(with_flag(e, 0, kept, WSK_FLAG_AT_DISPATCH_LEVEL), kept);
	for (i = 0; i < kept; i++)
		assert_int_equal(release(e, i), STATUS_SUCCESS);
	/* There are enough again. */
	e->keep = false;
	e->take = SIZE_MAX;
	UNTIL(e->nb_calls > kept);
	assert_int_equal(with_flag(e, kept, 1, WSK_FLAG_RELEASE_ASAP), 0);
	assert_int_equal(await(s), STATUS_SUCCESS);
}

RULES("W43 W45")
static void
bytes_of_requests_and_callbacks_make_one_stream(void)
{
	struct pair p = fresh_pair();
	struct end *e = told(&p, SIZE_MAX);
	struct req *r;
	size_t got;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		r = post_receive(e, in, 1000, WSK_FLAG_WAITALL);
		world_steps(5);
		send_all(p.end[CLIENT], i * 2000, 2000);
		assert_int_equal(await(r), STATUS_SUCCESS);
		assert_memory_equal(in, out + i * 2000, 1000);
		got = i * 1000;
		UNTIL(e->len == got + 1000);
		assert_memory_equal(e->stream + got, out + i * 2000 + 1000, 1000);
	}
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(receive_brings_the_bytes_and_their_number),
	WORLD_CASE(receive_of_what_is_there_ends_at_once_and_its_request_too),
	WORLD_CASE(receive_for_all_waits_until_its_buffer_is_full),
	WORLD_CASE(receive_for_all_ends_with_what_it_has_at_a_graceful_disconnect),
	WORLD_CASE(receive_for_all_ends_at_a_reset),
	WORLD_CASE(drain_throws_away_until_the_peer_disconnects),
	WORLD_CASE(drain_and_waiting_for_all_do_not_go_together),
	WORLD_CASE(requests_are_served_before_the_callback),
	WORLD_CASE(callback_that_takes_all_is_called_again),
	WORLD_CASE(receive_callbacks_follow_one_another),
	WORLD_CASE(callback_that_takes_less_waits_for_a_receive),
	WORLD_CASE(rest_that_a_callback_left_is_received_by_a_request),
	WORLD_CASE(callback_that_refuses_waits_for_a_receive),
	WORLD_CASE(kept_indication_is_readable_until_it_is_released),
	WORLD_CASE(lists_that_are_kept_are_bounded_and_nothing_is_lost),
	WORLD_CASE(program_is_asked_to_release_soon_when_few_lists_are_left),
	WORLD_CASE(bytes_of_requests_and_callbacks_make_one_stream),
};

WORLD_MAIN("wsk receive", cases)
