/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options, control codes, extension functions, and what there is not.
 */
#include <string.h>

#include "sw.h"

static int
get(struct sw_sock *s, int level, int name, unsigned int *value)
{
	int len = sizeof(*value);
	int err = 0;

	*value = 0x5555;
	if (sw.calls.lpWSPGetSockOpt(s->s, level, name, (char *)value, &len, &err) != 0)
		return err;
	assert_int_equal(len, sizeof(*value));
	return 0;
}

static int
set(struct sw_sock *s, int level, int name, int value)
{
	int err = 0;

	return sw.calls.lpWSPSetSockOpt(s->s, level, name, (char *)&value, sizeof(value), &err) == 0 ? 0 : err;
}

RULES("R195 R38 R25")
static void
debug_is_kept(void)
{
	struct sw_sock *s;
	unsigned int v;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(get(s, SOL_SOCKET, SO_DEBUG, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(set(s, SOL_SOCKET, SO_DEBUG, 1), 0);
	assert_int_equal(get(s, SOL_SOCKET, SO_DEBUG, &v), 0);
	assert_int_not_equal(v, 0);
	assert_int_equal(set(s, SOL_SOCKET, SO_DEBUG, 0), 0);
	assert_int_equal(get(s, SOL_SOCKET, SO_DEBUG, &v), 0);
	assert_int_equal(v, 0);
}

RULES("R195 R38")
static void
level_of_windows_is_the_same(void)
{
	struct sw_sock *s;
	unsigned int v;

	s = sw_bound(0, 700);
	assert_int_equal(set(s, WIN_SOL_SOCKET, SO_DEBUG, 1), 0);
	assert_int_equal(get(s, SOL_SOCKET, SO_DEBUG, &v), 0);
	assert_int_not_equal(v, 0);
}

RULES("R195 R38")
static void
nodelay_can_be_set_and_read(void)
{
	struct sw_pair pair;
	struct sw_sock *s;
	unsigned int v;

	s = sw_bound(0, 701);
	assert_int_equal(set(s, IPPROTO_TCP, TCP_NODELAY, 0), 0);
	assert_int_equal(get(s, IPPROTO_TCP, TCP_NODELAY, &v), 0);
	assert_int_equal(v, 0);
	pair = sw_pair(700);
	assert_int_equal(set(pair.end[0], IPPROTO_TCP, TCP_NODELAY, 0), 0);
	assert_int_equal(get(pair.end[0], IPPROTO_TCP, TCP_NODELAY, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(set(pair.end[0], IPPROTO_TCP, TCP_NODELAY, 1), 0);
	assert_int_equal(get(pair.end[0], IPPROTO_TCP, TCP_NODELAY, &v), 0);
	assert_int_equal(v, 1);
}

RULES("R74 R25")
static void
accepted_socket_has_the_options_of_its_listener(void)
{
	struct sw_sock *listener;
	struct sw_pair pair;
	unsigned int v;

	listener = sw_bound(1, 700);
	assert_int_equal(set(listener, IPPROTO_TCP, TCP_NODELAY, 0), 0);
	assert_int_equal(set(listener, SOL_SOCKET, SO_DEBUG, 1), 0);
	assert_int_equal(sw_listen(listener, 5), 0);
	assert_int_equal(sw_select(listener, FD_ACCEPT), 0);
	pair = sw_pair_to(listener, 700);
	assert_int_equal(get(pair.end[1], IPPROTO_TCP, TCP_NODELAY, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(get(pair.end[1], SOL_SOCKET, SO_DEBUG, &v), 0);
	assert_int_equal(v, 1);
}

/* The largest message is what one WSPSend takes. */
RULES("R111 R195")
static void
maximum_of_a_message_can_be_read_only(void)
{
	struct sw_pair pair = sw_pair(700);
	unsigned int v;

	assert_int_equal(get(pair.end[0], SOL_SOCKET, SO_MAX_MSG_SIZE, &v), 0);
	assert_true(v >= 1u << 20);
	assert_int_equal(set(pair.end[0], SOL_SOCKET, SO_MAX_MSG_SIZE, 1000), WSAENOPROTOOPT);
}

/* Without RDMA: no transfer is large enough for it, and none would be taken. */
RULES("R132 R133 R195")
static void
sizes_of_rdma_say_that_there_is_none(void)
{
	struct sw_sock *s;
	unsigned int v;

	s = sw_bound(0, 700);
	assert_int_equal(get(s, SOL_SOCKET, SO_MAX_RDMA_SIZE, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(get(s, SOL_SOCKET, SO_RDMA_THRESHOLD_SIZE, &v), 0);
	assert_true(v == 0xffffffffu);
	assert_int_equal(set(s, SOL_SOCKET, SO_MAX_RDMA_SIZE, 1), WSAENOPROTOOPT);
	assert_int_equal(set(s, SOL_SOCKET, SO_RDMA_THRESHOLD_SIZE, 1), WSAENOPROTOOPT);
}

RULES("R194 R196")
static void
other_options_are_unknown(void)
{
	static const int names[] = { SO_KEEPALIVE, SO_LINGER, SO_SNDBUF, SO_RCVBUF, SO_BROADCAST,
				     SO_OOBINLINE, SO_ERROR, SO_TYPE, 0x4321 };
	struct sw_sock *s;
	unsigned int i, v;

	s = sw_bound(0, 700);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(get(s, SOL_SOCKET, names[i], &v), WSAENOPROTOOPT);
		assert_int_equal(v, 0x5555);
		assert_int_equal(set(s, SOL_SOCKET, names[i], 1), WSAENOPROTOOPT);
	}
	assert_int_equal(get(s, IPPROTO_TCP, 0x4321, &v), WSAENOPROTOOPT);
	assert_int_equal(set(s, IPPROTO_TCP, 0x4321, 1), WSAENOPROTOOPT);
}

RULES("R196")
static void
other_levels_are_invalid(void)
{
	struct sw_sock *s;
	unsigned int v;

	s = sw_bound(0, 700);
	assert_int_equal(get(s, IPPROTO_UDP, 1, &v), WSAEINVAL);
	assert_int_equal(set(s, IPPROTO_IP, 1, 1), WSAEINVAL);
	assert_int_equal(get(s, 4711, SO_DEBUG, &v), WSAEINVAL);
}

RULES("R199 R196")
static void
group_options_are_unknown(void)
{
	struct sw_sock *s;
	unsigned int v;

	s = sw_bound(0, 700);
	assert_int_equal(get(s, SOL_SOCKET, SO_GROUP_ID, &v), WSAENOPROTOOPT);
	assert_int_equal(get(s, SOL_SOCKET, SO_GROUP_PRIORITY, &v), WSAENOPROTOOPT);
	assert_int_equal(set(s, SOL_SOCKET, SO_GROUP_PRIORITY, 1), WSAENOPROTOOPT);
}

RULES("R197")
static void
short_and_missing_values_are_refused(void)
{
	struct sw_sock *s;
	char value[8] = { 0 };
	int len = 3;
	int err = 0;

	s = sw_bound(0, 700);
	assert_int_equal(sw.calls.lpWSPGetSockOpt(s->s, SOL_SOCKET, SO_DEBUG, value, &len, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(len, 4);
	len = 8;
	err = 0;
	assert_int_equal(sw.calls.lpWSPGetSockOpt(s->s, SOL_SOCKET, SO_DEBUG, NULL, &len, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	err = 0;
	assert_int_equal(sw.calls.lpWSPGetSockOpt(s->s, SOL_SOCKET, SO_DEBUG, value, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	err = 0;
	assert_int_equal(sw.calls.lpWSPSetSockOpt(s->s, SOL_SOCKET, SO_DEBUG, NULL, 4, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	err = 0;
	assert_int_equal(sw.calls.lpWSPSetSockOpt(s->s, SOL_SOCKET, SO_DEBUG, value, 3, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
}

RULES("R198")
static void
options_are_read_in_every_state(void)
{
	struct sw_sock *all[7];
	struct sw_pair pair;
	unsigned int i, v;

	assert_int_equal(sw_socket(&all[0]), 0);
	all[1] = sw_bound(0, 701);
	all[2] = sw_listener(0, 702, 5);
	pair = sw_pair(700);
	all[3] = pair.end[0];
	all[4] = sw_begin(0, 703);
	sw_outcome(all[4]);
	pair = sw_pair(704);
	all[5] = pair.end[0];
	sw_shut_wait(pair.end[1]);
	sw_steps(50);
	sw.net.held[1] = true;
	all[6] = sw_begin(0, 705);
	for (i = 0; i < 7; i++) {
		assert_int_equal(get(all[i], SOL_SOCKET, SO_DEBUG, &v), 0);
		assert_int_equal(get(all[i], SOL_SOCKET, SO_MAX_MSG_SIZE, &v), 0);
		assert_int_equal(get(all[i], IPPROTO_TCP, TCP_NODELAY, &v), 0);
	}
}

static DWORD got;	/* bytes returned by the last of these */

static int
ioctl(SOCKET s, DWORD code, void *in, DWORD in_size, void *out, DWORD out_size)
{
	int err = 0;

	got = 0;
	return sw.calls.lpWSPIoctl(s, code, in, in_size, out, out_size, &got, NULL, NULL, NULL, &err) == 0 ? 0 : err;
}

/* By one host of several interfaces, or several hosts: all of them, each once. */
RULES("R44 R202 R20 R49 R50")
static void
addresses_of_all_interfaces_are_listed(void)
{
	union {
		SOCKET_ADDRESS_LIST list;
		char room[1024];
	} out;
	struct sockaddr_in want[2] = { sw_addr(0, 0), sw_addr(1, 0) };
	unsigned int seen[2] = { 0, 0 };
	const SOCKET_ADDRESS *list = out.list.Address;
	struct sw_sock *s;
	int i, j;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(ioctl(s->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, sizeof(out)), 0);
	assert_in_range(got, 1, sizeof(out));
	assert_int_equal(out.list.iAddressCount, 2);
	for (i = 0; i < 2; i++) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)list[i].lpSockaddr;

		assert_int_equal(list[i].iSockaddrLength, sizeof(*a));
		assert_true((const char *)a >= (const char *)&out && (const char *)(a + 1) <= (const char *)&out + got);
		assert_int_equal(a->sin_family, AF_INET);
		for (j = 0; j < 2; j++)
			seen[j] += a->sin_addr.s_addr == want[j].sin_addr.s_addr;
	}
	assert_true(seen[0] == 1 && seen[1] == 1);
}

RULES("R202 R44")
static void
room_for_the_addresses_is_told(void)
{
	char out[1024];
	struct sw_sock *s;
	DWORD need;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(ioctl(s->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, NULL, 0), WSAEFAULT);
	need = got;
	assert_in_range(need, 1, sizeof(out));
	assert_int_equal(ioctl(s->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, out, need - 1), WSAEFAULT);
	assert_int_equal(got, need);
	assert_int_equal(ioctl(s->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, out, need), 0);
	assert_int_equal(got, need);
}

/* The switch's start: a socket for nothing but questions. */
RULES("R20 R44")
static void
query_socket_is_closed_afterwards(void)
{
	struct sw_sock *s;
	char out[1024];

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(ioctl(s->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, out, sizeof(out)), 0);
	sw_shut_wait(s);
}

static int
extension(SOCKET s, GUID guid, void **function)
{

	*function = NULL;
	return ioctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid), function, sizeof(*function));
}

/* Before there is any socket too; each function has an address of its own. */
RULES("R201 R134")
static void
seven_extension_functions_are_there(void)
{
	static const GUID guids[] = { WSAID_REGISTERMEMORY, WSAID_DEREGISTERMEMORY, WSAID_REGISTERRDMAMEMORY,
				      WSAID_DEREGISTERRDMAMEMORY, WSAID_RDMAWRITE, WSAID_RDMAREAD,
				      WSAID_MEMORYREGISTRATIONCACHECALLBACK };
	void *function[7], *again;
	struct sw_sock *s;
	unsigned int i, j;

	assert_int_equal(sw_socket(&s), 0);
	for (i = 0; i < 7; i++) {
		assert_int_equal(extension(s->s, guids[i], &function[i]), 0);
		assert_int_equal(got, sizeof(function[i]));
		assert_non_null(function[i]);
		for (j = 0; j < i; j++)
			assert_ptr_not_equal(function[i], function[j]);
		assert_int_equal(extension(INVALID_SOCKET, guids[i], &again), 0);
		assert_ptr_equal(again, function[i]);
	}
}

/* The documented values, octet by octet. */
RULES("R201")
static void
identifiers_are_the_documented_ones(void)
{
	static const GUID reg = { 0xC0B422F5, 0xF58C, 0x11d1, { 0xAD, 0x6C, 0x00, 0xC0, 0x4F, 0xA3, 0x4A, 0x2D } };
	static const GUID write = { 0xC0B422F9, 0xF58C, 0x11d1, { 0xAD, 0x6C, 0x00, 0xC0, 0x4F, 0xA3, 0x4A, 0x2D } };
	static const GUID read = { 0xC0B422FA, 0xF58C, 0x11d1, { 0xAD, 0x6C, 0x00, 0xC0, 0x4F, 0xA3, 0x4A, 0x2D } };
	static const GUID cache = { 0xE5DA4AF8, 0xD824, 0x48CD, { 0xA7, 0x99, 0x63, 0x37, 0xA9, 0x8E, 0xD2, 0xAF } };
	struct sw_sock *s;
	void *function;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(extension(s->s, reg, &function), 0);
	assert_ptr_equal(function, *(void **)&sw.reg);
	assert_int_equal(extension(s->s, write, &function), 0);
	assert_int_equal(extension(s->s, read, &function), 0);
	assert_int_equal(extension(s->s, cache, &function), 0);
}

RULES("R201 R200")
static void
unknown_extension_functions_are_invalid(void)
{
	GUID guid = WSAID_REGISTERMEMORY;
	struct sw_sock *s;
	void *function;

	assert_int_equal(sw_socket(&s), 0);
	guid.Data1++;
	guid.Data3 = 7;
	assert_int_equal(extension(s->s, guid, &function), WSAEINVAL);
	assert_null(function);
}

RULES("R201")
static void
bad_buffers_of_the_extension_query_are_refused(void)
{
	GUID guid = WSAID_REGISTERMEMORY;
	struct sw_sock *s;
	void *function = NULL;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(ioctl(s->s, SIO_GET_EXTENSION_FUNCTION_POINTER, NULL, sizeof(guid), &function,
			       sizeof(function)), WSAEFAULT);
	assert_int_equal(ioctl(s->s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid) - 1, &function,
			       sizeof(function)), WSAEFAULT);
	assert_int_equal(ioctl(s->s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid), &function,
			       sizeof(function) - 1), WSAEFAULT);
	assert_null(function);
}

RULES("R203 R200")
static void
control_codes_of_qos_are_refused(void)
{
	static const DWORD codes[] = { SIO_GET_QOS, SIO_SET_QOS, SIO_GET_GROUP_QOS, SIO_SET_GROUP_QOS };
	struct sw_sock *s;
	unsigned int i;
	QOS qos;

	memset(&qos, 0, sizeof(qos));
	assert_int_equal(sw_socket(&s), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(ioctl(s->s, codes[i], &qos, sizeof(qos), &qos, sizeof(qos)), WSAEOPNOTSUPP);
}

RULES("R200")
static void
other_control_codes_are_refused(void)
{
	static const DWORD codes[] = { 0, 0x8004667e /* FIONBIO */, 0x4004667f /* FIONREAD */, _WSAIO(IOC_WS2, 1u),
				       0xffffffff };
	char in[64], out[64];
	struct sw_sock *s;
	unsigned int i;

	memset(in, 0, sizeof(in));
	assert_int_equal(sw_socket(&s), 0);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(ioctl(s->s, codes[i], in, sizeof(in), out, sizeof(out)), WSAEINVAL);
}

RULES("R200 R49")
static void
change_of_addresses_is_not_asked_here(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(ioctl(s->s, SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0), WSAEOPNOTSUPP);
}

RULES("R204")
static void
templates_of_qos_are_refused(void)
{
	char text[8] = "G711";
	WSABUF name = { .len = 4, .buf = text };
	struct sw_sock *s;
	QOS qos;
	int err = 0;

	s = sw_bound(0, 700);
	assert_false(sw.calls.lpWSPGetQOSByName(s->s, &name, &qos, &err));
	assert_int_equal(err, WSAEOPNOTSUPP);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(debug_is_kept),
	SW_CASE(level_of_windows_is_the_same),
	SW_CASE(nodelay_can_be_set_and_read),
	SW_CASE(accepted_socket_has_the_options_of_its_listener),
	SW_CASE(maximum_of_a_message_can_be_read_only),
	SW_CASE(sizes_of_rdma_say_that_there_is_none),
	SW_CASE(other_options_are_unknown),
	SW_CASE(other_levels_are_invalid),
	SW_CASE(group_options_are_unknown),
	SW_CASE(short_and_missing_values_are_refused),
	SW_CASE(options_are_read_in_every_state),
	SW_CASE(addresses_of_all_interfaces_are_listed),
	SW_CASE(room_for_the_addresses_is_told),
	SW_CASE(query_socket_is_closed_afterwards),
	SW_CASE(seven_extension_functions_are_there),
	SW_CASE(identifiers_are_the_documented_ones),
	SW_CASE(unknown_extension_functions_are_invalid),
	SW_CASE(bad_buffers_of_the_extension_query_are_refused),
	SW_CASE(control_codes_of_qos_are_refused),
	SW_CASE(other_control_codes_are_refused),
	SW_CASE(change_of_addresses_is_not_asked_here),
	SW_CASE(templates_of_qos_are_refused),
};

NET_MAIN("options", cases)
