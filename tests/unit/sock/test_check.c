/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What builds with assertions check at run time: each assertion is seen to fire, once, for a socket that is
 * broken on purpose. Other builds have none of them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sock/priv.h"
#include "test.h"

#define SLOTS 2

static struct san_core k;
static struct san_overlapped op[8];
static _Atomic uint64_t words[SLOTS];
static struct sani_slots slots;
static struct sani_sock socks[SLOTS];
static struct sani_sock_more more[SLOTS];
static struct sani_lane lane;
static struct sani_deadline deadlines[4];
static struct sani_accepting *accepting;
static struct sani_sock *so;

static void
set_up_op(struct san_overlapped *o, enum san_op_kind kind)
{
	*o = (struct san_overlapped){ .kind = (uint8_t)kind, .sock = sani_handle(0, 1, 7) };
	sani_op_set(o, SANI_OP_POSTED);
	so->nb_ops++;
}

static void
add(struct sani_oplist *l, struct san_overlapped *o, enum san_op_kind kind)
{
	set_up_op(o, kind);
	sani_oplist_append(l, o);
}

/* Slot 1, generation 7: two receives, two sends of which the second waits. */
static void
begin(void)
{
	k = (struct san_core){ .nb_slots = SLOTS, .socks = socks, .more = more, .slots = &slots, .paused = SANI_NONE };
	k.deadlines.list = deadlines;
	slots.words = words;
	atomic_store(&words[1], sani_word(7, 1, SANI_SLOT_OPEN));
	so = &socks[1];
	*so = (struct sani_sock){ .word = sani_word(7, 1, SANI_SLOT_OPEN), .place = 1, .conn = SANI_NONE,
				  .phase = SANI_SOCK_CONNECTED, .lane = &lane };
	lane.ring = sani_spsc_create(1, sizeof(struct sani_cq_entry));
	assert_non_null(lane.ring);
	assert_true(sani_extras_init(&lane.extras, 4, 0));
	add(&so->recv, &op[0], SAN_OP_RECV);
	add(&so->recv, &op[1], SAN_OP_RECV);
	add(&so->send, &op[2], SAN_OP_SEND);
	add(&so->send, &op[3], SAN_OP_SEND);
	so->unsent = &op[3];
}

/* The same as a listener with two accepts, one of them spoken for. */
static void
begin_listener(void)
{
	begin();
	so->recv = so->send = (struct sani_oplist){ 0 };
	so->unsent = NULL;
	so->nb_ops = 0;
	so->phase = SANI_SOCK_LISTENING;
	accepting = calloc(1, sizeof(*accepting));
	assert_non_null(accepting);
	*accepting = (struct sani_accepting){ .nb_accepts = 2, .nb_taken = 1 };
	more[1].accepting = accepting;
	so->listens = true;
	add(&so->recv, &op[0], SAN_OP_ACCEPT);
	add(&so->recv, &op[1], SAN_OP_ACCEPT);
}

/* The same with a lent send that is out, and cancelled, in front. */
static void
begin_lent(void)
{
	struct sani_extra *x;

	begin();
	x = sani_extra_take(&lane.extras);
	x->nb_mem = 1;
	x->lent = (struct sani_lending){ .core = &k, .op = &op[2], .out = true };
	op[2].u.extra = x;
	op[2].flags |= SANI_OP_EXTRA;
	op[2].state = SANI_OP_CANCELLING;
	op[3].state = SANI_OP_CANCELLING;
	k.nb_lent = 1;
}

static struct sani_lending *
lending(void)
{
	return &sani_op_extra(&op[2])->lent;
}

static void lent_is_anothers(void) { lending()->op = &op[3]; }
static void lent_is_not_counted(void) { k.nb_lent = 0; }
static void cancelled_behind_nothing(void) { lending()->out = false; }
static void look_at_lent_entry(void) { sani_check_entry(&k, so, &op[2]); }

static void
close_still_holds_it(void)
{
	atomic_store(&words[1], sani_word(7, 1, SANI_SLOT_CLOSING));
	so->close = SANI_CLOSE_POSTING;
	so->unsent = NULL;
	lending()->holding = true;
}

static void state_is_free(void) { op[0].state = SANI_OP_FREE; }
static void state_is_done(void) { op[2].state = SANI_OP_DONE; }
static void receive_is_cancelling(void) { op[0].state = SANI_OP_CANCELLING; }
static void socket_is_another(void) { op[1].sock++; }
static void mark_of_the_list_is_missing(void) { op[1].flags = 0; }
static void repeats_without_an_extra(void) { op[0].flags |= SANI_OP_REPEAT; }
static void deadline_is_anothers(void) { op[0].flags |= SANI_OP_TIMED; }
static void link_back_is_wrong(void) { op[1].prev = &op[2]; }
static void send_among_receives(void) { op[0].kind = SAN_OP_SEND; }
static void accept_on_a_connection(void) { op[0].kind = SAN_OP_ACCEPT; }
static void tail_is_wrong(void) { so->recv.tail = &op[0]; }
static void count_of_operations_is_wrong(void) { so->nb_ops++; }
static void unsent_is_on_no_list(void) { so->unsent = &op[7]; }
static void generation_moved_on(void) { atomic_store(&words[1], sani_word(8, 1, SANI_SLOT_OPEN)); }
static void slot_is_retired(void) { atomic_store(&words[1], sani_word(7, 1, SANI_SLOT_RETIRED)); }
static void closes_while_open(void) { so->close = SANI_CLOSE_POSTING; }
static void accepts_miscounted(void) { accepting->nb_accepts++; }
static void repeating_miscounted(void) { accepting->nb_repeating++; }
static void cancelling_miscounted(void) { accepting->nb_cancelling++; }
static void more_taken_than_accepts(void) { accepting->nb_taken = 3; }
static void more_offers_than_backlog(void) { accepting->nb = 1; }

static void
connect_while_connected(void)
{
	set_up_op(&op[4], SAN_OP_CONNECT);
	op[4].flags |= SANI_OP_LISTED;
	so->connect = &op[4];
}

static void
closes_with_a_connection(void)
{
	atomic_store(&words[1], sani_word(7, 1, SANI_SLOT_CLOSING));
	so->close = SANI_CLOSE_POSTING;
	so->conn = 3;
}

static void
closes_while_paused(void)
{
	atomic_store(&words[1], sani_word(7, 1, SANI_SLOT_CLOSING));
	so->close = SANI_CLOSE_POSTING;
	so->paused = true;
}

static void
repeats_and_is_polled(void)
{
	op[0].u.extra = sani_extra_take(&lane.extras);
	op[0].flags |= SANI_OP_REPEAT | SANI_OP_EXTRA | SAN_POLLED;
}

static void
extra_is_of_another_queue(void)
{
	static struct sani_extra other;

	op[0].u.extra = &other;
	op[0].flags |= SANI_OP_EXTRA;
}

static void look(void) { sani_check_sock(&k, so); }
static void look_at_entry(void) { sani_check_entry(&k, so, &op[0]); }
static void ring_is_full(void) { sani_lane_place(&lane); sani_spsc_publish(lane.ring); }
static void put_twice(void) { ring_is_full(); ring_is_full(); }
static void entry_is_done(void) { op[0].state = SANI_OP_DONE; }
static void list_twice(void) { sani_oplist_append(&so->recv, &op[0]); }
static void unlist(void) { sani_oplist_remove(&so->recv, &op[0]); }
static void unlist_twice(void) { unlist(); unlist(); }
static void nothing(void) { }

/* Does it abort? In a process of its own. */
static bool
aborts(void (*set_up)(void), void (*spoil)(void), void (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		set_up();
		spoil();
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
what_is_sound_passes(void **state)
{
	(void)state;
	assert_false(aborts(begin, nothing, look));
	assert_false(aborts(begin, nothing, look_at_entry));
	assert_false(aborts(begin_listener, nothing, look));
	assert_false(aborts(begin_lent, nothing, look));
}

#define SPOILT(set_up, spoil, act) \
static void \
spoil##_fires(void **state) \
{ \
	(void)state; \
	assert_true(aborts(set_up, spoil, act)); \
}

SPOILT(begin, state_is_free, look)
SPOILT(begin, state_is_done, look)
SPOILT(begin, receive_is_cancelling, look)
SPOILT(begin, socket_is_another, look)
SPOILT(begin, mark_of_the_list_is_missing, look)
SPOILT(begin, repeats_without_an_extra, look)
SPOILT(begin, repeats_and_is_polled, look)
SPOILT(begin, deadline_is_anothers, look)
SPOILT(begin, extra_is_of_another_queue, look)
SPOILT(begin, link_back_is_wrong, look)
SPOILT(begin, send_among_receives, look)
SPOILT(begin, accept_on_a_connection, look)
SPOILT(begin, tail_is_wrong, look)
SPOILT(begin, count_of_operations_is_wrong, look)
SPOILT(begin, unsent_is_on_no_list, look)
SPOILT(begin, generation_moved_on, look)
SPOILT(begin, slot_is_retired, look)
SPOILT(begin, closes_while_open, look)
SPOILT(begin, closes_with_a_connection, look)
SPOILT(begin, closes_while_paused, look)
SPOILT(begin, connect_while_connected, look)
SPOILT(begin_listener, accepts_miscounted, look)
SPOILT(begin_listener, repeating_miscounted, look)
SPOILT(begin_listener, cancelling_miscounted, look)
SPOILT(begin_listener, more_taken_than_accepts, look)
SPOILT(begin_listener, more_offers_than_backlog, look)
SPOILT(begin_lent, lent_is_anothers, look)
SPOILT(begin_lent, lent_is_not_counted, look)
SPOILT(begin_lent, cancelled_behind_nothing, look)
SPOILT(begin_lent, close_still_holds_it, look)
SPOILT(begin, entry_is_done, look_at_entry)
SPOILT(begin, ring_is_full, look_at_entry)
SPOILT(begin, put_twice, nothing)
SPOILT(begin, list_twice, nothing)
SPOILT(begin, unlist_twice, nothing)

/* What a packet refers to does not end. */
static void
end_of_what_is_out_fires(void **state)
{
	(void)state;
	assert_true(aborts(begin_lent, nothing, look_at_lent_entry));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sound_passes),
		cmocka_unit_test(lent_is_anothers_fires),
		cmocka_unit_test(lent_is_not_counted_fires),
		cmocka_unit_test(cancelled_behind_nothing_fires),
		cmocka_unit_test(close_still_holds_it_fires),
		cmocka_unit_test(end_of_what_is_out_fires),
		cmocka_unit_test(state_is_free_fires),
		cmocka_unit_test(state_is_done_fires),
		cmocka_unit_test(receive_is_cancelling_fires),
		cmocka_unit_test(socket_is_another_fires),
		cmocka_unit_test(mark_of_the_list_is_missing_fires),
		cmocka_unit_test(repeats_without_an_extra_fires),
		cmocka_unit_test(repeats_and_is_polled_fires),
		cmocka_unit_test(deadline_is_anothers_fires),
		cmocka_unit_test(extra_is_of_another_queue_fires),
		cmocka_unit_test(link_back_is_wrong_fires),
		cmocka_unit_test(send_among_receives_fires),
		cmocka_unit_test(accept_on_a_connection_fires),
		cmocka_unit_test(tail_is_wrong_fires),
		cmocka_unit_test(count_of_operations_is_wrong_fires),
		cmocka_unit_test(unsent_is_on_no_list_fires),
		cmocka_unit_test(generation_moved_on_fires),
		cmocka_unit_test(slot_is_retired_fires),
		cmocka_unit_test(closes_while_open_fires),
		cmocka_unit_test(closes_with_a_connection_fires),
		cmocka_unit_test(closes_while_paused_fires),
		cmocka_unit_test(connect_while_connected_fires),
		cmocka_unit_test(accepts_miscounted_fires),
		cmocka_unit_test(repeating_miscounted_fires),
		cmocka_unit_test(cancelling_miscounted_fires),
		cmocka_unit_test(more_taken_than_accepts_fires),
		cmocka_unit_test(more_offers_than_backlog_fires),
		cmocka_unit_test(entry_is_done_fires),
		cmocka_unit_test(ring_is_full_fires),
		cmocka_unit_test(put_twice_fires),
		cmocka_unit_test(list_twice_fires),
		cmocka_unit_test(unlist_twice_fires),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
