/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "spi/wsp/priv.h"

DWORD
sani_wsp_error(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case -ECANCELED:
		return WSA_OPERATION_ABORTED;
	case -EAGAIN:
		return WSAEWOULDBLOCK;
	case -ENOTSOCK:
		return WSAENOTSOCK;
	case -EINVAL:
		return WSAEINVAL;
	case -ENOTCONN:
		return WSAENOTCONN;
	case -EISCONN:
		return WSAEISCONN;
	case -ECONNRESET:
		return WSAECONNRESET;
	/* what ended an established connection other than the peer */
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -ECONNABORTED:
	case -ECONNREFUSED:
		return WSAECONNABORTED;
	case -EPIPE:
		return WSAESHUTDOWN;
	case -ENOPROTOOPT:
		return WSAENOPROTOOPT;
	case -EADDRNOTAVAIL:
		return WSAEADDRNOTAVAIL;
	case -ENOMEM:
	case -ENOBUFS:
	case -ENFILE:
	/* R37: the switch has settled who shares an address; a port that is taken all the same is a lack */
	case -EADDRINUSE:
		return WSAENOBUFS;
	default:
		return WSAENETDOWN;
	}
}

DWORD
sani_wsp_connect_error(int rc)
{
	switch (rc) {
	/*
	 * R59, R60: the three codes after which nobody tries another provider only if that would certainly fail. A
	 * refusal is the peer's own word; whether a host that cannot be reached here exists is not known.
	 */
	case -ECONNREFUSED:
		return WSAECONNREFUSED;
	case -EHOSTUNREACH:
	case -ETIMEDOUT:
		return WSAETIMEDOUT;
	case -ENETUNREACH:
		return WSAENETUNREACH;
	case -EADDRINUSE:
		return WSAEADDRINUSE;
	default:
		return sani_wsp_error(rc);
	}
}
