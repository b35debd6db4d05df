/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Move (O12) against posts and a close.
 *
 *   thread   two of them, each with a queue: posts while the socket is bound to its queue, reaps,
 *            moves the socket to the other queue when nothing of it is posted and unreaped; stores
 *            go through a store buffer
 *   closer   closes the socket at any time
 *   owner    carries out, ends operations, takes the fence's thread from the CLOSING word
 *
 * One operation is polled: it has no completion, its poster reads its state.
 *
 *@ check moves: between two threads, back and forth
 *@ mutant MOVE_UNREAPED none_lost|own_queue|last_is_last|post_meets_socket: moved without a look at what is unreaped
 *@ mutant MOVE_UNREAPED(!none_lost,!own_queue) last_is_last: likewise
 *@ mutant MOVE_POLLED none_lost|own_queue|post_meets_socket: polled operations do not count
 *@ mutant CLOSE_ONCE refused_rightly: the close's compare-and-swap is not repeated
 *@ mutant FENCE_OLD post_meets_socket|last_is_last: the fence is that of the thread for which the socket was made
 *@ mutant PLAIN_MOVE closed_stays: the move stores the word without compare-and-swap
 *@ mutant ANYONE_POSTS one_poster: any thread may post
 *@ mutant ANYONE_POSTS(!one_poster,!none_lost,!post_meets_socket) own_queue: likewise
 */
#include "parts.pml"

hidden byte last_is_last;	/* nothing after the close completion */
hidden byte own_queue;		/* a completion comes to the thread that posted */
hidden byte post_meets_socket;	/* the owner meets a post while the socket has its slot */
hidden byte refused_rightly;	/* a close is refused only when another one has won */
hidden byte closed_stays;	/* CLOSING is never undone */
hidden byte one_poster;		/* the record's count has one writer at a time */
hidden byte none_lost;		/* when the close is reported nothing posted is without its end */

#define OPS 2
#define POLLED 1		/* this one */
#ifndef POSTS
#define POSTS 3
#endif
#define MOVES 2
#define REQ 2

mtype = { FREE, OPEN, CLOSING, RETIRED };
mtype = { POSTED, ACTIVE, DONE };

mtype state = OPEN;
byte bound;			/* the queue in the slot word */

mtype op[OPS] = FREE;
byte poster_of[OPS];
byte count;			/* the record's: posted and not reaped */

/* Of each thread. */
byte req[4];			/* thread t: t * REQ + position % REQ */
byte req_head[2], req_tail[2];
byte posting[2];
bool buffered[2];			/* store buffer */
bool is_tail[2];
byte value[2];
bool cq[4];			/* queue q, operation o: q * OPS + o; an operation is in it once */
bool closed[2];

bool reported;
byte posts, moves;

inline store(t, tail_, value_)
{
	atomic { !buffered[t] -> buffered[t] = true; is_tail[t] = tail_; value[t] = value_ }
}

active [2] proctype flush()
{
	byte t = _pid;

end:
	do
	:: d_step {
		buffered[t] ->
			if
			:: is_tail[t] -> req_tail[t] = value[t]
			:: else -> posting[t] = value[t]
			fi;
			buffered[t] = false;
			is_tail[t] = false;
			value[t] = 0
	   }
	od
}

inline reap(o)
{
	HOLD(last_is_last, !reported);
	HOLD(own_queue, poster_of[o] == me);
	cq[me * OPS + o] = false;
	op[o] = FREE;
	poster_of[o] = 0;
	count--
}

#ifdef MOVE_UNREAPED
#define MAY_MOVE true
#elif defined(MOVE_POLLED)
#define MAY_MOVE (count == 0 || (count == 1 && op[POLLED] != FREE))
#else
#define MAY_MOVE (count == 0)
#endif

#ifdef ANYONE_POSTS
#define MAY_POST (state == OPEN)
#else
#define MAY_POST (state == OPEN && bound == me)
#endif

active [2] proctype thread()
{
	byte me = _pid - 2;
	byte o, brackets, tail;
	bool ok;

end:
	do
	:: atomic {
		posts < POSTS && (op[0] == FREE || op[1] == FREE) && !buffered[me] ->
			if
			:: op[0] == FREE -> o = 0
			:: op[1] == FREE -> o = 1
			fi;
			posts++;
			brackets++;
			posting[me] = brackets
	   };
		ok = MAY_POST;
		if
		:: atomic {
			ok && op[o] == FREE && tail - req_head[me] < REQ && !buffered[me] ->
				HOLD(one_poster, bound == me);
				op[o] = POSTED;
				poster_of[o] = me;
				count++;
				req[me * REQ + tail % REQ] = o;
				tail++;
				store(me, true, tail)
		   }
		:: !(ok && op[o] == FREE && tail - req_head[me] < REQ)
		fi;
		atomic { store(me, false, 0); o = 0; ok = false }
	:: atomic { moves < MOVES && state == OPEN && bound == me && !buffered[me] -> ok = MAY_MOVE; moves++ };
		atomic {
			if
#ifdef PLAIN_MOVE
			:: ok -> HOLD(closed_stays, state == OPEN); state = OPEN; bound = 1 - me
#else
			:: ok && state == OPEN && bound == me -> bound = 1 - me
#endif
			:: else
			fi;
			ok = false
		}
	:: d_step { cq[me * OPS] -> reap(0) }
	/* the polled one: its poster reads the state */
	:: d_step { op[POLLED] == DONE && poster_of[POLLED] == me -> HOLD(last_is_last, !reported || bound == me);
		op[POLLED] = FREE; poster_of[POLLED] = 0; count-- }
	:: atomic {
		closed[me] && !cq[me * OPS] && !(op[POLLED] == DONE && poster_of[POLLED] == me) ->
			HOLD(none_lost, count == 0);
			closed[me] = false;
			reported = true
	   }
	od
}

bool closer_req;

active proctype closer()
{
	byte seen;
	bool won;

	do
	:: atomic {
		seen = bound;
		if
		:: state != OPEN -> break
		:: else
		fi
	   };
		atomic {
			if
			:: state == OPEN && bound == seen -> state = CLOSING; won = true; break
			:: else
			fi
		}
#ifdef CLOSE_ONCE
		;
		break
#endif
	od;
	HOLD(refused_rightly, won);
	closer_req = true;
	reported
}

inline end_op(o)
{
	op[o] = DONE;
	ops--;
	if
	:: o != POLLED -> cq[bound * OPS + o] = true
	:: else
	fi
}

#ifdef FENCE_OLD
#define FENCE_OF 0
#else
#define FENCE_OF bound
#endif

inline take(t)
{
	o = req[t * REQ + req_head[t] % REQ];
	HOLD(post_meets_socket, state == OPEN || state == CLOSING);
	HOLD(own_queue, bound == t);
	ops++;
	op[o] = ACTIVE;
	if
	:: step != FREE -> end_op(o)
	:: else
	fi;
	req[t * REQ + req_head[t] % REQ] = 0;
	req_head[t]++;
	o = 0
}

inline abort(o)
{
	if
	:: op[o] == ACTIVE -> end_op(o)
	:: else
	fi
}

active proctype owner()
{
	byte o, ops, seen, noted;
	mtype step = FREE;

end:
	do
	:: d_step { req_head[0] != req_tail[0] -> take(0) }
	:: d_step { req_head[1] != req_tail[1] -> take(1) }
	:: d_step { closer_req -> closer_req = false; step = CLOSING; seen = posting[FENCE_OF] };
		d_step { abort(0); abort(1) }
	:: d_step { op[0] == ACTIVE -> end_op(0) }
	:: d_step { op[1] == ACTIVE -> end_op(1) }
	:: step == CLOSING && (posting[FENCE_OF] == 0 || posting[FENCE_OF] != seen) ->
		d_step { noted = req_tail[FENCE_OF]; seen = 0; step = RETIRED }
	:: d_step {
		step == RETIRED && state == CLOSING && req_head[FENCE_OF] >= noted && ops == 0 ->
			state = RETIRED;
			closed[bound] = true
	   }
	od
}
