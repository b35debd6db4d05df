/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands from standard input, one a line, each answered with one line: "loss 1%" for both directions,
 * "right loss 1%" for the frames to the right only, "stats". The end of the input ends nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "impair.h"

#define WORDS 3

static unsigned int
split_words(char *line, char *words[WORDS + 1])
{
	unsigned int n = 0;
	char *save = NULL;

	for (char *word = strtok_r(line, " \t\r", &save); word != NULL && n <= WORDS;
	     word = strtok_r(NULL, " \t\r", &save))
		words[n++] = word;
	return n;
}

static void
change(struct bridge *b, unsigned int sides, const char *name, const char *value)
{
	char why[256];

	for (unsigned int i = 0; i < SIDES; i++) {
		struct way *w = &b->ways[i];

		if ((sides & 1u << i) == 0)
			continue;
		if (!setting_apply(&w->conf, name, value, why, sizeof(why))) {
			prog_complain("%s", why);
			return;
		}
		sani_impair_set(w->imp, &w->conf);
	}
	prog_say("%s is %s%s", name, value, sides == 1u << SIDE_LEFT ? " to the left" :
		 sides == 1u << SIDE_RIGHT ? " to the right" : "");
}

static void
obey(struct bridge *b, char *line)
{
	char *words[WORDS + 1];
	unsigned int n = split_words(line, words), sides = n == 3 ? setting_sides(words[0]) : 0;

	if (n == 0)
		return;
	if (n == 1 && strcmp(words[0], "stats") == 0)
		bridge_say(b);
	else if (n == 2)
		change(b, setting_sides("both"), words[0], words[1]);
	else if (sides != 0)
		change(b, sides, words[1], words[2]);
	else
		prog_complain("a command is \"NAME VALUE\", \"left NAME VALUE\", \"right NAME VALUE\" or \"stats\".");
}

void
commands_read(struct bridge *b)
{
	static char text[256];
	static size_t len;
	static bool ended;
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	char *end;
	ssize_t n;

	if (ended || poll(&fd, 1, 0) != 1)
		return;
	n = read(STDIN_FILENO, text + len, sizeof(text) - 1 - len);
	if (n <= 0) {
		ended = n == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	len += (size_t)n;
	while ((end = memchr(text, '\n', len)) != NULL) {
		size_t used = (size_t)(end - text) + 1;

		*end = '\0';
		obey(b, text);
		memmove(text, text + used, len - used);
		len -= used;
	}
	if (len == sizeof(text) - 1) {
		prog_complain("a command has at most %zu bytes.", len - 1);
		len = 0;
	}
}
