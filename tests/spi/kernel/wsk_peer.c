/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of Winsock Kernel for the kernel to talk to: does what its arguments say, one after the other.
 *
 *	wsk_peer EAL-ARGUMENTS -- --config FILE WORD...
 *
 *	connect ADDRESS PORT	make, bind and connect a socket
 *	echo N			send N bytes, receive as many, compare
 *	receive			have a receive pend
 *	flood			have a send pend that is too long for any window
 *	disconnect		end it gracefully both ways
 *	half			... our way only
 *	abort			break it off
 *	watch			say what the callbacks of the connection are told
 *	close			close it, and say what became of all that was pending
 *	listen PORT		serve from now on: what comes goes back; a refused port is said
 *	reject PORT		listen, and reject each request at its inspection
 *	ask PORT		listen, and say each request; the first one waits for SIGUSR1, and is accepted then
 *	hold			go on until SIGINT
 *
 * Each word says in a line how it ended, in the words of the interface; the exit status is 0 when all could be
 * done, however they ended.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <san/san.h>
#include <san/wsk.h>

#define FLOOD (8u << 20)
#define RECEIVES 16384u

struct request {
	const char *name; /* NULL: nothing pends. */
	PIRP irp;
	KEVENT over;
	PMDL mdl;
	WSK_BUF buf;
};

/* A connection that is served: one request at a time. */
struct served {
	PWSK_SOCKET sock;
	struct request req;
	uint8_t data[RECEIVES];
	SIZE_T len;
	enum { RECEIVING, SENDING, ENDING, CLOSING, GONE } does;
	struct served *next;
};

static struct san_host *host;
static struct san_core *core;
static WSK_REGISTRATION reg;
static WSK_PROVIDER_NPI npi;
static PWSK_SOCKET conn;
static PWSK_SOCKET listener;
static struct request pending[2];
static struct served *all_served;
static unsigned int accepted, finished, broken, rejected;
static uint8_t *memory[2];
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t decided;
static bool asks;
static WSK_INSPECT_ID asked;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		decided = 1;
	else
		interrupted = 1;
}

static const char *
name_of(NTSTATUS status)
{
	static char text[16];

	switch (status) {
	case STATUS_SUCCESS:
		return "success";
	case STATUS_CANCELLED:
		return "cancelled";
	case STATUS_CONNECTION_RESET:
		return "reset";
	case STATUS_CONNECTION_REFUSED:
		return "refused";
	case STATUS_CONNECTION_ABORTED:
		return "aborted";
	case STATUS_IO_TIMEOUT:
		return "timed out";
	case STATUS_HOST_UNREACHABLE:
		return "unreachable";
	default:
		snprintf(text, sizeof(text), "0x%08x", (unsigned int)status);
		return text;
	}
}

static void
say(const char *what, NTSTATUS status)
{
	printf("%s: %s\n", what, name_of(status));
	fflush(stdout);
}

static NTSTATUS
signal_it(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	struct request *r = context;

	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(irp);
	KeSetEvent(&r->over, 0, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

/* A request with memory, its routine set. */
static PIRP
begin(struct request *r, const char *name, void *mem, SIZE_T len)
{
	r->name = name;
	r->irp = IoAllocateIrp(1, FALSE);
	r->mdl = len > 0 ? IoAllocateMdl(mem, (ULONG)len, FALSE, FALSE, NULL) : NULL;
	r->buf = (WSK_BUF){ r->mdl, 0, len };
	KeInitializeEvent(&r->over, NotificationEvent, FALSE);
	IoSetCompletionRoutine(r->irp, signal_it, r, TRUE, TRUE, TRUE);
	return r->irp;
}

/* Wait for it, polling the core meanwhile. */
static NTSTATUS
end(struct request *r, ULONG_PTR *information)
{
	NTSTATUS status;

	KeWaitForSingleObject(&r->over, Executive, KernelMode, FALSE, NULL);
	status = r->irp->IoStatus.Status;
	if (information)
		*information = r->irp->IoStatus.Information;
	IoFreeIrp(r->irp);
	if (r->mdl)
		IoFreeMdl(r->mdl);
	r->name = NULL;
	return status;
}

static struct sockaddr_in
address(const char *text, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (text)
		inet_pton(AF_INET, text, &a.sin_addr);
	return a;
}

static const WSK_PROVIDER_CONNECTION_DISPATCH *
calls(PWSK_SOCKET sock)
{
	return sock->Dispatch;
}

static NTSTATUS
told_disconnect(PVOID context, ULONG flags)
{
	UNREFERENCED_PARAMETER(context);
	printf("told: %s\n", flags & WSK_FLAG_ABORTIVE ? "reset" : "disconnected");
	fflush(stdout);
	return STATUS_SUCCESS;
}

static const WSK_CLIENT_CONNECTION_DISPATCH told = { NULL, told_disconnect, NULL };

static void
word_connect(char **arg)
{
	struct sockaddr_in a[2] = { address(NULL, "0"), address(arg[0], arg[1]) };
	struct request r;
	ULONG_PTR sock = 0;
	NTSTATUS status;

	begin(&r, "connect", NULL, 0);
	npi.Dispatch->WskSocketConnect(npi.Client, SOCK_STREAM, IPPROTO_TCP, (PSOCKADDR)&a[0],
				       (PSOCKADDR)&a[1], 0, NULL, &told, NULL, NULL, NULL, r.irp);
	status = end(&r, &sock);
	conn = NT_SUCCESS(status) ? (PWSK_SOCKET)sock : NULL;
	say("connect", status);
}

static void
word_echo(char **arg)
{
	SIZE_T n = (SIZE_T)atoi(arg[0]);
	struct request s;
	struct request r;
	NTSTATUS sent;
	NTSTATUS received;
	SIZE_T i;

	for (i = 0; i < n; i++)
		memory[0][i] = (uint8_t)(i * 2654435761u >> 13);
	memset(memory[1], 0, n);
	begin(&r, "receive", memory[1], n);
	begin(&s, "send", memory[0], n);
	calls(conn)->WskReceive(conn, &r.buf, WSK_FLAG_WAITALL, r.irp);
	calls(conn)->WskSend(conn, &s.buf, 0, s.irp);
	sent = end(&s, NULL);
	received = end(&r, NULL);
	if (NT_SUCCESS(sent) && NT_SUCCESS(received))
		printf("echo: %s\n",
		       memcmp(memory[0], memory[1], n) == 0 ? "the same" : "different");
	else
		say("echo", NT_SUCCESS(sent) ? received : sent);
	fflush(stdout);
}

static void
word_disconnect(char **arg)
{
	struct request d;
	struct request r;

	(void)arg;
	begin(&d, "disconnect", NULL, 0);
	begin(&r, "end", memory[1], 1);
	calls(conn)->WskDisconnect(conn, NULL, 0, d.irp);
	calls(conn)->WskReceive(conn, &r.buf, 0, r.irp);
	say("disconnect", end(&d, NULL));
	say("end", end(&r, NULL));
}

/* Our way only, or all of it at once. */
static void
end_our_way(const char *name, ULONG flags)
{
	struct request d;

	begin(&d, name, NULL, 0);
	calls(conn)->WskDisconnect(conn, NULL, flags, d.irp);
	say(name, end(&d, NULL));
}

static void
word_half(char **arg)
{
	(void)arg;
	end_our_way("half", 0);
}

static void
word_abort(char **arg)
{
	(void)arg;
	end_our_way("abort", WSK_FLAG_ABORTIVE);
}

static void
word_watch(char **arg)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_DISCONNECT };

	(void)arg;
	say("watch",
	    calls(conn)->Basic.WskControlSocket(conn, WskSetOption, SO_WSK_EVENT_CALLBACK,
						SOL_SOCKET, sizeof(c), &c, 0, NULL, NULL, NULL));
}

static void
close_socket(PWSK_SOCKET sock, const char *what)
{
	const WSK_PROVIDER_BASIC_DISPATCH *basic = sock->Dispatch;
	struct request c;

	begin(&c, what, NULL, 0);
	basic->WskCloseSocket(sock, c.irp);
	say(what, end(&c, NULL));
}

static void
do_close(void)
{
	const char *name;
	unsigned int i;

	close_socket(conn, "close");
	for (i = 0; i < 2; i++) {
		name = pending[i].name;
		if (name)
			say(name, end(&pending[i], NULL));
	}
	conn = NULL;
}

/* Serving: after each request the next one, from the loop, not from its routine (W21). */

static NTSTATUS
on_accept(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET sock,
	  PVOID *sock_context, const WSK_CLIENT_CONNECTION_DISPATCH **sock_calls)
{
	struct served *s = calloc(1, sizeof(*s));

	(void)context;
	(void)flags;
	(void)local;
	(void)remote;
	if (!s || !sock)
		return STATUS_REQUEST_NOT_ACCEPTED;
	s->sock = sock;
	s->next = all_served;
	all_served = s;
	accepted++;
	*sock_context = s;
	*sock_calls = NULL;
	return STATUS_SUCCESS;
}

static WSK_INSPECT_ACTION
on_inspect(PVOID context, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id)
{
	(void)context;
	(void)local;
	(void)remote;
	if (!asks || !id || asked.SerialNumber != 0) {
		rejected++;
		return WskInspectReject;
	}
	asked = *id;
	printf("asked\n");
	fflush(stdout);
	return WskInspectPend;
}

static const WSK_CLIENT_LISTEN_DISPATCH listening = { on_accept, on_inspect, NULL };

static void
do_listen(const char *port, ULONG conditional)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, WSK_EVENT_ACCEPT };
	struct sockaddr_in any = address(NULL, port);
	const WSK_PROVIDER_LISTEN_DISPATCH *l;
	struct request r;
	ULONG_PTR sock = 0;
	NTSTATUS status;

	begin(&r, "socket", NULL, 0);
	npi.Dispatch->WskSocket(npi.Client, AF_INET, SOCK_STREAM, IPPROTO_TCP,
				WSK_FLAG_LISTEN_SOCKET, NULL, &listening, NULL, NULL, NULL, r.irp);
	status = end(&r, &sock);
	if (!NT_SUCCESS(status)) {
		say("listen", status);
		return;
	}
	listener = (PWSK_SOCKET)sock;
	l = listener->Dispatch;
	if (conditional) {
		begin(&r, "condition", NULL, 0);
		l->Basic.WskControlSocket(listener, WskSetOption, SO_CONDITIONAL_ACCEPT, SOL_SOCKET,
					  sizeof(conditional), &conditional, 0, NULL, NULL, r.irp);
		status = end(&r, NULL);
	}
	begin(&r, "bind", NULL, 0);
	l->WskBind(listener, (PSOCKADDR)&any, 0, r.irp);
	status = end(&r, NULL);
	if (NT_SUCCESS(status))
		status = l->Basic.WskControlSocket(listener, WskSetOption, SO_WSK_EVENT_CALLBACK,
						   SOL_SOCKET, sizeof(c), &c, 0, NULL, NULL, NULL);
	say("listen", status);
}

static void
serve_next(struct served *s)
{
	begin(&s->req, "served", s->data,
	      s->does == SENDING     ? s->len
	      : s->does == RECEIVING ? sizeof(s->data)
				     : 0);
	if (s->does == RECEIVING)
		calls(s->sock)->WskReceive(s->sock, &s->req.buf, 0, s->req.irp);
	else if (s->does == SENDING)
		calls(s->sock)->WskSend(s->sock, &s->req.buf, 0, s->req.irp);
	else if (s->does == ENDING)
		calls(s->sock)->WskDisconnect(s->sock, NULL, 0, s->req.irp);
	else
		calls(s->sock)->Basic.WskCloseSocket(s->sock, s->req.irp);
}

/* What is to be done after the end of a request. */
static void
go_on(struct served *s, NTSTATUS status, ULONG_PTR n)
{
	if (s->does == CLOSING) {
		s->does = GONE;
	} else if (!NT_SUCCESS(status)) {
		broken++;
		s->does = CLOSING;
	} else if (s->does == RECEIVING) {
		s->len = n;
		s->does = n > 0 ? SENDING : ENDING;
	} else if (s->does == SENDING) {
		s->does = RECEIVING;
	} else {
		finished++;
		s->does = CLOSING;
	}
}

static void
serve_round(void)
{
	struct served *s;
	LARGE_INTEGER now = { .QuadPart = 0 };
	NTSTATUS status;
	ULONG_PTR n;

	for (s = all_served; s; s = s->next) {
		if (s->does == GONE)
			continue;
		if (s->req.name) {
			if (KeWaitForSingleObject(&s->req.over, Executive, KernelMode, FALSE,
						  &now) != STATUS_SUCCESS)
				continue;
			status = end(&s->req, &n);
			go_on(s, status, n);
		}
		if (s->does != GONE)
			serve_next(s);
	}
}

static void
accept_asked(void)
{
	const WSK_PROVIDER_LISTEN_DISPATCH *l = listener->Dispatch;
	struct request r;

	decided = 0;
	begin(&r, "decide", NULL, 0);
	l->WskInspectComplete(listener, &asked, WskInspectAccept, r.irp);
	say("decide", end(&r, NULL));
}

static void
word_hold(char **arg)
{
	(void)arg;
	printf("holding\n");
	fflush(stdout);
	while (!interrupted) {
		san_core_poll(core);
		serve_round();
		if (decided)
			accept_asked();
	}
}

/* Close what is served still, whatever pends. */
static void
end_service(void)
{
	struct served *s;
	NTSTATUS status;
	unsigned int open = 0;
	unsigned int cancelled = 0;

	if (!listener)
		return;
	close_socket(listener, "close listener");
	for (; (s = all_served); all_served = s->next, free(s)) {
		if (s->does == GONE)
			continue;
		if (s->does != CLOSING) {
			open++;
			close_socket(s->sock, "close");
			status = end(&s->req, NULL);
			cancelled += status == STATUS_CANCELLED;
		} else {
			end(&s->req, NULL);
		}
	}
	printf("served: %u accepted, %u finished, %u broken, %u open, %u cancelled, %u rejected\n",
	       accepted, finished, broken, open, cancelled, rejected);
}

static void
word_listen(char **arg)
{
	do_listen(arg[0], 0);
}

static void
word_reject(char **arg)
{
	do_listen(arg[0], 1);
}

static void
word_ask(char **arg)
{
	asks = true;
	do_listen(arg[0], 1);
}

static void
word_receive(char **arg)
{
	(void)arg;
	begin(&pending[0], "receive", memory[1], FLOOD);
	calls(conn)->WskReceive(conn, &pending[0].buf, 0, pending[0].irp);
}

static void
word_flood(char **arg)
{
	(void)arg;
	begin(&pending[1], "send", memory[0], FLOOD);
	calls(conn)->WskSend(conn, &pending[1].buf, 0, pending[1].irp);
}

static void
word_close(char **arg)
{
	(void)arg;
	do_close();
}

static const struct {
	const char *word;
	int args;
	bool connected;
	void (*act)(char **arg);
} words[] = {
	{ "connect", 2, false, word_connect }, { "listen", 1, false, word_listen },
	{ "reject", 1, false, word_reject },   { "hold", 0, false, word_hold },
	{ "echo", 1, true, word_echo },        { "receive", 0, true, word_receive },
	{ "flood", 0, true, word_flood },      { "disconnect", 0, true, word_disconnect },
	{ "half", 0, true, word_half },        { "abort", 0, true, word_abort },
	{ "watch", 0, true, word_watch },      { "close", 0, true, word_close },
	{ "ask", 1, false, word_ask },
};

/* @return How many words it was; 0: it cannot be done. */
static int
do_word(char **word, int left)
{
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word[0], words[i].word) != 0 || left <= words[i].args ||
		    (words[i].connected && !conn))
			continue;
		words[i].act(word + 1);
		return 1 + words[i].args;
	}
	return 0;
}

static bool
start(int argc, char **argv, int *used)
{
	static const WSK_CLIENT_DISPATCH client = { MAKE_WSK_VERSION(1, 0), 0, NULL };
	WSK_CLIENT_NPI me = { NULL, &client };
	struct san_conf *conf = san_conf_create();
	int n = san_startup(argc, argv);

	*used = n + 3;
	if (n < 0 || n + 3 > argc || san_conf_load(conf, argv[n + 2]) < 0 ||
	    san_host_create(conf, &host) < 0)
		return false;
	san_conf_destroy(conf);
	core = san_core_get(host, 0);
	memory[0] = calloc(1, FLOOD);
	memory[1] = calloc(1, FLOOD);
	return memory[0] && memory[1] && san_core_claim(core) == 0 && san_wsk_start(host, 0) == 0 &&
	       WskRegister(&me, &reg) == STATUS_SUCCESS &&
	       WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &npi) == STATUS_SUCCESS;
}

int
main(int argc, char **argv)
{
	int at;
	int took;

	signal(SIGINT, on_signal);
	signal(SIGUSR1, on_signal);
	if (!start(argc, argv, &at)) {
		fprintf(stderr, "wsk_peer: %s\n", san_error());
		return 1;
	}
	for (; at < argc; at += took) {
		took = do_word(argv + at, argc - at);
		if (took == 0) {
			fprintf(stderr, "wsk_peer: cannot %s\n", argv[at]);
			return 1;
		}
	}
	end_service();
	if (conn)
		do_close();
	WskReleaseProviderNPI(&reg);
	WskDeregister(&reg);
	san_wsk_stop(host);
	san_core_release(core);
	free(memory[0]);
	free(memory[1]);
	return san_cleanup() == 0 ? 0 : 1;
}
