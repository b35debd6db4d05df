/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WSPStartupEx and the count of its uses.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "sw.h"

RULES("R1")
static void
start_fills_the_eighteen_functions(void)
{
	assert_non_null(sw.calls.lpWSPAccept);
	assert_non_null(sw.calls.lpWSPBind);
	assert_non_null(sw.calls.lpWSPCleanup);
	assert_non_null(sw.calls.lpWSPCloseSocket);
	assert_non_null(sw.calls.lpWSPConnect);
	assert_non_null(sw.calls.lpWSPDuplicateSocket);
	assert_non_null(sw.calls.lpWSPEnumNetworkEvents);
	assert_non_null(sw.calls.lpWSPEventSelect);
	assert_non_null(sw.calls.lpWSPGetOverlappedResult);
	assert_non_null(sw.calls.lpWSPGetSockOpt);
	assert_non_null(sw.calls.lpWSPGetQOSByName);
	assert_non_null(sw.calls.lpWSPIoctl);
	assert_non_null(sw.calls.lpWSPListen);
	assert_non_null(sw.calls.lpWSPRecv);
	assert_non_null(sw.calls.lpWSPSend);
	assert_non_null(sw.calls.lpWSPSetSockOpt);
	assert_non_null(sw.calls.lpWSPSocket);
}

/* The eighteenth is the entry point itself, and no other name of the interface is exported. */
RULES("R1")
static void
only_the_entry_point_is_exported(void)
{
	static const char *const names[] = {
		"WSPStartup", "WSPAccept", "WSPBind", "WSPCleanup", "WSPCloseSocket", "WSPConnect",
		"WSPDuplicateSocket", "WSPEnumNetworkEvents", "WSPEventSelect", "WSPGetOverlappedResult",
		"WSPGetSockOpt", "WSPGetQOSByName", "WSPIoctl", "WSPListen", "WSPRecv", "WSPSend",
		"WSPSetSockOpt", "WSPSocket", "WSPRegisterMemory", "WSPDeregisterMemory",
		"WSPRegisterRdmaMemory", "WSPDeregisterRdmaMemory", "WSPRdmaWrite", "WSPRdmaRead",
		"WSPMemoryRegistrationCacheCallback",
	};
	unsigned int i;

	assert_non_null(dlsym(RTLD_DEFAULT, "WSPStartupEx"));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (dlsym(RTLD_DEFAULT, names[i]))
			fail_msg("%s is exported", names[i]);
	}
}

RULES("R1 R164")
static void
functions_that_are_not_required_are_absent(void)
{
	sw_prepare(NULL);
	memset(&sw.calls, 0xff, sizeof(sw.calls));
	assert_int_equal(sw_start(), 0);
	assert_null(sw.calls.lpWSPAddressToString);
	assert_null(sw.calls.lpWSPAsyncSelect);
	assert_null(sw.calls.lpWSPCancelBlockingCall);
	assert_null(sw.calls.lpWSPGetPeerName);
	assert_null(sw.calls.lpWSPGetSockName);
	assert_null(sw.calls.lpWSPJoinLeaf);
	assert_null(sw.calls.lpWSPRecvDisconnect);
	assert_null(sw.calls.lpWSPRecvFrom);
	assert_null(sw.calls.lpWSPSelect);
	assert_null(sw.calls.lpWSPSendDisconnect);
	assert_null(sw.calls.lpWSPSendTo);
	assert_null(sw.calls.lpWSPShutdown);
	assert_null(sw.calls.lpWSPStringToAddress);
	sw_close();
}

RULES("R4")
static void
version_2_2_is_agreed_on(void)
{
	assert_int_equal(sw.data.wVersion, 0x0202);
	assert_int_equal(sw.data.wHighVersion, 0x0202);
	assert_int_not_equal(sw.data.szDescription[0], 0);
}

RULES("R4")
static void
later_version_is_brought_down(void)
{
	sw_prepare(NULL);
	assert_int_equal(WSPStartupEx(0x0003, &sw.data, &sw.info, &sw.ups, &sw.calls), 0);
	sw.nb_starts++;
	assert_int_equal(sw.data.wVersion, 0x0202);
	sw_close();
}

RULES("R4")
static void
earlier_versions_are_refused(void)
{
	static const WORD versions[] = { 0x0000, 0x0001, 0x0101, 0x0002, 0x0102 };
	unsigned int i;
	int err = 0;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		assert_int_equal(WSPStartupEx(versions[i], &sw.data, &sw.info, &sw.ups, &sw.calls),
				 WSAVERNOTSUPPORTED);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.calls.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSANOTINITIALISED);
}

RULES("R4")
static void
missing_pointers_are_refused(void)
{
	sw_prepare(NULL);
	assert_int_equal(WSPStartupEx(0x0202, NULL, &sw.info, &sw.ups, &sw.calls), WSAEFAULT);
	assert_int_equal(WSPStartupEx(0x0202, &sw.data, &sw.info, &sw.ups, NULL), WSAEFAULT);
	assert_int_equal(WSPStartupEx(0x0202, &sw.data, &sw.info, NULL, &sw.calls), WSAEFAULT);
	sw_close();
}

RULES("R4 R208")
static void
start_without_the_library_says_not_ready(void)
{
	WSPPROC_TABLE calls;
	WSPDATA data;

	sw_prepare(NULL);
	net_close(&sw.net);
	assert_int_equal(WSPStartupEx(0x0202, &data, &sw.info, &sw.ups, &calls), WSASYSNOTREADY);
}

RULES("R5 S1.12")
static void
upcall_table_is_copied(void)
{
	WSPUPCALLTABLEEX *ups;
	struct sw_pair pair;
	struct sw_op *op;

	sw_prepare(NULL);
	ups = malloc(sizeof(*ups));
	assert_non_null(ups);
	*ups = sw.ups;
	assert_int_equal(WSPStartupEx(0x0202, &sw.data, &sw.info, ups, &sw.calls), 0);
	sw.nb_starts++;
	memset(ups, 0xff, sizeof(*ups));
	free(ups);
	assert_int_equal(sw_cleanup(), 0);
	sw_close();
	/* All of them, with a connection. */
	sw_open(NULL);
	memset(&sw.ups, 0xff, sizeof(sw.ups));
	pair = sw_pair(700);
	op = sw_post_recv(pair.end[0], 100);
	sw_shut_wait(pair.end[0]);
	assert_int_equal(op->nb_ends, 1);
	sw_close();
}

RULES("R5 S1.11")
static void
every_up_call_goes_through_the_table(void)
{
	struct sw_pair pair = sw_pair(700);

	sw_transfer(pair.end[0], pair.end[1], 10000, 1);
	sw_shut_wait(pair.end[0]);
	sw_shut_wait(pair.end[1]);
	assert_int_equal(sw.nb_created, 3);
	assert_int_equal(sw.nb_closed, 3);
	assert_true(sw.nb_completed >= 2);
	assert_true(sw.nb_signals >= 2);
}

RULES("R2")
static void
catalog_entry_of_the_information_comes_back(void)
{
	struct sw_sock *s;

	assert_int_equal(sw_socket(&s), 0);
	assert_int_equal(s->catalog, SW_CATALOG);
}

RULES("R2")
static void
information_of_the_start_serves_sockets_without(void)
{
	struct sw_sock *s;
	SOCKET d;
	int err = 0;

	d = sw.calls.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &err);
	assert_true(d != INVALID_SOCKET);
	s = sw.socks;
	s->s = d;
	assert_int_equal(s->catalog, SW_CATALOG);
}

RULES("R6 R7 S4.10 S4.11 S4.12")
static void
two_starts_and_one_cleanup_leave_all_working(void)
{
	struct sw_pair pair = sw_pair(700);
	struct sw_op *op;

	op = sw_post_recv(pair.end[1], 1000);
	assert_int_equal(sw_start(), 0);
	assert_int_equal(sw_cleanup(), 0);
	assert_true(op->pending);
	assert_false(pair.end[1]->closed);
	assert_int_equal(sw_deregister(pair.end[1], op), WSAEINVAL);
	assert_int_equal(sw_shut(pair.end[1]), 0);
	SW_UNTIL(pair.end[1]->closed);
	assert_int_equal(op->error, WSA_OPERATION_ABORTED);
	pair = sw_pair(701);
	sw_transfer(pair.end[0], pair.end[1], 50000, 2);
}

RULES("R6 R7 S4.13 S4.14 S4.1")
static void
second_cleanup_of_two_starts_cleans_up(void)
{
	struct sw_pair pair;
	struct sw_op *op;

	assert_int_equal(sw_start(), 0);
	pair = sw_pair(700);
	op = sw_post_recv(pair.end[0], 1000);
	assert_int_equal(sw_cleanup(), 0);
	assert_true(op->pending);
	assert_int_equal(sw.nb_open, 2);
	assert_int_equal(sw_cleanup(), 0);
	assert_false(op->pending);
	assert_int_equal(sw.nb_open, 0);
}

static int WSPAPI
never_complete(SOCKET handle, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	(void)handle, (void)ov, (void)error, (void)bytes, (void)err;
	sw_fault("an up-call of the table of a later start");
	return 0;
}

/* What the first start brought is used until the last cleanup. */
RULES("R5 R6")
static void
table_and_information_of_a_later_start_are_not_used(void)
{
	WSPUPCALLTABLEEX ups = sw.ups;
	WSAPROTOCOL_INFOW info = sw.info;
	WSPPROC_TABLE calls;
	struct sw_pair pair;
	struct sw_sock *s;
	WSPDATA data;
	SOCKET d;
	int err = 0;

	ups.lpWPUCompleteOverlappedRequest = never_complete;
	info.dwCatalogEntryId = SW_CATALOG + 1;
	assert_int_equal(WSPStartupEx(0x0202, &data, &info, &ups, &calls), 0);
	sw.nb_starts++;
	d = sw.calls.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &err);
	assert_true(d != INVALID_SOCKET);
	s = sw.socks;
	s->s = d;
	assert_int_equal(s->catalog, SW_CATALOG);
	pair = sw_pair(700);
	sw_transfer(pair.end[0], pair.end[1], 1000, 1);
}

RULES("R7")
static void
many_starts_are_counted(void)
{
	struct sw_sock *s;
	unsigned int i;

	for (i = 1; i < 1000; i++)
		assert_int_equal(sw_start(), 0);
	s = sw_bound(0, 0);
	for (i = 1; i < 1000; i++)
		assert_int_equal(sw_cleanup(), 0);
	assert_false(s->closed);
	assert_int_equal(sw_cleanup(), 0);
	assert_true(s->closed);
}

RULES("R8 R9 S4.5 S4.7 S4.4")
static void
cleanup_without_start_is_refused(void)
{
	int err = 0;

	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.calls.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSANOTINITIALISED);
}

RULES("R8")
static void
failed_start_does_not_count(void)
{
	int err = 0;

	assert_int_equal(WSPStartupEx(0x0101, &sw.data, &sw.info, &sw.ups, &sw.calls), WSAVERNOTSUPPORTED);
	assert_int_equal(WSPStartupEx(0x0202, NULL, &sw.info, &sw.ups, &sw.calls), WSAEFAULT);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.calls.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSANOTINITIALISED);
}

RULES("R8 S4.2")
static void
place_of_the_code_may_be_missing(void)
{
	assert_int_equal(sw.calls.lpWSPCloseSocket(INVALID_SOCKET, NULL), SOCKET_ERROR);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.calls.lpWSPCleanup(NULL), SOCKET_ERROR);
}

/* There, and nowhere else; a call that succeeds has none to write. */
RULES("R8 S4.2 S4.3")
static void
code_is_written_to_the_place_that_is_given(void)
{
	INT place[3] = { 4711, 4712, 4713 };

	assert_int_equal(sw_start(), 0);
	assert_int_equal(sw.calls.lpWSPCleanup(&place[1]), 0);
	sw.nb_starts--;
	assert_int_equal(place[1], 4712);
	assert_int_equal(sw_cleanup(), 0);
	assert_int_equal(sw.calls.lpWSPCleanup(&place[1]), SOCKET_ERROR);
	assert_int_equal(place[0], 4711);
	assert_int_equal(place[1], WSANOTINITIALISED);
	assert_int_equal(place[2], 4713);
}

/*
 * A program that kept the table of an earlier use: no call does anything, whatever it is called with, until
 * there was another WSPStartupEx; and nothing is called back.
 */
RULES("R1 R8 S4.8")
static void
nothing_is_there_before_the_start(void)
{
	GUID guid = WSAID_REGISTERMEMORY;
	struct sw_sock *s, *old = sw_bound(0, 700);
	uint64_t order;
	void *function = NULL;
	DWORD got;
	int err = 0;

	assert_int_equal(sw_cleanup(), 0);
	order = sw.order;
	sw_assert_stale(old->s);
	sw_assert_stale(INVALID_SOCKET);
	assert_int_equal(sw_socket(&s), WSAENETDOWN);
	assert_int_equal(sw.calls.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid),
					     &function, sizeof(function), &got, NULL, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENETDOWN);
	assert_null(function);
	err = 0;
	assert_int_equal(sw.calls.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSANOTINITIALISED);
	sw_steps(100);
	assert_true(sw.order == order);
	assert_int_equal(sw_start(), 0);
	sw_bound(0, 700);
}

RULES("R16 S4.23")
static void
start_right_after_cleanup_works(void)
{
	struct sw_pair pair;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		pair = sw_pair(700);
		sw_post_recv(pair.end[0], 1000);
		assert_int_equal(sw_cleanup(), 0);
		assert_int_equal(sw.nb_open, 0);
		assert_int_equal(sw_start(), 0);
	}
	pair = sw_pair(700);
	sw_transfer(pair.end[0], pair.end[1], 100000, 3);
}

RULES("R10 R16 S4.9 S4.15")
static void
thousand_rounds_leave_nothing_behind(void)
{
	struct san_usage before[2], after;
	struct sw_sock *s;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		s = sw_bound(i % 2, 700);
		assert_int_equal(sw_listen(s, 5), 0);
		assert_int_equal(sw_cleanup(), 0);
		assert_true(s->closed);
		if (i == 100) {
			san_host_usage(sw.net.host[0], &before[0]);
			san_host_usage(sw.net.host[1], &before[1]);
		}
		assert_int_equal(sw_start(), 0);
	}
	assert_int_equal(sw_cleanup(), 0);
	for (i = 0; i < 2; i++) {
		san_host_usage(sw.net.host[i], &after);
		assert_int_equal(after.sockets, 0);
		assert_int_equal(after.connections, 0);
		assert_int_equal(after.mbufs_used, before[i].mbufs_used);
	}
}

/* One use of the library is the provider's own: the native one goes on after it, and ends after it. */
RULES("R10")
static void
library_outlives_the_provider(void)
{
	struct net_pair pair;

	assert_int_equal(sw_cleanup(), 0);
	pair = net_connect(&sw.net, 710);
	assert_int_equal(net_state(pair.end[0]), SAN_TCP_ESTABLISHED);
}

static const struct CMUnitTest cases[] = {
	SW_CASE(start_fills_the_eighteen_functions),
	SW_CASE_ALONE(only_the_entry_point_is_exported),
	SW_CASE_ALONE(functions_that_are_not_required_are_absent),
	SW_CASE(version_2_2_is_agreed_on),
	SW_CASE_ALONE(later_version_is_brought_down),
	SW_CASE(earlier_versions_are_refused),
	SW_CASE_ALONE(missing_pointers_are_refused),
	SW_CASE_ALONE(start_without_the_library_says_not_ready),
	SW_CASE_ALONE(upcall_table_is_copied),
	SW_CASE(every_up_call_goes_through_the_table),
	SW_CASE(catalog_entry_of_the_information_comes_back),
	SW_CASE(information_of_the_start_serves_sockets_without),
	SW_CASE(two_starts_and_one_cleanup_leave_all_working),
	SW_CASE(second_cleanup_of_two_starts_cleans_up),
	SW_CASE(table_and_information_of_a_later_start_are_not_used),
	SW_CASE(many_starts_are_counted),
	SW_CASE(cleanup_without_start_is_refused),
	SW_CASE(failed_start_does_not_count),
	SW_CASE(place_of_the_code_may_be_missing),
	SW_CASE(code_is_written_to_the_place_that_is_given),
	SW_CASE(nothing_is_there_before_the_start),
	SW_CASE(start_right_after_cleanup_works),
	SW_CASE(thousand_rounds_leave_nothing_behind),
	SW_CASE(library_outlives_the_provider),
};

NET_MAIN("start", cases)
