/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All kinds of operations at once, in an order that a seed decides, with deadlines, cancels, closes and a cable
 * that comes and goes. What is accepted ends exactly once, nothing comes behind a close, and in the end every
 * place is free: builds with assertions look at the rest.
 */
#include "duo.h"

#include <string.h>

#define OPS 40
#define SOCKS 10
#define STEPS 600
#define SEEDS 6
#define ROOM 300000u

struct mixed {
	struct san_overlapped o;
	struct san_pieces pieces;
	bool pending;
	bool repeats;
	char mem[4096];
};

static struct mixed ops[OPS];
static char out[ROOM];
static san_handle socks[SOCKS];	/* The first two listen. */
static san_handle closed[1024];
static unsigned int nb_closed;
static uint64_t state;

static uint32_t
draw(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % below);
}

static void
keep(san_handle s)
{
	unsigned int i;

	for (i = 2; i < SOCKS; i++)
		if (socks[i] == SAN_NO_HANDLE) {
			socks[i] = s;
			return;
		}
	san_close(s, 0);
}

static void
on_close(san_handle s)
{
	unsigned int i;

	for (i = 0; i < nb_closed; i++)
		duo_must(closed[i] != s);
	duo_must(nb_closed < RTE_DIM(closed));
	closed[nb_closed++ % RTE_DIM(closed)] = s;
	for (i = 0; i < SOCKS; i++)
		if (socks[i] == s)
			socks[i] = SAN_NO_HANDLE;
}

static void
on_completion(const struct san_completion *c)
{
	struct mixed *m = (struct mixed *)(void *)c->op;
	unsigned int i;

	for (i = 0; i < nb_closed; i++)
		duo_must(closed[i] != c->sock);
	duo_must(m->pending && !(m->o.flags & SAN_POLLED));
	duo_must(!(c->flags & SAN_MORE) || m->repeats);
	if (c->kind == SAN_OP_ACCEPT && c->value != SAN_NO_HANDLE)
		keep(c->value);
	if (c->kind == SAN_OP_RECV && (c->flags & SAN_MORE)) {
		duo_must(c->value >= (uintptr_t)m->mem && c->value < (uintptr_t)m->mem + sizeof(m->mem));
		san_give_back(&m->pieces, 1);
	}
	if (!(c->flags & SAN_MORE))
		m->pending = false;
}

static void
look_at_polled(struct mixed *m)
{
	int rc = san_op_status(&m->o);

	if (rc == -EINPROGRESS)
		return;
	m->pending = false;
	if (rc == 0 && m->o.kind == SAN_OP_ACCEPT)
		keep(m->o.u.accepted);
}

static void
take_stock(void)
{
	unsigned int i;

	for (i = 0; i < duo.nb; i++) {
		if (duo.comp[i].kind == SAN_OP_CLOSE)
			on_close(duo.comp[i].sock);
		else
			on_completion(&duo.comp[i]);
	}
	duo.nb = 0;
	for (i = 0; i < OPS; i++)
		if (ops[i].pending && (ops[i].o.flags & SAN_POLLED))
			look_at_polled(&ops[i]);
}

static int
post_receive(struct mixed *m, san_handle s, unsigned int polled)
{
	struct san_vec to[3] = { { m->mem, 1000 }, { m->mem + 1500, 0 }, { m->mem + 2000, 1500 } };

	switch (draw(4)) {
	case 0:
		return san_recv(s, &m->o, m->mem, 1 + draw(4096), polled | (draw(2) ? SAN_WAITALL : 0));
	case 1:
		return san_recvv(s, &m->o, to, 3, 1 + draw(2500), polled);
	case 2:
		m->pieces = (struct san_pieces){ .mem = m->mem, .size = 1 + draw(500), .nb = 1 + draw(8) };
		m->repeats = true;
		return san_recv_repeat(s, &m->o, &m->pieces, draw(2) ? SAN_WAITALL : 0);
	default:
		return san_recv(s, &m->o, m->mem, sizeof(m->mem), polled);
	}
}

static int
post_send(struct mixed *m, san_handle s, unsigned int polled)
{
	struct san_vec from[2] = { { out, 1 + draw(5000) }, { out + 5000, draw(200000) } };
	unsigned int flags = polled | (draw(3) ? 0 : SAN_ACKED) | (draw(3) ? 0 : SAN_MORE);

	switch (draw(12)) {
	case 0:
		return san_shutdown(s, &m->o, polled);
	case 1:
		return san_disconnect(s, &m->o, polled | (draw(4) ? 0 : SAN_ABORT));
	case 2:
	case 3:
	case 4:
		return san_sendv(s, &m->o, from, 2, flags);
	default:
		return san_send(s, &m->o, out, 1 + draw(draw(4) ? 3000 : ROOM), flags);
	}
}

static int
post_opening(struct mixed *m, unsigned int polled)
{
	struct san_addr to = { .ip = { [10] = 0xff, 0xff, 10, 7, 0, 2 }, .port = (uint16_t)(81 + draw(3)) };
	san_handle s = socks[draw(2)];
	int rc;

	if (draw(2) == 0) {
		m->repeats = draw(2) == 0;
		return m->repeats ? san_accept_repeat(s, &m->o, 1 + draw(6)) : san_accept(s, &m->o, polled);
	}
	if (san_socket(duo.h[0].core[0], duo.cq, &s) < 0)
		return -ENFILE;
	rc = san_connect(s, &m->o, &to, polled);
	keep(s);
	return rc;
}

static void
post(void)
{
	struct mixed *m = &ops[draw(OPS)];
	san_handle s = socks[2 + draw(SOCKS - 2)];
	unsigned int polled = draw(4) == 0 ? SAN_POLLED : 0;
	int rc;

	if (m->pending)
		return;
	m->repeats = false;
	m->o.timeout_us = draw(3) ? 0 : 1 + draw(50000);
	if (s == SAN_NO_HANDLE || draw(6) == 0)
		rc = post_opening(m, polled);
	else
		rc = draw(2) ? post_receive(m, s, polled) : post_send(m, s, polled);
	duo_must(rc <= 1);
	m->pending = rc == 0;
}

static void
step(void)
{
	san_handle s = socks[draw(SOCKS)];
	struct mixed *m = &ops[draw(OPS)];

	switch (draw(16)) {
	case 0:
		if (s != SAN_NO_HANDLE)
			san_cancel_all(s);
		break;
	case 1:
	case 2:
		if (m->pending)
			san_cancel(m->o.sock, m->o.id);
		break;
	case 3:
		if (s != SAN_NO_HANDLE && s != socks[0] && s != socks[1])
			san_close(s, 0);
		break;
	case 4:
		duo.mute[draw(2)] = draw(2);
		break;
	case 5:
		duo_pass(draw(30000));
		take_stock();
		break;
	case 6:
		duo_settle();
		duo_reap_some(1 + draw(5));
		take_stock();
		break;
	default:
		post();
	}
}

static void
all_end_once(void)
{
	unsigned int i, seed;

	for (seed = 1; seed <= SEEDS; seed++) {
		state = seed;
		nb_closed = 0;
		memset(ops, 0, sizeof(ops));
		memset(socks, 0, sizeof(socks));
		socks[0] = duo_listener(1, 81, 4);
		socks[1] = duo_listener(1, 82, 4);
		for (i = 0; i < STEPS; i++)
			step();
		duo.mute[0] = duo.mute[1] = false;
		for (i = 0; i < 10; i++) {
			unsigned int j;

			for (j = 0; j < SOCKS; j++)
				if (socks[j] != SAN_NO_HANDLE)
					san_close(socks[j], 0);
			duo_pass(1000000);
			take_stock();
		}
		for (i = 0; i < OPS; i++)
			duo_must(!ops[i].pending);
		for (i = 0; i < SOCKS; i++)
			duo_must(socks[i] == SAN_NO_HANDLE);
	}
	/* Every place is free again. */
	socks[0] = duo_listener(1, 81, 4);
	duo_must(san_accept_repeat(socks[0], &ops[0].o, 63) == 0);
	duo_end(socks[0]);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(all_end_once),
		DUO_CASES_2(all_end_once),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("mix", tests, NULL, NULL);
}
