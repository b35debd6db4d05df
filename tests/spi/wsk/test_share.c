/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sockets that are bound to one port: what the second is told, by the options and the address of both. */
#include "world.h"

/* The first socket's, then the second's: exclusive, and on which address. */
struct binding {
	bool exclusive;
	bool wildcard;
};

static const struct binding none_w = { false, true };
static const struct binding none_s = { false, false };
static const struct binding excl_w = { true, true };
static const struct binding excl_s = { true, false };

static NTSTATUS
bind_as(const struct binding *b, struct end **made)
{
	struct end *e = end_of(SERVER, WSK_FLAG_LISTEN_SOCKET);

	*made = e;
	if (b->exclusive)
		assert_int_equal(set_option(e, SOL_SOCKET, (ULONG)SO_EXCLUSIVEADDRUSE, 1),
				 STATUS_SUCCESS);
	return await(post_bind(e, b->wildcard ? ANY : SERVER, 80));
}

static void
assert_second(const struct binding *first, const struct binding *second, NTSTATUS expected)
{
	struct end *e[2];
	NTSTATUS got;

	assert_int_equal(bind_as(first, &e[0]), STATUS_SUCCESS);
	got = bind_as(second, &e[1]);
	if (got != expected)
		fail_msg("first %s %s, second %s %s: 0x%x, expected 0x%x",
			 first->exclusive ? "exclusive" : "plain",
			 first->wildcard ? "wildcard" : "specific",
			 second->exclusive ? "exclusive" : "plain",
			 second->wildcard ? "wildcard" : "specific", (unsigned int)got,
			 (unsigned int)expected);
	shut(e[1]);
	shut(e[0]);
}

RULES("W27 W74")
static void
second_socket_on_the_same_address_finds_it_in_use(void)
{
	static const struct binding *const all[] = { &none_w, &none_s, &excl_w, &excl_s };
	unsigned int i;
	unsigned int k;

	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			if (all[i]->wildcard == all[k]->wildcard)
				assert_second(all[i], all[k], STATUS_ADDRESS_ALREADY_EXISTS);
		}
	}
}

RULES("W27 W74")
static void
exclusive_wildcard_leaves_nothing_to_a_second(void)
{
	assert_second(&excl_w, &none_s, STATUS_ADDRESS_ALREADY_EXISTS);
	assert_second(&excl_w, &excl_s, STATUS_ADDRESS_ALREADY_EXISTS);
}

static const struct CMUnitTest cases[] = {
	WORLD_CASE(second_socket_on_the_same_address_finds_it_in_use),
	WORLD_CASE(exclusive_wildcard_leaves_nothing_to_a_second),
};

WORLD_MAIN("wsk addresses shared", cases)
