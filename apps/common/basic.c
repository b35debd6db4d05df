/* SPDX-License-Identifier: BSD-3-Clause */
#include "basic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

volatile sig_atomic_t prog_stop;
const char *prog_name = "san";

static void
print_line(FILE *to, const char *fmt, va_list args)
{
	fprintf(to, "%s: ", prog_name);
	vfprintf(to, fmt, args);
	fputc('\n', to);
	fflush(to);
}

void
prog_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stdout, fmt, args);
	va_end(args);
}

void
prog_complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stderr, fmt, args);
	va_end(args);
}

void
prog_refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "%s --help says what is accepted.\n", prog_name);
	exit(2);
}

static void
print_help(const char *usage)
{
	fputs(usage, stdout);
	exit(0);
}

int
prog_split(int *argc, char **argv, const char *usage, char ***own)
{
	char *slash = strrchr(argv[0], '/');
	int all = *argc;

	if (slash != NULL)
		argv[0] = slash + 1;
	prog_name = argv[0];
	for (int i = 1; i < all; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			print_help(usage);
	}
	*argc = 1;
	while (*argc < all && strcmp(argv[*argc], "--") != 0)
		(*argc)++;
	if (*argc == all) {
		*own = argv;
		return 1;
	}
	argv[*argc] = argv[0];
	*own = argv + *argc;
	return all - *argc;
}

uint64_t
prog_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min || n > max)
		prog_refuse("%s is \"%s\", accepted is a whole number from %llu to %llu.", option, text,
			    (unsigned long long)min, (unsigned long long)max);
	return n;
}

static void
note_signal(int number)
{
	(void)number;
	prog_stop = 1;
}

void
prog_catch_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

uint64_t
prog_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}
