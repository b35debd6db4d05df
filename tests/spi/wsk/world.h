/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * World: two programs with the client interface of Winsock Kernel, each on a host of its own, as a case sees them.
 *
 * Model:     side 0 is 10.9.0.1, side 1 is 10.9.0.2, a ring pair between; each has a registration and its
 *            provider. The thread of the case polls both hosts. A request is one IRP; its routine writes down
 *            that it was called, when and with what. An end is one socket; its callbacks write down each call
 *            and answer as the case has told them. "When" counts such events of a case, from 1. With
 *            WORLD_CORES=2 in the environment both hosts have two cores.
 * Failures:  assertions of cmocka. What a callback or a routine finds wrong is written down (world_wrong())
 *            and fails the case from outside, in world_step(). The teardown of a case that failed ends what is
 *            left: the next one begins clean.
 */
#ifndef TESTS_SPI_WSK_WORLD_H
#define TESTS_SPI_WSK_WORLD_H

#include <stdlib.h>

#include "../../ports/net.h"

#include <san/wsk.h>

#include "../rules.h"

enum { CLIENT, SERVER, ANY = 98 };

/** One request and what became of it. */
struct req {
	PIRP irp;
	struct end *end;	/**< Whose it is; NULL: of no socket. */
	unsigned int done;	/**< How often its routine was called; more than once is wrong. */
	unsigned int when;	/**< When it was. */
	NTSTATUS returned;	/**< What the call answered. */
	NTSTATUS status;	/**< IoStatus, in the routine. */
	ULONG_PTR information;
	void (*then)(struct req *);	/**< Called by the routine, last. */
	void *arg;
	PMDL mdl[4];		/**< Of its buffer. */
	WSK_BUF buf;
	struct sockaddr_in addr[2];	/**< Accept: local, remote; connect and bind: where to. */
	struct end *made;	/**< Create and accept: the end that waits for the socket. */
	struct req *next;
};

enum event { EV_ACCEPT, EV_INSPECT, EV_ABORT, EV_RECEIVE, EV_DISCONNECT, EV_BACKLOG, EVENTS };

/** One call of a callback. */
struct call {
	enum event event;
	unsigned int when;	/**< When it began. */
	ULONG flags;
	SIZE_T bytes;		/**< Receive: indicated. Backlog: the size. */
	BOOLEAN dead;		/**< The argument that is NULL for a dead socket was. */
};

#define CALLS 1024
#define STREAM 65536
#define KEPT 1024

/** One socket and the record of its callbacks. */
struct end {
	unsigned int side;
	ULONG kind;			/**< WSK_FLAG_*_SOCKET */
	PWSK_SOCKET sock;
	/* What the callbacks do. */
	NTSTATUS answer[EVENTS];	/**< 0 at first: success; but EV_INSPECT: WskInspectAccept. */
	SIZE_T take;			/**< Receive: bytes accepted of an indication; SIZE_MAX: all. */
	bool keep;			/**< Receive: keep the list, answer STATUS_PENDING. */
	void (*hook)(struct end *, struct call *);	/**< Called inside each callback, before it answers. */
	void *arg;
	/* What they saw. */
	unsigned int nb_calls;		/**< Of all callbacks, the first CALLS of them in call[]. */
	unsigned int count[EVENTS];
	struct call call[CALLS];
	unsigned int returned;		/**< When the last of them returned. */
	bool inside;			/**< One is running; a second one is wrong. */
	uint8_t *stream;		/**< What was accepted of indications, in order; STREAM bytes. */
	SIZE_T len;
	PWSK_DATA_INDICATION kept[KEPT];	/**< Lists that are kept. */
	unsigned int nb_kept;
	struct end *accepted[16];	/**< By the callback, in order. */
	unsigned int nb_accepted;
	struct sockaddr_in local;	/**< Of the last accept or inspect callback. */
	struct sockaddr_in remote;
	WSK_INSPECT_ID inspect[16];	/**< Of inspect callbacks. */
	unsigned int nb_inspect;
	WSK_INSPECT_ID aborted;		/**< Of the last abort callback. */
	struct req *closing;		/**< Its close. */
	struct end *next;
};

/** Slots of a host, all in all. */
#define WORLD_SOCKETS 256

struct pair {
	struct end *end[2];		/**< [CLIENT] connected to [SERVER], which accepted. */
};

/** The world of the case: setup and teardown make and end it. */
struct world {
	struct net net;
	PWSK_REGISTRATION reg[2];
	WSK_PROVIDER_NPI npi[2];
	bool captured[2];
	bool registered[2];
	unsigned int now;		/**< Events so far. */
	char wrong[256];		/**< What a callback or routine found wrong, first of all. */
	struct req *reqs;
	struct end *ends;
};

extern struct world world;

/** Assert that nothing is wrong, and poll both hosts once. */
void
world_step(void);

void
world_steps(unsigned int rounds);

/** Note, once, what is wrong: the next step fails the case. For callbacks, which cannot. */
void
world_wrong(const char *what);

/** Let a side not answer, or answer again. */
void
world_hold(unsigned int side, bool held);

/** Step until the expression is true. */
#define UNTIL(expr) do { \
	uint64_t until_ms_ = net_now_ms() + net_patience_ms(); \
	while (!(expr)) { \
		if (net_now_ms() > until_ms_) { \
			net_lose_patience(); \
			net_explain(&world.net); \
			fail_msg("%s:%d: never true: %s", __FILE__, __LINE__, #expr); \
		} \
		world_step(); \
	} \
} while (0)

/** Counter of a host. */
uint64_t
world_counter(unsigned int side, const char *name);

/** 10.9.0.(host + 1); host ANY: the wildcard. */
struct sockaddr_in
address(unsigned int host, uint16_t port);

/** Library, hosts, the subsystem on both, registrations, captures: for cases that do so again. */
void
world_open(void);

/** Close every socket, and give back captures and registrations. */
void
world_settle(void);

/** ... then subsystem, hosts and library, and assert that nothing was left on either host. */
void
world_close(void);

/** Forget requests and ends; all of them are over. */
void
world_forget(void);

/* Requests. Each post makes an IRP and one call, and writes down what the call answered. */

/** Step until a request is over. @return Its status. */
NTSTATUS
await(struct req *r);

/** Step until a request is over; assert that it failed with that status: told by the IRP, not by the answer (W18). */
void
assert_failed(struct req *r, NTSTATUS status);

/** A request with its IRP and routine, not yet made: for calls that have no function here. */
struct req *
req_new(struct end *e);

/** Lay memory out in as many MDLs (1..4) as asked, so that the buffer begins at an offset. */
void
req_memory(struct req *r, const void *mem, size_t len, unsigned int parts, ULONG offset);

struct req *
post_bind(struct end *e, unsigned int host, uint16_t port);
struct req *
post_connect(struct end *e, unsigned int host, uint16_t port);
struct req *
post_listen(struct end *e);
/** The addresses come into r->addr[0] (local) and r->addr[1], the socket into r->made. */
struct req *
post_accept(struct end *e);
struct req *
post_inspect_complete(struct end *e, const WSK_INSPECT_ID *id, WSK_INSPECT_ACTION action);
struct req *
post_receive(struct end *e, void *mem, size_t len, ULONG flags);
struct req *
post_send(struct end *e, const void *mem, size_t len, ULONG flags);
struct req *
post_disconnect(struct end *e, const void *mem, size_t len, ULONG flags);
/** Also into e->closing. */
struct req *
post_close(struct end *e);
struct req *
post_close_then(struct end *e, void (*then)(struct req *), void *arg);

/** What is asked of WskControlSocket, or WskControlClient: type and level are not its. */
struct ask {
	WSK_CONTROL_SOCKET_TYPE type;
	ULONG code;
	ULONG level;
	void *in;
	SIZE_T in_len;
	void *out;
	SIZE_T out_len;
	SIZE_T *got;		/**< OutputSizeReturned */
};

#define ASK(...) (&(struct ask){ __VA_ARGS__ })
#define ASK_CLIENT(control_code, ...) ASK(WskIoctl, control_code, 0, __VA_ARGS__)

/** WskControlSocket with an IRP. */
struct req *
post_control(struct end *e, const struct ask *a);
/** ... and without. @return What it answered. */
NTSTATUS
control(struct end *e, const struct ask *a);
/** WskControlClient without an IRP. @return What it answered. */
NTSTATUS
control_client(unsigned int side, const struct ask *a);
/** An option with a ULONG value. @return How the request ended. */
NTSTATUS
set_option(struct end *e, ULONG level, ULONG name, ULONG value);
NTSTATUS
get_option(struct end *e, ULONG level, ULONG name, ULONG *value);

/** WskGetLocalAddress, WskGetRemoteAddress. @return How the request ended. */
NTSTATUS
local_address(struct end *e, struct sockaddr_in *a);
NTSTATUS
remote_address(struct end *e, struct sockaddr_in *a);
/** The local port. */
uint16_t
port_of(struct end *e);

/* Ends. */

/** The record of a socket, without one. */
struct end *
end_new(unsigned int side, ULONG kind);

/** WskSocket with any arguments. The socket, if it becomes one, into r->made. */
struct req *
post_socket(unsigned int side, ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags);
/** WskSocketConnect, likewise. */
struct req *
post_socket_connect(unsigned int side, unsigned int host, uint16_t port);
/** Forget a record: nothing of the subsystem may touch it any more. */
void
end_free(struct end *e);
/** A socket of a kind; nothing else done with it. */
struct end *
end_of(unsigned int side, ULONG kind);
/** ... and bound to its host's address and a port. */
struct end *
bound(unsigned int side, ULONG kind, uint16_t port);
/** A listening socket with SO_CONDITIONAL_ACCEPT, its callbacks enabled. */
struct end *
conditional(unsigned int side, uint16_t port);
/** A connected pair; the listener is closed again. */
struct pair
world_pair(void);
/** Connect a bound end to one that listens, and take the connection by a request. @return What was accepted. */
struct end *
joined(struct end *e, struct end *l, uint16_t port);
/** Five bytes go from one end to the other, which has nothing else to receive. */
void
say(struct end *from, struct end *to);
/** Close, and assert that it ended well. */
void
shut(struct end *e);

/** SO_WSK_EVENT_CALLBACK, without an IRP: enable several, disable one. @return What it answered. */
NTSTATUS
try_enable(struct end *e, ULONG mask);
NTSTATUS
disable(struct end *e, ULONG event);
/** Assert that it worked. */
void
enable(struct end *e, ULONG mask);

/** WskRelease of the n-th list that is kept. */
NTSTATUS
release(struct end *e, unsigned int n);
/** Copy the bytes of a list. @return How many it has. */
size_t
indication_read(PWSK_DATA_INDICATION list, void *mem, size_t max);

/** The callbacks of an end, for calls that have no function here. */
extern const WSK_CLIENT_LISTEN_DISPATCH world_listen_calls;
extern const WSK_CLIENT_CONNECTION_DISPATCH world_connection_calls;
extern const WSK_CLIENT_STREAM_DISPATCH world_stream_calls;

/** A case, in an open world that is closed behind it: nothing may be left on either host. */
struct world_test {
	void (*run)(void);
};

void
world_run(void **state);

#define WORLD_CASE(f) { #f, world_run, net_case_begin, net_case_end, &(struct world_test){ f } }

/* Cases whose names end with "__one_core" are not for hosts of several cores. */
#define WORLD_MAIN(name, cases) \
int \
main(int argc, char **argv) \
{ \
	if (argc > 1) \
		cmocka_set_test_filter(argv[1]); \
	if (getenv("WORLD_CORES") != NULL) \
		cmocka_set_skip_filter("*__one_core"); \
	cmocka_set_message_output(CM_OUTPUT_TAP); \
	return cmocka_run_group_tests_name(name, cases, NULL, NULL); \
}

#endif
