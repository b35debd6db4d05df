/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Up-calls within a call of the switch's. What is called inside them would wait for that call, so it is refused as
 * inside a round.
 */
#include "spi/wsp/priv.h"

SOCKET
sani_wsp_up_create(const struct sani_wsp_sock *so, DWORD *code)
{
	bool before = sani_layer_enter();
	INT err = WSAENOBUFS;
	SOCKET upper;

	upper = sani_wsp_up.lpWPUCreateSocketHandle(so->catalog_id, sani_wsp_name(so), &err);
	sani_layer_leave(before);
	*code = upper != INVALID_SOCKET ? 0 : (DWORD)err;
	return upper;
}

void
sani_wsp_up_close(SOCKET upper)
{
	bool before = sani_layer_enter();
	INT ignored;

	sani_wsp_up.lpWPUCloseSocketHandle(upper, &ignored);
	sani_layer_leave(before);
}

static void
call_for(LPWPUSETEVENT call, WSAEVENT event)
{
	bool before = sani_layer_enter();
	INT ignored;

	call(event, &ignored);
	sani_layer_leave(before);
}

void
sani_wsp_up_set(WSAEVENT event)
{
	call_for(sani_wsp_up.lpWPUSetEvent, event);
}

void
sani_wsp_up_reset(WSAEVENT event)
{
	call_for(sani_wsp_up.lpWPUResetEvent, event);
}
