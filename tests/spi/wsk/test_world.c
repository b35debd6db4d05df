/* SPDX-License-Identifier: BSD-3-Clause */
/* The kit itself: what a subsystem does wrong is noticed. */
#include <string.h>

#include "world.h"

static uint8_t text[] = "abcdef";

static void
assert_noticed(const char *what)
{
	assert_string_equal(world.wrong, what);
	world.wrong[0] = 0;
}

static void
second_completion_is_noticed(void **state)
{
	struct req *r = req_new(NULL);

	(void)state;
	IoSetNextIrpStackLocation(r->irp);
	IoCompleteRequest(r->irp, IO_NO_INCREMENT);
	assert_int_equal(r->done, 1);
	assert_string_equal(world.wrong, "");
	r->irp->CurrentStackLocation = (PIO_STACK_LOCATION)(r->irp + 1);
	r->irp->CurrentLocation = 1;
	IoCompleteRequest(r->irp, IO_NO_INCREMENT);
	assert_noticed("an IRP was completed twice");
}

static void
disconnect_again(struct end *e, struct call *c)
{
	(void)c;
	if (e->nb_calls < 2)
		world_connection_calls.WskDisconnectEvent(e, 0);
}

static void
callback_inside_a_callback_is_noticed(void **state)
{
	struct end *e = end_new(CLIENT, WSK_FLAG_CONNECTION_SOCKET);

	(void)state;
	e->hook = disconnect_again;
	world_connection_calls.WskDisconnectEvent(e, 0);
	assert_noticed("a callback was called inside another one of its socket");
}

static void
callback_after_the_close_is_noticed(void **state)
{
	struct end *e = end_new(CLIENT, WSK_FLAG_CONNECTION_SOCKET);

	(void)state;
	e->closing = req_new(e);
	world_connection_calls.WskDisconnectEvent(e, 0);
	assert_string_equal(world.wrong, "");
	e->closing->done = 1;
	world_connection_calls.WskDisconnectEvent(e, 0);
	assert_noticed("a callback was called after the close had ended");
}

static void
indication_that_lies_about_its_length_is_noticed(void **state)
{
	struct end *e = end_new(CLIENT, WSK_FLAG_CONNECTION_SOCKET);
	WSK_DATA_INDICATION list = { 0 };
	SIZE_T accepted = 6;
	MDL mdl;

	(void)state;
	MmInitializeMdl(&mdl, text, 6);
	list.Buffer = (WSK_BUF){ &mdl, 2, 4 };
	e->take = SIZE_MAX;
	world_connection_calls.WskReceiveEvent(e, 0, &list, 4, &accepted);
	assert_string_equal(world.wrong, "");
	assert_int_equal(e->len, 4);
	assert_memory_equal(e->stream, "cdef", 4);
	list.Buffer.Length = 5;
	world_connection_calls.WskReceiveEvent(e, 0, &list, 5, &accepted);
	assert_noticed("an indication has fewer bytes than it says");
	list.Buffer.Length = 4;
	world_connection_calls.WskReceiveEvent(e, 0, &list, 3, &accepted);
	assert_noticed("an indication does not have the bytes that it is said to have");
}

static void
memory_is_laid_out_in_pieces(void **state)
{
	uint8_t mem[100];
	unsigned int parts;
	unsigned int i;

	(void)state;
	for (parts = 1; parts <= 4; parts++) {
		struct req *r = req_new(NULL);
		size_t sum = 0;

		r->done = 1;
		req_memory(r, mem + 7, 60, parts, 7);
		for (i = 0; i < parts; i++) {
			assert_ptr_equal(MmGetSystemAddressForMdlSafe(r->mdl[i], 0), mem + sum);
			assert_ptr_equal(r->mdl[i]->Next, i + 1 < parts ? r->mdl[i + 1] : NULL);
			sum += MmGetMdlByteCount(r->mdl[i]);
		}
		assert_int_equal(sum, 67);
		assert_int_equal(r->buf.Offset, 7);
		assert_int_equal(r->buf.Length, 60);
	}
}

/* No world: no layer is needed for any of these. */
static int
forget(void **state)
{
	(void)state;
	world_forget();
	memset(&world, 0, sizeof(world));
	return 0;
}

#define KIT_CASE(f) cmocka_unit_test_teardown(f, forget)

static const struct CMUnitTest cases[] = {
	KIT_CASE(second_completion_is_noticed),
	KIT_CASE(callback_inside_a_callback_is_noticed),
	KIT_CASE(callback_after_the_close_is_noticed),
	KIT_CASE(indication_that_lies_about_its_length_is_noticed),
	KIT_CASE(memory_is_laid_out_in_pieces),
};

WORLD_MAIN("wsk kit", cases)
