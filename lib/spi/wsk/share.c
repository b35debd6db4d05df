/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may bind to a port that another socket of the interface has: W25, W27, d.6 of the rules. The port is the
 * layer's as long as one of its sockets is bound to it; natively they do not know of each other.
 */
#include "sock/layer.h"
#include "spi/win/share.h"
#include "spi/wsk/priv.h"

static struct sani_win_binding
binding_of(const struct sani_wsk_sock *s, const struct san_addr *at)
{
	return (struct sani_win_binding){ .addr = *at, .reuse = s->reuse, .exclusive = s->exclusive };
}

/* All sockets are of one program, and there are no accounts: a descriptor lets everybody in, or nobody (san/nt.h). */
static bool
lets_in(const struct sani_wsk_sock *first)
{
	const SECURITY_DESCRIPTOR *sd = first->security;

	return sd != NULL && (!(sd->Control & SE_DACL_PRESENT) || sd->Dacl == NULL);
}

static enum sani_win_share
ask(const struct sani_wsk_sock *first, const struct sani_wsk_sock *second, const struct san_addr *at)
{
	struct sani_win_binding of_first = binding_of(first, &first->bound);
	struct sani_win_binding of_second = binding_of(second, at);
	enum sani_win_share a = sani_win_share(&of_first, &of_second);

	if (a == SANI_WIN_SHARE_CHECK)
		a = lets_in(first) ? SANI_WIN_SHARE_OK : SANI_WIN_SHARE_DENIED;
	return a;
}

static struct sani_wsk_sock **
bucket(struct sani_wsk_host *h, uint16_t port)
{
	return &h->bound[port % SANI_WSK_PORTS];
}

static bool
is_shared(struct sani_wsk_host *h, uint16_t port)
{
	const struct sani_wsk_sock *s = *bucket(h, port);

	while (s != NULL && s->bound.port != port)
		s = s->next_bound;
	return s != NULL;
}

/* Locked. */
static NTSTATUS
ask_all(const struct sani_wsk_sock *s, const struct san_addr *at)
{
	const struct sani_wsk_sock *first;

	for (first = *bucket(s->core->host, at->port); first != NULL; first = first->next_bound) {
		enum sani_win_share a = first->bound.port == at->port ? ask(first, s, at) : SANI_WIN_SHARE_OK;

		if (a != SANI_WIN_SHARE_OK)
			return a == SANI_WIN_SHARE_DENIED ? STATUS_ACCESS_DENIED : STATUS_ADDRESS_ALREADY_EXISTS;
	}
	return STATUS_SUCCESS;
}

/* Locked. */
static NTSTATUS
enter(struct sani_wsk_sock *s, struct san_addr *local)
{
	struct sani_wsk_host *h = s->core->host;
	struct sani_wsk_sock **at;
	int port;

	if (local->port == 0 || !is_shared(h, local->port)) {
		port = sani_layer_port_take(h->host, local->port);
		if (port < 0)
			return STATUS_ADDRESS_ALREADY_EXISTS;
		local->port = (uint16_t)port;
	} else {
		NTSTATUS status = ask_all(s, local);

		if (!NT_SUCCESS(status))
			return status;
	}
	at = bucket(h, local->port);
	s->bound = *local;
	s->next_bound = *at;
	*at = s;
	return STATUS_SUCCESS;
}

NTSTATUS
sani_wsk_share_enter(struct sani_wsk_sock *s, struct san_addr *local)
{
	NTSTATUS status;

	sani_wsk_lock();
	status = enter(s, local);
	sani_wsk_unlock();
	return status;
}

void
sani_wsk_share_leave(struct sani_wsk_sock *s)
{
	struct sani_wsk_host *h = s->core->host;
	struct sani_wsk_sock **at;
	uint16_t port = s->bound.port;

	if (port == 0)
		return;
	sani_wsk_lock();
	for (at = bucket(h, port); *at != s; at = &(*at)->next_bound)
		;
	*at = s->next_bound;
	s->bound.port = 0;
	if (!is_shared(h, port))
		sani_layer_port_put(h->host, port);
	sani_wsk_unlock();
}
