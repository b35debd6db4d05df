/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

#define BUF_MIN 4096u
#define BUF_MAX (64u << 20)
#define TOS_ECN 3u	/* RFC 3168 5 */
#define KEEP_MIN_MS 1000u
#define KEEP_COUNT_MAX 127u
#define PACING_MIN 1000u	/* a burst is over in 20 s then, however large a segment is */
#define TIMEOUT_MAX_MS (7u * 24 * 3600 * 1000)

static int
set_in_range(uint32_t *to, uint32_t value, uint32_t min, uint32_t max)
{
	if (value < min || value > max)
		return -EINVAL;
	*to = value;
	return 0;
}

/* [open]: the handshake tells the peer. */
static int
set_before_open(struct sani_sock *so, uint32_t *to, uint32_t value)
{
	return so->phase == SANI_SOCK_NEW ? set_in_range(to, value, value > 0 ? BUF_MIN : 0, BUF_MAX) : -EINVAL;
}

/* Of a connection in being too: what waits for room may find it. */
static int
set_sndbuf(struct san_core *k, struct sani_sock *so, uint32_t value)
{
	int rc;

	if (so->phase == SANI_SOCK_NEW)
		return set_before_open(so, &sani_sock_tune(k, so)->sndbuf, value);
	if (so->phase == SANI_SOCK_LISTENING)
		return -EINVAL;
	rc = set_in_range(&sani_sock_tune(k, so)->sndbuf, value, BUF_MIN, BUF_MAX);
	if (rc < 0 || so->conn == SANI_NONE)
		return rc;
	sani_tcp_set_option(sani_sock_conn(k, so), SAN_OPT_SNDBUF, value, k->core->now_us);
	sani_send_pump(k, so);
	return 0;
}

static int
set_flag(bool *to, uint32_t value)
{
	if (value > 1)
		return -EINVAL;
	*to = value != 0;
	return 0;
}

static int
set_octet(uint8_t *to, uint32_t value, uint32_t min, uint32_t max)
{
	if (value < min || value > max)
		return -EINVAL;
	*to = (uint8_t)value;
	return 0;
}

static int
set_kind(const struct sani_sock *so, uint8_t *to, uint32_t value, uint32_t last)
{
	return so->phase == SANI_SOCK_NEW ? set_octet(to, value, 0, last) : -EINVAL;
}

static int
set_fast(struct san_core *k, struct sani_sock *so, uint32_t value)
{
	if (so->phase != SANI_SOCK_NEW || value > UINT16_MAX)
		return -EINVAL;
	sani_sock_tune(k, so)->tune.fast = (uint16_t)value;
	return 0;
}

/* [any]: into what the next connection is opened with. */
static int
set_any_time(struct sani_sock_options *opt, enum san_option option, uint32_t value)
{
	switch (option) {
	case SAN_OPT_USER_TIMEOUT:
		return set_in_range(&opt->user_timeout_ms, value, 0, TIMEOUT_MAX_MS);
	case SAN_OPT_NODELAY:
		return set_flag(&opt->nodelay, value);
	case SAN_OPT_TOS:
		return value & TOS_ECN ? -EINVAL : set_octet(&opt->tune.tos, value, 0, UINT8_MAX);
	case SAN_OPT_TTL:
		return set_octet(&opt->tune.ttl, value, 1, UINT8_MAX);
	case SAN_OPT_KEEPALIVE:
		return set_flag(&opt->tune.keep.on, value);
	case SAN_OPT_KEEP_IDLE:
		return set_in_range(&opt->tune.keep.idle_ms, value, KEEP_MIN_MS, TIMEOUT_MAX_MS);
	case SAN_OPT_KEEP_INTERVAL:
		return set_in_range(&opt->tune.keep.interval_ms, value, KEEP_MIN_MS, TIMEOUT_MAX_MS);
	case SAN_OPT_KEEP_COUNT:
		return set_octet(&opt->tune.keep.count, value, 1, KEEP_COUNT_MAX);
	case SAN_OPT_PACING:
		return set_in_range(&opt->tune.pacing, value, value == SAN_PACING_OFF ? 0 : PACING_MIN, UINT32_MAX);
	default:
		return -ENOPROTOOPT;
	}
}

static int
set_rcvbuf(struct san_core *k, struct sani_sock *so, uint32_t value)
{
	struct sani_tcp_conn *c;
	int rc;

	if (so->phase == SANI_SOCK_NEW || so->phase == SANI_SOCK_LISTENING)
		return set_before_open(so, &sani_sock_tune(k, so)->rcvbuf, value);
	rc = set_in_range(&sani_sock_tune(k, so)->rcvbuf, value, BUF_MIN, BUF_MAX);
	if (rc < 0 || so->conn == SANI_NONE)
		return rc;
	c = sani_sock_conn(k, so);
	sani_core_touch(k->core, c, sani_tcp_set_option(c, SAN_OPT_RCVBUF, value, k->core->now_us));
	return 0;
}

int
sani_option_set(struct san_core *k, struct sani_sock *so, enum san_option option, uint32_t value)
{
	struct sani_sock_options opt = *sani_sock_options(k, so);
	struct sani_tcp_conn *c;
	int rc;

	if (option == SAN_OPT_SNDBUF)
		return set_sndbuf(k, so, value);
	if (option == SAN_OPT_RCVBUF)
		return set_rcvbuf(k, so, value);
	if (option == SAN_OPT_CC)
		return set_kind(so, &sani_sock_tune(k, so)->tune.cc, value, SAN_CC_DCTCP);
	if (option == SAN_OPT_CWV)
		return set_kind(so, &sani_sock_tune(k, so)->tune.cwv, value, 1);
	if (option == SAN_OPT_FASTOPEN)
		return set_fast(k, so, value);
	if (option == SAN_OPT_MTU_PROBE)
		return set_kind(so, &sani_sock_tune(k, so)->tune.mtu_probe, value, 1);
	if (option == SAN_OPT_ECN)
		return set_kind(so, &sani_sock_tune(k, so)->tune.ecn, value, SAN_ECN_REQUEST);
	rc = set_any_time(&opt, option, value);
	if (rc == 0 && so->phase == SANI_SOCK_LISTENING)
		rc = -EINVAL;	/* every core has its own copy by now */
	if (rc < 0)
		return rc;
	*sani_sock_tune(k, so) = opt;
	if (so->conn == SANI_NONE)
		return 0;
	c = sani_sock_conn(k, so);
	sani_core_touch(k->core, c, sani_tcp_set_option(c, option, value, k->core->now_us));
	return 0;
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
	const struct sani_sock_options *opt = sani_sock_options(k, so);

	switch (option) {
	case SAN_OPT_SNDBUF:
		*value = opt->sndbuf;
		return 0;
	case SAN_OPT_RCVBUF:
		*value = opt->rcvbuf;
		return 0;
	case SAN_OPT_USER_TIMEOUT:
		*value = opt->user_timeout_ms;
		return 0;
	case SAN_OPT_NODELAY:
		*value = opt->nodelay;
		return 0;
	case SAN_OPT_TOS:
		*value = opt->tune.tos;
		return 0;
	case SAN_OPT_TTL:
		*value = opt->tune.ttl;
		return 0;
	case SAN_OPT_KEEPALIVE:
		*value = opt->tune.keep.on;
		return 0;
	case SAN_OPT_KEEP_IDLE:
		*value = opt->tune.keep.idle_ms;
		return 0;
	case SAN_OPT_KEEP_INTERVAL:
		*value = opt->tune.keep.interval_ms;
		return 0;
	case SAN_OPT_KEEP_COUNT:
		*value = opt->tune.keep.count;
		return 0;
	case SAN_OPT_CWV:
		*value = opt->tune.cwv;
		return 0;
	case SAN_OPT_PACING:
		*value = opt->tune.pacing;
		return 0;
	case SAN_OPT_URGENT:
		*value = so->conn != SANI_NONE ? sani_tcp_urgent(sani_sock_conn(k, so)) : 0;
		return 0;
	case SAN_OPT_CC:
		*value = opt->tune.cc;
		return 0;
	case SAN_OPT_ECN:
		*value = opt->tune.ecn;
		return 0;
	case SAN_OPT_FASTOPEN:
		*value = opt->tune.fast;
		return 0;
	case SAN_OPT_MTU_PROBE:
		*value = opt->tune.mtu_probe;
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
