/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream of bytes that can be computed from any offset on: word n of it is a mix of seed and n. */
#include "echo.h"

#include <string.h>

/* The output function of SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t
mix_word(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + n * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* How many bytes of the word at offset are wanted, and where they begin in it. */
static size_t
cut_word(uint64_t offset, size_t len, size_t *skip)
{
	size_t n;

	*skip = (size_t)(offset % 8);
	n = 8 - *skip;
	return n < len ? n : len;
}

void
pattern_fill(uint64_t seed, uint64_t offset, unsigned char *data, size_t len)
{
	while (len > 0) {
		uint64_t word = mix_word(seed, offset / 8);
		size_t skip;
		size_t n = cut_word(offset, len, &skip);

		memcpy(data, (const unsigned char *)&word + skip, n);
		offset += n;
		data += n;
		len -= n;
	}
}

size_t
pattern_check(uint64_t seed, uint64_t offset, const unsigned char *data, size_t len)
{
	size_t good = 0;

	while (good < len) {
		uint64_t word = mix_word(seed, offset / 8);
		size_t skip;
		size_t n = cut_word(offset, len - good, &skip);

		if (memcmp(data + good, (const unsigned char *)&word + skip, n) != 0)
			break;
		offset += n;
		good += n;
	}
	while (good < len) {
		unsigned char byte;

		pattern_fill(seed, offset, &byte, 1);
		if (data[good] != byte)
			break;
		offset++;
		good++;
	}
	return good;
}
