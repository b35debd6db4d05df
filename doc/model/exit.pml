/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread exits without detaching (O16), and its record is used again by the next one.
 *
 *   thread   two, one after the other, with the same record: opens a listener on core 0 and a
 *            socket on core 1, leaves requests in its rings, goes at any moment
 *   closer   another thread: closes sockets of it at any time; its request comes later
 *   core     two: close what the thread left, acknowledge; core 1 may be told "taken" for the
 *            listener's queue
 *
 * A slot is bound to a life of the record, which stands for the queue of that life; lanes of a
 * queue are freed when the record is recycled.
 *
 *@ check exits: each life is given back once, when nothing of it is left
 *@ mutant OPEN_ONLY lane_is_there|nothing_left: a core acknowledges while a slot of the thread is closing
 *@ mutant RING_LEFT nothing_left: a core acknowledges while its ring from the thread is not empty
 *@ mutant TAKEN_GONE nothing_left|lane_is_there|bound_to_live: "taken" is obeyed for a queue that is gone
 *@ mutant TAKEN_GONE(OPEN_ONLY,!nothing_left,!lane_is_there) bound_to_live: likewise, by a core for which it is over
 *@ mutant OPEN_ONLY(!nothing_left) lane_is_there: a close record for a queue that is freed
 *@ mutant FIRST_ACK nothing_left|lane_is_there: the first acknowledgement recycles
 *@ mutant NO_LIFE deadlock: a core remembers that it has acknowledged the record, not which life
 *@ mutant STATE_FIRST deadlock|counted_once|nothing_left: a core looks at the record's state before its life
 *@ mutant NO_LOOK deadlock: a core looks once at what is gone, and not again while something is left
 *@ mutant NO_ANSWER deadlock: "taken" for a queue that is gone is not answered
 *@ mutant EARLY_RETURN counted_once|deadlock: the exit gives the attachment back at once
 */
#include "parts.pml"

hidden byte nothing_left;	/* when a record is recycled no slot is bound to it, its rings are empty */
hidden byte lane_is_there;	/* what a core writes to is not freed */
hidden byte bound_to_live;	/* no socket is made for a life that is over */
hidden byte counted_once;	/* the attached count drops once for each life */

#define LIVES 2

mtype = { FREE, LIVE, GONE };			/* of the record */
mtype = { NONE, OPEN, CLOSING, BEGUN };		/* of a slot: BEGUN, the owner has begun the close */
mtype = { NOTHING, TAKEN, MADE, REFUSED };	/* between the cores */

mtype record = FREE;
byte life;			/* of the record */
byte acks_left;
byte attached;
byte given_back;		/* lives */
bool lanes[LIVES + 1];		/* of a life's queue: not freed */

mtype slot[2] = NONE;		/* one on each core */
byte bound[2];			/* to which life */
bool waits[2];			/* a pending operation */
bool told = true;		/* the listener's core has written the completion of core 1's socket */
bool req[2];			/* an entry in the thread's ring to this core */
bool closer_req[2];
byte acked[2];			/* the life that the core has acknowledged */
bool news[2];			/* the count of threads that have gone has moved */
bool here[2];			/* the core has something left of one */

/* The listener on core 0 has matched an accept with core 1's embryo. */
bool taken;
mtype to_core1 = NOTHING;
byte to_core1_life;
mtype to_core0 = NOTHING;
bool written;			/* to core 1 */
bool embryo = true;		/* one, on core 1 */

inline recycle()
{
	HOLD(nothing_left, !(slot[0] != NONE && bound[0] == life) && !(slot[1] != NONE && bound[1] == life));
	HOLD(nothing_left, !req[0] && !req[1]);
	HOLD(counted_once, attached > 0 && given_back == life - 1);
	lanes[life] = false;
	attached--;
	given_back++;
	record = FREE
}

inline acknowledge()
{
#ifdef FIRST_ACK
	if
	:: acks_left == 2 -> acks_left = 0; recycle()
	:: acks_left > 2 -> acks_left--
	:: acks_left < 2
	fi
#else
	acks_left--;
	if
	:: acks_left == 0 -> recycle()
	:: else
	fi
#endif
}

active proctype thread()
{
	do
	:: d_step { record == FREE && life < LIVES -> life++; record = LIVE; attached++; lanes[life] = true };
		do
		/* control calls, which the core carries out while the caller waits */
		:: d_step { slot[0] == NONE -> slot[0] = OPEN; bound[0] = life }
		:: d_step { slot[1] == NONE -> slot[1] = OPEN; bound[1] = life }
		:: d_step { !req[0] -> req[0] = true }
		:: d_step { !req[1] -> req[1] = true }
		/* an accept; its completion is never reaped */
		:: d_step { slot[0] == OPEN && bound[0] == life && !waits[0] -> waits[0] = true }
		:: break
		od;
#ifdef EARLY_RETURN
		atomic { attached--; given_back++ };
#endif
		/* the count of cores, and one more of its own */
		atomic { acks_left = 3; record = GONE };
		d_step { acknowledge() };
		d_step { news[0] = true; news[1] = true }
	:: life == LIVES && record == FREE -> break
	od;
	attached == 0 && slot[0] == NONE && slot[1] == NONE
}

active proctype closer()
{
	byte closes;
	bool another;

end:
	do
	:: d_step { closes < 1 && slot[0] == OPEN -> slot[0] = CLOSING; closes++ };
		closer_req[0] = true
	:: d_step { closes < 1 && slot[1] == OPEN -> slot[1] = CLOSING; closes++ };
		closer_req[1] = true
	/* a thread with another record has gone, and left nothing */
	:: d_step { !another -> another = true; news[0] = true; news[1] = true }
	od
}

/* A completion or a close record for the queue of the slot; dropped when its thread is known to be gone. */
inline report(c)
{
	if
	:: record == GONE && bound[c] == life
	:: else -> HOLD(lane_is_there, lanes[bound[c]])
	fi
}

inline begin_close(c)
{
	slot[c] = BEGUN;
	if
	:: waits[c] && !(c == 0 && taken) -> waits[c] = false; report(c)
	:: else
	fi
}

#ifdef OPEN_ONLY
#define IS_BOUND(c) (slot[c] == OPEN && bound[c] == life)
#else
#define IS_BOUND(c) (slot[c] != NONE && bound[c] == life)
#endif
#ifdef RING_LEFT
#define IS_EMPTY(c) true
#else
#define IS_EMPTY(c) !req[c]
#endif
#define MAY_ACK (IS_EMPTY(me) && !IS_BOUND(me))
#define IS_OPEN_HERE (slot[me] == OPEN && bound[me] == life)
#ifdef NO_LIFE
#define SEEN 1
#else
#define SEEN seen
#endif
#ifdef TAKEN_GONE
#define QUEUE_IS_LIVE true
#else
#define QUEUE_IS_LIVE (record == LIVE && life == to_core1_life)
#endif

inline on_taken()
{
	if
	:: slot[1] == NONE && QUEUE_IS_LIVE ->
		HOLD(bound_to_live, lanes[to_core1_life]);
		slot[1] = OPEN;
		bound[1] = to_core1_life;
		told = false;
		to_core0 = MADE
	:: else ->
#ifdef NO_ANSWER
		skip
#else
		to_core0 = REFUSED
#endif
	fi;
	to_core1 = NOTHING;
	to_core1_life = 0
}

active [2] proctype core()
{
	byte me = _pid - 2;
	byte seen;
	bool gone;

end:
	do
	/* an entry for another's socket: nothing follows */
	:: d_step { req[me] -> req[me] = false }
	:: d_step { closer_req[me] -> closer_req[me] = false; begin_close(me) }
	:: d_step {
		slot[me] == BEGUN && !waits[me] && (me == 0 || told) ->
			report(me);
			slot[me] = NONE;
			bound[me] = 0
	   }
	/* O16 */
	:: news[me] || (here[me] && (IS_OPEN_HERE || MAY_ACK)) ->
		news[me] = false;
#ifdef STATE_FIRST
		gone = record == GONE;
		seen = life;
#else
		seen = life;
		gone = record == GONE;
#endif
		d_step {
			if
			:: gone && acked[me] != SEEN && slot[me] == OPEN && bound[me] == seen ->
				slot[me] = CLOSING;
				begin_close(me)
			:: else
			fi;
			if
			:: gone && acked[me] != SEEN && MAY_ACK -> acked[me] = SEEN; here[me] = false; acknowledge()
			:: else -> here[me] = gone && acked[me] != SEEN
			fi;
#ifdef NO_LOOK
			here[me] = false;
#endif
			seen = 0;
			gone = false
		}
	/* the listener's core */
	:: d_step { me == 0 && slot[0] == OPEN && waits[0] && !taken && embryo ->
		embryo = false; taken = true; to_core1 = TAKEN; to_core1_life = bound[0] }
	:: d_step { me == 0 && to_core0 != NOTHING ->
		taken = false; waits[0] = false; report(0); written = to_core0 == MADE; to_core0 = NOTHING }
	/* the other */
	:: d_step { me == 1 && to_core1 == TAKEN -> on_taken() }
	:: d_step { me == 1 && written -> written = false; told = true }
	od
}
