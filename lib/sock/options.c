/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

#define BUF_MIN 4096u
#define BUF_MAX (64u << 20)
#define USER_TIMEOUT_MAX_MS (7u * 24 * 3600 * 1000)

static int
set_in_range(uint32_t *to, uint32_t value, uint32_t min, uint32_t max)
{
	if (value < min || value > max)
		return -EINVAL;
	*to = value;
	return 0;
}

int
sani_option_set(struct sani_sock *so, enum san_option option, uint32_t value)
{
	/* A connection takes its options when it is opened. */
	bool fresh = so->phase == SANI_SOCK_NEW;

	switch (option) {
	case SAN_OPT_SNDBUF:
		return fresh ? set_in_range(&so->opt.sndbuf, value, BUF_MIN, BUF_MAX) : -EINVAL;
	case SAN_OPT_RCVBUF:
		return fresh ? set_in_range(&so->opt.rcvbuf, value, BUF_MIN, BUF_MAX) : -EINVAL;
	case SAN_OPT_USER_TIMEOUT:
		return fresh ? set_in_range(&so->opt.user_timeout_ms, value, 0,
					    USER_TIMEOUT_MAX_MS) : -EINVAL;
	case SAN_OPT_NODELAY:
		if (!fresh || value > 1)
			return -EINVAL;
		so->opt.nodelay = value != 0;
		return 0;
	case SAN_OPT_STATE:
	case SAN_OPT_PENDING:
		break;
	}
	return -ENOPROTOOPT;
}

static uint32_t
state(const struct san_core *k, const struct sani_sock *so)
{
	if (so->phase == SANI_SOCK_LISTENING)
		return SAN_TCP_LISTEN;
	if (so->conn == SANI_NONE)
		return SAN_TCP_CLOSED;
	return (uint32_t)sani_tcp_state(sani_sock_conn(k, so));
}

int
sani_option_get(const struct san_core *k, const struct sani_sock *so, enum san_option option,
		uint32_t *value)
{
	switch (option) {
	case SAN_OPT_SNDBUF:
		*value = so->opt.sndbuf;
		return 0;
	case SAN_OPT_RCVBUF:
		*value = so->opt.rcvbuf;
		return 0;
	case SAN_OPT_USER_TIMEOUT:
		*value = so->opt.user_timeout_ms;
		return 0;
	case SAN_OPT_NODELAY:
		*value = so->opt.nodelay;
		return 0;
	case SAN_OPT_STATE:
		*value = state(k, so);
		return 0;
	case SAN_OPT_PENDING:
		*value = so->nb_ops;
		return 0;
	}
	return -ENOPROTOOPT;
}
