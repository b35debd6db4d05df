/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows on kernel sockets: what stack_flow.c is on the stack.
 *
 *   perf-kernel sink PORT FLOWS SECONDS
 *   perf-kernel source ADDRESS:PORT FLOWS SECONDS BYTES
 *
 * The sink reads FLOWS connections until each has ended, or SECONDS after the first byte came, and says what
 * came over each of them. The source says when all are connected, waits for SIGUSR1, sends BYTES over each and
 * ends when the sink has closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS 64
#define CHUNK (1 << 18)

/* How long the source waits behind its time for the sink's end. */
#define SOURCE_LATE_US 10000000u

struct flow {
	int fd;
	struct sockaddr_in peer;
	uint64_t bytes;		/* came, or went */
	uint64_t end_us;	/* 0: not yet */
	int shut;
};

static struct flow flows[FLOWS];
static struct pollfd fds[FLOWS + 1];
static unsigned int nb_wanted;
static unsigned int nb_flows;
static uint64_t begin_us;	/* the first byte came; 0: none yet */
static char buffer[CHUNK];

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
die(const char *what)
{
	fprintf(stderr, "perf-kernel: %s: %s.\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in
read_address(char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char *colon = strchr(text, ':');

	a.sin_port = htons((uint16_t)atoi(colon ? colon + 1 : text));
	if (colon != NULL) {
		*colon = '\0';
		if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
			die("the address");
	}
	return a;
}

static void
end_flow(struct flow *f)
{
	f->end_us = now_us();
	close(f->fd);
	f->fd = -1;
}

/* Wait for what flows want; the listener, if there is one, stands behind them. */
static void
wait_flows(short events, int listener)
{
	for (unsigned int i = 0; i < nb_flows; i++) {
		fds[i].fd = flows[i].fd;
		fds[i].events = flows[i].shut ? POLLIN : events;
		fds[i].revents = 0;
	}
	fds[nb_flows] = (struct pollfd){ .fd = nb_flows < nb_wanted ? listener : -1, .events = POLLIN };
	if (poll(fds, nb_flows + 1, 100) < 0 && errno != EINTR)
		die("poll");
}

static void
accept_flow(int listener)
{
	struct flow *f = &flows[nb_flows];
	socklen_t len = sizeof(f->peer);

	f->fd = accept4(listener, (struct sockaddr *)&f->peer, &len, SOCK_NONBLOCK);
	if (f->fd < 0)
		die("accept");
	nb_flows++;
}

static unsigned int
drain_flows(void)
{
	unsigned int nb_open = 0;

	for (unsigned int i = 0; i < nb_flows; i++) {
		struct flow *f = &flows[i];
		ssize_t n;

		if (f->end_us != 0)
			continue;
		nb_open++;
		if (!fds[i].revents)
			continue;
		n = read(f->fd, buffer, sizeof(buffer));
		if (n > 0 && begin_us == 0)
			begin_us = now_us();
		if (n > 0)
			f->bytes += (uint64_t)n;
		else if (n == 0 || errno != EAGAIN)
			end_flow(f);
	}
	return nb_open;
}

static void
say_flows(void)
{
	for (unsigned int i = 0; i < nb_flows; i++) {
		struct flow *f = &flows[i];
		char text[INET_ADDRSTRLEN];

		printf("flow %u: %" PRIu64 " bytes in %" PRIu64 " us from %s\n", i, f->bytes,
		       (f->end_us ? f->end_us : now_us()) - begin_us,
		       inet_ntop(AF_INET, &f->peer.sin_addr, text, sizeof(text)));
	}
}

static int
sink(char *port, uint64_t limit_us)
{
	struct sockaddr_in any = read_address(port);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, FLOWS) < 0)
		die("listen");
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		wait_flows(POLLIN, listener);
		if (drain_flows() == 0 && nb_flows == nb_wanted)
			break;
		if (fds[nb_flows].revents)
			accept_flow(listener);
		if (begin_us != 0 && now_us() - begin_us >= limit_us)
			break;
	}
	say_flows();
	return 0;
}

static void
connect_flows(char *server)
{
	struct sockaddr_in peer = read_address(server);

	for (; nb_flows < nb_wanted; nb_flows++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
			die("connect");
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			die("fcntl");
		flows[nb_flows].fd = fd;
	}
	printf("connected\n");
	fflush(stdout);
}

/* The sink has closed, by FIN or by RST. */
static void
see_end(struct flow *f)
{
	ssize_t n = read(f->fd, buffer, sizeof(buffer));

	if (n == 0 || (n < 0 && errno != EAGAIN))
		end_flow(f);
}

static void
fill(struct flow *f, uint64_t bytes)
{
	uint64_t left = bytes - f->bytes;
	ssize_t n = 0;

	if (left > 0)
		n = send(f->fd, buffer, left < CHUNK ? (size_t)left : CHUNK, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		end_flow(f);
		return;
	}
	f->bytes += n > 0 ? (uint64_t)n : 0;
	if (f->bytes == bytes) {
		f->shut = 1;
		shutdown(f->fd, SHUT_WR);
	}
}

static int
source(char *server, uint64_t limit_us, uint64_t bytes)
{
	unsigned int nb_open = nb_wanted;
	uint64_t start_us;
	sigset_t go;
	int which;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	connect_flows(server);
	sigwait(&go, &which);
	start_us = now_us();
	while (nb_open > 0 && now_us() - start_us < limit_us + SOURCE_LATE_US) {
		wait_flows(POLLOUT, -1);
		nb_open = 0;
		for (unsigned int i = 0; i < nb_flows; i++) {
			if (flows[i].end_us == 0 && fds[i].revents) {
				if (flows[i].shut)
					see_end(&flows[i]);
				else
					fill(&flows[i], bytes);
			}
			nb_open += flows[i].end_us == 0;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t limit_us;

	if (argc < 5 || (nb_wanted = (unsigned int)atoi(argv[3])) == 0 || nb_wanted > FLOWS) {
		fprintf(stderr, "perf-kernel sink PORT FLOWS SECONDS\n"
			"perf-kernel source ADDRESS:PORT FLOWS SECONDS BYTES\n");
		return 2;
	}
	limit_us = (uint64_t)(atof(argv[4]) * 1e6);
	if (strcmp(argv[1], "sink") == 0)
		return sink(argv[2], limit_us);
	return argc == 6 ? source(argv[2], limit_us, strtoull(argv[5], NULL, 10)) : 2;
}
