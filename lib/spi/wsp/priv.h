/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSP layer, inside: descriptors, and what the layer keeps on each core.
 *
 * Model:     a descriptor is an entry of a table that is never freed. From WSPBind on it has a home: the part of the
 *            layer on the core that owns it, which holds the completion queue of its native socket, the operations and
 *            the up-calls to be made. A native socket does the work; nothing here follows its states but
 *            what the interface asks for (connecting, connected, listening).
 * Words:     so a descriptor's entry, home the core's part; "here": on the home's core, "away": on another thread.
 *            All of it is this process's: nothing outlives one that ends without a cleanup (R18).
 * Threads:   what is marked "any thread" is atomic or written before the entry is shown; the rest is home's.
 */
#ifndef SANI_SPI_WSP_PRIV_H
#define SANI_SPI_WSP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <san/wsp.h>

#include "sock/cq.h"
#include "sock/layer.h"
#include "spi/win/share.h"

#define SANI_WSP_SOCKS 65536u
#define SANI_WSP_UNIT 128u		/**< What descriptors of neighbours differ by. */
#define SANI_WSP_MEMORIES 1024u		/**< Registrations of a socket at most. */
#define SANI_WSP_BACKLOG 1024u
/**
 * Buffers of at least so many bytes are sent without a copy where the port lends. A smaller one costs no less to lend
 * than to copy, and copied its send is over at once, not when the peer has acknowledged it.
 */
#define SANI_WSP_LEND_MIN 16384u

/** In the lower bits of an entry's word. */
enum sani_wsp_state {
	SANI_WSP_OPEN,
	SANI_WSP_QUEUED,	/**< A request that nobody has accepted: no descriptor yet. */
	SANI_WSP_CLOSING,
	SANI_WSP_FREE,
};

/** In the lower bits of an entry's tie: its way to a home. One call at a time makes it, or binds it. */
enum sani_wsp_tie {
	SANI_WSP_BUSY,		/**< A call is at it. */
	SANI_WSP_LOOSE,		/**< It has no home. */
	SANI_WSP_TIED,		/**< It has one: there its native socket is closed. */
	SANI_WSP_CUT,		/**< Closed before it had one: by whoever closes it, or the call that is at it. */
};

enum sani_wsp_phase {
	SANI_WSP_FRESH,		/**< Not bound, or bound and nothing else. */
	SANI_WSP_CONNECTING,
	SANI_WSP_CONNECTED,	/**< Also when the connection is over: the native socket knows. */
	SANI_WSP_LISTENING,
};

/** One registration (WSPRegisterMemory). */
struct sani_wsp_mem {
	HANDLE handle;			/**< NULL: free. */
	struct sani_wsp_sock *so;
	char *base;
	san_mem lent;			/**< The native registration; SAN_NO_MEM: sends are copied. */
	uint32_t room[2];		/**< Bytes that may be sent, received into: all or none. */
	uint32_t in_use;		/**< Operations of none of its circles that are not completed, once a buffer. */
	uint32_t gen;
	struct sani_wsp_op *ops[2];	/**< Operations of one buffer, in a circle; NULL: none yet. */
	struct sani_wsp_mem *next;	/**< Of its socket, or the free list. */
	struct sani_wsp_mem *prev;
} SANI_ALIGNED;

/**
 * The registration that a socket's transfers of one direction used last: most use it again. Its operations are used in
 * turn, so the next one is over unless all are at work:
 *
 *       op
 *       v
 *   .-> over -> over -> posted -> posted -.
 *   '-------------------------------------'
 */
struct sani_wsp_near {
	HANDLE handle;
	char *base;
	uint64_t limit;			/**< More bytes than it has, SAN_IO_MAX at most; 0: none. */
	struct sani_wsp_op *op;		/**< The next one. */
	const struct sani_layer_way *way;	/**< How they are posted. */
	struct sani_wsp_mem *mem;
};

enum { SANI_WSP_SENDS, SANI_WSP_RECVS };

struct sani_wsp_home;

/**
 * What transfers of one buffer need of a socket. Each thread that polls cores has a table of them, in which an entry is
 * set only for its own sockets: so a thread that finds the descriptor there need not ask whether it is the right one.
 */
struct sani_wsp_hot {
	SOCKET s;			/**< 0: not here, or nothing is registered yet. */
	struct san_core *k;
	LPINT err;			/**< Of the call that is under way. */
	struct sani_wsp_near near[2];	/**< SANI_WSP_SENDS, SANI_WSP_RECVS */
} __attribute__((aligned(128)));

_Static_assert(sizeof(struct sani_wsp_hot) == SANI_WSP_UNIT, "a descriptor has the offset in the table");

struct sani_wsp_sock {
	struct san_overlapped op;	/**< Of connect, or of a listener's repeating accept. */
	_Atomic uint64_t word;		/**< Descriptor and state: sani_wsp_word(). Any thread. */
	_Atomic uint64_t tie;		/**< Generation 32, enum sani_wsp_tie. Any thread. */
	struct sani_wsp_home *_Atomic home;	/**< NULL: not bound. Any thread; set once. */
	_Atomic uint32_t away;		/**< Posts of other threads under way. Any thread. */
	struct sani_wsp_hot *hot;	/**< Of its home's thread's table. */
	SOCKET upper;			/**< The switch's descriptor. */
	san_handle h;
	DWORD catalog_id;
	uint8_t phase;			/**< enum sani_wsp_phase */
	bool retired;			/**< The native socket is gone. */
	bool has_upper;
	bool nodelay;
	bool outcome;			/**< Of a connect, not recorded by any selection. */
	BOOL debug;
	/* share.c */
	bool reuse;
	bool exclusive;
	struct sani_win_binding binding;
	struct san_host *bound_on;	/**< Whose port it has, with others perhaps; NULL: none, or one of its own. */
	struct sani_wsp_sock *next_bound;
	/* event.c */
	WSAEVENT event;
	LONG selected;
	LONG recorded;
	int connect_error;
	/* accept.c */
	uint32_t backlog;
	uint32_t nb_queued;
	struct sani_wsp_sock *oldest;	/**< Requests, linked by next. */
	struct sani_wsp_sock *newest;
	struct sani_wsp_sock *next;	/**< Also the free list. */
	SOCKET listener;		/**< A request: whose it is. */
	struct san_addr local;
	struct san_addr peer;
	/* memory.c */
	struct sani_wsp_mem *mems;
	uint32_t nb_mem;
	struct sani_wsp_sock *next_home;	/**< home->socks */
	struct sani_wsp_sock *prev_home;
};

/** The user value of a native operation is the WSAOVERLAPPED; of all that is not a transfer of one buffer it is odd. */
#define SANI_WSP_ODD (UINT64_C(1) << 63)

/** Of an operation that is not like most. */
enum {
	SANI_WSP_AWAY = 1,	/**< Of the pool for other threads. */
	SANI_WSP_MANY = 2,	/**< Several registrations: mems. */
};

static inline uint64_t
sani_wsp_user(const struct sani_wsp_sock *so)
{
	return (uintptr_t)so | SANI_WSP_ODD;
}

static inline struct sani_wsp_sock *
sani_wsp_of_user(uint64_t user)
{
	return (void *)(uintptr_t)(user & ~SANI_WSP_ODD);
}

/** A transfer. */
struct sani_wsp_op {
	struct san_overlapped native;
	SOCKET upper;			/**< The switch's descriptor, */
	struct sani_wsp_sock *so;	/**< and ours: they stay while a completion may be on its way. */
	struct sani_wsp_op *next;	/**< Of the circle, or a free list. */
	struct sani_wsp_op *prev;	/**< Of the circle. */
	uint8_t odd;			/**< SANI_WSP_AWAY, SANI_WSP_MANY */
	uint8_t kind;			/**< SAN_OP_SEND, SAN_OP_RECV. */
	uint16_t nb;			/**< Buffers; of mems. */
	struct sani_wsp_mem *mems[SAN_VEC_MAX];
};

/** What was read from the queue before its turn: an up-call, or the end of a socket. */
struct sani_wsp_kept {
	struct sani_wsp_sock *so;	/**< NULL: an up-call. */
	SOCKET upper;
	LPWSAOVERLAPPED ov;
	DWORD error;
	DWORD bytes;
};

#define SANI_WSP_KEPT_MAX 1024u
#define SANI_WSP_AWAY_MAX 1024u

/** What an operation of another thread brings along. */
struct sani_wsp_away {
	struct sani_wsp_op op;
	DWORD nb;
	WSABUFEX bufs[SAN_VEC_MAX];
};

/** Operations of the threads that do not poll the core: theirs to take, the core's to give back. */
struct sani_wsp_away_pool {
	pthread_mutex_t lock;		/**< Among the threads; the core never takes it. */
	struct sani_wsp_away *list;	/**< SANI_WSP_AWAY_MAX; NULL: the home is not in use. */
	uint32_t fresh;
	struct sani_wsp_op *free;
	struct sani_wsp_op *_Atomic given;
};

/** The layer on one core. Never freed. */
struct sani_wsp_home {
	struct sani_layer layer;	/**< First: the hook is the home; with its queue. */
	struct sani_thread *_Atomic thread;	/**< Who polls it. Any thread. */
	struct san_core *_Atomic k;	/**< Any thread; also when it was in use before. */
	_Atomic bool open;		/**< In use. Any thread; the core's own sees it by layer.cq. */
	struct sani_wsp_hot *hots;	/**< That thread's table. */
	bool scarce;			/**< No operation was free. */
	struct sani_wsp_sock *socks;
	uint32_t nb_socks;
	struct sani_wsp_op *ops;
	uint32_t fresh;
	struct sani_wsp_op *free;
	struct sani_wsp_op *given;	/**< Free from the next turn on, which is asked for. */
	struct sani_wsp_kept *kept;	/**< Older than what is in the queue. */
	uint32_t nb_kept;
	struct sani_wsp_away_pool away;
};

/** A call that is carried out on the home's core. */
struct sani_wsp_call {
	SOCKET s;
	struct sani_wsp_sock *so;
	DWORD (*fn)(struct sani_wsp_call *call);	/**< @return 0 or a code. */
	void *out;
	const void *in;
	HANDLE handle;
	uint64_t value;
	uint32_t flags;
};

/** The switch's table. Any thread; written by the first startup. */
extern WSPUPCALLTABLEEX sani_wsp_up __attribute__((visibility("hidden")));

/* upcall.c: what no round makes. The calling thread may not wait inside them. */

/** @return The switch's descriptor, or INVALID_SOCKET, and why. */
SOCKET
sani_wsp_up_create(const struct sani_wsp_sock *so, DWORD *code);
void
sani_wsp_up_close(SOCKET upper);
void
sani_wsp_up_set(WSAEVENT event);
void
sani_wsp_up_reset(WSAEVENT event);

/* error.c */

/** The code of a native error of a transfer or a call; of a connect. */
DWORD
sani_wsp_error(int rc);
DWORD
sani_wsp_connect_error(int rc);

/** Store a code, and return what an int function does. */
static inline int
sani_wsp_return(DWORD code, LPINT err)
{
	if (code == 0)
		return 0;
	if (err != NULL)
		*err = (INT)code;
	return SOCKET_ERROR;
}

/* startup.c */

/** Is the layer started, and no cleanup under way? Any thread. */
bool
sani_wsp_is_up(void);

/** The catalogue entry of the provider that the layer was started with. Any thread. */
DWORD
sani_wsp_catalog_id(void);

/* table.c: descriptors */

/** The calling thread's table; one without entries if it has no home. Writer: home.c. */
extern __thread struct sani_wsp_hot *sani_wsp_hots __attribute__((tls_model("initial-exec"), visibility("hidden")));

/** All entries; reserved by the first startup, never given back. Any thread. */
extern struct sani_wsp_sock *sani_wsp_socks __attribute__((visibility("hidden")));

/** Reserve them. @return False: no address space. */
bool
sani_wsp_reserve(void);

/**
 * Generation 32, offset in a table of hot parts 25, state 7: of an open entry it is the descriptor. Of any other the
 * offset is another entry's, so that nothing that leads to this one equals it.
 */
static inline uint64_t
sani_wsp_word(const struct sani_wsp_sock *so, uint32_t gen, enum sani_wsp_state state)
{
	uint64_t offset = (uint64_t)(so - sani_wsp_socks) * SANI_WSP_UNIT;

	if (state != SANI_WSP_OPEN)
		offset ^= SANI_WSP_UNIT;
	return (uint64_t)gen << 32 | offset | (uint64_t)state;
}

static inline uint32_t
sani_wsp_gen(const struct sani_wsp_sock *so)
{
	return (uint32_t)(atomic_load_explicit(&so->word, memory_order_relaxed) >> 32);
}

static inline enum sani_wsp_state
sani_wsp_state(const struct sani_wsp_sock *so)
{
	return (enum sani_wsp_state)(atomic_load(&so->word) % SANI_WSP_UNIT);
}

static inline bool
sani_wsp_is_open(const struct sani_wsp_sock *so)
{
	return sani_wsp_state(so) == SANI_WSP_OPEN;
}

/** The entry that a descriptor would have, whatever s is; not to be looked at before sani_wsp_is(). Any thread. */
static inline struct sani_wsp_sock *
sani_wsp_place(SOCKET s)
{
	return &sani_wsp_socks[(uint32_t)s / SANI_WSP_UNIT % SANI_WSP_SOCKS];
}

/** The hot part that it would have in the calling thread's table. */
static inline struct sani_wsp_hot *
sani_wsp_hot(SOCKET s)
{
	return (void *)((char *)sani_wsp_hots + ((uint32_t)s & ((SANI_WSP_SOCKS - 1) * SANI_WSP_UNIT)));
}

/** Is s the descriptor of its place, and open? Any thread. */
static inline bool
sani_wsp_is(const struct sani_wsp_sock *so, SOCKET s)
{
	return atomic_load(&so->word) == s;
}

/** The entry of an open descriptor, or NULL. Any thread. */
static inline struct sani_wsp_sock *
sani_wsp_find(SOCKET s)
{
	struct sani_wsp_sock *so = sani_wsp_place(s);

	return sani_likely(sani_wsp_is(so, s)) ? so : NULL;
}

/** How many entries were ever used. Any thread. */
uint32_t
sani_wsp_high(void);

/** A fresh entry in this state, BUSY, or NULL: all are in use. Any thread. */
struct sani_wsp_sock *
sani_wsp_alloc(enum sani_wsp_state state);

/** Give an entry back; its generation moves on. Any thread; nobody else looks at it. */
void
sani_wsp_free(struct sani_wsp_sock *so);

/** The descriptor of an entry. */
SOCKET
sani_wsp_name(const struct sani_wsp_sock *so);

/** Entries in use. Any thread. */
uint32_t
sani_wsp_in_use(void);

#include "spi/wsp/home.h"

#endif
