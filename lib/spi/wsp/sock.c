/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "spi/win/addr.h"
#include "spi/wsp/priv.h"

/* R28, R29, R43: only what a SAN socket can be. */
static DWORD
check_kind(int af, int type, int protocol, GROUP g, DWORD flags)
{
	if (af != AF_INET)
		return WSAEAFNOSUPPORT;
	if (type != SOCK_STREAM)
		return WSAESOCKTNOSUPPORT;
	if (protocol == IPPROTO_UDP)
		return WSAEPROTOTYPE;
	if (protocol != IPPROTO_TCP && protocol != 0)
		return WSAEPROTONOSUPPORT;
	return g != 0 || flags != WSA_FLAG_OVERLAPPED ? WSAEINVAL : 0;
}

/*
 * It never had a native socket. Who has found it by its descriptor, when that was still good, may be at its options,
 * and is only so while he holds them: a moment in which they are ours is behind the last of those, and nobody finds it
 * any more. What is done then needs no hold, and may lead to an up-call, under which none is to be had.
 */
static void
retire(struct sani_wsp_sock *so)
{
	sani_wsp_options_hold();
	sani_wsp_options_let_go();
	so->retired = true;
	sani_wsp_try_release(so);
}

/* The call that is at it is over. @return False: it was closed meanwhile, and is no more. */
static bool
leave_to(struct sani_wsp_sock *so, uint32_t gen, enum sani_wsp_tie tie)
{
	uint64_t busy = sani_wsp_tie(gen, SANI_WSP_BUSY);

	if (atomic_compare_exchange_strong(&so->tie, &busy, sani_wsp_tie(gen, tie)))
		return true;
	retire(so);
	return false;
}

/* R32. Of a cleanup that has looked for sockets before this one was there it is known that it has begun. */
static DWORD
name_it(struct sani_wsp_sock *so)
{
	DWORD code;

	so->upper = sani_wsp_up_create(so, &code);
	so->has_upper = so->upper != INVALID_SOCKET;
	return code == 0 && !sani_wsp_is_up() ? WSAENETDOWN : code;
}

/* R30: own structure, the switch's descriptor, by which up-calls name the socket, own descriptor. */
static DWORD
make(const WSAPROTOCOL_INFOW *info, SOCKET *s)
{
	struct sani_wsp_sock *so = sani_wsp_alloc(SANI_WSP_OPEN);
	uint32_t gen;
	DWORD code;

	if (so == NULL)
		return WSAEMFILE;
	gen = sani_wsp_gen(so);
	so->catalog_id = info != NULL ? info->dwCatalogEntryId : sani_wsp_catalog_id();
	*s = sani_wsp_name(so);
	code = name_it(so);
	if (code != 0 && sani_wsp_make_unreachable(so, gen)) {
		retire(so);
		return code;
	}
	/* Who knows the descriptor by the up-call may have closed it. */
	if (!leave_to(so, gen, SANI_WSP_LOOSE) && code == 0)
		return WSAENOTSOCK;
	return code;
}

SOCKET WSPAPI
sani_wsp_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT err)
{
	DWORD code = check_kind(af, type, protocol, g, flags);
	SOCKET s;

	if (code == 0 && info != NULL && info->dwProviderReserved != 0)
		code = WSAEINVAL;
	if (!sani_wsp_is_up() || sani_wsp_check_caller() != 0)
		code = WSAENETDOWN;
	if (code == 0)
		code = make(info, &s);
	if (code == 0)
		return s;
	sani_wsp_return(code, err);
	return INVALID_SOCKET;
}

/* A port that is given may be shared; one that is not is chosen for this socket alone, by the listen or the connect. */
static int
bind_native(struct sani_wsp_sock *so, struct san_core *k, const struct san_addr *local)
{
	int rc;

	if (local->port == 0)
		return san_bind(so->h, local);
	rc = sani_wsp_share_enter(so, sani_layer_host(k), local);
	if (rc == 0)
		rc = sani_layer_bind(so->h, local);
	if (rc < 0)
		sani_wsp_share_leave(so);
	return rc;
}

/* With its options, all of them or none. */
static int
settle_here(struct sani_wsp_sock *so, struct sani_wsp_home *home, struct san_core *k, const struct san_addr *local)
{
	int rc;

	sani_wsp_options_hold();
	rc = bind_native(so, k, local);
	if (rc == 0 && !so->nodelay)
		rc = san_set_option(so->h, SAN_OPT_NODELAY, 0);
	if (rc == 0) {
		so->local = *local;
		sani_wsp_settle(home, so);
	}
	sani_wsp_options_let_go();
	return rc;
}

/* On the core that is to own the socket. */
static DWORD
bind_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	struct san_core *k = call->out;
	struct sani_wsp_home *home = sani_wsp_home(k);
	uint32_t gen = (uint32_t)(call->s >> 32);
	uint64_t busy = sani_wsp_tie(gen, SANI_WSP_BUSY);
	bool *settled = call->handle;
	int rc;

	if (home == NULL)
		return WSAENETDOWN;
	rc = san_socket(k, home->layer.cq, &so->h);
	if (rc < 0)
		return sani_wsp_error(rc);
	rc = settle_here(so, home, k, call->in);
	if (rc < 0) {
		/* Nobody is to hear of it: the record names no entry. */
		san_close(so->h, SANI_WSP_ODD);
		sani_wsp_share_leave(so);
		so->h = SAN_NO_HANDLE;
		return sani_wsp_error(rc);
	}
	*settled = true;
	if (atomic_compare_exchange_strong(&so->tie, &busy, sani_wsp_tie(gen, SANI_WSP_TIED)))
		return 0;
	/* Closed meanwhile: this is where its native socket is known. */
	san_close(so->h, sani_wsp_user(so));
	return WSAENOTSOCK;
}

static int
run(struct san_core *k, struct sani_control_args *args)
{
	(void)k;
	return (int)bind_here(args->arg);
}

DWORD
sani_wsp_bind_to(SOCKET s, const struct san_addr *local)
{
	bool settled = false;
	struct sani_wsp_call call = { .s = s, .so = sani_wsp_place(s), .in = local, .handle = &settled };
	struct sani_control_args args = { .arg = &call };
	uint32_t gen = (uint32_t)(s >> 32);
	uint64_t loose = sani_wsp_tie(gen, SANI_WSP_LOOSE);
	union sani_ip ip;
	int rc;

	memcpy(ip.b, local->ip, sizeof(ip.b));
	call.out = sani_layer_choose_core(&ip);
	if (call.out == NULL)
		return WSAEADDRNOTAVAIL;
	if (!atomic_compare_exchange_strong(&call.so->tie, &loose, sani_wsp_tie(gen, SANI_WSP_BUSY)))
		return sani_wsp_find(s) == NULL ? WSAENOTSOCK : WSAEINVAL;
	rc = sani_layer_call(call.out, run, &args);
	if (!settled && !leave_to(call.so, gen, SANI_WSP_LOOSE))
		return WSAENOTSOCK;
	return rc < 0 ? WSAENETDOWN : (DWORD)rc;
}

/* R35, R48: an address of Windows is one of the sockets below, and of no other family than IPv4 (R43). */
DWORD
sani_wsp_read_name(const struct sockaddr *name, int namelen, struct san_addr *addr)
{
	if (name == NULL || namelen < (int)sizeof(struct sockaddr_in))
		return WSAEFAULT;
	return sani_win_addr_in(name, addr) ? 0 : WSAEAFNOSUPPORT;
}

int WSPAPI
sani_wsp_bind(SOCKET s, const struct sockaddr *name, int namelen, LPINT err)
{
	struct sani_wsp_sock *so = sani_wsp_find(s);
	struct san_addr local;
	DWORD code;

	if (so == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	code = sani_wsp_check_caller();
	if (code == 0)
		code = sani_wsp_read_name(name, namelen, &local);
	if (code == WSAEAFNOSUPPORT)
		code = WSAEFAULT;	/* its page: the family is part of what name points to */
	if (code == 0 && so->home != NULL)
		code = WSAEINVAL;
	if (code == 0)
		code = sani_wsp_bind_to(s, &local);
	return sani_wsp_return(code, err);
}

bool
sani_wsp_make_unreachable(struct sani_wsp_sock *so, uint32_t gen)
{
	uint64_t open = sani_wsp_word(so, gen, SANI_WSP_OPEN);

	return atomic_compare_exchange_strong(&so->word, &open, sani_wsp_word(so, gen, SANI_WSP_CLOSING));
}

/* Is there a home, where it is closed? If not, its end is ours, or that of the call that is at it. */
static bool
is_tied(struct sani_wsp_sock *so)
{
	uint32_t gen = sani_wsp_gen(so);
	uint64_t tie = atomic_load(&so->tie);

	do {
		if (tie == sani_wsp_tie(gen, SANI_WSP_TIED))
			return true;
	} while (!atomic_compare_exchange_weak(&so->tie, &tie, sani_wsp_tie(gen, SANI_WSP_CUT)));
	if (tie == sani_wsp_tie(gen, SANI_WSP_LOOSE))
		retire(so);
	return false;
}

void
sani_wsp_begin_close(struct sani_wsp_sock *so)
{
	struct sani_wsp_home *home;

	if (!is_tied(so))
		return;
	home = so->home;
	/*
	 * R154, R158, R160: addresses and queued data go with the native socket, the connection is reset, what is
	 * pending ends. Refused only when it is closing already: then its record comes all the same.
	 */
	san_close(so->h, sani_wsp_user(so));
	if (sani_wsp_is_here(home) && !sani_layer_in_round())
		sani_wsp_flush(home, so);
}

/* Whatever state the socket is in: R79, R165. */
int WSPAPI
sani_wsp_close_socket(SOCKET s, LPINT err)
{
	struct sani_wsp_sock *so = sani_wsp_find(s);

	if (so == NULL)
		return sani_wsp_return(WSAENOTSOCK, err);
	if (sani_wsp_check_caller() != 0)
		return sani_wsp_return(WSAENETDOWN, err);
	if (!sani_wsp_make_unreachable(so, (uint32_t)(s >> 32)))
		return sani_wsp_return(WSAENOTSOCK, err);
	sani_wsp_begin_close(so);
	return 0;
}

int WSPAPI
sani_wsp_duplicate_socket(SOCKET s, DWORD process, LPWSAPROTOCOL_INFOW info, LPINT err)
{
	(void)process;
	(void)info;
	return sani_wsp_return(sani_wsp_find(s) == NULL ? WSAENOTSOCK : WSAEOPNOTSUPP, err);
}
