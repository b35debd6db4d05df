/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Checker: watches the wire and knows nothing of the implementation.
 *
 * Model:    of each connection it follows both ends from what they send and what they are given. What a host was
 *           given is known twice: as soon as it is in the host's ring ("put": it may know it by now), and when the
 *           host is settled (it must know it by now). What a host may do is judged by the first, what it must do or
 *           must not do any more by the second.
 * Reuse:    a tuple that is opened again while segments of its last connection may be on the way is not judged.
 * Files:    flow.c the table; sent.c judges what is sent; delivered.c follows what is given, and times; unsent.c knows
 *           what may be late, or missing.
 * Source:   RFC 9293, 5681, 5961, 6298, 6691, 7323, 2018, 2883, 3168, 7413.
 */
#ifndef TESTS_SIM_CHECKER_H
#define TESTS_SIM_CHECKER_H

#include "sim/packet.h"
#include "sim/world.h"

#define SIM_RECENT 16
#define SIM_ANSWERABLE 256
#define SIM_NEWEST 4	/* blocks that a receiver has to remember the order of: a SACK option has no more */

struct sim_range {
	uint32_t from;
	uint32_t to;
};

/** A segment that began behind the acknowledgement. */
struct sim_arrival {
	uint32_t seq;
	bool sure;	/**< There was no reason to drop it. */
};

/** SACKed octets of a stream: sorted, disjoint, not adjacent. */
#define SIM_KNOWN 64
struct sim_known {
	struct sim_range r[SIM_KNOWN];
	uint32_t nb;
	bool cut;	/**< There were more. */
};

/** What a sender was told of its losses, and makes of it (congestion.c). */
struct sim_loss {
	struct sim_known put;		/**< Above una_put, */
	struct sim_known sure;		/**< of it what it cannot but have taken, once it is settled; */
	struct sim_known settled;	/**< that, settled. */
	uint32_t first_tsval;		/**< Sent at first_us. */
	uint64_t first_us;
	uint64_t rtt_most_us;
	uint32_t nb_acks;		/**< Put, */
	uint32_t nb_acks_settled;	/**< and settled. */
	uint32_t delivered_settled;	/**< Octets acknowledged or SACKed when it was settled last. */
	uint32_t sure_settled;		/**< Those that x cannot have overlooked: an ACK may come too late to count. */
	uint32_t nb_out;		/**< Segments sent since nothing was in flight. */
	bool blind;			/**< Not judged until blind_end is acknowledged. */
	uint32_t blind_end;
	uint64_t hole_us;		/**< hole_seq is shown lost since; 0: nothing is. */
	uint32_t hole_seq;
	uint64_t limit_us;		/**< Until then it has to go again. */
	bool in_episode;		/**< Until recover is acknowledged. */
	uint32_t recover;
	uint32_t left;			/**< What it may leave of cwnd, of what was in flight at its begin. */
	uint32_t delivered;		/**< sure_settled and nb_acks_settled at its begin. */
	uint32_t acks;
	uint64_t sent;			/**< Octets sent in it. */
	uint32_t again_to;		/**< End of what was sent again last. */
	uint32_t new_len;		/* of the last segment with new octets */
	uint32_t longer_seq;		/* the last longer than the one before: maybe a probe of the path's MTU */
	uint32_t longer_len;
	uint32_t undo_tsval;		/**< Timestamp of the first that was sent again. */
	uint32_t undo_una;		/**< The episode is of the octets from here to undo_end; */
	uint32_t undo_end;
	uint32_t unproved;		/**< of them sent again, and not reported as received twice. */
	bool comes_down;		/**< The episode is over, which it may not know yet; */
	uint32_t acked_since;		/**< octets acknowledged since. */
	bool reduced;			/**< There was one (before the last too: reduced_before): */
	bool reduced_before;
	uint32_t bound;			/**< cwnd is no more than this, */
	uint32_t bound_before;		/**< and was no more than this before. */
	uint32_t most_out[2];		/**< In flight since most_us, and in as long a time before it at least; */
	uint32_t most_acked[2];		/**< octets that went with a single ACK, or with those that came with it. */
	uint64_t most_us;
};

struct sim_flow;

/** One end of a connection. */
struct sim_half {
	struct sim_flow *flow;
	struct sim_half *peer;
	struct sim_host *host;
	uint32_t ip;
	uint16_t port;

	/* What it has sent. */
	bool syn;
	bool asked;			/**< Its first SYN had no ACK. */
	bool fin;
	bool aborted;			/**< It has reset the connection, */
	bool dead;			/**< or was reset (settled). */
	bool reset_put;			/**< It was given a RST that it has to obey, */
	bool reset_maybe;		/**< or one that it may have to. */
	uint32_t iss;
	uint32_t snd_max;		/**< Behind the last number sent. */
	uint32_t fin_seq;
	uint8_t *bytes;			/**< The stream as sent. */
	uint32_t nb_bytes;
	uint32_t size;
	bool offers_ws;
	bool offers_sack;
	bool offers_ts;
	bool offers_ecn;
	bool ecn_unsure;		/**< One SYN asked for it, another did not. */
	bool dctcp;			/**< A SYN of it had ECT: its ECE speaks of single packets (RFC 8257 3.2). */
	uint16_t mss;			/**< That it announces. */
	uint8_t ws;
	bool has_acked;
	uint32_t ack_last;
	uint32_t edge_last;		/**< Right edge of the window it offers. */
	bool has_tsval;
	uint32_t tsval_last;
	uint32_t bare_ack;		/**< The last bare ACK sent, and its window; */
	uint16_t bare_wnd;
	bool bare;			/**< nothing else was sent since. */
	uint32_t nb_repeated;		/**< Bare ACKs that say nothing new. */
	uint32_t nb_rst;
	uint32_t nb_dsack;
	bool resent;			/**< Some of its data went again. */
	uint64_t unsent;		/**< What its host had dropped (struct sim_host) when it sent something last. */

	/* What it was given. */
	bool got_syn;
	bool got_fin;
	uint32_t rcv_nxt;		/**< Put. */
	uint32_t got_fin_seq;
	uint32_t una;			/**< Settled, */
	uint32_t una_put;
	uint32_t una_sure;		/**< Of una_put what it cannot but have taken, once it is settled. */
	uint32_t edge_put;		/**< How far it may send. */
	uint32_t syn_wnd;		/**< The window of the peer's SYN, */
	bool has_syn_text;		/**< which had text that may be taken (RFC 7413), */
	uint32_t syn_text_end;		/**< up to here; nobody owes anything for it. */
	uint64_t heard_put_us;		/**< Something that it has no reason to drop was put, */
	uint64_t heard_us;		/**< settled. */
	uint32_t nb_put;		/**< Segments, */
	uint32_t nb_put_rst;		/**< RSTs among them. */
	uint32_t nb_dup;		/**< Segments with octets that were there. */
	bool got_ce;
	bool got_ece;
	bool took_ce;			/**< A CE that it cannot but have taken, once it is settled: */
	bool owes_ece;			/**< then it owes the echo, until a CWR is put. */
	struct sim_range *ooo;
	uint32_t nb_ooo;
	uint32_t ooo_size;
	uint32_t *tsvals;		/**< Sorted. */
	uint32_t nb_tsvals;
	uint32_t tsvals_size;
	struct sim_arrival *recent;	/**< What may have come out of order, oldest first; */
	uint32_t nb_recent;
	uint32_t recent_size;
	uint32_t nb_known;		/**< it has processed that many of them at least; */
	bool recent_cut;		/**< what was older is not kept. */
	bool has_unsure;		/**< PAWS, an old ACK or want of room may have dropped text, */
	uint32_t unsure_end;		/**< up to here. */
	uint64_t given_up;		/**< sim_host_given_up() when it was settled last. */
	uint32_t answerable[SIM_ANSWERABLE]; /**< ACK fields that a RST may take its number from. */
	uint32_t nb_answerable;

	/* What it owes. */
	bool unsettled;
	struct sim_half *next_unsettled;
	uint32_t owed_bytes;		/**< In order and not answered by anything. */
	bool owes_hole;			/**< Something behind a hole was not answered. */
	uint32_t biggest;		/**< Payload that it was given. */
	uint64_t owed_since_us;		/**< 0: nothing. */

	struct sim_loss loss;

	/* Its timeouts. */
	uint32_t series_seq;
	uint32_t series_n;		/**< Times that series_seq was sent with nothing heard in between. */
	uint32_t series_put;
	uint64_t series_at_us;
	uint64_t series_gap_us;
};

struct sim_flow {
	struct sim_half half[2];
	struct sim_flow *next;
	bool reused;
	bool ignored;
	uint64_t last_us;		/**< Something was last sent. */
	uint32_t serial;
};

/* flow.c */

void
sim_checker_begin(void);

void
sim_checker_end(void);

/** The end at (ip, port) of the connection with peer; NULL. */
struct sim_half *
sim_half_find(uint32_t ip, uint16_t port, uint32_t peer_ip, uint16_t peer_port);

/** The same, made if it is not there. */
struct sim_half *
sim_half_get(struct sim_host *h, const struct sim_packet *p, bool sent);

/** Both ends begin anew. */
void
sim_flow_renew(struct sim_flow *f);

/** Its programs have ended: free what it has stored; it is not judged any more. */
void
sim_flow_retire(struct sim_half *x);

/** Octets of h's stream that are acknowledged as far as its host can know, the FIN not counted. */
uint32_t
sim_half_acked(const struct sim_half *x);

bool
sim_half_fin_acked(const struct sim_half *x);

/** Octets of the peer's stream that x was given in order, and how many more it has offered to take. */
uint32_t
sim_half_received(const struct sim_half *x);
uint32_t
sim_half_offered(const struct sim_half *x);

/** Has x's connection offered and agreed on it? */
bool
sim_half_has_ts(const struct sim_half *x);
bool
sim_half_has_ws(const struct sim_half *x);
bool
sim_half_has_sack(const struct sim_half *x);
bool
sim_half_has_ecn(const struct sim_half *x);

/* sent.c */

void
sim_checker_sent(struct sim_host *h, const struct sim_packet *p);

/* congestion.c */

/** A segment with text or FIN is sent; snd_max has not moved yet. @param[in] is_new It goes beyond it. */
void
sim_loss_sent(struct sim_half *x, const struct sim_packet *p, bool is_new);

/** An acknowledgement was put, una_put has moved. @param[in] sure There is no reason to drop it. */
void
sim_loss_acked(struct sim_half *x, const struct sim_packet *p, uint32_t una_before, bool sure);

/** The host has processed all that was put. */
void
sim_loss_settle(struct sim_half *x);

/** Something other than a loss may make x send again. */
void
sim_loss_blind(struct sim_half *x);

/* sack.c */

/** RFC 2883 4: is the first of the blocks, of which there is one, a D-SACK? */
bool
sim_is_dsack(const struct sim_packet *p);

void
sim_check_sack(struct sim_half *x, const struct sim_packet *p);

/** A segment with text was put. @param[in] sure There is no reason to drop it, if it is not in order. */
void
sim_sack_arrived(struct sim_half *x, const struct sim_packet *p, bool sure);

/** The host has processed all that was put. */
void
sim_sack_settle(struct sim_half *x);

void
sim_check_ecn(struct sim_half *x, const struct sim_packet *p, bool is_new);

/* unsent.c */

/** h sends an ARP packet. */
void
sim_unsent_asks(struct sim_host *h, const struct sim_packet *p);

/** One was put. */
void
sim_unsent_told(struct sim_host *h, const struct sim_packet *p);

/** The host has processed all that was put. */
void
sim_unsent_settle(struct sim_host *h);

/** Does what x sends wait for the address of its neighbour, or has it done so at or after since_us? */
bool
sim_half_seeks_peer(const struct sim_half *x, uint64_t since_us);

/** What it sends now may have waited, and be older than it looks. */
bool
sim_half_is_late(const struct sim_half *x);

/** Has it waited, or was its host under a fault: may what was due since be late? */
bool
sim_half_is_excused(const struct sim_half *x, uint64_t since_us);

/** Has the host dropped, as it says itself, what may have come between the last that x has sent and this? */
bool
sim_half_may_skip(const struct sim_half *x);

/* delivered.c */

void
sim_checker_delivered(struct sim_host *h, const struct sim_packet *p);

/** Host h has processed all it was given. */
void
sim_checker_settle(struct sim_host *h);

/** Time has moved on. */
void
sim_checker_tick(struct sim_world *w);

/**
 * Times that h, as it says itself, has dropped text for lack of room, or given up what it had taken out of order: a
 * SACK is advice (RFC 2018 8), so it holds less than it was given and need not answer as if it did.
 */
uint64_t
sim_host_given_up(const struct sim_host *h);

/** A new world: nobody owes anything. */
void
sim_checker_forget_owed(void);

/** Something was sent by x: it owes nothing. */
void
sim_half_answered(struct sim_half *x);

/**
 * A listener whose backlog is full, or whose host has no connection left for a cookie that comes back, drops the ACK of
 * its SYN-ACK, with the text that came in it, and sends the SYN-ACK again. So may one that has acknowledged no more
 * than a SYN, and sent nothing else itself; or it would reset it, and is past its limit of resets.
 */
bool
sim_half_may_lack_place(const struct sim_half *x);

#endif
