/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests. A listener has one repeating accept: each connection that it brings is queued, in an entry that is no
 * descriptor yet. WSPAccept takes the oldest out, asks the condition function, and settles what was decided, the first
 * and the last step on the owning core:
 *
 *   queued --take--> nobody's --accept--> open
 *      ^                |---- refuse --> closing
 *      '--- put back ---'
 */
#include <errno.h>

#include "spi/win/addr.h"
#include "spi/wsp/priv.h"

/* From any thread that may call. */
static void
refuse(struct sani_wsp_sock *req)
{
	atomic_store(&req->word, sani_wsp_word(req, sani_wsp_gen(req), SANI_WSP_CLOSING));
	san_close(req->h, sani_wsp_user(req));
}

static void
put_last(struct sani_wsp_sock *so, struct sani_wsp_sock *req)
{
	req->next = NULL;
	if (so->oldest == NULL)
		so->oldest = req;
	else
		so->newest->next = req;
	so->newest = req;
	so->nb_queued++;
}

static void
put_first(struct sani_wsp_sock *so, struct sani_wsp_sock *req)
{
	req->next = so->oldest;
	if (so->oldest == NULL)
		so->newest = req;
	so->oldest = req;
	so->nb_queued++;
}

static struct sani_wsp_sock *
take_oldest(struct sani_wsp_sock *so)
{
	struct sani_wsp_sock *req = so->oldest;

	if (req == NULL)
		return NULL;
	so->oldest = req->next;
	so->nb_queued--;
	return req;
}

void
sani_wsp_refuse_all(struct sani_wsp_sock *so)
{
	struct sani_wsp_sock *req;

	while ((req = take_oldest(so)) != NULL)
		refuse(req);
}

/* R69; R70: one too many is refused without a word to the switch. */
static void
queue(struct sani_wsp_sock *so, san_handle h)
{
	struct sani_wsp_sock *req = NULL;

	if (sani_wsp_is_open(so) && so->nb_queued < so->backlog)
		req = sani_wsp_alloc(SANI_WSP_QUEUED);
	if (req == NULL) {
		san_close(h, SANI_WSP_ODD);
		return;
	}
	req->h = h;
	req->listener = sani_wsp_name(so);
	req->catalog_id = so->catalog_id;
	sani_wsp_settle(so->home, req);
	atomic_store(&req->tie, sani_wsp_tie(sani_wsp_gen(req), SANI_WSP_TIED));
	san_names(h, &req->local, &req->peer);
	put_last(so, req);
	sani_wsp_signal(so, FD_ACCEPT, 0);
}

static int
post_accept(struct sani_wsp_sock *so)
{
	return san_accept_repeat(so->h, &so->op, SAN_REPEAT_MAX);
}

void
sani_wsp_on_accept(struct sani_wsp_sock *so, const struct san_completion *c)
{
	if (c->flags & SAN_MORE) {
		queue(so, c->value);
		return;
	}
	/* A connection's core had no room for it: the next one may have. */
	if (c->result != -ECANCELED && sani_wsp_is_open(so) && post_accept(so) == 0)
		return;
	sani_wsp_refuse_all(so);
}

/* On a listening socket: the newest above the limit are refused. */
static DWORD
limit(struct sani_wsp_sock *so, uint32_t backlog)
{
	uint32_t nb = so->nb_queued;
	uint32_t i;

	so->backlog = backlog;
	/* Once round: who may stay goes behind all others, the rest goes. */
	for (i = 0; i < nb; i++) {
		struct sani_wsp_sock *req = take_oldest(so);

		if (i < backlog)
			put_last(so, req);
		else
			refuse(req);
	}
	return 0;
}

static DWORD
listen_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	int rc;

	if (so->home == NULL)
		return WSAEINVAL;
	if (so->phase == SANI_WSP_LISTENING)
		return limit(so, (uint32_t)call->value);
	if (so->phase != SANI_WSP_FRESH)
		return WSAEISCONN;
	rc = sani_layer_hold(so->home->k, so->h);
	if (rc == 0)
		rc = san_listen(so->h, SANI_WSP_BACKLOG);
	if (rc == 0)
		rc = post_accept(so);
	if (rc < 0)
		return rc == -EAGAIN ? WSAENOBUFS : sani_wsp_error(rc);
	so->backlog = (uint32_t)call->value;
	so->phase = SANI_WSP_LISTENING;
	return 0;
}

int WSPAPI
sani_wsp_listen(SOCKET s, int backlog, LPINT err)
{
	struct sani_wsp_call call = { .s = s, .fn = listen_here };

	call.value = backlog < 1 ? 1 : RTE_MIN((uint32_t)backlog, SANI_WSP_BACKLOG);
	return sani_wsp_return(sani_wsp_carry_out(&call), err);
}

/* Did the peer take its request back? */
static bool
is_withdrawn(const struct sani_wsp_sock *req)
{
	uint32_t state;

	return san_get_option(req->h, SAN_OPT_STATE, &state) == 0 && state == SAN_TCP_CLOSED;
}

static void
signal_again(struct sani_wsp_sock *so)
{
	if (so->nb_queued > 0)
		sani_wsp_signal(so, FD_ACCEPT, 0);
}

static DWORD
take_here(struct sani_wsp_call *call)
{
	struct sani_wsp_sock *so = call->so;
	struct sani_wsp_sock **req = call->out;

	if (so->phase != SANI_WSP_LISTENING)
		return WSAEINVAL;
	*req = take_oldest(so);
	if (*req == NULL)
		return WSAEWOULDBLOCK;
	if (!is_withdrawn(*req))
		return 0;
	refuse(*req);
	signal_again(so);
	return WSAECONNRESET;
}

/* What has been decided about a request. */
struct verdict {
	struct sani_wsp_sock *req;
	DWORD code;		/**< For the caller: 0 accepts, WSAECONNREFUSED refuses, others put back. */
	bool refused;
};

/* R76, A17 */
static void
reset_event(struct sani_wsp_sock *so)
{
	so->recorded &= ~FD_ACCEPT;
	if (so->selected & FD_ACCEPT)
		sani_wsp_up_reset(so->event);
}

static void
open_request(struct sani_wsp_sock *so, struct sani_wsp_sock *req)
{
	req->phase = SANI_WSP_CONNECTED;
	req->nodelay = so->nodelay;
	req->debug = so->debug;
	atomic_store(&req->word, sani_wsp_word(req, sani_wsp_gen(req), SANI_WSP_OPEN));
	reset_event(so);
}

/* On the owning core. */
static int
settle(struct san_core *k, struct sani_control_args *args)
{
	struct verdict *v = args->arg;
	struct sani_wsp_sock *so = sani_wsp_find(v->req->listener);

	(void)k;
	if (so == NULL) {
		refuse(v->req);
		return WSAENOTSOCK;
	}
	/* R73: the peer is told now. */
	if (v->code == 0 && sani_layer_confirm(v->req->h) < 0) {
		v->code = WSAENOBUFS;
		v->refused = true;
	}
	if (v->refused)
		refuse(v->req);
	else if (v->code == 0)
		open_request(so, v->req);
	else
		put_first(so, v->req);
	signal_again(so);
	return (int)v->code;
}

static DWORD
carry_out(struct verdict *v)
{
	struct sani_control_args args = { .arg = v };
	struct sani_wsp_home *home = v->req->home;
	int rc;

	if (sani_wsp_is_here(home))
		return (DWORD)settle(home->k, &args);
	rc = sani_layer_call(home->k, settle, &args);
	if (rc >= 0)
		return (DWORD)rc;
	refuse(v->req);
	return WSAENETDOWN;
}

/* R72, R77. @return 0, WSAECONNREFUSED, or why the request stays. */
static DWORD
ask(const struct sani_wsp_sock *req, LPCONDITIONPROC condition, DWORD_PTR data)
{
	struct sockaddr_in peer, local;
	WSABUF caller = { sizeof(peer), (CHAR *)&peer };
	WSABUF callee = { sizeof(local), (CHAR *)&local };
	GROUP g = 0;
	bool before;
	int answer;

	if (condition == NULL)
		return 0;
	sani_win_addr_out(&req->peer, &peer);
	sani_win_addr_out(&req->local, &local);
	before = sani_layer_enter();
	answer = condition(&caller, NULL, NULL, NULL, &callee, NULL, &g, data);
	sani_layer_leave(before);
	switch (answer) {
	case CF_ACCEPT:
		return g != 0 ? WSAEINVAL : 0;
	case CF_REJECT:
		return WSAECONNREFUSED;
	case CF_DEFER:
		return WSATRY_AGAIN;
	default:
		return WSAEINVAL;
	}
}

/* R74; it may turn out that the switch has no descriptor left. */
static DWORD
name_it(struct verdict *v)
{
	struct sani_wsp_sock *req = v->req;
	DWORD code;

	if (sani_wsp_find(req->listener) == NULL)
		return WSAENOTSOCK;
	req->upper = sani_wsp_up_create(req, &code);
	req->has_upper = req->upper != INVALID_SOCKET;
	v->refused = !req->has_upper;
	return code;
}

static SOCKET
accept_one(SOCKET s, struct sockaddr_in *peer, LPCONDITIONPROC condition, DWORD_PTR data, DWORD *code)
{
	struct verdict v = { .req = NULL };
	struct sani_wsp_call call = { .s = s, .fn = take_here, .out = &v.req };
	SOCKET accepted;

	*code = sani_wsp_carry_out(&call);
	if (*code != 0)
		return INVALID_SOCKET;
	accepted = sani_wsp_name(v.req);
	sani_win_addr_out(&v.req->peer, peer);
	v.code = ask(v.req, condition, data);
	v.refused = v.code == WSAECONNREFUSED;
	if (v.code == 0)
		v.code = name_it(&v);
	*code = carry_out(&v);
	return *code == 0 ? accepted : INVALID_SOCKET;
}

SOCKET WSPAPI
sani_wsp_accept(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC condition, DWORD_PTR data, LPINT err)
{
	struct sockaddr_in peer;
	SOCKET accepted;
	DWORD code;

	if (sani_wsp_find(s) == NULL) {
		sani_wsp_return(WSAENOTSOCK, err);
		return INVALID_SOCKET;
	}
	if ((addr == NULL) != (addrlen == NULL) || (addrlen != NULL && *addrlen < (INT)sizeof(peer))) {
		sani_wsp_return(WSAEFAULT, err);
		return INVALID_SOCKET;
	}
	accepted = accept_one(s, &peer, condition, data, &code);
	sani_wsp_return(code, err);
	if (accepted == INVALID_SOCKET || addr == NULL)
		return accepted;
	memcpy(addr, &peer, sizeof(peer));
	*addrlen = sizeof(peer);
	return accepted;
}
