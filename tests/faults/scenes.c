/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenes.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "stage.h"

#define MESSAGE 100
#define PORT 7
#define BULK (96u << 10)
#define HOUR_US 3600000000u

unsigned int scene_messages;

static void
fill(uint8_t *buf, size_t len, unsigned int nr)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(nr * 31 + i + i / 256);
}

static bool
is_filled(const uint8_t *buf, size_t len, unsigned int nr)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i] != (uint8_t)(nr * 31 + i + i / 256))
			return false;
	return true;
}

static san_handle
open_socket(unsigned int side, unsigned int core)
{
	san_handle s = SAN_NO_HANDLE;

	if (!stage_lost() && STAGE_TRY(san_socket(stage.core[side][core], stage.cq, &s), -ENOMEM, -ENFILE,
				       -EAGAIN) == 0)
		stage.opened++;
	return s;
}

/* port 0: any. */
static san_handle
open_listener(uint16_t port)
{
	san_handle s = open_socket(1, 0);
	struct san_addr a = stage_addr(1, port);

	if (s == SAN_NO_HANDLE)
		return s;
	if (port != 0)
		STAGE_TRY(san_bind(s, &a), -EAGAIN);
	STAGE_TRY(san_listen(s, 4), -ENOMEM, -EADDRINUSE, -EAGAIN);
	return s;
}

static void
make_queue(void)
{
	STAGE_TRY(san_cq_create(64, &stage.cq), -ENOMEM);
}

/* Posts: a lack of memory is -EAGAIN, of deadlines -ENOBUFS. */
#define POST(op, call) stage_posted(op, STAGE_TRY(call, -EAGAIN, -ENOBUFS))

/* A message one way, and the look that it arrived. */
static void
send_message(san_handle from, san_handle to, struct stage_op *op[2], unsigned int nr)
{
	static uint8_t out[MESSAGE], in[MESSAGE];

	fill(out, MESSAGE, nr);
	memset(in, 0, MESSAGE);
	if (stage_lost())
		return;
	POST(op[1], san_recv(to, &op[1]->op, in, MESSAGE, SAN_WAITALL));
	POST(op[0], san_send(from, &op[0]->op, out, MESSAGE, nr % 3 == 0 ? SAN_ACKED : 0));
	if (!STAGE_UNTIL(stage_over(op[0]) && stage_over(op[1])))
		return;
	STAGE_MUST(op[0]->result == MESSAGE);
	STAGE_MUST(op[1]->result == MESSAGE && is_filled(in, MESSAGE, nr));
}

static void
exchange(const san_handle end[2])
{
	struct stage_op *op[2] = { stage_op(), stage_op() };

	for (unsigned int i = 0; i < scene_messages && !stage_lost(); i++) {
		send_message(end[0], end[1], op, 2 * i);
		send_message(end[1], end[0], op, 2 * i + 1);
	}
}

/* What an accept and a connect may say when a table was full. */
static bool
may_end_so(int32_t accept, int32_t connect)
{
	bool own;

	alloc_what(&own);
	return alloc_failed() > 0 && own && (accept >= 0 || accept == -ENFILE || accept == -ENOBUFS) &&
	       (connect >= 0 || connect == -ENOBUFS || connect == -EADDRNOTAVAIL || connect == -ECONNRESET);
}

/* A connection, however often it takes: who lost an accept or a connect to a full table tries again. */
static bool
connect_pair(san_handle listener, uint16_t port, san_handle end[2])
{
	struct san_addr a = stage_addr(1, port);
	struct stage_op *accept = stage_op(), *connect = stage_op();

	for (unsigned int tries = 0; tries < 100 && !stage_lost(); tries++) {
		end[0] = open_socket(0, 0);
		if (end[0] == SAN_NO_HANDLE)
			return false;
		if (stage_over(accept))
			POST(accept, san_accept(listener, &accept->op, 0));
		stage_posted(connect, STAGE_TRY(san_connect(end[0], &connect->op, &a, 0), -EAGAIN, -ENOBUFS,
						-EADDRNOTAVAIL));
		STAGE_UNTIL(stage_over(connect) && (connect->result < 0 || stage_over(accept)));
		if (stage_over(accept) && accept->result == 0 && connect->result == 0) {
			end[1] = accept->value;
			return true;
		}
		STAGE_MUST(may_end_so(accept->result, connect->result));
		stage_shut(end[0]);
		end[0] = SAN_NO_HANDLE;
	}
	return false;
}

static void
cancel_receive(san_handle s)
{
	static uint8_t in[8];
	struct stage_op *op = stage_op();

	if (stage_lost() || !POST(op, san_recv(s, &op->op, in, sizeof(in), 0)))
		return;
	stage_round();
	STAGE_TRY(san_cancel(s, op->op.id), -EAGAIN);
	STAGE_UNTIL(stage_over(op));
	STAGE_MUST(op->result == -ECANCELED);
}

/* What closes have to end. */
static void
leave_pending(const san_handle end[2])
{
	static uint8_t in[2][8], out[4];
	struct stage_op *op[3] = { stage_op(), stage_op(), stage_op() };

	if (stage_lost())
		return;
	for (unsigned int i = 0; i < 2; i++)
		POST(op[i], san_recv(end[i], &op[i]->op, in[i], 8, SAN_WAITALL));
	POST(op[2], san_send(end[0], &op[2]->op, out, 4, SAN_ACKED));
}

static void
close_three(san_handle a, san_handle b, san_handle c)
{
	stage_shut(a);
	stage_shut(b);
	stage_shut(c);
	stage_close();
}

void
scene_on_core(void)
{
	san_handle end[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE }, listener;

	stage_open(1);
	stage_claim();
	make_queue();
	listener = open_listener(PORT);
	if (connect_pair(listener, PORT, end)) {
		exchange(end);
		cancel_receive(end[1]);
		leave_pending(end);
	}
	close_three(end[0], listener, end[1]);
}

/* A queue is made and ended, and one sleeps. */
static void
use_queues(san_handle s)
{
	struct san_cq *other = NULL;

	if (stage_lost() || STAGE_TRY(san_cq_create(32, &other), -ENOMEM) < 0)
		return;
	STAGE_TRY(san_move(s, other), -ENOMEM);
	STAGE_TRY(san_move(s, stage.cq), -ENOMEM);
	STAGE_TRY(san_cq_fd(other), -EMFILE);
	STAGE_TRY(san_cq_wait(other, 1), -EMFILE);
	STAGE_TRY(san_cq_arm(other), -EMFILE);
	STAGE_MUST(san_cq_destroy(other) == 0);
}

/* Goes without a word, with a socket open and a receive pending. */
static void *
desert(void *arg)
{
	static struct san_overlapped op;
	struct san_addr a = stage_addr(1, PORT + 1);
	struct san_cq *cq = NULL;
	san_handle s;

	stage_again(0, STAGE_NO_MEMORY);
	memset(&op, 0, sizeof(op));
	if (STAGE_TRY(san_attach(), -ENFILE, -ENOMEM) < 0 || STAGE_TRY(san_cq_create(8, &cq), -ENOMEM) < 0 ||
	    STAGE_TRY(san_socket(stage.core[0][0], cq, &s), -ENOMEM, -ENFILE, -EAGAIN) < 0)
		return arg;
	STAGE_TRY(san_connect(s, &op, &a, 0), -EAGAIN);
	return arg;
}

void
scene_off_core(void)
{
	san_handle end[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE }, listener;
	unsigned int rounds;
	pthread_t thread;

	stage_open(1);
	stage_poll_elsewhere();
	STAGE_TRY(san_attach(), -ENFILE, -ENOMEM);
	make_queue();
	listener = open_listener(0);
	stage_shut(listener);
	listener = open_listener(PORT);
	if (connect_pair(listener, PORT, end)) {
		exchange(end);
		use_queues(end[0]);
		cancel_receive(end[1]);
		leave_pending(end);
	}
	if (pthread_create(&thread, NULL, desert, NULL) == 0)
		pthread_join(thread, NULL);
	/* it counts as attached until the cores have closed what it left (O16) */
	rounds = stage.rounds;
	while (stage.rounds - rounds < 20)
		sched_yield();
	close_three(end[0], listener, end[1]);
}

/* The pieces of a repeating receive, one after the other, are the stream. */
static void
send_pieces(const san_handle end[2])
{
	static uint8_t mem[4][MESSAGE], out[3][MESSAGE];
	struct san_pieces pieces = { .mem = mem, .size = MESSAGE, .nb = 4 };
	struct san_vec vec[3];
	struct stage_op *recv = stage_op(), *send = stage_op();

	for (unsigned int i = 0; i < 3; i++) {
		fill(out[i], MESSAGE, i);
		vec[i] = (struct san_vec){ .base = out[i], .len = MESSAGE };
	}
	if (stage_lost() || !POST(recv, san_recv_repeat(end[1], &recv->op, &pieces, SAN_WAITALL)))
		return;
	send->op.timeout_us = HOUR_US;
	POST(send, san_sendv(end[0], &send->op, vec, 3, SAN_ACKED));
	STAGE_UNTIL(stage_over(send) && recv->more == 3);
	STAGE_MUST(send->result == 3 * MESSAGE);
	for (unsigned int i = 0; i < 3 && !stage_lost(); i++)
		STAGE_MUST(is_filled(mem[i], MESSAGE, i));
	san_give_back(&pieces, 3);
	STAGE_TRY(san_cancel_all(end[1]), -EAGAIN);
	STAGE_UNTIL(stage_over(recv));
	STAGE_MUST(recv->result == -ECANCELED);
}

/* Two buffers back, and a receive that its deadline ends. */
static void
answer_in_two(const san_handle end[2])
{
	static uint8_t in[2][MESSAGE / 2], out[MESSAGE];
	struct san_vec vec[2] = { { in[0], MESSAGE / 2 }, { in[1], MESSAGE / 2 } };
	struct stage_op *recv = stage_op(), *send = stage_op();

	fill(out, MESSAGE, 9);
	if (stage_lost() || !POST(recv, san_recvv(end[0], &recv->op, vec, 2, MESSAGE, 0)))
		return;
	POST(send, san_send(end[1], &send->op, out, MESSAGE, 0));
	STAGE_UNTIL(stage_over(send) && stage_over(recv));
	STAGE_MUST(recv->result == MESSAGE && memcmp(in, out, MESSAGE) == 0);
	recv->op.timeout_us = 50000;
	if (!stage_lost() && POST(recv, san_recv(end[0], &recv->op, in[0], 1, 0))) {
		STAGE_UNTIL(stage_over(recv));
		STAGE_MUST(recv->result == -ETIMEDOUT);
	}
}

/* One more connection for an accept that goes on; the accept begins anew when a full table has ended it. */
static bool
join(san_handle listener, struct stage_op *accept, unsigned int core, san_handle end[2])
{
	struct san_addr a = stage_addr(1, PORT);
	struct stage_op *connect = stage_op();

	for (unsigned int tries = 0; tries < 100 && !stage_lost(); tries++) {
		unsigned int before = accept->more;

		if (stage_over(accept))
			POST(accept, san_accept_repeat(listener, &accept->op, 4));
		end[0] = open_socket(0, core);
		if (end[0] == SAN_NO_HANDLE)
			return false;
		stage_posted(connect, STAGE_TRY(san_connect(end[0], &connect->op, &a, 0), -EAGAIN, -ENOBUFS,
						-EADDRNOTAVAIL));
		STAGE_UNTIL(stage_over(connect) &&
			    (connect->result < 0 || stage_over(accept) || accept->more > before));
		if (connect->result == 0 && accept->more > before) {
			end[1] = accept->value;
			return true;
		}
		STAGE_MUST(may_end_so(stage_over(accept) ? accept->result : 0, connect->result));
		stage_shut(end[0]);
		end[0] = SAN_NO_HANDLE;
	}
	return false;
}

void
scene_repeat(void)
{
	san_handle end[3][2] = { { SAN_NO_HANDLE }, { SAN_NO_HANDLE }, { SAN_NO_HANDLE } }, listener;
	struct stage_op *accept = stage_op();

	stage_open(2);
	stage_claim();
	make_queue();
	listener = open_listener(PORT);
	for (unsigned int i = 0; i < 3 && !stage_lost(); i++) {
		if (!join(listener, accept, i % 2, end[i]))
			break;
		send_pieces(end[i]);
		answer_in_two(end[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		stage_shut(end[i][i % 2]);
		stage_shut(end[i][1 - i % 2]);
	}
	stage_shut(listener);
	stage_close();
}

/* Both ends, all at once. */
static void
exchange_bulk(const san_handle end[2])
{
	static uint8_t in[2][BULK], out[2][BULK];
	struct stage_op *recv[2] = { stage_op(), stage_op() }, *send[2] = { stage_op(), stage_op() };

	if (stage_lost())
		return;
	for (unsigned int i = 0; i < 2; i++) {
		fill(out[i], BULK, i);
		POST(recv[i], san_recv(end[i], &recv[i]->op, in[i], BULK, SAN_WAITALL));
		POST(send[i], san_send(end[i], &send[i]->op, out[i], BULK, 0));
	}
	STAGE_UNTIL(stage_over(recv[0]) && stage_over(recv[1]) && stage_over(send[0]) && stage_over(send[1]));
	for (unsigned int i = 0; i < 2; i++)
		STAGE_MUST(recv[i]->result == (int32_t)BULK && memcmp(in[i], out[1 - i], BULK) == 0);
}

static bool
loses_some(unsigned int side, unsigned int nr)
{
	return nr % 11 == 5 + side;
}

/* From FIN to FIN, the first one by side. */
static void
finish(const san_handle end[2], unsigned int side)
{
	struct stage_op *fin[2] = { stage_op(), stage_op() };

	for (unsigned int i = 0; i < 2 && !stage_lost(); i++) {
		unsigned int which = i == 0 ? side : 1 - side;

		POST(fin[i], san_shutdown(end[which], &fin[i]->op, 0));
		STAGE_UNTIL(stage_over(fin[i]));
		STAGE_MUST(fin[i]->result == 0);
	}
}

/* Who knocks where nobody listens. */
static void
be_refused(void)
{
	struct san_addr a = stage_addr(1, PORT + 1);
	struct stage_op *connect = stage_op();
	bool own;

	for (unsigned int tries = 0; tries < 100 && !stage_lost(); tries++) {
		san_handle s = open_socket(0, 0);

		if (s == SAN_NO_HANDLE)
			return;
		stage_posted(connect, STAGE_TRY(san_connect(s, &connect->op, &a, 0), -EAGAIN, -ENOBUFS,
						-EADDRNOTAVAIL));
		STAGE_UNTIL(stage_over(connect));
		stage_shut(s);
		if (connect->result == -ECONNREFUSED)
			return;
		alloc_what(&own);
		STAGE_MUST(own && (connect->result == -ENOBUFS || connect->result == -EADDRNOTAVAIL));
	}
}

void
scene_loss(void)
{
	san_handle end[2] = { SAN_NO_HANDLE, SAN_NO_HANDLE }, listener;

	stage_open(1);
	stage_claim();
	make_queue();
	stage_loses = loses_some;
	listener = open_listener(PORT);
	for (unsigned int i = 0; i < 2 && connect_pair(listener, PORT, end); i++) {
		exchange_bulk(end);
		if (i == 0) {
			finish(end, 1);
			/* what stays is a record, which answers a FIN that comes again */
			stage_shut(end[1]);
			stage_shut(end[0]);
		}
	}
	be_refused();
	close_three(end[0], listener, end[1]);
}

/* The path is filled; whoever reads the file takes it away. */
static bool
write_file(char path[64])
{
	static const char text[] = "[host]\nmbufs = 1023\nsockets = 16\n[port p]\ndevice = net_null7,size=64\n"
				   "rx_desc = 64\ntx_desc = 64\n"
				   "[interface i]\nport = p\naddress = 10.9.0.1/24\n";
	int fd;

	strcpy(path, "/tmp/san-faults-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return false;
	if (write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1)
		path[0] = '\0';
	close(fd);
	return path[0] != '\0';
}

void
scene_conf(void)
{
	char path[64];
	struct san_conf *conf;
	struct san_host *host;

	if (!STAGE_MUST(write_file(path)))
		return;
	do
		conf = san_conf_create();
	while (conf == NULL && stage_again(-ENOMEM, STAGE_NO_MEMORY));
	if (STAGE_MUST(conf != NULL)) {
		STAGE_TRY(san_conf_load(conf, path), -ENOMEM, -ENOENT);
		STAGE_MUST(san_startup(0, NULL) == 0);
		STAGE_TRY(san_host_create(conf, &host), -ENOMEM, -ENODEV);
		san_conf_destroy(conf);
		STAGE_TRY(san_cleanup(), -ENOMEM);
	}
	unlink(path);
}
