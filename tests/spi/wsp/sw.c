/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sw_priv.h"

#define OP_MAGIC 0x6f766572u
#define EVENT_MAGIC 0x6576656eu
#define FIRST_HANDLE 0x5a000001u	/* never a descriptor of the provider's by chance */

struct sw sw;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local struct sw_sock *made;	/* by the last WPUCreateSocketHandle of this thread */
static _Thread_local bool inside_transfer;	/* WSPSend or WSPRecv */
static bool open_case;

void
sw_fault(const char *fmt, ...)
{
	va_list ap;

	if (sw.nb_faults++ != 0)
		return;
	va_start(ap, fmt);
	vsnprintf(sw.fault, sizeof(sw.fault), fmt, ap);
	va_end(ap);
}

void
sw_sound(void)
{
	if (sw.nb_faults)
		fail_msg("%u faults, the first: %s", sw.nb_faults, sw.fault);
	watch_sound(&sw.net.w);
}

static struct sw_sock *
find(SOCKET handle)
{
	struct sw_sock *s;

	for (s = sw.socks; s; s = s->next) {
		if (s->handle == handle)
			return s;
	}
	return NULL;
}

/* Of every up-call that names a handle. */
static struct sw_sock *
named(const char *call, SOCKET handle)
{
	struct sw_sock *s = find(handle);

	sw.order++;
	if (sw.ended)
		sw_fault("%s after the last WSPCleanup has returned", call);
	if (inside_transfer)
		sw_fault("%s inside WSPSend or WSPRecv", call);
	if (!s) {
		sw_fault("%s for a handle that was never made", call);
		return NULL;
	}
	s->nb_ups++;
	if (s->closed)
		sw_fault("%s for a handle that is closed", call);
	return s;
}

static SOCKET WSPAPI
up_create(DWORD catalog, DWORD_PTR context, LPINT err)
{
	static SOCKET next_handle = FIRST_HANDLE;
	struct sw_sock *s;

	if (sw.fail_create) {
		*err = sw.fail_create;
		return INVALID_SOCKET;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	pthread_mutex_lock(&lock);
	sw.order++;
	s->handle = next_handle++;
	s->s = INVALID_SOCKET;
	s->context = context;
	s->catalog = catalog;
	s->made_by = pthread_self();
	s->ev.magic = EVENT_MAGIC;
	s->ev.sock = s;
	s->next = sw.socks;
	sw.socks = s;
	sw.nb_open++;
	sw.nb_created++;
	made = s;
	pthread_mutex_unlock(&lock);
	if (sw.on_created)
		sw.on_created(s);
	return s->handle;
}

static int WSPAPI
up_close(SOCKET handle, LPINT err)
{
	struct sw_sock *s;
	struct sw_op *op;

	pthread_mutex_lock(&lock);
	s = named("WPUCloseSocketHandle", handle);
	if (s && !s->close_asked && !sw.cleaning && s->s != INVALID_SOCKET)
		sw_fault("WPUCloseSocketHandle, and nobody has closed the socket");
	for (op = s ? s->ops : NULL; op; op = op->next) {
		if (op->starting)
			continue;
		if (op->polled ? op->ov.Internal == WSS_OPERATION_IN_PROGRESS : op->pending)
			sw_fault("WPUCloseSocketHandle before the end of an operation");
	}
	if (s && !s->closed) {
		s->closed_order = sw.order;
		s->closed_by = pthread_self();
		sw.nb_open--;
		sw.nb_closed++;
		/* release, here and below: another thread waits for it, and looks at the rest then */
		__atomic_store_n(&s->closed, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
	if (s && sw.on_closed)
		sw.on_closed(s);
	if (!s)
		*err = WSAENOTSOCK;
	return s ? 0 : SOCKET_ERROR;
}

static void
check_end(const struct sw_sock *s, const struct sw_op *op, DWORD error)
{
	if (op->magic != OP_MAGIC || op->sock != s)
		sw_fault("completion of an operation that is not of this socket");
	else if (!op->pending)
		sw_fault("completion of an operation that is not pending");
	else if (op->polled)
		sw_fault("up-call for a polled operation");
	if (op->ov.Internal != WSS_OPERATION_IN_PROGRESS)
		sw_fault("Internal is 0x%llx at the up-call", (unsigned long long)op->ov.Internal);
	if (op->ov.OffsetHigh != error)
		sw_fault("OffsetHigh is %u at the up-call, the error is %u", op->ov.OffsetHigh, error);
}

static int WSPAPI
up_complete(SOCKET handle, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	struct sw_op *op = (struct sw_op *)ov;
	struct sw_sock *s;

	(void)err;
	pthread_mutex_lock(&lock);
	s = named("WPUCompleteOverlappedRequest", handle);
	if (s && ov) {
		check_end(s, op, error);
		op->nb_ends++;
		op->error = error;
		op->bytes = bytes;
		op->flags = ov->Offset;
		op->order = sw.order;
		op->by = pthread_self();
		if (s->nb_pending)
			s->nb_pending--;
		sw.nb_completed++;
		ov->InternalHigh = bytes;
		ov->Internal = error;
		__atomic_store_n(&op->pending, false, __ATOMIC_RELEASE);
	} else if (!ov) {
		sw_fault("completion without a WSAOVERLAPPED");
	}
	pthread_mutex_unlock(&lock);
	if (s && ov && op->hook)
		op->hook(op);
	return 0;
}

static BOOL WSPAPI
up_set(WSAEVENT event, LPINT err)
{
	struct sw_event *ev = event;

	pthread_mutex_lock(&lock);
	sw.order++;
	if (!ev || ev->magic != EVENT_MAGIC) {
		sw_fault("SetEvent for something else");
		*err = WSA_INVALID_HANDLE;
		pthread_mutex_unlock(&lock);
		return FALSE;
	}
	if (sw.ended || sw.cleaning)
		sw_fault("SetEvent during cleanup or after it");
	if (ev->sock && (ev->sock->close_asked || ev->sock->closed))
		sw_fault("SetEvent for a socket that is being closed");
	if (inside_transfer)
		sw_fault("SetEvent inside WSPSend or WSPRecv");
	ev->nb_set++;
	sw.nb_signals++;
	__atomic_store_n(&ev->set, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
	if (sw.on_event)
		sw.on_event(ev);
	return TRUE;
}

static BOOL WSPAPI
up_reset(WSAEVENT event, LPINT err)
{
	struct sw_event *ev = event;

	pthread_mutex_lock(&lock);
	sw.order++;
	if (!ev || ev->magic != EVENT_MAGIC) {
		sw_fault("ResetEvent for something else");
		*err = WSA_INVALID_HANDLE;
		pthread_mutex_unlock(&lock);
		return FALSE;
	}
	ev->set = false;
	ev->nb_reset++;
	pthread_mutex_unlock(&lock);
	return TRUE;
}

static int WSPAPI
up_context(SOCKET handle, PDWORD_PTR context, LPINT err)
{
	struct sw_sock *s = find(handle);

	if (!s) {
		*err = WSAENOTSOCK;
		return SOCKET_ERROR;
	}
	*context = s->context;
	return 0;
}

void
sw_prepare(const struct net_wish *wish)
{
	memset(&sw, 0, sizeof(sw));
	open_case = true;
	net_open(&sw.net, wish);
	sw.ups.lpWPUCloseSocketHandle = up_close;
	sw.ups.lpWPUCreateSocketHandle = up_create;
	sw.ups.lpWPUQuerySocketHandleContext = up_context;
	sw.ups.lpWPUResetEvent = up_reset;
	sw.ups.lpWPUSetEvent = up_set;
	sw.ups.lpWPUCompleteOverlappedRequest = up_complete;
	sw.info.dwCatalogEntryId = SW_CATALOG;
	sw.info.iVersion = 2;
	sw.info.iAddressFamily = AF_INET;
	sw.info.iSocketType = SOCK_STREAM;
	sw.info.iProtocol = IPPROTO_TCP;
	sw.info.iMaxSockAddr = sizeof(struct sockaddr_in);
	sw.info.iMinSockAddr = sizeof(struct sockaddr_in);
}

int
sw_start(void)
{
	int rc = WSPStartupEx(0x0202, &sw.data, &sw.info, &sw.ups, &sw.calls);

	if (rc == 0) {
		sw.nb_starts++;
		sw.ended = false;
	}
	return rc;
}

static void *
extension(GUID guid)
{
	void *function = NULL;
	DWORD got = 0;
	int err = 0;
	int rc = sw.calls.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid),
				     &function, sizeof(function), &got, NULL, NULL, NULL, &err);

	if (rc != 0)
		fail_msg("an extension function is refused: %d", err);
	return function;
}

void
sw_open(const struct net_wish *wish)
{
	GUID reg = WSAID_REGISTERMEMORY;
	GUID dereg = WSAID_DEREGISTERMEMORY;

	sw_prepare(wish);
	assert_int_equal(sw_start(), 0);
	*(void **)&sw.reg = extension(reg);
	*(void **)&sw.dereg = extension(dereg);
}

int
sw_cleanup(void)
{
	int err = 0;
	int rc;

	sw.cleaning = sw.nb_starts == 1;
	rc = sw.calls.lpWSPCleanup(&err);
	sw.cleaning = false;
	if (rc == 0 && --sw.nb_starts == 0)
		sw.ended = true;
	if (rc != 0 && err == 0)
		sw_fault("WSPCleanup fails without a code");
	return rc == 0 ? 0 : err;
}

static void
free_ops(struct sw_op **list)
{
	struct sw_op *op;

	while ((op = *list)) {
		*list = op->next;
		free(op->mem);
		free(op);
	}
}

static void
free_all(void)
{
	struct sw_sock *s;

	free_ops(&sw.ops);
	while ((s = sw.socks)) {
		sw.socks = s->next;
		free_ops(&s->ops);
		free(s);
	}
}

/* Every operation of a socket that is gone has ended, the polled ones in their structures. */
static void
audit(void)
{
	const struct sw_sock *s;
	const struct sw_op *op;

	for (s = sw.socks; s; s = s->next) {
		if (!s->closed)
			sw_fault("a handle is left open");
		for (op = s->ops; op; op = op->next) {
			if (op->pending && !op->polled)
				sw_fault("an operation has not ended");
			if (op->polled && op->ov.Internal == WSS_OPERATION_IN_PROGRESS)
				sw_fault("a polled operation is in progress for ever");
		}
	}
}

void
sw_close(void)
{
	struct sw_sock *s;

	sw.on_event = NULL;
	sw.on_closed = NULL;
	sw.on_created = NULL;
	sw.net.held[0] = false;
	sw.net.held[1] = false;
	for (s = sw.socks; s; s = s->next) {
		if (!s->close_asked && !s->closed)
			assert_int_equal(sw_shut(s), 0);
	}
	SW_UNTIL(sw.nb_open == 0);
	sw_steps(10);
	while (sw.nb_starts > 0)
		assert_int_equal(sw_cleanup(), 0);
	audit();
	sw_sound();
	net_close(&sw.net);
	free_all();
	open_case = false;
}

void
sw_close_without_net(void)
{
	audit();
	sw_sound();
	assert_int_equal(watch_end(&sw.net.w), 0);
	free_all();
	open_case = false;
}

void
sw_steps(unsigned int rounds)
{
	net_steps(&sw.net, rounds);
}

struct sw_op *
sw_op(size_t size)
{
	struct sw_op *op = calloc(1, sizeof(*op));

	assert_non_null(op);
	op->magic = OP_MAGIC;
	op->size = size;
	op->mem = malloc(size ? size : 1);
	assert_non_null(op->mem);
	memset(op->mem, 0xee, size);
	op->next = sw.ops;
	sw.ops = op;
	return op;
}

struct sw_sock *
sw_last_made(void)
{
	return made;
}

void
sw_forget_made(void)
{
	made = NULL;
}

void
sw_inside_transfer(bool inside)
{
	inside_transfer = inside;
}

void
sw_adopt(struct sw_op *op, struct sw_sock *s)
{
	struct sw_op **from;

	pthread_mutex_lock(&lock);
	for (from = op->sock ? &op->sock->ops : &sw.ops; *from && *from != op; from = &(*from)->next)
		;
	if (*from)
		*from = op->next;
	op->sock = s;
	op->next = s->ops;
	s->ops = op;
	pthread_mutex_unlock(&lock);
}

void
sw_ask_close(struct sw_sock *s)
{
	pthread_mutex_lock(&lock);
	s->close_asked = true;
	pthread_mutex_unlock(&lock);
}

void
sw_begin_op(struct sw_op *op)
{
	pthread_mutex_lock(&lock);
	op->pending = true;
	op->starting = true;
	op->nb_ends = 0;
	op->sock->nb_pending++;
	pthread_mutex_unlock(&lock);
}

void
sw_begun(struct sw_op *op)
{
	pthread_mutex_lock(&lock);
	op->starting = false;
	if (op->pending && !op->polled && op->sock->closed)
		sw_fault("an operation was started, and WPUCloseSocketHandle came before its end");
	pthread_mutex_unlock(&lock);
}

void
sw_not_begun(struct sw_op *op)
{
	pthread_mutex_lock(&lock);
	if (op->nb_ends)
		sw_fault("an operation that was not started, or had ended at once, has an up-call");
	op->pending = false;
	op->starting = false;
	op->sock->nb_pending--;
	pthread_mutex_unlock(&lock);
}

void
sw_run(void **state)
{
	const struct sw_case *it = *state;

	if (!it->alone)
		sw_open(NULL);
	it->run();
	if (!it->alone)
		sw_close();
}

int
sw_case_begin(void **state)
{
	return net_case_begin(state);
}

int
sw_case_end(void **state)
{
	int err;

	/* A case that failed in the middle: give the provider back first, by force. */
	if (open_case) {
		sw.on_event = NULL;
		sw.on_closed = NULL;
		sw.on_created = NULL;
		sw.cleaning = true;
		alarm(120);
		while (sw.nb_starts > 0) {
			sw.nb_starts--;
			sw.calls.lpWSPCleanup(&err);
		}
		open_case = false;
	}
	return net_case_end(state);
}
