/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Startup and cleanup (O15): counted, in one word with the attached threads; the last cleanup waits
 * until everything is retired and every core has left its last round; a startup works right after
 * it.
 *
 *   program  starts up, opens a listener on core 0, cleans up, reaps what is left, all of it twice
 *   other    starts up and cleans up too: either may be the last
 *   guest    attaches, calls, detaches
 *   poller   claims core 0 and polls it until it hears that the library goes down; may open a
 *            socket
 *
 * Nobody claims core 1: the cleanup polls it. The listener is retired when core 1 has answered, and
 * core 1 may make a socket when it is told "taken".
 *
 *@ check rounds: two of them
 *@ mutant TWO_WORDS host_is_there: state and attached count are two words
 *@ mutant NO_WAIT all_retired: the cleanup waits for nothing
 *@ mutant NOT_COUNTED counted: a startup of what is up is not counted
 *@ mutant NOT_LEFT host_is_there: the cleanup does not wait for the cores to leave their last round
 *@ mutant LEAVE_ALONE deadlock: a core leaves when its own sockets are retired
 *@ mutant OPEN_LATE all_retired|order_is_kept: a socket is made after the order to close all was carried out
 *@ mutant COUNT_ONLY all_retired|deadlock: a core counts as done before it has carried out the order
 *@ mutant WAIT_FREE deadlock: the cleanup waits for free slots, not for retired ones
 *@ mutant NOBODY_POLLS deadlock: the cleanup does not poll what nobody has claimed
 *@ mutant DROP_RECORDS record_is_there: the cleanup throws away what is not reaped
 */
#include "parts.pml"

hidden byte host_is_there;	/* whoever is in a call or a round finds the host */
hidden byte all_retired;	/* when the host goes no slot is open or closing */
hidden byte order_is_kept;	/* after the order no socket opens */
hidden byte record_is_there;	/* each close is reported, also after the cleanup */
hidden byte counted;		/* a cleanup without its startup is refused */

#define ROUNDS 2
#define NOBODY 0
#define LEFT 9
#define PROGRAM 1
#define OTHER 2
#define POLLER 3

mtype = { DOWN, UP, GOING };			/* the library */
mtype = { FREE, OPEN, CLOSING, RETIRED };	/* a slot */

/* One word. */
mtype lib = DOWN;
byte startups, attached;

bool host;
byte claimer[2];
bool ordered[2];		/* the order to close all was carried out */
mtype slot[2] = FREE;		/* one on each core, of the program's queue; FREE again when reaped */
bool asked, answered;		/* by the listener's core, of core 1 */
byte to_reap, reaped;

inline startup(ok)
{
	d_step {
		ok = lib != GOING;
		if
		:: lib == DOWN ->
			lib = UP;
			startups++;
			host = true;
			claimer[0] = NOBODY;
			claimer[1] = NOBODY;
			ordered[0] = false;
			ordered[1] = false
#ifndef NOT_COUNTED
		:: lib == UP -> startups++
#else
		:: lib == UP
#endif
		:: lib == GOING
		fi
	}
}

inline open_here(c)
{
	HOLD(order_is_kept, !ordered[c]);
	slot[c] = OPEN
}

#ifdef OPEN_LATE
#define MAY_OPEN(c) (slot[c] == FREE)
#else
#define MAY_OPEN(c) (slot[c] == FREE && !ordered[c])
#endif

#define IS_OVER(c) (slot[c] == FREE || slot[c] == RETIRED)
#ifdef COUNT_ONLY
#define IS_DONE(c) IS_OVER(c)
#else
#define IS_DONE(c) (ordered[c] && IS_OVER(c))
#endif
#ifdef LEAVE_ALONE
#define MAY_LEAVE(c) IS_DONE(c)
#else
#define MAY_LEAVE(c) (IS_DONE(0) && IS_DONE(1))
#endif

#define HAS_WORK(c) ((lib == GOING && !ordered[c]) || (c == 1 && asked) || \
		     (slot[c] == CLOSING && (c == 1 || answered)) || (lib == GOING && MAY_LEAVE(c)))

inline round(c)
{
	HOLD(host_is_there, host);
	if
	:: d_step {
		lib == GOING && !ordered[c] ->
			if
			:: slot[c] == OPEN -> slot[c] = CLOSING; asked = asked || c == 0
			:: else
			fi;
			ordered[c] = true
	   }
	:: else
	fi;
	d_step {
		if
		:: c == 1 && asked -> asked = false; answered = true
		:: else
		fi;
		if
		:: slot[c] == CLOSING && (c == 1 || answered) ->
			slot[c] = RETIRED;
			to_reap++;
			answered = answered && c == 1
		:: else
		fi
	}
}

/* A round, and after it the look whether it was the last one. */
inline poll(c)
{
	round(c);
	left = false;
	if
	:: lib == GOING ->
		/* core by core, not at one moment */
#ifdef LEAVE_ALONE
		left = IS_DONE(c);
#else
		left = IS_DONE(0);
		left = left && IS_DONE(1);
#endif
		HOLD(host_is_there, host);
		if
		:: left -> claimer[c] = LEFT
		:: !left
		fi
	:: else
	fi
}

#ifdef NO_WAIT
#define ARE_OUT true
#elif defined(NOT_LEFT)
#define ARE_OUT (IS_DONE(0) && IS_DONE(1))
#elif defined(WAIT_FREE)
#define ARE_OUT (claimer[0] == LEFT && claimer[1] == LEFT && slot[0] == FREE && slot[1] == FREE)
#else
#define ARE_OUT (claimer[0] == LEFT && claimer[1] == LEFT)
#endif

inline cleanup(me, ok)
{
	d_step {
		last = false;
		HOLD(counted, startups > 0 && lib == UP);
		if
		:: startups > 1 -> startups--; ok = true
		:: startups == 1 && attached > 0 -> ok = false		/* -EBUSY */
		:: startups == 1 && attached == 0 -> startups = 0; lib = GOING; last = true; ok = true
		fi
	};
	if
	:: last ->
		do
		:: ARE_OUT -> break
#ifndef NOBODY_POLLS
		:: d_step { claimer[0] == NOBODY -> claimer[0] = me }
		:: d_step { claimer[1] == NOBODY -> claimer[1] = me }
		/* "taken" comes in */
		:: d_step { claimer[1] == me && taken > 0 && MAY_OPEN(1) -> taken--; open_here(1) }
		:: claimer[0] == me && HAS_WORK(0) -> poll(0)
		:: claimer[1] == me && HAS_WORK(1) -> poll(1)
#endif
		od;
		atomic {
			HOLD(all_retired, IS_OVER(0) && IS_OVER(1));
			host = false;
#ifdef DROP_RECORDS
			slot[0] = FREE;
			slot[1] = FREE;
#endif
			left = false;
			last = false;
			lib = DOWN
		}
	:: !last
	fi
}

/* Completions and close records are reapable whatever the library's state. */
inline reap(c)
{
	d_step { slot[c] == RETIRED -> slot[c] = FREE; reaped++ }
}

byte taken = 1;			/* "taken" on its way to core 1 */

active proctype program()
{
	byte rounds;
	bool ok, last, left;

	do
	:: rounds < ROUNDS ->
		ok = false;
		do
		:: !ok && lib != GOING -> startup(ok)
		:: ok -> break
		od;
		/* the core that nobody claims is polled by whoever calls: here it opens at once */
		atomic {
			if
			:: slot[0] == FREE && !ordered[0] -> open_here(0)
			:: else
			fi
		};
		ok = false;
		do
		:: !ok && (startups > 1 || attached == 0) -> cleanup(PROGRAM, ok)
		:: ok -> break
		od;
		rounds++;
		ok = false
	:: reap(0)
	:: reap(1)
	:: atomic {
		rounds == ROUNDS && lib == DOWN && slot[0] == FREE && slot[1] == FREE ->
			HOLD(record_is_there, reaped == to_reap);
			break
	   }
	od
}

active proctype other()
{
	bool ok, last, left;

	if
	:: startup(ok)
	:: skip
	fi;
	if
	:: ok ->
		ok = false;
		do
		:: !ok && (startups > 1 || attached == 0) -> cleanup(OTHER, ok)
		:: ok -> break
		od
	:: !ok
	fi
}

active proctype guest()
{
	byte calls;

end:
	do
	:: calls < 2 && lib == UP ->
		calls++;
#ifdef TWO_WORDS
		attached++;
#else
		if
		:: d_step { lib == UP -> attached++ }
		:: lib != UP -> goto end
		fi;
#endif
		/* a call past its first look */
		HOLD(host_is_there, host);
		d_step { attached--; }
	od
}

active proctype poller()
{
	bool left;

end:
	do
	:: d_step { lib == UP && claimer[0] == NOBODY -> claimer[0] = POLLER; left = false };
		do
		:: HAS_WORK(0) && !left -> poll(0)
		/* a call on its own core: past the look at the library's state */
		:: lib == UP && !left && slot[0] == FREE ->
			HOLD(host_is_there, host);
			d_step {
				if
				:: MAY_OPEN(0) -> open_here(0)
				:: else
				fi
			}
		:: left -> break
		od
	od
}
