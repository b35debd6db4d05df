/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/conf.h"
#include "base/error.h"
#include "unit/api/tree.h"

static char folder[] = "/tmp/san-conf-XXXXXX";
static struct sani_api_conf out;

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int
end_folder(void **state)
{
	(void)state;
	unlink("t.conf");
	return chdir("/") != 0 || rmdir(folder) != 0;
}

static void
write_file(const char *text, size_t len)
{
	FILE *file = fopen("t.conf", "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Read a text as a file, and resolve it. */
static int
load_bytes(const char *text, size_t len)
{
	struct san_conf *conf = san_conf_create();
	int rc;

	assert_non_null(conf);
	write_file(text, len);
	rc = san_conf_load(conf, "t.conf");
	if (rc == 0)
		rc = sani_conf_resolve(conf, &out);
	san_conf_destroy(conf);
	return rc;
}

static void
refuse(const char *text, const char *sentence)
{
	assert_int_equal(load_bytes(text, strlen(text)), -EINVAL);
	assert_string_equal(sani_error_text(), sentence);
}

static void
accept_text(const char *text)
{
	if (load_bytes(text, strlen(text)) != 0)
		fail_msg("%s", sani_error_text());
}

#define GOOD "[port p]\ndevice=net_tap0,iface=san0\n[interface i]\nport=p\naddress=10.0.0.1/24\n"

static void
every_example_is_accepted(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(SAN_TREE "/config/*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 6);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct san_conf *conf = san_conf_create();

		if (san_conf_load(conf, found.gl_pathv[i]) != 0 || sani_conf_resolve(conf, &out) != 0)
			fail_msg("%s", sani_error_text());
		san_conf_destroy(conf);
	}
	globfree(&found);
}

static void
comments_blanks_and_line_ends_do_not_matter(void **state)
{
	(void)state;
	accept_text("# first\n\n  [host]  # why\n\tcores =\t2# two\r\n" GOOD "\n   \n# last, no line end");
	assert_int_equal(out.host.nb_cores, 2);
	assert_string_equal(out.host.ports[0].device, "net_tap0,iface=san0");
	accept_text("[ port   p ]\ndevice=x\n[interface\ti]\nport=p\naddress=10.0.0.1/24");
	assert_string_equal(out.host.ports[0].name, "p");
	assert_string_equal(out.host.ifaces[0].name, "i");
}

static void
mistake_is_told_with_its_line(void **state)
{
	(void)state;
	refuse("# one\n\n[host]\ncores = 1\nmbufs = 5\n",
	       "t.conf:5: key \"mbufs\" is \"5\", accepted is a whole number from 512 to 16777216.");
	refuse("[hots]\n", "t.conf:1: [hots] is not a section, accepted are [host], [port NAME] and "
	       "[interface NAME].");
	refuse("\n[port p]\ndevize = x\n", "t.conf:3: \"devize\" is not a key of a section [port] (did you "
	       "mean \"device\"?), accepted are device, rx_desc, tx_desc, lend, offload.");
	refuse("[port p]\ndevice =\n", "t.conf:2: key \"device\" is \"\", accepted is a device name, a PCI "
	       "address, \"NAME,ARGUMENTS\" or \"ring:NAME/0\" and \"ring:NAME/1\".");
}

static void
mistake_between_keys_is_told_with_its_line(void **state)
{
	(void)state;
	refuse("[port p]\ndevice=x\n[interface i]\naddress=10.0.0.1/24\nport=q\n",
	       "t.conf:5: key \"port\" of [interface i] is \"q\", accepted is the name of a section "
	       "[port NAME].");
	refuse("[host]\n[port p]\nrx_desc=64\n",
	       "t.conf:2: key \"device\" of [port p] is missing, accepted is a device name, a PCI address, "
	       "\"NAME,ARGUMENTS\" or \"ring:NAME/0\" and \"ring:NAME/1\".");
	refuse(GOOD "[interface j]\nport=p\naddress=10.0.1.1/24\n",
	       "t.conf:7: key \"port\" of [interface j] is \"p\", accepted is a port that no other "
	       "interface is on ([interface i] is).");
	refuse("", "t.conf: there is no section [interface NAME], accepted are 1 to 8.");
}

static void
repeat_in_one_file_is_refused(void **state)
{
	(void)state;
	refuse("[host]\ncores=1\n\ncores=1\n",
	       "t.conf:4: key \"cores\" is given again, accepted is one (the first is in line 2).");
	refuse("[host]\n[port p]\ndevice=x\n[host]\n",
	       "t.conf:4: section [host] is given again, accepted is one (the first is in line 1).");
}

static void
later_file_and_api_replace(void **state)
{
	struct san_conf *conf = san_conf_create();

	(void)state;
	assert_int_equal(san_conf_set(conf, "host", "cores", "2"), 0);
	write_file("[host]\ncores=3\n" GOOD, strlen("[host]\ncores=3\n" GOOD));
	assert_int_equal(san_conf_load(conf, "t.conf"), 0);
	assert_int_equal(sani_conf_resolve(conf, &out), 0);
	assert_int_equal(out.host.nb_cores, 3);
	write_file("[host]\ncores=4\n[host]\n", 22);
	assert_int_equal(san_conf_load(conf, "t.conf"), -EINVAL);
	write_file("[host]\ncores=5\n", 15);
	assert_int_equal(san_conf_load(conf, "t.conf"), 0);
	assert_int_equal(sani_conf_resolve(conf, &out), 0);
	assert_int_equal(out.host.nb_cores, 5);
	assert_int_equal(san_conf_set(conf, "host", "cores", "6"), 0);
	assert_int_equal(sani_conf_resolve(conf, &out), 0);
	assert_int_equal(out.host.nb_cores, 6);
	san_conf_destroy(conf);
}

static void
line_that_is_nothing_is_refused(void **state)
{
	(void)state;
	refuse("[host]\ncores 4\n", "t.conf:2: found \"cores 4\", accepted is \"[SECTION]\", "
	       "\"KEY = VALUE\" or \"# COMMENT\".");
	refuse("; note\n", "t.conf:1: found \"; note\", accepted is \"[SECTION]\", \"KEY = VALUE\" or "
	       "\"# COMMENT\".");
	refuse("[host\n", "t.conf:1: found a section without \"]\", accepted is [host], [port NAME] or "
	       "[interface NAME].");
	refuse("[host] x\n", "t.conf:1: found text behind \"]\", accepted is a comment that begins with "
	       "\"#\".");
	refuse("cores = 1\n", "t.conf:1: found key \"cores\" before any section, accepted is a section "
	       "such as [host] in front of it.");
	refuse("\xef\xbb\xbf[host]\n", "t.conf:1: found \"\xef\xbb\xbf[host]\", accepted is \"[SECTION]\", "
	       "\"KEY = VALUE\" or \"# COMMENT\".");
	refuse("[host]\nname = a\\#b\n", "t.conf:2: found a backslash or a control character, accepted is "
	       "text without them.");
	assert_int_equal(load_bytes("[host]\nname = a\0b\n", 18), -EINVAL);
	assert_string_equal(sani_error_text(), "t.conf:2: found a backslash or a control character, "
			    "accepted is text without them.");
}

/* Head, then n times 'v', then tail. */
static const char *
stretch(const char *head, int n, const char *tail)
{
	static char text[1024];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", head);

	memset(text + len, 'v', (size_t)n);
	snprintf(text + len + n, sizeof(text) - len - (size_t)n, "%s", tail);
	return text;
}

static void
what_is_too_long_is_refused_not_cut(void **state)
{
	(void)state;
	refuse(stretch("[port p]\ndevice=", 256, "\n"), "t.conf:2: found key \"device\" with a longer "
	       "value, accepted is a value of at most 255 characters.");
	refuse(stretch("[host]\nk", 63, " = 1\n"), "t.conf:2: found key \"k"
	       "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\" and more, accepted is "
	       "a key of at most 63 characters.");
	refuse(stretch("[port ", 60, "]\n"), "t.conf:1: found a section of more than 63 characters, "
	       "accepted is [host], [port NAME] or [interface NAME].");
	refuse(stretch("[host]\n#", 320, "\n"), "t.conf:2: found a line of more than 320 characters, "
	       "accepted is a shorter one.");
}

static void
what_is_just_short_enough_is_taken_whole(void **state)
{
	(void)state;
	accept_text(stretch("[port p]\ndevice=", 255, "\n[interface i]\nport=p\naddress=10.0.0.1/24\n"));
	assert_int_equal(strlen(out.host.ports[0].device), 255);
	accept_text(stretch("#", 319, "\n" GOOD));
	accept_text(stretch(GOOD "#", 319, ""));
}

static void
file_of_too_many_keys_is_refused(void **state)
{
	enum { LINES = 4000 };
	static char text[LINES * 2 + 8] = "[host]\n";
	size_t len = 7;

	(void)state;
	for (int i = 0; i < LINES; i++) {
		text[len++] = '=';
		text[len++] = '\n';
	}
	assert_int_equal(load_bytes(text, len), -EINVAL);
	assert_non_null(strstr(sani_error_text(), "found more sections and keys than there are"));
}

static void
what_is_no_file_is_refused(void **state)
{
	struct san_conf *conf = san_conf_create();

	(void)state;
	assert_int_equal(san_conf_load(conf, "none.conf"), -ENOENT);
	assert_string_equal(sani_error_text(), "none.conf: cannot be opened (No such file or directory), "
			    "accepted is the path of a configuration file.");
	assert_int_equal(san_conf_load(conf, "/"), -EINVAL);
	assert_string_equal(sani_error_text(), "/: is not a regular file, accepted is the path of a "
			    "configuration file.");
	assert_int_equal(san_conf_load(conf, NULL), -EINVAL);
	assert_int_equal(san_conf_load(NULL, "none.conf"), -EINVAL);
	san_conf_destroy(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_is_accepted),
		cmocka_unit_test(comments_blanks_and_line_ends_do_not_matter),
		cmocka_unit_test(mistake_is_told_with_its_line),
		cmocka_unit_test(mistake_between_keys_is_told_with_its_line),
		cmocka_unit_test(repeat_in_one_file_is_refused),
		cmocka_unit_test(later_file_and_api_replace),
		cmocka_unit_test(line_that_is_nothing_is_refused),
		cmocka_unit_test(what_is_too_long_is_refused_not_cut),
		cmocka_unit_test(what_is_just_short_enough_is_taken_whole),
		cmocka_unit_test(file_of_too_many_keys_is_refused),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests_name("conf_file", tests, make_folder, end_folder);
}
