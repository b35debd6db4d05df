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
 * alike, so they are counted. A new socket has the number of its embryo; it may be closed at any
 * time, by a cleanup or because its thread is gone.
 *
 *@ check accepts: offers, accepts, cancels, embryos that die, closes
 *@ mutant END_TAKEN made_meets_accept|listener_is_there: the close ends accepts that are spoken for
 *@ mutant NO_ANSWERS listener_is_there: the close of the listener does not wait for the answers of the cores
 *@ mutant MADE_AFTER_ANSWER made_meets_accept|listener_is_there: answers, which overtake "made", are all that counts
 *@ mutant LATE_OFFER deadlock: an offer to a closing listener is not answered
 *@ mutant NO_GONE deadlock: "taken" for an embryo that is gone is not answered
 *@ mutant NOT_TOLD accept_before_close: a new socket is retired before its accept completion is written
 *@ mutant LANE_BY_LANE accept_before_close: the reaper takes closed slots and tail lane by lane
 *@ mutant TAKEN_TWICE made_meets_accept|listener_is_there: an accept that is spoken for is matched again
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
#define MESSAGES 5
#define NO_HANDLE 9

mtype = { OFFER, MADE, GONE, STOPPED, STOP, TAKEN, REFUSE, WRITTEN };
mtype = { NONE, HALF, READY, DEAD, ADOPTED, CLOSING, RETIRED, HEARD };

chan to_listener[CORES] = [MESSAGES] of { mtype, byte };
chan to_core[CORES] = [MESSAGES] of { mtype, byte };

mtype embryo[EMBRYOS] = NONE;	/* then its socket */
bool told[EMBRYOS];		/* the accept's completion is written */
bool offered[EMBRYOS];		/* and not answered */

/* Lane of the listener's core: accept completions. */
byte lane[ACCEPTS];
byte lane_head, lane_tail;
bool listener_closed;		/* its list of closed slots */
bool closed[EMBRYOS];		/* those of the others */

byte posted;			/* accepts */
bool finished;			/* the listener is retired */

inline tell(ring, what, which)
{
	HOLD(ring_has_room, nfull(ring));
	ring!what,which
}

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
	:: nb_cancelling > 0 && nb_accepts > nb_taken -> nb_cancelling--; end_accept(NO_HANDLE)
	:: else -> break
	od
}

#ifdef TAKEN_TWICE
#define HAS_FREE (nb_accepts > 0)
#else
#define HAS_FREE (nb_accepts > nb_taken)
#endif

/* Brings offers and accepts together; an offer alone makes no cancelled accept end. */
inline match()
{
	do
	:: nempty(offers) && HAS_FREE ->
		offers?e;
		nb_taken++;
		tell(to_core[e % CORES], TAKEN, e)
	:: empty(offers) || !HAS_FREE -> break
	od;
	e = 0
}

#ifdef END_TAKEN
#define IS_BOUND_TO_END (nb_accepts > 0)
#else
#define IS_BOUND_TO_END (nb_accepts > nb_taken)
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
		HOLD(made_meets_accept, nb_accepts > 0 && nb_taken > 0);
		nb_taken--;
		end_accept(e);
		/* the oldest ends, which may be a cancelled one */
		if
		:: nb_cancelling > nb_accepts -> nb_cancelling--
		:: nb_cancelling > 0 && nb_cancelling <= nb_accepts -> nb_cancelling--
		:: nb_cancelling <= nb_accepts
		fi;
		tell(to_core[c], WRITTEN, e)
	:: what == GONE ->
		HOLD(listener_is_there, !finished);
		HOLD(made_meets_accept, nb_accepts > 0 && nb_taken > 0);
		nb_taken--;
		if
		:: closing -> abort_accepts()
		:: !closing && e == NO_HANDLE -> end_accept(NO_HANDLE);	/* no slot */
			nb_cancelling = (nb_cancelling > nb_accepts -> nb_accepts : nb_cancelling)
		:: !closing && e != NO_HANDLE -> end_cancelled(); match()
		fi
	:: what == STOPPED ->
		HOLD(listener_is_there, !finished);
		answers--
	fi;
	what = NONE;
	e = 0
}

#ifdef NO_ANSWERS
#define IS_ANSWERED true
#else
#define IS_ANSWERED (answers == 0)
#endif
#ifdef MADE_AFTER_ANSWER
#define ACCEPTS_ARE_OVER true
#else
#define ACCEPTS_ARE_OVER (nb_accepts == 0)
#endif

active proctype listener()
{
	chan offers = [EMBRYOS] of { byte };
	byte nb_accepts, nb_taken, nb_cancelling, answers;
	byte e;
	mtype what = NONE;
	bool closing;

end:
	do
	:: atomic { !closing && !finished && posted < ACCEPTS -> posted++; nb_accepts++; end_cancelled(); match() }
	:: atomic { !closing && !finished && nb_cancelling < nb_accepts -> nb_cancelling++; end_cancelled() }
	:: atomic { !closing && !finished -> begin_close() }
	:: atomic { nempty(to_listener[0]) -> on_message(0) }
	:: atomic { nempty(to_listener[1]) -> on_message(1) }
	:: atomic {
		closing && IS_ANSWERED && ACCEPTS_ARE_OVER ->
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
	:: took_listener -> HOLD(none_lost, lane_head == posted); over = true; took_listener = false
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
	byte e, noted;
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
