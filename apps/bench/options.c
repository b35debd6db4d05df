/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "bench.h"

#define LISTS_MAX 6
#define SECONDS_LEAST 0.01	/* some slices (meter.c): with none that have ended there is no figure */

static const struct bench_option all_options[] = {
	{ "json", BENCH_FLAG, NULL, 0, 0, "JSON to standard output, not a table" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const struct bench_option repeat_options[] = {
	{ "repeat", BENCH_NUMBER, "7", 1, BENCH_REPEAT_MAX,
	  "repetitions: printed are their median, least and most" },
	{ "seconds", BENCH_REAL, "0.3", 0, 86400,
	  "of one repetition, 0.01 at least, without slices that are\nleft out; at most five times that with them" },
	{ "near", BENCH_REAL, "0", 0, 86400,
	  "wait for processors that are near each other, so long\nat most, all repetitions together [s]" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const struct bench_option slices_options[] = {
	{ "warm", BENCH_REAL, "0.1", 0, 86400, "before each repetition, not measured" },
	{ "stall", BENCH_NUMBER, "0", 0, 10000000,
	  "no progress for so long [us]: the slice is left out;\n"
	  "0: never. For peers in another process: above their\nround trip" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const struct bench_option world_options[] = {
	{ "threads", BENCH_NUMBER, NULL, 1, 2,
	  "both ends in this process, over a ring pair: 2, the\n"
	  "default where there are two lcores: an end each; 1: one\nthread has both" },
	{ "off-core", BENCH_FLAG, NULL, 0, 0,
	  "the client's program has a thread of its own, the other\npolls both ends" },
	{ "peer", BENCH_TEXT_ARG, NULL, 0, 0,
	  "ADDRESS of a server (san-bench serve) over a port: this\nis the client's end only" },
	{ "peer-cpu", BENCH_NUMBER, NULL, 0, 4095,
	  "processor of that server, to see whether it is near" },
	{ "config", BENCH_TEXT_ARG, NULL, 0, 0,
	  "with --peer: FILE of the host (doc/configuration.md)" },
	{ "device", BENCH_TEXT_ARG, NULL, 0, 0,
	  "with --peer: the port; default: the only one there is" },
	{ "address", BENCH_TEXT_ARG, "10.9.0.1/24", 0, 0, "with --device" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const struct bench_option port_options[] = {
	{ "config", BENCH_TEXT_ARG, NULL, 0, 0, "FILE of the host (doc/configuration.md)" },
	{ "device", BENCH_TEXT_ARG, NULL, 0, 0, "or the port alone; default: the only one there is" },
	{ "address", BENCH_TEXT_ARG, "10.9.0.2/24", 0, 0, "with --device" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

/* The option lists of a command, LISTS_MAX at most. @return How many. */
static unsigned int
lists_of(const struct bench_command *c, const struct bench_option **lists)
{
	unsigned int n = 0;

	if (c->options != NULL)
		lists[n++] = c->options;
	if (c->groups & BENCH_REPEAT)
		lists[n++] = repeat_options;
	if (c->groups & BENCH_SLICES)
		lists[n++] = slices_options;
	if (c->groups & BENCH_WORLD)
		lists[n++] = world_options;
	if (c->groups & BENCH_PORT)
		lists[n++] = port_options;
	lists[n++] = all_options;
	return n;
}

static const char *
argument_of(const struct bench_option *o)
{
	static const char *const names[] = { "", " N", " N,N...", " N,N...", " X", " TEXT" };

	return names[o->kind];
}

static void
print_option(const struct bench_option *o)
{
	int width = printf("  --%s%s", o->name, argument_of(o));
	const char *line = o->help;

	printf("%*s", width < 23 ? 24 - width : 1, "");
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		printf("%.*s", (int)len, line);
		line += len;
		if (*line == '\n') {
			printf("\n%24s", "");
			line++;
		}
	}
	if (o->value != NULL)
		printf("; default %s", o->value);
	putchar('\n');
}

void
bench_print_help(const struct bench_command *c)
{
	const struct bench_option *lists[LISTS_MAX];
	unsigned int n = lists_of(c, lists);

	printf("san-bench EAL-ARGUMENTS -- %s [OPTIONS]\n\n%s\n\n", c->name, c->text);
	for (unsigned int i = 0; i < n; i++) {
		for (const struct bench_option *o = lists[i]; o->name != NULL; o++)
			print_option(o);
	}
}

static double
parse_real(const struct bench_option *o, const char *text)
{
	char *end;
	double x = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(x) || x < (double)o->min || x > (double)o->max)
		prog_refuse("--%s is \"%s\", accepted is a number from %llu to %llu.", o->name, text,
			    (unsigned long long)o->min, (unsigned long long)o->max);
	return x;
}

static unsigned int
parse_list(const struct bench_option *o, const char *text, uint64_t *list)
{
	unsigned int n = 0;
	char name[BENCH_TEXT];

	snprintf(name, sizeof(name), "--%s", o->name);
	for (;;) {
		size_t len = strcspn(text, ",");
		char word[32];

		if (n == BENCH_LIST_MAX)
			prog_refuse("%s has more than %d numbers.", name, BENCH_LIST_MAX);
		snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word) - 1), text);
		list[n++] = prog_number(name, word, o->min, o->max);
		if (o->kind == BENCH_RISING && n > 1 && list[n - 1] < list[n - 2])
			prog_refuse("%s goes upwards: %s comes before a number that is more.", name, word);
		if (text[len] == '\0')
			return n;
		text += len + 1;
	}
}

/* Wrong values are refused before anything is started. */
static void
check_value(const struct bench_option *o, const char *text)
{
	uint64_t list[BENCH_LIST_MAX];
	char name[BENCH_TEXT];

	snprintf(name, sizeof(name), "--%s", o->name);
	if (o->kind == BENCH_NUMBER)
		prog_number(name, text, o->min, o->max);
	else if (o->kind == BENCH_LIST || o->kind == BENCH_RISING)
		parse_list(o, text, list);
	else if (o->kind == BENCH_REAL)
		parse_real(o, text);
}

/* Beside its default. */
static bool
is_given(const struct bench *b, const char *option)
{
	for (unsigned int i = 0; i < b->nb_options; i++)
		if (strcmp(b->options[i].option->name, option) == 0)
			return b->options[i].given != NULL;
	return false;
}

/* What would not be looked at is refused: figures would not be what was asked for. */
static void
check_ends(const struct bench *b)
{
	static const char *const of_both[] = { "threads", "off-core" };
	static const char *const of_one[] = { "config", "device", "address", "peer-cpu" };
	bool one = bench_has(b, "peer");

	for (unsigned int i = 0; i < RTE_DIM(of_both); i++) {
		if (one && bench_has(b, of_both[i]))
			prog_refuse("--%s is of a client and a server in this process, not of --peer.", of_both[i]);
	}
	for (unsigned int i = 0; i < RTE_DIM(of_one); i++) {
		if (!one && is_given(b, of_one[i]))
			prog_refuse("--%s is of --peer only.", of_one[i]);
	}
}

static void
check_port(const struct bench *b)
{
	static const char *const of_port[] = { "device", "address" };

	for (unsigned int i = 0; i < RTE_DIM(of_port); i++) {
		if (is_given(b, "config") && is_given(b, of_port[i]))
			prog_refuse("--%s is not beside --config, which says it.", of_port[i]);
	}
}

static void
check_seconds(const struct bench *b)
{
	if (bench_real(b, "seconds") < SECONDS_LEAST)
		prog_refuse("--seconds is \"%s\", accepted is a number from %g to 86400.", bench_text(b, "seconds"),
			    SECONDS_LEAST);
}

void
bench_take_options(struct bench *b, int argc, char **own)
{
	const struct bench_option *lists[LISTS_MAX];
	struct option names[BENCH_OPTIONS_MAX + 1] = { { NULL, 0, NULL, 0 } };
	unsigned int n = lists_of(b->command, lists);
	int id;

	for (unsigned int i = 0; i < n; i++) {
		for (const struct bench_option *o = lists[i]; o->name != NULL; o++) {
			if (b->nb_options == BENCH_OPTIONS_MAX)
				prog_refuse("%s has too many options.", b->command->name);
			names[b->nb_options] = (struct option){
				o->name, o->kind == BENCH_FLAG ? no_argument : required_argument, NULL,
				256 + (int)b->nb_options,
			};
			b->options[b->nb_options++].option = o;
		}
	}
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc - 1, own + 1, "", names, NULL)) != -1) {
		if (id < 256)
			prog_refuse("\"%s\" is not an option of %s, or lacks its value.", own[optind],
				    b->command->name);
		b->options[id - 256].given = optarg != NULL ? optarg : "1";
		if (optarg != NULL)
			check_value(b->options[id - 256].option, optarg);
	}
	if (optind < argc - 1)
		prog_refuse("\"%s\" is not an option of %s.", own[optind + 1], b->command->name);
	if (b->command->groups & BENCH_WORLD)
		check_ends(b);
	if (b->command->groups & (BENCH_WORLD | BENCH_PORT))
		check_port(b);
	if (b->command->groups & BENCH_REPEAT)
		check_seconds(b);
}

/* The option of this name, and its text; a name that the command does not have is a fault of the program. */
static const struct bench_option *
find_option(const struct bench *b, const char *name, const char **text)
{
	for (unsigned int i = 0; i < b->nb_options; i++) {
		const struct bench_option *o = b->options[i].option;

		if (strcmp(o->name, name) != 0)
			continue;
		*text = b->options[i].given != NULL ? b->options[i].given : o->value;
		return o;
	}
	prog_complain("%s has no option --%s.", b->command->name, name);
	abort();
}

bool
bench_has(const struct bench *b, const char *option)
{
	const char *text;

	find_option(b, option, &text);
	return text != NULL;
}

uint64_t
bench_number(const struct bench *b, const char *option)
{
	const char *text;

	find_option(b, option, &text);
	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

double
bench_real(const struct bench *b, const char *option)
{
	const char *text;
	const struct bench_option *o = find_option(b, option, &text);

	return text != NULL ? parse_real(o, text) : 0;
}

const char *
bench_text(const struct bench *b, const char *option)
{
	const char *text;

	find_option(b, option, &text);
	return text;
}

unsigned int
bench_list(const struct bench *b, const char *option, uint64_t *list)
{
	const char *text;
	const struct bench_option *o = find_option(b, option, &text);

	return parse_list(o, text, list);
}
