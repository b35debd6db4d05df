/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A program of Winsock Kernel for the kernel to talk to. wsk_peer.c: its words; wsk_request.c: a request and its end;
 * wsk_serve.c: who serves.
 */
#ifndef TESTS_SPI_KERNEL_WSK_PEER_H
#define TESTS_SPI_KERNEL_WSK_PEER_H

#include <arpa/inet.h>
#include <stdbool.h>

#include <san/san.h>
#include <san/wsk.h>

struct peer_request {
	const char *name; /* NULL: nothing pends. */
	PIRP irp;
	KEVENT over;
	PMDL mdl;
	WSK_BUF buf;
};

extern WSK_PROVIDER_NPI peer_npi;

/** Say in a line how it ended. */
void
peer_say(const char *what, NTSTATUS status);

/** A request with memory, its routine set. */
PIRP
peer_begin(struct peer_request *r, const char *name, void *mem, SIZE_T len);

/** Wait for it, polling the core meanwhile. */
NTSTATUS
peer_end(struct peer_request *r, ULONG_PTR *information);

/** @param[in] text  NULL: any. */
struct sockaddr_in
peer_address(const char *text, const char *port);

const WSK_PROVIDER_CONNECTION_DISPATCH *
peer_calls(PWSK_SOCKET sock);

void
peer_close(PWSK_SOCKET sock, const char *what);

/** Serve from now on. @param[in] ask  Each request is said, and the first waits for serve_accept(). */
void
serve_listen(const char *port, ULONG conditional, bool ask);

/** What can be done now of what is served. */
void
serve_round(void);

void
serve_accept(void);

/** Close what is served still, whatever pends, and say what became of all. */
void
serve_end(void);

#endif
