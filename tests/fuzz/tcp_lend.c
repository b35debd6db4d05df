/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/lent.h"
#include "tcp.h"

#define LENDS 8u
#define LENT 65536u

/* Memory that is lent to the connection: it is no longer what it was as soon as it is said to be free. */
static struct lend {
	struct rte_mbuf_ext_shared_info info;
	bool busy;
	uint8_t data[LENT];
} lends[LENDS];

static void
end_lend(void *addr, void *opaque)
{
	struct lend *l = opaque;

	(void)addr;
	fuzz_require(l->busy);
	l->busy = false;
	memset(l->data, 0xa5, LENT);
}

static void
drop_lend(struct lend *l)
{
	if (rte_mbuf_ext_refcnt_update(&l->info, -1) == 0)
		end_lend(l->data, l);
}

void
tcp_lend_some(struct tcp_world *w, struct fuzz_in *in)
{
	struct lend *l = &lends[fuzz_8(in) % LENDS];
	uint8_t how = fuzz_8(in);
	struct sani_tcp_lent lent = {
		.data = l->data, .len = fuzz_16(in), .copy = how & 1, .refer = how & 2, .info = &l->info,
	};
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);
	uint32_t taken;

	if (l->busy || lent.len == 0)
		return;
	l->busy = true;
	l->info.free_cb = end_lend;
	l->info.fcb_opaque = l;
	rte_mbuf_ext_refcnt_set(&l->info, 1);
	for (uint32_t i = 0; i < lent.len; i++)
		l->data[i] = bed_byte(sani_tcp_written(&w->b->c) + i);
	sani_tcp_lend(&w->b->c, &lent, &io, &taken);
	fuzz_require(taken <= lent.len && io.nb_tx == 0);
	drop_lend(l);
	tcp_flush(w);
}

/* Nothing refers to the memory then but segments, of which none is on its way. */
void
tcp_own_some(struct tcp_world *w, struct fuzz_in *in)
{
	struct lend *l = &lends[fuzz_8(in) % LENDS];
	struct rte_mbuf *tx[4];
	struct sani_tcp_io io = bed_io(w->b, tx, 4);

	if (l->busy && sani_tcp_own(&w->b->c, &l->info, &io))
		fuzz_require(!l->busy);
	tcp_flush(w);
}

void
tcp_take_some(struct tcp_world *w, struct fuzz_in *in)
{
	struct rte_mbuf *m[16];
	uint32_t bytes, ev, sum = 0;
	uint32_t n = sani_tcp_take(&w->b->c, m, 1 + fuzz_8(in) % RTE_DIM(m), &bytes, &ev);

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < m[i]->data_len; k++)
			fuzz_require(*rte_pktmbuf_mtod_offset(m[i], uint8_t *, k) == bed_byte(w->nb_read + sum + k));
		sum += m[i]->data_len;
		rte_pktmbuf_free(m[i]);
	}
	fuzz_require(sum == bytes);
	w->nb_read += bytes;
	tcp_flush(w);
}

void
tcp_check_lends(void)
{
	for (unsigned int i = 0; i < LENDS; i++)
		fuzz_require(!lends[i].busy);
}
