/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Interface: what packetdrill wants of a shared object (--so_filename).
 *
 * Model:   the object exports packetdrill_interface_init(), which fills a table of functions. Each takes
 *          what `userdata` holds, then the arguments of the C library's function of its name, and answers
 *          as that one does, with errno. Written from the description of the interface, so that nothing
 *          of the tool is needed to build; order and types are the tool's.
 */
#ifndef TESTS_PACKETDRILL_INTERFACE_H
#define TESTS_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct packetdrill_interface {
	void *userdata;

	/** Once, at the end of a script that has passed. */
	void (*free)(void *u);

	int (*socket)(void *u, int domain, int type, int protocol);
	int (*bind)(void *u, int fd, const struct sockaddr *addr, socklen_t size);
	int (*listen)(void *u, int fd, int backlog);
	int (*accept)(void *u, int fd, struct sockaddr *addr, socklen_t *size);
	int (*connect)(void *u, int fd, const struct sockaddr *addr, socklen_t size);

	ssize_t (*read)(void *u, int fd, void *buf, size_t len);
	ssize_t (*readv)(void *u, int fd, const struct iovec *iov, int nb);
	ssize_t (*recv)(void *u, int fd, void *buf, size_t len, int flags);
	ssize_t (*recvfrom)(void *u, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
			    socklen_t *size);
	ssize_t (*recvmsg)(void *u, int fd, struct msghdr *msg, int flags);

	ssize_t (*write)(void *u, int fd, const void *buf, size_t len);
	ssize_t (*writev)(void *u, int fd, const struct iovec *iov, int nb);
	ssize_t (*send)(void *u, int fd, const void *buf, size_t len, int flags);
	ssize_t (*sendto)(void *u, int fd, const void *buf, size_t len, int flags,
			  const struct sockaddr *addr, socklen_t size);
	ssize_t (*sendmsg)(void *u, int fd, const struct msghdr *msg, int flags);

	int (*fcntl)(void *u, int fd, int cmd, ...);
	int (*ioctl)(void *u, int fd, unsigned long request, ...);
	int (*close)(void *u, int fd);
	int (*shutdown)(void *u, int fd, int how);
	int (*getsockopt)(void *u, int fd, int level, int name, void *value, socklen_t *size);
	int (*setsockopt)(void *u, int fd, int level, int name, const void *value, socklen_t size);
	int (*poll)(void *u, struct pollfd *fds, nfds_t nb, int timeout_ms);

	/** A datagram (IP header first) for the stack. @return 0 */
	int (*netdev_send)(void *u, const void *buf, size_t len);

	/**
	 * The next datagram that the stack sent. @return 0
	 * @param[in,out] len      Room; then the size. 0: nothing came, which fails the script.
	 * @param[out]    time_us  When it was sent, on the clock of gettimeofday().
	 */
	int (*netdev_receive)(void *u, void *buf, size_t *len, long long *time_us);

	int (*usleep)(void *u, useconds_t us);
	int (*gettimeofday)(void *u, struct timeval *tv, struct timezone *tz);

	int (*epoll_create)(void *u, int size);
	int (*epoll_ctl)(void *u, int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms);
	int (*pipe)(void *u, int fds[2]);
	int (*splice)(void *u, int in, loff_t *in_off, int out, loff_t *out_off, size_t len,
			  unsigned int flags);
};

/**
 * Fill the table; called once, before the first event of the script.
 * @param[in] flags  The text of --so_flags; NULL: none were given.
 */
__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc);

#endif
