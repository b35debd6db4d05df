/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Conn: one connection of the echo program; ours to free when its last up-call has come.
 */
#ifndef APPS_WSP_ECHO_CONN_H
#define APPS_WSP_ECHO_CONN_H

#include <stdint.h>

#include "switch.h"

#define CONN_BUFFER 16384u

struct conn {
	SOCKET s;
	struct operation op;	/**< One at a time. */
	HANDLE memory;
	char buf[CONN_BUFFER];
	uint64_t left;		/**< Client: bytes that are still to be sent and to come back. */
	uint32_t sent;		/**< Client: of the message under way. */
	uint32_t back;		/**< Client: of it, come back. */
	bool is_client;
	struct conn *next;
};

/** All of them. */
extern struct conn *conns;

/** A connected socket's connection begins: memory is registered, a receive posted (left 0), or a message sent. */
void
conn_begin(const struct provider *p, SOCKET s, uint64_t left);

/** The socket's last up-call has come. Nothing when it is no connection's. */
void
conn_end(SOCKET s);

/** How the client's connection ended: 0 or a code. */
extern int conn_result;

/** Bytes that servers' connections have sent back. */
extern uint64_t conn_sent_back;

#endif
