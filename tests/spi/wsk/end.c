/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct end *
end_new(unsigned int side, ULONG kind)
{
	struct end *e = calloc(1, sizeof(*e));

	if (e)
		e->stream = malloc(STREAM);
	if (!e || !e->stream)
		abort();
	e->side = side;
	e->kind = kind;
	e->answer[EV_INSPECT] = WskInspectAccept;
	e->next = world.ends;
	world.ends = e;
	return e;
}

void
end_free(struct end *e)
{
	struct end **at = &world.ends;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e->stream);
	/* What touches it after this is to be seen without a sanitizer, too. */
	memset(e, 0x5a, sizeof(*e));
	free(e);
}

struct end *
end_of(unsigned int side, ULONG kind)
{
	struct req *r = post_socket(side, AF_INET, SOCK_STREAM, IPPROTO_TCP, kind);

	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_non_null(r->made->sock);
	return r->made;
}

struct end *
bound(unsigned int side, ULONG kind, uint16_t port)
{
	struct end *e = end_of(side, kind);

	assert_int_equal(await(post_bind(e, side, port)), STATUS_SUCCESS);
	return e;
}

struct end *
conditional(unsigned int side, uint16_t port)
{
	struct end *e = end_of(side, WSK_FLAG_LISTEN_SOCKET);

	assert_int_equal(set_option(e, SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 1), STATUS_SUCCESS);
	assert_int_equal(await(post_bind(e, side, port)), STATUS_SUCCESS);
	enable(e, WSK_EVENT_ACCEPT);
	return e;
}

struct pair
world_pair(void)
{
	struct end *l = bound(SERVER, WSK_FLAG_LISTEN_SOCKET, 79);
	struct pair p;

	p.end[CLIENT] = bound(CLIENT, WSK_FLAG_CONNECTION_SOCKET, 0);
	p.end[SERVER] = joined(p.end[CLIENT], l, 79);
	shut(l);
	return p;
}

struct end *
joined(struct end *e, struct end *l, uint16_t port)
{
	struct req *a = post_accept(l);

	assert_int_equal(await(post_connect(e, SERVER, port)), STATUS_SUCCESS);
	assert_int_equal(await(a), STATUS_SUCCESS);
	return a->made;
}

void
say(struct end *from, struct end *to)
{
	static uint8_t heard[5];	/* a case that fails in here leaves the receive behind */
	struct req *r;

	memset(heard, 0, sizeof(heard));
	r = post_receive(to, heard, sizeof(heard), WSK_FLAG_WAITALL);
	assert_int_equal(await(post_send(from, "hello", 5, 0)), STATUS_SUCCESS);
	assert_int_equal(await(r), STATUS_SUCCESS);
	assert_memory_equal(heard, "hello", 5);
}

void
shut(struct end *e)
{
	assert_int_equal(await(post_close(e)), STATUS_SUCCESS);
}

NTSTATUS
try_enable(struct end *e, ULONG mask)
{
	WSK_EVENT_CALLBACK_CONTROL c = { &NPI_WSK_INTERFACE_ID, mask };

	return control(e, ASK(WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, &c, sizeof(c), NULL,
			      0, NULL));
}

NTSTATUS
disable(struct end *e, ULONG event)
{
	return try_enable(e, event | WSK_EVENT_DISABLE);
}

void
enable(struct end *e, ULONG mask)
{
	assert_int_equal(try_enable(e, mask), STATUS_SUCCESS);
}

NTSTATUS
release(struct end *e, unsigned int n)
{
	const WSK_PROVIDER_CONNECTION_DISPATCH *c = e->sock->Dispatch;
	const WSK_PROVIDER_STREAM_DISPATCH *s = e->sock->Dispatch;
	NTSTATUS status = (e->kind == WSK_FLAG_STREAM_SOCKET ? s->WskRelease
							     : c->WskRelease)(e->sock, e->kept[n]);

	if (NT_SUCCESS(status))
		e->kept[n] = NULL;
	return status;
}

/* The bytes of one entry: Length of them, Offset into the chain. */
static size_t
read_buf(const WSK_BUF *buf, uint8_t *mem, size_t max)
{
	size_t offset = buf->Offset;
	size_t left = buf->Length;
	PMDL mdl;

	for (mdl = buf->Mdl; mdl && left > 0; mdl = mdl->Next) {
		const uint8_t *from = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
		size_t here = MmGetMdlByteCount(mdl) - offset;

		here = here < left ? here : left;
		memcpy(mem, from + offset, here < max ? here : max);
		mem += here < max ? here : max;
		max -= here < max ? here : max;
		left -= here;
		offset = 0;
	}
	if (left > 0)
		world_wrong("an indication has fewer bytes than it says");
	return buf->Length;
}

size_t
indication_read(PWSK_DATA_INDICATION list, void *mem, size_t max)
{
	uint8_t *at = mem;
	size_t sum = 0;

	for (; list; list = list->Next) {
		size_t room = max > sum ? max - sum : 0;

		sum += read_buf(&list->Buffer, at + (sum < max ? sum : max), room);
	}
	return sum;
}

/* Callbacks. They fail no case themselves: world_wrong(). */

static struct call *
enter(struct end *e, enum event event, ULONG flags)
{
	static struct call spare;
	struct call *c = e->nb_calls < CALLS ? &e->call[e->nb_calls] : &spare;

	if (e->inside)
		world_wrong("a callback was called inside another one of its socket");
	if (e->closing && e->closing->done)
		world_wrong("a callback was called after the close had ended");
	e->inside = true;
	e->nb_calls++;
	e->count[event]++;
	*c = (struct call){ .event = event, .when = ++world.now, .flags = flags };
	return c;
}

static NTSTATUS
leave(struct end *e, struct call *c, NTSTATUS answer)
{
	if (e->hook)
		e->hook(e, c);
	e->inside = false;
	e->returned = ++world.now;
	return answer;
}

static NTSTATUS
on_accept(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET sock,
	  PVOID *accepted_context, const WSK_CLIENT_CONNECTION_DISPATCH **accepted_calls)
{
	struct end *e = context;
	struct call *c = enter(e, EV_ACCEPT, flags);
	struct end *made;

	c->dead = !sock;
	if (sock) {
		memcpy(&e->local, local, sizeof(e->local));
		memcpy(&e->remote, remote, sizeof(e->remote));
	}
	if (sock && NT_SUCCESS(e->answer[EV_ACCEPT])) {
		made = end_new(e->side, e->kind == WSK_FLAG_STREAM_SOCKET
						? e->kind
						: WSK_FLAG_CONNECTION_SOCKET);
		made->sock = sock;
		made->take = e->take;
		*accepted_context = made;
		*accepted_calls = &world_connection_calls;
		if (e->nb_accepted < sizeof(e->accepted) / sizeof(e->accepted[0]))
			e->accepted[e->nb_accepted++] = made;
	}
	return leave(e, c, e->answer[EV_ACCEPT]);
}

static WSK_INSPECT_ACTION
on_inspect(PVOID context, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id)
{
	struct end *e = context;
	struct call *c = enter(e, EV_INSPECT, 0);

	c->dead = !id;
	if (id) {
		memcpy(&e->local, local, sizeof(e->local));
		memcpy(&e->remote, remote, sizeof(e->remote));
		if (e->nb_inspect < sizeof(e->inspect) / sizeof(e->inspect[0]))
			e->inspect[e->nb_inspect++] = *id;
	}
	return (WSK_INSPECT_ACTION)leave(e, c, e->answer[EV_INSPECT]);
}

static NTSTATUS
on_abort(PVOID context, PWSK_INSPECT_ID id)
{
	struct end *e = context;
	struct call *c = enter(e, EV_ABORT, 0);

	e->aborted = *id;
	return leave(e, c, STATUS_SUCCESS);
}

static NTSTATUS
on_receive(PVOID context, ULONG flags, PWSK_DATA_INDICATION list, SIZE_T indicated,
	   SIZE_T *accepted)
{
	struct end *e = context;
	struct call *c = enter(e, EV_RECEIVE, flags);
	SIZE_T take = e->take < indicated ? e->take : indicated;

	c->bytes = indicated;
	c->dead = !list;
	if (!list || !NT_SUCCESS(e->answer[EV_RECEIVE]))
		return leave(e, c, e->answer[EV_RECEIVE]);
	if (e->keep) {
		if (e->nb_kept < KEPT)
			e->kept[e->nb_kept++] = list;
		return leave(e, c, STATUS_PENDING);
	}
	if (indication_read(list, e->stream + e->len,
			    take < STREAM - e->len ? take : STREAM - e->len) != indicated)
		world_wrong("an indication does not have the bytes that it is said to have");
	e->len += take < STREAM - e->len ? take : STREAM - e->len;
	*accepted = take;
	return leave(e, c, STATUS_SUCCESS);
}

static NTSTATUS
on_disconnect(PVOID context, ULONG flags)
{
	struct end *e = context;

	return leave(e, enter(e, EV_DISCONNECT, flags), STATUS_SUCCESS);
}

static NTSTATUS
on_backlog(PVOID context, SIZE_T size)
{
	struct end *e = context;
	struct call *c = enter(e, EV_BACKLOG, 0);

	c->bytes = size;
	return leave(e, c, STATUS_SUCCESS);
}

const WSK_CLIENT_LISTEN_DISPATCH world_listen_calls = { on_accept, on_inspect, on_abort };
const WSK_CLIENT_CONNECTION_DISPATCH world_connection_calls = { on_receive, on_disconnect,
								on_backlog };
const WSK_CLIENT_STREAM_DISPATCH world_stream_calls = { &world_listen_calls,
							&world_connection_calls };
