/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Flight: what is sent and not acknowledged, as runs of sequence space; the scoreboard of RFC 6675 and
 * the segment times of RFC 8985 in one.
 *
 * Model:   the runs lie side by side and cover [snd_una, snd_nxt) without a hole. All of a run was sent
 *          at the same time and has fared alike:
 *
 *            snd_una                                             snd_nxt
 *               |  t1 LOST  | t1 SACKED |  t2   |   t3 SACKED   |  t4  |
 *
 *          A burst of many segments is one run, so the table is small: it begins in the block, and moves
 *          into the data room of a buffer while more runs are needed.
 * Bounds:  in a table that is more than half full, bursts within a 64th of the round trip share a time,
 *          if nothing was sent again between them: RACK (rack.c) asks which of two was sent first.
 *          When it is full, or the pool empty (NULL: runs low), information is given up, never a connection: new data
 *          joins the run before it (with the later time), a SACK block that would cut a run is ignored.
 *          That makes retransmissions later or needless, no more. So memory and the work for an ACK are
 *          bounded, whatever the peer acknowledges.
 * Times:   28 bits of microseconds; no two that are compared lie 134 s apart, for each retransmission timeout, of
 *          which the next comes within 60 s, takes what is older than 60 s to be that old.
 */
#ifndef SANI_TCP_FLIGHT_H
#define SANI_TCP_FLIGHT_H

#include <rte_mbuf.h>

#include "base/base.h"

enum sani_tcp_run_flag {
	SANI_TCP_RUN_SACKED = 1 << 0,	/**< The peer says that it has it. */
	SANI_TCP_RUN_LOST = 1 << 1,	/**< To be sent again; not in the network. */
	SANI_TCP_RUN_RESENT = 1 << 2,	/**< Was sent more than once; the time is the last one's. */
	SANI_TCP_RUN_CLOSED = 1 << 3,	/**< Something was sent again after it: what follows gets a time of its own. */
};

struct sani_tcp_run {
	uint32_t seq;		/**< Ends where the next one begins, the last at snd_nxt. */
	uint32_t word;		/**< Time [us] << 4 | enum sani_tcp_run_flag. */
};

#define SANI_TCP_RUN_FLAGS 0xfu
#define SANI_TCP_RUNS_FEW 3

struct sani_tcp_flight {
	uint16_t first;
	uint16_t nb;
	uint32_t sacked;	/**< In runs marked so [bytes]. */
	uint32_t lost;
	uint32_t before;	/**< SND.NXT - SND.UNA, nothing SACKed, before what came at acked_us. */
	struct rte_mbuf *table;	/**< Its data room holds the runs; NULL: few does. */
	struct sani_tcp_run few[SANI_TCP_RUNS_FEW];
};

struct sani_tcp_rx;

/** What an acknowledgement has delivered (RFC 9937's DeliveredData, RFC 8985 6.2 steps 1 to 3). */
struct sani_tcp_delivery {
	const struct sani_tcp_rx *rx;	/**< The segment that says so. */
	uint32_t acked;		/**< snd_una moved by so much. */
	uint32_t bytes;		/**< Acknowledged or SACKed for the first time. */
	uint32_t newest_us;	/**< Time of the run sent last of those that tell it (RFC 8985 6.2 step 2), */
	uint32_t newest_end;	/**< and its end. */
	uint32_t sample_us;	/**< Time of the newest of them that was sent once. */
	uint32_t rtt_us;	/**< Round-trip time that it shows; 0: none. */
	uint32_t prior_fack;
	uint32_t dsacked;	/**< The peer has received so much twice [bytes]. */
	bool has_newest;	/**< newest_us and newest_end are valid. */
	bool reordered;		/**< Something sent once arrived after what was sent later. */
	bool has_sample;	/**< sample_us is valid. */
	bool resent;		/**< Among them was something sent more than once. */
	bool sacked;		/**< A SACK block said something new. */
	bool lost;		/**< It shows that more is lost. */
	bool dup;		/**< A duplicate acknowledgement (RFC 5681 2). */
};

struct sani_tcp_conn;

static inline struct sani_tcp_run *
sani_tcp_flight_base(struct sani_tcp_flight *f)
{
	return f->table != NULL ? (struct sani_tcp_run *)f->table->buf_addr : f->few;
}

static inline uint32_t
sani_tcp_run_time(const struct sani_tcp_run *r)
{
	return r->word >> 4;
}

static inline uint32_t
sani_tcp_run_word(uint64_t now_us, uint32_t flags)
{
	return (uint32_t)now_us << 4 | flags;
}

/** Nothing is in flight: what begins at seq goes out now. */
static inline void
sani_tcp_flight_begin(struct sani_tcp_flight *f, uint32_t seq, uint64_t now_us)
{
	f->few[0] = (struct sani_tcp_run){ .seq = seq, .word = sani_tcp_run_word(now_us, 0) };
	f->nb = 1;
}

/** a - b of two run times [us]. */
static inline int32_t
sani_tcp_time_diff(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 4) >> 4;
}

/** RACK_sent_after() of RFC 8985 6.2. */
static inline bool
sani_tcp_sent_after(uint32_t time1, uint32_t end1, uint32_t time2, uint32_t end2)
{
	int32_t d = sani_tcp_time_diff(time1, time2);

	return d > 0 || (d == 0 && (int32_t)(end1 - end2) > 0);
}

/** [seq, end) goes out now, for the first time or again. snd_nxt has not moved yet. */
void
sani_tcp_flight_sent(struct sani_tcp_conn *c, uint32_t seq, uint32_t end, uint64_t now_us,
		     struct rte_mempool *pool);

/** All below una is acknowledged; snd_una has not moved yet. */
void
sani_tcp_flight_acked(struct sani_tcp_conn *c, uint32_t una, struct sani_tcp_delivery *d);

/** [left, right) is SACKed. */
void
sani_tcp_flight_sacked(struct sani_tcp_conn *c, uint32_t left, uint32_t right,
		       struct sani_tcp_delivery *d, struct rte_mempool *pool);

/** Run i is lost. */
void
sani_tcp_flight_lose(struct sani_tcp_conn *c, uint32_t i);

/** The first bytes in flight are lost: at most len of them. */
void
sani_tcp_flight_lose_head(struct sani_tcp_conn *c, uint32_t len, struct rte_mempool *pool);

/** Everything that is not SACKed is lost; forget: nor are SACKs believed any more (RFC 2018 8). */
void
sani_tcp_flight_lose_all(struct sani_tcp_conn *c, bool forget);

/** Nothing is lost after all. */
void
sani_tcp_flight_unlose(struct sani_tcp_conn *c);

/** A timeout: what was sent, or delivered, longer ago than the greatest RTO is taken to be that old. */
void
sani_tcp_flight_limit_age(struct sani_tcp_conn *c, uint64_t now_us);

/** First run to be sent again. @return False: there is none. */
bool
sani_tcp_flight_first_lost(struct sani_tcp_conn *c, uint32_t *seq, uint32_t *end);

void
sani_tcp_flight_free(struct sani_tcp_conn *c);

#endif
