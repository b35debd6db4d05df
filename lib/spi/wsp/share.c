/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may bind to a port that another socket of the interface has (R34, R37). The port is the layer's as long as one of
 * its sockets is bound to it; natively they do not know of each other.
 */
#include <errno.h>

#include "spi/wsp/priv.h"

#define BUCKETS 1024u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sani_wsp_sock *buckets[BUCKETS];	/* by port, of all hosts; linked by next_bound */

static struct sani_wsp_sock **
bucket(uint16_t port)
{
	return &buckets[port % BUCKETS];
}

static bool
is_on(const struct sani_wsp_sock *so, const struct san_host *host, uint16_t port)
{
	return so->bound_on == host && so->binding.addr.port == port;
}

static bool
is_shared(const struct san_host *host, uint16_t port)
{
	const struct sani_wsp_sock *so = *bucket(port);

	while (so != NULL && !is_on(so, host, port))
		so = so->next_bound;
	return so != NULL;
}

/* All sockets are the one switch's: who owns the first lets in who owns the second. */
static bool
may_join(const struct san_host *host, const struct sani_win_binding *b)
{
	const struct sani_wsp_sock *first;

	for (first = *bucket(b->addr.port); first != NULL; first = first->next_bound) {
		enum sani_win_share answer;

		if (!is_on(first, host, b->addr.port))
			continue;
		answer = sani_win_share(&first->binding, b);
		if (answer != SANI_WIN_SHARE_OK && answer != SANI_WIN_SHARE_CHECK)
			return false;
	}
	return true;
}

int
sani_wsp_share_enter(struct sani_wsp_sock *so, struct san_host *host, const struct san_addr *local)
{
	struct sani_win_binding b = { .addr = *local, .reuse = so->reuse, .exclusive = so->exclusive };
	bool good;

	pthread_mutex_lock(&lock);
	good = is_shared(host, local->port) ? may_join(host, &b) : sani_layer_port_take(host, local->port) >= 0;
	if (good) {
		so->binding = b;
		so->bound_on = host;
		so->next_bound = *bucket(local->port);
		*bucket(local->port) = so;
	}
	pthread_mutex_unlock(&lock);
	return good ? 0 : -EADDRINUSE;
}

void
sani_wsp_share_leave(struct sani_wsp_sock *so)
{
	struct san_host *host = so->bound_on;
	uint16_t port = so->binding.addr.port;
	struct sani_wsp_sock **at;

	if (host == NULL)
		return;
	pthread_mutex_lock(&lock);
	for (at = bucket(port); *at != so; at = &(*at)->next_bound)
		;
	*at = so->next_bound;
	so->bound_on = NULL;
	if (!is_shared(host, port))
		sani_layer_port_put(host, port);
	pthread_mutex_unlock(&lock);
}
