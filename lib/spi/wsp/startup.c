/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "spi/wsp/priv.h"

#define VERSION 0x0202u		/* 2.2 */

enum state {
	DOWN,
	UP,
	CLEANING,
};

WSPUPCALLTABLEEX sani_wsp_up;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int state;
static int nb_uses;		/* under the lock */
static _Atomic DWORD catalog_id;

static const WSPPROC_TABLE table = {
	.lpWSPAccept = sani_wsp_accept,
	.lpWSPBind = sani_wsp_bind,
	.lpWSPCleanup = sani_wsp_cleanup,
	.lpWSPCloseSocket = sani_wsp_close_socket,
	.lpWSPConnect = sani_wsp_connect,
	.lpWSPDuplicateSocket = sani_wsp_duplicate_socket,
	.lpWSPEnumNetworkEvents = sani_wsp_enum_network_events,
	.lpWSPEventSelect = sani_wsp_event_select,
	.lpWSPGetOverlappedResult = sani_wsp_get_overlapped_result,
	.lpWSPGetSockOpt = sani_wsp_get_sock_opt,
	.lpWSPGetQOSByName = sani_wsp_get_qos_by_name,
	.lpWSPIoctl = sani_wsp_ioctl,
	.lpWSPListen = sani_wsp_listen,
	.lpWSPRecv = sani_wsp_recv,
	.lpWSPSend = sani_wsp_send,
	.lpWSPSetSockOpt = sani_wsp_set_sock_opt,
	.lpWSPSocket = sani_wsp_socket,
};

bool
sani_wsp_is_up(void)
{
	/* sequentially consistent: a home that is asked to look looks behind its taking back that it was */
	return atomic_load(&state) == UP;
}

DWORD
sani_wsp_catalog_id(void)
{
	return atomic_load(&catalog_id);
}

/* Those that are used. */
static bool
has_upcalls(const WSPUPCALLTABLEEX *up)
{
	return up->lpWPUCreateSocketHandle != NULL && up->lpWPUCloseSocketHandle != NULL &&
	       up->lpWPUCompleteOverlappedRequest != NULL && up->lpWPUSetEvent != NULL &&
	       up->lpWPUResetEvent != NULL;
}

static bool
is_below(WORD wanted)
{
	unsigned int major = wanted & 0xffu, minor = wanted >> 8;

	return major < 2 || (major == 2 && minor < 2);
}

/* Under the lock. @return 0 or the code. */
static int
count_up(const WSPUPCALLTABLEEX *up, const WSAPROTOCOL_INFOW *info)
{
	if (atomic_load(&state) == CLEANING || sani_lib_check() < 0 || sani_sock_hosts() == NULL)
		return WSASYSNOTREADY;
	if (nb_uses == INT32_MAX)
		return WSAEPROCLIM;
	if (!sani_wsp_reserve() || !sani_wsp_reserve_memory() || san_startup(0, NULL) < 0)
		return WSASYSNOTREADY;
	if (nb_uses++ > 0)
		return 0;
	sani_wsp_up = *up;
	atomic_store(&catalog_id, info->dwCatalogEntryId);
	/* release: the table before the state that lets it be used */
	atomic_store_explicit(&state, UP, memory_order_release);
	return 0;
}

static void
describe(LPWSPDATA data)
{
	static const char text[] = "sanstack";
	unsigned int i;

	memset(data, 0, sizeof(*data));
	data->wVersion = VERSION;
	data->wHighVersion = VERSION;
	for (i = 0; text[i] != '\0'; i++)
		data->szDescription[i] = (WCHAR)text[i];
}

int WSPAPI
WSPStartupEx(WORD wVersionRequested, LPWSPDATA lpWSPData, LPWSAPROTOCOL_INFOW lpProtocolInfo,
	     LPWSPUPCALLTABLEEX lpUpcallTable, LPWSPPROC_TABLE lpProcTable)
{
	int rc;

	if (lpWSPData == NULL || lpProtocolInfo == NULL || lpUpcallTable == NULL || lpProcTable == NULL)
		return WSAEFAULT;
	if (is_below(wVersionRequested))
		return WSAVERNOTSUPPORTED;
	if (!has_upcalls(lpUpcallTable))
		return WSAEFAULT;
	pthread_mutex_lock(&lock);
	rc = count_up(lpUpcallTable, lpProtocolInfo);
	pthread_mutex_unlock(&lock);
	if (rc != 0)
		return rc;
	describe(lpWSPData);
	*lpProcTable = table;
	return 0;
}

/* R15, but no event is signalled (R14): all are unreachable before the first of them is closed. */
static void
close_all(void)
{
	static bool doomed[SANI_WSP_SOCKS];	/* one cleanup at a time: the state is CLEANING */
	uint32_t i, nb = sani_wsp_high();

	for (i = 0; i < nb; i++)
		doomed[i] = sani_wsp_make_unreachable(&sani_wsp_socks[i], sani_wsp_gen(&sani_wsp_socks[i]));
	while (i-- > 0)
		if (doomed[i])
			sani_wsp_begin_close(&sani_wsp_socks[i]);
	/* Also the homes without sockets have to see that it is over. */
	for (i = 0; i < SANI_CORE_IDS; i++)
		sani_wsp_ask(sani_wsp_home_at(i));
	sani_sock_wake_all();
}

/*
 * A core that nobody polls any more: this thread may, if it is the one that did, or if there are no sockets left. What
 * the home is can be said when the core has been claimed.
 */
static bool
revive(struct sani_wsp_home *home, bool *claimed)
{
	int rc = sani_sock_claim(home->k);

	/* Somebody polls it again. */
	if (rc == -EBUSY)
		return true;
	if (rc < 0)
		return false;
	*claimed = sani_wsp_is_here(home) || home->nb_socks == 0;
	if (!*claimed)
		sani_sock_release(home->k);
	return *claimed;
}

/* False: a core with something left on it has nobody to poll it. */
static bool
see_to_cores(bool *claimed)
{
	unsigned int id;

	for (id = 0; id < SANI_CORE_IDS; id++) {
		struct sani_wsp_home *home = sani_wsp_home_at(id);

		if (!atomic_load(&home->open) || sani_layer_is_polled(home->k))
			continue;
		if (!revive(home, &claimed[id]))
			return false;
	}
	return true;
}

/* R19: until the last up-call has been made. */
static bool
wait_for_end(void)
{
	bool claimed[SANI_CORE_IDS + 1] = { false };
	bool all = true;
	unsigned int id;

	while (all && (sani_wsp_in_use() > 0 || sani_wsp_homes() > 0)) {
		all = see_to_cores(claimed);
		sani_layer_poll_own();
		sched_yield();
	}
	for (id = 0; id < SANI_CORE_IDS; id++)
		if (claimed[id] && sani_sock_core((uint8_t)id) != NULL)
			sani_sock_release(sani_sock_core((uint8_t)id));
	return all;
}

/* One use fewer. @return 0, WSAENETDOWN, or WSA_IO_PENDING: it was the last one, and the state is CLEANING. */
static DWORD
count_down(void)
{
	DWORD code = 0;

	pthread_mutex_lock(&lock);
	if (nb_uses == 0) {
		code = WSANOTINITIALISED;
	} else if (--nb_uses == 0) {
		atomic_store(&state, CLEANING);
		code = WSA_IO_PENDING;
	}
	pthread_mutex_unlock(&lock);
	return code;
}

/* R9: what cannot be waited for, or is not there any more, makes it WSAENETDOWN; nothing makes it WSAEINVAL. */
static DWORD
end_all(void)
{
	bool attached = sani_wsp_check_caller() != 0 && sani_lib_attach() == 0;
	DWORD code = 0;

	close_all();
	if (sani_lib_check() < 0 || !wait_for_end())
		code = WSAENETDOWN;
	if (attached)
		sani_lib_detach();
	atomic_store(&state, DOWN);
	return code;
}

int WSPAPI
sani_wsp_cleanup(LPINT err)
{
	DWORD code;

	/* Inside an up-call nothing of a cleanup could be waited for. */
	if (sani_layer_in_round())
		return sani_wsp_return(WSAENETDOWN, err);
	code = count_down();
	if (code == WSANOTINITIALISED)
		return sani_wsp_return(code, err);
	if (code == WSA_IO_PENDING)
		code = end_all();
	if (san_cleanup() < 0)
		code = WSAENETDOWN;
	return sani_wsp_return(code, err);
}
