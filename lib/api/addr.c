/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of an address and back: san_addr_parse(), san_addr_format() (san/types.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include <san/types.h>

#include "api/parse.h"
#include "base/base.h"

_Static_assert(sizeof(((struct san_addr *)0)->ip) == sizeof(union sani_ip), "same octets");

/* Only to tell "not yet" from "not an address". */
static bool
is_v6(const char *text)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t len = strlen(text);

	if (text[0] == '[') {
		const char *end = strchr(text, ']');

		if (end == NULL)
			return false;
		text++;
		len = (size_t)(end - text);
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return inet_pton(AF_INET6, host, &in6) == 1;
}

int
san_addr_parse(const char *text, struct san_addr *addr)
{
	struct san_addr got = { 0 };
	const char *colon;
	size_t host_len;
	uint32_t port = 0;
	uint32_t v4_be = 0;

	if (text == NULL || addr == NULL || text[0] == '\0')
		return -EINVAL;
	if (is_v6(text))
		return -EAFNOSUPPORT;
	colon = strchr(text, ':');
	host_len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	if (colon != NULL && sani_parse_number(colon + 1, strlen(colon + 1), 65535, &port) != 0)
		return -EINVAL;
	if (host_len > 0 && !(host_len == 1 && text[0] == '*') &&
	    sani_parse_v4(text, host_len, &v4_be) != 0)
		return -EINVAL;
	/* 0.0.0.0 is any, and any is all zero whatever the family */
	if (v4_be != 0) {
		union sani_ip ip = sani_ip_from_v4(v4_be);

		memcpy(got.ip, ip.b, sizeof(got.ip));
	}
	got.port = (uint16_t)port;
	*addr = got;
	return 0;
}

const char *
san_addr_format(const struct san_addr *addr, char *text)
{
	char host[INET6_ADDRSTRLEN];
	union sani_ip ip;

	memcpy(ip.b, addr->ip, sizeof(ip.b));
	if (sani_ip_is_any(&ip)) {
		snprintf(text, SAN_ADDR_TEXT, "*:%u", (unsigned int)addr->port);
	} else if (sani_ip_is_v4(&ip)) {
		inet_ntop(AF_INET, &ip.w_be[3], host, sizeof(host));
		snprintf(text, SAN_ADDR_TEXT, "%s:%u", host, (unsigned int)addr->port);
	} else if (addr->scope_id != 0) {
		inet_ntop(AF_INET6, ip.b, host, sizeof(host));
		snprintf(text, SAN_ADDR_TEXT, "[%s%%%u]:%u", host, (unsigned int)addr->scope_id,
			 (unsigned int)addr->port);
	} else {
		inet_ntop(AF_INET6, ip.b, host, sizeof(host));
		snprintf(text, SAN_ADDR_TEXT, "[%s]:%u", host, (unsigned int)addr->port);
	}
	return text;
}
