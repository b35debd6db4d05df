/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A repeating operation and its places (O4).
 *
 *   poster   posts a repeating receive (1 + K places) and ordinary ones (one place each) while
 *            there is room by its own count, reaps, closes in the end
 *   owner    fills the repeating receive with what arrives: a MORE completion each; ends operations
 *            whenever it likes; at the close it ends all, and that must not find the ring full
 *
 *@ check one: K is 1
 *@ check two(K=2,PLACES=4): K is 2
 *@ mutant NO_RESERVE ring_has_room: the repeating receive takes one place
 *@ mutant GIVE_BACK ring_has_room: reaping MORE gives a place back
 *@ mutant NO_LIMIT ring_has_room: the owner puts MORE without a look at the ring's head
 *@ mutant LIMIT_LATE ring_has_room: the owner lets K + 1 of its MORE completions stand in the ring
 *@ mutant KEEP_PLACES count_is_right|deadlock: the last completion gives one place back
 *@ mutant GIVE_ALL count_is_right: an ordinary completion gives two places back
 *@ mutant MORE_AFTER_END(!count_is_right) last_is_last: what arrives is still put after the operation's end
 */
#include "parts.pml"

hidden byte ring_has_room;	/* completing never finds the ring full */
hidden byte last_is_last;	/* no MORE after the end of its operation, nothing after the close */
hidden byte count_is_right;	/* the poster's count is never below what lies in the ring */

#ifndef K
#define K 1
#endif
#ifndef PLACES
#define PLACES 3
#endif
#define REPEATS 3		/* the repeating receive is posted so often */
#define ORDINARY 3		/* ordinary operations */
#define ARRIVALS 6

mtype = { MORE, LAST, PLAIN };

mtype ring[PLACES] = PLAIN;
byte head, tail;
byte more;			/* MORE in front of the head: the owner knows their positions */
bool repeating;			/* the owner has it */
byte plain;			/* so many ordinary ones the owner has */
bool closing, closed;

active proctype poster()
{
	byte used, repeats, ordinary;
	bool alive;		/* posted and its last completion not reaped */

	do
	:: atomic {
#ifdef NO_RESERVE
		!closing && !alive && repeats < REPEATS && used + 1 <= PLACES -> used++;
#else
		!closing && !alive && repeats < REPEATS && used + 1 + K <= PLACES -> used = used + 1 + K;
#endif
			alive = true;
			repeating = true;
			repeats++
	   }
	:: d_step { !closing && ordinary < ORDINARY && used + 1 <= PLACES -> used++; ordinary++; plain++ }
	:: d_step {
		head != tail ->
			if
			:: ring[head % PLACES] == MORE ->
				HOLD(last_is_last, alive);
#ifdef GIVE_BACK
				used = (used > 0 -> used - 1 : 0)
#endif
			:: ring[head % PLACES] == LAST ->
				HOLD(last_is_last, alive);
				alive = false;
#if defined(NO_RESERVE) || defined(KEEP_PLACES)
				used--
#elif defined(GIVE_BACK)
				used = (used > 1 + K -> used - 1 - K : 0)
#else
				used = used - 1 - K
#endif
			:: else ->
#ifdef GIVE_BACK
				used = (used > 0 -> used - 1 : 0)
#elif defined(GIVE_ALL)
				used = (used > 2 -> used - 2 : 0)
#else
				used--
#endif
			fi;
			more = more - (ring[head % PLACES] == MORE -> 1 : 0);
			ring[head % PLACES] = PLAIN;
			head++;
#if !defined(GIVE_BACK) && !defined(NO_RESERVE) && !defined(NO_LIMIT) && !defined(LIMIT_LATE)
			HOLD(count_is_right, tail - head <= used)
#endif
	   }
	/* All is posted: places that never come back would stop it here. */
	:: repeats == REPEATS && ordinary == ORDINARY && !closing -> closing = true
	:: atomic { closed && head == tail -> HOLD(last_is_last, !alive); HOLD(count_is_right, used == 0); break }
	od
}

inline put(what)
{
	HOLD(ring_has_room, tail - head < PLACES);
	ring[tail % PLACES] = what;
	tail++
}

#if defined(NO_LIMIT)
#define MAY_PUT true
#elif defined(LIMIT_LATE)
#define MAY_PUT (more < K + 1)
#else
#define MAY_PUT (more < K)
#endif
#ifdef MORE_AFTER_END
#define HAS_REPEATING true
#else
#define HAS_REPEATING repeating
#endif

active proctype owner()
{
	byte arrived;

end:
	do
	/* else it waits in the receive queue */
	:: d_step { arrived < ARRIVALS && HAS_REPEATING && !closed && MAY_PUT -> put(MORE); more++; arrived++ }
	:: d_step { repeating -> repeating = false; put(LAST) }
	:: d_step { plain > 0 -> plain--; put(PLAIN) }
	:: d_step { closing && !closed && !repeating && plain == 0 -> closed = true }
	od
}
