/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define LIMIT_MS 300000
#define LONGEST_SENTENCE 480

static int say_fd = -1;

void
child_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(say_fd, fmt, ap);
	va_end(ap);
	if (write(say_fd, "\n", 1) != 1)
		_exit(99);
}

void
child_say_error(const char *name, int code)
{
	const char *text = san_error();
	char line[2048];
	size_t n = 0;

	/* A sentence of two lines must not pass for one. */
	for (; *text && n < sizeof(line) - 3; text++) {
		if (*text == '\n') {
			line[n++] = '\\';
			line[n++] = 'n';
		} else {
			line[n++] = *text;
		}
	}
	line[n] = '\0';
	child_say("%s %d %s", name, code, line);
}

static void
be_child(int out[2], int err[2], void (*scenario)(void))
{
	close(out[0]);
	close(err[0]);
	say_fd = out[1];
	dup2(err[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	close(err[1]);
	signal(SIGALRM, SIG_DFL);
	alarm(LIMIT_MS / 1000);
	scenario();
	exit(0);
}

/* Append what there is; false at the end of the stream. */
static bool
drain(int fd, char *text, size_t size, size_t *len)
{
	char scrap[4096];
	ssize_t n = read(fd, scrap, sizeof(scrap));
	size_t room = size - 1 - *len;

	if (n <= 0)
		return false;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(text + *len, scrap, room);
	*len += room;
	text[*len] = '\0';
	return true;
}

static void
listen_to(struct child *c, int out, int err)
{
	struct pollfd fds[2] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
	size_t out_len = 0;
	size_t err_len = 0;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, LIMIT_MS) <= 0)
			break;
		if (fds[0].revents && !drain(out, c->out, sizeof(c->out), &out_len))
			fds[0].fd = -1;
		if (fds[1].revents && !drain(err, c->err, sizeof(c->err), &err_len))
			fds[1].fd = -1;
	}
	close(out);
	close(err);
}

void
child_run(struct child *c, void (*scenario)(void))
{
	int out[2];
	int err[2];
	pid_t pid;

	memset(c, 0, sizeof(*c));
	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(err), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_child(out, err, scenario);
	close(out[1]);
	close(err[1]);
	listen_to(c, out[0], err[0]);
	assert_int_equal(waitpid(pid, &c->status, 0), pid);
	if (!WIFEXITED(c->status) || WEXITSTATUS(c->status) != 0) {
		print_error("# the child ended with status 0x%x and said:\n%s%s\n", c->status, c->out,
			    c->err);
		fail();
	}
}

const char *
child_line(const struct child *c, const char *name)
{
	static char line[2048];
	const char *at = c->out;
	size_t len = strlen(name);

	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		if (strncmp(at, name, len) != 0 || at[len] != ' ')
			continue;
		snprintf(line, sizeof(line), "%s", at + len + 1);
		line[strcspn(line, "\n")] = '\0';
		return line;
	}
	fail_msg("the child never said \"%s\"; it said:\n%s%s", name, c->out, c->err);
	return "";
}

static bool
has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (; *text; text++) {
		if (strncasecmp(text, word, len) == 0)
			return true;
	}
	return false;
}

void
child_assert_sentence(const struct child *c, const char *name, int code, const char *const *words)
{
	const char *line = child_line(c, name);
	char *text;
	long found = strtol(line, &text, 10);
	size_t len;

	if (code ? found != code : found >= 0)
		fail_msg("%s answered %ld, not %d: \"%s\"", name, found, code, text);
	text += *text == ' ';
	len = strlen(text);
	if (len < 20 || len > LONGEST_SENTENCE)
		fail_msg("%s: no sentence: \"%s\"", name, text);
	if (strstr(text, "\\n"))
		fail_msg("%s: more than one line: \"%s\"", name, text);
	for (; *words; words++) {
		if (!has_word(text, *words))
			fail_msg("%s: the sentence does not name \"%s\": \"%s\"", name, *words, text);
	}
}
