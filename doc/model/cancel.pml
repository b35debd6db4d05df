/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cancel with id (O8), while structures and slots are used again (O6).
 *
 *   poster     the thread of the queue: posts on its socket, reaps, posts again; closes and opens
 *              the next socket in the same slot, whose ids begin anew
 *   canceller  another thread: cancels by (handle, id) a post that has returned, through a ring
 *              of its own
 *   owner      its own program cancels too, by a plain call
 *
 * A target is always posted before its cancel is asked for. So when the owner puts a cancel aside
 * for good, the target must have ended: that no cancel is lost is an assertion.
 *
 *@ check cancels: from another thread and on the core
 *@ mutant NOT_KEPT not_lost: a cancel whose operation is not there yet is dropped
 *@ mutant NOT_KEPT_ON_CORE not_lost: likewise, but only of on-core cancels
 *@ mutant KEPT_SHORT not_lost: a cancel is kept until one more request has been processed
 *@ mutant KEPT_LONG deadlock: a cancel is kept until its operation comes
 *@ mutant LEFT_LISTED ends_once: an operation that a cancel ends stays in its list
 *@ mutant BY_POINTER owns_it|right_one: a cancel names the structure
 *@ mutant BY_SLOT right_one: a cancel names slot and id, without generation
 *@ mutant SAME_IDS right_one: every post has the same id
 */
#include "parts.pml"

hidden byte right_one;		/* a cancel ends the operation it was meant for, or none */
hidden byte not_lost;		/* when a cancel is put aside its target has ended */
hidden byte owns_it;		/* the owner looks at operations that it owns only */
hidden byte ends_once;		/* no operation ends twice */

#define POSTS 4			/* the first two on one socket, the others on the next in the same slot */
#define SOCK_OF(n) ((n) / 2)
#ifdef SAME_IDS
#define ID_OF(n) 0
#else
#define ID_OF(n) ((n) % 2)
#endif
#define OPS 2			/* structures */
#define REQ 2
#define CLOSE OPS
#define NONE 7

mtype = { FREE, POSTED, ACTIVE, DONE };

byte sock;			/* the socket in the slot: its generation */
bool closing, retired;

mtype op[OPS] = FREE;
byte op_nr[OPS];		/* which post it is: gives socket and id */

byte req[REQ];			/* the poster's ring: a structure, or CLOSE */
byte req_head, req_tail;
byte returned;			/* so many posts have returned */
byte op_of[POSTS];		/* of BY_POINTER */
bool pending[POSTS];		/* posted and not ended */
bool asked[POSTS];		/* a cancel was asked for, once: no second one may make a lost one good */
byte nb_asked;

byte ring = NONE;		/* the canceller's, of one entry: which post it means */

/* The owner's: kept cancels, one for each post at most. */
bool kept[POSTS];
byte noted[POSTS];

inline put(what)
{
	req[tail % REQ] = what;
	tail++;
	req_tail = tail
}

active proctype poster()
{
	byte n, o, tail;

	do
	:: d_step { op[0] == DONE -> op[0] = FREE; op_nr[0] = 0 }
	:: d_step { op[1] == DONE -> op[1] = FREE; op_nr[1] = 0 }
	:: atomic {
		n < POSTS && SOCK_OF(n) == sock && !closing && tail - req_head < REQ &&
		(op[0] == FREE || op[1] == FREE) ->
			if
			:: op[0] == FREE -> o = 0
			:: op[1] == FREE -> o = 1
			fi;
			op[o] = POSTED;
			op_nr[o] = n;
			op_of[n] = o;
			pending[n] = true;
			put(o);
			o = 0;
			n++
	   };
		/* the caller knows the id when the post has returned */
		returned = n
	:: atomic {
		n < POSTS && SOCK_OF(n) != sock && !closing && tail - req_head < REQ ->
			closing = true;
			put(CLOSE)
	   }
	:: d_step { retired -> retired = false; closing = false; sock++ }
	:: n == POSTS -> break
	od;
	/* the last two may wait for ever; what is kept may not */
	!kept[0] && !kept[1] && !kept[2] && !kept[3] && ring == NONE && req_head == tail
}

inline choose_target(n)
{
	n = 0;
	do
	:: n + 1 < returned -> n++
	:: break
	od
}

active proctype canceller()
{
	byte n;

end:
	do
	:: atomic {
		nb_asked < returned && ring == NONE -> choose_target(n);
			if
			:: !asked[n] && SOCK_OF(n) == sock && !closing -> asked[n] = true; nb_asked++
			:: else -> n = NONE
			fi
	   };
		/* the slot word was read; now, however late, the entry is put */
		atomic { ring = n; n = 0 }
	od
}

inline end_op(o)
{
	HOLD(ends_once, pending[op_nr[o]]);
	op[o] = DONE;
	pending[op_nr[o]] = false
}

#ifdef BY_SLOT
#define IS_SOCK(n) true
#else
#define IS_SOCK(n) (SOCK_OF(n) == sock && !retired)
#endif

/* In the owner's lists. */
#ifdef BY_POINTER
#define IS_TARGET(o, n) (op_of[n] == (o))
#define LOOK_AT(o, n) HOLD(owns_it, op_of[n] != (o) || op[o] == ACTIVE)
#else
#define IS_TARGET(o, n) (op[o] == ACTIVE && ID_OF(op_nr[o]) == ID_OF(n))
#define LOOK_AT(o, n) skip
#endif

/* Cancel post n if it is there; o is NONE when it is not. */
inline cancel_now(n)
{
	LOOK_AT(0, n);
	LOOK_AT(1, n);
	if
	:: IS_TARGET(0, n) -> o = 0
	:: !IS_TARGET(0, n) && IS_TARGET(1, n) -> o = 1
	:: else -> o = NONE
	fi;
	if
	:: o != NONE ->
		HOLD(right_one, op_nr[o] == n);
		end_op(o)
#ifdef LEFT_LISTED
		;
		op[o] = ACTIVE
#endif
	:: else
	fi
}

#ifdef KEPT_SHORT
#define NOTE (req_head + 1)
#else
#define NOTE req_tail
#endif

#define PUT_ASIDE(n) HOLD(not_lost, !pending[n])

inline request(n, keep)
{
	o = NONE;
	if
	:: !IS_SOCK(n) -> PUT_ASIDE(n)
	:: IS_SOCK(n) -> cancel_now(n);
		if
		:: o == NONE && keep && req_tail != req_head -> kept[n] = true; noted[n] = NOTE
		:: o == NONE && !(keep && req_tail != req_head) -> PUT_ASIDE(n)
		:: else
		fi
	fi
}

#ifdef KEPT_LONG
#define IS_REACHED(n) false
#else
#define IS_REACHED(n) (req_head >= noted[n])
#endif

#ifdef NOT_KEPT
#define KEEP false
#else
#define KEEP true
#endif
#if defined(NOT_KEPT) || defined(NOT_KEPT_ON_CORE)
#define KEEP_ON_CORE false
#else
#define KEEP_ON_CORE true
#endif

inline forget(n)
{
	kept[n] = false;
	noted[n] = 0
}

inline settle(n)
{
	o = NONE;
	if
	:: !IS_SOCK(n) -> PUT_ASIDE(n); forget(n)
	:: IS_SOCK(n) -> cancel_now(n);
		if
		:: o != NONE -> forget(n)
		:: o == NONE && IS_REACHED(n) -> PUT_ASIDE(n); forget(n)
		:: else
		fi
	fi
}

inline settle_all()
{
	n = 0;
	do
	:: n < POSTS && kept[n] -> settle(n); n++
	:: n < POSTS && !kept[n] -> n++
	:: n == POSTS -> break
	od;
	o = 0;
	n = 0
}

inline abort(o)
{
	if
	:: op[o] == ACTIVE -> end_op(o)
	:: else
	fi
}

#define ANY_KEPT (kept[0] || kept[1] || kept[2] || kept[3])

active proctype owner()
{
	byte n, o;
	bool moved;		/* something was processed since the kept cancels were looked at */

end:
	do
	:: atomic {
		req_head != req_tail ->
			if
			:: req[req_head % REQ] == CLOSE -> abort(0); abort(1); retired = true
			:: else -> op[req[req_head % REQ]] = ACTIVE
			fi;
			req_head++;
			moved = true
	   }
	:: d_step { ring != NONE -> n = ring; ring = NONE; request(n, KEEP); o = 0; n = 0 }
	:: atomic {
		nb_asked < returned -> choose_target(n);
			if
			:: asked[n]
			:: else -> asked[n] = true; nb_asked++; request(n, KEEP_ON_CORE)
			fi;
			o = 0;
			n = 0
	   }
	:: d_step { moved && ANY_KEPT -> settle_all(); moved = false }
	:: d_step { op[0] == ACTIVE -> end_op(0) }
	:: d_step { op[1] == ACTIVE -> end_op(1) }
	od
}
