/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Post, complete, close: O1, O2, O3, O4, O5, O6, O7, O9, O10.
 *
 *   poster   the thread of the queue: posts, closes, reaps; its stores go through a store buffer
 *   closer   another attached thread: closes any handle, also a stale one
 *   owner    the core that owns the slots
 *   card     the NIC: holds what a lent send refers to, and lets go when it likes
 *
 * Sockets are opened one after the other in the first slot that is free, so slots are used again.
 * Of the operation structures the last is a lent send. Positions of rings count from 0 and do not
 * wrap: a run is shorter than that.
 *
 *@ check reuse(SOCKS=2): one slot for two sockets, which post and are closed by either thread
 *@ check two(SLOTS=2,SOCKS=2,POSTS=2,CLOSES=1): requests of one socket go by while the other's fence is open
 *@ check places(SOCKS=1,POSTS=3,PLACES=1): fewer places than operations
 *@ ltl retired(SOCKS=1): a socket that is closed is retired in the end
 *@ mutant NO_CAS closed_once|record_is_own: a closer loads and stores the word, so that two may win
 *@ mutant NO_FENCE last_is_last|post_meets_socket: the owner retires without a fence
 *@ mutant NO_FENCE(!post_meets_socket,!none_lost) last_is_last: likewise
 *@ mutant SECOND_END ends_once: the close ends what has ended already
 *@ mutant PLAIN_STORE last_is_last|post_meets_socket: the bracket begins with a plain store
 *@ mutant LATE_TAIL none_lost|last_is_last|post_meets_socket: the bracket ends before the ring's tail is stored
 *@ mutant EARLY_NOTE last_is_last|post_meets_socket: the tail is noted before the posting word is looked at
 *@ mutant FENCE_EQUAL(SLOTS=2,SOCKS=2,POSTS=2,CLOSES=1) deadlock: the fence waits for the noted tail by equality
 *@ mutant EARLY_END held_until_end: a close ends what the card still holds
 *@ mutant EARLY_REUSE record_is_own: a slot is used again before its close record is reaped
 *@ mutant TAILS_FIRST last_is_last|none_lost: the reaper notes the tail before it takes the closed slots
 *@ mutant CLOSE_OVERTAKES last_is_last|none_lost: the close record is linked before the operations have ended
 *@ mutant NO_PLACES(PLACES=1) ring_has_room: a post takes no place
 *@ mutant NO_OVERFLOW deadlock: a close that finds its ring full is dropped
 *@ mutant NO_GENERATION post_meets_socket: a post looks at the state of the slot word only
 */
#include "parts.pml"

hidden byte last_is_last;	/* nothing after the close completion */
hidden byte post_meets_socket;	/* a post that read OPEN is met by the owner while that socket has its slot */
hidden byte ends_once;		/* no operation ends twice */
hidden byte none_lost;		/* when the close is reported, nothing posted is without its end */
hidden byte held_until_end;	/* no end while the card holds the buffer */
hidden byte ring_has_room;	/* completing never finds the ring full */
hidden byte record_is_own;	/* the close record that is read is of the socket that was closed */
hidden byte closed_once;	/* a close is reported once */

#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef SOCKS
#define SOCKS 2
#endif
#ifndef POSTS
#define POSTS 3
#endif
#ifndef CLOSES
#define CLOSES 2		/* that the closer tries */
#endif
#ifndef PLACES
#define PLACES 2		/* entries of the completion ring */
#endif
#define OPS 2
#define LENT 1			/* this operation is a lent send */
#define REQ 2			/* entries of the poster's request ring */
#define NONE 7

mtype = { FREE, OPEN, CLOSING, RETIRED };	/* of a slot */
mtype = { POSTED, ACTIVE, CANCELLING, DONE };	/* of an operation, with FREE */
mtype = { LOOK, RING };				/* steps of a close, with FREE: none */

/* Slot words and records. */
mtype state[SLOTS] = FREE;
byte gen[SLOTS] = 1;
byte record[SLOTS];		/* which socket has the slot, and whose close record it is */
bool unreaped[SLOTS];

/* Handles: slot and generation of the n-th socket. */
byte opened;
byte slot_of[SOCKS];
byte gen_of[SOCKS];

/* Operations. */
mtype op[OPS] = FREE;
byte op_sock[OPS];
bool held;			/* the card refers to the lent send's memory */

/* The poster's request ring, posting word and store buffer. */
byte req[REQ];			/* an operation, or OPS + slot: a close */
byte req_head, req_tail;
byte posting;
bool buffered;
bool buffered_tail;		/* else the posting word */
byte buffered_value;

/* The closer's ring, of one entry, and the overflow list: its order is of no account. */
byte closer_req = NONE;
bool overflow[SLOTS];

/* Completion ring and list of closed slots: likewise. */
byte cq[PLACES];
byte cq_head, cq_tail;
bool closed[SLOTS];

/* What the properties need. */
byte pending[SOCKS];		/* posted and not reaped */
bool reported[SOCKS];
byte nb_reported;
byte linked[SLOTS];		/* of which socket the close was linked */

/* The owner's. */
mtype step[SLOTS] = FREE;
byte seen_posting[SLOTS];
byte noted_tail[SLOTS];
byte nb_ops[SLOTS];

#define IS_OPEN(s) (state[slot_of[s]] == OPEN && gen[slot_of[s]] == gen_of[s])
#ifdef NO_GENERATION
#define MAY_POST(s) (state[slot_of[s]] == OPEN)
#else
#define MAY_POST(s) IS_OPEN(s)
#endif

#ifdef NO_PLACES
#define HAS_PLACE true
#else
#define HAS_PLACE (used < PLACES)
#endif

inline choose_sock(s)
{
	s = 0;
	do
	:: s + 1 < opened -> s++
	:: break
	od
}

/* O9.1: by compare-and-swap. */
inline make_closing(s, won)
{
	won = IS_OPEN(s);
	if
	:: won -> state[slot_of[s]] = CLOSING
	:: else
	fi
}

#ifdef EARLY_REUSE
#define CAN_OPEN(i) (opened < SOCKS && (state[i] == FREE || state[i] == RETIRED))
#else
#define CAN_OPEN(i) (opened < SOCKS && (state[i] == FREE || state[i] == RETIRED) && !unreaped[i])
#endif

/* A control call: the owner carries it out while the caller waits. */
inline open_slot(i)
{
	state[i] = OPEN;
	slot_of[opened] = i;
	gen_of[opened] = gen[i];
	record[i] = opened;
	opened++
}

inline store(is_tail, value)
{
	atomic { !buffered -> buffered = true; buffered_tail = is_tail; buffered_value = value }
}

/* Memory takes what is in the poster's store buffer. */
active proctype flush()
{
end:
	do
	:: d_step {
		buffered ->
			if
			:: buffered_tail -> req_tail = buffered_value
			:: else -> posting = buffered_value
			fi;
			buffered = false;
			buffered_tail = false;
			buffered_value = 0
	   }
	od
}

inline put_request(what)
{
	req[tail % REQ] = what;
	tail++
}

/* One entry of the completion ring. */
inline reap_entry(o, s)
{
	o = cq[cq_head % PLACES];
	s = op_sock[o];
	HOLD(last_is_last, !reported[s]);
	pending[s]--;
	used--;
	op[o] = FREE;
	op_sock[o] = 0;
	cq[cq_head % PLACES] = 0;
	cq_head++
}

inline report_close(i, s)
{
	s = record[i];
	HOLD(record_is_own, s == linked[i]);
	HOLD(closed_once, !reported[s]);
	HOLD(none_lost, pending[s] == 0);
	reported[s] = true;
	nb_reported++;
	linked[i] = 0;
	unreaped[i] = false
}

inline take_closed()
{
	i = 0;
	do
	:: i < SLOTS -> took[i] = closed[i]; closed[i] = false; i++
	:: else -> break
	od
}

/* The reaper's own work, which nobody else sees but by the places and slots that it gives back. */
inline reap()
{
	do
	:: cq_head != noted -> reap_entry(o, s)
	:: else -> break
	od;
	i = 0;
	do
	:: i < SLOTS && took[i] -> took[i] = false; report_close(i, s); i++
	:: i < SLOTS && !took[i] -> i++
	:: else -> break
	od;
	s = 0;
	o = 0;
	i = 0;
	noted = 0
}

#if SLOTS == 1
#define ANY_CLOSED closed[0]
#else
#define ANY_CLOSED (closed[0] || closed[1])
#endif

active proctype poster()
{
	byte s, o, i;
	byte posts, used, brackets;
	byte tail;		/* its own copy of req_tail */
	byte noted;
	byte nb_tried;
	bool ok;
	bool hidden_tail;	/* requests are written that the ring's tail does not show */
	bool tried[SOCKS];	/* to close */
	bool took[SLOTS];

	do
	:: d_step { CAN_OPEN(0) -> open_slot(0) }
#if SLOTS > 1
	:: d_step { CAN_OPEN(1) -> open_slot(1) }
#endif
	:: atomic {
		posts < POSTS && opened > 0 && (op[0] == FREE || op[1] == FREE) && !buffered ->
			if
			:: op[0] == FREE -> o = 0
			:: op[1] == FREE -> o = 1
			fi;
			choose_sock(s);
			posts++;
			brackets++;
#ifdef PLAIN_STORE
			store(false, brackets)
#else
			posting = brackets	/* exchange */
#endif
	   };
again:		/* several posts in one bracket, of which the ring's tail is stored once */
		ok = MAY_POST(s);
		if
		:: atomic {
			ok && HAS_PLACE && tail - req_head < REQ ->
				op[o] = POSTED;
				op_sock[o] = s;
				used++;
				pending[s]++;
				put_request(o);
				hidden_tail = true
		   }
		:: !(ok && HAS_PLACE && tail - req_head < REQ)
		fi;
		if
		:: atomic {
			hidden_tail && posts < POSTS && (op[0] == FREE || op[1] == FREE) ->
				if
				:: op[0] == FREE -> o = 0
				:: op[1] == FREE -> o = 1
				fi;
				choose_sock(s);
				posts++;
				goto again
		   }
		:: true
		fi;
#ifdef LATE_TAIL
		store(false, 0);
		if
		:: atomic { hidden_tail -> store(true, tail); hidden_tail = false }
		:: !hidden_tail
		fi;
		atomic { s = 0; o = 0; ok = false }
#else
		if
		:: atomic { hidden_tail -> store(true, tail); hidden_tail = false }
		:: !hidden_tail
		fi;
		atomic { store(false, 0); s = 0; o = 0; ok = false }
#endif
	:: atomic {
		nb_tried < opened && !buffered ->
			choose_sock(s);
			if
			:: tried[s]
			:: else ->
				tried[s] = true;
				nb_tried++;
				make_closing(s, ok)
			fi
	   };
		if
		:: !ok
		:: atomic {
			ok && tail - req_head < REQ && !buffered ->
				put_request(OPS + slot_of[s]);
				store(true, tail)
		   }
		:: atomic {
			ok && tail - req_head == REQ ->
#ifdef NO_OVERFLOW
				skip
#else
				overflow[slot_of[s]] = true
#endif
		   }
		fi;
		atomic { s = 0; ok = false }
#ifdef TAILS_FIRST
	:: atomic { ANY_CLOSED || cq_head != cq_tail -> noted = cq_tail };
		atomic { take_closed(); reap() }
#else
	:: atomic { ANY_CLOSED || cq_head != cq_tail -> take_closed() };
		atomic { noted = cq_tail; reap() }
#endif
	:: nb_reported == SOCKS -> break
	od
}

active proctype closer()
{
	byte s, closes;
	bool won;

end:
	do
#ifdef NO_CAS
	:: atomic { closes < CLOSES && opened > 0 -> choose_sock(s); closes++; won = IS_OPEN(s) };
		state[slot_of[s]] = (won -> CLOSING : state[slot_of[s]]);
#else
	:: atomic { closes < CLOSES && opened > 0 -> choose_sock(s); closes++; make_closing(s, won) };
#endif
		atomic {
			if
			:: !won
			:: won && closer_req == NONE -> closer_req = slot_of[s]
			:: won && closer_req != NONE -> overflow[slot_of[s]] = true
			fi;
			s = 0;
			won = false
		}
	od
}

/* O2: the one end of operations. */
inline end_op(o)
{
	HOLD(ends_once, op[o] != DONE && op[o] != FREE);
	HOLD(held_until_end, !(o == LENT && held));
	HOLD(ring_has_room, cq_tail - cq_head < PLACES);
	op[o] = DONE;
	cq[cq_tail % PLACES] = o;
	cq_tail++;
	nb_ops[slot_of[op_sock[o]]]--
}

#ifdef EARLY_END
#define IS_HELD(o) false
#else
#define IS_HELD(o) (o == LENT && held)
#endif

inline abort_op(o)
{
	atomic {
		if
	#ifdef SECOND_END
		:: op[o] == DONE && slot_of[op_sock[o]] == i -> end_op(o)
#endif
		:: op[o] == ACTIVE && slot_of[op_sock[o]] == i && !IS_HELD(o) -> end_op(o)
		:: op[o] == ACTIVE && slot_of[op_sock[o]] == i && IS_HELD(o) -> op[o] = CANCELLING
		:: else
		fi
	}
}

/* O9.3 to O9.5, as far as it goes at once. */
inline begin_close()
{
	step[i] = LOOK;
	seen_posting[i] = posting;
#ifdef EARLY_NOTE
	noted_tail[i] = req_tail
#endif
}

inline abort_all()
{
	abort_op(0);
	abort_op(1)
}

#ifdef FENCE_EQUAL
#define IS_PASSED(i) (req_head == noted_tail[i])
#else
#define IS_PASSED(i) (req_head >= noted_tail[i])
#endif

#ifdef CLOSE_OVERTAKES
#define OPS_ARE_OVER(i) true
#else
#define OPS_ARE_OVER(i) (nb_ops[i] == 0)
#endif

#ifdef NO_FENCE
#define CAN_LOOK(i) false
#define CAN_RETIRE(i) (step[i] == LOOK && OPS_ARE_OVER(i))
#else
#define CAN_LOOK(i) (step[i] == LOOK && (posting == 0 || posting != seen_posting[i]))
#define CAN_RETIRE(i) (step[i] == RING && IS_PASSED(i) && OPS_ARE_OVER(i))
#endif

inline note_tail(i)
{
	seen_posting[i] = 0;
#ifndef EARLY_NOTE
	noted_tail[i] = req_tail;
#endif
	step[i] = RING
}

inline retire(i)
{
	step[i] = FREE;
	noted_tail[i] = 0;
	unreaped[i] = true;
	linked[i] = record[i];
	state[i] = RETIRED;
	gen[i]++;
	closed[i] = true
}

/* What a round does in a fixed order is done here in any order. */
active proctype owner()
{
	byte i, o;

end:
	do
	:: atomic {
		req_head != req_tail ->
			if
			:: req[req_head % REQ] >= OPS ->
				i = req[req_head % REQ] - OPS;
				begin_close()
			:: else ->
				o = req[req_head % REQ];
				i = slot_of[op_sock[o]];
				HOLD(post_meets_socket, record[i] == op_sock[o] &&
					(state[i] == OPEN || state[i] == CLOSING));
				nb_ops[i]++;
				if
				:: step[i] != FREE -> end_op(o)
				:: else -> op[o] = ACTIVE; held = held || o == LENT
				fi
			fi
	   };
		if
		:: req[req_head % REQ] >= OPS -> abort_all()
		:: else
		fi;
		/* popped when done */
		atomic { req[req_head % REQ] = 0; req_head++; i = 0; o = 0 }
	:: atomic { closer_req != NONE -> i = closer_req; closer_req = NONE; begin_close() };
		abort_all();
		i = 0
	:: atomic { overflow[0] -> overflow[0] = false; i = 0; begin_close() };
		abort_all()
#if SLOTS > 1
	:: atomic { overflow[1] -> overflow[1] = false; i = 1; begin_close() };
		abort_all();
		i = 0
	:: CAN_LOOK(1) -> d_step { note_tail(1) }
	:: d_step { CAN_RETIRE(1) -> retire(1) }
#endif
	:: d_step { op[0] == ACTIVE -> end_op(0) }
	:: d_step { (op[1] == ACTIVE || op[1] == CANCELLING) && !held -> end_op(1) }
	:: CAN_LOOK(0) -> d_step { note_tail(0) }
	:: d_step { CAN_RETIRE(0) -> retire(0) }
	od
}

active proctype card()
{
end:
	do
	:: held -> held = false
	od
}

ltl retired { [] (state[0] == CLOSING -> <> (state[0] == RETIRED)) }
