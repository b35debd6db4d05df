/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fail.h"
#include "packetdrill/face.h"
#include "packetdrill/sock.h"
#include "packetdrill/stage.h"

#define KNOWN_RECV (MSG_PEEK | MSG_DONTWAIT)
#define KNOWN_SEND (MSG_DONTWAIT | MSG_NOSIGNAL)

/* One transfer, in one piece of memory. */
struct transfer {
	int fd;
	int flags;
	char *buf;
	size_t len;
	size_t done;		/* a send that waits goes on where it was */
};

static bool
blocks(const struct sock *s, const struct transfer *t)
{
	return !(s->flags & O_NONBLOCK) && !(t->flags & MSG_DONTWAIT);
}

static long
do_may_wait(void *arg)
{
	struct transfer *t = arg;
	struct sock *s = sock_of(t->fd);

	return s != NULL && blocks(s, t);
}

static long
run(stage_work work, struct transfer *t)
{
	bool may_wait = stage_call(do_may_wait, t, false) != 0;

	return face_answer(stage_call(work, t, may_wait));
}

static long
do_recv(void *arg)
{
	struct transfer *t = arg;
	struct sock *s = sock_of(t->fd);

	return s == NULL ? -EBADF : sock_read(s, t->buf, t->len, t->flags & MSG_PEEK);
}

static ssize_t
recv_all(int fd, void *buf, size_t len, int flags)
{
	struct transfer t = { .fd = fd, .flags = flags, .buf = buf, .len = len };

	if (flags & ~KNOWN_RECV)
		return face_answer(-EOPNOTSUPP);
	return len == 0 ? 0 : run(do_recv, &t);
}

/* A send that may wait ends with all of it, another with what there was room for. */
static long
do_send(void *arg)
{
	struct transfer *t = arg;
	struct sock *s = sock_of(t->fd);
	long n;

	if (s == NULL)
		return -EBADF;
	do {
		n = sock_write(s, t->buf + t->done, t->len - t->done);
		if (n > 0)
			t->done += (size_t)n;
	} while (n > 0 && t->done < t->len);
	if (t->done < t->len && n == -EAGAIN && blocks(s, t))
		return -EAGAIN;
	return t->done > 0 ? (long)t->done : n;
}

static ssize_t
send_all(int fd, const void *buf, size_t len, int flags)
{
	struct transfer t = { .fd = fd, .flags = flags, .len = len };
	ssize_t n;

	if (flags & ~KNOWN_SEND)
		return face_answer(-EOPNOTSUPP);
	t.buf = malloc(len + 1);
	kit_need(t.buf != NULL);
	memcpy(t.buf, buf, len);
	n = len == 0 ? 0 : run(do_send, &t);
	free(t.buf);
	return n;
}

static size_t
measure(const struct iovec *iov, size_t nb)
{
	size_t len = 0;

	for (size_t i = 0; i < nb; i++)
		len += iov[i].iov_len;
	return len;
}

static ssize_t
recv_scattered(int fd, const struct iovec *iov, size_t nb, int flags)
{
	size_t len = measure(iov, nb), done = 0;
	char *all = malloc(len + 1);
	ssize_t n;

	kit_need(all != NULL);
	n = recv_all(fd, all, len, flags);
	for (size_t i = 0; n > 0 && i < nb && done < (size_t)n; i++) {
		size_t part = iov[i].iov_len < (size_t)n - done ? iov[i].iov_len : (size_t)n - done;

		memcpy(iov[i].iov_base, all + done, part);
		done += part;
	}
	free(all);
	return n;
}

static ssize_t
send_gathered(int fd, const struct iovec *iov, size_t nb, int flags)
{
	size_t len = measure(iov, nb), done = 0;
	char *all = malloc(len + 1);
	ssize_t n;

	kit_need(all != NULL);
	for (size_t i = 0; i < nb; i++) {
		memcpy(all + done, iov[i].iov_base, iov[i].iov_len);
		done += iov[i].iov_len;
	}
	n = send_all(fd, all, len, flags);
	free(all);
	return n;
}

static ssize_t
face_read(void *u, int fd, void *buf, size_t len)
{
	(void)u;
	return recv_all(fd, buf, len, 0);
}

static ssize_t
face_readv(void *u, int fd, const struct iovec *iov, int nb)
{
	(void)u;
	return recv_scattered(fd, iov, (size_t)nb, 0);
}

static ssize_t
face_recv(void *u, int fd, void *buf, size_t len, int flags)
{
	(void)u;
	return recv_all(fd, buf, len, flags);
}

static ssize_t
face_recvfrom(void *u, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
	      socklen_t *size)
{
	(void)u;
	(void)addr;
	if (size != NULL)
		*size = 0;
	return recv_all(fd, buf, len, flags);
}

static ssize_t
face_recvmsg(void *u, int fd, struct msghdr *msg, int flags)
{
	(void)u;
	msg->msg_flags = 0;
	msg->msg_controllen = 0;
	return recv_scattered(fd, msg->msg_iov, msg->msg_iovlen, flags);
}

static ssize_t
face_write(void *u, int fd, const void *buf, size_t len)
{
	(void)u;
	return send_all(fd, buf, len, 0);
}

static ssize_t
face_writev(void *u, int fd, const struct iovec *iov, int nb)
{
	(void)u;
	return send_gathered(fd, iov, (size_t)nb, 0);
}

static ssize_t
face_send(void *u, int fd, const void *buf, size_t len, int flags)
{
	(void)u;
	return send_all(fd, buf, len, flags);
}

/* A connection knows its peer: the address says nothing (POSIX sendto()). */
static ssize_t
face_sendto(void *u, int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
	    socklen_t size)
{
	(void)u;
	(void)addr;
	(void)size;
	return send_all(fd, buf, len, flags);
}

static ssize_t
face_sendmsg(void *u, int fd, const struct msghdr *msg, int flags)
{
	(void)u;
	return send_gathered(fd, msg->msg_iov, msg->msg_iovlen, flags);
}

void
face_fill_data(struct packetdrill_interface *ifc)
{
	ifc->read = face_read;
	ifc->readv = face_readv;
	ifc->recv = face_recv;
	ifc->recvfrom = face_recvfrom;
	ifc->recvmsg = face_recvmsg;
	ifc->write = face_write;
	ifc->writev = face_writev;
	ifc->send = face_send;
	ifc->sendto = face_sendto;
	ifc->sendmsg = face_sendmsg;
}
