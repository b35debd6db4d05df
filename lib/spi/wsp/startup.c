/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <san/wsp.h>

int WSPAPI
WSPStartupEx(WORD wVersionRequested, LPWSPDATA lpWSPData, LPWSAPROTOCOL_INFOW lpProtocolInfo,
	     LPWSPUPCALLTABLEEX lpUpcallTable, LPWSPPROC_TABLE lpProcTable)
{
	(void)wVersionRequested;
	(void)lpWSPData;
	(void)lpProtocolInfo;
	(void)lpUpcallTable;
	memset(lpProcTable, 0, sizeof(*lpProcTable));
	return WSAEOPNOTSUPP;
}
