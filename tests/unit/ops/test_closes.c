/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How each kind of operation ends, for each reason to end, on the owning core and from another thread: cases
 * named KIND__REASON__PLACE. What comes out is the table of doc/closes.md, which is held to it:
 *
 *   unit_ops_closes --write doc/closes.md
 */
#include "closes.h"

#include "op/op.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const reason_name[NB_REASONS] = {
	"result", "cancel", "cancel_all", "deadline", "close", "abort", "peer_fin", "peer_reset", "gives_up",
	"cleanup", "thread_exit",
};

static const char *const reason_text[NB_REASONS] = {
	"what it waits for", "`san_cancel()`", "`san_cancel_all()`", "its deadline", "`san_close()`",
	"abortive `san_disconnect()`", "the peer's FIN", "the peer's RST", "the connection gives up",
	"the last `san_cleanup()`", "the exit of its thread (told to nobody)",
};

static const struct closes_kind *now;

/* What was seen: of both places, which agree. */
static int32_t seen[CLOSES_KINDS][NB_REASONS];
static bool partly[CLOSES_KINDS][NB_REASONS];

/* Nothing comes through any more, and something is outstanding. */
static void
fall_silent(san_handle s[2])
{
	duo.cut = true;
	if (now->connects) {
		duo_pass(20000 * MS);
		return;
	}
	duo_must(san_set_option(s[0], SAN_OPT_USER_TIMEOUT, 1000) == 0);
	if (!now->shuts)
		duo_must(san_send(s[0], duo_op(), closes_big, 1, 0) >= 0);
	duo_pass(120000 * MS);
}

static void
give_reason(san_handle s[2], struct san_overlapped *op)
{
	switch (closes.why) {
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
		closes_shut_peer(s);
		break;
	case PEER_RESET:
		if (now->connects)
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
	if (closes.registration == SAN_NO_MEM)
		return;
	duo_must(san_mem_deregister(closes.registration) == (is_over ? 0 : -EBUSY));
	if (is_over)
		closes.registration = SAN_NO_MEM;
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
	int32_t want = now->want[closes.why];
	size_t kind = (size_t)(now - closes_kinds);

	if (got != want)
		fprintf(stderr, "# %s, %s: %d, not %d\n", now->name, reason_name[closes.why], got, want);
	duo_must(got == want);
	seen[kind][closes.why] = got;
	partly[kind][closes.why] = got < 0 && op->done > 0;
}

/* Of a thread that is gone nobody is told: the structure, which is not on its stack, has it all the same. */
static void
look_behind(void)
{
	if (duo.card == DUO_CARD_KEEPS)
		pthread_join(port, NULL);
	if (closes.why == CLEANUP) {
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
	if (duo.card == DUO_CARD_KEEPS && closes.why == CLEANUP)
		duo_must(pthread_create(&port, NULL, be_port, NULL) == 0);
	duo.cleans = closes.why == CLEANUP;
	duo.after = look_behind;
}

/* O9.4: whatever the reason, it does not end while a packet refers to its memory. */
static void
wait_for_port(san_handle s[2], const struct san_overlapped *op)
{
	if (duo.card != DUO_CARD_KEEPS)
		return;
	duo_must(outcome(op) == STAYS && (closes.why != CLOSE || !duo_closed(s[0])));
	look_at_memory(false);
	closes_let_go(s);
}

/* The close is there before the port's packets: else what waits for them ended with its result. */
static void
end_it(san_handle s[2])
{
	duo_must(san_close(s[0], s[0]) == 0);
	duo_go();
	if (duo.card == DUO_CARD_KEEPS)
		closes_let_go(s);
}

static void
play_case(void)
{
	san_handle s[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE };
	struct san_overlapped *op = duo_op();
	int32_t got;

	closes.registration = SAN_NO_MEM;
	memset(closes.loans, 0, sizeof(closes.loans));
	if (closes.why == DEADLINE)
		op->timeout_us = 50 * MS;
	duo_must(now->post(s, op) == 0);
	duo_go();
	duo_must(outcome(op) == STAYS);
	look_at_memory(false);
	if (closes.why == CLEANUP || closes.why == THREAD_EXIT) {
		leave_it(op);
		return;
	}
	give_reason(s, op);
	if (closes.why != PEER_FIN)
		wait_for_port(s, op);
	got = outcome(op);
	note(got, op);
	/* Nothing after the last, whatever comes. */
	if (got != STAYS) {
		duo_pass(1000 * MS);
		duo_must(outcome(op) == got);
		look_at_memory(true);
	}
	if (closes.why != CLOSE) {
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

	now = &closes_kinds[n / 2 / NB_REASONS];
	closes.why = (enum reason)(n / 2 % NB_REASONS);
	if (n % 2)
		place = DUO_OFF_CORE;
	else
		place = closes.why == THREAD_EXIT ? DUO_ON_CORE_LEFT : DUO_ON_CORE;
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

	if (closes_kinds[kind].want[reason] == NONE)
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
	for (size_t k = 0; k < CLOSES_KINDS; k++) {
		fprintf(f, "\n| %s |", closes_kinds[k].text);
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
	static struct CMUnitTest tests[CLOSES_KINDS * NB_REASONS * 2 + 1];
	static char names[CLOSES_KINDS * NB_REASONS * 2][64];
	bool write = argc > 1 && strcmp(argv[1], "--write") == 0;
	const char *page = argc > 1 + write ? argv[1 + write] : NULL;
	size_t n, nb = 0;

	for (n = 0; n < CLOSES_KINDS * NB_REASONS * 2; n++) {
		const struct closes_kind *k = &closes_kinds[n / 2 / NB_REASONS];
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
