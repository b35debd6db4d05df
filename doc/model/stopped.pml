/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a close travels (O9.2): no thread that stops hides what another one publishes.
 *
 *   stopper  closes two sockets, and may stop for ever between any two of its steps
 *   other    closes two sockets, and waits until both closes have begun
 *   owner    takes requests
 *
 * Each thread has a ring of one entry, so that closes go to the overflow list too: a list through
 * the slots, pushed by compare-and-swap, taken whole by exchange.
 *
 *@ check begun: the owner begins each close that was published, once
 *@ mutant ONE_RING deadlock: one ring for all, where a producer takes a place first and publishes it later
 *@ mutant NO_OVERFLOW deadlock: a close is refused when its ring is full
 *@ mutant PLAIN_PUSH begun_once|deadlock: the overflow list is pushed by a plain store
 *@ mutant NOT_WHOLE begun_once: the overflow list is read, not taken
 */
#include "parts.pml"

hidden byte begun_once;		/* a close begins once */

#define STOPPER 0
#define OTHER 1
#define CLOSES 2		/* of each thread; socket n of thread t has the slot t * CLOSES + n */
#define SLOTS 4
#define NONE 255

bool stop;			/* the stopper goes no further */
byte ring[2] = NONE;		/* one entry each */
byte overflow;			/* slot + 1; 0: empty */
byte link[SLOTS];
bool begun[SLOTS];

/* Of ONE_RING: places taken, and which of them are published. */
byte head, tail;
byte place[SLOTS] = NONE;

inline push(slot)
{
	seen = overflow;
	do
	:: true ->
		link[slot] = seen;
#ifdef PLAIN_PUSH
		overflow = slot + 1;
		break
#else
		atomic {
			if
			:: overflow == seen -> overflow = slot + 1; break
			:: else -> seen = overflow
			fi
		}
#endif
	od
}

inline publish(t, slot)
{
#ifdef ONE_RING
	d_step { seen = tail; tail++ };
	place[seen] = slot
#else
	if
	:: ring[t] == NONE -> ring[t] = slot
	:: ring[t] != NONE ->
#ifdef NO_OVERFLOW
		skip
#else
		push(slot)
#endif
	fi
#endif
}

active proctype other()
{
	byte n, seen;

	do
	:: n < CLOSES -> publish(OTHER, OTHER * CLOSES + n); n++
	:: else -> break
	od;
	begun[OTHER * CLOSES] && begun[OTHER * CLOSES + 1]
}

active proctype stopper()
{
	byte n, seen;

	/* Whatever it is at, it may go no further; what it has published is begun all the same. */
	{
		do
		:: n < CLOSES -> publish(STOPPER, STOPPER * CLOSES + n); n++
		:: else -> break
		od;
		begun[STOPPER * CLOSES] && begun[STOPPER * CLOSES + 1]
	} unless {
		stop
	}
}

active proctype fate()
{
	if
	:: stop = true
	:: skip
	fi
}

inline begin(slot)
{
	d_step {
		HOLD(begun_once, !begun[slot]);
		begun[slot] = true
	}
}

active proctype owner()
{
	byte at, next;

end:
	do
	:: atomic { ring[STOPPER] != NONE -> at = ring[STOPPER]; ring[STOPPER] = NONE; begin(at); at = 0 }
	:: atomic { ring[OTHER] != NONE -> at = ring[OTHER]; ring[OTHER] = NONE; begin(at); at = 0 }
#ifdef ONE_RING
	:: atomic { head < tail && place[head] != NONE -> at = place[head]; head++; begin(at); at = 0 }
#endif
	:: atomic {
		overflow != 0 -> at = overflow;
#ifndef NOT_WHOLE
		overflow = 0
#endif
	   };
		do
		:: at != 0 ->
			/* the link before the slot: begun, it may be used again */
			next = link[at - 1];
			begin(at - 1);
			at = next
		:: at == 0 -> break
		od;
		next = 0
	od
}
