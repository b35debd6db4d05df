/* SPDX-License-Identifier: BSD-3-Clause */
/* The object that packetdrill loads, played by a player of our own: PATH of the object is the argument. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "packetdrill/player.h"

#define MS 1000u
#define S 1000000u
#define PORT 8080
#define ECN_ASKED 0xc0	/* ECE and CWR */
#define IRS 1000	/* the peer's */
#define MSS 1460
#define WINDOW 60000
#define MINUTE_US (60ull * S)

static const char *object;

/* One connection as the peer sees it: what it will send and acknowledge next. */
struct peer {
	uint16_t host_port;
	uint16_t port;
	uint32_t seq;
	uint32_t ack;
	int fd;
};

static struct segment
segment_of(const struct peer *p, uint8_t flags, const char *data, size_t len)
{
	return (struct segment){
		.host_port = p->host_port,
		.peer_port = p->port,
		.flags = flags,
		.seq = p->seq,
		.ack = flags & TH_ACK ? p->ack : 0,
		.window = WINDOW,
		.data = data,
		.len = len,
	};
}

static void
send_segment(struct peer *p, uint8_t flags, const char *data, size_t len)
{
	struct segment s = segment_of(p, flags, data, len);

	if (flags & TH_SYN) {
		s.nb_options = 4;
		memcpy(s.options, "\x02\x04\x05\xb4", 4);	/* mss 1460 */
	}
	player_put(&s);
	p->seq += (uint32_t)len + !!(flags & TH_SYN) + !!(flags & TH_FIN);
}

/* The host sends this; its numbers are the peer's seen from the other side. */
static void
expect_segment(struct peer *p, uint8_t flags, const char *data, size_t len)
{
	struct segment s = segment_of(p, flags, data, len);

	s.seq = p->ack;
	s.ack = flags & TH_ACK ? p->seq : 0;
	s.window = 0;
	player_expect(&s);
	p->ack += (uint32_t)len + !!(flags & TH_FIN);
}

static int
make_socket(void)
{
	int fd = player.socket(player.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);

	assert_true(fd >= 0);
	return fd;
}

static int
make_listener(uint16_t port)
{
	struct sockaddr_in local = player_address(false, port);
	int fd = make_socket();

	assert_int_equal(player.bind(player.userdata, fd, (struct sockaddr *)&local, sizeof(local)), 0);
	assert_int_equal(player.listen(player.userdata, fd, 5), 0);
	return fd;
}

static void
close_socket(int fd)
{
	assert_int_equal(player.close(player.userdata, fd), 0);
}

/* The SYN-ACK says nothing but an MSS to a peer that says nothing else: each octet of it is known. */
static void
expect_syn_ack(struct peer *p)
{
	struct segment want = {
		.host_port = p->host_port,
		.peer_port = p->port,
		.flags = TH_SYN | TH_ACK,
		.ack = p->seq,
		.window = 65535,
		.nb_options = 4,
		.options = "\x02\x04\x05\xb4",
	};
	struct sent sent;

	player_await(&sent);
	want.seq = sent.segment.seq;
	assert_int_equal(sent.segment.flags, want.flags);
	assert_int_equal(sent.segment.ack, want.ack);
	assert_int_equal(sent.segment.window, want.window);
	assert_int_equal(sent.segment.nb_options, want.nb_options);
	assert_memory_equal(sent.segment.options, want.options, want.nb_options);
	assert_int_equal(sent.segment.len, 0);
	p->ack = want.seq + 1;
}

/* A connection that the peer has opened, with each case's own ports. */
static struct peer
open_passive(void)
{
	static uint16_t offset;
	struct peer p = { .host_port = (uint16_t)(PORT + offset), .port = 40000, .seq = IRS };
	struct sockaddr_in name;
	socklen_t size = sizeof(name);
	int listener = make_listener(p.host_port);

	offset++;
	send_segment(&p, TH_SYN, NULL, 0);
	expect_syn_ack(&p);
	send_segment(&p, TH_ACK, NULL, 0);
	p.fd = player.accept(player.userdata, listener, (struct sockaddr *)&name, &size);
	assert_true(p.fd >= 0);
	assert_int_equal(ntohs(name.sin_port), p.port);
	assert_int_equal(ntohl(name.sin_addr.s_addr), 0xc0000201);
	close_socket(listener);
	return p;
}

static void
make_text(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(i * 7 % 251);
}

static void
a_passive_connection_moves_bytes_and_ends(void **state)
{
	struct peer p = open_passive();
	char text[3000], buf[4000];

	(void)state;
	make_text(text, sizeof(text));
	send_segment(&p, TH_ACK | TH_PUSH, text, 1000);
	expect_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player.recv(player.userdata, p.fd, buf, 500, MSG_PEEK), 500);
	assert_int_equal(player.read(player.userdata, p.fd, buf, 300), 300);
	assert_int_equal(player.read(player.userdata, p.fd, buf + 300, sizeof(buf) - 300), 700);
	assert_memory_equal(buf, text, 1000);

	assert_int_equal(player.write(player.userdata, p.fd, text, sizeof(text)), sizeof(text));
	expect_segment(&p, TH_ACK, text, MSS);
	expect_segment(&p, TH_ACK, text + MSS, MSS);
	/* Nagle: what is no full segment waits for the acknowledgement. */
	send_segment(&p, TH_ACK, NULL, 0);
	expect_segment(&p, TH_ACK | TH_PUSH, text + 2 * MSS, sizeof(text) - 2 * MSS);
	send_segment(&p, TH_ACK, NULL, 0);

	send_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	expect_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player.read(player.userdata, p.fd, buf, sizeof(buf)), 0);
	close_socket(p.fd);
	expect_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	send_segment(&p, TH_ACK, NULL, 0);

	/* Nobody is there any more (RFC 9293 3.10.7.1). */
	send_segment(&p, TH_ACK, NULL, 0);
	expect_segment(&p, TH_RST, NULL, 0);
}

static struct peer
open_active(void)
{
	struct sockaddr_in name = player_address(true, PORT);
	struct peer p = { .port = PORT, .seq = IRS };
	socklen_t size = sizeof(int);
	int error = -1;
	struct sent sent;

	p.fd = make_socket();
	assert_int_equal(player.fcntl(player.userdata, p.fd, F_GETFL), O_RDWR);
	assert_int_equal(player.fcntl(player.userdata, p.fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(player.connect(player.userdata, p.fd, (struct sockaddr *)&name, sizeof(name)), -1);
	assert_int_equal(errno, EINPROGRESS);
	player_await(&sent);
	assert_int_equal(sent.segment.flags & ~ECN_ASKED, TH_SYN);
	assert_memory_equal(sent.segment.options, "\x02\x04\x05\xb4", 4);
	p.host_port = sent.segment.host_port;
	p.ack = sent.segment.seq + 1;
	send_segment(&p, TH_SYN | TH_ACK, NULL, 0);
	expect_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player.getsockopt(player.userdata, p.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	assert_int_equal(error, 0);
	return p;
}

static void
an_active_connection_moves_bytes_and_ends(void **state)
{
	struct peer p = open_active();
	char text[2000], buf[4000];
	struct iovec iov[2] = { { .iov_base = text, .iov_len = 300 },
				{ .iov_base = text + 300, .iov_len = 700 } };

	(void)state;
	make_text(text, sizeof(text));
	assert_int_equal(player.writev(player.userdata, p.fd, iov, 2), 1000);
	expect_segment(&p, TH_ACK | TH_PUSH, text, 1000);
	send_segment(&p, TH_ACK | TH_PUSH, text, 1200);
	expect_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player.read(player.userdata, p.fd, buf, sizeof(buf)), 1200);
	assert_memory_equal(buf, text, 1200);
	assert_int_equal(player.read(player.userdata, p.fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);

	close_socket(p.fd);
	expect_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	send_segment(&p, TH_ACK, NULL, 0);
	send_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	expect_segment(&p, TH_ACK, NULL, 0);
	/* TIME_WAIT: the peer's FIN once more is acknowledged once more. */
	p.seq--;
	send_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	expect_segment(&p, TH_ACK, NULL, 0);
}

/* The tool asks for it around the object: by the symbol, which it has when the object is preloaded. */
static void
figures_are_told_as_linux_has_them(void **state)
{
	int (*get)(int fd, int level, int name, void *value, socklen_t *size);
	struct peer p = open_passive();
	struct tcp_info info;
	socklen_t size = sizeof(info);
	char text[2000];
	int number = 0;

	(void)state;
	make_text(text, sizeof(text));
	assert_int_equal(player.write(player.userdata, p.fd, text, sizeof(text)), sizeof(text));
	expect_segment(&p, TH_ACK, text, MSS);
	assert_int_equal(player.getsockopt(player.userdata, p.fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	assert_int_equal(size, sizeof(info));
	assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
	assert_int_equal(info.tcpi_ca_state, TCP_CA_Open);
	assert_int_equal(info.tcpi_snd_mss, MSS);
	assert_int_equal(info.tcpi_unacked, 1);
	assert_int_equal(info.tcpi_snd_cwnd, 10);
	assert_int_equal(info.tcpi_snd_ssthresh, INT32_MAX);

	*(void **)&get = player_symbol("getsockopt");
	memset(&info, 0, sizeof(info));
	assert_int_equal(get(p.fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	assert_int_equal(info.tcpi_snd_mss, MSS);
	assert_int_equal(get(999, IPPROTO_TCP, TCP_INFO, &info, &size), -1);
	assert_int_equal(errno, EBADF);
	size = sizeof(number);
	assert_int_equal(player.getsockopt(player.userdata, p.fd, IPPROTO_TCP, TCP_MAXSEG, &number, &size), 0);
	assert_int_equal(number, MSS);
	close_socket(p.fd);
}

/* As on Linux; the flag says so. */
static void
a_buffer_is_twice_what_is_asked_for(void **state)
{
	struct peer p = open_passive();
	int number = 21000;
	socklen_t size = sizeof(number);

	(void)state;
	assert_int_equal(player.setsockopt(player.userdata, p.fd, SOL_SOCKET, SO_SNDBUF, &number, size), 0);
	assert_int_equal(player.getsockopt(player.userdata, p.fd, SOL_SOCKET, SO_SNDBUF, &number, &size), 0);
	assert_int_equal(number, 42000);
	close_socket(p.fd);
}

/* The player's SYNs do not offer it: neither does the host's. */
static void
what_the_way_takes_out_is_in_no_syn(void **state)
{
	struct sockaddr_in name = player_address(true, PORT);
	struct sent sent;
	int fd = make_socket();

	(void)state;
	player.fcntl(player.userdata, fd, F_SETFL, O_NONBLOCK);
	player.connect(player.userdata, fd, (struct sockaddr *)&name, sizeof(name));
	player_await(&sent);
	/* MSS, SACK permitted, window scale: no timestamps */
	assert_int_equal(sent.segment.nb_options, 12);
	assert_memory_equal(sent.segment.options, "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03", 11);
	/* and ECN is asked for (RFC 3168 6.1.1) */
	assert_int_equal(sent.segment.flags, TH_SYN | ECN_ASKED);
	close_socket(fd);
}

static void
a_refused_connect_tells_why_once(void **state)
{
	struct sockaddr_in name = player_address(true, PORT);
	struct peer p = { .port = PORT };
	socklen_t size = sizeof(int);
	struct sent sent;
	int error;

	(void)state;
	p.fd = make_socket();
	player.fcntl(player.userdata, p.fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(player.connect(player.userdata, p.fd, (struct sockaddr *)&name, sizeof(name)), -1);
	/* One that asks for ECN is repeated without (RFC 3168 6.1.1.1). */
	for (int i = 0; i < 2; i++) {
		player_await(&sent);
		assert_int_equal(sent.segment.flags, i == 0 ? TH_SYN | ECN_ASKED : TH_SYN);
		p.host_port = sent.segment.host_port;
		p.ack = sent.segment.seq + 1;
		send_segment(&p, TH_RST | TH_ACK, NULL, 0);
	}
	assert_int_equal(player.getsockopt(player.userdata, p.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	assert_int_equal(error, ECONNREFUSED);
	assert_int_equal(player.getsockopt(player.userdata, p.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	assert_int_equal(error, 0);
	close_socket(p.fd);
}

static void
a_reset_is_told_once(void **state)
{
	struct peer p = open_passive();
	char buf[8];

	(void)state;
	send_segment(&p, TH_RST, NULL, 0);
	assert_int_equal(player.read(player.userdata, p.fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(player.read(player.userdata, p.fd, buf, sizeof(buf)), 0);
	assert_int_equal(player.write(player.userdata, p.fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EPIPE);
	close_socket(p.fd);
}

static void
unread_data_turns_a_close_into_a_reset(void **state)
{
	struct peer p = open_passive();

	(void)state;
	send_segment(&p, TH_ACK | TH_PUSH, "unread", 6);
	expect_segment(&p, TH_ACK, NULL, 0);
	close_socket(p.fd);
	expect_segment(&p, TH_RST | TH_ACK, NULL, 0);
}

static void
no_linger_turns_a_close_into_a_reset(void **state)
{
	struct peer p = open_passive();
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	(void)state;
	assert_int_equal(player.setsockopt(player.userdata, p.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
	close_socket(p.fd);
	expect_segment(&p, TH_RST | TH_ACK, NULL, 0);
}

/* Whether the FIN was acknowledged or not: nobody will read it. */
static void
data_after_the_close_is_reset(void **state)
{
	(void)state;
	for (int acked = 0; acked < 2; acked++) {
		struct peer p = open_passive();
		struct sent sent;

		close_socket(p.fd);
		expect_segment(&p, TH_ACK | TH_FIN, NULL, 0);
		p.ack -= !acked;
		send_segment(&p, TH_ACK | TH_PUSH, "late", 4);
		player_await(&sent);
		if (sent.segment.flags == TH_ACK)
			player_await(&sent);
		assert_int_equal(sent.segment.flags & TH_RST, TH_RST);
		assert_int_equal(sent.segment.seq, p.ack + !acked);
	}
}

static void
a_peer_that_never_ends_is_given_up_after_a_minute(void **state)
{
	struct peer p = open_passive();
	uint64_t acked_us;
	struct sent sent;

	(void)state;
	close_socket(p.fd);
	expect_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	player.usleep(player.userdata, 20 * MS);
	send_segment(&p, TH_ACK, NULL, 0);
	acked_us = player_now_us();
	player_await(&sent);
	assert_int_equal(sent.segment.flags, TH_RST | TH_ACK);
	assert_in_range(sent.sent_us, acked_us + MINUTE_US - MS, acked_us + MINUTE_US + MS);
}

static void
half_of_a_connection_goes_on(void **state)
{
	struct peer p = open_passive();
	char buf[8];

	(void)state;
	assert_int_equal(player.shutdown(player.userdata, p.fd, SHUT_WR), 0);
	expect_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	send_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player.write(player.userdata, p.fd, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	send_segment(&p, TH_ACK | TH_PUSH, "still", 5);
	expect_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player.read(player.userdata, p.fd, buf, sizeof(buf)), 5);
	close_socket(p.fd);
	send_segment(&p, TH_ACK | TH_FIN, NULL, 0);
	expect_segment(&p, TH_ACK, NULL, 0);
	assert_int_equal(player_drain(), 0);
}

/* What the second thread of the tool does: a call that waits, and a look at the clock when it is over. */
struct blocked {
	_Atomic pid_t thread;
	int fd;
	char buf[16];
	ssize_t n;
	uint64_t end_us;
};

static void *
read_blocking(void *arg)
{
	struct blocked *b = arg;

	b->thread = gettid();
	b->n = player.read(player.userdata, b->fd, b->buf, sizeof(b->buf));
	usleep(20 * MS);	/* a slow thread; of real time, which must not matter */
	b->end_us = player_now_us();
	return NULL;
}

/* As the tool does: a thread that sleeps has made its call. */
static bool
is_asleep(pid_t thread)
{
	char path[64], text[256];
	const char *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	state = strrchr(text, ')');
	return state != NULL && state[2] == 'S';
}

static void
a_blocked_read_ends_at_the_moment_of_the_data(void **state)
{
	struct peer p = open_passive();
	struct blocked b = { .fd = p.fd };
	uint64_t sent_us;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, read_blocking, &b), 0);
	while (b.thread == 0 || !is_asleep(b.thread))
		sched_yield();
	player.usleep(player.userdata, 300 * MS);
	sent_us = player_now_us();
	send_segment(&p, TH_ACK | TH_PUSH, "awaited", 7);
	player.usleep(player.userdata, 5 * S);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(b.n, 7);
	assert_memory_equal(b.buf, "awaited", 7);
	assert_in_range(b.end_us, sent_us, sent_us + 100);
	expect_segment(&p, TH_ACK, NULL, 0);
	close_socket(p.fd);
}

/* RFC 6298: a SYN without an answer is sent again after one second, then after two more. */
static void
timers_run_on_the_virtual_clock(void **state)
{
	struct sockaddr_in name = player_address(true, PORT);
	struct sent sent;
	uint64_t first_us;
	int fd = make_socket();

	(void)state;
	player.fcntl(player.userdata, fd, F_SETFL, O_NONBLOCK);
	player.connect(player.userdata, fd, (struct sockaddr *)&name, sizeof(name));
	player_await(&sent);
	first_us = sent.sent_us;
	player_await(&sent);
	assert_in_range(sent.sent_us, first_us + S, first_us + S + MS);
	player_await(&sent);
	assert_in_range(sent.sent_us, first_us + 3 * S, first_us + 3 * S + MS);
	close_socket(fd);
	assert_int_equal(player_drain(), 0);
}

static void
what_is_no_socket_is_refused(void **state)
{
	char c = 0;

	(void)state;
	assert_int_equal(player.read(player.userdata, 999, &c, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(player.socket(player.userdata, AF_INET6, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
	assert_int_equal(player.socket(player.userdata, AF_INET, SOCK_DGRAM, 0), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
}

/* What a case left open ends, so that nothing of it comes into the next one. */
static int
rest(void **state)
{
	(void)state;
	player_drain();
	return 0;
}

static int
load(void **state)
{
	(void)state;
	player_load(object, "order=linux,mtu=1500,doubles=1,ecn=2,without=timestamps");
	return 0;
}

#define CASE(name) cmocka_unit_test_teardown(name, rest)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_passive_connection_moves_bytes_and_ends),
		CASE(an_active_connection_moves_bytes_and_ends),
		CASE(figures_are_told_as_linux_has_them),
		CASE(a_buffer_is_twice_what_is_asked_for),
		CASE(what_the_way_takes_out_is_in_no_syn),
		CASE(a_refused_connect_tells_why_once),
		CASE(a_reset_is_told_once),
		CASE(unread_data_turns_a_close_into_a_reset),
		CASE(no_linger_turns_a_close_into_a_reset),
		CASE(data_after_the_close_is_reset),
		CASE(a_peer_that_never_ends_is_given_up_after_a_minute),
		CASE(half_of_a_connection_goes_on),
		CASE(a_blocked_read_ends_at_the_moment_of_the_data),
		CASE(timers_run_on_the_virtual_clock),
		CASE(what_is_no_socket_is_refused),
	};

	object = argc > 1 ? argv[1] : "";
	return cmocka_run_group_tests(tests, load, NULL);
}
