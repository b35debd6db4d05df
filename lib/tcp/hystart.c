/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/hystart.h"

#include "base/seq32.h"

/* RFC 9406 4.3 */
#define MIN_RTT_THRESH_US 4000u
#define MAX_RTT_THRESH_US 16000u
#define MIN_RTT_DIVISOR 8u
#define N_RTT_SAMPLE 8u
#define CSS_GROWTH_DIVISOR 4u
#define CSS_ROUNDS 5u
#define L 8u

void
sani_tcp_hystart_begin(struct sani_tcp_hystart *h, uint32_t snd_nxt)
{
	*h = (struct sani_tcp_hystart){
		.window_end = snd_nxt,
		.last_min_us = SANI_TCP_HYSTART_NONE,
		.min_us = SANI_TCP_HYSTART_NONE,
		.baseline_us = SANI_TCP_HYSTART_NONE,
	};
}

static bool
is_css(const struct sani_tcp_hystart *h)
{
	return h->baseline_us != SANI_TCP_HYSTART_NONE;
}

uint32_t
sani_tcp_hystart_growth(const struct sani_tcp_hystart *h, uint32_t acked, uint32_t mss)
{
	uint32_t n = acked < L * mss ? acked : L * mss;

	return is_css(h) ? n / CSS_GROWTH_DIVISOR : n;
}

static uint32_t
find_threshold(uint32_t last_min_us)
{
	uint32_t thresh = last_min_us / MIN_RTT_DIVISOR;

	if (thresh < MIN_RTT_THRESH_US)
		return MIN_RTT_THRESH_US;
	return thresh < MAX_RTT_THRESH_US ? thresh : MAX_RTT_THRESH_US;
}

static void
take_sample(struct sani_tcp_hystart *h, uint32_t rtt_us)
{
	if (rtt_us < h->min_us)
		h->min_us = rtt_us;
	if (h->nb_samples < N_RTT_SAMPLE)
		h->nb_samples++;
}

/* Into CSS when the delay has risen, out of it when it has fallen. */
static void
judge_delay(struct sani_tcp_hystart *h)
{
	if (h->nb_samples < N_RTT_SAMPLE)
		return;
	if (is_css(h)) {
		if (h->min_us < h->baseline_us)
			h->baseline_us = SANI_TCP_HYSTART_NONE;
		return;
	}
	if (h->last_min_us != SANI_TCP_HYSTART_NONE &&
	    h->min_us >= h->last_min_us + find_threshold(h->last_min_us)) {
		h->baseline_us = h->min_us;
		h->nb_css = 0;
	}
}

static void
begin_round(struct sani_tcp_hystart *h, uint32_t snd_nxt)
{
	h->window_end = snd_nxt;
	h->last_min_us = h->min_us;
	h->min_us = SANI_TCP_HYSTART_NONE;
	h->nb_samples = 0;
}

bool
sani_tcp_hystart_acked(struct sani_tcp_hystart *h, uint32_t snd_una, uint32_t snd_nxt, uint32_t rtt_us)
{
	if (rtt_us > 0) {
		take_sample(h, rtt_us);
		judge_delay(h);
	}
	if (seq_lt(snd_una, h->window_end))
		return false;
	/* the round in which CSS began counts too, however little of it was left */
	if (is_css(h) && ++h->nb_css == CSS_ROUNDS)
		return true;
	begin_round(h, snd_nxt);
	return false;
}
