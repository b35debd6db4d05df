/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Demo: two hosts in one process over a ring pair, and one thread that polls both.
 *
 * main.c the story; step.c what each phase does with its ends; messages.c small messages there and back; bulk.c one
 * stream; farewell.c a close with operations pending.
 * Every socket is an "end" with a function that hears of its completions.
 */
#ifndef APPS_SANDEMO_DEMO_H
#define APPS_SANDEMO_DEMO_H

#include "../common/hist.h"
#include "../common/prog.h"

#define MESSAGE 64
#define CONNECTIONS_MAX 256

struct demo;
struct end;

typedef void (*end_fn)(struct demo *d, struct end *e, const struct san_completion *comp);

/** One end of a connection. */
struct end {
	struct san_overlapped tx;
	struct san_overlapped rx;
	end_fn on;
	san_handle sock;
	bool open;			/**< The close completion has not come. */
	bool connected;
	uint64_t asked_ns;
	unsigned char out[MESSAGE];
	unsigned char in[MESSAGE];
};

enum { CLIENT_HOST, SERVER_HOST };

struct demo {
	struct prog prog;
	unsigned int connections;
	double seconds;			/**< Of the whole. */
	san_handle listener;
	bool listening;
	struct san_overlapped accept;
	struct end *pending;		/**< Takes the next accepted connection. */
	bool broken;			/**< Something went wrong; it was complained. */
	unsigned int open;		/**< Sockets whose close has not come, the listener included. */
	struct end clients[CONNECTIONS_MAX];
	struct end servers[CONNECTIONS_MAX];
	/* messages.c */
	bool asking;
	uint64_t messages;
	struct prog_hist times;
};

uint64_t
demo_now_ns(void);

/** One line of the story. */
void
demo_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** One poll round and what it brought. */
void
demo_step(struct demo *d);

/** Steps until *what is true; false after limit_s seconds, a signal or a failure. */
bool
demo_wait(struct demo *d, const bool *what, double limit_s);

/** For an end of which nobody wants to hear. */
void
demo_hear_nothing(struct demo *d, struct end *e, const struct san_completion *comp);

/** Connect one pair of ends through the network. False: complained. */
bool
demo_connect(struct demo *d, struct end *client, struct end *server);

/** Close an end, with its completions going on to e->on. */
void
demo_close(struct demo *d, struct end *e);

/** Something that should not have failed. Says it once. */
void
demo_fail(struct demo *d, const char *what, int code);

/** Each phase: false when it was broken off. */
bool
messages_run(struct demo *d, double seconds);
bool
bulk_run(struct demo *d, double seconds);
bool
farewell_run(struct demo *d);

#endif
