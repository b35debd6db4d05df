/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Types: handles and addresses, the words every other header uses.
 *
 * Model:   a socket is named by a 64-bit handle that is never reused; an address is always
 *          16 octets, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so IPv6 changes no layout.
 * Threads: plain values; every function here may be called by any thread.
 * Source:  doc/op-contract.md, "Objects".
 */
#ifndef SAN_TYPES_H
#define SAN_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks a function that libsanstack.so exports. */
#define SAN_API __attribute__((visibility("default")))

/** A socket: 8 bits core, 24 slot, 32 generation. SAN_NO_HANDLE names none. */
typedef uint64_t san_handle;

#define SAN_NO_HANDLE ((san_handle)0)

/** One end of a connection. All zero: any address, any port. */
struct san_addr {
	uint8_t ip[16];		/**< [network order]; IPv4 mapped; all zero: any. */
	uint32_t scope_id;	/**< IPv6 zone; 0 for IPv4. */
	uint16_t port;		/**< [host order]; 0: any. */
	uint16_t reserved;	/**< 0. */
};

/** Room for the longest text of san_addr_format(), terminator included. */
#define SAN_ADDR_TEXT 64

/**
 * Read "10.0.0.1", "10.0.0.1:80", ":80" or "*:80".
 *
 * @param[in]  text  Terminated text.
 * @param[out] addr  Set only on success. A missing port is 0, a missing address is any.
 * @retval 0        Done.
 * @retval -EINVAL  Not an address, or a port above 65535.
 * @retval -EAFNOSUPPORT  An IPv6 address: not yet.
 * @context Any thread.
 */
SAN_API int
san_addr_parse(const char *text, struct san_addr *addr);

/**
 * Write an address as text, "10.0.0.1:80".
 *
 * @param[in]  addr  The address.
 * @param[out] text  At least SAN_ADDR_TEXT octets.
 * @return text.
 * @context Any thread.
 */
SAN_API const char *
san_addr_format(const struct san_addr *addr, char *text);

#ifdef __cplusplus
}
#endif
#endif
