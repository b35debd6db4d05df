/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: IRPs as the program makes, reuses, passes on and cancels them, and the memory that they describe. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static uint8_t out[STREAM];
static uint8_t in[STREAM];

RULES("W14 W17 S5.17")
static void
one_stack_location_is_enough(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	struct req *r = post_bind(e, CLIENT, 0);

	/* req_new() makes IRPs of one location, and sets nothing in them but the routine. */
	assert_int_equal(r->irp->StackCount, 1);
	assert_int_equal(await(r), STATUS_SUCCESS);
}

RULES("W18")
static void
requests_that_fail_are_completed_too(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	struct req *r[4];
	unsigned int i;

	r[0] = post_connect(e, SERVER, 80);
	r[1] = post_send(e, "x", 1, 0);
	r[2] = post_receive(e, in, 1, 0);
	r[3] = post_disconnect(e, NULL, 0, 0);
	for (i = 0; i < 4; i++)
		assert_failed(r[i], STATUS_INVALID_DEVICE_STATE);
	world_steps(50);
	for (i = 0; i < 4; i++)
		assert_int_equal(r[i]->done, 1);
}

RULES("W15 W14")
static void
irp_is_used_again_when_it_is_over(void)
{
	struct pair p = world_pair();
	struct req *r = post_send(p.end[CLIENT], "once", 4, 0);
	PIO_COMPLETION_ROUTINE routine =
		IoGetNextIrpStackLocation(req_new(NULL)->irp)->CompletionRoutine;
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;

	world.reqs->done = 1;
	assert_int_equal(await(r), STATUS_SUCCESS);
	IoReuseIrp(r->irp, STATUS_UNSUCCESSFUL);
	IoSetCompletionRoutine(r->irp, routine, r, TRUE, TRUE, TRUE);
	r->done = 0;
	calls->WskSend(p.end[CLIENT]->sock, &r->buf, 0, r->irp);
	assert_int_equal(await(r), STATUS_SUCCESS);
	r = post_receive(p.end[SERVER], in, 8, WSK_FLAG_WAITALL);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_memory_equal(in, "onceonce", 8);
}

static unsigned int freed;

static NTSTATUS
free_it(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(context);
	IoFreeIrp(irp);
	freed++;
	return STATUS_MORE_PROCESSING_REQUIRED;
}

RULES("W15 S5.20")
static void
routine_may_free_the_irp(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = e->sock->Dispatch;
	struct sockaddr_in a = address(CLIENT, 0);
	PIRP irp = IoAllocateIrp(1, FALSE);

	freed = 0;
	IoSetCompletionRoutine(irp, free_it, NULL, TRUE, TRUE, TRUE);
	calls->WskBind(e->sock, (PSOCKADDR)&a, 0, irp);
	UNTIL(freed == 1);
	irp = IoAllocateIrp(1, FALSE);
	IoSetCompletionRoutine(irp, free_it, NULL, TRUE, TRUE, TRUE);
	calls->Basic.WskCloseSocket(e->sock, irp);
	UNTIL(freed == 2);
	e->sock = NULL;
	world_steps(50);
}

/* A driver above: its routine is called when the program below lets the IRP go up. */
struct above {
	unsigned int done;
	NTSTATUS status;
	bool pending;
};

static NTSTATUS
come_back(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	struct above *above = context;

	UNREFERENCED_PARAMETER(device);
	above->done++;
	above->status = irp->IoStatus.Status;
	above->pending = irp->PendingReturned;
	return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
pass_on(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(context);
	if (irp->PendingReturned)
		IoMarkIrpPending(irp);
	return STATUS_SUCCESS;
}

/* An IRP that a driver above has passed down to the program: the program's own location is the current one. */
static PIRP
passed_down(struct above *above)
{
	PIRP irp = IoAllocateIrp(2, FALSE);

	memset(above, 0, sizeof(*above));
	IoSetCompletionRoutine(irp, come_back, above, TRUE, TRUE, TRUE);
	IoSetNextIrpStackLocation(irp);
	return irp;
}

/* A request that is never made: what it has is its memory. */
static struct req *
only_memory(const void *mem, size_t len)
{
	struct req *r = req_new(NULL);

	r->done = 1;
	req_memory(r, mem, len, 1, 0);
	return r;
}

RULES("W16 W17")
static void
irp_from_above_needs_no_routine(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;
	struct req *memory = only_memory("down", 4);
	struct above above;
	PIRP irp = passed_down(&above);
	NTSTATUS status;

	status = calls->WskSend(p.end[CLIENT]->sock, &memory->buf, 0, irp);
	UNTIL(above.done);
	assert_int_equal(above.done, 1);
	assert_int_equal(above.status, STATUS_SUCCESS);
	assert_int_equal(irp->IoStatus.Information, 4);
	assert_int_equal(above.pending, status == STATUS_PENDING);
	IoFreeIrp(irp);
}

RULES("W16")
static void
routine_of_an_irp_from_above_passes_the_mark_on(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;
	struct req *memory = only_memory(in, 4);
	struct above above;
	PIRP irp = passed_down(&above);
	NTSTATUS status;

	IoSetCompletionRoutine(irp, pass_on, NULL, TRUE, TRUE, TRUE);
	status = calls->WskReceive(p.end[CLIENT]->sock, &memory->buf, 0, irp);
	assert_int_equal(status, STATUS_PENDING);
	assert_int_equal(above.done, 0);
	post_send(p.end[SERVER], "more", 4, 0);
	UNTIL(above.done);
	assert_int_equal(above.status, STATUS_SUCCESS);
	assert_true(above.pending);
	IoFreeIrp(irp);
}

RULES("W15 W18")
static void
routine_for_failures_only_is_not_called_of_a_success(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;
	struct req *memory = only_memory("quiet", 5);
	struct above above = { 0 };
	PIRP irp = IoAllocateIrp(1, FALSE);

	IoSetCompletionRoutine(irp, come_back, &above, TRUE, TRUE, TRUE);
	IoSetCompletionRoutine(irp, come_back, &above, FALSE, TRUE, TRUE);
	irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
	calls->WskSend(p.end[CLIENT]->sock, &memory->buf, 0, irp);
	UNTIL(irp->IoStatus.Status == STATUS_SUCCESS);
	assert_int_equal(irp->IoStatus.Information, 5);
	world_steps(20);
	assert_int_equal(above.done, 0);
	IoReuseIrp(irp, STATUS_UNSUCCESSFUL);
	IoSetCompletionRoutine(irp, come_back, &above, FALSE, TRUE, TRUE);
	calls->WskReceive(p.end[CLIENT]->sock, &memory->buf, 0, irp);
	assert_true(IoCancelIrp(irp));
	UNTIL(above.done);
	assert_int_equal(above.status, STATUS_CANCELLED);
	IoFreeIrp(irp);
}

RULES("W14 W15")
static void
irp_of_the_program_may_have_locations_to_spare(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;
	struct req *memory = only_memory("wide", 4);
	struct above above = { 0 };
	PIRP irp = IoAllocateIrp(3, FALSE);

	IoSetCompletionRoutine(irp, come_back, &above, TRUE, TRUE, TRUE);
	calls->WskSend(p.end[CLIENT]->sock, &memory->buf, 0, irp);
	UNTIL(above.done);
	assert_int_equal(above.status, STATUS_SUCCESS);
	assert_true(above.pending);
	IoFreeIrp(irp);
}

RULES("W18")
static void
irp_that_is_cancelled_before_its_call_ends_with_it(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = p.end[CLIENT]->sock->Dispatch;
	struct req *r[2] = { req_new(p.end[CLIENT]), req_new(p.end[CLIENT]) };

	for (unsigned int i = 0; i < 2; i++) {
		req_memory(r[i], in, 5, 1, 0);
		assert_false(IoCancelIrp(r[i]->irp));
	}
	r[0]->returned = calls->WskSend(p.end[CLIENT]->sock, &r[0]->buf, 0, r[0]->irp);
	r[1]->returned = calls->WskReceive(p.end[CLIENT]->sock, &r[1]->buf, 0, r[1]->irp);
	assert_int_equal(await(r[0]), STATUS_CANCELLED);
	assert_int_equal(await(r[1]), STATUS_CANCELLED);
	say(p.end[CLIENT], p.end[SERVER]);
	say(p.end[SERVER], p.end[CLIENT]);
}

RULES("W19 W20")
static void
memory_may_lie_in_several_pieces(void)
{
	struct pair p = world_pair();
	const WSK_PROVIDER_CONNECTION_DISPATCH *c = p.end[CLIENT]->sock->Dispatch;
	const WSK_PROVIDER_CONNECTION_DISPATCH *s = p.end[SERVER]->sock->Dispatch;
	unsigned int parts;
	ULONG offset;

	net_fill(out, sizeof(out), 0, 1);
	for (parts = 1; parts <= 4; parts++) {
		for (offset = 0; offset <= 100; offset += 50) {
			struct req *send = req_new(NULL);
			struct req *receive = req_new(NULL);

			memset(in, 0, sizeof(in));
			req_memory(send, out + offset, 5001, parts, offset);
			req_memory(receive, in + offset, 5001, 5 - parts, offset);
			receive->returned = s->WskReceive(p.end[SERVER]->sock, &receive->buf,
							  WSK_FLAG_WAITALL, receive->irp);
			send->returned = c->WskSend(p.end[CLIENT]->sock, &send->buf, 0, send->irp);
			assert_int_equal(await(send), STATUS_SUCCESS);
			assert_int_equal(send->information, 5001);
			assert_int_equal(await(receive), STATUS_SUCCESS);
			assert_int_equal(receive->information, 5001);
			assert_memory_equal(in + offset, out + offset, 5001);
			assert_int_equal(in[offset + 5001], 0);
		}
	}
}

RULES("W18 W20")
static void
receive_that_is_cancelled_ends_alone(void)
{
	struct pair p = world_pair();
	struct req *r[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		r[i] = post_receive(p.end[SERVER], in + i * 100, 100, 0);
	assert_true(IoCancelIrp(r[1]->irp));
	assert_int_equal(await(r[1]), STATUS_CANCELLED);
	assert_int_equal(r[0]->done + r[2]->done, 0);
	assert_int_equal(await(post_send(p.end[CLIENT], "first", 5, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r[0]), STATUS_SUCCESS);
	assert_int_equal(await(post_send(p.end[CLIENT], "second", 6, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r[2]), STATUS_SUCCESS);
	assert_memory_equal(in, "first", 5);
	assert_memory_equal(in + 200, "second", 6);
}

RULES("W18 W42 W41")
static void
accept_connect_and_receives_can_be_cancelled(void)
{
	struct pair p = world_pair();
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 80);
	struct req *r[4];
	unsigned int i;

	r[0] = post_accept(l);
	r[1] = post_connect(bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0), 76, 80);
	r[2] = post_receive(p.end[CLIENT], NULL, 0, WSK_FLAG_DRAIN);
	r[3] = post_receive(p.end[SERVER], in, 100, WSK_FLAG_WAITALL);
	world_steps(20);
	for (i = 0; i < 4; i++) {
		assert_int_equal(r[i]->done, 0);
		assert_true(IoCancelIrp(r[i]->irp));
		assert_int_equal(await(r[i]), STATUS_CANCELLED);
	}
}

RULES("W18")
static void
request_that_is_over_is_not_cancelled(void)
{
	struct pair p = world_pair();
	struct req *r = post_send(p.end[CLIENT], "x", 1, 0);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_false(IoCancelIrp(r->irp));
	world_steps(20);
	assert_int_equal(r->done, 1);
	assert_int_equal(r->status, STATUS_SUCCESS);
}

static void
send_next(struct req *r)
{
	/* From a routine the next request goes into the program's own queue (W21); here that is one place. */
	*(bool *)r->arg = true;
}

RULES("W21")
static void
routine_leaves_the_next_request_to_the_program(void)
{
	struct pair p = world_pair();
	unsigned int i;

	for (i = 0; i < 20; i++) {
		bool next = false;
		struct req *r = post_send(p.end[CLIENT], "x", 1, 0);

		r->then = send_next;
		r->arg = &next;
		UNTIL(next);
	}
	assert_int_equal(await(post_receive(p.end[SERVER], in, 20, WSK_FLAG_WAITALL)),
			 STATUS_SUCCESS);
}

static KEVENT happened;

static NTSTATUS
signal_it(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(irp);
	KeSetEvent(context, 0, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

RULES("W15")
static void
program_of_one_thread_makes_a_request_and_waits(void)
{
	struct end *e = end_of(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	const WSK_PROVIDER_CONNECTION_DISPATCH *calls = e->sock->Dispatch;
	struct sockaddr_in a = address(CLIENT, 0);
	PIRP irp = IoAllocateIrp(1, FALSE);

	KeInitializeEvent(&happened, NotificationEvent, FALSE);
	IoSetCompletionRoutine(irp, signal_it, &happened, TRUE, TRUE, TRUE);
	calls->WskBind(e->sock, (PSOCKADDR)&a, 0, irp);
	assert_int_equal(KeWaitForSingleObject(&happened, Executive, KernelMode, FALSE, NULL),
			 STATUS_SUCCESS);
	assert_int_equal(irp->IoStatus.Status, STATUS_SUCCESS);
	IoFreeIrp(irp);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(one_stack_location_is_enough),
	WORLD_CASE(requests_that_fail_are_completed_too),
	WORLD_CASE(irp_is_used_again_when_it_is_over),
	WORLD_CASE(routine_may_free_the_irp),
	WORLD_CASE(irp_from_above_needs_no_routine),
	WORLD_CASE(routine_of_an_irp_from_above_passes_the_mark_on),
	WORLD_CASE(routine_for_failures_only_is_not_called_of_a_success),
	WORLD_CASE(irp_of_the_program_may_have_locations_to_spare),
	WORLD_CASE(irp_that_is_cancelled_before_its_call_ends_with_it),
	WORLD_CASE(memory_may_lie_in_several_pieces),
	WORLD_CASE(receive_that_is_cancelled_ends_alone),
	WORLD_CASE(accept_connect_and_receives_can_be_cancelled),
	WORLD_CASE(request_that_is_over_is_not_cancelled),
	WORLD_CASE(routine_leaves_the_next_request_to_the_program),
	WORLD_CASE(program_of_one_thread_makes_a_request_and_waits),
};

WORLD_MAIN("wsk requests", cases)
