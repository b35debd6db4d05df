/* SPDX-License-Identifier: BSD-3-Clause */
#include "kit/vhost.h"

/* Both hosts poll, frames go across at once, time moves to the next deadline: what any world does. */
static void
step(struct vhost *a, struct vhost *b)
{
	struct rte_mbuf *m;
	unsigned int n;

	do {
		n = vhost_round(a) + vhost_round(b);
		while ((m = vhost_take(a)) != NULL)
			n += vhost_put(b, 0, m);
		while ((m = vhost_take(b)) != NULL)
			n += vhost_put(a, 0, m);
	} while (n > 0);
	vhost_now_us = RTE_MIN(RTE_MIN(vhost_deadline(a), vhost_deadline(b)), vhost_now_us + 100000);
}

static void
bytes_cross_between_two_hosts(void **state)
{
	struct vhost h[2];
	struct san_addr peer = vhost_addr("10.1.0.2", 80);
	struct san_overlapped op[4] = { 0 };
	struct san_completion e;
	struct san_cq *cq;
	san_handle s[2];
	char buf[8];

	(void)state;
	vhost_startup();
	vhost_open(&h[0], &(struct vhost_wish){ .address = "10.1.0.1/24" });
	vhost_open(&h[1], &(struct vhost_wish){ .address = "10.1.0.2/24" });
	assert_int_equal(san_cq_create(64, &cq), 0);
	assert_int_equal(san_socket(h[1].core[0], cq, &s[1]), 0);
	assert_int_equal(san_bind(s[1], &peer), 0);
	assert_int_equal(san_listen(s[1], 8), 0);
	assert_int_equal(san_accept(s[1], &op[0], SAN_POLLED), 0);
	assert_int_equal(san_socket(h[0].core[0], cq, &s[0]), 0);
	assert_int_equal(san_connect(s[0], &op[1], &peer, SAN_POLLED), 0);
	for (int i = 0; i < 50 && san_op_status(&op[0]) == -EINPROGRESS; i++)
		step(&h[0], &h[1]);
	assert_int_equal(san_op_status(&op[0]), 0);
	assert_int_equal(san_op_status(&op[1]), 0);
	assert_int_equal(san_send(s[0], &op[2], "hello", 5, SAN_POLLED), 1);
	assert_int_equal(san_recv(op[0].u.accepted, &op[3], buf, sizeof(buf), SAN_POLLED), 0);
	for (int i = 0; i < 50 && san_op_status(&op[3]) == -EINPROGRESS; i++)
		step(&h[0], &h[1]);
	assert_int_equal(san_op_status(&op[3]), 5);
	assert_memory_equal(buf, "hello", 5);
	vhost_cleanup();
	while (san_cq_poll(cq, &e, 1) > 0)
		assert_int_equal(e.kind, SAN_OP_CLOSE);
	assert_int_equal(san_cq_destroy(cq), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_cross_between_two_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
