/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How each kind of operation ends, for each reason to end, on the owning core and from another thread: cases
 * named KIND__REASON__PLACE. What comes out is the table of doc/closes.md, which is held to it:
 *
 *   unit_ops_closes --write doc/closes.md
 */
#include "duo.h"

#include "op/op.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000u
#define BIG (32u << 20)
#define STAYS INT32_MAX		/* it is not ended by that */
#define NONE (INT32_MAX - 1)	/* there is no such case */
#define BYTES 20
#define HELD 20000	/* bytes in packets that the port holds */

enum reason { RESULT, CANCEL, CANCEL_ALL, DEADLINE, CLOSE, ABORT, PEER_FIN, PEER_RESET, GIVES_UP, CLEANUP, THREAD_EXIT,
	      NB_REASONS };

static const char *const reason_name[NB_REASONS] = {
	"result", "cancel", "cancel_all", "deadline", "close", "abort", "peer_fin", "peer_reset", "gives_up",
	"cleanup", "thread_exit",
};

static const char *const reason_text[NB_REASONS] = {
	"what it waits for", "`san_cancel()`", "`san_cancel_all()`", "its deadline", "`san_close()`",
	"abortive `san_disconnect()`", "the peer's FIN", "the peer's RST", "the connection gives up",
	"the last `san_cleanup()`", "the exit of its thread (told to nobody)",
};

struct kind {
	const char *name;
	const char *text;
	/* Post it so that it waits; s[0] is its socket, s[1] the peer, or none. */
	int (*post)(san_handle s[2], struct san_overlapped *op);
	/* What it waits for comes. */
	void (*satisfy)(san_handle s[2]);
	int32_t want[NB_REASONS];
};

static char big[BIG] __attribute__((aligned(4096)));
static char mem[4096];
static struct san_pieces pieces;
static struct san_loan loans[4];
static san_mem registration;	/* of the operation's memory, or SAN_NO_MEM */
static const struct kind *now;
static enum reason why;

static int
post_accept(san_handle s[2], struct san_overlapped *op)
{
	s[0] = duo_listener(1, 81, 4);
	return san_accept(s[0], op, 0);
}

static int
post_accept_repeat(san_handle s[2], struct san_overlapped *op)
{
	s[0] = duo_listener(1, 81, 4);
	return san_accept_repeat(s[0], op, 4);
}

static void
satisfy_accept(san_handle s[2])
{
	(void)s;
	duo_connect(81, duo_op());
}

static int
post_connect(san_handle s[2], struct san_overlapped *op)
{
	struct san_addr to = vhost_addr("10.7.0.2", 81);

	duo_listener(1, 81, 4);
	s[0] = duo_socket(0);
	if (why == GIVES_UP)
		duo_must(san_set_option(s[0], SAN_OPT_USER_TIMEOUT, 1000) == 0);
	duo.mute[0] = true;
	if (why == PEER_RESET) {
		to.port = 82;
		duo.mute[0] = false;
		duo.mute[1] = true;
	}
	return san_connect(s[0], op, &to, 0);
}

static void
unmute(san_handle s[2])
{
	(void)s;
	duo.mute[0] = false;
	duo_pass(3000 * MS);
}

static int
post_send(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_send(s[0], op, big, sizeof(big), 0);
}

static int
post_sendv(san_handle s[2], struct san_overlapped *op)
{
	struct san_vec vec[2] = { { big, 1000 }, { big + 1000, BIG - 1000 } };

	duo_pair(s);
	return san_sendv(s[0], op, vec, 2, 0);
}

static san_mem
registered(void *base, size_t len, unsigned int access)
{
	duo_must(san_mem_register(base, len, access, &registration) == 0);
	return registration;
}

static int
send_lent(san_handle s[2], struct san_overlapped *op, size_t len, enum duo_card card)
{
	struct san_mem_vec vec = { .base = big, .len = len, .mem = registered(big, sizeof(big), SAN_MEM_READ) };

	duo_pair(s);
	duo_let_lend(0);
	duo.card = card;
	return san_send_mem(s[0], op, &vec, 1, 0);
}

static int
post_send_mem(san_handle s[2], struct san_overlapped *op)
{
	return send_lent(s, op, BIG, DUO_CARD_FREES);
}

/* They arrive, and are acknowledged. */
static int
post_send_held(san_handle s[2], struct san_overlapped *op)
{
	return send_lent(s, op, HELD, DUO_CARD_KEEPS);
}

static void
let_go(san_handle s[2])
{
	(void)s;
	duo.card = DUO_CARD_FREES;
	duo_pass(MS);
}

/* The peer reads on. */
static void
read_all(san_handle s[2])
{
	static char sink[BIG];

	duo_must(san_recv(s[1], duo_op(), sink, sizeof(sink), SAN_WAITALL) == 0);
	duo_pass(5000 * MS);
}

static int
post_send_acked(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	duo.mute[0] = true;
	return san_send(s[0], op, big, BYTES, SAN_ACKED);
}

static int
post_recv(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_recv(s[0], op, mem, sizeof(mem), 0);
}

static void
send_rest(san_handle s[2])
{
	duo_must(san_send(s[1], duo_op(), big, BYTES, 0) >= 0);
	duo_pass(MS);
}

/* Some bytes are there, not enough. */
static int
post_recv_waitall(san_handle s[2], struct san_overlapped *op)
{
	int rc;

	duo_pair(s);
	rc = san_recv(s[0], op, mem, BYTES, SAN_WAITALL);
	duo_must(san_send(s[1], duo_op(), big, 6, 0) >= 0);
	return rc;
}

static int
post_recvv(san_handle s[2], struct san_overlapped *op)
{
	struct san_vec vec[2] = { { mem, 10 }, { mem + 100, 100 } };
	int rc;

	duo_pair(s);
	rc = san_recvv(s[0], op, vec, 2, BYTES, 0);
	duo_must(san_send(s[1], duo_op(), big, 12, 0) >= 0);
	return rc;
}

static int
post_recv_mem(san_handle s[2], struct san_overlapped *op)
{
	struct san_mem_vec vec = { .base = mem, .len = 100, .mem = registered(mem, sizeof(mem), SAN_MEM_WRITE) };

	duo_pair(s);
	return san_recv_mem(s[0], op, &vec, 1, 1, 0);
}

static int
post_recv_loan(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_recv_loan(s[0], op, loans, RTE_DIM(loans), 0);
}

static void
send_and_look(san_handle s[2])
{
	send_rest(s);
	duo_must(loans[0].base != NULL && loans[0].len == BYTES && memcmp(loans[0].base, big, BYTES) == 0);
	duo_must(san_loan_return(loans, RTE_DIM(loans)) == 1);
}

static int
post_recv_repeat(san_handle s[2], struct san_overlapped *op)
{
	pieces = (struct san_pieces){ .mem = mem, .size = 1000, .nb = 4 };
	duo_pair(s);
	return san_recv_repeat(s[0], op, &pieces, 0);
}

static int
post_shutdown(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	duo.mute[0] = true;
	return san_shutdown(s[0], op, 0);
}

static int
post_disconnect(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	duo.mute[0] = why == GIVES_UP;	/* else its FIN is acknowledged, and nothing is outstanding */
	return san_disconnect(s[0], op, 0);
}

static int
post_watch(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_watch(s[0], op, 0);
}

static int
post_watch_abort(san_handle s[2], struct san_overlapped *op)
{
	duo_pair(s);
	return san_watch(s[0], op, SAN_ABORT);
}

/* Both directions. */
static void
shut_both(san_handle s[2])
{
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_pass(MS);
	duo_must(san_shutdown(s[0], duo_op(), 0) == 0);
	duo_pass(MS);
}

static void
shut_peer(san_handle s[2])
{
	duo_must(san_shutdown(s[1], duo_op(), 0) == 0);
	duo_pass(MS);
}

#define ENDS_LOCALLY [CANCEL] = -ECANCELED, [CANCEL_ALL] = -ECANCELED, [DEADLINE] = -ETIMEDOUT, [CLOSE] = -ECANCELED, \
	[CLEANUP] = -ECANCELED, [THREAD_EXIT] = -ECANCELED
#define ENDS_WITH_CONNECTION ENDS_LOCALLY, [ABORT] = -ECONNABORTED, [PEER_RESET] = -ECONNRESET, [GIVES_UP] = -ETIMEDOUT
#define NO_CONNECTION [ABORT] = NONE, [PEER_FIN] = NONE

static const struct kind kinds[] = {
	{ "accept", "accept", post_accept, satisfy_accept,
	  { [RESULT] = 0, ENDS_LOCALLY, NO_CONNECTION, [PEER_RESET] = NONE, [GIVES_UP] = NONE } },
	{ "accept_repeat", "repeating accept", post_accept_repeat, satisfy_accept,
	  { [RESULT] = STAYS, ENDS_LOCALLY, NO_CONNECTION, [PEER_RESET] = NONE, [GIVES_UP] = NONE } },
	{ "connect", "connect", post_connect, unmute,
	  { [RESULT] = 0, ENDS_LOCALLY, NO_CONNECTION, [PEER_RESET] = -ECONNREFUSED, [GIVES_UP] = -ETIMEDOUT } },
	{ "send", "send that waits for room", post_send, read_all,
	  { [RESULT] = BIG, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "sendv", "send of several buffers", post_sendv, read_all,
	  { [RESULT] = BIG, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "send_acked", "send with `SAN_ACKED`", post_send_acked, unmute,
	  { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "send_mem", "send from registered memory that waits for room", post_send_mem, read_all,
	  { [RESULT] = BIG, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "send_held", "the same of 20,000 bytes, acknowledged, which the port holds: when it gives them back",
	  post_send_held, let_go, { [RESULT] = HELD, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "recv", "receive", post_recv, send_rest,
	  { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "recv_waitall", "receive with `SAN_WAITALL`, 6 of 20 bytes there", post_recv_waitall, send_rest,
	  { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 6 } },
	{ "recvv", "receive of at least 20 bytes into several buffers, 12 there", post_recvv, send_rest,
	  { [RESULT] = 12 + BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 12 } },
	{ "recv_mem", "receive into registered memory", post_recv_mem, send_rest,
	  { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "recv_loan", "receive in the stack's buffers", post_recv_loan, send_and_look,
	  { [RESULT] = BYTES, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "recv_repeat", "repeating receive", post_recv_repeat, send_rest,
	  { [RESULT] = STAYS, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "shutdown", "shutdown", post_shutdown, unmute,
	  { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
	{ "disconnect", "disconnect", post_disconnect, shut_peer,
	  { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "watch", "watch", post_watch, shut_peer,
	  { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = 0 } },
	{ "watch_abort", "watch with `SAN_ABORT`", post_watch_abort, shut_both,
	  { [RESULT] = 0, ENDS_WITH_CONNECTION, [PEER_FIN] = STAYS } },
};

#define NB_KINDS RTE_DIM(kinds)

/* What was seen: of both places, which agree. */
static int32_t seen[NB_KINDS][NB_REASONS];
static bool partly[NB_KINDS][NB_REASONS];

/* Nothing comes through any more, and something is outstanding. */
static void
fall_silent(san_handle s[2])
{
	duo.cut = true;
	if (now->post == post_connect) {
		duo_pass(20000 * MS);
		return;
	}
	duo_must(san_set_option(s[0], SAN_OPT_USER_TIMEOUT, 1000) == 0);
	if (now->post != post_shutdown && now->post != post_disconnect)
		duo_must(san_send(s[0], duo_op(), big, 1, 0) >= 0);
	duo_pass(120000 * MS);
}

static void
give_reason(san_handle s[2], struct san_overlapped *op)
{
	switch (why) {
	case RESULT:
		now->satisfy(s);
		break;
	case CANCEL:
		duo_must(san_cancel(s[0], op->id) == 0);
		break;
	case CANCEL_ALL:
		duo_must(san_cancel_all(s[0]) == 0);
		break;
	case DEADLINE:
		duo_pass(60 * MS);
		break;
	case CLOSE:
		duo_must(san_close(s[0], s[0]) == 0);
		break;
	case ABORT:
		duo_must(san_disconnect(s[0], duo_op(), SAN_ABORT) == 0);
		break;
	case PEER_FIN:
		shut_peer(s);
		break;
	case PEER_RESET:
		if (now->post == post_connect)
			duo.mute[1] = false;
		else
			duo_end(s[1]);
		duo_pass(3000 * MS);
		break;
	case GIVES_UP:
		fall_silent(s);
		break;
	case CLEANUP:
	case THREAD_EXIT:
	case NB_REASONS:
		break;
	}
	duo_go();
}

/* The result of the one end, STAYS when it has not ended. */
static int32_t
outcome(const struct san_overlapped *op)
{
	const struct san_completion *c = duo_of(op);
	unsigned int i, ends = 0;

	for (i = 0; i < duo.nb; i++)
		ends += duo.comp[i].op == op && !(duo.comp[i].flags & SAN_MORE);
	duo_must(ends <= 1);
	return ends == 1 ? c->result : STAYS;
}

/* Registered memory is in use for as long as the operation is the stack's. */
static void
look_at_memory(bool is_over)
{
	if (registration == SAN_NO_MEM)
		return;
	duo_must(san_mem_deregister(registration) == (is_over ? 0 : -EBUSY));
	if (is_over)
		registration = SAN_NO_MEM;
}

static struct san_overlapped *left;
static pthread_t port;

/* What is left behind waits for the port, which gives its packets back as soon as it does. */
static void *
be_port(void *arg)
{
	while (sani_op_state(left) < SANI_OP_CANCELLING)
		sched_yield();
	while (sani_op_state(left) == SANI_OP_CANCELLING) {
		duo_card_let_go();
		sched_yield();
	}
	return arg;
}

static void
note(int32_t got, const struct san_overlapped *op)
{
	int32_t want = now->want[why];
	size_t kind = (size_t)(now - kinds);

	if (got != want)
		fprintf(stderr, "# %s, %s: %d, not %d\n", now->name, reason_name[why], got, want);
	duo_must(got == want);
	seen[kind][why] = got;
	partly[kind][why] = got < 0 && op->done > 0;
}

/* Of a thread that is gone nobody is told: the structure, which is not on its stack, has it all the same. */
static void
look_behind(void)
{
	if (duo.card == DUO_CARD_KEEPS)
		pthread_join(port, NULL);
	if (why == CLEANUP) {
		note(outcome(left), left);
		return;
	}
	duo_must(sani_op_state(left) == SANI_OP_DONE);
	duo_must(outcome(left) == STAYS);
	note(left->result, left);
	look_at_memory(true);
}

/* What is still pending is left to the cleanup, or to the thread's exit. */
static void
leave_it(struct san_overlapped *op)
{
	left = op;
	duo.leave = true;
	if (duo.card == DUO_CARD_KEEPS && why == CLEANUP)
		duo_must(pthread_create(&port, NULL, be_port, NULL) == 0);
	duo.cleans = why == CLEANUP;
	duo.after = look_behind;
}

/* O9.4: whatever the reason, it does not end while a packet refers to its memory. */
static void
wait_for_port(san_handle s[2], const struct san_overlapped *op)
{
	if (duo.card != DUO_CARD_KEEPS)
		return;
	duo_must(outcome(op) == STAYS && (why != CLOSE || !duo_closed(s[0])));
	look_at_memory(false);
	let_go(s);
}

/* The close is there before the port's packets: else what waits for them ended with its result. */
static void
end_it(san_handle s[2])
{
	duo_must(san_close(s[0], s[0]) == 0);
	duo_go();
	if (duo.card == DUO_CARD_KEEPS)
		let_go(s);
}

static void
play_case(void)
{
	san_handle s[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE };
	struct san_overlapped *op = duo_op();
	int32_t got;

	registration = SAN_NO_MEM;
	memset(loans, 0, sizeof(loans));
	if (why == DEADLINE)
		op->timeout_us = 50 * MS;
	duo_must(now->post(s, op) == 0);
	duo_go();
	duo_must(outcome(op) == STAYS);
	look_at_memory(false);
	if (why == CLEANUP || why == THREAD_EXIT) {
		leave_it(op);
		return;
	}
	give_reason(s, op);
	if (why != PEER_FIN)
		wait_for_port(s, op);
	got = outcome(op);
	note(got, op);
	/* Nothing after the last, whatever comes. */
	if (got != STAYS) {
		duo_pass(1000 * MS);
		duo_must(outcome(op) == got);
		look_at_memory(true);
	}
	if (why != CLOSE) {
		end_it(s);
		duo_must(got != STAYS || outcome(op) == -ECANCELED);
	}
	duo_must(duo_closed(s[0]));
}

static void
run_case(void **state)
{
	uintptr_t n = (uintptr_t)*state;
	enum duo_place place;

	now = &kinds[n / 2 / NB_REASONS];
	why = (enum reason)(n / 2 % NB_REASONS);
	if (n % 2)
		place = DUO_OFF_CORE;
	else
		place = why == THREAD_EXIT ? DUO_ON_CORE_LEFT : DUO_ON_CORE;
	duo_run(play_case, place, 1, 64);
}

static const char *
name_of(int32_t result)
{
	switch (-result) {
	case ECANCELED:
		return "`-ECANCELED`";
	case ETIMEDOUT:
		return "`-ETIMEDOUT`";
	case ECONNRESET:
		return "`-ECONNRESET`";
	case ECONNREFUSED:
		return "`-ECONNREFUSED`";
	case ECONNABORTED:
		return "`-ECONNABORTED`";
	default:
		return "?";
	}
}

static void
print_cell(FILE *f, size_t kind, unsigned int reason)
{
	int32_t got = seen[kind][reason];

	if (kinds[kind].want[reason] == NONE)
		fprintf(f, " |");
	else if (got == STAYS)
		fprintf(f, " goes on |");
	else if (got < 0)
		fprintf(f, " %s%s |", name_of(got), partly[kind][reason] ? ", part done" : "");
	else if (got == (int32_t)BIG)
		fprintf(f, " all |");
	else
		fprintf(f, " %d |", got);
}

static char *
make_page(void)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	fprintf(f, "# How operations end\n\n"
		"Results of each kind of operation for each reason to end, as the cases of\n"
		"`tests/unit/ops/test_closes.c` have seen them, the same on the owning core and from another thread."
		" The\n"
		"page is written by `build/tests/unit/ops/unit_ops_closes --write doc/closes.md`, and the test holds"
		" it to\n"
		"the code. An empty cell: there is no such case. \"Part done\": `op->done` tells how many bytes"
		" had been\n"
		"moved (`san/op.h`, \"Partly\").\n\n"
		"| operation |");
	for (unsigned int r = 0; r < NB_REASONS; r++)
		fprintf(f, " %s |", reason_text[r]);
	fprintf(f, "\n|---|");
	for (unsigned int r = 0; r < NB_REASONS; r++)
		fprintf(f, "---|");
	for (size_t k = 0; k < NB_KINDS; k++) {
		fprintf(f, "\n| %s |", kinds[k].text);
		for (unsigned int r = 0; r < NB_REASONS; r++)
			print_cell(f, k, r);
	}
	fprintf(f, "\n");
	fclose(f);
	return text;
}

/* The last case: what was seen is what the page says. */
static void
page_is_current(void **state)
{
	FILE *f = fopen(*state, "r");
	char *want = make_page();
	static char have[65536];
	size_t n;

	assert_non_null(f);
	n = fread(have, 1, sizeof(have) - 1, f);
	have[n] = '\0';
	fclose(f);
	assert_string_equal(have, want);
	free(want);
}

static void
write_page(void **state)
{
	FILE *f = fopen(*state, "w");
	char *text = make_page();

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	free(text);
}

/* unit_ops_closes [--write] PAGE [CASE] */
int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[NB_KINDS * NB_REASONS * 2 + 1];
	static char names[NB_KINDS * NB_REASONS * 2][64];
	bool write = argc > 1 && strcmp(argv[1], "--write") == 0;
	const char *page = argc > 1 + write ? argv[1 + write] : NULL;
	size_t n, nb = 0;

	for (n = 0; n < NB_KINDS * NB_REASONS * 2; n++) {
		const struct kind *k = &kinds[n / 2 / NB_REASONS];
		unsigned int r = (unsigned int)(n / 2 % NB_REASONS);

		if (k->want[r] == NONE)
			continue;
		snprintf(names[nb], sizeof(names[nb]), "%s__%s__%s", k->name, reason_name[r],
			 n % 2 ? "off_core" : "on_core");
		tests[nb] = (struct CMUnitTest){ .name = names[nb], .test_func = run_case,
						 .initial_state = (void *)(uintptr_t)n };
		nb++;
	}
	if (argc > 2 && !write)
		cmocka_set_test_filter(argv[2]);
	else if (page != NULL)
		tests[nb++] = (struct CMUnitTest){ .name = write ? "page_is_written" : "page_is_current",
						   .test_func = write ? write_page : page_is_current,
						   .initial_state = (void *)(uintptr_t)page };
	return _cmocka_run_group_tests("closes", tests, nb, NULL, NULL);
}
