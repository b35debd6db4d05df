/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * HyStart++: leave the first slow start when the delay rises, before the queue overflows (RFC 9406).
 *
 * Model:  a round is the time until all that was out at its begin is acknowledged. When its least
 *         round-trip time lies clearly above the last round's, the window grows at a quarter of the pace
 *         (conservative slow start, CSS) for up to five rounds; if the delay falls again meanwhile, it was
 *         noise and slow start goes on. Only in the first slow start, while ssthresh has its initial value.
 *         The functions take values; who calls them writes cwnd and ssthresh.
 * Pacing: there is none, hence the limit L of 8 segments an ACK.
 */
#ifndef SANI_TCP_HYSTART_H
#define SANI_TCP_HYSTART_H

#include <stdbool.h>
#include <stdint.h>

#define SANI_TCP_HYSTART_NONE UINT32_MAX	/* the infinity of RFC 9406 */

struct sani_tcp_hystart {
	uint32_t window_end;	/**< The round is over when this is acknowledged. */
	uint32_t last_min_us;	/**< lastRoundMinRTT */
	uint32_t min_us;	/**< currentRoundMinRTT */
	uint32_t baseline_us;	/**< cssBaselineMinRtt; none: slow start, else CSS. */
	uint8_t nb_samples;	/**< rttSampleCount, up to what is asked for. */
	uint8_t nb_css;		/**< CSS rounds that are over. */
};

/** Slow start begins, or begins anew after idle time. */
void
sani_tcp_hystart_begin(struct sani_tcp_hystart *h, uint32_t snd_nxt);

/** By how much an ACK of acked bytes lets cwnd grow [bytes]; asked before the ACK is taken in. */
uint32_t
sani_tcp_hystart_growth(const struct sani_tcp_hystart *h, uint32_t acked, uint32_t mss);

/**
 * An ACK of new data arrives.
 * @param[in] rtt_us  Its round-trip sample; 0: it gave none.
 * @return True: five rounds of CSS are over, avoidance begins: ssthresh is to become cwnd.
 */
bool
sani_tcp_hystart_acked(struct sani_tcp_hystart *h, uint32_t snd_una, uint32_t snd_nxt, uint32_t rtt_us);

#endif
