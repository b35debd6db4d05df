/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Switch: as little of a Windows Sockets switch as a program needs that uses the SAN provider interface.
 *
 * Model:     descriptors are pointers to what they stand for; an event object is a flag. An up-call says what has
 *            happened by calling the program back.
 * Threads:   one.
 */
#ifndef APPS_WSP_ECHO_SWITCH_H
#define APPS_WSP_ECHO_SWITCH_H

#include <stdbool.h>

#include <san/wsp.h>

/** An event object; its address is the WSAEVENT. */
struct event {
	bool set;
};

/** An operation, and whom it belongs to. */
struct operation {
	WSAOVERLAPPED ov;	/**< First: the address of one is that of the other. */
	void (*ended)(struct operation *op, DWORD error, DWORD bytes);
	void *owner;
};

/** What the provider offers. */
struct provider {
	WSPPROC_TABLE call;
	LPWSPREGISTERMEMORY register_memory;
	LPWSPDEREGISTERMEMORY deregister_memory;
};

/** The provider's table and extension functions. @return 0 or the code. */
int
switch_start(struct provider *p);

/** Called when a descriptor's last up-call has come; context as in CreateSocketHandle: the provider's descriptor. */
extern void (*switch_closed)(SOCKET provider_socket);

/** A code in words. */
const char *
switch_text(int code);

#endif
