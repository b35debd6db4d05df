/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Bench: the frame of san-bench: a table of commands, their options, the rows of figures they print.
 *
 * Model:   a command is a row of bench_commands[] (main.c): name, help, options, run(). run() measures in repetitions
 *          and puts one value of each repetition into a row of results; the frame prints median, least and most of
 *          each row: a table for people, or JSON (--json) for programs. Everything else goes to standard error.
 * Like:    what the two processors share decides half of a figure, and a virtual machine's may move between two
 *          repetitions. So each repetition is of a place (near, far, one), and a row is of one place only.
 * Threads: the main thread, but where said otherwise.
 * Exit:    0 measured, 1 something failed, 2 wrong arguments.
 */
#ifndef APPS_BENCH_BENCH_H
#define APPS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../common/prog.h"

/** Most repetitions, values of a list, options of a command, rows. */
#define BENCH_REPEAT_MAX 100
#define BENCH_LIST_MAX 16
#define BENCH_OPTIONS_MAX 48
#define BENCH_ROWS_MAX 256
#define BENCH_TEXT 112

struct bench;

/* Options */

enum bench_kind {
	BENCH_FLAG,	/**< Given or not. */
	BENCH_NUMBER,	/**< A whole number from min to max. */
	BENCH_LIST,	/**< Such numbers, with commas between. */
	BENCH_RISING,	/**< Such a list, none less than the one before. */
	BENCH_REAL,	/**< A decimal number from min to max. */
	BENCH_TEXT_ARG,	/**< Any text. */
};

struct bench_option {
	const char *name;	/**< Without "--"; NULL ends a list. */
	enum bench_kind kind;
	const char *value;	/**< The default as it would be given; NULL: none. */
	uint64_t min, max;
	const char *help;	/**< One line; further ones begin with "\n". */
};

/** Options that commands share; a command names the groups it has. */
enum bench_group {
	BENCH_REPEAT = 1 << 0,	/**< --repeat --seconds --near */
	BENCH_SLICES = 1 << 1,	/**< --warm --stall */
	BENCH_MEASURE = BENCH_REPEAT | BENCH_SLICES,	/**< What bench_meter_run() wants. */
	BENCH_WORLD = 1 << 2,	/**< Both ends, or the client's: --threads --off-core --peer and so on */
	BENCH_PORT = 1 << 3,	/**< One end: --config --device --address */
};

/** The option --mbufs. */
#define BENCH_MBUFS(value, help) { "mbufs", BENCH_NUMBER, value, 512, 16777216, help }

struct bench_command {
	const char *name;
	const char *summary;	/**< Half a line. */
	const char *text;	/**< What --help says below it; whole lines. */
	const struct bench_option *options;	/**< Its own; NULL: none. */
	unsigned int groups;	/**< enum bench_group */
	int (*run)(struct bench *b);	/**< @return exit status. */
};

/** All commands (main.c); NULL ends it. */
extern const struct bench_command *const bench_commands[];

/** Read the arguments of a command, or exit 2. own[0] is the program, own[1] the command. */
void
bench_take_options(struct bench *b, int argc, char **own);

/** Print the help of a command to standard output. */
void
bench_print_help(const struct bench_command *c);

/** Was it given, or has it a default? */
bool
bench_has(const struct bench *b, const char *option);

/** The value of an option that has one (given or default); a flag is 0 or 1. */
uint64_t
bench_number(const struct bench *b, const char *option);

double
bench_real(const struct bench *b, const char *option);

/** NULL: neither given nor a default. */
const char *
bench_text(const struct bench *b, const char *option);

/** @param[out] list BENCH_LIST_MAX of them. @return How many, 1 or more. */
unsigned int
bench_list(const struct bench *b, const char *option, uint64_t *list);

/* The machine */

/** Where the two processors that worked together stand. */
enum bench_place {
	BENCH_ONE,	/**< One processor did all. */
	BENCH_NEAR,	/**< A cache line goes there and back in less than BENCH_NEAR_NS. */
	BENCH_FAR,
	BENCH_UNKNOWN,	/**< Another process is the other end, and its processor was not said (--peer-cpu). */
};

#define BENCH_NEAR_NS 150.0

const char *
bench_place_name(enum bench_place place);

struct bench_machine {
	char cpu[BENCH_TEXT];
	char kernel[BENCH_TEXT];
	char dpdk[BENCH_TEXT];
	char memory[BENCH_TEXT];	/**< Huge pages, or none. */
	unsigned int cpus;
	double load;			/**< Of the last minute, when the command began. */
	double tsc_hz;
	double line_ns_min, line_ns_max;	/**< Round trips of a line as measured; 0: none was. */
};

/** Look at it; the EAL runs. */
void
bench_look(struct bench_machine *m);

/**
 * Measure the round trip of a cache line between two processors, by threads of its own, note it in b->machine, and have
 * b->place say how near they are. When it cannot be measured, b->place stays near or far if it was.
 */
void
bench_look_line(struct bench *b, unsigned int cpu_a, unsigned int cpu_b);

#define BENCH_LOOK_AGAIN_US 100000u

/**
 * --near: it was far, and not all of the command's time for that is over. @return true: let BENCH_LOOK_AGAIN_US go by
 * and look again; they are counted.
 */
bool
bench_wait_near(struct bench *b);

/** Resident memory of this process, every page counted [bytes]. */
uint64_t
bench_resident(void);

/** Address space of this process [bytes]. */
uint64_t
bench_mapped(void);

/** prog_alloc(), complained of when there is none. */
void *
bench_alloc(size_t size);

/* Results */

struct bench_row {
	char name[BENCH_TEXT];
	const char *unit;		/**< Static. */
	char note[BENCH_TEXT];
	enum bench_place place;
	unsigned int n;			/**< Repetitions that gave a value. */
	uint64_t slices, disturbed;	/**< In all repetitions; how many of them were left out. */
	double value[BENCH_REPEAT_MAX];
};

struct bench {
	const struct bench_command *command;
	struct {
		const struct bench_option *option;
		const char *given;	/**< NULL: not given. */
	} options[BENCH_OPTIONS_MAX];
	unsigned int nb_options;
	int eal_argc;
	char **eal_argv;
	struct prog prog;
	struct bench_machine machine;
	enum bench_place place;		/**< Of the values that follow: bench_look_line(), or the command. */
	uint64_t waited_us;		/**< For processors near each other (--near). */
	struct bench_row *rows;
	unsigned int nb_rows;
};

/**
 * The row of this name and of the present place, made when it is new. @return NULL: there are too many, complained of.
 * A name says what and under which circumstances: "echo 64 bytes, 100 connections: rate".
 */
struct bench_row *
bench_row(struct bench *b, const char *unit, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** One repetition's value; NULL is allowed. */
void
bench_put(struct bench_row *row, double value);

/** How many slices a repetition had, and how many of them were left out. */
void
bench_disturbed(struct bench_row *row, uint64_t slices, uint64_t left_out);

/** Said beside the row; the last one counts. */
void
bench_note(struct bench_row *row, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Print all rows, as a table or as JSON. */
void
bench_print(struct bench *b);

/** A line to standard error about how far it is. */
#define bench_progress prog_complain

#endif
