/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Link: two engine blocks and a wire between them that loses, repeats and reorders, from a seed. After each
 * step both are checked: the map of the flight, the timers, the windows.
 *
 * The ends call the engine as its interface says and no more often: output after EV_OUTPUT, write again
 * after EV_ACKED or EV_CONNECTED, read after EV_READABLE, timers at the deadline. So an event that the
 * engine forgets shows as a transfer that never ends.
 */
#ifndef TESTS_UNIT_TCP_LINK_H
#define TESTS_UNIT_TCP_LINK_H

#include "bed.h"

#define LINK_PACKETS 4096
#define LINK_BEGIN_US (5000 * SEC)

/** What the wire does and what the ends want; percentages. */
struct link_plan {
	uint64_t seed;
	unsigned int loss;
	unsigned int dup;
	unsigned int reorder;
	unsigned int no_ts;	/* the wire takes the timestamp option out of SYNs */
	unsigned int no_wscale;
	unsigned int no_sack;
	unsigned int chain;	/* payload arrives in pieces */
	unsigned int clone;	/* or in an mbuf that somebody else refers to */
	unsigned int starve;	/* chance for each step that the pool is empty for a while */
	unsigned int loss_1000;	/* chance in 1000, beside loss, for segments with payload */
	unsigned int ack_loss;	/* of segments without payload */
	unsigned int burst;	/* chance in 1000 for each segment that all is lost for up to 100 ms */
	unsigned int renege;	/* chance in 1000 for each segment that its receiver drops what it has SACKed */
	unsigned int shrink;	/* chance in 1000 for each segment that a router says that it is too big */
	uint32_t rate;		/* the wire carries so much [bytes/ms] each way; 0: no limit */
	uint32_t queue;		/* and so much waits before it [bytes]; what is more is lost */
	uint32_t mark;		/* what finds more waiting is marked, if it may be [bytes]; 0: never */
	uint64_t settle_us;	/* what waits is not looked at before */
	enum san_cc cc[2];
	uint32_t pacing;	/* of end 0 */
	bool wheel;		/* timers fire in ticks of the wheel */
	enum san_ecn ecn;
	uint32_t delay_us;
	uint32_t bytes[2];	/* to write, by each end */
	uint32_t sndbuf[2];
	uint32_t rcvbuf[2];
	uint16_t mtu[2];
	uint32_t iss[2];
	uint32_t read_max;	/* most bytes of one read */
	uint32_t pause_us;	/* readers rest as long as this now and then */
	bool simultaneous;	/* both open actively */
	bool nagle;
	bool cut;		/* the ports cut packets */
};

struct link_end {
	struct sani_tcp_conn c;
	struct sani_tcp_params p;
	struct sani_counters ctr;
	bool open;
	bool output;		/* sani_tcp_output() is to be called */
	bool may_write;
	bool may_read;
	uint64_t rest_until;	/* the reader's */
	uint64_t wrote;
	uint64_t read;
	uint32_t to_write;
	bool shut;
	uint32_t ev;		/* all events ever */
	uint32_t edge;		/* right edge of the window that it has shown, as the other end sees it */
	bool has_edge;
	uint32_t sent_end;	/* behind what was sent ever */
	uint64_t resent;	/* payload sent again, */
	uint64_t lost;		/* and payload that the wire has lost [bytes] */
	uint64_t burst_until;	/* all that it sends is lost */
	uint64_t wire_free;	/* when the wire has carried all that was sent */
	uint64_t queue_sum;	/* what its text found waiting [bytes], */
	uint64_t queue_nb;	/* and how often that was looked at, */
	uint32_t queue_most;
	uint64_t busy_us;	/* how long the wire was busy with it, */
	uint64_t text;		/* how much it was [bytes] */
	uint64_t level;		/* of a bucket that it fills and that runs out at the rate of plan.pacing [byte us] */
	uint64_t level_most;
	uint64_t empty_most_us;	/* how long that was empty at most, before the end of the stream */
	uint64_t seen_at[2];	/* the first and the last of it */
};

struct link_packet {
	uint64_t at_us;
	uint64_t order;		/* who was put first comes first */
	uint8_t to;
	struct sani_tcp_seg seg;
	struct rte_mbuf *m;
};

struct link {
	struct link_plan plan;
	struct sani_tcp_cut cut;
	struct link_end end[2];
	struct link_packet pkt[LINK_PACKETS];
	unsigned int nb_pkt;
	uint64_t rng;
	uint64_t now;
	uint64_t starved_until;
	struct rte_mbuf *held[8192];
	unsigned int nb_held;
	uint64_t steps;
	uint64_t nb_put;
	uint64_t arrived_at;	/* when end 1 has read all */
	uint64_t cut_at;	/* from here on the wire carries nothing; SANI_NEVER */
};

void
link_init(struct link *l, const struct link_plan *plan);
/** Run until both ends have read all and are closed, or end_us. @return Both are done. */
bool
link_run(struct link *l, uint64_t end_us);
/** Give back everything. */
void
link_fini(struct link *l);

#endif
