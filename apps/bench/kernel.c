/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same over sockets of the kernel, on its loopback, so that a ratio has both of its sides from one machine and one
 * hour. Both ends are programs of a world without hosts; an end asks epoll without ever waiting, as a core is polled,
 * which is the best that the kernel can do here: nobody has to be woken.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "commands.h"
#include "pair.h"

#define BATCH 2		/* of a step: a long one would look like a lost processor (BENCH_GAP_US) */
#define BUFFER 32768u
#define FILES 65536u	/* descriptors at most */
#define UNDER_WAY 512u	/* requests, as of rpc */
#define OPENING 128u
#define LIMIT_S 30.0
#define FULL 1448.0	/* bytes of a full segment at an MTU of 1500, with timestamps */

static const struct bench_option options[] = {
	{ "connections", BENCH_RISING, "1,100,1000", 1, 16000, "of rpc, measured one after the other, upwards" },
	{ "size", BENCH_NUMBER, "64", 1, 16384, "of a request, and of its answer [bytes]" },
	{ "batch", BENCH_NUMBER, "128", 1, 4096, "connections at once that are opened, used and closed" },
	{ "threads", BENCH_NUMBER, NULL, 1, 2, "2, the default where there are two lcores, or 1" },
	{ NULL, BENCH_FLAG, NULL, 0, 0, NULL },
};

static const char text[] =
	"What rpc, stream and connect measure, over sockets of the kernel on its loopback, without the stack: both\n"
	"ends in this process, each with an epoll that it asks and never waits for. Cycles of the stream are those\n"
	"for 1448 bytes. A ratio is good only between figures of one hour, one number of threads and one place.";

enum mode { STREAM, CONNECT, RPC };
enum state { GONE, CONNECTING, IDLE, FLOWING, WAITING, CLOSING };
enum { DONE, OPENED, BROKEN };

struct conn {
	int fd;
	enum state state;
	uint32_t have;		/* of the answer [bytes] */
	uint64_t begun;		/* of the request [TSC] */
};

/* Of the client's thread; the server's part is its own. */
struct kernel {
	struct bench *b;
	struct bench_world *world;
	struct bench_meter *meter;
	enum mode mode;
	bool running, all_open, all_back;
	int epoll;
	uint32_t want, begun, connecting, under_way, size, name;
	struct conn *conns;
	uint32_t *ready, ready_mask, head, tail;
	unsigned char *bytes;
	struct sockaddr_in address[2];	/* echo, discard */
	uint64_t count[BENCH_COUNTS];
	struct {
		int epoll, listener[2];
		unsigned char *kind;	/* by descriptor: 0 none, 1 echo, 2 discard */
		unsigned char *bytes;
	} server;
};

static bool
watch(int epoll, int fd, uint32_t events, uint64_t what, int how)
{
	struct epoll_event event = { .events = events, .data.u64 = what };

	return epoll_ctl(epoll, how, fd, &event) == 0;
}

static int
make_socket(int fd)
{
	int on = 1;

	if (fd >= 0 && (unsigned int)fd < FILES && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The server */

static void
accept_all(struct kernel *k, unsigned int which)
{
	for (int i = 0; i < BATCH; i++) {
		int fd = make_socket(accept4(k->server.listener[which], NULL, NULL, SOCK_NONBLOCK));

		if (fd < 0)
			return;
		k->server.kind[fd] = (unsigned char)(1 + which);
		if (!watch(k->server.epoll, fd, EPOLLIN, (uint64_t)fd, EPOLL_CTL_ADD))
			close(fd);
	}
}

static void
serve(struct kernel *k, int fd)
{
	ssize_t n = read(fd, k->server.bytes, BUFFER);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && k->server.kind[fd] == 2)
		return;
	if (n > 0 && write(fd, k->server.bytes, (size_t)n) == n)
		return;
	k->server.kind[fd] = 0;
	close(fd);
}

static unsigned int
step_server(struct bench_side *side, void *arg)
{
	struct kernel *k = arg;
	struct epoll_event events[BATCH];
	int n = epoll_wait(k->server.epoll, events, BATCH, 0);

	(void)side;
	for (int i = 0; i < n; i++) {
		int fd = (int)events[i].data.u64;

		if (fd == k->server.listener[0] || fd == k->server.listener[1])
			accept_all(k, fd == k->server.listener[1]);
		else
			serve(k, fd);
	}
	return n > 0 ? (unsigned int)n : 0;
}

/* The client */

static void
lose(struct kernel *k, struct conn *c)
{
	k->count[BROKEN]++;
	close(c->fd);
	c->state = GONE;
}

/* Each to another address of the loopback: as many ports as are needed, whatever lingers. */
static void
open_one(struct kernel *k, struct conn *c)
{
	struct sockaddr_in to = k->address[k->mode == STREAM];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + k->name++ % 4096);
	c->fd = make_socket(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	c->state = CONNECTING;
	k->connecting++;
	if (c->fd >= 0 && (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS) &&
	    watch(k->epoll, c->fd, EPOLLOUT, (uint64_t)(c - k->conns), EPOLL_CTL_ADD))
		return;
	prog_complain("kernel: a socket cannot be had: %s.", strerror(errno));
	k->connecting--;
	lose(k, c);
}

static void
send_request(struct kernel *k, struct conn *c)
{
	c->begun = rte_rdtsc();
	c->have = 0;
	c->state = WAITING;
	k->under_way++;
	if (write(c->fd, k->bytes, k->size) == (ssize_t)k->size)
		return;
	k->under_way--;
	lose(k, c);
}

static void
put_ready(struct kernel *k, struct conn *c)
{
	c->state = IDLE;
	k->ready[k->tail++ & k->ready_mask] = (uint32_t)(c - k->conns);
}

static void
on_connected(struct kernel *k, struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);
	uint64_t index = (uint64_t)(c - k->conns);

	k->connecting--;
	k->count[OPENED]++;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0 || (k->mode != STREAM && !watch(k->epoll, c->fd, EPOLLIN, index, EPOLL_CTL_MOD)))
		lose(k, c);
	else if (k->mode == STREAM)
		c->state = FLOWING;
	else if (k->mode == CONNECT)
		send_request(k, c);
	else
		put_ready(k, c);
}

static void
on_answer(struct kernel *k, struct conn *c)
{
	k->under_way--;
	if (k->mode == CONNECT) {
		c->state = CLOSING;
		shutdown(c->fd, SHUT_WR);
		return;
	}
	k->count[DONE]++;
	if (k->meter != NULL)
		bench_meter_note(k->meter, rte_rdtsc() - c->begun);
	put_ready(k, c);
}

static void
on_readable(struct kernel *k, struct conn *c)
{
	ssize_t n = read(c->fd, k->bytes + BUFFER, BUFFER);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 0 && c->state == CLOSING) {
		close(c->fd);
		c->state = GONE;
		k->count[DONE]++;
		if (k->running)
			open_one(k, c);
	} else if (n <= 0 || c->state != WAITING) {
		k->under_way -= c->state == WAITING;
		lose(k, c);
	} else {
		c->have += (uint32_t)n;
		if (c->have >= k->size)
			on_answer(k, c);
	}
}

static void
on_event(struct kernel *k, struct conn *c)
{
	ssize_t n;

	if (c->state == CONNECTING) {
		on_connected(k, c);
	} else if (c->state == FLOWING) {
		n = k->running ? write(c->fd, k->bytes, BUFFER) : 0;
		if (n > 0)
			k->count[DONE] += (uint64_t)n;
	} else if (c->state != GONE) {
		on_readable(k, c);
	}
}

static unsigned int
step_client(struct bench_side *side, void *arg)
{
	struct kernel *k = arg;
	struct epoll_event events[BATCH];
	int nb = epoll_wait(k->epoll, events, BATCH, 0);
	unsigned int n = nb > 0 ? (unsigned int)nb : 0;

	(void)side;
	for (unsigned int i = 0; i < n; i++)
		on_event(k, &k->conns[events[i].data.u64]);
	for (unsigned int i = 0; i < BATCH && k->begun < k->want && k->connecting < OPENING; i++, n++)
		open_one(k, &k->conns[k->begun++]);
	while (k->running && k->head != k->tail && k->under_way < UNDER_WAY && n < 2 * BATCH) {
		send_request(k, &k->conns[k->ready[k->head++ & k->ready_mask]]);
		n++;
	}
	k->all_open = k->begun == k->want && (k->connecting == 0 || k->mode == CONNECT);
	k->all_back = k->under_way == 0 && k->connecting == 0;
	return n;
}

/* Measuring */

static void
report(struct kernel *k, const char *what)
{
	struct bench_meter *m = k->meter;
	double n = (double)m->sum[DONE] / (k->mode == STREAM ? FULL : 1);
	char name[BENCH_TEXT];

	snprintf(name, sizeof(name), "kernel %s", what);
	if (k->mode == STREAM)
		bench_put_rate(m, bench_row(k->b, "Gbit/s", "%s: data", name), DONE, 8e-9);
	else
		bench_put_rate(m, bench_row(k->b, "k/s", "%s: rate", name), DONE, 1e-3);
	bench_put_cycles(m, name, n);
	if (k->mode != RPC)
		return;
	bench_put_time(m, bench_row(k->b, "us", "%s: p50", name), 0.5);
	bench_put_time(m, bench_row(k->b, "us", "%s: p99", name), 0.99);
}

/* So many connections in all, one thing with them, measured. */
static bool
measure(struct kernel *k, enum mode mode, uint32_t connections, const char *what)
{
	bool good;

	bench_progress("%s", what);
	k->mode = mode;
	k->want = connections;
	k->all_open = false;
	k->running = mode == CONNECT;
	good = bench_world_until(k->world, &k->all_open, LIMIT_S);
	k->running = true;
	for (unsigned int i = 0; i < bench_number(k->b, "repeat") && good && k->count[BROKEN] == 0; i++) {
		good = bench_meter_run(k->meter) && k->count[BROKEN] == 0;
		if (good)
			report(k, what);
	}
	k->running = false;
	k->all_back = false;
	good = good && bench_world_until(k->world, &k->all_back, LIMIT_S) && k->count[BROKEN] == 0;
	if (!good && !prog_stop)
		prog_complain("kernel: %s: %llu connections broken, %u on their way.", what,
			      (unsigned long long)k->count[BROKEN], k->connecting);
	return good;
}

static void
close_all(struct kernel *k)
{
	for (uint32_t i = 0; i < k->begun; i++) {
		if (k->conns[i].state != GONE)
			close(k->conns[i].fd);
		k->conns[i].state = GONE;
	}
	k->begun = k->want = 0;
}

static bool
measure_all(struct kernel *k)
{
	uint64_t connections[BENCH_LIST_MAX];
	unsigned int n = bench_list(k->b, "connections", connections);
	char what[BENCH_TEXT];
	bool good = measure(k, STREAM, 1, "stream out, copied");

	close_all(k);
	good = good && measure(k, CONNECT, (uint32_t)bench_number(k->b, "batch"), "connect, in the flow");
	close_all(k);
	for (unsigned int i = 0; i < n && good; i++) {
		snprintf(what, sizeof(what), "rpc closed, %u B, %u connections", k->size, (uint32_t)connections[i]);
		good = measure(k, RPC, (uint32_t)connections[i], what);
	}
	close_all(k);
	return good;
}

static bool
listen_on(struct kernel *k, unsigned int which)
{
	struct sockaddr_in *a = &k->address[which];
	socklen_t len = sizeof(*a);
	int fd = make_socket(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));

	*a = (struct sockaddr_in){ .sin_family = AF_INET };
	k->server.listener[which] = fd;
	if (fd >= 0 && bind(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 && listen(fd, 4096) == 0 &&
	    getsockname(fd, (struct sockaddr *)a, &len) == 0 &&
	    watch(k->server.epoll, fd, EPOLLIN, (uint64_t)fd, EPOLL_CTL_ADD))
		return true;
	prog_complain("kernel: no listener: %s.", strerror(errno));
	return false;
}

static bool
make(struct kernel *k, uint32_t connections)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	k->size = (uint32_t)bench_number(k->b, "size");
	for (k->ready_mask = 1; k->ready_mask <= connections; k->ready_mask *= 2)
		continue;
	k->conns = calloc(connections, sizeof(*k->conns));
	k->ready = calloc(k->ready_mask--, sizeof(*k->ready));
	k->bytes = calloc(2, BUFFER);
	k->server.bytes = calloc(1, BUFFER);
	k->server.kind = calloc(1, FILES);
	k->epoll = epoll_create1(0);
	k->server.epoll = epoll_create1(0);
	return k->conns != NULL && k->ready != NULL && k->bytes != NULL && k->server.bytes != NULL &&
	       k->server.kind != NULL && k->epoll >= 0 && k->server.epoll >= 0 && listen_on(k, 0) && listen_on(k, 1);
}

static void
end(struct kernel *k)
{
	for (unsigned int fd = 0; k->server.kind != NULL && fd < FILES; fd++) {
		if (k->server.kind[fd] != 0)
			close((int)fd);
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (k->server.listener[i] >= 0)
			close(k->server.listener[i]);
	}
	if (k->epoll >= 0)
		close(k->epoll);
	if (k->server.epoll >= 0)
		close(k->server.epoll);
	free(k->conns);
	free(k->ready);
	free(k->bytes);
	free(k->server.bytes);
	free(k->server.kind);
}

static int
run(struct bench *b)
{
	struct bench_world world = { .b = b };
	struct kernel k = { .b = b, .world = &world, .epoll = -1, .server = { -1, { -1, -1 }, NULL, NULL } };
	struct bench_program client = { NULL, step_client, &k, 0 };
	struct bench_program server = { NULL, step_server, &k, 0 };
	uint32_t most = pair_most(b, "connections"), batch = (uint32_t)bench_number(b, "batch");
	bool good = make(&k, most > batch ? most : batch);

	k.meter = bench_meter_make(&world, k.count);
	if (good && k.meter != NULL) {
		good = bench_world_open_bare(&world, b, &client, &server) && measure_all(&k);
		bench_world_close(&world);
	}
	end(&k);
	free(k.meter);
	return good ? 0 : 1;
}

const struct bench_command bench_kernel = {
	.name = "kernel",
	.summary = "requests, a stream and short connections over the kernel's loopback",
	.text = text,
	.options = options,
	.groups = BENCH_MEASURE,
	.run = run,
};
