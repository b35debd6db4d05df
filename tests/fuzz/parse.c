/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP header: what the parser says of it against what a slow reading, written for this, says; and what it has read
 * survives being written and read again.
 *
 * Input: one octet, what of the header lies in the first buffer; the rest is the segment.
 */
#include "fuzz.h"
#include "wire/tcp.h"

struct reading {
	bool whole;		/* the list does not end in the middle of an option */
	const uint8_t *at[256];	/* the first option of each kind that has its proper size */
};

static bool
has_size(uint8_t kind, uint8_t size, bool syn)
{
	static const uint8_t proper[] = { [2] = 4, [3] = 3, [4] = 2, [8] = 10 };

	if (kind == 5)
		return !syn && size >= 10 && (size - 2) % 8 == 0;
	if (kind == 34)
		return syn && (size == 2 || (size % 2 == 0 && size >= 6 && size <= 18));
	return kind < sizeof(proper) && proper[kind] != 0 && size == proper[kind];
}

static struct reading
read_options(const uint8_t *p, unsigned int n, bool syn)
{
	struct reading r = { .whole = true };
	unsigned int i = 0;

	while (i < n && p[i] != 0) {
		uint8_t kind = p[i];

		if (kind == 1) {
			i++;
			continue;
		}
		if (i + 1 >= n || p[i + 1] < 2 || i + p[i + 1] > n) {
			r.whole = false;
			break;
		}
		if (r.at[kind] == NULL && has_size(kind, p[i + 1], syn))
			r.at[kind] = p + i;
		i += p[i + 1];
	}
	return r;
}

static uint32_t
number(const uint8_t *p, unsigned int octets)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < octets; i++)
		n = n << 8 | p[i];
	return n;
}

static void
compare(const struct reading *r, const struct sani_tcp_seg *seg)
{
	fuzz_require((r->at[2] != NULL) == !!(seg->opts & SANI_TCP_OPT_MSS));
	fuzz_require((r->at[3] != NULL) == !!(seg->opts & SANI_TCP_OPT_WSCALE));
	fuzz_require((r->at[4] != NULL) == !!(seg->opts & SANI_TCP_OPT_SACK_PERM));
	fuzz_require((r->at[5] != NULL) == !!(seg->opts & SANI_TCP_OPT_SACK));
	fuzz_require((r->at[8] != NULL) == !!(seg->opts & SANI_TCP_OPT_TS));
	fuzz_require((r->at[34] != NULL) == !!(seg->opts & SANI_TCP_OPT_FAST));
	if (r->at[2] != NULL)
		fuzz_require(seg->mss == number(r->at[2] + 2, 2));
	if (r->at[3] != NULL)
		fuzz_require(seg->wscale == (r->at[3][2] > 14 ? 14 : r->at[3][2]));
	if (r->at[8] != NULL)
		fuzz_require(seg->tsval == number(r->at[8] + 2, 4) && seg->tsecr == number(r->at[8] + 6, 4));
	if (r->at[5] != NULL) {
		fuzz_require(seg->nb_sack == (r->at[5][1] - 2) / 8);
		for (unsigned int i = 0; i < seg->nb_sack; i++)
			fuzz_require(seg->sack[i].left == number(r->at[5] + 2 + 8 * i, 4) &&
				     seg->sack[i].right == number(r->at[5] + 6 + 8 * i, 4));
	}
	if (r->at[34] != NULL)
		fuzz_require(seg->nb_fast == r->at[34][1] - 2 &&
			     memcmp(seg->fast, r->at[34] + 2, seg->nb_fast) == 0);
}

/* What was written is read as it was, but for what found no room. */
static void
write_and_read(const struct sani_tcp_seg *seg)
{
	uint8_t again[SANI_TCP_HDR_MAX] = { 0 };
	struct sani_tcp_seg back;
	uint16_t len = sani_tcp_write_header(again, seg);

	fuzz_require(len <= SANI_TCP_HDR_MAX && len % 4 == 0);
	fuzz_require(sani_tcp_parse(again, len, len, &back) == SANI_TCP_PARSE_OK);
	fuzz_require(back.hdr_len == len && back.len == 0 && back.seq == seg->seq && back.flags == seg->flags);
	fuzz_require((back.opts & ~seg->opts) == 0);
	fuzz_require((seg->opts & ~back.opts & ~(SANI_TCP_OPT_SACK | SANI_TCP_OPT_FAST)) == 0);
	fuzz_require(!(back.opts & SANI_TCP_OPT_TS) || (back.tsval == seg->tsval && back.tsecr == seg->tsecr));
	fuzz_require(back.nb_sack <= seg->nb_sack || !(back.opts & SANI_TCP_OPT_SACK));
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	uint8_t contig = fuzz_8(&in);
	uint32_t first = contig < in.n ? contig : (uint32_t)in.n;
	uint8_t *p = malloc(first + 1);	/* of its own, so that a look behind it is seen */
	struct sani_tcp_seg seg;
	enum sani_tcp_parse parse;

	fuzz_require(p != NULL);
	if (first > 0)
		memcpy(p, in.p, first);
	p = realloc(p, first > 0 ? first : 1);
	parse = sani_tcp_parse(p, first, (uint32_t)in.n, &seg);
	if (first < 20 || p[12] >> 4 < 5 || (p[12] >> 4) * 4u > first || number(p, 2) == 0 || number(p + 2, 2) == 0) {
		fuzz_require(parse == SANI_TCP_PARSE_HEADER);
	} else {
		struct reading r = read_options(p + 20, (p[12] >> 4) * 4u - 20, p[13] & SANI_TCP_SYN);

		fuzz_require((parse == SANI_TCP_PARSE_OK) == r.whole);
		if (parse == SANI_TCP_PARSE_OK) {
			fuzz_require(seg.hdr_len + seg.len == in.n && seg.seq == number(p + 4, 4));
			compare(&r, &seg);
			write_and_read(&seg);
		}
	}
	free(p);
	return 0;
}
