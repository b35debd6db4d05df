/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Share: what the second of two sockets that are bound to one port is told, as both interfaces have it.
 *
 * Source:    "Sharing Transport Addresses", the table. How an answer is said is each interface's own.
 */
#ifndef TESTS_SPI_SHARE_H
#define TESTS_SPI_SHARE_H

/** The option of a socket. */
enum share_option { NONE, REUSE, EXCL };

/** Its address. */
enum share_where { ON_ANY, ON_ONE };

/** How a socket is bound. */
struct share_binding {
	unsigned int option;
	unsigned int where;
};

enum share_answer {
	OK,
	INUSE,
	DENIED,
	CHECK,		/**< The security descriptor of the first says. */
};

static const char *const share_options[] = { "no option", "SO_REUSEADDR", "SO_EXCLUSIVEADDRUSE" };
static const char *const share_places[] = { "wildcard", "specific" };

/** [first option][first on][second option][second on] */
static const enum share_answer share_expected[3][2][3][2] = {
	[NONE] = {
		{ { INUSE, OK }, { INUSE, OK }, { INUSE, OK } },
		{ { CHECK, INUSE }, { CHECK, DENIED }, { DENIED, INUSE } },
	},
	[REUSE] = {
		{ { DENIED, OK }, { OK, OK }, { DENIED, OK } },
		{ { CHECK, DENIED }, { OK, OK }, { DENIED, DENIED } },
	},
	[EXCL] = {
		{ { INUSE, INUSE }, { INUSE, INUSE }, { INUSE, INUSE } },
		{ { CHECK, INUSE }, { CHECK, INUSE }, { DENIED, INUSE } },
	},
};

/** Hold every cell of the table: cell gets both bindings, and what the table says. */
static inline void
share_each(void (*cell)(const struct share_binding *first, const struct share_binding *second,
			enum share_answer expected))
{
	struct share_binding a, b;

	for (a.option = NONE; a.option <= EXCL; a.option++)
		for (a.where = ON_ANY; a.where <= ON_ONE; a.where++)
			for (b.option = NONE; b.option <= EXCL; b.option++)
				for (b.where = ON_ANY; b.where <= ON_ONE; b.where++)
					cell(&a, &b, share_expected[a.option][a.where][b.option][b.where]);
}

#endif
