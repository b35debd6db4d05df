/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

static _Thread_local char sentence[SANI_ERROR_TEXT];

int
sani_error_set(int code, const char *fmt, ...)
{
	/* An argument may be the sentence itself ("...: %s" around an older one), so not in place. */
	char text[SANI_ERROR_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(sentence, text, sizeof(sentence));
	return code;
}

const char *
sani_error_text(void)
{
	return sentence;
}
