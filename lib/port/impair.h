/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Impairment: one direction of a link that is slow, long, lossy or worse, from a seed.
 *
 * Model:    frames go in with the time, and come out when they are due. A frame passes, in this order: the
 *           link is up, it fits, it is not lost (independently, in bursts), it fits the queue of the
 *           bottleneck (drop tail; above mark_bytes it is marked CE if it is ECN capable), it takes its
 *           time on the bottleneck. Behind that it may be repeated; it and its repetition then travel each
 *           by itself: they may be corrupted, held up, and take the delay.
 *           Frames leave in the order of the times at which they are due, those of one time in the order
 *           in which they came, so only jitter and reorder change their order.
 * Queue:    a frame is in it until its last bit has left the bottleneck; one that finds it empty is always
 *           taken, however long. Times on the bottleneck are exact, and rounded up to a microsecond where
 *           a frame leaves.
 * Chance:   each kind of event has its own sequence of random numbers from the seed: the same frames are
 *           lost whatever the delay or the corruption is.
 * Lifetime: create, set at any time, destroy (frees what is on the way).
 * Threads:  one. No clock: the time is passed in, and never goes back.
 * Limits:   max_frames on the way; one more is dropped and counted. VLAN tags are not looked behind.
 */
#ifndef SANI_PORT_IMPAIR_H
#define SANI_PORT_IMPAIR_H

#include <rte_mbuf.h>

#include "base/base.h"

/** What the link does; all zero: nothing. Chances are in parts of a million. */
struct sani_impair_conf {
	uint64_t rate_bps;	/**< Of the bottleneck, frames as they are [bit/s]; 0: no limit. */
	uint32_t queue_bytes;	/**< Of the bottleneck [bytes]; 0: only max_frames bounds it. */
	uint32_t mark_bytes;	/**< A frame that finds more in the queue is marked CE; 0: never. */
	uint32_t delay_us;	/**< One way. */
	uint32_t jitter_us;	/**< Added at random, 0..jitter_us, for each frame by itself. */
	uint32_t mtu;		/**< Longer IP packets are dropped (frame less 14 octets); 0: any. */
	uint32_t loss_ppm;	/**< Independent loss. */
	uint32_t burst_begin_ppm; /**< Chance for each frame that a burst begins (Gilbert, Elliott). */
	uint32_t burst_end_ppm;	/**< Chance for each frame in a burst that it is the last; 0: 1000000. */
	uint32_t burst_loss_ppm; /**< Loss inside a burst; 0: 1000000. */
	uint32_t dup_ppm;	/**< Sent twice. */
	uint32_t reorder_ppm;	/**< Held up by reorder_us. */
	uint32_t reorder_us;
	uint32_t corrupt_ppm;	/**< One random bit behind the link-layer header is turned. */
	bool down;		/**< Nothing passes; what is on the way still arrives. */
};

/**
 * What happened to frames so far. in + duplicated = out + lost + queue_full + too_long + down and what is
 * on the way.
 */
struct sani_impair_stats {
	uint64_t in;
	uint64_t out;		/**< Repetitions included. */
	uint64_t lost;		/**< By chance, alone or in a burst. */
	uint64_t queue_full;	/**< The bottleneck's queue or the bound on frames. */
	uint64_t too_long;
	uint64_t down;
	uint64_t duplicated;
	uint64_t reordered;	/**< Held up. */
	uint64_t corrupted;
	uint64_t marked;
	uint64_t no_memory;	/**< A copy that was needed could not be made: not repeated, or as it was. */
};

struct sani_impair;

/**
 * @param[in] max_frames  1 or more.
 * @param[in] pool        A frame that is repeated, and one that is shared and has to be corrupted or
 *                        marked, is copied into its buffers. Outlives the link.
 * @return NULL: no memory.
 */
struct sani_impair *
sani_impair_create(const struct sani_impair_conf *conf, uint64_t seed, uint32_t max_frames,
		   struct rte_mempool *pool);

/** NULL: nothing. */
void
sani_impair_destroy(struct sani_impair *imp);

/**
 * What it does from now on; frames that are on the way keep their times. So a frame may overtake others
 * when the delay gets shorter, but not on the bottleneck.
 */
void
sani_impair_set(struct sani_impair *imp, const struct sani_impair_conf *conf);

/** A frame (an Ethernet frame, one or several segments) goes in. Consumed in every case. */
void
sani_impair_put(struct sani_impair *imp, struct rte_mbuf *m, uint64_t now_us);

/** Take at most max frames that are due. @return How many; they are the caller's. */
unsigned int
sani_impair_take(struct sani_impair *imp, uint64_t now_us, struct rte_mbuf **m, unsigned int max);

/** When the next frame is due [us]; SANI_NEVER: nothing is on the way. */
uint64_t
sani_impair_next(const struct sani_impair *imp);

void
sani_impair_stats(const struct sani_impair *imp, struct sani_impair_stats *stats);

#endif
