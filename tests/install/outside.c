/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of somebody else: start, be refused a host with a sentence, end. C and C++. */
#include <stdio.h>
#include <string.h>

#include <san/san.h>

int
main(int argc, char **argv)
{
	struct san_host *host = NULL;
	struct san_conf *conf;
	struct san_addr addr;
	char text[SAN_ADDR_TEXT];
	int used, rc;

	used = san_startup(argc, argv);
	if (used < 0) {
		fprintf(stderr, "san_startup: %d, %s\n", used, san_error());
		return 1;
	}
	if (san_addr_parse("10.0.0.1:80", &addr) != 0 ||
	    strcmp(san_addr_format(&addr, text), "10.0.0.1:80") != 0) {
		fprintf(stderr, "an address did not come back\n");
		return 1;
	}
	conf = san_conf_create();
	rc = san_host_create(conf, &host);
	san_conf_destroy(conf);
	if (rc >= 0 || host != NULL || strlen(san_error()) == 0) {
		fprintf(stderr, "a host of an empty configuration: %d, \"%s\"\n", rc, san_error());
		return 1;
	}
	printf("san_error: %s\n", san_error());
	rc = san_cleanup();
	if (rc != 0) {
		fprintf(stderr, "san_cleanup: %d, %s\n", rc, san_error());
		return 1;
	}
	return 0;
}
