/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock/priv.h"

static int
start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	switch ((enum san_op_kind)op->kind) {
	case SAN_OP_SEND:
		return sani_send_start(k, so, op);
	case SAN_OP_RECV:
		return sani_recv_start(k, so, op);
	case SAN_OP_ACCEPT:
		return sani_accept_start(k, so, op);
	case SAN_OP_CONNECT:
		return sani_connect_start(k, so, op);
	case SAN_OP_SHUTDOWN:
		return sani_shutdown_start(k, so, op);
	case SAN_OP_DISCONNECT:
		return sani_disconnect_start(k, so, op);
	case SAN_OP_WATCH:
		return sani_watch_start(k, so, op);
	case SAN_OP_NONE:
	case SAN_OP_CLOSE:
		break;
	}
	return -EINVAL;
}

/* The deadline before the start: what ends in it may be the caller's again when it returns. */
int
sani_op_start(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	int rc;

	if (sani_unlikely(op->timeout_us != 0)) {
		rc = sani_deadline_set(k, so, op);
		if (rc < 0)
			return rc;
	}
	return start(k, so, op);
}

void
sani_op_start_off_core(struct san_core *k, struct sani_sock *so, struct san_overlapped *op)
{
	int rc;

	sani_sock_rebind(k, so);
	so->nb_ops++;
	sani_count(&k->core->ctr, SANI_CTR_sock_ops);
	if (so->close != SANI_CLOSE_NONE) {
		sani_count(&k->core->ctr, SANI_CTR_sock_stale_posts);
		sani_op_end(k, so, op, -ECANCELED);
		return;
	}
	rc = sani_op_start(k, so, op);
	if (rc < 0)
		sani_op_end(k, so, op, rc);
	else if (rc > 0)
		sani_op_end(k, so, op, (int32_t)op->done);
}
