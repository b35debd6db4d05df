/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "kit/vhost.h"

uint64_t sim_exercised[SIM_NB_CHECKS];
bool sim_saw_sack;
bool sim_saw_ecn;
struct sim_failure sim_failure;

static const struct {
	const char *name;
	const char *text;
	bool optional;
} checks[] = {
#define SIM_CHECK(name, text) { #name, text, false },
#define SIM_IF_NEGOTIATED(name, text) { #name, text, true },
#define SIM_HAPPENS(name, text) { #name, text, false },
#include "sim/checks.def"
#undef SIM_CHECK
#undef SIM_IF_NEGOTIATED
#undef SIM_HAPPENS
};

const char *
sim_check_name(enum sim_check check)
{
	return checks[check].name;
}

const char *
sim_check_text(enum sim_check check)
{
	return checks[check].text;
}

bool
sim_check_is_due(enum sim_check check)
{
	if (!checks[check].optional)
		return true;
	return checks[check].name[0] == 'e' ? sim_saw_ecn : sim_saw_sack;
}

void
sim_check_begin(void)
{
	sim_failure = (struct sim_failure){ .failed = false };
}

void
sim_fail(enum sim_check check, const char *format, ...)
{
	va_list args;

	if (sim_failure.failed)
		return;
	sim_failure.failed = true;
	sim_failure.check = check;
	sim_failure.at_us = vhost_now_us;
	va_start(args, format);
	vsnprintf(sim_failure.text, sizeof(sim_failure.text), format, args);
	va_end(args);
}
