/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/priv.h"

/* RFC 5961 7: so many a second; the count is the connection's own, so nobody else can read it. */
#define CHALLENGES_PER_SECOND 10

void
sani_tcp_challenge(struct sani_tcp_conn *c, struct sani_tcp_io *io)
{
	uint32_t now_ms = (uint32_t)(io->now_us / 1000);

	if (now_ms - c->challenge_ms >= 1000) {
		c->challenge_ms = now_ms;
		c->nb_challenges = 0;
	}
	if (c->nb_challenges == CHALLENGES_PER_SECOND)
		return;
	c->nb_challenges++;
	c->flags |= SANI_TCP_F_ACK_NOW;
	sani_count(io->ctr, SANI_CTR_tcp_tx_challenge);
}

/* RFC 5961 5.2; what is older than that may be an injection. */
static bool
is_acceptable(const struct sani_tcp_conn *c, uint32_t ack)
{
	return seq_geq(ack, c->snd_una - c->max_snd_wnd) && seq_leq(ack, c->snd_nxt);
}

/* RFC 5681 2; answers to window probes look the same and are none: their window is zero. */
static bool
is_duplicate(const struct sani_tcp_rx *rx)
{
	const struct sani_tcp_conn *c = rx->c;

	return rx->seg->ack == c->snd_una && c->snd_nxt != c->snd_una && rx->seg->len == 0 &&
	       !(rx->seg->flags & (SANI_TCP_SYN | SANI_TCP_FIN)) && c->snd_wnd > 0 &&
	       (uint32_t)rx->seg->wnd << c->snd_wscale == c->snd_wnd;
}

/*
 * RFC 6298 5.3; RFC 6582: of the partial ACKs only the first restarts the timer. The probe timer begins
 * anew too (RFC 8985 7.2), at once, for there may be nothing to send.
 */
void
sani_tcp_restart_timers(struct sani_tcp_conn *c, uint64_t now_us)
{
	bool newreno = c->ca == SANI_TCP_CA_RECOVERY && !(c->flags & SANI_TCP_F_SACK);

	sani_tcp_arm(c, SANI_TCP_T_USER, now_us + sani_tcp_user_timeout_us(c));
	if (!newreno || !(c->flags & SANI_TCP_F_PARTIAL))
		sani_tcp_arm(c, SANI_TCP_T_REXMIT, now_us + sani_tcp_rto(c, c->backoff));
	if (newreno)
		c->flags |= SANI_TCP_F_PARTIAL;
	c->flags |= SANI_TCP_F_PTO_DUE;
	sani_tcp_tlp_schedule(c, now_us);
}

static void
take_new_ack(struct sani_tcp_rx *rx, struct sani_tcp_delivery *d)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t ack = rx->seg->ack;
	uint32_t end = sani_tcp_data_end(c);
	uint32_t first = c->iss + 1 + (uint32_t)c->acked;

	/* what was SACKed before counts as delivered already, and not once more when it is acknowledged (prr.c) */
	if (c->flight.sacked == 0)
		sani_tcp_note_flight(c, rx->io->now_us);
	d->acked = ack - c->snd_una;
	sani_tcp_flight_acked(c, ack, d);
	sani_tcp_sndq_release(c, (seq_lt(ack, end) ? ack : end) - first);
	c->snd_una = ack;
	if (c->snd_una == c->snd_nxt)
		c->flags &= ~(uint32_t)SANI_TCP_F_PROBED;
	c->soft_error = 0;
	rx->ev |= SANI_TCP_EV_ACKED;
	if (sani_tcp_fin_acked(c))
		rx->ev |= SANI_TCP_EV_FIN_ACKED;
}

/* What the segment says of our flight, and what follows from it. */
static void
take_delivery(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	struct sani_tcp_delivery d = {
		.rx = rx,
		.dup = is_duplicate(rx),
		.prior_fack = c->rack_fack,
	};

	if (seq_gt(rx->seg->ack, c->snd_una))
		take_new_ack(rx, &d);
	if (sani_unlikely(rx->seg->opts & SANI_TCP_OPT_SACK))
		sani_tcp_sack_input(rx, &d);
	sani_tcp_rtt_acked(c, rx->seg, &d, rx->io->now_us);
	sani_tcp_recovery_ack(rx, &d);
	if (d.acked == 0)
		return;
	if (c->snd_una == c->snd_nxt)
		sani_tcp_rest(c);	/* RFC 6298 5.2 */
	else
		sani_tcp_restart_timers(c, rx->io->now_us);
}

/*
 * While the window is shut the peer decides how long that lasts (MUST-37, SHLD-17): each ACK ends the wait for
 * an answer, and the next probe begins another. When the window opens, what is outstanding is waited for anew.
 */
static void
follow_window(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	bool shut = c->snd_wnd == 0 || (c->flags & SANI_TCP_F_PROBED);

	sani_tcp_update_snd_wnd(c, rx->seg, rx->seq);
	if (sani_unlikely(c->snd_wnd == 0))
		sani_tcp_disarm(c, SANI_TCP_T_USER);
	else if (sani_unlikely(shut) && c->snd_una != c->snd_nxt)
		sani_tcp_arm(c, SANI_TCP_T_USER, rx->io->now_us + sani_tcp_user_timeout_us(c));
	if ((c->flags & SANI_TCP_F_PROBED) && c->snd_wnd > 0)
		sani_tcp_recovery_resend(c);
}

/* Our FIN is acknowledged: what that does to the state, LAST_ACK excepted. */
static void
advance_state(const struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;

	if (!sani_tcp_fin_acked(c))
		return;
	if (c->state == SAN_TCP_FIN_WAIT_1)
		sani_tcp_set_state(c, SAN_TCP_FIN_WAIT_2);
	else if (c->state == SAN_TCP_CLOSING)
		sani_tcp_enter_time_wait(c, rx->io->now_us);
}

bool
sani_tcp_process_ack(struct sani_tcp_rx *rx)
{
	struct sani_tcp_conn *c = rx->c;
	uint32_t ack = rx->seg->ack;

	if (!(rx->flags & SANI_TCP_ACK)) {
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_state);
		return false;
	}
	if (c->state == SAN_TCP_SYN_RECEIVED && !sani_tcp_process_ack_syn_received(rx))
		return false;
	if (!is_acceptable(c, ack)) {
		sani_tcp_challenge(c, rx->io);
		sani_count(rx->io->ctr, SANI_CTR_tcp_rx_drop_ack);
		return false;
	}
	if (c->state == SAN_TCP_LAST_ACK && ack == c->snd_nxt) {
		rx->ev |= sani_tcp_end(c);
		return false;
	}
	if (c->snd_una != c->snd_nxt || (rx->seg->opts & SANI_TCP_OPT_SACK) ||
	    (c->flags & SANI_TCP_F_TLP_OUT))
		take_delivery(rx);
	if (seq_geq(ack, c->snd_una))
		follow_window(rx);
	advance_state(rx);
	return true;
}
