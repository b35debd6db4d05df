/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a stranger gets wrong when setting up: one clear sentence, a clean exit. Each in a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <rte_eal.h>

#include "child.h"

#define WORDS(...) ((const char *const []){ __VA_ARGS__, NULL })

static struct child child;

static int
start(void)
{
	char **argv;
	int argc;

	argv = net_eal_args(&argc);
	return san_startup(argc, argv);
}

/* A host with a port and an interface, and one key more. Does not assert: a child must not. */
static struct san_conf *
make_conf(const char *device, const char *key, const char *value)
{
	struct san_conf *conf = san_conf_create();

	if (san_conf_set(conf, "port p", "device", device) != 0 ||
	    san_conf_set(conf, "interface i", "port", "p") != 0 ||
	    san_conf_set(conf, "interface i", "address", "10.9.0.1/24") != 0)
		child_say_error("conf", -1);
	if (key && san_conf_set(conf, "host", key, value) != 0)
		child_say_error("key", -1);
	return conf;
}

static int
make_host(const char *device, const char *key, const char *value)
{
	struct san_conf *conf = make_conf(device, key, value);
	struct san_host *host = NULL;
	int rc = san_host_create(conf, &host);

	san_conf_destroy(conf);
	if (rc != 0 && host)
		child_say("host was set in spite of %d", rc);
	return rc;
}

/* The name of a file and the number of a line, as sentences give it. */
static const char *
write_conf(const char *text)
{
	static char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/san-ports-%d.conf", (int)getpid());
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		child_say("no file");
	return path;
}

static void
load(const char *name, const char *text)
{
	struct san_conf *conf = san_conf_create();
	const char *path = write_conf(text);
	int rc = san_conf_load(conf, path);

	child_say_error(name, rc);
	child_say("path %s", path);
	san_conf_destroy(conf);
	unlink(path);
}

static void
start_on_huge_pages(const char *mbytes)
{
	char *argv[] = {
		"ports", "--no-pci", "--in-memory", "-m", (char *)mbytes, "--no-telemetry", "--lcores=0", NULL,
	};
	int rc = san_startup(7, argv);

	child_say_error("start", rc);
	if (rc < 0)
		return;
	child_say_error("host", make_host("ring:huge/0", "mbufs", "4096"));
	child_say("cleanup %d", san_cleanup());
}

static void
start_on_some_huge_pages(void)
{
	start_on_huge_pages("64");
}

/* A TiB of them: no machine that tests has that. */
static void
start_on_too_many_huge_pages(void)
{
	start_on_huge_pages("1048576");
}

/* There are none on most machines, and never so many. */
static void
missing_huge_pages_are_explained(void **state)
{
	(void)state;
	child_run(&child, start_on_too_many_huge_pages);
	child_assert_sentence(&child, "start", -EINVAL, WORDS("huge", "--no-huge"));
}

#define NR_HUGEPAGES "/proc/sys/vm/nr_hugepages"

static bool
set_huge_pages(long n, long *before)
{
	FILE *f = fopen(NR_HUGEPAGES, "r");
	long found = -1;

	if (f && before && fscanf(f, "%ld", before) != 1)
		*before = -1;
	if (f)
		fclose(f);
	if (before && *before < 0)
		return false;
	f = fopen(NR_HUGEPAGES, "w");
	if (!f)
		return false;
	fprintf(f, "%ld\n", n);
	fclose(f);
	f = fopen(NR_HUGEPAGES, "r");
	if (f && fscanf(f, "%ld", &found) != 1)
		found = -1;
	if (f)
		fclose(f);
	return found == n;
}

/*
 * Reserves 64 pages and gives them back, whatever the child does; skips where they are not to be had. The number is of
 * the machine: who would read what another run has set for a moment would leave that behind.
 */
static void
run_with_huge_pages(void (*run)(void))
{
	int lock = open(NR_HUGEPAGES, O_RDONLY | O_CLOEXEC);
	long before;
	bool reserved;

	if (lock >= 0)
		flock(lock, LOCK_EX);
	reserved = set_huge_pages(64, &before);
	if (reserved)
		child_run(&child, run);
	if (before >= 0)
		set_huge_pages(before, NULL);
	if (lock >= 0)
		close(lock);
	if (!reserved)
		skip();
}

static void
too_few_huge_pages_are_explained(void **state)
{
	(void)state;
	run_with_huge_pages(start_on_too_many_huge_pages);
	child_assert_sentence(&child, "start", -EINVAL, WORDS("huge", "--no-huge"));
}

static void
huge_pages_are_used_when_there_are_some(void **state)
{
	(void)state;
	run_with_huge_pages(start_on_some_huge_pages);
	assert_true(atoi(child_line(&child, "start")) >= 0);
	assert_int_equal(atoi(child_line(&child, "host")), 0);
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
}

static void
name_wrong_devices(void)
{
	child_say("start %d", start());
	child_say_error("unknown", make_host("net_nosuch7", NULL, NULL));
	child_say_error("pci", make_host("0000:99:00.0", NULL, NULL));
	child_say_error("driver", make_host("net_nosuch7,size=64", NULL, NULL));
	child_say_error("argument", make_host("net_null9,nosuch=64", NULL, NULL));
	child_say("good %d", make_host("net_null9,size=64", NULL, NULL));
	child_say("cleanup %d", san_cleanup());
}

static void
wrong_port_name_is_explained(void **state)
{
	(void)state;
	child_run(&child, name_wrong_devices);
	child_assert_sentence(&child, "unknown", -ENODEV, WORDS("net_nosuch7"));
	child_assert_sentence(&child, "pci", -ENODEV, WORDS("0000:99:00.0"));
	child_assert_sentence(&child, "driver", 0, WORDS("net_nosuch7"));
	child_assert_sentence(&child, "argument", 0, WORDS("net_null9"));
	assert_int_equal(atoi(child_line(&child, "good")), 0);
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
}

static void
bind_twice(void)
{
	struct san_host *host = NULL;
	struct san_conf *conf;
	struct san_cq *cq = NULL;
	struct san_addr a;
	san_handle h[3] = { 0, 0, 0 };

	start();
	conf = make_conf("ring:b/0", NULL, NULL);
	child_say("host %d", san_host_create(conf, &host));
	san_conf_destroy(conf);
	child_say("claim %d", san_core_claim(san_core_get(host, 0)));
	child_say("cq %d", san_cq_create(4, &cq));
	for (int i = 0; i < 3; i++)
		child_say("socket %d", san_socket(san_core_get(host, 0), cq, &h[i]));
	san_addr_parse("10.9.0.1:7", &a);
	child_say("first %d", san_bind(h[0], &a));
	child_say_error("second", san_bind(h[1], &a));
	san_addr_parse("10.9.0.99:7", &a);
	child_say_error("foreign", san_bind(h[2], &a));
	san_core_release(san_core_get(host, 0));
	child_say("cleanup %d", san_cleanup());
}

static void
address_in_use_is_explained(void **state)
{
	(void)state;
	child_run(&child, bind_twice);
	assert_int_equal(atoi(child_line(&child, "first")), 0);
	child_assert_sentence(&child, "second", -EADDRINUSE, WORDS("10.9.0.1:7"));
	child_assert_sentence(&child, "foreign", -EADDRNOTAVAIL, WORDS("10.9.0.99"));
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
}

static void
start_twice(void)
{
	char **argv;
	int argc;

	child_say_error("none", san_startup(0, NULL));
	child_say_error("down", san_cleanup());
	child_say_error("early", make_host("ring:e/0", NULL, NULL));
	argv = net_eal_args(&argc);
	child_say("eal %d", rte_eal_init(argc, argv) >= 0);
	argv = net_eal_args(&argc);
	child_say_error("again", san_startup(argc, argv));
	child_say("adopt %d", san_startup(0, NULL));
	argv = net_eal_args(&argc);
	child_say_error("third", san_startup(argc, argv));
	child_say("cleanup %d", san_cleanup());
	child_say("over %d", san_cleanup());
}

static void
eal_that_runs_already_is_explained(void **state)
{
	(void)state;
	child_run(&child, start_twice);
	child_assert_sentence(&child, "none", -EINVAL, WORDS("EAL"));
	assert_int_equal(atoi(child_line(&child, "down")), -ENETDOWN);
	child_assert_sentence(&child, "early", -ENETDOWN, WORDS("san_startup"));
	assert_int_equal(atoi(child_line(&child, "eal")), 1);
	child_assert_sentence(&child, "again", -EALREADY, WORDS("san_startup(0, NULL)"));
	assert_int_equal(atoi(child_line(&child, "adopt")), 0);
	child_assert_sentence(&child, "third", -EALREADY, WORDS("san_startup(0, NULL)"));
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
	assert_int_equal(atoi(child_line(&child, "over")), -ENETDOWN);
}

static void
start_with_bad_argument(void)
{
	static char *argv[] = { "ports", "--no-huge", "--no-such-argument", NULL };

	child_say_error("start", san_startup(3, argv));
	child_say("cleanup %d", san_cleanup());
}

static void
bad_eal_argument_is_explained(void **state)
{
	(void)state;
	child_run(&child, start_with_bad_argument);
	child_assert_sentence(&child, "start", -EINVAL, WORDS("EAL"));
	assert_int_equal(atoi(child_line(&child, "cleanup")), -ENETDOWN);
}

static void
share_a_port(void)
{
	start();
	child_say("first %d", make_host("ring:s/0", NULL, NULL));
	child_say_error("second", make_host("ring:s/0", NULL, NULL));
	child_say("other %d", make_host("ring:s/1", NULL, NULL));
	child_say("null %d", make_host("net_null3,size=64", NULL, NULL));
	child_say_error("null2", make_host("net_null3,size=64", NULL, NULL));
	child_say_error("null3", make_host("net_null3", NULL, NULL));
	child_say("cleanup %d", san_cleanup());
}

static void
two_hosts_on_one_port_are_explained(void **state)
{
	(void)state;
	child_run(&child, share_a_port);
	assert_int_equal(atoi(child_line(&child, "first")), 0);
	child_assert_sentence(&child, "second", -EBUSY, WORDS("ring:s/0"));
	assert_int_equal(atoi(child_line(&child, "other")), 0);
	child_assert_sentence(&child, "null2", -EBUSY, WORDS("net_null3"));
	child_assert_sentence(&child, "null3", -EBUSY, WORDS("net_null3"));
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
}

static void
starve(void)
{
	struct san_conf *conf = san_conf_create();

	child_say_error("key", san_conf_set(conf, "host", "mbufs", "10"));
	san_conf_destroy(conf);
	start();
	child_say_error("cores", make_host("net_null4,size=64", "cores", "1"));
	conf = make_conf("net_null5,size=64", "mbufs", "512");
	san_conf_set(conf, "host", "cores", "4");
	san_conf_set(conf, "port p", "rx_desc", "1024");
	{
		struct san_host *host = NULL;

		child_say_error("few", san_host_create(conf, &host));
	}
	san_conf_destroy(conf);
	child_say_error("memory", make_host("ring:m/0", "mbufs", "4000000"));
	child_say_error("good", make_host("ring:m/0", "mbufs", "4096"));
	child_say("cleanup %d", san_cleanup());
}

static void
too_few_mbufs_are_explained(void **state)
{
	(void)state;
	child_run(&child, starve);
	child_assert_sentence(&child, "key", -EINVAL, WORDS("mbufs", "10", "512"));
	child_assert_sentence(&child, "few", 0, WORDS("mbufs"));
	child_assert_sentence(&child, "memory", -ENOMEM, WORDS("mbufs", "-m"));
	assert_int_equal(atoi(child_line(&child, "good")), 0);
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
}

static void
misspell(void)
{
	struct san_conf *conf = san_conf_create();

	load("key", "[host]\nname = a\n\n[port p]\ndevise = ring:a/0\n");
	load("value", "[host]\n# a comment\nmbufs = plenty\n");
	load("range", "[host]\nmbufs = 3\n");
	load("section", "[hosts]\nname = a\n");
	load("noname", "[interface]\naddress = 10.9.0.1/24\n");
	load("twice", "[host]\nmbufs = 1024\nmbufs = 2048\n");
	load("address", "[interface i]\nport = p\naddress = 10.9.0.300/24\n");
	load("line", "[host]\nname\n");
	child_say_error("missing", san_conf_load(conf, "/nonexistent/san.conf"));
	child_say_error("set", san_conf_set(conf, "host", "mbuf", "1024"));
	child_say_error("setsection", san_conf_set(conf, "hots", "mbufs", "1024"));
	san_conf_destroy(conf);
}

static void
misspelt_configuration_is_explained(void **state)
{
	char path[64];

	(void)state;
	child_run(&child, misspell);
	snprintf(path, sizeof(path), "%s", child_line(&child, "path"));
	child_assert_sentence(&child, "key", -EINVAL, WORDS(path, "5", "devise", "device", "rx_desc"));
	child_assert_sentence(&child, "value", -EINVAL, WORDS(path, "3", "mbufs", "plenty", "512"));
	child_assert_sentence(&child, "range", -EINVAL, WORDS(path, "2", "mbufs", "3", "512"));
	child_assert_sentence(&child, "section", -EINVAL, WORDS(path, "1", "hosts", "interface"));
	child_assert_sentence(&child, "noname", -EINVAL, WORDS(path, "1", "interface"));
	child_assert_sentence(&child, "twice", -EINVAL, WORDS(path, "3", "mbufs"));
	child_assert_sentence(&child, "address", -EINVAL, WORDS(path, "3", "address", "10.9.0.300/24"));
	child_assert_sentence(&child, "line", -EINVAL, WORDS(path, "2", "name"));
	child_assert_sentence(&child, "missing", -ENOENT, WORDS("/nonexistent/san.conf"));
	child_assert_sentence(&child, "set", -EINVAL, WORDS("mbuf", "mbufs"));
	child_assert_sentence(&child, "setsection", -EINVAL, WORDS("hots", "interface"));
}

static void
leave_out(void)
{
	struct san_host *host = NULL;
	struct san_conf *conf = san_conf_create();

	start();
	child_say_error("nothing", san_host_create(conf, &host));
	san_conf_set(conf, "interface i", "port", "q");
	san_conf_set(conf, "interface i", "address", "10.9.0.1/24");
	child_say_error("noport", san_host_create(conf, &host));
	san_conf_set(conf, "port p", "device", "ring:l/0");
	child_say_error("otherport", san_host_create(conf, &host));
	san_conf_destroy(conf);
	conf = san_conf_create();
	san_conf_set(conf, "port p", "device", "ring:l/0");
	san_conf_set(conf, "interface i", "port", "p");
	child_say_error("noaddress", san_host_create(conf, &host));
	child_say_error("null", san_host_create(NULL, &host));
	child_say("host %d", host == NULL);
	san_conf_destroy(conf);
	child_say("cleanup %d", san_cleanup());
}

static void
incomplete_configuration_is_explained(void **state)
{
	(void)state;
	child_run(&child, leave_out);
	child_assert_sentence(&child, "nothing", -EINVAL, WORDS("interface"));
	child_assert_sentence(&child, "noport", -EINVAL, WORDS("q"));
	child_assert_sentence(&child, "otherport", -EINVAL, WORDS("q"));
	child_assert_sentence(&child, "noaddress", -EINVAL, WORDS("address"));
	child_assert_sentence(&child, "null", -EINVAL, WORDS("configuration"));
	assert_int_equal(atoi(child_line(&child, "host")), 1);
	assert_int_equal(atoi(child_line(&child, "cleanup")), 0);
}

static const struct CMUnitTest cases[] = {
	NET_CASE(missing_huge_pages_are_explained),
	NET_CASE(too_few_huge_pages_are_explained),
	NET_CASE(huge_pages_are_used_when_there_are_some),
	NET_CASE(wrong_port_name_is_explained),
	NET_CASE(address_in_use_is_explained),
	NET_CASE(eal_that_runs_already_is_explained),
	NET_CASE(bad_eal_argument_is_explained),
	NET_CASE(two_hosts_on_one_port_are_explained),
	NET_CASE(too_few_mbufs_are_explained),
	NET_CASE(misspelt_configuration_is_explained),
	NET_CASE(incomplete_configuration_is_explained),
};

NET_MAIN("misuse", cases)
