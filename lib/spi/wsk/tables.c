/* SPDX-License-Identifier: BSD-3-Clause */
#include "spi/wsk/priv.h"

#define BASIC { .WskControlSocket = sani_wsk_control, .WskCloseSocket = sani_wsk_close }

static const WSK_PROVIDER_BASIC_DISPATCH basic = BASIC;

static const WSK_PROVIDER_LISTEN_DISPATCH listening = {
	.Basic = BASIC,
	.WskBind = sani_wsk_bind,
	.WskAccept = sani_wsk_accept,
	.WskInspectComplete = sani_wsk_inspect_complete,
	.WskGetLocalAddress = sani_wsk_get_local,
};

static const WSK_PROVIDER_CONNECTION_DISPATCH connection = {
	.Basic = BASIC,
	.WskBind = sani_wsk_bind,
	.WskConnect = sani_wsk_connect,
	.WskGetLocalAddress = sani_wsk_get_local,
	.WskGetRemoteAddress = sani_wsk_get_remote,
	.WskSend = sani_wsk_send,
	.WskReceive = sani_wsk_receive,
	.WskDisconnect = sani_wsk_disconnect,
	.WskRelease = sani_wsk_release,
	.WskConnectEx = sani_wsk_connect_ex,
};

static const WSK_PROVIDER_STREAM_DISPATCH stream = {
	.Basic = BASIC,
	.WskBind = sani_wsk_bind,
	.WskAccept = sani_wsk_accept,
	.WskConnect = sani_wsk_connect,
	.WskListen = sani_wsk_listen,
	.WskSend = sani_wsk_send,
	.WskReceive = sani_wsk_receive,
	.WskDisconnect = sani_wsk_disconnect,
	.WskRelease = sani_wsk_release,
	.WskGetLocalAddress = sani_wsk_get_local,
	.WskGetRemoteAddress = sani_wsk_get_remote,
	.WskConnectEx = sani_wsk_connect_ex,
};

const WSK_PROVIDER_DISPATCH sani_wsk_provider = {
	.Version = MAKE_WSK_VERSION(1, 1),
	.WskSocket = sani_wsk_socket,
	.WskSocketConnect = sani_wsk_socket_connect,
	.WskControlClient = sani_wsk_control_client,
	.WskGetAddressInfo = sani_wsk_get_address_info,
	.WskFreeAddressInfo = sani_wsk_free_address_info,
	.WskGetNameInfo = sani_wsk_get_name_info,
};

const VOID *
sani_wsk_table(ULONG category)
{
	switch (category) {
	case WSK_FLAG_LISTEN_SOCKET:
		return &listening;
	case WSK_FLAG_CONNECTION_SOCKET:
		return &connection;
	case WSK_FLAG_STREAM_SOCKET:
		return &stream;
	default:
		return &basic;
	}
}
