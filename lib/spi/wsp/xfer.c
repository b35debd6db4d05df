/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends and receives like most: on the owning core one buffer, which lies in the registration that was used last. Such
 * a call is the native post of an operation that the registration has ready, and little else. It neither waits,
 * whatever events are selected (R94), nor is it refused for want of the other end's receive, or of one here: what comes
 * early stays in the receive window, and goes to the receives in their order (R85 to R87).
 */
#include <errno.h>
#include <sched.h>

#include "spi/wsp/priv.h"

/* Is buf all in the registration that was used last? */
static inline bool
is_near(const struct sani_wsp_near *near, const WSABUFEX *buf)
{
	uint64_t end;

	return buf->handle == near->handle &&
	       !__builtin_add_overflow((uint64_t)buf->len, (uint64_t)(buf->buf - near->base), &end) &&
	       end < near->limit;
}

/* On the owning core, one buffer of the registration that was used last: nearly all there is. */
static inline bool
is_plain(const struct sani_wsp_hot *hot, SOCKET s, const struct sani_wsp_near *near, const WSABUFEX *buf,
	 const WSAOVERLAPPED *ov)
{
	return hot->s == s && ov != NULL && ov->Internal != WSS_OPERATION_IN_PROGRESS && buf != NULL &&
	       is_near(near, buf);
}

/*
 * In two steps, each with its own call of the slow way: behind the first it is known what nb, flags and routine are.
 * Who kept them for one call at the end would save and restore up to five registers, ten instructions.
 */
int WSPAPI
sani_wsp_send(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	struct sani_wsp_hot *hot;

	(void)sent;
	(void)thread;
	if (sani_unlikely(((nb - 1) | flags | (uintptr_t)routine) != 0))
		return sani_wsp_send_slowly(s, bufs, nb, routine, flags, ov, err);
	hot = sani_wsp_hot(s);
	if (sani_unlikely(err == NULL || !is_plain(hot, s, &hot->near[SANI_WSP_SENDS], bufs, ov)))
		return sani_wsp_send_slowly(s, bufs, 1, NULL, 0, ov, err);
	return sani_wsp_start_plain(hot, &hot->near[SANI_WSP_SENDS], bufs, ov, err);
}

/* A bit that flags and err share says of both at once that they are not NULL; with none the slow way looks closer. */
int WSPAPI
sani_wsp_recv(SOCKET s, LPWSABUFEX bufs, DWORD nb, LPDWORD received, LPDWORD flags, LPWSAOVERLAPPED ov,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT err)
{
	static const DWORD none;
	struct sani_wsp_hot *hot;

	(void)received;
	(void)thread;
	if (sani_unlikely(((uintptr_t)flags & (uintptr_t)err) == 0 || ((nb - 1) | *flags | (uintptr_t)routine) != 0))
		return sani_wsp_recv_slowly(s, bufs, nb, routine, flags, ov, err);
	hot = sani_wsp_hot(s);
	if (sani_unlikely(!is_plain(hot, s, &hot->near[SANI_WSP_RECVS], bufs, ov)))
		return sani_wsp_recv_slowly(s, bufs, 1, NULL, &none, ov, err);
	return sani_wsp_start_plain(hot, &hot->near[SANI_WSP_RECVS], bufs, ov, err);
}

/* @return 0: ended. */
static DWORD
wait_for(const struct sani_wsp_sock *so, LPWSAOVERLAPPED ov)
{
	struct sani_wsp_home *home = so->home;

	while (sani_wsp_is_running(ov)) {
		if (home == NULL || !sani_wsp_is_here(home)) {
			if (sani_wsp_check_caller() != 0)
				return WSAENETDOWN;
			sched_yield();
		} else if (sani_layer_in_round()) {
			return WSA_IO_INCOMPLETE;
		} else if (sani_sock_poll(home->k) < 0) {
			return WSAENETDOWN;
		}
	}
	return 0;
}

static DWORD
result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags)
{
	const struct sani_wsp_sock *so = sani_wsp_find(s);
	DWORD code;

	if (so == NULL)
		return WSAENOTSOCK;
	if (ov == NULL)
		return WSAEINVAL;
	if (bytes == NULL || flags == NULL)
		return WSAEFAULT;
	if (wait && (ov->hEvent == NULL || sani_wsp_is_polled(ov)))
		return WSA_INVALID_HANDLE;
	code = !sani_wsp_is_running(ov) ? 0 : wait ? wait_for(so, ov) : WSA_IO_INCOMPLETE;
	return code != 0 ? code : ov->OffsetHigh;
}

BOOL WSPAPI
sani_wsp_get_overlapped_result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err)
{
	DWORD code = result(s, ov, bytes, wait, flags);

	if (code != 0) {
		sani_wsp_return(code, err);
		return FALSE;
	}
	*bytes = (DWORD)ov->InternalHigh;
	*flags = ov->Offset;
	return TRUE;
}
