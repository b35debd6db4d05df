/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Play: cases as tables. The test is the peer of a whole host, frame by frame, on a virtual clock.
 *
 * Model:     a case is a name and its rows. A row puts a segment in, expects one out, lets time pass, makes a call,
 *            or looks at something. Nothing happens by itself: each IN, CALL and FIRE row lets the host poll until it
 *            has no more to do at this time, and what it sent waits for OUT rows. Whatever no row asked for
 *            (a segment, a completion) fails the case.
 * Numbers:   sequence numbers are relative to the initial one of the side they belong to, so the SYN is 0 and the first
 *            octet 1; so are timestamps (first one of each side is 0) and ports. Times are in us.
 * Unnamed:   OUT compares what is named. Always compared: addresses, ports, checksums, flags but PSH, octets of
 *            payload, and that no option stands where its RFC forbids it. IN fills in what is not named: the next
 *            sequence number, an acknowledgement of all that came, the last window, the timestamp.
 * Order:     each case has ports of its own, so that one host serves a program.
 */
#ifndef TESTS_SCRIPT_PLAY_H
#define TESTS_SCRIPT_PLAY_H

#include <errno.h>

#include "kit/vhost.h"

/* A row first says "not named" of every field, then names some. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define UNNAMED INT64_MIN

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,
	AE = 0x100,	/**< The last of the reserved bits. */
};

enum play_kind {
	PLAY_END,
	PLAY_IN,
	PLAY_OUT,
	PLAY_ICMP,
	PLAY_QUIET,
	PLAY_WAIT,
	PLAY_FIRE,
	PLAY_CALL,
	PLAY_DONE,
	PLAY_PENDING,
	PLAY_STATE,
	PLAY_COUNT,
	PLAY_MARK,
	PLAY_DROPS,
	PLAY_ISS,
	PLAY_FORGET,
	PLAY_LATER_ISS,
};

#define PLAY_BLOCKS 4

struct play_block {
	int64_t left;
	int64_t right;
};

/** A segment as a row names it, and as it is seen. */
struct play_seg {
	int64_t flags;
	int64_t seq;
	int64_t ack;
	int64_t len;
	int64_t wnd;		/**< As on the wire. */
	int64_t urg;
	int64_t mss;
	int64_t wscale;
	int64_t sack_ok;
	int64_t tsval;
	int64_t tsecr;
	int64_t psh;		/**< OUT: 0 or 1 must be so. */
	int64_t tos;
	int64_t df;		/**< OUT */
	int64_t ttl;
	int64_t ttl_max;	/**< OUT, unused in IN. */
	int64_t wnd_min;	/**< OUT: at least. */
	int64_t wnd_max;	/**< OUT: at most. */
	int64_t after;		/**< OUT: this long after the row before [us], by tol; not named: at once. */
	int64_t tol;		/**< [us]; a hundredth of after and 2 ms. */
	int64_t by;		/**< OUT: at any time up to here. */
	struct play_block sack[PLAY_BLOCKS];	/**< Of the receiver's numbers; {0, 0}: none. */
	int no_sack;		/**< OUT: no block. */
	int no_ts;		/**< IN: leave it out. OUT: must not be there. */
	int no_syn_opts;	/**< OUT: no MSS, no window scale, no timestamps, no SACK permitted. */
	int c;			/**< Which connection of the case, 0..3: the peer's port. */
	int times;		/**< So many, each `step` further in sequence. */
	int64_t step;
	int64_t ack_step;	/**< IN */
	int64_t ts_step;	/**< IN, for tsval */
	int64_t sack_step;	/**< IN, for all blocks */
	/* IN only: what makes a segment odd. */
	int burst;		/**< Is in the ring when the next row polls. */
	int fill;		/**< Payload of this octet. */
	int bad_checksum;
	int doff;		/**< Data offset as said, not as it is; -1: 0. */
	int cut;		/**< Octets of TCP that are really there. */
	int broadcast;		/**< 1: link layer, 2: IP, 3: multicast IP. */
	int land;		/**< From the host's own address and port. */
	int port_zero;		/**< 1: source, 2: destination. */
	int other_port;		/**< Destination port further by this. */
	uint32_t from;		/**< Another source address [host order]. */
	int reserved;		/**< The reserved bits. */
	int opts_len;		/**< With opts: these octets instead of all options. */
	const char *opts;
};

enum play_verb {
	PLAY_SOCKET,
	PLAY_LISTEN,
	PLAY_ACCEPT,
	PLAY_CONNECT,
	PLAY_SEND,
	PLAY_RECV,
	PLAY_SHUTDOWN,
	PLAY_CLOSE,
	PLAY_CANCEL,
	PLAY_SET,
	PLAY_GET,
};

/** The slot of a case's listener; 0 is the socket that accept or connect gives. */
#define LISTENER 3

struct play_call {
	enum play_verb verb;
	int op;			/**< 0..15 */
	int64_t arg;
	int64_t want;
	int s;			/**< Slot of the socket. */
	unsigned int flags;	/**< enum san_post_flag */
	int urg;		/**< DONE: 1, the completion speaks of urgent data, -1, it does not. */
};

struct play_icmp {
	int type;
	int code;
	int64_t seq;		/**< Of the segment it quotes. */
	int mtu;
	int len;		/**< Octets quoted; 0: 28. */
	int proto;		/**< 0: TCP. */
	int c;
	int other_port;		/**< Quoted peer port further by this. */
	int bad_checksum;
};

struct play_row {
	enum play_kind kind;
	struct play_seg seg;
	struct play_call call;
	struct play_icmp icmp;
	int64_t n;
	const char *name;
};

/** Which host a case runs on; each is made when first needed. */
enum play_host {
	PLAY_USUAL,
	PLAY_MTU_576,
	PLAY_SMALL,		/**< Few half-open connections, few records. */
	PLAY_HOSTS,
};

struct play_case {
	const char *name;
	const struct play_row *rows;
	enum play_host host;
};

#define SEG(...) { \
	.seq = UNNAMED, .ack = UNNAMED, .len = UNNAMED, .wnd = UNNAMED, .urg = UNNAMED, .mss = UNNAMED, \
	.wscale = UNNAMED, .sack_ok = UNNAMED, .tsval = UNNAMED, .tsecr = UNNAMED, .psh = UNNAMED, .tos = UNNAMED, \
	.df = UNNAMED, .ttl = UNNAMED, .wnd_min = UNNAMED, .wnd_max = UNNAMED, .after = UNNAMED, .tol = UNNAMED, \
	.by = UNNAMED, .flags = __VA_ARGS__ }

/** A segment of the peer: IN(flags, .field = value, ...). */
#define IN(...) { .kind = PLAY_IN, .seg = SEG(__VA_ARGS__) }
/** The next segment of the host. */
#define OUT(...) { .kind = PLAY_OUT, .seg = SEG(__VA_ARGS__) }
/** An ICMP error about a segment of the host: ICMP(type, code, .seq = ...). */
#define ICMP(type_, ...) { .kind = PLAY_ICMP, .icmp = { .type = (type_), .code = __VA_ARGS__ } }
/** The host sends nothing for so long. */
#define QUIET(us) { .kind = PLAY_QUIET, .n = (us) }
/** Time passes; what the host sends goes unseen. */
#define WAIT(us) { .kind = PLAY_WAIT, .n = (us) }
/** The frames of IN rows with .burst are polled now. */
#define FIRE() { .kind = PLAY_FIRE }
/** The operation has ended with this result. */
#define DONE(op_, ...) { .kind = PLAY_DONE, .call = { .op = (op_), .want = __VA_ARGS__ } }
/** The close of a slot's socket is reported. */
#define CLOSED(slot) { .kind = PLAY_DONE, .call = { .op = -1, .s = (slot) } }
/** The operation has not ended. */
#define PENDING(op_) { .kind = PLAY_PENDING, .call = { .op = (op_) } }
/** The state of a slot's socket: STATE(ESTABLISHED), STATE(LISTEN, .s = LISTENER). */
#define STATE(...) { .kind = PLAY_STATE, .call = { .want = SAN_TCP_##__VA_ARGS__ }, .name = #__VA_ARGS__ }
/** A counter has moved by n since the last MARK(). */
#define COUNT(counter, n_) { .kind = PLAY_COUNT, .name = #counter, .n = (n_) }
/** All counters of dropped packets together have moved by n: each packet counts in exactly one. */
#define DROPS(n_) { .kind = PLAY_DROPS, .n = (n_) }
#define MARK() { .kind = PLAY_MARK }
/** The peer's initial sequence number; before its first segment. */
#define ISS(value) { .kind = PLAY_ISS, .n = (value) }
/** The next SYN of each side begins a new connection on the same ports. */
#define FORGET() { .kind = PLAY_FORGET }

/** The host's initial sequence number is above the one before FORGET(). */
#define LATER_ISS() { .kind = PLAY_LATER_ISS }

#define CALL(...) { .kind = PLAY_CALL, .call = { .verb = __VA_ARGS__ } }
#define SOCKET(...) CALL(PLAY_SOCKET, .s = __VA_ARGS__)
#define LISTEN(backlog) CALL(PLAY_LISTEN, .arg = (backlog), .s = LISTENER)
/** Whom a connect is for, in .arg. */
enum play_peer {
	TO_PEER,
	TO_BROADCAST,
	TO_SUBNET_BROADCAST,
	TO_MULTICAST,
	TO_ANY,
	TO_PORT_ZERO,
	TO_NOBODY,	/**< No route. */
	TO_ITSELF,	/**< The host's own address and port. */
};
/** The accepted socket goes into slot 0, or into .s. With .arg: posted on slot arg - 1 instead of the listener's. */
#define ACCEPT(...) CALL(PLAY_ACCEPT, .op = __VA_ARGS__)
#define CONNECT(...) CALL(PLAY_CONNECT, .op = __VA_ARGS__)
/** SEND(op, octets, result of the call, .s = slot, .flags = ...); likewise the others. */
#define SEND(op_, len_, ...) CALL(PLAY_SEND, .op = (op_), .arg = (len_), .want = __VA_ARGS__)
#define RECV(op_, len_, ...) CALL(PLAY_RECV, .op = (op_), .arg = (len_), .want = __VA_ARGS__)
#define SHUTDOWN(op_, ...) CALL(PLAY_SHUTDOWN, .op = (op_), .want = __VA_ARGS__)
#define CLOSE(...) CALL(PLAY_CLOSE, .want = __VA_ARGS__)
#define CANCEL(op_, ...) CALL(PLAY_CANCEL, .op = (op_), .want = __VA_ARGS__)
#define SET(option, value, ...) CALL(PLAY_SET, .op = SAN_OPT_##option, .arg = (value), .want = __VA_ARGS__)
#define GET(option, ...) CALL(PLAY_GET, .op = SAN_OPT_##option, .want = __VA_ARGS__)

#define PLAY_ROWS(...) (const struct play_row[]){ __VA_ARGS__, { .kind = PLAY_END } }
#define CASE(name_, ...) { .name = #name_, .rows = PLAY_ROWS(__VA_ARGS__) }
#define CASE_ON(host_, name_, ...) { .name = #name_, .rows = PLAY_ROWS(__VA_ARGS__), .host = (host_) }

#define MS(n) ((int64_t)(n) * 1000)
#define S(n) ((int64_t)(n) * 1000000)

/* Beginnings of many cases. Each ends with MARK(). */

/** A listener has an accept posted (operation 0) and the peer's SYN, with these fields, finished its handshake. */
#define PASSIVE(...) \
	LISTEN(8), ACCEPT(0), IN(SYN, __VA_ARGS__), OUT(SYN | ACK, .seq = 0, .ack = 1), IN(ACK), DONE(0, 0), MARK()
/** The host opened (operation 0); the peer answers with these fields. */
#define ACTIVE(...) \
	CONNECT(0), OUT(SYN, .seq = 0), IN(SYN | ACK, .ack = 1, __VA_ARGS__), OUT(ACK, .seq = 1, .ack = 1), \
	DONE(0, 0), MARK()
/** No option but the MSS. */
#define PLAIN .mss = 1460
#define WITH_TS .mss = 1460, .tsval = 0
#define WITH_SACK .mss = 1460, .sack_ok = 1

/** What each program ends with. Arguments: parts of names of cases to run. */
struct play_args {
	const char *program;
	const struct play_case *cases;
	size_t nb_cases;
	int argc;
	char **argv;
};

int
play_main(const struct play_args *args);

#define PLAY_MAIN(program_, cases_) \
	int \
	main(int argc, char **argv) \
	{ \
		return play_main(&(struct play_args){ (program_), (cases_), RTE_DIM(cases_), argc, argv }); \
	}

#endif
