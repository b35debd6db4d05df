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

/** The home of a core, made if need be; NULL: no memory. Here. */
struct sani_wsp_home *
sani_wsp_home(struct san_core *k);

/** Homes in use. Any thread. */
uint32_t
sani_wsp_homes(void);

/** The home of a core id, whatever state it is in; valid memory always. Any thread. */
struct sani_wsp_home *
sani_wsp_home_at(unsigned int core_id);

/** Have so belong to home. Here. */
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

/** One that was never used, or NULL: all are in use. Here. */
struct sani_wsp_op *
sani_wsp_fresh_op(struct sani_wsp_home *home);

/** The spare one is in use from now on; the next one takes its place. Here. */
static inline void
sani_wsp_use_spare(struct sani_wsp_home *home)
{
	struct sani_wsp_op *op = home->free;

	if (sani_unlikely(op == NULL)) {
		home->spare = sani_wsp_fresh_op(home);
		return;
	}
	home->free = op->next;
	home->spare = op;
}

/** An operation of so was over at once: its up-call follows in the core's turn. There is room. Here. */
static inline void
sani_wsp_defer(struct sani_wsp_home *home, struct sani_wsp_sock *so, LPWSAOVERLAPPED ov, DWORD bytes)
{
	struct sani_wsp_done *d = home->done_next++;

	d->so = so;
	d->bytes = bytes;
	d->ov = ov;
}

/**
 * An operation that was counted in nb_ops has ended: its registrations go, then the switch is told (R13), and nothing
 * of it is touched any more. Here, not inside a call of the switch's.
 */
void
sani_wsp_complete(struct sani_wsp_home *home, struct sani_wsp_op *op, DWORD error, DWORD bytes);

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
sani_wsp_bind_to(struct sani_wsp_sock *so, const struct san_addr *local);

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
sani_wsp_mem_of(struct sani_wsp_sock *so, const WSABUFEX *buf, unsigned int direction);

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
