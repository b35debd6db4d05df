/* SPDX-License-Identifier: BSD-3-Clause */
#include "packetdrill/player.h"

#include <dlfcn.h>
#include <string.h>

#define HOST 0xc0a80001u	/* 192.168.0.1 */
#define PEER 0xc0000201u	/* 192.0.2.1 */
#define IP_LEN 20
#define TCP_LEN 20
#define DF 0x40

/* The tool binds deeply; the address sanitizer cannot be loaded like that. */
#if defined(__SANITIZE_ADDRESS__)
#define HOW (RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)
#else
#define HOW (RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND)
#endif

struct packetdrill_interface player;

static void *object;

void
player_load(const char *path, const char *flags)
{
	void (*init)(const char *flags, struct packetdrill_interface *ifc);

	object = dlopen(path, HOW);
	if (object == NULL)
		fail_msg("%s", dlerror());
	init = (void (*)(const char *, struct packetdrill_interface *))
		dlsym(object, "packetdrill_interface_init");
	assert_non_null(init);
	init(flags, &player);
}

void *
player_symbol(const char *name)
{
	void *symbol = dlsym(object, name);

	assert_non_null(symbol);
	return symbol;
}

struct sockaddr_in
player_address(bool peer, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(peer ? PEER : HOST),
	};
}

uint64_t
player_now_us(void)
{
	struct timeval tv;

	assert_int_equal(player.gettimeofday(player.userdata, &tv, NULL), 0);
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

static void
put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void
put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* RFC 1071. */
static uint16_t
checksum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t
pseudo_sum(size_t len)
{
	return (HOST >> 16) + (HOST & 0xffff) + (PEER >> 16) + (PEER & 0xffff) + IPPROTO_TCP +
	       (uint32_t)len;
}

/* The datagram of a segment. @return Its size. */
static size_t
make(uint8_t *p, const struct segment *s, bool from_peer, uint32_t id)
{
	size_t header = TCP_LEN + s->nb_options;
	size_t len = IP_LEN + header + s->len;
	uint8_t *t = p + IP_LEN;

	assert_in_range(len, IP_LEN + TCP_LEN, PLAYER_MAX);
	memset(p, 0, len);
	p[0] = 0x45;
	put16(p + 2, (uint32_t)len);
	put16(p + 4, id);
	p[6] = DF;
	p[8] = 64;
	p[9] = IPPROTO_TCP;
	put32(p + 12, from_peer ? PEER : HOST);
	put32(p + 16, from_peer ? HOST : PEER);
	put16(p + 10, checksum(p, IP_LEN, 0));
	put16(t, from_peer ? s->peer_port : s->host_port);
	put16(t + 2, from_peer ? s->host_port : s->peer_port);
	put32(t + 4, s->seq);
	put32(t + 8, s->ack);
	t[12] = (uint8_t)(header / 4 << 4);
	t[13] = s->flags;
	put16(t + 14, s->window);
	memcpy(t + TCP_LEN, s->options, s->nb_options);
	if (s->len > 0)
		memcpy(t + header, s->data, s->len);
	put16(t + 16, checksum(t, header + s->len, pseudo_sum(header + s->len)));
	return len;
}

void
player_put(const struct segment *segment)
{
	uint8_t datagram[PLAYER_MAX];
	size_t len = make(datagram, segment, true, 0);

	assert_int_equal(player.netdev_send(player.userdata, datagram, len), 0);
}

void
player_await(struct sent *sent)
{
	const uint8_t *t = sent->datagram + IP_LEN;
	struct segment *s = &sent->segment;
	long long sent_us;

	sent->len = sizeof(sent->datagram);
	assert_int_equal(player.netdev_receive(player.userdata, sent->datagram, &sent->len, &sent_us), 0);
	assert_in_range(sent->len, IP_LEN + TCP_LEN, PLAYER_MAX);
	sent->sent_us = (uint64_t)sent_us;
	*s = (struct segment){
		.host_port = (uint16_t)get16(t),
		.peer_port = (uint16_t)get16(t + 2),
		.seq = get32(t + 4),
		.ack = get32(t + 8),
		.nb_options = (uint8_t)((t[12] >> 4) * 4 - TCP_LEN),
		.flags = t[13],
		.window = (uint16_t)get16(t + 14),
	};
	memcpy(s->options, t + TCP_LEN, s->nb_options);
	s->data = (const char *)t + TCP_LEN + s->nb_options;
	s->len = sent->len - IP_LEN - TCP_LEN - s->nb_options;
}

void
player_expect(const struct segment *want)
{
	struct segment all = *want;
	uint8_t datagram[PLAYER_MAX];
	struct sent sent;
	size_t len;

	player_await(&sent);
	if (all.window == 0 && !(all.flags & TH_RST))
		all.window = sent.segment.window;
	len = make(datagram, &all, false, get16(sent.datagram + 4));
	assert_int_equal(sent.len, len);
	assert_memory_equal(sent.datagram, datagram, len);
}

unsigned int
player_drain(void)
{
	uint8_t datagram[PLAYER_MAX];
	unsigned int n = 0;

	for (;;) {
		size_t len = sizeof(datagram);
		long long sent_us;

		assert_int_equal(player.netdev_receive(player.userdata, datagram, &len, &sent_us), 0);
		if (len == 0)
			return n;
		n++;
	}
}
