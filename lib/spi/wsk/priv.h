/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSK, inside: sockets, requests, and the layer's part of a core.
 *
 * Words:   wc is the layer's part of a core, s a socket, c a client (a registration that is captured or was).
 * Model:   a socket is the wrapper of a native one. A request is a native operation in its IRP, or is held in a list
 *          here until there is one for it. Everything about a socket happens on the thread of its core ("here"); other
 *          threads push IRPs, cancels and the like onto stacks that the core takes whole in its turn (sock/layer.h).
 * Threads: a function with wc or s is called here, unless it is marked "any thread".
 */
#ifndef SANI_SPI_WSK_PRIV_H
#define SANI_SPI_WSK_PRIV_H

#include <stdatomic.h>

#include <san/san.h>
#include <san/wsk.h>

#include "base/base.h"
#include "sock/layer.h"
#include "sock/slot.h"

struct sani_wsk_sock;
struct sani_wsk_block;

/** Requests, the oldest first; linked by Next. */
struct sani_wsk_irps {
	PIRP head;
	PIRP tail;
};

/** How far a request is: IRP.Step, with marks. Written here, but for marks set before it is handed over. */
enum sani_wsk_step {
	SANI_WSK_NATIVE,	/**< Its operation is posted. */
	SANI_WSK_NEW,
	SANI_WSK_HELD,		/**< In IRP.List. */
	SANI_WSK_ENDED,		/**< Has its status; completes in this turn or the next. */
	SANI_WSK_OVER,		/**< Has its status, but who cancels it has not said so yet. */
	SANI_WSK_STEPS = 0xff,
	SANI_WSK_SEEN = 1 << 8,		/**< The cancel was carried out here, or there can be none. */
	SANI_WSK_CLIENT = 1 << 9,	/**< Of a client-level function. */
	SANI_WSK_CLOSE = 1 << 10,	/**< The close: the socket goes with it. */
	SANI_WSK_BY_RX = 1 << 11,	/**< A receive that is counted in rx.natives. */
};

struct sani_wsk_core {
	struct sani_layer layer;
	struct san_core *core;
	struct sani_wsk_host *host;
	const void *thread;			/**< sani_wsk_mark of the thread that polls it. */
	_Atomic bool gone;			/**< The core has left its last round (O15): nobody polls it. */
	/* Pushed by any thread, taken whole in the turn. */
	_Atomic(PIRP) inbox SANI_ALIGNED;	/**< Linked by Next, the newest first. */
	_Atomic(PIRP) cancels;			/**< By NextCancelled. */
	_Atomic(struct sani_wsk_sock *) kicked;	/**< By next_kicked: what is enabled has changed. */
	_Atomic(struct sani_wsk_block *) released;
	/* The core's thread. */
	struct sani_wsk_irps done SANI_ALIGNED;	/**< ENDED ones that wait for the turn. */
	struct sani_wsk_sock *socks;		/**< Linked by next, prev. */
	struct sani_wsk_block *blocks;		/**< Free ones. */
	uint32_t nb_blocks;			/**< All. */
	uint32_t nb_free;
	uint32_t want_blocks;			/**< So many there ought to be. */
	struct sani_wsk_sock *starved;		/**< Wait for a block, by next_starved. */
	uint8_t sink[16384];			/**< Where WSK_FLAG_DRAIN puts things. */
};

#define SANI_WSK_PORTS 1024u

/** The subsystem on a host. */
struct sani_wsk_host {
	struct san_host *host;		/**< NULL: the entry is free. */
	struct sani_wsk_core *cores[64];
	unsigned int nb_cores;
	unsigned int next_core;		/**< For sockets of threads that poll none. */
	unsigned int nb_left;		/**< Cores that are gone. */
	struct sani_wsk_sock *bound[SANI_WSK_PORTS];	/**< By port, by next_bound; locked. */
	uint32_t users;			/**< Captures, client-level requests, sockets. */
	uint64_t since;			/**< Which one has it for longest. */
	bool ready;
};

/** Receiving by WskReceiveEvent: made when that is first enabled. */
struct sani_wsk_rx {
	struct sani_wsk_sock *sock;
	struct san_overlapped op;	/**< The receive into fill. */
	struct sani_wsk_block *fill;	/**< NULL: nothing is posted. */
	struct sani_wsk_block *left;	/**< Received and not taken: len bytes from at. */
	uint32_t at;
	uint32_t len;
	uint32_t natives;		/**< WskReceive requests that are posted. */
	struct sani_wsk_irps held;	/**< Those that wait for fill. */
	bool stopped;			/**< The program has not accepted everything (W45, W47). */
	bool busy;			/**< Inside the callback, or in a loop that looks again. */
	bool ended;			/**< FIN or error was received. */
	bool starved;
};

/** An option that was set on a socket that listened already: accepted connections are given it. */
struct sani_wsk_late {
	bool set;
	uint32_t value;
};

/** The listening part of a socket. */
struct sani_wsk_listen {
	struct sani_wsk_sock *sock;
	struct san_overlapped op;	/**< The repeating accept. */
	bool posted;
	struct sani_wsk_irps held;	/**< WskAccept requests that wait for it. */
	struct sani_wsk_sock *first;	/**< Connections that wait to be inspected or accepted, the oldest first. */
	struct sani_wsk_sock *last;
	uint32_t nb_waiting;
	ULONG serial;
	struct sani_wsk_late keepalive;
	struct sani_wsk_late rcvbuf;
};

enum sani_wsk_phase {
	SANI_WSK_FRESH,
	SANI_WSK_BOUND,
	SANI_WSK_CONNECTING,
	SANI_WSK_CONNECTED,
	SANI_WSK_LISTENING,
};

struct sani_wsk_sock {
	WSK_SOCKET pub;
	struct sani_wsk_core *core;
	san_handle h;			/**< SAN_NO_HANDLE: a basic socket, or not made yet. */
	struct san_core *k;		/**< That the native socket lives on. */
	const void *sends_on;		/**< The core's thread, when sends there go straight to the native call; */
	const void *recvs_on;		/**< ... when receives do. */
	struct sani_wsk_rx *rx;
	_Atomic(struct sani_wsk_rx *) rx_new;	/**< Made by who enables; any thread. */
	struct _WSK_CLIENT *client;
	PVOID context;
	const WSK_CLIENT_LISTEN_DISPATCH *on_listen;
	const WSK_CLIENT_CONNECTION_DISPATCH *on_conn;
	_Atomic ULONG events;		/**< Enabled. Any thread. */
	_Atomic ULONG running;		/**< The callback that runs. */
	_Atomic uint8_t phase;		/**< enum sani_wsk_phase */
	uint8_t category;		/**< WSK_FLAG_*_SOCKET */
	bool native_over;		/**< The native socket is gone. */
	bool closing;
	bool conditional;
	bool exclusive;
	bool reuse;
	bool nagle;			/**< TCP_NODELAY is 0: WSK_FLAG_NODELAY counts. */
	bool hurried;			/**< Nagle's algorithm is off since a send with that flag. */
	bool tells_backlog;		/**< The end of a send may call WskSendBacklogEvent. */
	bool watching;			/**< watch is posted. */
	bool fin;			/**< The peer's FIN has come. */
	bool lost;			/**< The connection was broken from outside. */
	bool told_fin;
	bool told_lost;
	bool rejected;			/**< Closed here, without an IRP. */
	_Atomic bool is_kicked;
	ULONG inherited;		/**< Events of the connections that WskAcceptEvent gets (W38). */
	SIZE_T backlog;			/**< As last told. */
	uint32_t nb_over;		/**< Its requests in OVER. */
	PIRP late_close;		/**< The close, which waits for those. */
	PIRP close_irp;			/**< The close, which waits for the native one. */
	struct san_addr local;
	struct san_addr remote;
	struct san_addr bound;		/**< Its entry among those of the host; port 0: it has none. Locked. */
	struct sani_wsk_sock *next_bound;
	SECURITY_DESCRIPTOR *security;	/**< Its own copy; NULL: nobody may share its address. */
	struct sani_wsk_irps held;	/**< SIO_ADDRESS_LIST_CHANGE. */
	struct sani_wsk_listen *listening;
	struct sani_wsk_sock *next, *prev;	/**< Of the core. */
	struct sani_wsk_sock *next_kicked;
	struct sani_wsk_sock *next_starved;
	/* A connection that its listening socket has and the program not. */
	struct sani_wsk_sock *listener;
	struct sani_wsk_sock *next_waiting;
	WSK_INSPECT_ID inspect;		/**< Of a conditional accept; Key 0: none. */
	bool pending;			/**< Left pending by WskInspectEvent. */
	bool opening;			/**< Its handshake is not finished. */
	bool confirming;		/**< Accepted; the peer is not answered yet. */
	struct san_overlapped watch;
	struct san_overlapped tail;	/**< The last send of a disconnect; the connect of WskConnectEx. */
};

struct _WSK_CLIENT {
	struct san_host *wanted;	/**< NULL: any. */
	struct sani_wsk_host *host;	/**< While anything of it is used there. */
	PVOID context;
	const WSK_CLIENT_DISPATCH *dispatch;
	uint32_t captures;
	uint32_t calls;			/**< Client-level requests that are not completed. */
	uint32_t socks;
	uint32_t waiting;		/**< Threads that wait to capture. */
	bool ending;
	bool orphan;			/**< Its WskDeregister() has returned, for it could not wait. */
	bool had_sock;
	bool fixed;			/**< Static callbacks were set. */
	_Atomic ULONG fixed_events;
	struct sani_wsk_irps changes;	/**< WSK_TRANSPORT_LIST_CHANGE */
	struct sani_wsk_sd *sds;	/**< Cached descriptors. */
};

/** Its address names the thread. */
extern __thread char sani_wsk_mark __attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline struct sani_wsk_sock *
sani_wsk_sock(PWSK_SOCKET socket)
{
	return (struct sani_wsk_sock *)(void *)socket;
}

/** Is the calling thread the core's? Any thread. */
static inline bool
sani_wsk_is_here(const struct sani_wsk_core *wc)
{
	return sani_likely(wc->thread == &sani_wsk_mark);
}

static inline PIRP
sani_wsk_irp_of(struct san_overlapped *op)
{
	return SANI_CONTAINER(op, IRP, Operation);
}

/* request.c */

/** The status for a native result. */
NTSTATUS
sani_wsk_status(int rc);

/** The cancel routine of every request that can be cancelled. Any thread. */
VOID
sani_wsk_cancel(PDEVICE_OBJECT device, PIRP irp);

/**
 * The arguments of a request, in the stack location that the program has set its routine in (W17). The IRP does not
 * step down to it: it steps up when it completes, and where it is one that its maker has given it, that is all there
 * is to do.
 */
static inline ULONG_PTR *
sani_wsk_args(PIRP irp)
{
	return IoGetNextIrpStackLocation(irp)->Parameters.Provider;
}

/** Take an IRP over: false, when it has no stack location left (W14). Any thread. */
static inline bool
sani_wsk_take(struct sani_wsk_sock *s, struct sani_wsk_core *wc, PIRP irp)
{
	if (sani_unlikely(irp == NULL || irp->CurrentLocation < 2))
		return false;
	irp->Socket = s;
	irp->Core = wc;
	irp->Step = SANI_WSK_NEW;
	/* sequentially consistent, before the look at Cancel: against IoCancelIrp() */
	__atomic_store_n(&irp->CancelRoutine, sani_wsk_cancel, __ATOMIC_SEQ_CST);
	return true;
}

/** Have start called here: now, or in the next turn. @return STATUS_PENDING. Any thread. */
NTSTATUS
sani_wsk_submit(PIRP irp, VOID (*start)(PIRP irp));

/** A request that has been decided in the call: its status travels as a request does. As sani_wsk_submit(). */
NTSTATUS
sani_wsk_answer(PIRP irp, NTSTATUS status);

/** Complete an IRP whose status is there: here, in the turn. */
void
sani_wsk_end(PIRP irp);

/** Complete an IRP now: here, in the turn. */
void
sani_wsk_complete(PIRP irp, NTSTATUS status, ULONG_PTR information);

/** Complete it in the turn that is, or the next: failures too (W18). What came of it is in the IRP (W19). */
void
sani_wsk_finish(PIRP irp, NTSTATUS status, ULONG_PTR information);

/** What was posted natively: PENDING, or it is finished with the error. */
void
sani_wsk_posted(PIRP irp, int rc);

/** Hold a request in a list. */
void
sani_wsk_hold(struct sani_wsk_irps *list, PIRP irp);

/** The oldest of a list, which is not on it any more; NULL: none. */
PIRP
sani_wsk_next(struct sani_wsk_irps *list);

/** Take one out of a list, if it is on it. */
void
sani_wsk_take_out(struct sani_wsk_irps *list, PIRP irp);

/** End all of a list. */
void
sani_wsk_finish_all(struct sani_wsk_irps *list, NTSTATUS status, ULONG_PTR information);

/** Carry out what other threads have pushed. @return How many. */
unsigned int
sani_wsk_take_inbox(struct sani_wsk_core *wc);
unsigned int
sani_wsk_take_cancels(struct sani_wsk_core *wc);

/* turn.c */

/** Something was pushed, or has ended: the layer wants a turn. Behind that. Any thread. */
static inline void
sani_wsk_ask(struct sani_wsk_core *wc)
{
	/* sequentially consistent: a core that falls asleep looks at what was pushed, not at this */
	atomic_store(&wc->layer.asked, true);
}

/** The layer's part of a round: struct sani_layer. */
void
sani_wsk_ended(struct sani_layer *layer, const struct san_completion *comp);
unsigned int
sani_wsk_turn(struct sani_layer *layer, struct san_core *k, bool last);
bool
sani_wsk_waiting(const struct sani_layer *layer);

/** Carry out what was pushed onto a core that is gone. Any thread. */
void
sani_wsk_sweep(struct sani_wsk_core *wc);

/**
 * The user value of a native operation is the IRP, when its end is that of its request and nothing more, and its
 * routine may be called as it is; of all that is not like that it is odd, and of closes too.
 */
#define SANI_WSK_ODD (UINT64_C(1) << 63)

/** A function of this module that takes completions: the user value of its operations. */
typedef void (*sani_wsk_fn)(struct sani_wsk_core *wc, const struct san_completion *comp);

static inline uint64_t
sani_wsk_user(sani_wsk_fn fn)
{
	return (uintptr_t)fn | SANI_WSK_ODD;
}

/** The end of an operation that is that of its request. */
void
sani_wsk_on_ended(struct sani_wsk_core *wc, const struct san_completion *comp);

/**
 * Is an IRP its maker's own, made for one call and never stepped, with a routine that wants to know of a success, and
 * not cancelled? Any thread.
 */
static inline bool
sani_wsk_is_own(const IRP *irp)
{
	typedef uint32_t __attribute__((may_alias)) word_t;
	/* StackCount 1, CurrentLocation 2, PendingReturned, not Cancel. */
	static const uint32_t own = 0x00010201;

	_Static_assert(offsetof(IRP, StackCount) % 4 == 0 && offsetof(IRP, Cancel) == offsetof(IRP, StackCount) + 3 &&
			       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
		       "four octets in a row");
	return __atomic_load_n((const word_t *)(const void *)&irp->StackCount, __ATOMIC_RELAXED) == own;
}

/** The user value of an operation whose end is that of its request. */
static inline uint64_t
sani_wsk_plain(PIRP irp)
{
	return sani_likely(sani_wsk_is_own(irp)) ? (uintptr_t)irp : sani_wsk_user(sani_wsk_on_ended);
}

/** Anything of s may be called next: what is enabled has changed. Any thread. */
void
sani_wsk_kick(struct sani_wsk_sock *s);

#include "spi/wsk/parts.h"
#include "spi/wsk/calls.h"

#endif
