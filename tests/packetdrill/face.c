/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/face.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "packetdrill/option.h"
#include "packetdrill/stage.h"

/* The arguments of any of these calls. */
struct call {
	int fd;
	int number;		/* backlog, how, level, cmd */
	int name;
	unsigned long request;
	const struct sockaddr *to;
	struct sockaddr *from;
	socklen_t *from_size;
	const void *value;
	void *result;
	socklen_t size;
	struct pollfd *fds;
	nfds_t nb_fds;
	bool forever;
};

long
face_answer(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

/* Does a call on this socket wait? Asked before the call, on the stack's thread, as all of them are. */
static long
do_may_wait(void *arg)
{
	struct sock *s = sock_of(((struct call *)arg)->fd);

	return s != NULL && !(s->flags & O_NONBLOCK);
}

static int
run(stage_work work, struct call *c)
{
	return (int)face_answer(stage_call(work, c, false));
}

static int
run_waiting(stage_work work, struct call *c)
{
	bool may_wait = stage_call(do_may_wait, c, false) != 0;

	return (int)face_answer(stage_call(work, c, may_wait));
}

static long
do_socket(void *arg)
{
	struct sock *s;
	int rc = sock_make(&s);

	(void)arg;
	return rc < 0 ? rc : s->fd;
}

static int
face_socket(void *u, int domain, int type, int protocol)
{
	(void)u;
	if (domain != AF_INET)
		return (int)face_answer(-EAFNOSUPPORT);
	if ((type & 0xf) != SOCK_STREAM || (protocol != 0 && protocol != IPPROTO_TCP))
		return (int)face_answer(-EPROTONOSUPPORT);
	return run(do_socket, NULL);
}

static long
do_bind(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : sock_bind(s, c->to, c->size);
}

static int
face_bind(void *u, int fd, const struct sockaddr *addr, socklen_t size)
{
	(void)u;
	return run(do_bind, &(struct call){ .fd = fd, .to = addr, .size = size });
}

static long
do_listen(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : sock_listen(s, c->number);
}

static int
face_listen(void *u, int fd, int backlog)
{
	(void)u;
	return run(do_listen, &(struct call){ .fd = fd, .number = backlog });
}

static long
do_accept(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd), *new;
	int rc = s == NULL ? -EBADF : sock_accept(s, &new);

	if (rc < 0)
		return rc;
	sock_peer(new, c->from, c->from_size);
	return new->fd;
}

static int
face_accept(void *u, int fd, struct sockaddr *addr, socklen_t *size)
{
	(void)u;
	return run_waiting(do_accept, &(struct call){ .fd = fd, .from = addr, .from_size = size });
}

static long
do_connect(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);
	bool again = s != NULL && s->phase == SOCK_CONNECTING;
	int rc = s == NULL ? -EBADF : sock_connect(s, c->to, c->size);

	if (rc == -EINPROGRESS && !(s->flags & O_NONBLOCK))
		return -EAGAIN;
	return rc == -EINPROGRESS && again ? -EALREADY : rc;
}

static int
face_connect(void *u, int fd, const struct sockaddr *addr, socklen_t size)
{
	(void)u;
	return run_waiting(do_connect, &(struct call){ .fd = fd, .to = addr, .size = size });
}

static long
do_close(void *arg)
{
	struct sock *s = sock_of(((struct call *)arg)->fd);

	if (s == NULL)
		return -EBADF;
	sock_close(s);
	return 0;
}

static int
face_close(void *u, int fd)
{
	(void)u;
	return run(do_close, &(struct call){ .fd = fd });
}

static long
do_shutdown(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : sock_shutdown(s, c->number);
}

static int
face_shutdown(void *u, int fd, int how)
{
	(void)u;
	return run(do_shutdown, &(struct call){ .fd = fd, .number = how });
}

static long
do_getsockopt(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : option_get(s, c->number, c->name, c->result, c->from_size);
}

static int
face_getsockopt(void *u, int fd, int level, int name, void *value, socklen_t *size)
{
	struct call c = { .fd = fd, .number = level, .name = name, .result = value, .from_size = size };

	(void)u;
	return run(do_getsockopt, &c);
}

static long
do_setsockopt(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : option_set(s, c->number, c->name, c->value, c->size);
}

static int
face_setsockopt(void *u, int fd, int level, int name, const void *value, socklen_t size)
{
	struct call c = { .fd = fd, .number = level, .name = name, .value = value, .size = size };

	(void)u;
	return run(do_setsockopt, &c);
}

static long
do_fcntl(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : option_fcntl(s, c->number, c->name);
}

static int
face_fcntl(void *u, int fd, int cmd, ...)
{
	struct call c = { .fd = fd, .number = cmd };
	va_list args;

	(void)u;
	if (cmd == F_SETFL) {
		va_start(args, cmd);
		c.name = va_arg(args, int);
		va_end(args);
	}
	return run(do_fcntl, &c);
}

static long
do_ioctl(void *arg)
{
	struct call *c = arg;
	struct sock *s = sock_of(c->fd);

	return s == NULL ? -EBADF : option_ioctl(s, c->request, c->result);
}

static int
face_ioctl(void *u, int fd, unsigned long request, ...)
{
	struct call c = { .fd = fd, .request = request };
	va_list args;

	(void)u;
	if (request != FIONREAD && request != FIONBIO)
		return (int)face_answer(-EINVAL);
	va_start(args, request);
	c.result = va_arg(args, void *);
	va_end(args);
	return run(do_ioctl, &c);
}

static long
do_poll(void *arg)
{
	struct call *c = arg;
	long n = 0;

	for (nfds_t i = 0; i < c->nb_fds; i++) {
		struct pollfd *p = &c->fds[i];
		struct sock *s = sock_of(p->fd);
		short events = s != NULL ? sock_events(s) : POLLNVAL;

		p->revents = events & (p->events | POLLERR | POLLHUP | POLLNVAL);
		n += p->revents != 0;
	}
	return n == 0 && c->forever ? -EAGAIN : n;
}

/* One that waits for a time only is not among what scripts do: it waits for an event, or not at all. */
static int
face_poll(void *u, struct pollfd *fds, nfds_t nb, int timeout_ms)
{
	struct call c = { .fds = fds, .nb_fds = nb, .forever = timeout_ms != 0 };

	(void)u;
	return (int)face_answer(stage_call(do_poll, &c, c.forever));
}

void
face_fill_sockets(struct packetdrill_interface *ifc)
{
	ifc->socket = face_socket;
	ifc->bind = face_bind;
	ifc->listen = face_listen;
	ifc->accept = face_accept;
	ifc->connect = face_connect;
	ifc->close = face_close;
	ifc->shutdown = face_shutdown;
	ifc->getsockopt = face_getsockopt;
	ifc->setsockopt = face_setsockopt;
	ifc->fcntl = face_fcntl;
	ifc->ioctl = face_ioctl;
	ifc->poll = face_poll;
}
