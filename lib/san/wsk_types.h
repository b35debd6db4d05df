/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSK types: constants and structures of the Winsock Kernel client interface. Include san/wsk.h.
 *
 * Model:   names and layouts are the documented ones, but for addresses, levels and options that Linux defines
 *          (san/win.h); IPv4 only (AF_INET): the stack has no IPv6 yet.
 * Threads: types and constants only.
 */
#ifndef SAN_WSK_TYPES_H
#define SAN_WSK_TYPES_H

#include <san/nt.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAKE_WSK_VERSION(major, minor) ((USHORT)((major) << 8 | ((minor) & 0xff)))
#define WSK_MAJOR_VERSION(version) ((UCHAR)((version) >> 8))
#define WSK_MINOR_VERSION(version) ((UCHAR)(version))

/** How long WskCaptureProviderNPI() waits; any other value: [ms]. */
#define WSK_NO_WAIT 0u
#define WSK_INFINITE_WAIT 0xffffffffu

/* Socket categories: Flags of WskSocket */
#define WSK_FLAG_BASIC_SOCKET 0x0u
#define WSK_FLAG_LISTEN_SOCKET 0x1u
#define WSK_FLAG_CONNECTION_SOCKET 0x2u
#define WSK_FLAG_DATAGRAM_SOCKET 0x4u
#define WSK_FLAG_STREAM_SOCKET 0x8u

/* Flags of requests */
#define WSK_FLAG_NODELAY 0x2u		/**< WskSend */
#define WSK_FLAG_WAITALL 0x2u		/**< WskReceive */
#define WSK_FLAG_DRAIN 0x4u		/**< WskReceive */
#define WSK_FLAG_ABORTIVE 0x1u		/**< WskDisconnect; also of WskDisconnectEvent */

/* Flags of callbacks */
#define WSK_FLAG_AT_DISPATCH_LEVEL 0x8u	/**< Always set: a callback must not block. */
#define WSK_FLAG_RELEASE_ASAP 0x2u	/**< WskReceiveEvent: few buffers are left to keep. */
#define WSK_FLAG_ENTIRE_MESSAGE 0x4u	/**< WskReceiveEvent: never set, the stack does not tell pushes. */

/* Event callbacks: EventMask of struct _WSK_EVENT_CALLBACK_CONTROL */
#define WSK_EVENT_SEND_BACKLOG 0x010u
#define WSK_EVENT_RECEIVE 0x040u
#define WSK_EVENT_DISCONNECT 0x080u
#define WSK_EVENT_RECEIVE_FROM 0x100u
#define WSK_EVENT_ACCEPT 0x200u		/**< Not WskInspectEvent, WskAbortEvent: SO_CONDITIONAL_ACCEPT is. */
#define WSK_EVENT_DISABLE 0x80000000u

/* WskControlClient */
#define WSK_TRANSPORT_LIST_QUERY 2u
#define WSK_TRANSPORT_LIST_CHANGE 3u
#define WSK_CACHE_SD 4u
#define WSK_RELEASE_SD 5u
#define WSK_TDI_DEVICENAME_MAPPING 6u
#define WSK_SET_STATIC_EVENT_CALLBACKS 7u
#define WSK_TDI_BEHAVIOR 8u

/* WskControlSocket, options of level SOL_SOCKET beside those of <sys/socket.h> */
#define SO_WSK_SECURITY 0x4001
#define SO_WSK_EVENT_CALLBACK 0x4002

/* WskControlSocket, ioctls beside those of san/win.h */
#define SIO_WSK_SET_REMOTE_ADDRESS _WSAIOW(IOC_WS2, 0x101u)
#define SIO_WSK_REGISTER_EXTENSION _WSAIORW(IOC_WS2, 0x102u)
#define SIO_WSK_QUERY_IDEAL_SEND_BACKLOG _WSAIOR(IOC_WS2, 0x103u)
#define SIO_WSK_QUERY_RECEIVE_BACKLOG _WSAIOR(IOC_WS2, 0x104u)
#define SIO_WSK_QUERY_INSPECT_ID _WSAIOR(IOC_WS2, 0x105u)
#define SIO_WSK_SET_SENDTO_ADDRESS _WSAIOW(IOC_WS2, 0x106u)
#define SIO_WSK_SET_TCP_SILENT_MODE _WSAIO(IOC_WS2, 0x107u)

typedef enum _WSK_CONTROL_SOCKET_TYPE {
	WskSetOption,
	WskGetOption,
	WskIoctl,
	WskControlMax
} WSK_CONTROL_SOCKET_TYPE;

typedef enum _WSK_INSPECT_ACTION {
	WskInspectReject,
	WskInspectAccept,
	WskInspectPend,
	WskInspectMax
} WSK_INSPECT_ACTION;

/** A request that a listening socket inspects. Copy it to keep it. */
typedef struct _WSK_INSPECT_ID {
	ULONG_PTR Key;
	ULONG SerialNumber;
} WSK_INSPECT_ID, *PWSK_INSPECT_ID;

/** Memory of a request: Length bytes, Offset into the chain. Mdl may be NULL when Length is 0. */
typedef struct _WSK_BUF {
	PMDL Mdl;
	ULONG Offset;		/**< [bytes]; into the first MDL */
	SIZE_T Length;		/**< [bytes], at most 2^30 */
} WSK_BUF, *PWSK_BUF;

typedef struct _WSK_BUF_LIST {
	struct _WSK_BUF_LIST *Next;
	WSK_BUF Buffer;
} WSK_BUF_LIST, *PWSK_BUF_LIST;

/** Received data as a callback is shown it. */
typedef struct _WSK_DATA_INDICATION {
	struct _WSK_DATA_INDICATION *Next;
	WSK_BUF Buffer;
} WSK_DATA_INDICATION, *PWSK_DATA_INDICATION;

typedef struct cmsghdr CMSGHDR, *PCMSGHDR;

typedef struct _WSK_DATAGRAM_INDICATION {
	struct _WSK_DATAGRAM_INDICATION *Next;
	WSK_BUF Buffer;
	PCMSGHDR ControlInfo;
	ULONG ControlInfoLength;
	PSOCKADDR RemoteAddress;
} WSK_DATAGRAM_INDICATION, *PWSK_DATAGRAM_INDICATION;

typedef GUID NPIID, *PNPIID;

/** SO_WSK_EVENT_CALLBACK, WSK_SET_STATIC_EVENT_CALLBACKS. */
typedef struct _WSK_EVENT_CALLBACK_CONTROL {
	const NPIID *NpiId;	/**< &NPI_WSK_INTERFACE_ID; another one: STATUS_NOT_SUPPORTED (W79). */
	ULONG EventMask;	/**< WSK_EVENT_*; WSK_EVENT_DISABLE with exactly one of them. */
} WSK_EVENT_CALLBACK_CONTROL, *PWSK_EVENT_CALLBACK_CONTROL;

/** SIO_WSK_REGISTER_EXTENSION. */
typedef struct _WSK_EXTENSION_CONTROL_IN {
	const NPIID *NpiId;
	PVOID ClientContext;
	const VOID *ClientDispatch;
} WSK_EXTENSION_CONTROL_IN, *PWSK_EXTENSION_CONTROL_IN;

typedef struct _WSK_EXTENSION_CONTROL_OUT {
	PVOID ProviderContext;
	const VOID *ProviderDispatch;
} WSK_EXTENSION_CONTROL_OUT, *PWSK_EXTENSION_CONTROL_OUT;

/** An entry of WSK_TRANSPORT_LIST_QUERY. */
typedef struct _WSK_TRANSPORT {
	USHORT Version;
	USHORT SocketType;
	ULONG Protocol;
	ADDRESS_FAMILY AddressFamily;
	GUID ProviderId;
} WSK_TRANSPORT, *PWSK_TRANSPORT;

/** WSK_TDI_BEHAVIOR: there are no TDI filters here, so it changes nothing. */
#define WSK_TDI_BEHAVIOR_BYPASS_TDI 0x1u

/** Hints and results of WskGetAddressInfo. ai_addr lies in the same memory as the entry. */
typedef struct addrinfoexW {
	INT ai_flags;
	INT ai_family;
	INT ai_socktype;
	INT ai_protocol;
	SIZE_T ai_addrlen;
	PWSTR ai_canonname;
	PSOCKADDR ai_addr;
	PVOID ai_blob;
	SIZE_T ai_bloblen;
	LPGUID ai_provider;
	struct addrinfoexW *ai_next;
} ADDRINFOEXW, *PADDRINFOEXW;

/** The attachment of a program to the subsystem; the subsystem's. */
typedef struct _WSK_CLIENT *PWSK_CLIENT;

/** A socket: its functions are in the table of its category. The subsystem's memory (W23, W70). */
typedef struct _WSK_SOCKET {
	const VOID *Dispatch;	/**< PWSK_PROVIDER_*_DISPATCH; its first member is that of basic sockets. */
} WSK_SOCKET, *PWSK_SOCKET;

/** A registration: the program's memory, the subsystem's content (W2). */
typedef struct _WSK_REGISTRATION {
	ULONGLONG ReservedRegistrationState;
	PVOID ReservedRegistrationContext;
	ULONG_PTR ReservedRegistrationLock;
} WSK_REGISTRATION, *PWSK_REGISTRATION;

/** No event is defined: never called (W79). */
typedef NTSTATUS (*PFN_WSK_CLIENT_EVENT)(PVOID ClientContext, ULONG EventType, PVOID Information,
					 SIZE_T InformationLength);

typedef struct _WSK_CLIENT_DISPATCH {
	USHORT Version;		/**< MAKE_WSK_VERSION() of what the program was written for. */
	USHORT Reserved;	/**< 0 */
	PFN_WSK_CLIENT_EVENT WskClientEvent;	/**< May be NULL. */
} WSK_CLIENT_DISPATCH, *PWSK_CLIENT_DISPATCH;

typedef struct _WSK_CLIENT_NPI {
	PVOID ClientContext;
	const WSK_CLIENT_DISPATCH *Dispatch;	/**< Valid until WskDeregister() has returned. */
} WSK_CLIENT_NPI, *PWSK_CLIENT_NPI;

typedef struct _WSK_PROVIDER_CHARACTERISTICS {
	USHORT HighestVersion;
	USHORT LowestVersion;
} WSK_PROVIDER_CHARACTERISTICS, *PWSK_PROVIDER_CHARACTERISTICS;

#ifdef __cplusplus
}
#endif
#endif
