/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/counters.h"

static const struct {
	const char *name;
	const char *text;
} counters[SANI_NB_COUNTERS] = {
#define SANI_COUNTER(name, text) [SANI_CTR_##name] = { #name, text },
#include "base/counters.def"
#undef SANI_COUNTER
};

const char *
sani_counter_name(enum sani_counter which)
{
	return counters[which].name;
}

const char *
sani_counter_text(enum sani_counter which)
{
	return counters[which].text;
}
