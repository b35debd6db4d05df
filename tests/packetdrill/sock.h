/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sock: BSD sockets over the operations of the stack, on the stack's thread.
 *
 * Model:   a call does what can be done now; -EAGAIN says that it would have to wait, and changes nothing. What is
 *          to be read is taken out of the stack only when somebody reads; what MSG_PEEK or a question took
 *          out early is kept here and comes first.
 * Numbers: each socket has a descriptor of the kernel's, since packetdrill ends with a close() of those that are open.
 * Errors:  negative errno, as the stack has them.
 * Threads: the stack's (stage_call()).
 */
#ifndef TESTS_PACKETDRILL_SOCK_H
#define TESTS_PACKETDRILL_SOCK_H

#include <sys/socket.h>

#include "packetdrill/flags.h"
#include "kit/vhost.h"

enum sock_phase {
	SOCK_FRESH,
	SOCK_LISTENING,
	SOCK_CONNECTING,
	SOCK_CONNECTED,
	SOCK_FAILED,	/**< The connect failed; nothing more comes of it. */
};

struct sock {
	struct san_overlapped connecting;
	struct san_overlapped shutting;	/**< Also of a close. */
	struct san_overlapped moving;	/**< Of the call under way; of a close: what the peer still sends. */
	struct sock *next;		/**< Of the sockets that are closing. */
	san_handle handle;
	uint64_t fin_acked_us;		/**< When a closing socket had its FIN acknowledged; 0: not yet. */
	int fd;
	enum sock_phase phase;
	int flags;			/**< fcntl(): O_RDWR, O_NONBLOCK. */
	int error;			/**< SO_ERROR, positive. */
	bool told;			/**< The error of the connection was told to somebody. */
	bool shut_rd, shut_wr;
	bool at_end;			/**< The peer's FIN was met. */
	bool doubles;			/**< As in struct flags. */
	bool lingers;			/**< SO_LINGER is on. */
	int linger_s;
	struct sock *accepted;		/**< A connection that poll() has found. */
	unsigned char *ahead;		/**< Taken out of the stack, not read yet. */
	size_t nb_ahead;
	unsigned char last;		/**< Where a closing socket's late data goes. */
};

/** Sockets live on this host from here on. */
void
sock_open_all(struct vhost *host, const struct flags *flags);

/** The socket of a descriptor; NULL: none. */
struct sock *
sock_of(int fd);

int
sock_make(struct sock **s);

int
sock_bind(struct sock *s, const struct sockaddr *addr, socklen_t size);

int
sock_listen(struct sock *s, int backlog);

/** @return 0 and the new socket. */
int
sock_accept(struct sock *s, struct sock **to);

/** @return 0, -EINPROGRESS when the SYN is on its way (also when asked again), or why it failed. */
int
sock_connect(struct sock *s, const struct sockaddr *addr, socklen_t size);

/** @return Bytes; 0: end of the stream. */
long
sock_read(struct sock *s, void *buf, size_t len, bool peek);

/** @return Bytes taken, fewer than len when there is no room for more. */
long
sock_write(struct sock *s, const void *buf, size_t len);

int
sock_shutdown(struct sock *s, int how);

/** Give up the descriptor; what becomes of the connection is in farewell.h. */
void
sock_close(struct sock *s);

/** End what is left of a socket: reset the connection if there is one, free the memory. */
void
sock_drop(struct sock *s);

/** SO_ERROR: what the connection died of; told once. Positive, 0: nothing. */
int
sock_take_error(struct sock *s);

/** Bytes that could be read, at most max. */
size_t
sock_readable(struct sock *s, size_t max);

/** Events of poll() that are true. */
short
sock_events(struct sock *s);

/** Names of both ends; either may be NULL. */
void
sock_peer(struct sock *s, struct sockaddr *addr, socklen_t *size);

/** Reap what is over; @return how much. */
unsigned int
sock_round(void);

#endif
