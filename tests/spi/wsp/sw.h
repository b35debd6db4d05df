/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sw: the cases play the Windows Sockets switch over the SAN provider interface.
 *
 * Model:     two hosts over a ring pair (tests/ports/net.h), polled by the thread of the cases; one use of the
 *            provider. Up-calls land here and are held against what every case may rely on; what contradicts it
 *            is a fault, and the end of the case asserts that there was none.
 * Checked:   an operation that was started ends exactly once, one that was not never does; a polled one has no
 *            up-call; its structure is in progress until the up-call, which has the error and flags in it already;
 *            a handle is made for the descriptor that the call returns; that of each up-call is the switch's, made and
 *            not closed; a handle is closed once, after a close was asked for, and nothing of the socket comes after
 *            it; no event of a socket is signalled once its close was asked for; no up-call comes from inside
 *            WSPSend or WSPRecv.
 * Lifetime:  sw_open(), sw_close(). Sockets and operations are freed by sw_close(), so what comes too late is a
 *            fault and never a wild pointer.
 * Threads:   calls from any thread; up-calls are taken on any.
 */
#ifndef TESTS_SPI_WSP_SW_H
#define TESTS_SPI_WSP_SW_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>

#include "ports/net.h"

#include <san/wsp.h>

#include "spi/rules.h"

#define SW_CATALOG 77u	/**< dwCatalogEntryId of the protocol information. */
#define SW_BUFS 16

struct sw_op;

/** An event object; its address is the WSAEVENT. */
struct sw_event {
	uint64_t magic;
	bool set;
	unsigned int nb_set;
	unsigned int nb_reset;
	struct sw_sock *sock;		/**< Whose it is. */
};

/** The switch's side of a socket. */
struct sw_sock {
	SOCKET s;			/**< The provider's descriptor. */
	SOCKET handle;			/**< The switch's. */
	DWORD_PTR context;		/**< Given to WPUCreateSocketHandle. */
	DWORD catalog;			/**< Likewise. */
	pthread_t made_by;		/**< The thread it was called in. */
	struct sw_event ev;
	struct sw_sock *next;
	struct sw_op *ops;
	unsigned int nb_pending;
	unsigned int nb_ups;		/**< Up-calls that named the handle, the last one too. */
	bool close_asked;
	bool closed;			/**< WPUCloseSocketHandle was called. */
	bool reset;			/**< The peer may be gone: what ends may end with an error. */
	uint64_t closed_order;
	pthread_t closed_by;
};

/** An operation. Its structure is first: an up-call names it. */
struct sw_op {
	WSAOVERLAPPED ov;
	uint64_t magic;
	struct sw_sock *sock;
	struct sw_op *next;
	WSABUFEX bufs[SW_BUFS];
	DWORD nb_bufs;
	uint8_t *mem;			/**< Its buffer. */
	size_t size;
	HANDLE reg;			/**< Registration of it; NULL. */
	bool polled;
	bool pending;
	bool starting;			/**< Inside the call that starts it: nobody knows yet whether it was. */
	unsigned int nb_ends;		/**< Up-calls since it was started last. */
	DWORD error;			/**< Of the up-call. */
	DWORD bytes;
	DWORD flags;			/**< Offset at the up-call. */
	DWORD immediate;		/**< What the call stored as bytes. */
	uint64_t order;			/**< sw.order of its up-call. */
	pthread_t by;			/**< The thread of the up-call. */
	void (*hook)(struct sw_op *op);	/**< Called inside the up-call. */
};

struct sw {
	struct net net;
	WSPPROC_TABLE calls;
	WSPDATA data;
	WSPUPCALLTABLEEX ups;		/**< Ours. */
	WSAPROTOCOL_INFOW info;
	LPWSPREGISTERMEMORY reg;	/**< Of WSPIoctl. */
	LPWSPDEREGISTERMEMORY dereg;
	struct sw_sock *socks;
	struct sw_op *ops;		/**< Those of no socket. */
	unsigned int nb_open;		/**< Handles that are not closed. */
	unsigned int nb_starts;		/**< WSPStartupEx that succeeded, less WSPCleanup. */
	unsigned int nb_created;
	unsigned int nb_closed;
	unsigned int nb_completed;
	unsigned int nb_signals;	/**< SetEvent. */
	uint64_t order;			/**< Counts all up-calls. */
	bool ended;			/**< After the last cleanup: no up-call may come. */
	bool cleaning;			/**< Inside WSPCleanup. */
	int fail_create;		/**< Not 0: WPUCreateSocketHandle fails with this code. */
	void (*on_event)(struct sw_event *ev);	/**< Called inside SetEvent. */
	void (*on_closed)(struct sw_sock *s);	/**< Called inside WPUCloseSocketHandle. */
	void (*on_created)(struct sw_sock *s);	/**< Called inside WPUCreateSocketHandle. */
	unsigned int nb_faults;
	char fault[512];
};

extern struct sw sw;

/** Make the hosts and start the provider; wish may be NULL. Fails the case. */
void
sw_open(const struct net_wish *wish);

/** Only the hosts and the switch's table: the case calls WSPStartupEx itself. */
void
sw_prepare(const struct net_wish *wish);

/** WSPStartupEx with the switch's own arguments. @return Its answer. */
int
sw_start(void);

/** WSPCleanup. @return 0 or the code. */
int
sw_cleanup(void);

/** Close what is open, wait for the last up-calls, WSPCleanup, end the hosts: everything has to be given back. */
void
sw_close(void);

/** The same when the library has ended already, and WSPCleanup was called: nothing is left to be closed. */
void
sw_close_without_net(void);

/** Note a fault. */
void
sw_fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Assert that there was no fault. */
void
sw_sound(void);

/** Step both hosts until the expression is true; fails after net_patience_ms(). */
#define SW_UNTIL(expr) NET_UNTIL(&sw.net, expr)

/** Step both hosts so many rounds. */
void
sw_steps(unsigned int rounds);

/** Address of a side as the interface takes it. */
struct sockaddr_in
sw_addr(unsigned int side, uint16_t port);

/* Each returns 0 or the code that the call stored; a call that fails without a code is a fault. */

/** WSPSocket with the arguments of R29. *s is NULL unless it returns 0. */
int
sw_socket(struct sw_sock **s);
/** The same with arguments of the case's. */
int
sw_socket_as(int af, int type, int protocol, DWORD flags, struct sw_sock **s);
int
sw_bind(struct sw_sock *s, const struct sockaddr_in *a);
int
sw_listen(struct sw_sock *s, int backlog);
int
sw_connect(struct sw_sock *s, const struct sockaddr_in *a);
/** WSPEventSelect with the socket's own event object. */
int
sw_select(struct sw_sock *s, LONG events);
/** WSPEnumNetworkEvents with the socket's own event object. */
int
sw_enum(struct sw_sock *s, WSANETWORKEVENTS *events);
int
sw_accept(struct sw_sock *listener, LPCONDITIONPROC condition, void *arg, struct sw_sock **s);
int
sw_shut(struct sw_sock *s);

/** Memory of an operation: size octets, not registered. */
struct sw_op *
sw_op(size_t size);
/** WSPRegisterMemory for all of it, once. */
int
sw_register(struct sw_sock *s, struct sw_op *op, DWORD flags);
int
sw_deregister(struct sw_sock *s, struct sw_op *op);
/** Describe the first len octets in nb equal buffers. */
void
sw_split(struct sw_op *op, size_t len, unsigned int nb);
/** WSPRecv and WSPSend of what sw_split() describes, registered before if it is not. */
int
sw_recv(struct sw_sock *s, struct sw_op *op);
int
sw_send(struct sw_sock *s, struct sw_op *op);
/** A fresh operation of len octets, its memory registered, posted as a receive; it has to be pending. */
struct sw_op *
sw_post_recv(struct sw_sock *s, size_t len);
/** Likewise a send of the octets of net_fill(len, offset, seed). Pending, or of a polled operation finished. */
struct sw_op *
sw_post_send(struct sw_sock *s, size_t len, uint64_t offset, uint32_t seed);
/** WSPGetOverlappedResult without waiting. */
int
sw_result(struct sw_op *op, DWORD *bytes, DWORD *flags);
/** Wait for the end of a polled operation. */
void
sw_poll_end(struct sw_op *op);

/** Send until nb sends are pending: the peer does not read. */
void
sw_fill(struct sw_sock *s, unsigned int nb, struct sw_op **ops);

/** A bound socket of a side; port 0 is not allowed by R34, so the kit counts its own. */
struct sw_sock *
sw_bound(unsigned int side, uint16_t port);
/** A listener of a side, FD_ACCEPT selected. */
struct sw_sock *
sw_listener(unsigned int side, uint16_t port, int backlog);
/** Begin a connect from a side to the other one's port, FD_CONNECT selected: WSAEWOULDBLOCK. */
struct sw_sock *
sw_begin(unsigned int side, uint16_t port);
/** Wait for FD_CONNECT and return its code. */
int
sw_outcome(struct sw_sock *s);
/** Wait for FD_ACCEPT and take the request. */
struct sw_sock *
sw_take(struct sw_sock *listener);

/** A connected pair: end[0] on host 0 has connected, end[1] on host 1 was accepted. */
struct sw_pair {
	struct sw_sock *end[2];
};

struct sw_pair
sw_pair(uint16_t port);
struct sw_pair
sw_pair_to(struct sw_sock *listener, uint16_t port);
/** Wait for the end of a receive, which has len octets of a stream, from offset on. */
void
sw_await(struct sw_op *op, size_t len, uint64_t offset, uint32_t seed);
/** Move len octets from one end to the other and verify them. */
void
sw_transfer(struct sw_sock *from, struct sw_sock *to, size_t len, uint32_t seed);
/** Every call that takes a descriptor answers WSAENOTSOCK; fails the case. */
void
sw_assert_stale(SOCKET s);
/** Close and wait for WPUCloseSocketHandle. */
void
sw_shut_wait(struct sw_sock *s);

/** A case, and whether the world stands when it begins. */
struct sw_case {
	void (*run)(void);
	bool alone;
};

/** Run a case. If it is not alone, sw_open(NULL) comes before it and sw_close() behind it. */
void
sw_run(void **state);

/** Setup and teardown of every case. */
int
sw_case_begin(void **state);
int
sw_case_end(void **state);

/** A case between sw_open() and sw_close(). */
#define SW_CASE(f) { #f, sw_run, sw_case_begin, sw_case_end, &(struct sw_case){ f, false } }
/** One that opens and closes by itself, as it likes. */
#define SW_CASE_ALONE(f) { #f, sw_run, sw_case_begin, sw_case_end, &(struct sw_case){ f, true } }

#endif
