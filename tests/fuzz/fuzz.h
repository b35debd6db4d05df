/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Fuzz: what the targets share. A target is a program of libFuzzer's: it is given bytes, plays them, and aborts when
 * something is not as it has to be.
 *
 *   build-fuzz/tests/fuzz/fuzz-tcp FILE      plays one file again
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** End the program when x is not so: libFuzzer keeps the input. */
#define fuzz_require(x) do {								\
	if (!(x)) {									\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);		\
		abort();								\
	}										\
} while (0)

/** The input, read from the front. At its end everything is 0. */
struct fuzz_in {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t
fuzz_8(struct fuzz_in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

static inline uint16_t
fuzz_16(struct fuzz_in *in)
{
	uint8_t high = fuzz_8(in);

	return (uint16_t)(high << 8 | fuzz_8(in));
}

static inline uint32_t
fuzz_32(struct fuzz_in *in)
{
	uint32_t high = fuzz_16(in);

	return high << 16 | fuzz_16(in);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
