/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kit/fail.h"
#include "packetdrill/farewell.h"

#define SOCKS 1024
#define AHEAD 65536

static struct {
	struct vhost *host;
	struct flags flags;
	struct san_cq *cq;
	struct sock *socks[SOCKS];	/* by descriptor */
} all;

void
sock_open_all(struct vhost *host, const struct flags *flags)
{
	all.host = host;
	all.flags = *flags;
	kit_need(san_cq_create(SOCKS, &all.cq) == 0);
}

/* Operations need no completions here: the only ones are those of closes. */
unsigned int
sock_round(void)
{
	struct san_completion e[32];
	unsigned int n = 0;
	int rc;

	while ((rc = san_cq_poll(all.cq, e, RTE_DIM(e))) > 0)
		n += (unsigned int)rc;
	return n + farewell_round();
}

struct sock *
sock_of(int fd)
{
	return fd >= 0 && fd < SOCKS ? all.socks[fd] : NULL;
}

/* What the stack does next belongs to the call: a program that calls the kernel sees it done. */
static void
work(void)
{
	while (vhost_round(all.host) > 0)
		;
}

static struct sock *
wrap(san_handle handle, enum sock_phase phase)
{
	struct sock *s = aligned_alloc(64, sizeof(*s));

	kit_need(s != NULL);
	memset(s, 0, sizeof(*s));
	s->handle = handle;
	s->phase = phase;
	s->flags = O_RDWR;
	s->doubles = all.flags.doubles;
	s->fd = eventfd(0, EFD_CLOEXEC);
	kit_need(s->fd >= 0 && s->fd < SOCKS);
	all.socks[s->fd] = s;
	return s;
}

int
sock_make(struct sock **s)
{
	san_handle handle;
	int rc = san_socket(all.host->core[0], all.cq, &handle);

	if (rc < 0)
		return rc;
	/* A BSD socket gathers small segments unless it is told not to. */
	kit_need(san_set_option(handle, SAN_OPT_NODELAY, 0) == 0);
	if (all.flags.rcvbuf != 0)
		kit_need(san_set_option(handle, SAN_OPT_RCVBUF, all.flags.rcvbuf) == 0);
	if (all.flags.sndbuf != 0)
		kit_need(san_set_option(handle, SAN_OPT_SNDBUF, all.flags.sndbuf) == 0);
	if (all.flags.sets_ecn)
		kit_need(san_set_option(handle, SAN_OPT_ECN, all.flags.ecn) == 0);
	*s = wrap(handle, SOCK_FRESH);
	return 0;
}

static int
read_address(const struct sockaddr *addr, socklen_t size, struct san_addr *to)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;

	if (size < sizeof(*in))
		return -EINVAL;
	if (in->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	*to = (struct san_addr){ .port = ntohs(in->sin_port) };
	if (in->sin_addr.s_addr != htonl(INADDR_ANY)) {
		to->ip[10] = 0xff;
		to->ip[11] = 0xff;
		memcpy(&to->ip[12], &in->sin_addr, sizeof(in->sin_addr));
	}
	return 0;
}

int
sock_bind(struct sock *s, const struct sockaddr *addr, socklen_t size)
{
	struct san_addr local;
	int rc = read_address(addr, size, &local);

	return rc < 0 ? rc : san_bind(s->handle, &local);
}

int
sock_listen(struct sock *s, int backlog)
{
	int rc = san_listen(s->handle, backlog < 1 ? 1 : (unsigned int)backlog);

	if (rc == 0)
		s->phase = SOCK_LISTENING;
	return rc;
}

/* Take an operation back if it is not over. @return Its result. */
static int
settle(struct sock *s, struct san_overlapped *op)
{
	work();
	if (san_op_status(op) == -EINPROGRESS) {
		san_cancel(s->handle, op->id);
		work();
	}
	return san_op_status(op);
}

static int
find_accepted(struct sock *s)
{
	int rc;

	if (s->accepted != NULL)
		return 0;
	s->moving = (struct san_overlapped){ 0 };
	rc = san_accept(s->handle, &s->moving, SAN_POLLED);
	if (rc < 0)
		return rc;
	rc = settle(s, &s->moving);
	if (rc < 0)
		return rc == -ECANCELED ? -EAGAIN : rc;
	s->accepted = wrap(s->moving.u.accepted, SOCK_CONNECTED);
	return 0;
}

int
sock_accept(struct sock *s, struct sock **to)
{
	int rc = find_accepted(s);

	if (rc == 0) {
		*to = s->accepted;
		s->accepted = NULL;
	}
	return rc;
}

/* How a connect stands. */
static int
look_at_connect(struct sock *s)
{
	int rc = san_op_status(&s->connecting);

	if (s->phase != SOCK_CONNECTING || rc == -EINPROGRESS)
		return rc;
	s->phase = rc == 0 ? SOCK_CONNECTED : SOCK_FAILED;
	s->error = -rc;
	return rc;
}

int
sock_connect(struct sock *s, const struct sockaddr *addr, socklen_t size)
{
	struct san_addr peer;
	int rc;

	if (s->phase == SOCK_CONNECTING)
		return look_at_connect(s);
	if (s->phase != SOCK_FRESH)
		return s->phase == SOCK_FAILED ? -sock_take_error(s) : -EISCONN;
	rc = read_address(addr, size, &peer);
	if (rc == 0)
		rc = san_connect(s->handle, &s->connecting, &peer, SAN_POLLED);
	if (rc < 0)
		return rc;
	s->phase = SOCK_CONNECTING;
	work();
	return look_at_connect(s);
}

/* Take bytes out of the stack. */
static long
draw(struct sock *s, void *buf, size_t len)
{
	int rc;

	if (s->at_end)
		return 0;
	s->moving = (struct san_overlapped){ 0 };
	rc = san_recv(s->handle, &s->moving, buf, RTE_MIN(len, (size_t)SAN_IO_MAX), SAN_POLLED);
	if (rc == 0)
		rc = settle(s, &s->moving);
	if (rc == 0)
		s->at_end = true;
	return rc == -ECANCELED ? -EAGAIN : rc;
}

/* Have as many bytes ahead as there are, up to len. @return The error or end that lies behind them. */
static long
draw_ahead(struct sock *s, size_t len)
{
	long n = -EAGAIN;

	if (s->ahead == NULL)
		s->ahead = malloc(AHEAD);
	kit_need(s->ahead != NULL);
	len = RTE_MIN(len, (size_t)AHEAD);
	while (s->nb_ahead < len) {
		n = draw(s, s->ahead + s->nb_ahead, len - s->nb_ahead);
		if (n <= 0)
			break;
		s->nb_ahead += (size_t)n;
	}
	return n;
}

/* What the connection died of: the first to ask is told, later ones find the end of the stream. */
static long
tell_error(struct sock *s, long n)
{
	if (n >= 0 || n == -EAGAIN || n == -ENOTCONN)
		return n;
	if (s->told)
		return 0;
	s->told = true;
	return n;
}

long
sock_read(struct sock *s, void *buf, size_t len, bool peek)
{
	long n;

	if (look_at_connect(s) < 0 && s->phase == SOCK_FAILED)
		return s->error != 0 ? -sock_take_error(s) : 0;
	if (s->phase != SOCK_CONNECTED)
		return s->phase == SOCK_CONNECTING ? -EAGAIN : -ENOTCONN;
	if (!peek && s->nb_ahead == 0) {
		n = draw(s, buf, len);
	} else {
		n = draw_ahead(s, len);
		if (s->nb_ahead > 0) {
			n = (long)RTE_MIN(len, s->nb_ahead);
			memcpy(buf, s->ahead, (size_t)n);
		}
	}
	if (n > 0 && !peek && s->nb_ahead > 0) {
		s->nb_ahead -= (size_t)n;
		memmove(s->ahead, s->ahead + n, s->nb_ahead);
	}
	if (n == -EAGAIN && s->shut_rd)
		return 0;
	return tell_error(s, n);
}

long
sock_write(struct sock *s, const void *buf, size_t len)
{
	long n;
	int rc;

	if (s->phase == SOCK_CONNECTING && look_at_connect(s) == -EINPROGRESS)
		return -EAGAIN;
	if (s->phase != SOCK_CONNECTED)
		return s->phase == SOCK_FAILED ? -EPIPE : -ENOTCONN;
	if (s->shut_wr)
		return -EPIPE;
	s->moving = (struct san_overlapped){ 0 };
	rc = san_send(s->handle, &s->moving, buf, RTE_MIN(len, (size_t)SAN_IO_MAX), SAN_POLLED);
	if (rc == 1)
		return (long)len;
	if (rc == 0)
		rc = settle(s, &s->moving);
	if (rc == -ECANCELED)
		return s->moving.done > 0 ? (long)s->moving.done : -EAGAIN;
	n = tell_error(s, rc);
	return n == 0 ? -EPIPE : n;
}

int
sock_shutdown(struct sock *s, int how)
{
	int rc = 0;

	if (s->phase != SOCK_CONNECTED && look_at_connect(s) != 0)
		return -ENOTCONN;
	if (how != SHUT_WR)
		s->shut_rd = true;
	if (how == SHUT_RD || s->shut_wr)
		return 0;
	rc = san_shutdown(s->handle, &s->shutting, SAN_POLLED);
	if (rc == 0)
		s->shut_wr = true;
	return rc;
}

void
sock_drop(struct sock *s)
{
	san_close(s->handle, 0);
	work();
	free(s->ahead);
	free(s);
}

void
sock_close(struct sock *s)
{
	all.socks[s->fd] = NULL;
	close(s->fd);
	if (s->accepted != NULL)
		sock_close(s->accepted);
	look_at_connect(s);
	farewell_begin(s);
}

static bool
is_dead(struct sock *s)
{
	uint32_t state;

	return s->phase == SOCK_CONNECTED &&
	       san_get_option(s->handle, SAN_OPT_STATE, &state) == 0 && state == SAN_TCP_CLOSED;
}

int
sock_take_error(struct sock *s)
{
	int error;

	look_at_connect(s);
	if (s->error == 0 && !s->told && is_dead(s)) {
		long n = draw_ahead(s, AHEAD);

		if (n < 0 && n != -EAGAIN) {
			s->error = (int)-n;
			s->told = true;
		}
	}
	error = s->error;
	s->error = 0;
	return error;
}

size_t
sock_readable(struct sock *s, size_t max)
{
	draw_ahead(s, max);
	return RTE_MIN(s->nb_ahead, max);
}

short
sock_events(struct sock *s)
{
	short events = 0;

	look_at_connect(s);
	if (s->phase == SOCK_LISTENING)
		return find_accepted(s) == 0 ? POLLIN | POLLRDNORM : 0;
	if (s->phase == SOCK_FRESH || s->phase == SOCK_FAILED)
		return POLLOUT | POLLHUP | (s->error != 0 ? POLLERR : 0);
	if (s->phase == SOCK_CONNECTING)
		return 0;
	if (sock_readable(s, 1) > 0 || s->at_end || s->shut_rd)
		events |= POLLIN | POLLRDNORM;
	if (s->at_end || s->shut_rd)
		events |= POLLRDHUP;
	if ((s->at_end && s->shut_wr) || is_dead(s))
		events |= POLLHUP;
	if (is_dead(s) && !s->at_end)
		events |= POLLERR | POLLIN | POLLRDNORM;
	return events | POLLOUT | POLLWRNORM;
}

void
sock_peer(struct sock *s, struct sockaddr *addr, socklen_t *size)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct san_addr peer;

	if (addr == NULL || size == NULL || san_names(s->handle, NULL, &peer) != 0)
		return;
	in.sin_port = htons(peer.port);
	memcpy(&in.sin_addr, &peer.ip[12], sizeof(in.sin_addr));
	memcpy(addr, &in, RTE_MIN((size_t)*size, sizeof(in)));
	*size = sizeof(in);
}
