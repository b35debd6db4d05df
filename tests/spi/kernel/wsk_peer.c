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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsk_peer.h"

#define FLOOD (8u << 20)

static struct san_host *host;
static struct san_core *core;
static WSK_REGISTRATION reg;
static PWSK_SOCKET conn;
static struct peer_request pending[2];
static uint8_t *memory[2];
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t decided;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		decided = 1;
	else
		interrupted = 1;
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
	struct sockaddr_in a[2] = { peer_address(NULL, "0"), peer_address(arg[0], arg[1]) };
	struct peer_request r;
	ULONG_PTR sock = 0;
	NTSTATUS status;

	peer_begin(&r, "connect", NULL, 0);
	peer_npi.Dispatch->WskSocketConnect(peer_npi.Client, SOCK_STREAM, IPPROTO_TCP, (PSOCKADDR)&a[0],
				       (PSOCKADDR)&a[1], 0, NULL, &told, NULL, NULL, NULL, r.irp);
	status = peer_end(&r, &sock);
	conn = NT_SUCCESS(status) ? (PWSK_SOCKET)sock : NULL;
	peer_say("connect", status);
}

static void
word_echo(char **arg)
{
	SIZE_T n = (SIZE_T)atoi(arg[0]);
	struct peer_request s;
	struct peer_request r;
	NTSTATUS sent;
	NTSTATUS received;
	SIZE_T i;

	for (i = 0; i < n; i++)
		memory[0][i] = (uint8_t)(i * 2654435761u >> 13);
	memset(memory[1], 0, n);
	peer_begin(&r, "receive", memory[1], n);
	peer_begin(&s, "send", memory[0], n);
	peer_calls(conn)->WskReceive(conn, &r.buf, WSK_FLAG_WAITALL, r.irp);
	peer_calls(conn)->WskSend(conn, &s.buf, 0, s.irp);
	sent = peer_end(&s, NULL);
	received = peer_end(&r, NULL);
	if (NT_SUCCESS(sent) && NT_SUCCESS(received))
		printf("echo: %s\n",
		       memcmp(memory[0], memory[1], n) == 0 ? "the same" : "different");
	else
		peer_say("echo", NT_SUCCESS(sent) ? received : sent);
	fflush(stdout);
}

static void
word_disconnect(char **arg)
{
	struct peer_request d;
	struct peer_request r;

	(void)arg;
	peer_begin(&d, "disconnect", NULL, 0);
	peer_begin(&r, "end", memory[1], 1);
	peer_calls(conn)->WskDisconnect(conn, NULL, 0, d.irp);
	peer_calls(conn)->WskReceive(conn, &r.buf, 0, r.irp);
	peer_say("disconnect", peer_end(&d, NULL));
	peer_say("end", peer_end(&r, NULL));
}

/* Our way only, or all of it at once. */
static void
end_our_way(const char *name, ULONG flags)
{
	struct peer_request d;

	peer_begin(&d, name, NULL, 0);
	peer_calls(conn)->WskDisconnect(conn, NULL, flags, d.irp);
	peer_say(name, peer_end(&d, NULL));
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
	peer_say("watch",
	    peer_calls(conn)->Basic.WskControlSocket(conn, WskSetOption, SO_WSK_EVENT_CALLBACK,
						SOL_SOCKET, sizeof(c), &c, 0, NULL, NULL, NULL));
}

static void
do_close(void)
{
	const char *name;
	unsigned int i;

	peer_close(conn, "close");
	for (i = 0; i < 2; i++) {
		name = pending[i].name;
		if (name)
			peer_say(name, peer_end(&pending[i], NULL));
	}
	conn = NULL;
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
		if (decided) {
			decided = 0;
			serve_accept();
		}
	}
}

static void
word_listen(char **arg)
{
	serve_listen(arg[0], 0, false);
}

static void
word_reject(char **arg)
{
	serve_listen(arg[0], 1, false);
}

static void
word_ask(char **arg)
{
	serve_listen(arg[0], 1, true);
}

static void
word_receive(char **arg)
{
	(void)arg;
	peer_begin(&pending[0], "receive", memory[1], FLOOD);
	peer_calls(conn)->WskReceive(conn, &pending[0].buf, 0, pending[0].irp);
}

static void
word_flood(char **arg)
{
	(void)arg;
	peer_begin(&pending[1], "send", memory[0], FLOOD);
	peer_calls(conn)->WskSend(conn, &pending[1].buf, 0, pending[1].irp);
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
	       WskCaptureProviderNPI(&reg, WSK_NO_WAIT, &peer_npi) == STATUS_SUCCESS;
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
	serve_end();
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
