/* SPDX-License-Identifier: BSD-3-Clause */
/* A card on the cable of a duo: it keeps what host 0 has sent until it is told to give it back. */
#include "duo.h"

#include <pthread.h>

#include "core/priv.h"
#include "sock/priv.h"

#define CARD 4096

static struct rte_mbuf *held[CARD];
static unsigned int nb_held;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* of both */

void
duo_let_lend(unsigned int i)
{
	duo.h[i].below->cores[0]->priv->txq[0].lend = SANI_LEND_FREED;
}

static struct rte_mbuf *
copy(const struct rte_mbuf *m)
{
	return rte_pktmbuf_copy(m, duo.h[1].below->pool, 0, UINT32_MAX);
}

struct rte_mbuf *
duo_card_take(struct rte_mbuf *m)
{
	struct rte_mbuf *arrives = copy(m);

	pthread_mutex_lock(&lock);
	if (duo.card == DUO_CARD_KEEPS && nb_held < CARD)
		held[nb_held++] = m;
	else
		rte_pktmbuf_free(m);
	duo_must(arrives != NULL && nb_held < CARD);
	pthread_mutex_unlock(&lock);
	return arrives;
}

unsigned int
duo_card_turn(bool deliver)
{
	unsigned int n = vhost_round(&duo.h[0]) + vhost_round(&duo.h[1]);
	struct rte_mbuf *m;

	for (; nb_held < CARD && (m = vhost_take(&duo.h[0])) != NULL; n++) {
		if (deliver)
			vhost_put(&duo.h[1], 0, copy(m));
		held[nb_held++] = m;
	}
	duo_must(nb_held < CARD);
	for (; (m = vhost_take(&duo.h[1])) != NULL; n++)
		vhost_put(&duo.h[0], 0, m);
	return n;
}

void
duo_card_go(bool deliver)
{
	while (duo_card_turn(deliver) > 0)
		;
	duo_reap();
}

unsigned int
duo_card_holds(void)
{
	return nb_held;
}

void
duo_card_let_go(void)
{
	pthread_mutex_lock(&lock);
	rte_pktmbuf_free_bulk(held, nb_held);
	nb_held = 0;
	pthread_mutex_unlock(&lock);
}
