/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle itself: each thing that it is there to find, shown to it as a made-up completion. No library runs.
 */
#include <errno.h>
#include <string.h>

#include "net.h"

static struct watch w;
static struct wsock *s;

/* A watch with one socket, as if the library had made it. */
static void
begin(void)
{
	memset(&w, 0, sizeof(w));
	s = watch_adopt(&w, 0x0100000100000001ull);
}

static void
end(unsigned int faults)
{
	assert_int_equal(w.nb_faults != 0, faults != 0);
	watch_forget(&w);
}

/* An operation, as if a post had been accepted. */
static struct wop *
accepted(enum san_op_kind kind, size_t len)
{
	struct wop *op = watch_op(&w);

	watch_note(op, s, kind, len, 0, 0);
	return op;
}

static struct san_completion
ended(struct wop *op, int32_t result)
{
	struct san_completion c = {
		.user = op->user, .sock = s->h, .op = &op->ov, .result = result, .kind = op->kind,
	};

	op->ov.result = result;
	return c;
}

static struct san_completion
closed(void)
{
	struct san_completion c = { .user = s->close_user, .sock = s->h, .kind = SAN_OP_CLOSE };

	return c;
}

static void
show(struct san_completion c)
{
	watch_check(&w, &c);
}

static void
right_sequence_has_no_fault(void **state)
{
	struct wop *op[2];

	(void)state;
	begin();
	op[0] = accepted(SAN_OP_RECV, 10);
	op[1] = accepted(SAN_OP_RECV, 10);
	show(ended(op[0], 10));
	show(ended(op[1], -ECANCELED));
	atomic_store(&s->close_asked, true);
	show(closed());
	end(0);
}

static void
second_end_is_found(void **state)
{
	struct wop *op;

	(void)state;
	begin();
	op = accepted(SAN_OP_RECV, 10);
	show(ended(op, 10));
	show(ended(op, 10));
	end(1);
}

static void
wrong_order_is_found(void **state)
{
	struct wop *op[2];

	(void)state;
	begin();
	op[0] = accepted(SAN_OP_RECV, 10);
	op[1] = accepted(SAN_OP_RECV, 10);
	show(ended(op[1], 10));
	show(ended(op[0], 10));
	end(1);
}

static void
close_before_an_end_is_found(void **state)
{
	(void)state;
	begin();
	accepted(SAN_OP_RECV, 10);
	atomic_store(&s->close_asked, true);
	show(closed());
	end(1);
}

static void
end_behind_close_is_found(void **state)
{
	struct wop *op;

	(void)state;
	begin();
	op = accepted(SAN_OP_RECV, 10);
	s->nb_pending = 0;
	atomic_store(&s->close_asked, true);
	show(closed());
	assert_int_equal(w.nb_faults, 0);
	s->nb_pending = 1;
	show(ended(op, -ECANCELED));
	end(1);
}

static void
second_close_is_found(void **state)
{
	(void)state;
	begin();
	atomic_store(&s->close_asked, true);
	show(closed());
	show(closed());
	end(1);
}

static void
close_that_nobody_asked_for_is_found(void **state)
{
	(void)state;
	begin();
	show(closed());
	end(1);
}

static void
impossible_results_are_found(void **state)
{
	static const struct {
		enum san_op_kind kind;
		int32_t result;
	} bad[] = {
		{ SAN_OP_RECV, 11 }, { SAN_OP_RECV, -EPIPE }, { SAN_OP_SEND, 9 }, { SAN_OP_SEND, 0 },
		{ SAN_OP_SHUTDOWN, 1 }, { SAN_OP_CONNECT, -ECONNRESET }, { SAN_OP_ACCEPT, -ECONNRESET },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin();
		show(ended(accepted(bad[i].kind, 10), bad[i].result));
		end(1);
	}
}

static void
foreign_value_is_found(void **state)
{
	struct san_completion c;

	(void)state;
	begin();
	c = ended(accepted(SAN_OP_RECV, 10), 10);
	c.user++;
	show(c);
	end(1);
}

static void
disagreement_of_completion_and_structure_is_found(void **state)
{
	struct san_completion c;

	(void)state;
	begin();
	c = ended(accepted(SAN_OP_RECV, 10), 10);
	c.result = 9;
	show(c);
	end(1);
}

static void
operation_that_never_ends_is_found(void **state)
{
	(void)state;
	begin();
	accepted(SAN_OP_RECV, 10);
	atomic_store(&s->close_asked, true);
	watch_audit(&w);
	end(1);
}

static void
socket_that_never_closes_is_found(void **state)
{
	(void)state;
	begin();
	atomic_store(&s->close_asked, true);
	watch_audit(&w);
	end(1);
}

static void
wrong_answers_of_posts_are_found(void **state)
{
	struct wop *op;

	(void)state;
	begin();
	watch_note(watch_op(&w), s, SAN_OP_RECV, 10, 0, 1);
	end(1);
	begin();
	watch_note(watch_op(&w), s, SAN_OP_RECV, 10, 0, -EIO);
	end(1);
	begin();
	op = accepted(SAN_OP_RECV, 10);
	watch_note(op, s, SAN_OP_RECV, 10, 0, 0);
	end(1);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(right_sequence_has_no_fault),
	NET_CASE(second_end_is_found),
	NET_CASE(wrong_order_is_found),
	NET_CASE(close_before_an_end_is_found),
	NET_CASE(end_behind_close_is_found),
	NET_CASE(second_close_is_found),
	NET_CASE(close_that_nobody_asked_for_is_found),
	NET_CASE(impossible_results_are_found),
	NET_CASE(foreign_value_is_found),
	NET_CASE(disagreement_of_completion_and_structure_is_found),
	NET_CASE(operation_that_never_ends_is_found),
	NET_CASE(socket_that_never_closes_is_found),
	NET_CASE(wrong_answers_of_posts_are_found),
};

NET_MAIN("watch", cases)
