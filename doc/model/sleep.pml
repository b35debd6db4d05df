/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sleep and wake-up of a thread and of a core (O13): no wake-up is lost. A lost one is a deadlock.
 *
 *   thread   posts on its socket, sleeps on its queue whenever it likes, ends with the report of
 *            the close
 *   closer   closes the thread's socket, through its ring or the overflow list
 *   owner    sleeps when it has nothing to do; its program ends some operations by calls between
 *            rounds, and also between arming and sleeping (it serves other descriptors first)
 *   card     lets go of a lent send, and wakes nobody
 *
 * Thread and owner have a store buffer each: what is published goes through it. An event is a
 * descriptor that is readable or not.
 *
 * Between what the thread posts and its look at the core's flag there is no barrier, so that look
 * may come before what is published: the exchange that begins the bracket (O7) is the barrier, and
 * the core looks at the bracket, too, before it looks at the rings.
 *
 *@ check woken: everything ends
 *@ mutant ARMED_PLAIN deadlock: the thread arms by a plain store
 *@ mutant LOOK_THEN_ARM deadlock: the thread arms after its last look
 *@ mutant RINGS_ONLY deadlock: the thread's last look leaves the closed slots out
 *@ mutant NO_FENCE deadlock: the owner looks at the thread's flag without a barrier behind what it published
 *@ mutant LOOK_THEN_PUBLISH deadlock: the owner looks at the thread's flag before it publishes
 *@ mutant ASLEEP_PLAIN deadlock: the core falls asleep by a plain store
 *@ mutant NO_OVERFLOW_LOOK deadlock: the core's last look leaves the overflow list out
 *@ mutant NO_BRACKET_LOOK deadlock: the core's last look leaves the brackets out
 *@ mutant RINGS_FIRST deadlock: the core looks at the rings before it looks at the brackets
 *@ mutant BRACKET_PLAIN deadlock: the bracket begins with a plain store
 *@ mutant WAKE_FIRST deadlock: the thread looks at the core's flag before it begins the bracket
 *@ mutant OPEN_FENCE deadlock: a core sleeps with a fence open
 *@ mutant LENT_OUT deadlock: a core sleeps without a timer while a lent buffer is out
 *@ mutant NO_FLUSH deadlock: a core sleeps before it has woken those to whom its program's calls published
 *@ mutant NO_STIR deadlock: a call of the core's own program does not wake a core that is armed already
 *@ mutant NO_WAKE_BY_CLOSE deadlock: a close does not wake the core
 */
#include "parts.pml"

#define POSTS 2

mtype = { OPEN, CLOSING, LOOK, RING, RETIRED };
mtype = { IN_CQ, IN_REQ, IN_POSTING, IN_ARMED, IN_ASLEEP };

mtype state = OPEN;
byte req_head, req_tail;	/* posts; all that counts of them is how many */
byte posting;
byte cq_tail;			/* completions, likewise */
byte accepted, reaped;		/* the thread's counts */
bool closed;			/* the list of closed slots */
bool closer_ring, overflow;	/* the close on its way */

bool armed, event_thread;
bool asleep, event_core;

bool held, lent_out;		/* the card holds a lent send; the core knows that one is out */

/* Store buffers. */
bool t_full; mtype t_what = IN_REQ; byte t_value;
bool c_full; mtype c_what = IN_CQ; byte c_value;

inline t_store(what, value)
{
	atomic { !t_full -> t_full = true; t_what = what; t_value = value }
}

inline c_store(what, value)
{
	atomic { !c_full -> c_full = true; c_what = what; c_value = value }
}

active proctype flush()
{
end:
	do
	:: d_step {
		t_full ->
			if
			:: t_what == IN_REQ -> req_tail = t_value
			:: t_what == IN_POSTING -> posting = t_value
#ifdef ARMED_PLAIN
			:: t_what == IN_ARMED -> armed = t_value
#endif
			fi;
			t_full = false;
			t_what = IN_REQ;
			t_value = 0
	   }
	:: d_step {
		c_full ->
			if
			:: c_what == IN_CQ -> cq_tail = c_value
#ifdef ASLEEP_PLAIN
			:: c_what == IN_ASLEEP -> asleep = c_value
#endif
			fi;
			c_full = false;
			c_what = IN_CQ;
			c_value = 0
	   }
	od
}

/* Whoever publishes for the core: by exchange only when it is asleep. */
inline wake_core()
{
	if
	:: asleep -> asleep = false; event_core = true
	:: !asleep
	fi
}

#define SOMETHING (cq_tail != reaped || closed)
#ifdef RINGS_ONLY
#define LAST_LOOK (cq_tail != reaped)
#else
#define LAST_LOOK SOMETHING
#endif

#ifdef WAKE_FIRST
#define LOOK_AT_CORE sleeps
#else
#define LOOK_AT_CORE asleep
#endif

active proctype thread()
{
	byte posts, brackets;
	bool over, ok, sleeps;

	do
	:: posts < POSTS && !over ->
#ifdef WAKE_FIRST
		sleeps = asleep;
#endif
#ifdef BRACKET_PLAIN
		atomic { t_store(IN_POSTING, brackets + 1); posts++; brackets++ };
#else
		atomic { !t_full -> posts++; brackets++; posting = brackets };
#endif
		ok = state == OPEN;
		if
		:: ok ->
			/* published, or refused: then nobody is woken */
			if
			:: sleeps = LOOK_AT_CORE; atomic { t_store(IN_REQ, accepted + 1); accepted++ }
			:: atomic { t_store(IN_REQ, accepted + 1); accepted++ }; sleeps = LOOK_AT_CORE
			:: sleeps = false
			fi
		:: !ok
		fi;
		t_store(IN_POSTING, 0);
		if
		:: sleeps -> atomic { wake_core(); sleeps = false }
		:: !sleeps
		fi
	:: atomic { cq_tail != reaped -> reaped++ }
	:: atomic { closed -> closed = false; over = true }
	:: over -> break
	:: !over ->
		/* san_cq_wait() */
#ifdef LOOK_THEN_ARM
		ok = SOMETHING;
		atomic { !t_full -> armed = true };
#else
#ifdef ARMED_PLAIN
		t_store(IN_ARMED, 1);
#else
		atomic { !t_full -> armed = true };
#endif
		ok = LAST_LOOK;
#endif
		if
		:: ok
		:: !ok -> event_thread
		fi;
		atomic { !t_full -> armed = false; event_thread = false; ok = false }
	od
}

active proctype closer()
{
	/* at any time, or when the thread has got what it waits for */
	if
	:: true
	:: true -> reaped == accepted
	fi;
	state = CLOSING;
	if
	:: closer_ring = true
	:: overflow = true
	fi;
#ifndef NO_WAKE_BY_CLOSE
	atomic { wake_core() }
#endif
}

active proctype card()
{
end:
	do
	:: held -> held = false
	od
}

#define CAN_LOOK (step == LOOK && (posting == 0 || posting != seen))
#define CAN_RETIRE (step == RING && req_head >= noted && ops == 0)
#define CAN_WORK (req_head != req_tail || closer_ring || overflow || (ops > 0 && !held) || CAN_LOOK || CAN_RETIRE)
#ifdef NO_OVERFLOW_LOOK
#define CORE_LAST_LOOK (req_head != req_tail || closer_ring)
#else
#define CORE_LAST_LOOK (req_head != req_tail || closer_ring || overflow)
#endif

#ifdef OPEN_FENCE
#define FENCE_OPEN false
#else
#define FENCE_OPEN (step == LOOK || (step == RING && req_head < noted))
#endif
#ifdef LENT_OUT
#define TIMER false
#else
#define TIMER lent_out
#endif

inline begin_close()
{
	ops = ops + quiet;
	quiet = 0;
	step = LOOK;
	seen = posting
}

/* One operation ends: its entry goes out by way of the store buffer. */
inline end_op()
{
	atomic { c_store(IN_CQ, ended + 1); ended++; ops--; published = true; lent_out = lent_out && held }
}

/* A call on the core, outside a round: who is published to is woken later. */
inline call()
{
	atomic { quiet > 0 && !c_full -> quiet--; ops++; end_op() }
}

inline wake_thread()
{
	if
	:: armed -> armed = false; event_thread = true
	:: !armed
	fi
}

active proctype owner()
{
	mtype step = OPEN;
	byte seen, noted, ops, ended;
	byte quiet;
	bool published, ok;

end:
	do
	:: CAN_WORK ->
		/* a round */
#ifdef LOOK_THEN_PUBLISH
		atomic { wake_thread() };
#endif
		do
		:: atomic {
			req_head != req_tail -> req_head++; ops++;
				if
				:: step == OPEN && !held && !lent_out -> held = true; lent_out = true
				/* one that ends by a call of the owner's program */
				:: step == OPEN -> quiet++; ops--
				:: true
				fi
		   }
		:: atomic { closer_ring -> closer_ring = false; begin_close() }
		:: atomic { overflow -> overflow = false; begin_close() }
		:: ops > 0 && !held -> end_op()
		:: atomic { CAN_LOOK -> noted = req_tail; step = RING }
		:: atomic { CAN_RETIRE -> step = RETIRED; state = RETIRED; seen = 0; noted = 0 };
			atomic { closed = true; published = true }
		:: break
		od;
#ifndef LOOK_THEN_PUBLISH
#ifndef NO_FENCE
		!c_full;
#endif
		if
		:: published -> atomic { wake_thread(); published = false }
		:: !published
		fi
#else
		published = false
#endif
	:: quiet > 0 -> call()
	:: !CAN_WORK && !FENCE_OPEN ->
#ifndef NO_FLUSH
		if
		:: published -> !c_full; atomic { wake_thread(); published = false }
		:: !published
		fi;
#endif
#ifdef ASLEEP_PLAIN
		c_store(IN_ASLEEP, 1);
#else
		atomic { !c_full -> asleep = true };
#endif
#ifdef RINGS_FIRST
		ok = CORE_LAST_LOOK;
		ok = ok || posting != 0;
#else
#ifndef NO_BRACKET_LOOK
		ok = posting != 0;
#endif
		ok = ok || CORE_LAST_LOOK;
#endif
		do
		:: quiet > 0 ->
			call();
#ifndef NO_STIR
			!c_full;
			atomic { wake_core() }
#endif
		:: quiet == 0 -> break
		od;
end_asleep:
		if
		:: ok
		:: !ok && event_core
		:: !ok && TIMER
		fi;
		atomic { !c_full -> asleep = false; event_core = false; ok = false }
	od
}
