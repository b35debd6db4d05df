/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which ports lend (core/lend.c): what the first frame of a queue shows, and how the memory comes back. The wire
 * keeps what it was given, as a card does; what the driver can do is said here (--wrap).
 */
#include "duo.h"

#include <string.h>

#include "core/priv.h"
#include "sock/priv.h"

#define WAITS INT32_MIN

int
__wrap_rte_eth_tx_done_cleanup(uint16_t port, uint16_t queue, uint32_t nb);
int
__wrap_rte_eth_dev_tx_queue_stop(uint16_t port, uint16_t queue);
int
__wrap_rte_eth_dev_tx_queue_start(uint16_t port, uint16_t queue);

static uint8_t out[100000] __attribute__((aligned(4096)));
static bool can_look, can_stop, stop_gives_back;
static unsigned int looks, stops, starts;

int
__wrap_rte_eth_tx_done_cleanup(uint16_t port, uint16_t queue, uint32_t nb)
{
	(void)port;
	(void)queue;
	(void)nb;
	looks++;
	return can_look ? 0 : -ENOTSUP;
}

int
__wrap_rte_eth_dev_tx_queue_stop(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *m;

	(void)port;
	(void)queue;
	stops++;
	if (!can_stop)
		return -ENOTSUP;
	while (stop_gives_back && (m = vhost_take(&duo.h[0])) != NULL)
		rte_pktmbuf_free(m);
	if (stop_gives_back)
		duo_card_let_go();
	return 0;
}

int
__wrap_rte_eth_dev_tx_queue_start(uint16_t port, uint16_t queue)
{
	(void)port;
	(void)queue;
	starts++;
	return 0;
}

static struct sani_txq *
txq(void)
{
	return &duo.h[0].below->cores[0]->priv->txq[0];
}

/* A connection whose queue has not been tried yet: the first segment of what is sent then is. */
static void
begin(san_handle s[2], bool restart)
{
	duo_pair(s);
	looks = stops = starts = 0;
	memset(out, 0x42, sizeof(out));
	duo.h[0].below->ports[0].restart = restart;
	txq()->state = SANI_TXQ_UNTRIED;
	txq()->lend = SANI_LEND_NEVER;
	duo_must(san_send(s[0], duo_op(), out, 10, 0) == 1);
}

static void
turns(unsigned int n)
{
	while (n-- > 0) {
		duo_card_turn(true);
		duo_reap();
	}
}

static struct san_overlapped *
lend(san_handle s, san_mem *mem)
{
	struct san_mem_vec v = { .base = out, .len = 5000 };
	struct san_overlapped *op = duo_op();

	duo_must(san_mem_register(out, sizeof(out), SAN_MEM_READ, mem) == 0);
	v.mem = *mem;
	duo_must(san_send_mem(s, op, &v, 1, 0) == 0);
	return op;
}

static void
driver_that_can_look_is_asked_while_memory_is_out(void)
{
	struct san_overlapped *op;
	unsigned int before;
	san_mem mem;
	san_handle s[2];

	can_look = true;
	begin(s, false);
	turns(4);
	duo_must(txq()->lend == SANI_LEND_CLEANUP && txq()->seldom == 0 && stops == 0);
	before = looks;
	turns(4);
	duo_must(looks == before);
	op = lend(s[0], &mem);
	turns(8);
	duo_must(looks > before && duo_result(op) == WAITS);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx) > 0);
	duo_card_let_go();
	turns(2);
	duo_must(duo_result(op) == 5000);
	before = looks;
	turns(4);
	duo_must(looks == before);
	duo_card_let_go();
	duo_must(san_mem_deregister(mem) == 0);
}

static void
driver_that_keeps_everything_is_lent_nothing(void)
{
	struct san_overlapped *op;
	san_mem mem;
	san_handle s[2];

	can_look = false;
	begin(s, false);
	turns(4);
	duo_must(txq()->lend == SANI_LEND_NEVER && txq()->seldom == 0 && stops == 0);
	op = lend(s[0], &mem);
	turns(8);
	duo_must(duo_result(op) == 5000);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx) == 0);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx_copied) > 0);
	duo_card_let_go();
	duo_must(san_mem_deregister(mem) == 0);
}

static void
queue_that_does_not_give_back_is_not_restarted(void)
{
	san_handle s[2];

	can_look = false;
	can_stop = true;
	stop_gives_back = false;
	begin(s, true);
	turns(4);
	duo_must(txq()->lend == SANI_LEND_NEVER && stops == 1 && starts == 1);
	can_stop = false;
	txq()->state = SANI_TXQ_UNTRIED;
	duo_must(san_send(s[0], duo_op(), out, 10, 0) == 1);
	turns(4);
	duo_must(txq()->lend == SANI_LEND_NEVER && stops == 2 && starts == 1);
	duo_card_let_go();
}

/* The close of a lent send waits for the restart, and for nothing longer. */
static void
idle_queue_is_restarted_when_it_holds_memory(void)
{
	struct san_overlapped *op;
	san_mem mem;
	san_handle s[2];

	can_look = false;
	can_stop = stop_gives_back = true;
	begin(s, true);
	turns(4);
	duo_must(txq()->lend == SANI_LEND_RESTART && stops == 1 && starts == 1);
	/* the trial has cost that segment */
	vhost_now_us += 400000;
	turns(8);
	vhost_now_us += 20000;
	turns(4);
	duo_must(stops == 1);
	op = lend(s[0], &mem);
	turns(8);
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_tx) > 0 && duo_result(op) == WAITS);
	duo_must(san_close(s[0], 0) == 0);
	turns(4);
	vhost_now_us += 9000;
	turns(4);
	duo_must(duo_result(op) == WAITS && stops == 1);
	vhost_now_us += 1000;
	turns(4);
	duo_must(stops == 2 && starts == 2);
	duo_must(duo_result(op) == -ECANCELED && duo_closed(s[0]));
	duo_must(vhost_count(&duo.h[0], SANI_CTR_lend_restarts) == 1);
	vhost_now_us += 50000;
	turns(4);
	duo_must(stops == 2);
	duo_must(san_mem_deregister(mem) == 0);
	duo_card_let_go();
}

#define HERE(f) { #f, duo_case_on_core, NULL, NULL, (void *)(uintptr_t)(f) }

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		HERE(driver_that_can_look_is_asked_while_memory_is_out),
		HERE(driver_that_keeps_everything_is_lent_nothing),
		HERE(queue_that_does_not_give_back_is_not_restarted),
		HERE(idle_queue_is_restarted_when_it_holds_memory),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("lend_port", tests, NULL, NULL);
}
