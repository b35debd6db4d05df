/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/farewell.h"

#include <errno.h>

#define FIN_WAIT_2_US 60000000ull

static struct sock *closing;

static bool
is_over(struct san_overlapped *op)
{
	return san_op_status(op) != -EINPROGRESS;
}

/* Send the FIN if the program has not, and wait for what the peer sends. False: there is no connection. */
static bool
say(struct sock *s)
{
	if (!s->shut_wr && san_shutdown(s->handle, &s->shutting, SAN_POLLED) != 0)
		return false;
	s->shut_wr = true;
	s->moving = (struct san_overlapped){ 0 };
	return san_recv(s->handle, &s->moving, &s->last, 1, SAN_POLLED) == 0;
}

void
farewell_begin(struct sock *s)
{
	bool at_once = s->lingers && s->linger_s == 0;

	if (s->phase != SOCK_CONNECTED || at_once || sock_readable(s, 1) > 0 || !say(s)) {
		sock_drop(s);
		return;
	}
	s->next = closing;
	closing = s;
}

static bool
has_ended(struct sock *s)
{
	if (is_over(&s->moving) && san_op_status(&s->moving) != 0)
		return true;
	if (!is_over(&s->shutting))
		return false;
	if (s->fin_acked_us == 0)
		s->fin_acked_us = vhost_now_us;
	return san_op_status(&s->shutting) < 0 || is_over(&s->moving) ||
	       vhost_now_us >= s->fin_acked_us + FIN_WAIT_2_US;
}

unsigned int
farewell_round(void)
{
	struct sock **at = &closing;
	unsigned int n = 0;

	while (*at != NULL) {
		struct sock *s = *at;

		if (!has_ended(s)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		sock_drop(s);
		n++;
	}
	return n;
}

uint64_t
farewell_deadline(void)
{
	uint64_t first = SANI_NEVER;

	for (struct sock *s = closing; s != NULL; s = s->next)
		if (s->fin_acked_us != 0)
			first = RTE_MIN(first, s->fin_acked_us + FIN_WAIT_2_US);
	return first;
}
