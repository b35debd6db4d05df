/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WskReceiveEvent (W43 to W50): one native receive at a time into a block, which is then shown to the program, or
 * copied to requests that wait. One of these has the stream:
 *
 *   fill      a block is posted; requests are held until it comes back
 *   left      received bytes, for requests first, then for the callback
 *   natives   requests that are posted themselves; the callback waits
 *
 * A socket has one block; 64 more of each core are there for what programs keep.
 */
#include <errno.h>
#include <stdlib.h>

#include "sock/sleep.h"
#include "spi/wsk/priv.h"

#define BLOCK 8192u
#define KEPT_BLOCKS 64u
#define FEW_BLOCKS 16u

struct sani_wsk_block {
	WSK_DATA_INDICATION ind;
	MDL mdl;
	struct sani_wsk_core *wc;
	struct sani_wsk_block *next;	/**< Free, or released. */
	_Atomic bool kept;
	uint8_t data[BLOCK];
};

static void
put_block(struct sani_wsk_core *wc, struct sani_wsk_block *b)
{
	if (wc->nb_blocks > wc->want_blocks) {
		wc->nb_blocks--;
		free(b);
		return;
	}
	b->next = wc->blocks;
	wc->blocks = b;
	wc->nb_free++;
}

static void
grow(struct sani_wsk_core *wc)
{
	while (wc->nb_blocks < wc->want_blocks) {
		struct sani_wsk_block *b = malloc(sizeof(*b));

		if (b == NULL)
			return;
		memset(b, 0, offsetof(struct sani_wsk_block, data));
		b->wc = wc;
		wc->nb_blocks++;
		put_block(wc, b);
	}
}

static struct sani_wsk_block *
get_block(struct sani_wsk_core *wc)
{
	struct sani_wsk_block *b = wc->blocks;

	if (b == NULL)
		return NULL;
	wc->blocks = b->next;
	wc->nb_free--;
	return b;
}

void
sani_wsk_blocks_free(struct sani_wsk_core *wc)
{
	struct sani_wsk_block *b;

	sani_wsk_take_released(wc);
	while ((b = get_block(wc)) != NULL)
		free(b);
}

struct sani_wsk_rx *
sani_wsk_rx_make(struct sani_wsk_sock *s)
{
	struct sani_wsk_rx *rx = aligned_alloc(SANI_CACHE_LINE, sizeof(*rx));

	if (rx == NULL)
		return NULL;
	memset(rx, 0, sizeof(*rx));
	rx->sock = s;
	return rx;
}

void
sani_wsk_rx_enter(struct sani_wsk_sock *s, struct sani_wsk_rx *rx)
{
	struct sani_wsk_core *wc = s->core;

	s->rx = rx;
	sani_wsk_sock_straighten(s);
	wc->want_blocks += wc->want_blocks == 0 ? KEPT_BLOCKS + 1 : 1;
	grow(wc);
}

static void
unlink_starved(struct sani_wsk_sock *s)
{
	struct sani_wsk_sock **at = &s->core->starved;

	if (!s->rx->starved)
		return;
	while (*at != s)
		at = &(*at)->next_starved;
	*at = s->next_starved;
	s->rx->starved = false;
}

void
sani_wsk_rx_free(struct sani_wsk_sock *s)
{
	struct sani_wsk_rx *rx = s->rx;

	free(atomic_exchange(&s->rx_new, NULL));
	if (rx == NULL)
		return;
	unlink_starved(s);
	s->core->want_blocks--;
	if (rx->left != NULL)
		put_block(s->core, rx->left);
	if (rx->fill != NULL)
		put_block(s->core, rx->fill);
	s->rx = NULL;
	free(rx);
}

static void
on_filled(struct sani_wsk_core *wc, const struct san_completion *comp)
{
	struct sani_wsk_rx *rx = SANI_CONTAINER(comp->op, struct sani_wsk_rx, op);
	struct sani_wsk_block *b = rx->fill;

	rx->fill = NULL;
	if (comp->result > 0) {
		rx->left = b;
		rx->at = 0;
		rx->len = (uint32_t)comp->result;
	} else {
		rx->ended = true;
		put_block(wc, b);
	}
	sani_wsk_rx_go(rx->sock);
}

static void
post_fill(struct sani_wsk_sock *s)
{
	struct sani_wsk_core *wc = s->core;
	struct sani_wsk_rx *rx = s->rx;
	struct sani_wsk_block *b = get_block(wc);
	int rc;

	if (b == NULL) {
		if (!rx->starved) {
			s->next_starved = wc->starved;
			wc->starved = s;
			rx->starved = true;
		}
		return;
	}
	rx->op.user = sani_wsk_user(on_filled);
	rc = san_recv(s->h, &rx->op, b->data, BLOCK, 0);
	if (rc == 0) {
		rx->fill = b;
		return;
	}
	put_block(wc, b);
	if (rc == -EAGAIN)
		sani_wsk_kick(s);	/* no place: the next turn tries again */
	else
		rx->ended = true;
}

/* Copy what is left to a request. @return How many bytes. */
static uint32_t
copy_left(const struct sani_wsk_rx *rx, const ULONG_PTR *arg)
{
	SIZE_T offset = arg[SANI_WSK_OFFSET] + arg[SANI_WSK_DONE];
	SIZE_T want = arg[SANI_WSK_LENGTH] - arg[SANI_WSK_DONE];
	const MDL *mdl = (const MDL *)arg[SANI_WSK_MDL];
	uint32_t done = 0;

	for (; mdl != NULL && done < rx->len && done < want; mdl = mdl->Next) {
		SIZE_T len;

		if (offset >= mdl->ByteCount) {
			offset -= mdl->ByteCount;
			continue;
		}
		len = RTE_MIN(RTE_MIN(mdl->ByteCount - offset, want - done), (SIZE_T)(rx->len - done));
		memcpy((char *)mdl->MappedSystemVa + offset, rx->left->data + rx->at + done, len);
		done += (uint32_t)len;
		offset = 0;
	}
	return done;
}

static void
consume(struct sani_wsk_sock *s, uint32_t n)
{
	struct sani_wsk_rx *rx = s->rx;

	rx->at += n;
	rx->len -= n;
	if (rx->len > 0)
		return;
	put_block(s->core, rx->left);
	rx->left = NULL;
}

/* The oldest request takes of what is left. */
static void
serve(struct sani_wsk_sock *s)
{
	struct sani_wsk_rx *rx = s->rx;
	PIRP irp = rx->held.head;
	ULONG_PTR *arg = sani_wsk_args(irp);
	uint32_t n;

	if (arg[SANI_WSK_FLAGS] & WSK_FLAG_DRAIN) {
		consume(s, rx->len);
		return;
	}
	n = copy_left(rx, arg);
	if (n == 0) {
		sani_wsk_finish(sani_wsk_next(&rx->held), STATUS_INVALID_BUFFER_SIZE, 0);
		return;
	}
	arg[SANI_WSK_DONE] += n;
	consume(s, n);
	if (arg[SANI_WSK_DONE] == arg[SANI_WSK_LENGTH] || !(arg[SANI_WSK_FLAGS] & WSK_FLAG_WAITALL))
		sani_wsk_finish(sani_wsk_next(&rx->held), STATUS_SUCCESS, arg[SANI_WSK_DONE]);
}

static NTSTATUS
call_program(struct sani_wsk_sock *s, SIZE_T *accepted)
{
	struct sani_wsk_rx *rx = s->rx;
	struct sani_wsk_block *b = rx->left;
	ULONG flags = WSK_FLAG_AT_DISPATCH_LEVEL;
	NTSTATUS status;

	MmInitializeMdl(&b->mdl, b->data, BLOCK);
	b->ind = (WSK_DATA_INDICATION){ .Buffer = { &b->mdl, rx->at, rx->len } };
	*accepted = rx->len;
	if (s->core->nb_free < FEW_BLOCKS)
		flags |= WSK_FLAG_RELEASE_ASAP;
	/* Before the call: another thread may release it before that returns. */
	atomic_store(&b->kept, true);
	status = s->on_conn->WskReceiveEvent(s->context, flags, &b->ind, rx->len, accepted);
	if (status != STATUS_PENDING)
		atomic_store(&b->kept, false);
	return status;
}

/* @return False: there is nothing more to do now. */
static bool
indicate(struct sani_wsk_sock *s)
{
	struct sani_wsk_rx *rx = s->rx;
	SIZE_T accepted;
	NTSTATUS status;

	if (!sani_wsk_event_begin(s, WSK_EVENT_RECEIVE))
		return false;
	status = call_program(s, &accepted);
	sani_wsk_event_end(s);
	if (status == STATUS_PENDING) {
		rx->left = NULL;
		return true;
	}
	if (!NT_SUCCESS(status))
		accepted = 0;
	/* Requests that were made meanwhile let it go on (W45). */
	rx->stopped = accepted < rx->len && rx->held.head == NULL;
	consume(s, (uint32_t)RTE_MIN(accepted, (SIZE_T)rx->len));
	return true;
}

static bool
do_step(struct sani_wsk_sock *s)
{
	struct sani_wsk_rx *rx = s->rx;

	if (s->closing || s->native_over)
		return false;
	if (rx->held.head != NULL && rx->left != NULL) {
		serve(s);
		return true;
	}
	if (rx->held.head != NULL && rx->fill == NULL) {
		PIRP irp = sani_wsk_next(&rx->held);

		irp->Step |= SANI_WSK_BY_RX;
		rx->natives++;
		sani_wsk_receive_now(irp);
		return true;
	}
	if (rx->held.head != NULL || rx->natives > 0 || rx->stopped ||
	    !(atomic_load(&s->events) & WSK_EVENT_RECEIVE))
		return false;
	if (rx->left != NULL)
		return indicate(s);
	if (rx->fill == NULL && !rx->ended)
		post_fill(s);
	return false;
}

void
sani_wsk_rx_go(struct sani_wsk_sock *s)
{
	struct sani_wsk_rx *rx = s->rx;

	if (rx->busy)
		return;
	rx->busy = true;
	while (do_step(s))
		;
	rx->busy = false;
	sani_wsk_tell_disconnect(s);
}

void
sani_wsk_rx_request(struct sani_wsk_sock *s, PIRP irp)
{
	const ULONG_PTR *arg = sani_wsk_args(irp);
	struct sani_wsk_rx *rx = s->rx;

	rx->stopped = false;
	if (arg[SANI_WSK_LENGTH] == 0 && !(arg[SANI_WSK_FLAGS] & WSK_FLAG_DRAIN))
		sani_wsk_finish(irp, STATUS_SUCCESS, 0);
	else
		sani_wsk_hold(&rx->held, irp);
	/* In a call no callback may run: the next turn goes on. */
	sani_wsk_kick(s);
}

void
sani_wsk_rx_ended(struct sani_wsk_sock *s)
{
	if (s->rx == NULL)
		return;
	s->rx->natives--;
	sani_wsk_rx_go(s);
}

NTSTATUS
sani_wsk_release(PWSK_SOCKET Socket, PWSK_DATA_INDICATION DataIndication)
{
	struct sani_wsk_block *b = (struct sani_wsk_block *)(void *)DataIndication;
	struct sani_wsk_block *head;
	struct sani_wsk_core *wc;

	(void)Socket;
	if (b == NULL || b->ind.Buffer.Mdl != &b->mdl || !atomic_exchange(&b->kept, false))
		return STATUS_INVALID_PARAMETER;
	wc = b->wc;
	if (atomic_load(&wc->gone)) {
		free(b);
		return STATUS_SUCCESS;
	}
	head = atomic_load(&wc->released);
	do
		b->next = head;
	while (!atomic_compare_exchange_weak(&wc->released, &head, b));
	sani_wsk_ask(wc);
	sani_core_wake(wc->core);
	return STATUS_SUCCESS;
}

void
sani_wsk_take_released(struct sani_wsk_core *wc)
{
	struct sani_wsk_block *b = atomic_exchange(&wc->released, NULL);
	struct sani_wsk_sock *s;

	while (b != NULL) {
		struct sani_wsk_block *next = b->next;

		put_block(wc, b);
		b = next;
	}
	while (wc->blocks != NULL && (s = wc->starved) != NULL) {
		unlink_starved(s);
		sani_wsk_rx_go(s);
	}
}
