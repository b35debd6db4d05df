/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A switch that does what it is told over the SAN provider interface, line by line, and says what comes back.
 *
 *   spi-switch EAL-ARGUMENTS -- CONFIG
 *
 * Sockets are numbered as they are made, from 0; a code is 0 or that of Windows Sockets.
 *
 *   addresses                       addresses COUNT A.B.C.D...
 *   socket                          socket N CODE
 *   option N reuse|exclusive VALUE  option N CODE
 *   bind N A.B.C.D PORT             bind N CODE
 *   listen N BACKLOG                listen N CODE
 *   select N EVENTS                 select N CODE
 *   connect N A.B.C.D PORT          connect N CODE
 *   accept N [reject]               accept N CODE [NEW A.B.C.D PORT]
 *   recv N LENGTH COUNT             recv N CODE for each that is refused
 *   send N LENGTH                   send N CODE if it is refused
 *   drain N LENGTH                  drained N LENGTH good|bad, when so much has come
 *   close N                         close N CODE
 *   cleanup, start                  cleanup CODE, start CODE
 *
 * Of itself: event N accept|connect CODE, received N CODE BYTES, sent N CODE BYTES, closed N.
 * What is sent and drained is the stream of octets 0 to 250 and again.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <san/wsp.h>

#include "../../../apps/common/prog.h"

#define SOCKETS 256
#define CYCLE 251u
#define DRAIN 65536u

struct sock {
	SOCKET s;
	unsigned int number;
	bool event;
	uint64_t sent;		/* offsets of the stream */
	uint64_t received;
	uint64_t wanted;	/* by drain */
	bool bad;
};

struct transfer {
	WSAOVERLAPPED ov;
	struct sock *sock;
	HANDLE reg;
	WSABUFEX buf;
	bool is_send;
	bool drains;
	unsigned char data[];
};

static struct sock socks[SOCKETS];
static unsigned int nb_socks;
static struct sock *made;
static WSPPROC_TABLE calls;
static LPWSPREGISTERMEMORY reg;
static LPWSPDEREGISTERMEMORY dereg;
static struct prog prog;

static SOCKET WSPAPI
up_create(DWORD catalog, DWORD_PTR context, LPINT err)
{
	struct sock *s;

	(void)catalog;
	(void)context;
	if (nb_socks == SOCKETS) {
		*err = WSAENOBUFS;
		return INVALID_SOCKET;
	}
	s = &socks[nb_socks];
	memset(s, 0, sizeof(*s));
	s->number = nb_socks++;
	made = s;
	return s->number + 1000;
}

static struct sock *
of_handle(SOCKET handle)
{
	return &socks[handle - 1000];
}

static int WSPAPI
up_close(SOCKET handle, LPINT err)
{
	(void)err;
	prog_say("closed %u", of_handle(handle)->number);
	return 0;
}

static void
post_recv(struct sock *s, unsigned int len, bool drains);

static void
take_data(struct sock *s, const struct transfer *t, DWORD bytes)
{
	for (DWORD i = 0; i < bytes; i++)
		s->bad |= t->data[i] != (s->received + i) % CYCLE;
	s->received += bytes;
}

static int WSPAPI
up_complete(SOCKET handle, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	struct transfer *t = (struct transfer *)ov;
	struct sock *s = of_handle(handle);
	int code;

	(void)err;
	ov->InternalHigh = bytes;
	ov->Internal = error;
	if (!t->is_send)
		take_data(s, t, bytes);
	if (dereg(s->s, t->reg, &code) != 0 && error != WSA_OPERATION_ABORTED)
		prog_say("memory %u %d", s->number, code);
	if (!t->drains || error != 0 || bytes == 0)
		prog_say("%s %u %u %u", t->is_send ? "sent" : "received", s->number, error, bytes);
	else if (s->received < s->wanted)
		post_recv(s, DRAIN, true);
	else
		prog_say("drained %u %llu %s", s->number, (unsigned long long)s->received, s->bad ? "bad" : "good");
	free(t);
	return 0;
}

static BOOL WSPAPI
up_set(WSAEVENT event, LPINT err)
{
	(void)err;
	((struct sock *)event)->event = true;
	return TRUE;
}

static BOOL WSPAPI
up_reset(WSAEVENT event, LPINT err)
{
	(void)err;
	((struct sock *)event)->event = false;
	return TRUE;
}

static int
start(void)
{
	WSPUPCALLTABLEEX ups = {
		.lpWPUCloseSocketHandle = up_close,
		.lpWPUCreateSocketHandle = up_create,
		.lpWPUCompleteOverlappedRequest = up_complete,
		.lpWPUSetEvent = up_set,
		.lpWPUResetEvent = up_reset,
	};
	GUID guid[2] = { WSAID_REGISTERMEMORY, WSAID_DEREGISTERMEMORY };
	WSAPROTOCOL_INFOW info = { .dwCatalogEntryId = 1 };
	WSPDATA data;
	DWORD got;
	int err;
	int rc = WSPStartupEx(0x0202, &data, &info, &ups, &calls);

	if (rc == 0)
		rc = calls.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid[0], sizeof(guid[0]),
				      &reg, sizeof(reg), &got, NULL, NULL, NULL, &err);
	if (rc == 0)
		rc = calls.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid[1], sizeof(guid[1]),
				      &dereg, sizeof(dereg), &got, NULL, NULL, NULL, &err);
	return rc;
}

static struct transfer *
make_transfer(struct sock *s, unsigned int len, int *err)
{
	struct transfer *t = calloc(1, sizeof(*t) + len);

	if (t == NULL)
		exit(1);
	t->sock = s;
	t->reg = reg(s->s, t->data, len, MEM_READWRITE, err);
	t->buf = (WSABUFEX){ .len = len, .buf = (char *)t->data, .handle = t->reg };
	return t;
}

static void
post_recv(struct sock *s, unsigned int len, bool drains)
{
	int err = 0;
	struct transfer *t = make_transfer(s, len, &err);
	DWORD bytes, flags = 0;

	t->drains = drains;
	calls.lpWSPRecv(s->s, &t->buf, 1, &bytes, &flags, &t->ov, NULL, NULL, &err);
	if (err == WSA_IO_PENDING)
		return;
	prog_say("recv %u %d", s->number, err);
	free(t);
}

static void
post_send(struct sock *s, unsigned int len)
{
	int err = 0;
	struct transfer *t = make_transfer(s, len, &err);
	DWORD bytes;

	t->is_send = true;
	for (unsigned int i = 0; i < len; i++)
		t->data[i] = (unsigned char)((s->sent + i) % CYCLE);
	calls.lpWSPSend(s->s, &t->buf, 1, &bytes, 0, &t->ov, NULL, NULL, &err);
	if (err == WSA_IO_PENDING) {
		s->sent += len;
		return;
	}
	prog_say("send %u %d", s->number, err);
	free(t);
}

static int CALLBACK
decide_condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
		 LPWSABUF callee_data, GROUP *g, DWORD_PTR arg)
{
	(void)caller, (void)caller_data, (void)sqos, (void)gqos, (void)callee, (void)callee_data, (void)g;
	return arg ? CF_REJECT : CF_ACCEPT;
}

static void
accept_one(struct sock *s, bool reject)
{
	struct sockaddr_in peer;
	int len = sizeof(peer);
	int err = 0;
	SOCKET d = calls.lpWSPAccept(s->s, (struct sockaddr *)&peer, &len, decide_condition, reject, &err);

	if (d == INVALID_SOCKET) {
		prog_say("accept %u %d", s->number, err);
		return;
	}
	made->s = d;
	prog_say("accept %u 0 %u %s %u", s->number, made->number, inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
}

static void
say_addresses(void)
{
	union {
		SOCKET_ADDRESS_LIST list;
		char room[4096];
	} out;
	const SOCKET_ADDRESS *list = out.list.Address;
	char text[512] = "";
	DWORD got;
	int err = 0;

	if (calls.lpWSPIoctl(socks[0].s, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, sizeof(out), &got, NULL, NULL, NULL,
			     &err) != 0) {
		prog_say("addresses failed %d", err);
		return;
	}
	for (int i = 0; i < out.list.iAddressCount; i++) {
		strcat(text, " ");
		strcat(text, inet_ntoa(((struct sockaddr_in *)list[i].lpSockaddr)->sin_addr));
	}
	prog_say("addresses %d%s", out.list.iAddressCount, text);
}

static void
name_call(struct sock *s, const char *word, const char *address, unsigned int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int err = 0;

	inet_aton(address, &a.sin_addr);
	if (word[0] == 'b')
		calls.lpWSPBind(s->s, (struct sockaddr *)&a, sizeof(a), &err);
	else
		calls.lpWSPConnect(s->s, (struct sockaddr *)&a, sizeof(a), NULL, NULL, NULL, NULL, &err);
	prog_say("%s %u %d", word, s->number, err);
}

static void
whole_call(const char *word)
{
	int err = 0;

	if (strcmp(word, "socket") == 0) {
		SOCKET d = calls.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &err);

		made->s = d;
		prog_say("socket %u %d", made->number, err);
	} else if (strcmp(word, "addresses") == 0) {
		say_addresses();
	} else if (strcmp(word, "cleanup") == 0) {
		calls.lpWSPCleanup(&err);
		prog_say("cleanup %d", err);
	} else if (strcmp(word, "start") == 0) {
		prog_say("start %d", start());
	}
}

static void
sock_call(struct sock *s, const char *word, const char *first, unsigned int second)
{
	unsigned int number = (unsigned int)strtoul(first, NULL, 10);
	int err = 0;

	if (strcmp(word, "bind") == 0 || strcmp(word, "connect") == 0) {
		name_call(s, word, first, second);
	} else if (strcmp(word, "listen") == 0) {
		calls.lpWSPListen(s->s, (int)number, &err);
		prog_say("listen %u %d", s->number, err);
	} else if (strcmp(word, "option") == 0) {
		calls.lpWSPSetSockOpt(s->s, SOL_SOCKET, first[0] == 'r' ? SO_REUSEADDR : SO_EXCLUSIVEADDRUSE,
				      (const char *)&second, sizeof(second), &err);
		prog_say("option %u %d", s->number, err);
	} else if (strcmp(word, "select") == 0) {
		calls.lpWSPEventSelect(s->s, s, (LONG)number, &err);
		prog_say("select %u %d", s->number, err);
	} else if (strcmp(word, "accept") == 0) {
		accept_one(s, first[0] == 'r');
	} else if (strcmp(word, "recv") == 0) {
		for (unsigned int i = 0; i < second; i++)
			post_recv(s, number, false);
	} else if (strcmp(word, "send") == 0) {
		post_send(s, number);
	} else if (strcmp(word, "drain") == 0) {
		s->wanted = number;
		post_recv(s, DRAIN, true);
	} else if (strcmp(word, "close") == 0) {
		calls.lpWSPCloseSocket(s->s, &err);
		prog_say("close %u %d", s->number, err);
	}
}

static void
obey(const char *line)
{
	char word[32] = "", first[64] = "";
	unsigned int n = 0, second = 0;

	if (sscanf(line, "%31s %u %63s %u", word, &n, first, &second) == 1)
		whole_call(word);
	else if (n < nb_socks)
		sock_call(&socks[n], word, first, second);
}

/* Whole lines of what has come; false at the end of the input. */
static bool
listen_to_orders(void)
{
	static char text[4096];
	static size_t len;
	ssize_t n = read(STDIN_FILENO, text + len, sizeof(text) - len - 1);
	char *end;

	if (n == 0)
		return false;
	if (n > 0)
		len += (size_t)n;
	text[len] = '\0';
	while ((end = strchr(text, '\n')) != NULL) {
		*end = '\0';
		obey(text);
		len -= (size_t)(end + 1 - text);
		memmove(text, end + 1, len + 1);
	}
	return true;
}

static void
tell_events(void)
{
	WSANETWORKEVENTS events;
	int err;

	for (unsigned int i = 0; i < nb_socks; i++) {
		if (!socks[i].event)
			continue;
		socks[i].event = false;
		if (calls.lpWSPEnumNetworkEvents(socks[i].s, &socks[i], &events, &err) != 0)
			continue;
		if (events.lNetworkEvents & FD_ACCEPT)
			prog_say("event %u accept %d", i, events.iErrorCode[FD_ACCEPT_BIT]);
		if (events.lNetworkEvents & FD_CONNECT)
			prog_say("event %u connect %d", i, events.iErrorCode[FD_CONNECT_BIT]);
	}
}

int
main(int argc, char **argv)
{
	char **own;
	int nb = prog_split(&argc, argv, "spi-switch EAL-ARGUMENTS -- CONFIG\n", &own);

	if (nb != 2)
		prog_refuse("CONFIG is wanted.");
	if (!prog_open(&prog, argc, argv, own[1], 64))
		return 1;
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	prog_say("started %d", start());
	while (!prog_stop && !prog.down && listen_to_orders()) {
		prog_poll(&prog);
		tell_events();
	}
	prog_cleanup(&prog);
	prog_end_cq(&prog);
	return 0;
}
