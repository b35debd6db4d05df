/* SPDX-License-Identifier: BSD-3-Clause */
/* Which callbacks are called: enabled, disabled, and enabled for good. */
#include "world.h"

static uint8_t in[STREAM];

RULES("W57")
static void
callbacks_of_a_listener_are_not_enabled_before_bind(void)
{
	struct end *l = end_of(SERVER, WSK_FLAG_LISTEN_SOCKET);

	assert_int_equal(try_enable(l, WSK_EVENT_ACCEPT), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(await(post_bind(l, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(try_enable(l, WSK_EVENT_ACCEPT), STATUS_SUCCESS);
}

RULES("W57")
static void
callbacks_of_a_connection_are_not_enabled_before_connect(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);

	assert_int_equal(try_enable(e, WSK_EVENT_RECEIVE), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	assert_int_equal(try_enable(e, WSK_EVENT_RECEIVE), STATUS_SUCCESS);
	shut(l);
}

RULES("W57 W74")
static void
several_callbacks_are_enabled_in_one_call(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	e->take = SIZE_MAX;
	enable(e, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG);
	post_send(p.end[SERVER], "x", 1, 0);
	post_disconnect(p.end[SERVER], NULL, 0, 0);
	UNTIL(e->count[EV_RECEIVE] == 1 && e->count[EV_DISCONNECT] == 1);
}

RULES("W74")
static void
callbacks_of_another_kind_of_socket_are_refused(void)
{
	struct pair p = world_pair();
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);

	assert_int_equal(try_enable(p.end[CLIENT], WSK_EVENT_ACCEPT), STATUS_INVALID_DEVICE_REQUEST);
	assert_int_equal(try_enable(p.end[CLIENT], WSK_EVENT_RECEIVE_FROM), STATUS_INVALID_DEVICE_REQUEST);
	assert_int_equal(try_enable(l, WSK_EVENT_RECEIVE_FROM), STATUS_INVALID_DEVICE_REQUEST);
}

/* Have the client's end told of bytes; its callback may do something before it answers. */
static void
call_with(const struct pair *p, void (*hook)(struct end *, struct call *))
{
	struct end *e = p->end[CLIENT];

	e->take = SIZE_MAX;
	e->hook = hook;
	enable(e, WSK_EVENT_RECEIVE);
	post_send(p->end[SERVER], "one", 3, 0);
}

static void
assert_not_called_again(const struct pair *p)
{
	post_send(p->end[SERVER], "two", 3, 0);
	world_steps(100);
	assert_int_equal(p->end[CLIENT]->count[EV_RECEIVE], 1);
}

RULES("W58")
static void
disabled_callback_is_not_called(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	struct req *r;

	call_with(&p, NULL);
	UNTIL(e->len == 3);
	assert_int_equal(disable(e, WSK_EVENT_RECEIVE), STATUS_SUCCESS);
	assert_not_called_again(&p);
	/* What came meanwhile is there for a request, or for the callback again. */
	r = post_receive(e, in, 1, 0);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(in[0], 't');
	enable(e, WSK_EVENT_RECEIVE);
	UNTIL(e->len == 5);
	assert_memory_equal(e->stream, "onewo", 5);
}

RULES("W58 W32")
static void
disabled_accept_leaves_connections_to_requests(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct end *e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	struct req *a;

	enable(l, WSK_EVENT_ACCEPT);
	assert_int_equal(disable(l, WSK_EVENT_ACCEPT), STATUS_SUCCESS);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	world_steps(100);
	assert_int_equal(l->nb_calls, 0);
	a = post_accept(l);
	assert_int_equal(await(a), STATUS_SUCCESS);
}

RULES("W58 W74")
static void
callbacks_are_disabled_one_at_a_time(void)
{
	struct pair p = world_pair();

	enable(p.end[CLIENT], WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT);
	assert_int_equal(disable(p.end[CLIENT], WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT), STATUS_INVALID_PARAMETER);
	assert_int_equal(disable(p.end[CLIENT], WSK_EVENT_RECEIVE), STATUS_SUCCESS);
	assert_int_equal(disable(p.end[CLIENT], WSK_EVENT_DISCONNECT), STATUS_SUCCESS);
}

static NTSTATUS said;
static struct req *disabling;

static void
disable_inside(struct end *e, struct call *c)
{
	(void)c;
	if (said == STATUS_UNSUCCESSFUL)
		said = disable(e, WSK_EVENT_RECEIVE);
}

RULES("W58")
static void
callback_that_runs_is_disabled_with_a_warning(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	said = STATUS_UNSUCCESSFUL;
	call_with(&p, disable_inside);
	UNTIL(e->len == 3);
	assert_int_equal(said, STATUS_EVENT_PENDING);
	assert_not_called_again(&p);
}

static void
disable_inside_with_irp(struct end *e, struct call *c)
{
	static WSK_EVENT_CALLBACK_CONTROL how;

	(void)c;
	if (disabling)
		return;
	how = (WSK_EVENT_CALLBACK_CONTROL){ &NPI_WSK_INTERFACE_ID,
					    WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE };
	disabling = post_control(e, ASK(WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, &how,
					sizeof(how), NULL, 0, NULL));
	if (disabling->done)
		world_wrong("a callback was disabled before it had returned");
}

RULES("W58")
static void
request_to_disable_ends_when_the_callback_has_returned(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	disabling = NULL;
	call_with(&p, disable_inside_with_irp);
	UNTIL(disabling && disabling->done);
	assert_int_equal(disabling->returned, STATUS_PENDING);
	assert_int_equal(disabling->status, STATUS_SUCCESS);
	assert_true(e->returned < disabling->when);
	assert_not_called_again(&p);
}

RULES("W58")
static void
request_to_disable_what_does_not_run_ends_with_success(void)
{
	struct pair p = world_pair();
	WSK_EVENT_CALLBACK_CONTROL how = { &NPI_WSK_INTERFACE_ID,
					   WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE };

	enable(p.end[CLIENT], WSK_EVENT_RECEIVE);
	assert_int_equal(await(post_control(p.end[CLIENT],
					    ASK(WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET,
						&how, sizeof(how), NULL, 0, NULL))),
			 STATUS_SUCCESS);
}

static void
receive_more_inside(struct end *e, struct call *c)
{
	if (c->event == EV_RECEIVE && !e->arg)
		e->arg = post_receive(e, in, 4, WSK_FLAG_WAITALL);
}

RULES("W22")
static void
callback_may_make_a_request(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];

	e->take = SIZE_MAX;
	e->hook = receive_more_inside;
	enable(e, WSK_EVENT_RECEIVE);
	post_send(p.end[SERVER], "first", 5, 0);
	UNTIL(e->arg);
	assert_int_equal(e->len, 5);
	post_send(p.end[SERVER], "next", 4, 0);
	assert_int_equal(await(e->arg), STATUS_SUCCESS);
	assert_memory_equal(in, "next", 4);
	assert_int_equal(e->count[EV_RECEIVE], 1);
}

static NTSTATUS waited;

static void
wait_inside(struct end *e, struct call *c)
{
	LARGE_INTEGER at_most = { .QuadPart = -10 * 1000 * 1000 };
	KEVENT never;

	(void)e;
	(void)c;
	KeInitializeEvent(&never, NotificationEvent, FALSE);
	waited = KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, &at_most);
}

RULES("W22")
static void
callback_cannot_wait(void)
{
	struct pair p = world_pair();

	waited = STATUS_SUCCESS;
	p.end[CLIENT]->take = SIZE_MAX;
	p.end[CLIENT]->hook = wait_inside;
	enable(p.end[CLIENT], WSK_EVENT_RECEIVE);
	post_send(p.end[SERVER], "x", 1, 0);
	UNTIL(p.end[CLIENT]->count[EV_RECEIVE] == 1);
	assert_int_equal(waited, STATUS_INVALID_DEVICE_STATE);
}

RULES("W52")
static void
backlog_is_told_and_can_be_asked_for(void)
{
	struct pair p = world_pair();
	struct end *e = p.end[CLIENT];
	SIZE_T backlog = 0;
	struct req *r;

	r = post_control(e, ASK(WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, 0, NULL, 0, &backlog,
				sizeof(backlog), NULL));
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_int_equal(r->information, sizeof(backlog));
	assert_true(backlog > 0);
	enable(e, WSK_EVENT_SEND_BACKLOG);
	post_receive(p.end[SERVER], NULL, 0, WSK_FLAG_DRAIN);
	/* The window grows as data flows, and what is worth having on the way with it. */
	while (e->count[EV_BACKLOG] == 0 || e->call[e->nb_calls - 1].bytes <= backlog) {
		assert_int_equal(await(post_send(e, in, sizeof(in), 0)), STATUS_SUCCESS);
		assert_in_range(world.now, 0, 5000);
	}
}

RULES("W59")
static void
static_callbacks_are_enabled_on_every_socket(void)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_ACCEPT |
									WSK_EVENT_RECEIVE |
									WSK_EVENT_DISCONNECT };
	struct end *l;
	struct end *e;

	assert_int_equal(control_client(SERVER, ASK_CLIENT(WSK_SET_STATIC_EVENT_CALLBACKS, &c,
							   sizeof(c), NULL, 0, NULL)),
			 STATUS_SUCCESS);
	l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	l->take = SIZE_MAX;
	e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
	post_send(e, "x", 1, 0);
	UNTIL(l->accepted[0]->len == 1);
	post_disconnect(e, NULL, 0, 0);
	UNTIL(l->accepted[0]->count[EV_DISCONNECT] == 1);
}

RULES("W59")
static void
static_callbacks_are_for_good(void)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_ACCEPT };
	struct end *l;
	struct end *e;

	assert_int_equal(control_client(SERVER, ASK_CLIENT(WSK_SET_STATIC_EVENT_CALLBACKS, &c,
							   sizeof(c), NULL, 0, NULL)),
			 STATUS_SUCCESS);
	l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	assert_int_equal(disable(l, WSK_EVENT_ACCEPT), STATUS_INVALID_DEVICE_REQUEST);
	e = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	assert_int_equal(await(post_connect(e, SERVER, 80)), STATUS_SUCCESS);
	UNTIL(l->count[EV_ACCEPT] == 1);
}

RULES("W59")
static void
static_callbacks_come_before_the_first_socket(void)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_ACCEPT };

	shut(end_of(SERVER, WSK_FLAG_LISTEN_SOCKET));
	assert_int_equal(control_client(SERVER,
					ASK_CLIENT(WSK_SET_STATIC_EVENT_CALLBACKS, &c, sizeof(c), NULL, 0, NULL)),
			 STATUS_INVALID_DEVICE_STATE);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(callbacks_of_a_listener_are_not_enabled_before_bind),
	WORLD_CASE(callbacks_of_a_connection_are_not_enabled_before_connect),
	WORLD_CASE(several_callbacks_are_enabled_in_one_call),
	WORLD_CASE(callbacks_of_another_kind_of_socket_are_refused),
	WORLD_CASE(disabled_callback_is_not_called),
	WORLD_CASE(disabled_accept_leaves_connections_to_requests),
	WORLD_CASE(callbacks_are_disabled_one_at_a_time),
	WORLD_CASE(callback_that_runs_is_disabled_with_a_warning),
	WORLD_CASE(request_to_disable_ends_when_the_callback_has_returned),
	WORLD_CASE(request_to_disable_what_does_not_run_ends_with_success),
	WORLD_CASE(callback_may_make_a_request),
	WORLD_CASE(callback_cannot_wait),
	WORLD_CASE(backlog_is_told_and_can_be_asked_for),
	WORLD_CASE(static_callbacks_are_enabled_on_every_socket),
	WORLD_CASE(static_callbacks_are_for_good),
	WORLD_CASE(static_callbacks_come_before_the_first_socket),
};

WORLD_MAIN("wsk callbacks enabled and disabled", cases)
