/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/tcp.h"

enum {
	OPT_EOL = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACK_PERM = 4, OPT_SACK = 5, OPT_TS = 8,
	OPT_FAST = 34,	/* RFC 7413 */
};

#define WSCALE_MAX 14	/* RFC 7323 2.3 */
#define SACK_PERM_TS 0x0402080au	/* both, without a NOP */

static uint16_t
get16(const uint8_t *p)
{
	uint16_t be;

	memcpy(&be, p, sizeof(be));
	return rte_be_to_cpu_16(be);
}

static uint32_t
get32(const uint8_t *p)
{
	uint32_t be;

	memcpy(&be, p, sizeof(be));
	return rte_be_to_cpu_32(be);
}

static uint8_t *
put16(uint8_t *p, uint16_t v)
{
	uint16_t be = rte_cpu_to_be_16(v);

	memcpy(p, &be, sizeof(be));
	return p + sizeof(be);
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	uint32_t be = rte_cpu_to_be_32(v);

	memcpy(p, &be, sizeof(be));
	return p + sizeof(be);
}

static void
take_sack(struct sani_tcp_seg *seg, const uint8_t *p, uint8_t size)
{
	uint8_t n = (uint8_t)((size - 2) / 8);

	if ((size - 2) % 8 != 0 || n < 1 || n > SANI_TCP_SACK_BLOCKS)
		return;
	for (uint8_t i = 0; i < n; i++) {
		seg->sack[i].left = get32(p + 2 + 8 * i);
		seg->sack[i].right = get32(p + 6 + 8 * i);
	}
	seg->nb_sack = n;
	seg->opts |= SANI_TCP_OPT_SACK;
}

/* RFC 7413 2: a request has no cookie; one has 4 to 16 octets, an even number. Anything else is no such option. */
static __attribute__((noinline, cold)) void
take_fast(struct sani_tcp_seg *seg, const uint8_t *p, uint8_t size)
{
	uint8_t n = (uint8_t)(size - 2);

	if (n != 0 && (n < SANI_TCP_FAST_LEAST || n > SANI_TCP_FAST_MOST || n % 2 != 0))
		return;
	memcpy(seg->fast, p + 2, n);
	seg->nb_fast = n;
	seg->opts |= SANI_TCP_OPT_FAST;
}

/* What of the options is there already is not taken again: the first of a kind counts. */
static void
take_option(struct sani_tcp_seg *seg, const uint8_t *p, uint8_t size)
{
	switch (p[0]) {
	case OPT_MSS:
		if (size != 4 || (seg->opts & SANI_TCP_OPT_MSS))
			break;
		seg->mss = get16(p + 2);
		seg->opts |= SANI_TCP_OPT_MSS;
		break;
	case OPT_WSCALE:
		if (size != 3 || (seg->opts & SANI_TCP_OPT_WSCALE))
			break;
		seg->wscale = p[2] > WSCALE_MAX ? WSCALE_MAX : p[2];
		seg->opts |= SANI_TCP_OPT_WSCALE;
		break;
	case OPT_TS:
		if (size != 10 || (seg->opts & SANI_TCP_OPT_TS))
			break;
		seg->tsval = get32(p + 2);
		seg->tsecr = get32(p + 6);
		seg->opts |= SANI_TCP_OPT_TS;
		break;
	case OPT_SACK_PERM:
		if (size == 2)
			seg->opts |= SANI_TCP_OPT_SACK_PERM;
		break;
	case OPT_SACK:
		if (!(seg->flags & SANI_TCP_SYN) && !(seg->opts & SANI_TCP_OPT_SACK))
			take_sack(seg, p, size);
		break;
	case OPT_FAST:
		if ((seg->flags & SANI_TCP_SYN) && !(seg->opts & SANI_TCP_OPT_FAST))
			take_fast(seg, p, size);
		break;
	default:
		break;
	}
}

/* The options of most SYNs fill words: these first, in any order. @return Where others begin. */
static inline const uint8_t *
parse_words(struct sani_tcp_seg *seg, const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 4; p += 4) {
		uint32_t word = get32(p);

		if (word >> 16 == SANI_TCP_MSS_WORD >> 16 && !(seg->opts & SANI_TCP_OPT_MSS)) {
			seg->mss = (uint16_t)word;
			seg->opts |= SANI_TCP_OPT_MSS;
		} else if (word >> 8 == SANI_TCP_WSCALE_WORD >> 8 && !(seg->opts & SANI_TCP_OPT_WSCALE)) {
			seg->wscale = (uint8_t)word > WSCALE_MAX ? WSCALE_MAX : (uint8_t)word;
			seg->opts |= SANI_TCP_OPT_WSCALE;
		} else if (word == SANI_TCP_SACK_PERM_WORD) {
			seg->opts |= SANI_TCP_OPT_SACK_PERM;
		} else if ((word == SANI_TCP_PLAIN_TS || word == SACK_PERM_TS) && end - p >= 12 &&
			   !(seg->opts & SANI_TCP_OPT_TS)) {
			seg->tsval = get32(p + 4);
			seg->tsecr = get32(p + 8);
			seg->opts |= word == SACK_PERM_TS ? SANI_TCP_OPT_SACK_PERM | SANI_TCP_OPT_TS : SANI_TCP_OPT_TS;
			p += 8;
		} else {
			break;
		}
	}
	return p;
}

/* RFC 9293 MUST-5 to MUST-7, MUST-64: any segment, any alignment, unknown kinds by their length. */
static bool
parse_options(struct sani_tcp_seg *seg, const uint8_t *p, const uint8_t *end)
{
	p = parse_words(seg, p, end);
	while (p < end && *p != OPT_EOL) {
		if (*p == OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return false;
		take_option(seg, p, p[1]);
		p += p[1];
	}
	return true;
}

enum sani_tcp_parse
sani_tcp_parse(const uint8_t *p, uint32_t contig, uint32_t len, struct sani_tcp_seg *seg)
{
	uint16_t hdr_len;

	if (sani_likely(sani_tcp_parse_plain(p, contig, len, seg)))
		return SANI_TCP_PARSE_OK;
	if (contig < SANI_TCP_HDR_MIN || len < SANI_TCP_HDR_MIN)
		return SANI_TCP_PARSE_HEADER;
	hdr_len = (uint16_t)((p[12] >> 4) * 4);
	if (hdr_len < SANI_TCP_HDR_MIN || hdr_len > len || hdr_len > contig)
		return SANI_TCP_PARSE_HEADER;
	*seg = (struct sani_tcp_seg){
		.src_port = get16(p),
		.dst_port = get16(p + 2),
		.seq = get32(p + 4),
		.ack = get32(p + 8),
		.flags = p[13],
		.wnd = get16(p + 14),
		.urg = get16(p + 18),
		.hdr_len = hdr_len,
		.len = len - hdr_len,
	};
	if (seg->src_port == 0 || seg->dst_port == 0)
		return SANI_TCP_PARSE_HEADER;
	if (!parse_options(seg, p + SANI_TCP_HDR_MIN, p + hdr_len))
		return SANI_TCP_PARSE_OPTION;
	return SANI_TCP_PARSE_OK;
}

/* SACK blocks go last and take what room is left (RFC 2018 3: at most 3 beside timestamps). */
static uint8_t *
put_sack(uint8_t *o, const uint8_t *end, const struct sani_tcp_seg *seg)
{
	uint8_t n = seg->nb_sack;

	while (n > 0 && 4 + 8 * n > end - o)
		n--;
	if (n == 0)
		return o;
	*o++ = OPT_NOP;
	*o++ = OPT_NOP;
	*o++ = OPT_SACK;
	*o++ = (uint8_t)(2 + 8 * n);
	for (uint8_t i = 0; i < n; i++) {
		o = put32(o, seg->sack[i].left);
		o = put32(o, seg->sack[i].right);
	}
	return o;
}

/* A cookie that leaves no room is left out: the peer takes it for a SYN without. */
static __attribute__((noinline, cold)) uint8_t *
put_fast(uint8_t *o, const uint8_t *end, const struct sani_tcp_seg *seg)
{
	uint8_t n = seg->nb_fast;

	if ((2 + n + 3) / 4 * 4 > end - o)
		return o;
	if (n % 4 == 0) {
		*o++ = OPT_NOP;
		*o++ = OPT_NOP;
	}
	*o++ = OPT_FAST;
	*o++ = (uint8_t)(2 + n);
	memcpy(o, seg->fast, n);
	return o + n;
}

/* Each option is filled up to 32 bits with NOPs before it, so no end-of-list is ever needed. */
static uint8_t *
put_options(uint8_t *o, const uint8_t *end, const struct sani_tcp_seg *seg)
{
	if (seg->opts & SANI_TCP_OPT_MSS)
		o = put32(o, SANI_TCP_MSS_WORD | seg->mss);
	if (seg->opts & SANI_TCP_OPT_WSCALE)
		o = put32(o, SANI_TCP_WSCALE_WORD | seg->wscale);
	if (seg->opts & SANI_TCP_OPT_SACK_PERM)
		o = put32(o, SANI_TCP_SACK_PERM_WORD);
	if (seg->opts & SANI_TCP_OPT_TS) {
		o = put32(o, SANI_TCP_PLAIN_TS);
		o = put32(o, seg->tsval);
		o = put32(o, seg->tsecr);
	}
	if (seg->opts & (SANI_TCP_OPT_SACK | SANI_TCP_OPT_FAST))
		o = seg->opts & SANI_TCP_OPT_SACK ? put_sack(o, end, seg) : put_fast(o, end, seg);
	return o;
}

uint16_t
sani_tcp_write_header(uint8_t *p, const struct sani_tcp_seg *seg)
{
	uint16_t len = (uint16_t)(put_options(p + SANI_TCP_HDR_MIN, p + SANI_TCP_HDR_MAX, seg) - p);

	put16(p, seg->src_port);
	put16(p + 2, seg->dst_port);
	put32(p + 4, seg->seq);
	put32(p + 8, seg->flags & SANI_TCP_ACK ? seg->ack : 0);
	p[12] = (uint8_t)(len / 4 << 4);
	p[13] = seg->flags;
	put16(p + 14, seg->wnd);
	put16(p + 16, 0);
	put16(p + 18, seg->urg);
	return len;
}
