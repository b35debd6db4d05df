/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "tcp/cookie.h"
#include "tcp/hash.h"
#include "tcp/priv.h"

#define SLOT_SHIFT 26		/* 2^26 us: 67 s */
#define MSS_SHIFT 1
#define MSS_MASK 7u
#define MAC_SHIFT 4

#define OPT_BITS 5		/* of the timestamp */
#define OPT_MASK ((1u << OPT_BITS) - 1)
#define OPT_WSCALE 0x0fu
#define OPT_NO_WSCALE 0x0fu
#define OPT_SACK 0x10u
#define OPT_TS 0x20u		/* in the hash only: the peer offered timestamps */

_Static_assert(SANI_TCP_COOKIE_LIFE_US == UINT64_C(2) << SLOT_SHIFT, "two slots");

/*
 * The greatest that is not above the peer's is taken: least that is believed, defaults without the option
 * for IPv4 and IPv6, tunnels, IPv6 and PPPoE and plain Ethernet, and Ethernet of long
 * frames (MTU 9000).
 */
static const uint16_t mss_table[MSS_MASK + 1] = {
	SANI_TCP_MSS_LEAST, 536, 1220, 1360, 1440, 1452, 1460, 8960,
};

/* All that a cookie vouches for; hashed as bytes. */
struct vouched {
	struct sani_tuple tuple;
	uint32_t irs;
	uint32_t slot;
	uint16_t opts;
	uint16_t mss_idx;
	uint32_t rcvbuf;	/* another listener may have taken the port since */
};

_Static_assert(sizeof(struct vouched) == 56, "no holes");

static uint32_t
hash_vouched(const uint8_t key[16], const struct vouched *v)
{
	uint8_t out[crypto_shorthash_BYTES];
	struct vouched in = *v;
	uint32_t word;

	in.tuple.zero = SANI_TCP_HASH_COOKIE;
	crypto_shorthash(out, (const unsigned char *)&in, sizeof(in), key);
	memcpy(&word, out, sizeof(word));
	return word;
}

static uint32_t
seal(const uint8_t key[16], const struct vouched *v)
{
	return hash_vouched(key, v) << MAC_SHIFT | (uint32_t)v->mss_idx << MSS_SHIFT | (v->slot & 1);
}

static uint32_t
choose_mss(const struct sani_tcp_seg *syn, bool v4)
{
	uint32_t mss = syn->opts & SANI_TCP_OPT_MSS ? syn->mss : mss_table[v4 ? 1 : 2];
	uint32_t idx = MSS_MASK;

	while (idx > 0 && mss_table[idx] > mss)
		idx--;
	return idx;
}

static uint32_t
pack_options(const struct sani_tcp_seg *syn)
{
	uint32_t opts = OPT_TS;

	if (!(syn->opts & SANI_TCP_OPT_TS))
		return OPT_NO_WSCALE;
	if (syn->opts & SANI_TCP_OPT_SACK_PERM)
		opts |= OPT_SACK;
	return opts | (syn->opts & SANI_TCP_OPT_WSCALE ? syn->wscale : OPT_NO_WSCALE);
}

/* The SYN as it is known from the cookie. */
static void
unpack(struct sani_tcp_seg *syn, uint32_t mss_idx, uint32_t opts)
{
	syn->flags = SANI_TCP_SYN;
	syn->mss = mss_table[mss_idx];
	syn->opts = SANI_TCP_OPT_MSS;
	if (opts & OPT_TS)
		syn->opts |= SANI_TCP_OPT_TS;
	if (opts & OPT_SACK)
		syn->opts |= SANI_TCP_OPT_SACK_PERM;
	if ((opts & OPT_WSCALE) != OPT_NO_WSCALE) {
		syn->opts |= SANI_TCP_OPT_WSCALE;
		syn->wscale = (uint8_t)(opts & OPT_WSCALE);
	}
}

/* The last timestamp, the present one included, whose low bits are these. */
static uint32_t
mark_timestamp(uint32_t clock_ms, uint32_t opts)
{
	return clock_ms - ((clock_ms - opts) & OPT_MASK);
}

void
sani_tcp_cookie_make(const uint8_t key[16], struct sani_tcp_seg *syn, uint64_t now_us,
		     struct sani_tcp_params *p)
{
	struct vouched v = {
		.tuple = p->tuple,
		.irs = syn->seq,
		.slot = (uint32_t)(now_us >> SLOT_SHIFT),
		.mss_idx = (uint16_t)choose_mss(syn, sani_ip_is_v4(&p->tuple.remote)),
		.opts = (uint16_t)pack_options(syn),
		.rcvbuf = p->rcvbuf > p->rcvbuf_max ? p->rcvbuf : p->rcvbuf_max,
	};
	uint32_t now_ms = (uint32_t)(now_us / 1000);

	unpack(syn, v.mss_idx, v.opts);
	p->iss = seal(key, &v);
	p->ts_offset = mark_timestamp(now_ms + p->ts_offset, v.opts) - now_ms;
}

bool
sani_tcp_cookie_check(const uint8_t key[16], const struct sani_tuple *t, const struct sani_tcp_seg *ack,
		      uint64_t now_us, uint32_t rcvbuf, struct sani_tcp_seg *syn)
{
	bool has_ts = ack->opts & SANI_TCP_OPT_TS;
	uint32_t slot = (uint32_t)(now_us >> SLOT_SHIFT);
	uint32_t iss = ack->ack - 1;
	struct vouched v = {
		.tuple = *t,
		.irs = ack->seq - 1,
		.slot = slot - ((slot ^ iss) & 1),
		.mss_idx = (uint16_t)(iss >> MSS_SHIFT & MSS_MASK),
		.opts = (uint16_t)(has_ts ? OPT_TS | (ack->tsecr & OPT_MASK) : OPT_NO_WSCALE),
		.rcvbuf = rcvbuf,
	};

	if (seal(key, &v) != iss)
		return false;
	*syn = (struct sani_tcp_seg){
		.src_port = ack->src_port,
		.dst_port = ack->dst_port,
		.seq = v.irs,
		.tsval = ack->tsval,
	};
	unpack(syn, v.mss_idx, v.opts);
	return true;
}
