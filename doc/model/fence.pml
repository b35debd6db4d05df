/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fence is passed in the end (O7), whatever other sockets and other threads do.
 *
 *   busy     a thread that posts without pause, on socket A while that is open, else on another one
 *   stopper  the thread of socket C; it may stop inside a bracket, for ever
 *   closer   closes A and C
 *   owner    looks once a round, never waits in place
 *
 * A run has no end, so numbers are relative: of a bracket it counts only whether it is the one that
 * was seen when the fence began (SEEN) or a later one (OTHER), of a ring how many entries are in
 * front of the noted tail.
 *
 *@ ltl retired: A is retired, and C too unless its own thread has stopped
 *@ mutant ONE_BIT ltl:retired: the posting word says only whether there is a bracket
 *@ mutant WAIT_IN_PLACE ltl:retired: the owner waits for the posting word instead of looking once a round
 *@ mutant FENCE_EQUAL ltl:retired: the fence waits for the noted tail by equality
 *@ mutant NO_LIMIT ltl:retired: a round takes requests until there are none
 *@ mutant WAIT_FOR_ALL ltl:retired: the fence waits for the brackets of all threads
 */
#include "parts.pml"

#define A 0
#define C 1
#define REQ 2

#define SEEN 1
#define OTHER 2

mtype = { OPEN, CLOSING, LOOK, RING, RETIRED };
mtype state[2] = OPEN;		/* slot word, then step of the close */
byte posting[2];		/* of the busy thread, of the stopper: 0, SEEN, OTHER */
byte queued[2];			/* entries in the thread's ring */
byte ahead[2];			/* of them, those before the noted tail */
bool overshot[2];		/* one that came after the noted tail has been processed */
bool stopped;

active proctype busy()
{
	do
	:: posting[A] = OTHER;
		if
		:: state[A] == OPEN
		:: state[A] != OPEN	/* the post is on another socket */
		fi;
		if
		:: queued[A] < REQ -> queued[A]++
		:: queued[A] == REQ
		fi;
		posting[A] = 0
	od
}

active proctype stopper()
{
	do
	:: state[C] == OPEN ->
		posting[C] = OTHER;
		if
		:: state[C] == OPEN && queued[C] < REQ -> queued[C]++
		:: state[C] != OPEN || queued[C] == REQ
		:: stopped = true -> break
		fi;
		posting[C] = 0
	:: state[C] != OPEN -> break
	od
}

active proctype closer()
{
	state[A] = CLOSING;
	state[C] = CLOSING
}

/* At most so many in a round: a thread that never stops cannot hold the core. */
#ifdef NO_LIMIT
#define MAY_TAKE(t) (queued[t] > 0)
#else
#define MAY_TAKE(t) (queued[t] > 0 && taken < REQ)
#endif

inline take(t)
{
	do
	:: MAY_TAKE(t) ->
		d_step {
#ifndef NO_LIMIT
			taken++;
#endif
			queued[t]--;
			if
			:: ahead[t] > 0 -> ahead[t]--
			:: else -> overshot[t] = state[t] == RING
			fi
		}
	:: else -> break
	od;
	taken = 0
}

#ifdef ONE_BIT
#define IS_CLEAR(t) (posting[t] == 0)
#else
#define IS_CLEAR(t) (posting[t] != SEEN)
#endif
#ifdef WAIT_FOR_ALL
#define IS_OVER(t) (IS_CLEAR(A) && IS_CLEAR(C))
#else
#define IS_OVER(t) IS_CLEAR(t)
#endif

#ifdef FENCE_EQUAL
#define IS_PASSED(t) (ahead[t] == 0 && !overshot[t])
#else
#define IS_PASSED(t) (ahead[t] == 0)
#endif

inline look(t)
{
	if
	:: state[t] == CLOSING -> d_step {
		state[t] = LOOK;
		if
		:: posting[t] != 0 -> posting[t] = SEEN
		:: else
		fi
	   }
	:: state[t] == LOOK && IS_OVER(t) -> d_step { ahead[t] = queued[t]; overshot[t] = false; state[t] = RING }
#ifdef WAIT_IN_PLACE
	:: state[t] == LOOK && !IS_OVER(t) -> IS_OVER(t)
#endif
	:: state[t] == RING && IS_PASSED(t) -> d_step { overshot[t] = false; state[t] = RETIRED }
	:: else
	fi
}

active proctype owner()
{
	byte taken;

	do
	:: true ->
		take(A);
		take(C);
		look(C);
		look(A)
	od
}

ltl retired { <> (state[A] == RETIRED && (state[C] == RETIRED || stopped)) }
