/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSP layer, inside: homes, up-calls, and what the files of the layer offer each other. Part of spi/wsp/priv.h.
 */
#ifndef SANI_SPI_WSP_HOME_H
#define SANI_SPI_WSP_HOME_H

#include "spi/wsp/priv.h"

/* home.c */

/** Is the calling thread the one that polls the home's core? Any thread. */
static inline bool
sani_wsp_is_here(const struct sani_wsp_home *home)
{
	return home->thread == sani_thread_self();
}

/** Ask for a turn of the home, behind what it is for. Any thread; of another core: who wakes it. */
static inline void
sani_wsp_ask(struct sani_wsp_home *home)
{
	/* sequentially consistent: the turn looks behind the store that takes it back */
	atomic_store(&home->layer.asked, true);
}

/** The home of a core, made if need be; NULL: no memory. Here. */
struct sani_wsp_home *
sani_wsp_home(struct san_core *k);

/** Homes in use. Any thread. */
uint32_t
sani_wsp_homes(void);

/** The home of a core id, whatever state it is in; valid memory always. Any thread. */
struct sani_wsp_home *
sani_wsp_home_at(unsigned int core_id);

/** Have so, which is BUSY, belong to home. Here. */
void
sani_wsp_settle(struct sani_wsp_home *home, struct sani_wsp_sock *so);

/**
 * Carry a call out where its socket is at home, in the calling thread when it has none yet.
 * @return What call->fn returned, WSAENOTSOCK, WSAENETDOWN. Any thread that may call.
 */
DWORD
sani_wsp_carry_out(struct sani_wsp_call *call);

/** May the calling thread call at all? @return 0 or WSAENETDOWN. */
DWORD
sani_wsp_check_caller(void);

/** A free operation, or NULL: all are in use. Here. */
struct sani_wsp_op *
sani_wsp_take_op(struct sani_wsp_home *home);

/** It is free again: at once, or (the whole circle; who may still be told of it) from the next turn on. Here. */
void
sani_wsp_give_op(struct sani_wsp_home *home, struct sani_wsp_op *op);
void
sani_wsp_give_circle(struct sani_wsp_home *home, struct sani_wsp_op *op);

/** Tell the switch of the end of an operation that was not posted natively. Here, not inside a call of its own. */
void
sani_wsp_end_away(struct sani_wsp_home *home, struct sani_wsp_op *op, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes);

/** Is an operation polled (R98), not told of by an up-call? */
static inline bool
sani_wsp_is_polled(const WSAOVERLAPPED *ov)
{
	return ((uintptr_t)ov->hEvent & 1) != 0;
}

/** The structure of an operation has its result, in the order that lookers need (R101, R103). */
static inline void
sani_wsp_finish_polled(LPWSAOVERLAPPED ov, DWORD error, DWORD bytes)
{
	ov->OffsetHigh = error;
	ov->Offset = 0;
	ov->InternalHigh = bytes;
	/* release: the result before the word that says it is there */
	__atomic_store_n(&ov->Internal, (ULONG_PTR)0, __ATOMIC_RELEASE);
}

/** Nothing of so is left but its up-calls: go on with its release as far as it can go. Here. */
void
sani_wsp_try_release(struct sani_wsp_sock *so);

/** Make the up-calls that are due for so now, keep all others for the core's turn. Here, outside up-calls. */
void
sani_wsp_flush(struct sani_wsp_home *home, struct sani_wsp_sock *so);

/* sock.c */

/** Begin the close of an entry that the calling thread has made CLOSING. Any thread that may call. */
void
sani_wsp_begin_close(struct sani_wsp_sock *so);

/** Make it CLOSING if it is open in this generation. @return False: it was not. Any thread. */
bool
sani_wsp_make_unreachable(struct sani_wsp_sock *so, uint32_t gen);

/** An address of the switch's. @retval 0 WSAEFAULT WSAEAFNOSUPPORT. Any thread. */
DWORD
sani_wsp_read_name(const struct sockaddr *name, int namelen, struct san_addr *addr);

/** Bind a socket without a home. @return 0 or a code. The calling thread may call. */
DWORD
sani_wsp_bind_to(SOCKET s, const struct san_addr *local);

/* option.c */

/**
 * Before a bind looks at a socket's options, and before the entry of one without a home is free: meanwhile no other
 * thread writes them. Where the socket has a home behind it they are its thread's.
 */
void
sani_wsp_options_hold(void);

void
sani_wsp_options_let_go(void);

/** The word of an entry's tie. */
static inline uint64_t
sani_wsp_tie(uint32_t gen, enum sani_wsp_tie tie)
{
	return (uint64_t)gen << 32 | (uint64_t)tie;
}

/* share.c */

/**
 * Have a socket take part in a port of a host, which is not 0, if those that have it let it.
 * @retval 0 -EADDRINUSE. Any thread.
 */
int
sani_wsp_share_enter(struct sani_wsp_sock *so, struct san_host *host, const struct san_addr *local);

/** It does so no longer; the last one gives the port back. Nothing if it does not. Any thread. */
void
sani_wsp_share_leave(struct sani_wsp_sock *so);

/* accept.c, connect.c: completions. Here. */

void
sani_wsp_on_accept(struct sani_wsp_sock *so, const struct san_completion *c);

/** Refuse whatever a listener has queued. */
void
sani_wsp_refuse_all(struct sani_wsp_sock *so);

void
sani_wsp_on_connect(struct sani_wsp_sock *so, const struct san_completion *c);

/* event.c */

/** A network event has happened: recorded and signalled if it is selected. Here. */
void
sani_wsp_signal(struct sani_wsp_sock *so, LONG event, int error);

/* memory.c */

/** The registration of so that covers a buffer for this direction, or NULL. Here. */
struct sani_wsp_mem *
sani_wsp_mem_of(const struct sani_wsp_sock *so, const WSABUFEX *buf, unsigned int direction);

/**
 * Make it the one that its socket has near for this direction, if it is not.
 * @return False: it is too large for that, or no operation is free; what uses it is posted in another way. Here.
 */
bool
sani_wsp_keep_near(struct sani_wsp_mem *mem, unsigned int direction);

/** Give operations back that the registrations of so can do without. Here. */
void
sani_wsp_spare_ops(struct sani_wsp_sock *so);

/* start.c */

/** The way of a transfer of one buffer; of one from a registration whose larger buffers are lent. */
extern const struct sani_layer_way sani_wsp_plain __attribute__((visibility("hidden")));
extern const struct sani_layer_way sani_wsp_small __attribute__((visibility("hidden")));

/** Does the operation of a structure run? Any thread. */
static inline bool
sani_wsp_is_running(LPWSAOVERLAPPED ov)
{
	/* acquire: the result after the word that says it is there */
	return __atomic_load_n(&ov->Internal, __ATOMIC_ACQUIRE) == WSS_OPERATION_IN_PROGRESS;
}

/** Post one buffer, which lies in the registration that near is. @return As WSPSend. Here. */
static inline int
sani_wsp_start_plain(struct sani_wsp_hot *hot, struct sani_wsp_near *near, const WSABUFEX *buf, LPWSAOVERLAPPED ov,
		     LPINT err)
{
	struct sani_wsp_op *op = near->op;
	char *mem = buf->buf;
	uint32_t len = buf->len;

	near->op = op->next;
	ov->Internal = WSS_OPERATION_IN_PROGRESS;
	hot->err = err;
	*err = WSA_IO_PENDING;
	return sani_layer_transfer(hot->k, &op->native, mem, len, near->way, (uintptr_t)ov);
}

/** WSPSend and WSPRecv, whatever is asked for: with all checks, in the order of the header. Any thread. */
int
sani_wsp_send_slowly(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, DWORD flags,
		     LPWSAOVERLAPPED ov, LPINT err);
int
sani_wsp_recv_slowly(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
		     const DWORD *flags, LPWSAOVERLAPPED ov, LPINT err);

/** Make an operation ready for transfers of one buffer of so. Here. */
void
sani_wsp_make_ready(struct sani_wsp_sock *so, struct sani_wsp_op *op, unsigned int direction);

/** All registrations of so go. Here, or nobody else looks at it. */
void
sani_wsp_forget_memory(struct sani_wsp_sock *so);

/** Reserve what registrations need. @return False: no address space. */
bool
sani_wsp_reserve_memory(void);

/* The functions of the table: san/wsp_calls.h. */

int WSPAPI
sani_wsp_cleanup(LPINT err);
SOCKET WSPAPI
sani_wsp_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT err);
int WSPAPI
sani_wsp_bind(SOCKET s, const struct sockaddr *name, int namelen, LPINT err);
int WSPAPI
sani_wsp_listen(SOCKET s, int backlog, LPINT err);
SOCKET WSPAPI
sani_wsp_accept(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC condition, DWORD_PTR data, LPINT err);
int WSPAPI
sani_wsp_connect(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller, LPWSABUF callee, LPQOS sqos,
		 LPQOS gqos, LPINT err);
int WSPAPI
sani_wsp_send(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err);
int WSPAPI
sani_wsp_recv(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err);
BOOL WSPAPI
sani_wsp_get_overlapped_result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err);
int WSPAPI
sani_wsp_event_select(SOCKET s, WSAEVENT event, LONG events, LPINT err);
int WSPAPI
sani_wsp_enum_network_events(SOCKET s, WSAEVENT event, LPWSANETWORKEVENTS out, LPINT err);
int WSPAPI
sani_wsp_close_socket(SOCKET s, LPINT err);
int WSPAPI
sani_wsp_get_sock_opt(SOCKET s, int level, int name, char *value, LPINT len, LPINT err);
int WSPAPI
sani_wsp_set_sock_opt(SOCKET s, int level, int name, const char *value, int len, LPINT err);
int WSPAPI
sani_wsp_ioctl(SOCKET s, DWORD code, LPVOID in, DWORD nb_in, LPVOID out, DWORD nb_out, LPDWORD returned,
	       LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err);
BOOL WSPAPI
sani_wsp_get_qos_by_name(SOCKET s, LPWSABUF name, LPQOS qos, LPINT err);
int WSPAPI
sani_wsp_duplicate_socket(SOCKET s, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT err);
HANDLE WSPAPI
sani_wsp_register_memory(SOCKET s, PVOID buf, DWORD len, DWORD flags, LPINT err);
int WSPAPI
sani_wsp_deregister_memory(SOCKET s, HANDLE handle, LPINT err);

#endif
