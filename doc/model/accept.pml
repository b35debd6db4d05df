/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listener, its accepts, and connections on other cores (O11), with the reaper's order over
 * several cores (O5).
 *
 *   listener  the core that owns the listener: accepts, offers, the close
 *   conns     two cores that have an entry of it: embryos, offers, new sockets
 *   reaper    the thread of the queue: one lane from each core
 *
 * The listener's core has connections too; here they are on a core of their own, which allows more
 * than the code does. Posts, cancels and the close of the listener are plain calls. Accepts are
 * alike, so they are counted. One may repeat: it has room for K connections less those of its
 * completions that the reaper has not passed yet, which the owner sees at any time. A new socket
 * has the number of its embryo; it may be closed at any time, by a cleanup or because its thread is
 * gone.
 *
 *@ check accepts: offers, accepts, cancels, embryos that die, closes
 *@ check repeats(K=2,ACCEPTS=1,EMBRYOS=2): likewise, and an accept that repeats
 *@ mutant END_TAKEN made_meets_accept|listener_is_there: the close ends accepts that are spoken for
 *@ mutant NO_ANSWERS listener_is_there: the close of the listener does not wait for the answers of the cores
 *@ mutant MADE_AFTER_ANSWER made_meets_accept|listener_is_there: answers, which overtake "made", are all that counts
 *@ mutant CLOSE_EARLY(!listener_is_there,!made_meets_accept) none_lost: the close waits for nothing
 *@ mutant CLOSE_EARLY(!listener_is_there,!made_meets_accept,!none_lost) last_is_last: likewise
 *@ mutant KEEP_OFFER answered_once: an offer that is matched stays in the queue
 *@ mutant SHORT_RING ring_has_room: rings between the cores have one place
 *@ mutant LATE_OFFER deadlock: an offer to a closing listener is not answered
 *@ mutant NO_GONE deadlock: "taken" for an embryo that is gone is not answered
 *@ mutant NOT_TOLD accept_before_close: a new socket is retired before its accept completion is written
 *@ mutant LANE_BY_LANE accept_before_close: the reaper takes closed slots and tail lane by lane
 *@ mutant TAKEN_TWICE made_meets_accept|listener_is_there: an accept that is spoken for is matched again
 *@ mutant SPARE_LATE(K=1,ACCEPTS=1,EMBRYOS=2) deadlock: room of all is looked at first, then that of the one to spare
 *@ mutant SPARE_EARLY(K=2,ACCEPTS=1,EMBRYOS=2) made_meets_accept: the other way round
 *@ mutant KEEP_EMBRYOS deadlock: a core that removes its entry leaves the embryos that are not offered
 */
#include "parts.pml"

hidden byte made_meets_accept;	/* "made" and "gone" find the accept that was spoken for */
hidden byte listener_is_there;	/* messages to a listener that must be there find it */
hidden byte accept_before_close;	/* the program hears of a socket before it hears of its close */
hidden byte last_is_last;	/* nothing after the listener's close */
hidden byte none_lost;		/* at the listener's close each accept has had its completion */
hidden byte answered_once;	/* an offer has one answer */
hidden byte ring_has_room;	/* a message always finds room */

#define CORES 2
#ifndef EMBRYOS
#define EMBRYOS 3		/* number e is on core e % CORES */
#endif
#ifndef ACCEPTS
#define ACCEPTS 2
#endif
#ifndef K
#define K 0			/* of a repeating accept; 0: there is none */
#endif
#define LANE (ACCEPTS + 1 + EMBRYOS)
#ifdef SHORT_RING
#define MESSAGES 1
#else
#define MESSAGES 5
#endif
#define NO_HANDLE 9

mtype = { OFFER, MADE, GONE, STOPPED, STOP, TAKEN, REFUSE, WRITTEN };
mtype = { NONE, HALF, READY, DEAD, ADOPTED, CLOSING, RETIRED, HEARD };

chan to_listener[CORES] = [MESSAGES] of { mtype, byte };
chan to_core[CORES] = [MESSAGES] of { mtype, byte };

mtype embryo[EMBRYOS] = NONE;	/* then its socket */
bool told[EMBRYOS];		/* the accept's completion is written */
bool offered[EMBRYOS];		/* and not answered */

/* Lane of the listener's core: accept completions. */
byte lane[LANE];
byte lane_head, lane_tail;
bool is_more[LANE];		/* it has SAN_MORE in its flags */
byte more;			/* so many of those in front of the head */
bool listener_closed;		/* its list of closed slots */
bool closed[EMBRYOS];		/* those of the others */

byte posted;			/* accepts, the repeating one included */
bool finished;			/* the listener is retired */

inline tell(ring, what, which)
{
	HOLD(ring_has_room, nfull(ring));
	ring!what,which
}

/* What the repeating accept has room for. */
#define ROOM (repeating -> K - more : 0)
#define GOOD_ROOM (repeating && !to_end -> K - more : 0)

inline end_accept(handle)
{
	lane[lane_tail] = handle;
	lane_tail++;
	nb_accepts--
}

/* Cancelled accepts end as soon as one fewer is enough for what is taken. */
inline end_cancelled()
{
	do
	:: nb_cancelling > 0 && nb_accepts + ROOM > nb_taken -> nb_cancelling--; end_accept(NO_HANDLE)
	:: else -> break
	od
}

#ifdef TAKEN_TWICE
#define HAS_FREE (nb_accepts > 0)
#else
#define HAS_FREE (nb_accepts - nb_cancelling + GOOD_ROOM > nb_taken)
#endif

#if K > 0
inline end_repeating()
{
	is_more[lane_tail] = false;
	lane[lane_tail] = NO_HANDLE;
	lane_tail++;
	repeating = false;
	to_end = false
}

inline put_more(handle)
{
	is_more[lane_tail] = true;
	lane[lane_tail] = handle;
	lane_tail++;
	more++
}

/* What the others have room for is enough for what is taken; that can only grow meanwhile. */
#if defined(SPARE_LATE)
#define FIRST_LOOK (nb_accepts + ROOM)
#define CAN_SPARE (looked >= nb_taken + ROOM)
#elif defined(SPARE_EARLY)
#define FIRST_LOOK ROOM
#define CAN_SPARE (nb_accepts + ROOM >= nb_taken + looked)
#else
#define FIRST_LOOK nb_accepts
#define CAN_SPARE (looked >= nb_taken)
#endif
#endif

/* Brings offers and accepts together; an offer alone makes no cancelled accept end. */
inline match()
{
	do
	:: nempty(offers) && HAS_FREE ->
#ifdef KEEP_OFFER
		offers?<e>;
#else
		offers?e;
#endif
		nb_taken++;
		tell(to_core[e % CORES], TAKEN, e)
	:: empty(offers) || !HAS_FREE -> break
	od;
	e = 0
}

#ifdef END_TAKEN
#define IS_BOUND_TO_END (nb_accepts > 0)
#else
#define IS_BOUND_TO_END (nb_accepts > 0 && nb_accepts + ROOM > nb_taken)
#endif

inline abort_accepts()
{
	do
	:: IS_BOUND_TO_END -> end_accept(NO_HANDLE)
	:: else -> break
	od;
	nb_cancelling = (nb_cancelling > nb_accepts -> nb_accepts : nb_cancelling)
}

inline begin_close()
{
	closing = true;
	answers = CORES;
	do
	:: nempty(offers) -> offers?e; tell(to_core[e % CORES], REFUSE, e)
	:: empty(offers) -> break
	od;
	e = 0;
	tell(to_core[0], STOP, 0);
	tell(to_core[1], STOP, 0);
	abort_accepts()
}

inline on_message(c)
{
	to_listener[c]?what,e;
	if
	:: what == OFFER && (closing || finished) ->
#ifndef LATE_OFFER
		tell(to_core[c], REFUSE, e)
#else
		skip
#endif
	:: what == OFFER && !(closing || finished) -> offers!e; match()
	:: what == MADE ->
		HOLD(listener_is_there, !finished);
		HOLD(made_meets_accept, nb_accepts + ROOM > 0 && nb_taken > 0);
		nb_taken--;
		/* the oldest with room ends or goes on, which may be a cancelled one */
		if
		:: nb_accepts > 0 -> end_accept(e);
			if
			:: nb_cancelling > 0 -> nb_cancelling--
			:: nb_cancelling <= nb_accepts
			fi
#if K > 0
		:: ROOM > 0 -> put_more(e);
			if
			:: closing -> abort_accepts()
			:: !closing -> end_cancelled()
			fi
#endif
		fi;
		look = K > 0;
		tell(to_core[c], WRITTEN, e)
	:: what == GONE ->
		HOLD(listener_is_there, !finished);
		HOLD(made_meets_accept, nb_accepts + ROOM > 0 && nb_taken > 0);
		nb_taken--;
		look = K > 0;
		if
		:: closing -> abort_accepts()
		:: !closing && e == NO_HANDLE && nb_accepts > 0 -> end_accept(NO_HANDLE);	/* no slot */
			nb_cancelling = (nb_cancelling > nb_accepts -> nb_accepts : nb_cancelling)
#if K > 0
		:: !closing && e == NO_HANDLE && ROOM > 0 -> to_end = true
#endif
		:: !closing && e != NO_HANDLE -> end_cancelled(); match()
		fi
	:: what == STOPPED ->
		HOLD(listener_is_there, !finished);
		answers--
	fi;
	what = NONE;
	e = 0
}

#if defined(NO_ANSWERS) || defined(CLOSE_EARLY)
#define IS_ANSWERED true
#else
#define IS_ANSWERED (answers == 0)
#endif
#if defined(MADE_AFTER_ANSWER) || defined(CLOSE_EARLY)
#define ACCEPTS_ARE_OVER true
#else
#define ACCEPTS_ARE_OVER (nb_accepts == 0 && !repeating)
#endif

active proctype listener()
{
	chan offers = [EMBRYOS] of { byte };
	byte ordinary, nb_accepts, nb_taken, nb_cancelling, answers;
	byte e;
	mtype what = NONE;
	bool closing;
	bool repeating, to_end, look;
#if K > 0
	bool repeated;
	byte looked;
#endif

end:
	do
#if K > 0
	:: atomic { look && repeating && (to_end || closing) -> looked = FIRST_LOOK };
		atomic {
			if
			:: CAN_SPARE -> end_repeating();
				if
				:: closing -> abort_accepts()
				:: !closing
				fi
			:: else
			fi;
			looked = 0;
			look = false
		}
	:: d_step { look && !(repeating && (to_end || closing)) -> look = false }
	:: atomic {
		!look && !closing && !finished && !repeated ->
			repeated = true;
			repeating = true;
			posted++;
			match()
	   }
	:: d_step { !look && !closing && !finished && repeating && !to_end -> to_end = true; look = true }
	/* a round, while offers wait and the reaper goes on */
	:: atomic { !look && nempty(offers) && HAS_FREE -> match() }
#endif
	:: atomic {
		!look && !closing && !finished && ordinary < ACCEPTS ->
			ordinary++;
			posted++;
			nb_accepts++;
			end_cancelled();
			match();
			look = K > 0
	   }
	:: atomic { !look && !closing && !finished && nb_cancelling < nb_accepts -> nb_cancelling++; end_cancelled() }
	:: atomic { !look && !closing && !finished -> begin_close(); look = K > 0 }
	:: atomic { !look && nempty(to_listener[0]) -> on_message(0) }
	:: atomic { !look && nempty(to_listener[1]) -> on_message(1) }
	:: atomic {
		!look && closing && IS_ANSWERED && ACCEPTS_ARE_OVER ->
#ifdef MADE_AFTER_ANSWER
			do
			:: nb_accepts > 0 -> end_accept(NO_HANDLE)
			:: nb_accepts == 0 -> break
			od;
			nb_taken = 0;
			nb_cancelling = 0;
#endif
			closing = false;
			finished = true;
			listener_closed = true
	   }
	od
}

#ifdef MADE_AFTER_ANSWER
/* The answer goes past what is in the ring. */
#define ANSWER_STOP(c) to_listener[c]!!STOPPED,0
#else
#define ANSWER_STOP(c) to_listener[c]!STOPPED,0
#endif

#define IS_MINE(e) ((e) % CORES == me)

inline on_order()
{
	to_core[me]?what,e;
	if
	:: what == TAKEN ->
		HOLD(answered_once, offered[e]);
		offered[e] = false;
		if
		:: embryo[e] == READY -> embryo[e] = ADOPTED; tell(to_listener[me], MADE, e)
		/* no slot, or a cleanup's order to close all */
		:: embryo[e] == READY -> embryo[e] = DEAD; tell(to_listener[me], GONE, NO_HANDLE)
		:: embryo[e] != READY ->
#ifndef NO_GONE
			tell(to_listener[me], GONE, e)
#else
			skip
#endif
		fi
	:: what == REFUSE ->
		HOLD(answered_once, offered[e]);
		offered[e] = false;
		embryo[e] = DEAD
	:: what == WRITTEN -> told[e] = true
	:: what == STOP ->
		entry = false;
		e = 0;
		do
		:: e < EMBRYOS && IS_MINE(e) && embryo[e] == READY -> embryo[e] = DEAD; e++
		:: e < EMBRYOS && IS_MINE(e) && embryo[e] == HALF ->
#ifndef KEEP_EMBRYOS
			embryo[e] = DEAD;
#endif
			e++
		:: e < EMBRYOS && !(IS_MINE(e) && (embryo[e] == READY || embryo[e] == HALF)) -> e++
		:: e == EMBRYOS -> break
		od;
		ANSWER_STOP(me)
	fi;
	what = NONE;
	e = 0
}

#ifdef NOT_TOLD
#define MAY_RETIRE(e) true
#else
#define MAY_RETIRE(e) told[e]
#endif

/* The handshake is finished. */
inline offer(n)
{
	embryo[n] = READY;
	offered[n] = true;
	tell(to_listener[me], OFFER, n)
}

active [CORES] proctype conns()
{
	byte me = _pid - 1;
	byte e;
	mtype what = NONE;
	bool entry = true;

end:
	do
	:: atomic { nempty(to_core[me]) -> on_order() }
	:: d_step { entry && embryo[me] == NONE -> embryo[me] = HALF }
	:: d_step { entry && embryo[me] == HALF -> offer(me) }
	:: d_step { embryo[me] == READY -> embryo[me] = DEAD }
	:: d_step { embryo[me] == ADOPTED -> embryo[me] = CLOSING }
	:: d_step { embryo[me] == CLOSING && MAY_RETIRE(me) -> embryo[me] = RETIRED; closed[me] = true }
#if EMBRYOS > 2
	/* core 0 has a second one */
	:: d_step { me == 0 && entry && embryo[2] == NONE -> embryo[2] = HALF }
	:: d_step { me == 0 && entry && embryo[2] == HALF -> offer(2) }
	:: d_step { me == 0 && embryo[2] == READY -> embryo[2] = DEAD }
	:: d_step { me == 0 && embryo[2] == ADOPTED -> embryo[2] = CLOSING }
	:: d_step { me == 0 && embryo[2] == CLOSING && MAY_RETIRE(2) -> embryo[2] = RETIRED; closed[2] = true }
#endif
	od
}

inline take_listener()
{
	took_listener = listener_closed;
	listener_closed = false
}

inline take_others()
{
	e = 0;
	do
	:: e < EMBRYOS -> took[e] = closed[e]; closed[e] = false; e++
	:: else -> break
	od;
	e = 0
}

inline reap()
{
	do
	:: lane_head != noted ->
		HOLD(last_is_last, !over);
		if
		:: lane[lane_head] != NO_HANDLE -> known[lane[lane_head]] = true
		:: else
		fi;
		ends = ends + (is_more[lane_head] -> 0 : 1);
		more = more - (is_more[lane_head] -> 1 : 0);
		lane_head++
	:: else -> break
	od;
	e = 0;
	do
	:: e < EMBRYOS && took[e] ->
		HOLD(accept_before_close, known[e]);
		embryo[e] = HEARD;
		took[e] = false;
		e++
	:: e < EMBRYOS && !took[e] -> e++
	:: e == EMBRYOS -> break
	od;
	if
	:: took_listener -> HOLD(none_lost, ends == posted); over = true; took_listener = false
	:: else
	fi;
	e = 0;
	noted = 0
}

/* An embryo that is offered keeps its block until the answer is there. */
#define IS_SETTLED(e) ((embryo[e] == NONE || embryo[e] == DEAD || embryo[e] == HEARD) && !offered[e])

#if EMBRYOS > 2
#define SOMETHING (listener_closed || lane_head != lane_tail || closed[0] || closed[1] || closed[2])
#define ALL_SETTLED (IS_SETTLED(0) && IS_SETTLED(1) && IS_SETTLED(2))
#else
#define SOMETHING (listener_closed || lane_head != lane_tail || closed[0] || closed[1])
#define ALL_SETTLED (IS_SETTLED(0) && IS_SETTLED(1))
#endif

active proctype reaper()
{
	byte e, noted, ends;
	bool took_listener, over;
	bool took[EMBRYOS], known[EMBRYOS];

	do
#ifdef LANE_BY_LANE
	:: atomic { SOMETHING -> take_listener(); noted = lane_tail };
		atomic { take_others(); reap() }
#else
	:: atomic { SOMETHING -> take_listener(); take_others() };
		atomic { noted = lane_tail; reap() }
#endif
	:: over && ALL_SETTLED -> break
	od
}
