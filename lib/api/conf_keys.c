/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of keys and what each accepts. A test holds doc/configuration.md to it. */
#include <errno.h>
#include <stdio.h>

#include "api/conf.h"
#include "api/parse.h"

#define NUMBER SANI_KEY_NUMBER

const struct sani_key sani_keys[SANI_NB_KEYS] = {
	[SANI_CONF_NAME] = { SANI_SECTION_HOST, "name", SANI_KEY_NAME, false, 0, 0, "host",
		"Name of the host, for messages." },
	[SANI_CONF_CORES] = { SANI_SECTION_HOST, "cores", NUMBER, false, 1, SANI_HOST_CORES, "1",
		"Polling loops, each with a receive and a transmit queue on every port." },
	[SANI_CONF_SOCKETS] = { SANI_SECTION_HOST, "sockets", NUMBER, false, 16, 16777215, "4096",
		"Sockets of a core at most, listeners included." },
	[SANI_CONF_CONNECTIONS] = { SANI_SECTION_HOST, "connections", NUMBER, false, 16, 33554432,
		"sockets + half_open",
		"Connections of a core at most, those not accepted yet included." },
	[SANI_CONF_HALF_OPEN] = { SANI_SECTION_HOST, "half_open", NUMBER, false, 1, 1048576, "1024",
		"Connections of a core at most whose handshake is not finished; SYN cookies from 3/4 on." },
	[SANI_CONF_LISTENERS] = { SANI_SECTION_HOST, "listeners", NUMBER, false, 1, 65536, "64",
		"Listeners of the host at most." },
	[SANI_CONF_TIME_WAIT] = { SANI_SECTION_HOST, "time_wait", NUMBER, false, 1, 600000, "60000",
		"Stay in TIME_WAIT, twice the MSL [ms] (RFC 9293 3.6.1)." },
	[SANI_CONF_WINDOW_MAX] = { SANI_SECTION_HOST, "window_max", NUMBER, false, 65536, 1073741824, "8388608",
		"A connection's send buffer and receive window grow to this by themselves [bytes]." },
	[SANI_CONF_TIME_WAIT_RECORDS] = { SANI_SECTION_HOST, "time_wait_records", NUMBER, false, 16,
		16777216, "8192",
		"Connections of a core at most that are remembered after their end; the oldest goes first." },
	[SANI_CONF_MTU_PROBING] = { SANI_SECTION_HOST, "mtu_probing", NUMBER, false, 0, 1, "0",
		"1: sockets look for paths that drop long packets in silence (SAN_OPT_MTU_PROBE, RFC 4821)." },
	[SANI_CONF_MBUFS] = { SANI_SECTION_HOST, "mbufs", NUMBER, false, 512, 16777216, "16384",
		"Packet buffers of the host, for all cores and ports." },
	[SANI_CONF_LOANS] = { SANI_SECTION_HOST, "loans", NUMBER, false, 1, 16777216, "mbufs / 4 / cores",
		"Received packet buffers that a core lends to the program at most (san_recv_loan())." },
	[SANI_CONF_REQUEST_RING] = { SANI_SECTION_HOST, "request_ring", NUMBER, false, 16, 65536,
		"1024", "Requests of one thread that may be under way to one core." },
	[SANI_CONF_SLEEP_AFTER] = { SANI_SECTION_HOST, "sleep_after", NUMBER, false, 0, 60000000, "0",
		"A core that has had nothing to do for so long sleeps, if san_run() polls it [us]; 0: never." },
	[SANI_CONF_DEVICE] = { SANI_SECTION_PORT, "device", SANI_KEY_DEVICE, true, 0, 0, NULL,
		"The DPDK device behind the port." },
	[SANI_CONF_RX_DESC] = { SANI_SECTION_PORT, "rx_desc", NUMBER, false, 32, 32768, "1024",
		"Descriptors of a receive queue, adjusted to the limits of the driver." },
	[SANI_CONF_TX_DESC] = { SANI_SECTION_PORT, "tx_desc", NUMBER, false, 32, 32768, "1024",
		"Descriptors of a transmit queue, adjusted to the limits of the driver." },
	[SANI_CONF_LEND] = { SANI_SECTION_PORT, "lend", SANI_KEY_LEND, false, 0, 0, "auto",
		"restart: a queue that keeps registered memory for 10 ms while idle is stopped and started." },
	[SANI_CONF_OFFLOAD] = { SANI_SECTION_PORT, "offload", SANI_KEY_OFFLOAD, false, 0, 0, "auto",
		"Of a ring pair, both ends alike: what neither end does, as if a NIC did it." },
	[SANI_CONF_PORT] = { SANI_SECTION_INTERFACE, "port", SANI_KEY_NAME, true, 0, 0, NULL,
		"The port that the interface is on, one interface a port." },
	[SANI_CONF_ADDRESS] = { SANI_SECTION_INTERFACE, "address", SANI_KEY_SUBNET, true, 0, 0, NULL,
		"Address of the interface and its network." },
	[SANI_CONF_GATEWAY] = { SANI_SECTION_INTERFACE, "gateway", SANI_KEY_ADDRESS, false, 0, 0, NULL,
		"Where packets for other networks go, an address of this network." },
	[SANI_CONF_MAC] = { SANI_SECTION_INTERFACE, "mac", SANI_KEY_MAC, false, 0, 0,
		"that of the device",
		"Ethernet address; a random local one if the device has none." },
	[SANI_CONF_MTU] = { SANI_SECTION_INTERFACE, "mtu", NUMBER, false, 68, 9000, "1500",
		"Longest IP packet [bytes]." },
};

const char *
sani_section_word(enum sani_section_kind kind)
{
	static const char *const words[SANI_NB_SECTION_KINDS] = { "host", "port", "interface" };

	return words[kind];
}

enum sani_key_id
sani_key_find(enum sani_section_kind kind, const char *name)
{
	for (unsigned int i = 0; i < SANI_NB_KEYS; i++) {
		if (sani_keys[i].section == kind && strcmp(sani_keys[i].name, name) == 0)
			return (enum sani_key_id)i;
	}
	return SANI_NB_KEYS;
}

static unsigned int
min_of_3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein: how many letters have to be put in, taken out or changed. */
static unsigned int
count_edits(const char *a, const char *b)
{
	unsigned int row[64];
	size_t n = strlen(b);

	if (n >= 64)
		return UINT32_MAX;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		unsigned int corner = row[0];

		row[0]++;
		for (size_t j = 0; j < n; j++) {
			unsigned int change = corner + (a[i] != b[j]);

			corner = row[j + 1];
			row[j + 1] = min_of_3(change, corner + 1, row[j] + 1);
		}
	}
	return row[n];
}

enum sani_key_id
sani_key_nearest(enum sani_section_kind kind, const char *name)
{
	enum sani_key_id best = SANI_NB_KEYS;
	unsigned int best_edits = 3;	/* more than two slips: some other word */

	for (unsigned int i = 0; i < SANI_NB_KEYS; i++) {
		unsigned int edits = count_edits(name, sani_keys[i].name);

		if (sani_keys[i].section == kind && edits < best_edits &&
		    edits < strlen(sani_keys[i].name)) {
			best_edits = edits;
			best = (enum sani_key_id)i;
		}
	}
	return best;
}

bool
sani_conf_is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len = strlen(text);

	return len > 0 && len < SANI_CONF_NAME_LEN && strspn(text, letters) == len;
}

/* A ring is named by pair and end; all other devices are the EAL's to judge. */
static bool
is_device(const char *text)
{
	char pair[SANI_CONF_NAME_LEN];
	const char *slash;
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(((struct sani_port_conf *)0)->device))
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == '\x7f')
			return false;
	}
	if (strncmp(text, "ring:", 5) != 0)
		return true;
	text += 5;
	slash = strchr(text, '/');
	if (slash == NULL || (size_t)(slash - text) >= sizeof(pair))
		return false;
	memcpy(pair, text, (size_t)(slash - text));
	pair[slash - text] = '\0';
	return sani_conf_is_name(pair) && (strcmp(slash, "/0") == 0 || strcmp(slash, "/1") == 0);
}

/* An address that a host may have: RFC 1122 3.2.1.3, RFC 1112 4. */
static bool
is_host_v4(uint32_t v4_be)
{
	const uint8_t *octets = (const uint8_t *)&v4_be;

	return octets[0] != 0 && octets[0] != 127 && octets[0] < 224;
}

static bool
is_subnet(const char *text)
{
	uint32_t v4_be;
	uint32_t host_bits;
	uint8_t prefix;

	if (sani_parse_subnet(text, &v4_be, &prefix) != 0 || !is_host_v4(v4_be))
		return false;
	/* /31 has no broadcast address (RFC 3021), /32 no network */
	if (prefix >= 31)
		return true;
	host_bits = rte_be_to_cpu_32(v4_be) & (UINT32_MAX >> prefix);
	return host_bits != 0 && host_bits != UINT32_MAX >> prefix;
}

static bool
is_unicast_mac(const char *text)
{
	struct rte_ether_addr mac;

	return sani_parse_mac(text, mac.addr_bytes) == 0 && rte_is_unicast_ether_addr(&mac) &&
	       !rte_is_zero_ether_addr(&mac);
}

bool
sani_key_check(const struct sani_key *key, const char *value)
{
	uint32_t n;

	switch (key->type) {
	case SANI_KEY_NUMBER:
		return sani_parse_number(value, strlen(value), key->max, &n) == 0 && n >= key->min;
	case SANI_KEY_NAME:
		return sani_conf_is_name(value);
	case SANI_KEY_DEVICE:
		return is_device(value);
	case SANI_KEY_SUBNET:
		return is_subnet(value);
	case SANI_KEY_ADDRESS:
		return sani_parse_v4(value, strlen(value), &n) == 0 && is_host_v4(n);
	case SANI_KEY_MAC:
		return is_unicast_mac(value);
	case SANI_KEY_LEND:
		return strcmp(value, "auto") == 0 || strcmp(value, "restart") == 0;
	case SANI_KEY_OFFLOAD:
		return strcmp(value, "auto") == 0 || strcmp(value, "checksums") == 0 ||
		       strcmp(value, "segments") == 0;
	}
	return false;
}

const char *
sani_key_accepted(const struct sani_key *key, char *buf)
{
	static const char *const texts[] = {
		[SANI_KEY_NAME] = "1 to 31 letters, digits, '.', '_' or '-'",
		[SANI_KEY_DEVICE] = "a device name, a PCI address, \"NAME,ARGUMENTS\" or "
				    "\"ring:NAME/0\" and \"ring:NAME/1\"",
		[SANI_KEY_SUBNET] = "an IPv4 address of a host and its prefix length, "
				    "such as 10.0.0.1/24",
		[SANI_KEY_ADDRESS] = "an IPv4 address of a host, such as 10.0.0.1",
		[SANI_KEY_MAC] = "a unicast Ethernet address, such as 02:00:00:00:00:01",
		[SANI_KEY_LEND] = "auto or restart",
		[SANI_KEY_OFFLOAD] = "auto, checksums or segments",
	};

	if (key->type == SANI_KEY_NUMBER)
		snprintf(buf, SANI_KEY_ACCEPTED, "a whole number from %u to %u", key->min, key->max);
	else
		snprintf(buf, SANI_KEY_ACCEPTED, "%s", texts[key->type]);
	return buf;
}
