/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Port tests: an EAL without huge pages, a pool, and the configuration of a port.
 */
#ifndef TESTS_UNIT_PORT_UTIL_H
#define TESTS_UNIT_PORT_UTIL_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "base/error.h"
#include "port/port.h"
#include "test.h"

#define POOL_SIZE 2047

static struct rte_mempool *pool;

static int
start_eal(void **state)
{
	char *argv[] = { (char *)"test", (char *)"--no-huge", (char *)"--no-pci", (char *)"--no-shconf",
			 (char *)"--no-telemetry", (char *)"-m", (char *)"64",
			 (char *)"--log-level=critical", (char *)"--log-level=lib.*:critical",
			 (char *)"--log-level=pmd.*:critical",
			 (char *)"--vdev=net_null7,copy=0", NULL };

	(void)state;
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pool", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	return pool == NULL ? -1 : 0;
}

static int
stop_eal(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static inline struct sani_port_conf
conf_of(const char *name, const char *device)
{
	struct sani_port_conf conf = { .nb_queues = 1, .rx_desc = 64, .tx_desc = 64, .mtu = 1500 };

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	snprintf(conf.device, sizeof(conf.device), "%s", device);
	return conf;
}

static inline void
open_ok(struct sani_port *port, const char *name, const char *device)
{
	struct sani_port_conf conf = conf_of(name, device);

	if (sani_port_open(&conf, pool, port) != 0)
		fail_msg("%s", sani_error_text());
}

/* The open fails with code, and its sentence has every one of the words. */
static inline void
open_fails(const struct sani_port_conf *conf, int code, const char *const words[], unsigned int nb)
{
	struct sani_port port;

	assert_int_equal(sani_port_open(conf, pool, &port), code);
	for (unsigned int i = 0; i < nb; i++)
		if (strstr(sani_error_text(), words[i]) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", words[i], sani_error_text());
}

#define OPEN_FAILS(conf, code, ...)                                                        \
	do {                                                                               \
		const char *const words_[] = { __VA_ARGS__ };                              \
		open_fails((conf), (code), words_, sizeof(words_) / sizeof(words_[0]));    \
	} while (0)

/* Every buffer of the pool is back. */
static inline void
assert_pool_whole(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

#endif
