/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequences of calls of the public API, right ones and wrong ones, on sockets in any state, by a thread that polls the
 * cores and by one that does not.
 *
 * Input: three octets, the hosts; then steps, an octet each with what belongs to it. The last octet that is left says
 * how it ends.
 */
#include <errno.h>

#include "api.h"

#define STEPS 300u

static struct san_core *
pick_core(struct fuzz_in *in, unsigned int *host, unsigned int *core)
{
	uint8_t which = fuzz_8(in);

	*host = which & 1;
	*core = (which >> 1) % api.nb_cores;
	return api.host[*host].core[*core];
}

/* A call that the owning core has to carry out waits for a core that nobody polls. */
static bool
is_polled(san_handle h)
{
	unsigned int core = (unsigned int)(h >> 56);

	return core >= 2 * api.nb_cores || api.claimed[core / api.nb_cores][core % api.nb_cores];
}

static void
make_socket(struct fuzz_in *in)
{
	unsigned int host, i;
	struct san_core *core = pick_core(in, &host, &i);
	san_handle h = SAN_NO_HANDLE;
	int rc;

	if (!api.claimed[host][i] || api.nb_socks >= API_SOCKS / 2)
		return;
	rc = san_socket(core, api.cq[fuzz_8(in) % API_QUEUES], &h);
	fuzz_require(rc == 0 || rc == -ENFILE);
	if (rc == 0)
		api_adopt(h);
}

/* What answers at once, and changes no operation. */
static void
control(struct fuzz_in *in)
{
	san_handle h = api_pick_sock(in);
	const struct api_sock *s = api_find(h);
	bool is_stale = s == NULL || s->is_closing;
	uint8_t what = fuzz_8(in) % 8;
	struct san_tcp_info info = { .size = sizeof(info) };
	struct san_addr a = api_draw_addr(in);
	uint32_t value = fuzz_8(in) < 128 ? fuzz_16(in) : fuzz_32(in);
	enum san_option option = (enum san_option)(fuzz_8(in) % 22);
	int rc;

	if (!is_polled(h) && what != 0)
		return;
	switch (what) {
	case 0:
		rc = san_move(h, api.cq[value % API_QUEUES]);
		break;
	case 1:
		rc = san_bind(h, &a);
		break;
	case 2:
	case 3:
		rc = san_listen(h, 1 + value % 4);
		break;
	case 4:
		rc = san_get_option(h, option, &value);
		break;
	case 5:
		rc = san_names(h, &a, &a);
		break;
	case 6:
		rc = san_tcp_info(h, &info);
		break;
	default:
		rc = san_set_option(h, option, value);
		break;
	}
	if (api_may_ask())
		fuzz_require(rc <= 0 && rc != -EPERM && (!is_stale || rc == -ENOTSOCK));
	else
		fuzz_require(rc == -EPERM);
}

static void
cancel(struct fuzz_in *in)
{
	struct api_op *op = &api.op[fuzz_8(in) % API_OPS];
	uint8_t how = fuzz_8(in);
	san_handle h = how < 192 ? op->sock : api_pick_sock(in);
	const struct api_sock *s = api_find(h);
	uint32_t id = how & 2 ? op->o.id : fuzz_8(in);
	int rc = how & 1 ? san_cancel(h, id) : san_cancel_all(h);

	api_cancels(h, !(how & 1), id);
	if (!api_may_ask())
		fuzz_require(rc == -EPERM);
	else if (s == NULL || s->is_closing)
		fuzz_require(rc == -ENOTSOCK);
	else
		fuzz_require(rc == 0 || rc == -EALREADY || rc == -ENOENT || rc == -EAGAIN);
}

/* Pieces and loans. */
static void
give_back(struct fuzz_in *in)
{
	struct api_op *op = &api.op[fuzz_8(in) % API_OPS];

	if (op->pending && op->repeats && op->kind == SAN_OP_RECV && op->nb_held > 0) {
		uint32_t n = 1 + fuzz_8(in) % op->nb_held;

		san_give_back(&op->pieces, n);
		op->nb_held -= n;
	} else if (!op->pending) {
		fuzz_require(san_loan_return(op->loans, API_LOANS) >= 0);
	}
}

static void
change_memory(struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);
	san_mem *reg = &api.reg[how % API_REGS];
	int rc;

	if (*reg == SAN_NO_MEM) {
		bool mine = how & 8;
		void *base = mine ? api.op[fuzz_8(in) % API_OPS].mem : api_text + fuzz_8(in);
		size_t len = mine ? API_MEM : fuzz_16(in);

		rc = san_mem_register(base, len, how >> 6, reg);
		fuzz_require(rc == 0 || rc == 1 || rc == -EINVAL);
		return;
	}
	rc = san_mem_deregister(*reg);
	fuzz_require(rc == 0 || rc == -EBUSY);
	if (rc == 0)
		*reg = SAN_NO_MEM;
}

/* Who polls what. */
static void
change_thread(struct fuzz_in *in)
{
	unsigned int host, i;
	struct san_core *core = pick_core(in, &host, &i);
	bool *claimed = &api.claimed[host][i];
	int rc;

	switch (fuzz_8(in) % 5) {
	case 0:
	case 1:
		rc = *claimed ? san_core_release(core) : san_core_claim(core);
		fuzz_require(rc == 0);
		*claimed = !*claimed;
		break;
	case 2:
		rc = san_attach();
		fuzz_require(rc == (api.attached ? -EALREADY : 0));
		api.attached = true;
		break;
	case 3:
		rc = san_detach();
		fuzz_require(rc == (api.attached ? 0 : -EPERM) || rc == -EBUSY);
		api.attached &= rc < 0;
		break;
	default:
		rc = *claimed ? san_core_arm(core) : san_cq_arm(api.cq[0]);
		fuzz_require(rc == 0 || rc == 1);
		break;
	}
}

static void
change_cable(struct fuzz_in *in)
{
	uint8_t how = fuzz_8(in);

	if (how & 4)
		api_keep(how & 1, how & 2);
	else
		api.mute[how & 1] = how & 2;
}

static void
play(struct fuzz_in *in)
{
	uint8_t step = fuzz_8(in) % 20;

	switch (step) {
	case 0:
		make_socket(in);
		break;
	case 1:
	case 2:
		control(in);
		break;
	case 3:
		api_accept_or_connect(in);
		break;
	case 4:
	case 5:
		api_send(in);
		break;
	case 6:
	case 7:
		api_receive(in);
		break;
	case 8:
		api_finish(in);
		break;
	case 9:
		api_post_together(in);
		break;
	case 10:
		cancel(in);
		break;
	case 11:
		api_close(api_pick_sock(in));
		break;
	case 12:
		give_back(in);
		break;
	case 13:
		change_memory(in);
		break;
	case 14:
		change_thread(in);
		break;
	case 15:
		api_make_pair(in);
		break;
	case 16:
		api_settle();
		api_reap(0, 64);
		break;
	case 17:
		api_reap(fuzz_8(in) % API_QUEUES, 1 + fuzz_8(in) % 8);
		break;
	case 18:
		api_pass(fuzz_16(in) * 100ull);
		break;
	default:
		change_cable(in);
		break;
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	api_prepare();
	for (uint32_t i = 0; i < API_TEXT; i++)
		api_text[i] = (uint8_t)(i * 2654435761u >> 23);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };

	api_start(&in);
	for (unsigned int i = 0; i < STEPS && in.n > 1; i++)
		play(&in);
	api_end(fuzz_8(&in) & 1);
	return 0;
}
