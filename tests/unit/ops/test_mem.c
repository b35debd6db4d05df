/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of registrations, and what DPDK is told of them. */
#include "duo.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define PAGES 1024u

static uint8_t *mem;

static struct san_mem_usage
usage(void)
{
	struct san_mem_usage u;

	san_mem_usage(&u);
	return u;
}

static int
enter(size_t at, size_t len, san_mem *m)
{
	return san_mem_register(mem + at, len, SAN_MEM_READ, m);
}

static void
make_memory(void)
{
	if (mem == NULL)
		mem = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	duo_must(mem != MAP_FAILED);
	duo_must(usage().registrations == 0 && usage().regions == 0);
}

static void
neighbours_share_a_region(void)
{
	san_mem m[4];

	make_memory();
	duo_must(enter(10 * PAGE + 5, 100, &m[0]) == 0);
	duo_must(enter(10 * PAGE + 5, 100, &m[1]) == 0);
	duo_must(m[0] != m[1]);
	duo_must(usage().regions == 1 && usage().registrations == 2);
	/* beside it, and over the end of both */
	duo_must(enter(11 * PAGE, 2 * PAGE, &m[2]) == 0);
	duo_must(enter(12 * PAGE + 1, 2 * PAGE, &m[3]) == 0);
	duo_must(usage().regions == 1 && usage().copy_only == 0);
	duo_must(san_mem_deregister(m[0]) == 0);
	duo_must(san_mem_deregister(m[2]) == 0);
	duo_must(usage().regions == 1);
	/* of what is left behind in a region nobody knows what lies there by now: it is made anew */
	duo_must(enter(11 * PAGE, 10, &m[0]) == 0);
	duo_must(usage().regions == 1);
	duo_must(san_mem_deregister(m[0]) == 0 && san_mem_deregister(m[1]) == 0);
	duo_must(san_mem_deregister(m[3]) == 0);
	duo_must(usage().regions == 0 && usage().registrations == 0);
	duo_must(san_mem_deregister(m[3]) == -EINVAL);
}

static void
far_ones_do_not(void)
{
	san_mem m[3];

	make_memory();
	duo_must(enter(0, 1, &m[0]) == 0 && enter(2 * PAGE, 1, &m[1]) == 0);
	duo_must(usage().regions == 2);
	/* what lies between makes them one */
	duo_must(enter(PAGE - 1, 2, &m[2]) == 0);
	duo_must(usage().regions == 1);
	for (unsigned int i = 0; i < 3; i++)
		duo_must(san_mem_deregister(m[i]) == 0);
	duo_must(usage().regions == 0);
}

static void
without_room_it_is_copied_and_says_so(void)
{
	uint64_t before = usage().copy_only_ever;
	struct san_overlapped *send = duo_op(), *recv = duo_op();
	static san_mem m[200];
	static uint8_t in[300];
	struct san_mem_vec v = { .len = 300 };
	san_handle s[2];
	unsigned int n = 0;

	make_memory();
	while (n < 200 && enter(n * 3 * PAGE, PAGE, &m[n]) == 0)
		n++;
	duo_must(n >= 64 && n < 200);
	duo_must(usage().regions == n && usage().registrations == n + 1 && usage().copy_only == 1);
	duo_must(usage().copy_only_ever == before + 1);
	duo_pair(s);
	memset(mem + n * 3 * PAGE, 0x3c, 300);
	v.base = mem + n * 3 * PAGE;
	v.mem = m[n];
	duo_must(san_recv(s[1], recv, in, 300, SAN_WAITALL) == 0);
	duo_must(san_send_mem(s[0], send, &v, 1, 0) == 0);
	duo_must(san_mem_deregister(m[n]) == -EBUSY);
	duo_pass(100000);
	duo_must(duo_result(send) == 300 && memcmp(in, v.base, 300) == 0);
	for (unsigned int i = 0; i <= n; i++)
		duo_must(san_mem_deregister(m[i]) == 0);
	duo_must(usage().regions == 0 && usage().copy_only == 0);
}

/* A region that mbufs refer to is not taken away, not even to come back larger. */
static void
what_is_in_use_is_left_alone(void)
{
	struct san_overlapped *send = duo_op();
	struct san_mem_vec v = { .len = 300 };
	san_mem m[3];
	san_handle s[2];

	make_memory();
	v.base = mem;
	duo_pair(s);
	duo_must(enter(0, 2 * PAGE, &m[0]) == 0);
	v.mem = m[0];
	duo.cut = true;
	duo_must(san_send_mem(s[0], send, &v, 1, 0) == 0);
	duo_go();
	duo_must(enter(2 * PAGE, PAGE, &m[1]) == 0);
	duo_must(usage().regions == 2);
	duo_must(enter(PAGE, 4 * PAGE, &m[2]) == 1);
	duo_must(san_mem_deregister(m[1]) == 0 && san_mem_deregister(m[2]) == 0);
	duo_must(san_mem_deregister(m[0]) == -EBUSY);
	duo.cut = false;
	duo_pass(3000000);
	duo_must(duo_result(send) == 300);
	duo_must(enter(PAGE, 4 * PAGE, &m[2]) == 0);
	duo_must(usage().regions == 1);
	duo_must(san_mem_deregister(m[0]) == 0 && san_mem_deregister(m[2]) == 0);
}

static void
as_many_as_there_are_places(void)
{
	static san_mem m[SAN_MEM_MAX];
	san_mem one;

	make_memory();
	for (unsigned int i = 0; i < SAN_MEM_MAX; i++)
		duo_must(enter(i % 64, 8, &m[i]) == 0);
	duo_must(enter(0, 8, &one) == -ENFILE);
	duo_must(usage().registrations == SAN_MEM_MAX && usage().regions == 1);
	for (unsigned int i = 0; i < SAN_MEM_MAX; i++)
		duo_must(san_mem_deregister(m[i]) == 0);
	duo_must(enter(0, 8, &one) == 0 && san_mem_deregister(one) == 0);
}

static san_mem left[2];

static void
leave_some(void)
{
	make_memory();
	duo_must(enter(0, PAGE, &left[0]) == 0 && enter(4 * PAGE, PAGE, &left[1]) == 0);
	left[1] = left[0];
}

static void
cleanup_has_ended_them(void)
{
	san_mem one;

	make_memory();
	duo_must(left[0] != SAN_NO_MEM && san_mem_deregister(left[0]) == -EINVAL);
	/* its place is used again, its handle is not */
	duo_must(enter(0, PAGE, &one) == 0 && one != left[0]);
	duo_must(san_mem_deregister(left[0]) == -EINVAL && san_mem_deregister(one) == 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DUO_CASES(neighbours_share_a_region),
		DUO_CASES(far_ones_do_not),
		DUO_CASES(without_room_it_is_copied_and_says_so),
		DUO_CASES(what_is_in_use_is_left_alone),
		DUO_CASES(as_many_as_there_are_places),
		DUO_CASES(leave_some),
		DUO_CASES(cleanup_has_ended_them),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
