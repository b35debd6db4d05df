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
 * Threads:   what is marked "any thread" is atomic or written before the entry is shown; the rest is home's.
 */
#ifndef SANI_SPI_WSP_PRIV_H
#define SANI_SPI_WSP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <san/wsp.h>

#include "sock/cq.h"
#include "sock/layer.h"

#define SANI_WSP_SOCKS 65536u
#define SANI_WSP_MEMORIES 1024u		/**< Registrations of a socket at most. */
#define SANI_WSP_BACKLOG 1024u

enum sani_wsp_state {
	SANI_WSP_FREE,
	SANI_WSP_QUEUED,	/**< A request that nobody has accepted: no descriptor yet. */
	SANI_WSP_OPEN,
	SANI_WSP_CLOSING,
};

enum sani_wsp_phase {
	SANI_WSP_FRESH,		/**< Not bound, or bound and nothing else. */
	SANI_WSP_CONNECTING,
	SANI_WSP_CONNECTED,	/**< Also when the connection is over: the native socket knows. */
	SANI_WSP_LISTENING,
};

/** One registration (WSPRegisterMemory). */
struct sani_wsp_mem {
	char *base;
	uint32_t len;
	uint32_t in_use;	/**< Transfers that are not completed. */
	uint16_t gen;
	uint8_t access;		/**< MEM_*; 0: free. */
};

struct sani_wsp_home;

struct sani_wsp_sock {
	struct san_overlapped op;	/**< Of connect, or of a listener's repeating accept. */
	_Atomic uint64_t word;		/**< Generation 32, state 32. Any thread. */
	_Atomic uint32_t away;		/**< Posts of other threads under way. Any thread. */
	uint32_t index;			/**< In the table; never changes. */
	struct sani_wsp_home *home;	/**< NULL: not bound. Any thread; set once. */
	SOCKET upper;			/**< The switch's descriptor. */
	san_handle h;
	uint32_t nb_ops;		/**< Transfers and the one above, up-call not made. */
	DWORD catalog_id;
	uint8_t phase;			/**< enum sani_wsp_phase */
	bool retired;			/**< The native socket is gone. */
	bool has_upper;
	bool nodelay;
	bool outcome;			/**< Of a connect, not recorded by any selection. */
	BOOL debug;
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
	struct sani_wsp_mem *mem;
	uint32_t nb_mem;		/**< Size of mem. */
	struct sani_wsp_sock *next_home;	/**< home->socks */
	struct sani_wsp_sock *prev_home;
};

/** A transfer. */
struct sani_wsp_op {
	struct san_overlapped native;
	struct sani_wsp_sock *so;
	LPWSAOVERLAPPED ov;
	struct sani_wsp_op *next;	/**< Free list, or those that ended at once. */
	DWORD error;			/**< Ended at once: how, */
	DWORD bytes;			/**< and how much. */
	uint8_t kind;			/**< SAN_OP_SEND, SAN_OP_RECV. */
	bool is_away;			/**< Of the pool for other threads. */
	uint16_t nb;			/**< Buffers. */
	uint16_t mem[SAN_VEC_MAX];	/**< Their registrations, while nb_held. */
	uint16_t nb_held;
};

/** What an operation of another thread brings along. */
struct sani_wsp_away {
	struct sani_wsp_op op;
	WSABUFEX bufs[SAN_VEC_MAX];
};

/** Operations of the threads that do not poll the core: theirs to take, the core's to give back. */
struct sani_wsp_away_pool {
	pthread_mutex_t lock;		/**< Among the threads; the core never takes it. */
	struct sani_wsp_away *list;
	uint32_t size;
	uint32_t fresh;
	struct sani_wsp_op *free;
	struct sani_wsp_op *_Atomic given;
};

/** The layer on one core. Never freed; in use while cq is not NULL. */
struct sani_wsp_home {
	struct sani_layer layer;	/**< First: the hook is the home. */
	struct sani_thread *thread;	/**< Who polls it. Any thread. */
	struct san_core *k;
	struct san_cq *cq;
	bool calling;			/**< Up-calls are being made. */
	bool behind;			/**< The queue was not emptied in the last turn. */
	struct sani_wsp_sock *socks;
	uint32_t nb_socks;
	struct sani_wsp_op *ops;
	uint32_t fresh;
	struct sani_wsp_op *free;
	struct sani_wsp_op *done;	/**< Ended at once, up-call not made; oldest first. */
	struct sani_wsp_op **done_end;
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
extern WSPUPCALLTABLEEX sani_wsp_up;

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

#define SANI_WSP_CHUNK 1024u

/** Entries that were ever used, in pieces that are never freed. Any thread. */
extern struct sani_wsp_sock *_Atomic sani_wsp_chunks[SANI_WSP_SOCKS / SANI_WSP_CHUNK];

static inline uint64_t
sani_wsp_word(uint32_t gen, enum sani_wsp_state state)
{
	return (uint64_t)gen << 32 | (uint64_t)state;
}

/** The entry of an index below SANI_WSP_SOCKS that was ever used, or NULL. Any thread. */
static inline struct sani_wsp_sock *
sani_wsp_at(uint32_t index)
{
	struct sani_wsp_sock *chunk;

	if (sani_unlikely(index >= SANI_WSP_SOCKS))
		return NULL;
	chunk = atomic_load_explicit(&sani_wsp_chunks[index / SANI_WSP_CHUNK], memory_order_acquire);
	return chunk != NULL ? &chunk[index % SANI_WSP_CHUNK] : NULL;
}

/** The entry of an open descriptor, or NULL. Any thread. */
static inline struct sani_wsp_sock *
sani_wsp_find(SOCKET s)
{
	struct sani_wsp_sock *so = sani_wsp_at((uint32_t)s - 1);

	if (sani_unlikely(so == NULL) ||
	    sani_unlikely(atomic_load(&so->word) != sani_wsp_word((uint32_t)(s >> 32), SANI_WSP_OPEN)))
		return NULL;
	return so;
}

/** A fresh entry in this state, or NULL: all are in use. Any thread. */
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
