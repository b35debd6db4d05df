/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Echo: a server that sends back what it receives, and a client that checks it.
 */
#ifndef APPS_ECHO_ECHO_H
#define APPS_ECHO_ECHO_H

#include "../common/prog.h"

struct echo_options {
	const char *config;
	unsigned int host_core;		/**< Core of the sockets; all are polled. */
	uint32_t user_timeout_ms;	/**< 0: the default. */
	uint32_t sleep_after_us;	/**< 0: never. */
	bool fast;			/**< Fast Open; the client's connections follow one another. */
	/* server */
	uint16_t port;
	unsigned int backlog;
	/* client */
	struct san_addr peer;
	unsigned int connections;
	uint64_t bytes;			/**< Each connection sends and gets back. */
	uint32_t size;			/**< Of one send [bytes]. */
	uint64_t count;			/**< Not 0: so many messages, each sent when the last is back. */
	uint64_t seed;
	bool verify;
};

/** Serve until a signal comes. @return Exit status. */
int
echo_serve(struct prog *p, const struct echo_options *options);

/** Run all connections to their end. @return Exit status: 0 when all came back. */
int
echo_call(struct prog *p, const struct echo_options *options);

/** Write the bytes of a connection's stream from an offset on. */
void
pattern_fill(uint64_t seed, uint64_t offset, unsigned char *data, size_t len);

/** Compare; @return the index of the first byte that differs, or len. */
size_t
pattern_check(uint64_t seed, uint64_t offset, const unsigned char *data, size_t len);

#endif
