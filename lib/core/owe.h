/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Owe: a bare ACK that waits for the program.
 *
 * Model:  the program was told just now what has arrived, and what it says to that may carry the ACK (RFC 1122
 *         4.2.3.2). So the connection is not listed for output, but noted, and whatever it sends meanwhile takes the
 *         ACK along. Ends of rounds are turns of the program; at the third, who still owes the ACK is listed. Nobody
 *         takes a note back: it says which round it is of, and counts for nothing when the connection says another.
 */
#ifndef SANI_CORE_OWE_H
#define SANI_CORE_OWE_H

#include "core/priv.h"

/**
 * After events ev of an input, EV_OUTPUT among them: does c owe nothing but a bare ACK that may wait? Then it is noted,
 * and need not be listed.
 */
bool
sani_owe(struct sani_core *core, struct sani_tcp_conn *c, uint32_t ev);

/** At the end of a round: list who has waited for the program long enough. @return How many are noted. */
unsigned int
sani_owe_end_turn(struct sani_core *core);

/** c is listed: is that for nothing but the ACK that it owes? If not, that goes with what there is. */
static inline bool
sani_owe_still(struct sani_tcp_conn *c)
{
	if (c->owner.owes && !sani_tcp_has_text(c) && sani_tcp_ack_may_wait(c))
		return true;
	c->owner.owes = 0;
	return false;
}

#endif
