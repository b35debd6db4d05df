/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Base: the few macros and types that every module uses. No EAL, no state.
 */
#ifndef SANI_BASE_BASE_H
#define SANI_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define sani_likely(x) __builtin_expect(!!(x), 1)
#define sani_unlikely(x) __builtin_expect(!!(x), 0)

/** Of a variable that several files use: without it the compiler does not know that it is the library's own. */
#define SANI_OWN __attribute__((visibility("hidden")))

/** What the common path does not do: out of its way. */
#define SANI_SELDOM __attribute__((cold, noinline))

/** Bring the line at p near, to be written: from another processor's cache in one go, not first to be read. */
static inline void
sani_fetch_to_write(const void *p)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw (%0)" : : "r"(p));
#else
	__builtin_prefetch(p, 1);
#endif
}

#define SANI_CACHE_LINE 64
#define SANI_ALIGNED __attribute__((aligned(SANI_CACHE_LINE)))
#define SANI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/** Checked by the sanitizer build only (b_ndebug=false): the library that is shipped does not abort. */
#ifdef NDEBUG
#define sani_assert(x) ((void)(false && (x)))
#else
#define sani_assert(x) assert(x)
#endif

/** No index: arrays are addressed by 32-bit indices, this one names no element. */
#define SANI_NONE UINT32_MAX

/** No deadline. */
#define SANI_NEVER UINT64_MAX

#define SANI_CONTAINER(ptr, type, field) ((type *)(void *)((char *)(ptr) - offsetof(type, field)))

/** An IP address: 16 octets [network order], IPv4 mapped (::ffff:a.b.c.d), all zero: any. */
union sani_ip {
	uint8_t b[16];
	uint32_t w_be[4];
	uint64_t q[2];
};

_Static_assert(sizeof(union sani_ip) == 16, "an address is 16 octets");

static inline union sani_ip
sani_ip_from_v4(uint32_t v4_be)
{
	union sani_ip ip = { .b = { [10] = 0xff, [11] = 0xff } };

	ip.w_be[3] = v4_be;
	return ip;
}

static inline bool
sani_ip_is_v4(const union sani_ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip->b, mapped, sizeof(mapped)) == 0;
}

static inline uint32_t
sani_ip_v4_be(const union sani_ip *ip)
{
	return ip->w_be[3];
}

static inline bool
sani_ip_is_any(const union sani_ip *ip)
{
	return ip->q[0] == 0 && ip->q[1] == 0;
}

static inline bool
sani_ip_eq(const union sani_ip *a, const union sani_ip *b)
{
	return ((a->q[0] ^ b->q[0]) | (a->q[1] ^ b->q[1])) == 0;
}

/** Both ends of a flow, seen from us. 40 octets, no holes: hashed and compared as bytes. */
struct sani_tuple {
	union sani_ip local;
	union sani_ip remote;
	uint16_t local_port;	/**< [host order] */
	uint16_t remote_port;	/**< [host order] */
	uint32_t zero;		/**< Kept 0. */
};

_Static_assert(sizeof(struct sani_tuple) == 40, "a tuple is hashed as bytes");

static inline bool
sani_tuple_eq(const struct sani_tuple *a, const struct sani_tuple *b)
{
	return sani_ip_eq(&a->remote, &b->remote) && sani_ip_eq(&a->local, &b->local) &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port;
}

#endif
