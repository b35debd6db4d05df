/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/option.h"
#include "packetdrill/info.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#define BUF_MIN 4096	/* least that the stack takes for a buffer */

/* Options that are a number of the stack's too: so many of its units make one. */
static const struct number {
	int level;
	int name;
	enum san_option option;
	uint32_t units;
} numbers[] = {
	{ SOL_SOCKET, SO_RCVBUF, SAN_OPT_RCVBUF, 1 },
	{ SOL_SOCKET, SO_SNDBUF, SAN_OPT_SNDBUF, 1 },
	{ SOL_SOCKET, SO_KEEPALIVE, SAN_OPT_KEEPALIVE, 1 },
	{ IPPROTO_TCP, TCP_NODELAY, SAN_OPT_NODELAY, 1 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, SAN_OPT_USER_TIMEOUT, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, SAN_OPT_KEEP_IDLE, 1000 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, SAN_OPT_KEEP_INTERVAL, 1000 },
	{ IPPROTO_TCP, TCP_KEEPCNT, SAN_OPT_KEEP_COUNT, 1 },
	{ IPPROTO_IP, IP_TOS, SAN_OPT_TOS, 1 },
	{ IPPROTO_IP, IP_TTL, SAN_OPT_TTL, 1 },
};

/* Names of TCP_CONGESTION, by enum san_cc. */
static const char *const congestion_names[] = { [SAN_CC_CUBIC] = "cubic", [SAN_CC_NEWRENO] = "reno",
						[SAN_CC_DCTCP] = "dctcp" };

static const struct number *
find_number(int level, int name)
{
	for (unsigned int i = 0; i < RTE_DIM(numbers); i++)
		if (numbers[i].level == level && numbers[i].name == name)
			return &numbers[i];
	return NULL;
}

/* As the stack takes it. */
static uint32_t
fit_number(const struct sock *s, const struct number *n, uint32_t value)
{
	switch (n->option) {
	case SAN_OPT_NODELAY:
	case SAN_OPT_KEEPALIVE:
		return value != 0;
	case SAN_OPT_RCVBUF:
	case SAN_OPT_SNDBUF:
		return RTE_MAX(value * (s->doubles ? 2 : 1), (uint32_t)BUF_MIN);
	case SAN_OPT_TOS:
		return value & ~3u;	/* the two bits of ECN are TCP's */
	default:
		return value > UINT32_MAX / n->units ? UINT32_MAX : value * n->units;
	}
}

static int
set_linger(struct sock *s, const void *value, socklen_t size)
{
	struct linger l;

	if (size < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	s->lingers = l.l_onoff != 0;
	s->linger_s = l.l_linger;
	return 0;
}

static int
set_congestion(struct sock *s, const void *value, socklen_t size)
{
	for (uint32_t i = 0; i < RTE_DIM(congestion_names); i++)
		if (strnlen(value, size) == strlen(congestion_names[i]) &&
		    memcmp(value, congestion_names[i], strlen(congestion_names[i])) == 0)
			return san_set_option(s->handle, SAN_OPT_CC, i);
	return -ENOENT;
}

int
option_set(struct sock *s, int level, int name, const void *value, socklen_t size)
{
	const struct number *n = find_number(level, name);
	int number;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, size);
	if (level == SOL_SOCKET && name == SO_REUSEADDR)
		return 0;
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(s, value, size);
	if (n == NULL)
		return -ENOPROTOOPT;
	if (size < sizeof(number))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	if (number < 0)
		return -EINVAL;
	return san_set_option(s->handle, n->option, fit_number(s, n, (uint32_t)number));
}

static int
answer(void *to, socklen_t *room, const void *from, size_t size)
{
	if (*room < size)
		return -EINVAL;
	memcpy(to, from, size);
	*room = (socklen_t)size;
	return 0;
}

static int
get_congestion(struct sock *s, void *value, socklen_t *size)
{
	uint32_t cc = SAN_CC_CUBIC;
	int rc = san_get_option(s->handle, SAN_OPT_CC, &cc);

	return rc < 0 ? rc : answer(value, size, congestion_names[cc], strlen(congestion_names[cc]) + 1);
}

/* What a full segment of the connection carries. */
static int
get_maxseg(struct sock *s, void *value, socklen_t *size)
{
	struct san_tcp_info info = { .size = sizeof(info) };
	int rc = san_tcp_info(s->handle, &info);

	return rc < 0 ? rc : answer(value, size, &info.snd_mss, sizeof(info.snd_mss));
}

int
option_get(struct sock *s, int level, int name, void *value, socklen_t *size)
{
	struct linger l = { .l_onoff = s->lingers, .l_linger = s->linger_s };
	const struct number *n = find_number(level, name);
	uint32_t number = 0;
	int rc;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return answer(value, size, &l, sizeof(l));
	if (level == SOL_SOCKET && name == SO_ERROR) {
		int error = sock_take_error(s);

		return answer(value, size, &error, sizeof(error));
	}
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return get_congestion(s, value, size);
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return info_get(s, value, size);
	if (level == IPPROTO_TCP && name == TCP_CC_INFO)
		return info_of_control(size);
	if (level == SOL_SOCKET && name == SO_MEMINFO)
		return info_of_memory(value, size);
	if (level == IPPROTO_TCP && name == TCP_MAXSEG)
		return get_maxseg(s, value, size);
	if (n == NULL)
		return -ENOPROTOOPT;
	rc = san_get_option(s->handle, n->option, &number);
	number /= n->units;
	return rc < 0 ? rc : answer(value, size, &number, sizeof(number));
}

int
option_fcntl(struct sock *s, int cmd, int arg)
{
	if (cmd == F_GETFL)
		return s->flags;
	if (cmd != F_SETFL)
		return -EINVAL;
	s->flags = O_RDWR | (arg & O_NONBLOCK);
	return 0;
}

int
option_ioctl(struct sock *s, unsigned long request, int *arg)
{
	if (request == FIONBIO) {
		s->flags = O_RDWR | (*arg != 0 ? O_NONBLOCK : 0);
		return 0;
	}
	if (request != FIONREAD)
		return -EINVAL;
	*arg = (int)sock_readable(s, SIZE_MAX);
	return 0;
}
