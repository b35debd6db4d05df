/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack for packetdrill; load.c is what the tool itself loads. What is where:
 *
 *   entry.c       the table, packets, time         stage.c     the stack's thread and the clock
 *   face.c        socket calls                     sock.c      sockets over operations
 *   data.c        calls that move bytes            farewell.c  what close() means
 *   wire.c        frames and datagrams             option.c    options
 *   syn.c         the options of a SYN             flags.c     --so_flags
 *   info.c        TCP_INFO                         push.c      PSH at the end of a burst
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/priv.h"
#include "kit/vhost.h"
#include "packetdrill/face.h"
#include "packetdrill/farewell.h"
#include "packetdrill/flags.h"
#include "packetdrill/sock.h"
#include "packetdrill/stage.h"
#include "packetdrill/wire.h"

#define MEMORY_MB 96
#define MBUFS 8191
#define SOCKETS "256"

static struct vhost host;
static struct flags flags;

struct packet {
	const void *datagram;
	void *room;
	size_t len;
	uint64_t sent_us;
};

/*
 * The tool locks what there is and what will be, against page faults that take time. This clock knows no such
 * time, and the stack maps far more than it touches, all of which would be filled.
 */
static void
open_stack(void)
{
	munlockall();
	vhost_startup_small(MEMORY_MB);
	vhost_open(&host, &(struct vhost_wish){
		.address = flags.address,
		.gateway = flags.gateway,
		.mtu = flags.mtu,
		.nb_mbufs = MBUFS,
		.keys = { { "sockets", SOCKETS }, { "half_open", SOCKETS } },
	});
	wire_open(&host, &flags);
	sock_open_all(&host, &flags);
}

/*
 * RFC 9293 3.8.6.3 leaves it open whether the first segments are acknowledged at once. Scripts that delay from the
 * start find a stack that does: its connections are told that they are no longer young.
 */
static void
end_quick_acks(void)
{
	const struct sani_core *core = host.below->cores[0];

	for (uint32_t i = 0; i < host.below->conf.nb_conns; i++)
		core->priv->conns[i].quick_acks = 0;
}

static unsigned int
do_round(void)
{
	if (!flags.quickack)
		end_quick_acks();
	return vhost_round(&host) + wire_collect() + sock_round();
}

static uint64_t
find_deadline(void)
{
	return RTE_MIN(vhost_deadline(&host), farewell_deadline());
}

static const struct stage_stack stack = {
	.open = open_stack,
	.round = do_round,
	.deadline = find_deadline,
	.has_sent = wire_has_sent,
};

static long
put(void *arg)
{
	struct packet *p = arg;

	return wire_put(p->datagram, p->len);
}

static int
netdev_send(void *u, const void *buf, size_t len)
{
	(void)u;
	return (int)face_answer(stage_call(put, &(struct packet){ .datagram = buf, .len = len }, false));
}

static long
take(void *arg)
{
	struct packet *p = arg;

	p->len = wire_take(p->room, p->len, &p->sent_us);
	return 0;
}

/* Nothing will come: no error, which would only make the tool ask again, but a packet of no size. */
static int
netdev_receive(void *u, void *buf, size_t *len, long long *time_us)
{
	struct packet p = { .room = buf, .len = *len };

	(void)u;
	*len = 0;
	*time_us = 0;
	if (!stage_await_packet())
		return 0;
	stage_call(take, &p, false);
	*len = p.len;
	*time_us = (long long)p.sent_us;
	return 0;
}

static int
sleep_us(void *u, useconds_t us)
{
	(void)u;
	stage_sleep(us);
	return 0;
}

static int
get_time(void *u, struct timeval *tv, struct timezone *tz)
{
	uint64_t now_us = stage_look();

	(void)u;
	(void)tz;
	tv->tv_sec = (time_t)(now_us / 1000000);
	tv->tv_usec = (suseconds_t)(now_us % 1000000);
	return 0;
}

/* The process ends right after: what the stack holds goes with it. */
static void
end(void *u)
{
	(void)u;
}

static int
refuse_epoll_create(void *u, int size)
{
	(void)u;
	(void)size;
	return (int)face_answer(-ENOSYS);
}

static int
refuse_pipe(void *u, int fds[2])
{
	(void)u;
	(void)fds;
	return (int)face_answer(-ENOSYS);
}

/* epoll_ctl(), epoll_wait() and splice() need what epoll_create() and pipe() do not give. */
void
packetdrill_interface_init(const char *text, struct packetdrill_interface *ifc)
{
	memset(ifc, 0, sizeof(*ifc));
	flags_read(text, &flags);
	ifc->free = end;
	face_fill_sockets(ifc);
	face_fill_data(ifc);
	ifc->netdev_send = netdev_send;
	ifc->netdev_receive = netdev_receive;
	ifc->usleep = sleep_us;
	ifc->gettimeofday = get_time;
	ifc->epoll_create = refuse_epoll_create;
	ifc->pipe = refuse_pipe;
	stage_start(&stack);
}
