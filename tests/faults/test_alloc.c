/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No memory, at every place where some is asked for (O1, O2): each scenario is played again and again, and the n-th
 * allocation of the n-th time fails. What fails has to say so, cleanly; what was accepted ends once; the data
 * arrives; nothing is lost; and the scenario works right afterwards.
 *
 * SAN_FAULTS_LONG=1: runs of failures too, which takes minutes.
 */
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_memzone.h>

#include "alloc.h"
#include "scenes.h"
#include "stage.h"
#include "test.h"

/* All of everything: minutes. */
static bool
is_long(void)
{
	return getenv("SAN_FAULTS_LONG") != NULL;
}

/* Under the address sanitizer a life takes long: of the allocations behind the first ones every fifth fails. */
static unsigned int
next(unsigned int n)
{
#ifdef __SANITIZE_ADDRESS__
	return is_long() || n < 100 ? n + 1 : n + 5;
#else
	return n + 1;
#endif
}

struct scenario {
	const char *name;
	void (*play)(void);
	unsigned int nb_messages;
	bool driver_forgets;	/* DPDK's net_null leaves two small blocks behind at each close */
};

static unsigned int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

static void
count_zone(const struct rte_memzone *mz, void *arg)
{
	(void)mz;
	++*(unsigned int *)arg;
}

/* What the process holds: equal before and after. */
struct held {
	int64_t blocks;
	unsigned int descriptors;
	unsigned int zones;
	unsigned int dpdk_blocks;
};

static struct held
look(void)
{
	struct held h = { .blocks = alloc_live(), .descriptors = count_descriptors() };
	struct rte_malloc_socket_stats stats = { 0 };

	rte_memzone_walk(count_zone, &h.zones);
	rte_malloc_get_socket_stats(0, &stats);
	h.dpdk_blocks = stats.alloc_count;
	return h;
}

static void
judge(const struct scenario *s, unsigned int n, const struct held *before)
{
	struct held now = look();
	bool own;

	if (stage_fault() != NULL)
		fail_msg("%s, allocation %u: %s", s->name, n, stage_fault());
	if (now.blocks != before->blocks || now.descriptors != before->descriptors || now.zones != before->zones ||
	    (now.dpdk_blocks != before->dpdk_blocks && !s->driver_forgets) || alloc_torn_pools() != 0)
		fail_msg("%s, allocation %u (%s): %lld blocks (%lld before), %u descriptors (%u), %u zones (%u), "
			 "%u blocks of DPDK (%u), %u pools not whole", s->name, n, alloc_what(&own),
			 (long long)now.blocks, (long long)before->blocks, now.descriptors,
			 before->descriptors, now.zones, before->zones, now.dpdk_blocks, before->dpdk_blocks,
			 alloc_torn_pools());
}

/* Not inlined: places are told apart by their callers too. */
static __attribute__((noinline)) unsigned int
play(const struct scenario *s, unsigned int n, unsigned int burst)
{
	stage_begin();
	scene_messages = n == 0 || n == ALLOC_NEW ? 3 : s->nb_messages;
	alloc_arm(n == 0 ? ALLOC_NOTE : n, burst);
	s->play();
	return alloc_disarm();
}

static void
show_progress(const struct scenario *s, unsigned int n)
{
	static time_t last;
	time_t now = time(NULL);

	if (last == 0 || now - last >= 5) {
		if (last != 0) {
			printf("# %s: %u so far\n", s->name, n);
			fflush(stdout);
		}
		last = now;
	}
}

/*
 * Each n in turn. Behind a lack of anything but packet buffers comes a short life without one; behind one of those
 * the next n is that too, since nothing fails before the place that failed this time.
 */
static void
fail_each(void **state)
{
	const struct scenario *s = *state;
	unsigned int n = 0, plays = 0, asked, failed, total;
	struct held before;
	bool own;

	for (int i = 0; i < 2; i++)	/* what is made once in a process is there afterwards */
		play(s, 0, 1);
	before = look();
	judge(s, 0, &before);
	do {
		n = next(n);
		total = play(s, n, 1);
		judge(s, n, &before);
		show_progress(s, n);
		plays += alloc_failed() > 0;
		if (alloc_failed() == 0)
			break;
		if (strcmp(alloc_what(&own), "packet buffer") == 0)
			continue;
		play(s, 0, 1);
		judge(s, n, &before);
	} while (true);
	do {	/* places that were passed over */
		play(s, ALLOC_NEW, 1);
		judge(s, ALLOC_NEW, &before);
	} while (alloc_failed() > 0);
	alloc_sites(&asked, &failed);
	printf("# %s: %u of %u allocations failed, one a time; so far %u places of %u\n", s->name, plays, total,
	       failed, asked);
}

/* Every s-th n, and so many at a time. */
static void
fail_runs(void **state)
{
	static const unsigned int bursts[] = { 2, 7, 50, 500 };
	const struct scenario *s = *state;
	unsigned int n, i, plays = 0;
	struct held before;

	play(s, 0, 1);
	before = look();
	for (i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		n = 1;
		do {
			play(s, n, bursts[i]);
			judge(s, n, &before);
			show_progress(s, n);
			plays++;
			n += is_long() ? 1 : 1 + n / 8;
		} while (alloc_failed() > 0);
	}
	play(s, 0, 1);
	judge(s, n, &before);
	printf("# %s: %u times, runs of 2 to 500 failed\n", s->name, plays);
}

static int
play_new(const struct scenario *s)
{
	alarm(300);
	stage_begin();
	scene_messages = s->nb_messages;
	alloc_arm(ALLOC_NEW, 1);
	s->play();
	alloc_disarm();
	if (stage_fault() != NULL)
		printf("# %s, a first time: %s\n", s->name, stage_fault());
	fflush(stdout);
	return stage_fault() != NULL ? 2 : alloc_failed() == 0;
}

/* A process that knows nothing yet but where the program lies, and forks others like it. */
static struct {
	int ask[2];
	int answer[2];
} nursery;

static void
serve(void)
{
	const struct scenario *s;
	int status;

	close(nursery.ask[1]);
	while (read(nursery.ask[0], &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(play_new(s));
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    write(nursery.answer[1], &status, sizeof(status)) != (ssize_t)sizeof(status))
			break;
	}
	_exit(0);
}

static void
open_nursery(void)
{
	if (pipe(nursery.ask) != 0 || pipe(nursery.answer) != 0)
		abort();
	if (fork() == 0)
		serve();
	close(nursery.ask[0]);
	close(nursery.answer[1]);
}

/* What is made once in a process, and found there ever after: places that none of the other cases makes fail. */
static void
fail_first(void **state)
{
	const struct scenario *s = *state;
	unsigned int n = 0;
	int status;

	while (true) {
		assert_int_equal(write(nursery.ask[1], &s, sizeof(s)), sizeof(s));
		assert_int_equal(read(nursery.answer[0], &status, sizeof(status)), sizeof(status));
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			fail_msg("%s, a first time, the %u.: ended with status 0x%x", s->name, n + 1,
				 (unsigned int)status);
		if (WEXITSTATUS(status) == 1)
			break;
		n++;
		show_progress(s, n);
	}
	printf("# %s: %u places failed that are passed once in a process\n", s->name, n);
}

static void
every_place_has_failed(void **state)
{
	unsigned int asked, failed;

	(void)state;
	alloc_sites(&asked, &failed);
	alloc_print_spared();
	printf("# %u places, %u of them failed\n", asked, failed);
	assert_int_equal(failed, asked);
}

#define CASE(how, scene, ...) \
	{ #how "__" #scene, how, NULL, NULL, &(struct scenario){ \
		.name = #scene, .play = scene_##scene, __VA_ARGS__ } }

static const struct CMUnitTest cases[] = {
	CASE(fail_each, conf, .nb_messages = 0, .driver_forgets = true),
	CASE(fail_each, on_core, .nb_messages = 100),
	CASE(fail_each, off_core, .nb_messages = 10),
	CASE(fail_each, repeat, .nb_messages = 0),
	CASE(fail_each, loss, .nb_messages = 0),
	CASE(fail_each, lend, .nb_messages = 0, .driver_forgets = true),
	CASE(fail_runs, lend, .nb_messages = 0, .driver_forgets = true),
	CASE(fail_runs, on_core, .nb_messages = 10),
	CASE(fail_runs, repeat, .nb_messages = 0),
	CASE(fail_runs, loss, .nb_messages = 0),
	CASE(fail_first, off_core, .nb_messages = 1),
	cmocka_unit_test(every_place_has_failed),	/* of all the cases above: no filter */
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	alloc_init();
	open_nursery();
	/* what one life has had the next one gets at once: most of the time would go into pages */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	return cmocka_run_group_tests_name("alloc", cases, NULL, NULL);
}
