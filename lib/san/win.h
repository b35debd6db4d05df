/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Windows base types, codes and constants that the SPI layers speak (san/wsp.h, san/wsk.h), for Linux.
 *
 * Model:     names, widths and values are the documented ones: a LONG has 32 bits, an ULONG_PTR those of a pointer,
 *            a WCHAR 16. No Windows header is needed, and none may be included beside this one.
 * Addresses: socket addresses are those of <netinet/in.h>: struct sockaddr_in and sockaddr_in6 have the documented
 *            layout, port and address in network order. Constants that Linux headers define have their Linux
 *            values: AF_INET (2, the same), AF_INET6 (10, elsewhere 23), SOCK_STREAM, IPPROTO_TCP, TCP_NODELAY,
 *            SOL_SOCKET (1), SO_DEBUG, SOMAXCONN. The layers take the other value of SOL_SOCKET,
 *            WIN_SOL_SOCKET, and of SOMAXCONN, WIN_SOMAXCONN, for the same.
 * Handles:   a HANDLE is whatever its maker says; nothing here makes one.
 * Threads:   types and constants only.
 */
#ifndef SAN_WIN_H
#define SAN_WIN_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <san/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WSPAPI		/**< The calling convention: the platform's own. */
#define WSAAPI
#define NTAPI
#define CALLBACK

typedef uint8_t BYTE, UCHAR, BOOLEAN, *PUCHAR, *PBYTE, *PBOOLEAN;
typedef char CHAR, *PCHAR;
typedef uint16_t WORD, USHORT, WCHAR, *PUSHORT, *PWCHAR, *LPWSTR, *PWSTR;
typedef int16_t SHORT;
typedef int INT, *LPINT, *PINT;
typedef unsigned int UINT;
typedef int BOOL, *LPBOOL;
typedef int32_t LONG, *PLONG;
typedef uint32_t DWORD, ULONG, *LPDWORD, *PULONG;
typedef int64_t LONGLONG;
typedef uint64_t ULONGLONG;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR, SIZE_T, *PULONG_PTR, *PDWORD_PTR, *PSIZE_T;
typedef intptr_t INT_PTR, LONG_PTR;
typedef void *PVOID, *LPVOID, *HANDLE, **PHANDLE;
typedef const void *LPCVOID;
typedef LONG NTSTATUS, *PNTSTATUS;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

typedef struct _GUID {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID, *LPGUID;

typedef UINT_PTR SOCKET;
#define INVALID_SOCKET (~(SOCKET)0)
#define SOCKET_ERROR (-1)

typedef unsigned int GROUP;
typedef HANDLE WSAEVENT, *LPWSAEVENT;
#define WSA_INVALID_EVENT ((WSAEVENT)NULL)

typedef struct sockaddr SOCKADDR, *PSOCKADDR, *LPSOCKADDR;
typedef struct sockaddr_in SOCKADDR_IN, *PSOCKADDR_IN;

typedef struct _SOCKET_ADDRESS {
	LPSOCKADDR lpSockaddr;
	INT iSockaddrLength;
} SOCKET_ADDRESS, *PSOCKET_ADDRESS, *LPSOCKET_ADDRESS;

/** As many entries as iAddressCount says. */
typedef struct _SOCKET_ADDRESS_LIST {
	INT iAddressCount;
	SOCKET_ADDRESS Address[1];
} SOCKET_ADDRESS_LIST, *PSOCKET_ADDRESS_LIST, *LPSOCKET_ADDRESS_LIST;

/** One buffer. */
typedef struct _WSABUF {
	ULONG len;		/**< [bytes] */
	CHAR *buf;
} WSABUF, *LPWSABUF;

/** An overlapped operation, the caller's memory. Who may write which field: the header of the layer says. */
typedef struct _OVERLAPPED {
	ULONG_PTR Internal;
	ULONG_PTR InternalHigh;
	DWORD Offset;
	DWORD OffsetHigh;
	HANDLE hEvent;
} OVERLAPPED, *LPOVERLAPPED, WSAOVERLAPPED, *LPWSAOVERLAPPED;

/** Values of WSAOVERLAPPED.Internal while an operation runs. */
#define WSS_OPERATION_IN_PROGRESS 0x103
#define STATUS_PENDING ((NTSTATUS)0x103)
#define STATUS_WAIT_0 ((NTSTATUS)0)

/** Quality of service, as given to WSPConnect and condition functions. sanstack has none. */
typedef struct _FLOWSPEC {
	ULONG TokenRate;
	ULONG TokenBucketSize;
	ULONG PeakBandwidth;
	ULONG Latency;
	ULONG DelayVariation;
	ULONG ServiceType;
	ULONG MaxSduSize;
	ULONG MinimumPolicedSize;
} FLOWSPEC, *LPFLOWSPEC;

typedef struct _QOS {
	FLOWSPEC SendingFlowspec;
	FLOWSPEC ReceivingFlowspec;
	WSABUF ProviderSpecific;
} QOS, *LPQOS;

/* Windows Sockets error codes */
#define WSA_INVALID_HANDLE 6
#define WSA_NOT_ENOUGH_MEMORY 8
#define WSA_INVALID_PARAMETER 87
#define WSA_OPERATION_ABORTED 995
#define WSA_IO_INCOMPLETE 996
#define WSA_IO_PENDING 997
#define WSAEINTR 10004
#define WSAEBADF 10009
#define WSAEACCES 10013
#define WSAEFAULT 10014
#define WSAEINVAL 10022
#define WSAEMFILE 10024
#define WSAEWOULDBLOCK 10035
#define WSAEINPROGRESS 10036
#define WSAEALREADY 10037
#define WSAENOTSOCK 10038
#define WSAEDESTADDRREQ 10039
#define WSAEMSGSIZE 10040
#define WSAEPROTOTYPE 10041
#define WSAENOPROTOOPT 10042
#define WSAEPROTONOSUPPORT 10043
#define WSAESOCKTNOSUPPORT 10044
#define WSAEOPNOTSUPP 10045
#define WSAEPFNOSUPPORT 10046
#define WSAEAFNOSUPPORT 10047
#define WSAEADDRINUSE 10048
#define WSAEADDRNOTAVAIL 10049
#define WSAENETDOWN 10050
#define WSAENETUNREACH 10051
#define WSAENETRESET 10052
#define WSAECONNABORTED 10053
#define WSAECONNRESET 10054
#define WSAENOBUFS 10055
#define WSAEISCONN 10056
#define WSAENOTCONN 10057
#define WSAESHUTDOWN 10058
#define WSAETOOMANYREFS 10059
#define WSAETIMEDOUT 10060
#define WSAECONNREFUSED 10061
#define WSAEHOSTDOWN 10064
#define WSAEHOSTUNREACH 10065
#define WSAEPROCLIM 10067
#define WSASYSNOTREADY 10091
#define WSAVERNOTSUPPORTED 10092
#define WSANOTINITIALISED 10093
#define WSAEDISCON 10101
#define WSAEINVALIDPROCTABLE 10104
#define WSAEINVALIDPROVIDER 10105
#define WSAEPROVIDERFAILEDINIT 10106
#define WSATRY_AGAIN 11002

/* Options: levels and names that <sys/socket.h> does not define, or defines otherwise */
#define WIN_SOL_SOCKET 0xffff
#define WIN_SOMAXCONN 0x7fffffff
#define SO_CONDITIONAL_ACCEPT 0x3002
#define SO_EXCLUSIVEADDRUSE (~SO_REUSEADDR)
#define SO_GROUP_ID 0x2001
#define SO_GROUP_PRIORITY 0x2002
#define SO_MAX_MSG_SIZE 0x2003
#define SO_MAX_RDMA_SIZE 0x700D
#define SO_RDMA_THRESHOLD_SIZE 0x700E

/* Control codes: bit 31 input, bit 30 output, bit 29 neither; bits 28 and 27 the family; bits 15 to 0 the code */
#define IOC_VOID 0x20000000u
#define IOC_OUT 0x40000000u
#define IOC_IN 0x80000000u
#define IOC_INOUT (IOC_IN | IOC_OUT)
#define IOC_WS2 0x08000000u
#define _WSAIO(x, y) (IOC_VOID | (x) | (y))
#define _WSAIOR(x, y) (IOC_OUT | (x) | (y))
#define _WSAIOW(x, y) (IOC_IN | (x) | (y))
#define _WSAIORW(x, y) (IOC_INOUT | (x) | (y))
#define SIO_GET_EXTENSION_FUNCTION_POINTER _WSAIORW(IOC_WS2, 6u)
#define SIO_GET_QOS _WSAIORW(IOC_WS2, 7u)
#define SIO_GET_GROUP_QOS _WSAIORW(IOC_WS2, 8u)
#define SIO_SET_QOS _WSAIOW(IOC_WS2, 11u)
#define SIO_SET_GROUP_QOS _WSAIOW(IOC_WS2, 12u)
#define SIO_ADDRESS_LIST_QUERY _WSAIOR(IOC_WS2, 22u)
#define SIO_ADDRESS_LIST_CHANGE _WSAIO(IOC_WS2, 23u)

#ifdef __cplusplus
}
#endif
#endif
