/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Share: whether a socket may be bound to a port that another one is bound to, for all layers of Windows interfaces.
 *
 * Threads: any.
 * Source:  d.6 of the rules, "Sharing Transport Addresses".
 */
#ifndef SANI_SPI_WIN_SHARE_H
#define SANI_SPI_WIN_SHARE_H

#include <stdbool.h>

#include <san/types.h>

/** How a socket is bound, or wants to be. */
struct sani_win_binding {
	struct san_addr addr;
	bool reuse;		/**< SO_REUSEADDR */
	bool exclusive;		/**< SO_EXCLUSIVEADDRUSE; who asks for both wants this, the stricter. */
};

enum sani_win_share {
	SANI_WIN_SHARE_OK,
	SANI_WIN_SHARE_INUSE,
	SANI_WIN_SHARE_DENIED,
	SANI_WIN_SHARE_CHECK,	/**< If the owner of the first lets that of the second in. */
};

/** The answer to the second of two on one port and host. */
enum sani_win_share
sani_win_share(const struct sani_win_binding *first, const struct sani_win_binding *second);

#endif
