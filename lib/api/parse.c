/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/parse.h"

#include <arpa/inet.h>
#include <errno.h>

int
sani_parse_number(const char *text, size_t len, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (len == 0 || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		if (n <= UINT32_MAX)
			n = n * 10 + (uint64_t)(text[i] - '0');
	}
	if (n > max)
		return -ERANGE;
	*out = (uint32_t)n;
	return 0;
}

int
sani_parse_v4(const char *text, size_t len, uint32_t *v4_be)
{
	const char *end = text + len;
	uint32_t v4 = 0;

	for (int octet = 0; octet < 4; octet++) {
		const char *dot = memchr(text, '.', (size_t)(end - text));
		uint32_t n;

		/* the last octet has no dot behind it, the others have one */
		if ((dot == NULL) != (octet == 3))
			return -EINVAL;
		if (dot == NULL)
			dot = end;
		if (sani_parse_number(text, (size_t)(dot - text), 255, &n) != 0)
			return -EINVAL;
		v4 = v4 << 8 | n;
		text = dot + 1;
	}
	*v4_be = htonl(v4);
	return 0;
}

int
sani_parse_subnet(const char *text, uint32_t *v4_be, uint8_t *prefix)
{
	const char *slash = strchr(text, '/');
	uint32_t n;

	if (slash == NULL)
		return -EINVAL;
	if (sani_parse_number(slash + 1, strlen(slash + 1), 32, &n) != 0 || n == 0)
		return -EINVAL;
	if (sani_parse_v4(text, (size_t)(slash - text), v4_be) != 0)
		return -EINVAL;
	*prefix = (uint8_t)n;
	return 0;
}

static int
read_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
sani_parse_mac(const char *text, uint8_t mac[6])
{
	uint8_t got[6];

	if (strlen(text) != 17)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		int high = read_hex(text[3 * i]);
		int low = read_hex(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return -EINVAL;
		got[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(mac, got, sizeof(got));
	return 0;
}
