/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/fail.h"

static uint32_t
read_number(const char *name, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (end == value || *end != '\0' || n > UINT32_MAX)
		kit_fail("so_flags: \"%s\" is \"%s\", accepted is a whole number", name, value);
	return (uint32_t)n;
}

static enum flags_order
read_order(const char *value)
{
	static const char *const names[] = {
		[FLAGS_ORDER_STACK] = "stack",
		[FLAGS_ORDER_LINUX] = "linux",
		[FLAGS_ORDER_BSD] = "bsd",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0)
			return (enum flags_order)i;
	kit_fail("so_flags: \"order\" is \"%s\", accepted are stack, linux, bsd", value);
}

static unsigned int
read_kinds(char *value)
{
	static const struct {
		const char *name;
		unsigned int kind;
	} kinds[] = { { "wscale", 3 }, { "sack", 4 }, { "timestamps", 8 } };
	unsigned int without = 0, i;
	char *at;

	for (char *name = strtok_r(value, "+", &at); name != NULL; name = strtok_r(NULL, "+", &at)) {
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && strcmp(name, kinds[i].name) != 0; i++)
			;
		if (i == sizeof(kinds) / sizeof(kinds[0]))
			kit_fail("so_flags: \"without\" has \"%s\", accepted are wscale, sack, timestamps", name);
		without |= 1u << kinds[i].kind;
	}
	return without;
}

static void
set_ecn(struct flags *flags, const char *value)
{
	flags->sets_ecn = true;
	flags->ecn = read_number("ecn", value);
	if (flags->ecn > 2)
		kit_fail("so_flags: \"ecn\" is \"%s\", accepted are 0 off, 1 accept, 2 request", value);
}

static void
set(struct flags *flags, const char *name, char *value)
{
	if (strcmp(name, "address") == 0)
		snprintf(flags->address, sizeof(flags->address), "%s", value);
	else if (strcmp(name, "gateway") == 0)
		snprintf(flags->gateway, sizeof(flags->gateway), "%s", value);
	else if (strcmp(name, "mtu") == 0)
		flags->mtu = read_number(name, value);
	else if (strcmp(name, "rcvbuf") == 0)
		flags->rcvbuf = read_number(name, value);
	else if (strcmp(name, "sndbuf") == 0)
		flags->sndbuf = read_number(name, value);
	else if (strcmp(name, "order") == 0)
		flags->order = read_order(value);
	else if (strcmp(name, "quickack") == 0)
		flags->quickack = read_number(name, value) != 0;
	else if (strcmp(name, "pushes") == 0)
		flags->pushes = read_number(name, value) != 0;
	else if (strcmp(name, "doubles") == 0)
		flags->doubles = read_number(name, value) != 0;
	else if (strcmp(name, "ecn") == 0)
		set_ecn(flags, value);
	else if (strcmp(name, "without") == 0)
		flags->without = read_kinds(value);
	else
		kit_fail("so_flags: there is no flag \"%s\"", name);
}

void
flags_read(const char *text, struct flags *flags)
{
	char copy[512], *at, *flag;

	*flags = (struct flags){
		.address = "192.168.0.1/16",
		.gateway = "192.168.0.2",
		.mtu = 1500,
		.quickack = true,
	};
	snprintf(copy, sizeof(copy), "%s", text != NULL ? text : "");
	for (flag = strtok_r(copy, ",", &at); flag != NULL; flag = strtok_r(NULL, ",", &at)) {
		char *value = strchr(flag, '=');

		if (value == NULL)
			kit_fail("so_flags: \"%s\" has no value", flag);
		*value++ = '\0';
		set(flags, flag, value);
	}
}
