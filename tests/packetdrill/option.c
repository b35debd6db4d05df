/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/option.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#define BUF_MIN 4096	/* least that the stack takes for a buffer */

/* Options that are a number of the stack's too. */
static const struct {
	int level;
	int name;
	enum san_option option;
} numbers[] = {
	{ SOL_SOCKET, SO_RCVBUF, SAN_OPT_RCVBUF },
	{ SOL_SOCKET, SO_SNDBUF, SAN_OPT_SNDBUF },
	{ IPPROTO_TCP, TCP_NODELAY, SAN_OPT_NODELAY },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, SAN_OPT_USER_TIMEOUT },
};

static int
find_number(int level, int name, enum san_option *option)
{
	for (unsigned int i = 0; i < RTE_DIM(numbers); i++) {
		if (numbers[i].level == level && numbers[i].name == name) {
			*option = numbers[i].option;
			return 0;
		}
	}
	return -ENOPROTOOPT;
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

int
option_set(struct sock *s, int level, int name, const void *value, socklen_t size)
{
	enum san_option option;
	int number, rc;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, size);
	if (level == SOL_SOCKET && name == SO_REUSEADDR)
		return 0;
	rc = find_number(level, name, &option);
	if (rc < 0)
		return rc;
	if (size < sizeof(number))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	if (number < 0)
		return -EINVAL;
	if (option == SAN_OPT_NODELAY)
		number = number != 0;
	if (option == SAN_OPT_RCVBUF || option == SAN_OPT_SNDBUF)
		number = RTE_MAX(number, BUF_MIN);
	return san_set_option(s->handle, option, (uint32_t)number);
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

int
option_get(struct sock *s, int level, int name, void *value, socklen_t *size)
{
	struct linger l = { .l_onoff = s->lingers, .l_linger = s->linger_s };
	enum san_option option;
	uint32_t number;
	int rc;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return answer(value, size, &l, sizeof(l));
	if (level == SOL_SOCKET && name == SO_ERROR) {
		int error = sock_take_error(s);

		return answer(value, size, &error, sizeof(error));
	}
	rc = find_number(level, name, &option);
	if (rc == 0)
		rc = san_get_option(s->handle, option, &number);
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
