/* SPDX-License-Identifier: BSD-3-Clause */
/* WskControlClient (d.5 of the rules): W11, W25, W59. */
#include <stdlib.h>

#include "spi/wsk/priv.h"

struct sani_wsk_sd {
	SECURITY_DESCRIPTOR sd;
	struct sani_wsk_sd *next;
};

PSECURITY_DESCRIPTOR
sani_wsk_sd_copy(struct _WSK_CLIENT *c, const SECURITY_DESCRIPTOR *sd)
{
	struct sani_wsk_sd *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->sd = *sd;
	sani_wsk_lock();
	copy->next = c->sds;
	c->sds = copy;
	sani_wsk_unlock();
	return &copy->sd;
}

static struct sani_wsk_sd **
find(struct _WSK_CLIENT *c, PSECURITY_DESCRIPTOR sd)
{
	struct sani_wsk_sd **at = &c->sds;

	while (*at != NULL && (PSECURITY_DESCRIPTOR)*at != sd)
		at = &(*at)->next;
	return at;
}

NTSTATUS
sani_wsk_sd_keep(struct _WSK_CLIENT *c, PSECURITY_DESCRIPTOR sd, SECURITY_DESCRIPTOR **copy)
{
	const struct sani_wsk_sd *known;

	*copy = NULL;
	if (sd == NULL)
		return STATUS_SUCCESS;
	*copy = malloc(sizeof(**copy));
	if (*copy == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	sani_wsk_lock();
	known = *find(c, sd);
	if (known != NULL)
		**copy = known->sd;
	sani_wsk_unlock();
	if (known != NULL)
		return STATUS_SUCCESS;
	free(*copy);
	*copy = NULL;
	return STATUS_INVALID_PARAMETER;
}

bool
sani_wsk_sd_release(struct _WSK_CLIENT *c, PSECURITY_DESCRIPTOR sd)
{
	struct sani_wsk_sd **at, *gone;

	sani_wsk_lock();
	at = find(c, sd);
	gone = *at;
	if (gone != NULL)
		*at = gone->next;
	sani_wsk_unlock();
	free(gone);
	return gone != NULL;
}

void
sani_wsk_client_free_sds(struct _WSK_CLIENT *c)
{
	while (c->sds != NULL) {
		struct sani_wsk_sd *gone = c->sds;

		c->sds = gone->next;
		free(gone);
	}
}

static void
end_change(struct _WSK_CLIENT *c, PIRP irp)
{
	irp->IoStatus.Status = STATUS_CANCELLED;
	irp->IoStatus.Information = 0;
	IoCompleteRequest(irp, IO_NO_INCREMENT);
	sani_wsk_client_put_call(c);
}

/* Whoever has taken the routine out of the IRP ends it: who cancels, or the end of the registration. */
static VOID
cancel_change(PDEVICE_OBJECT device, PIRP irp)
{
	struct _WSK_CLIENT *c = irp->List;

	(void)device;
	sani_wsk_lock();
	sani_wsk_take_out(&c->changes, irp);
	sani_wsk_unlock();
	end_change(c, irp);
}

static bool
take_routine(PIRP irp)
{
	return __atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST) != NULL;
}

void
sani_wsk_client_end_changes(struct _WSK_CLIENT *c)
{
	struct sani_wsk_irps ours = { 0 };
	PIRP irp;

	sani_wsk_lock();
	while ((irp = sani_wsk_next(&c->changes)) != NULL)
		if (take_routine(irp))	/* else who cancels it ends it */
			sani_wsk_hold(&ours, irp);
	sani_wsk_unlock();
	while ((irp = sani_wsk_next(&ours)) != NULL)
		end_change(c, irp);
}

static NTSTATUS
wait_for_change(struct _WSK_CLIENT *c, PIRP irp)
{
	if (irp == NULL || irp->CurrentLocation < 2)
		return STATUS_INVALID_PARAMETER;
	IoSetNextIrpStackLocation(irp);
	IoMarkIrpPending(irp);
	sani_wsk_lock();
	sani_wsk_client_count_call(c);
	sani_wsk_hold(&c->changes, irp);
	irp->List = c;
	__atomic_store_n(&irp->CancelRoutine, cancel_change, __ATOMIC_SEQ_CST);
	sani_wsk_unlock();
	if (__atomic_load_n(&irp->Cancel, __ATOMIC_SEQ_CST) && take_routine(irp))
		cancel_change(NULL, irp);
	return STATUS_PENDING;
}

static NTSTATUS
list_transports(SIZE_T size, WSK_TRANSPORT *out, SIZE_T *returned)
{
	*returned = sizeof(*out);
	if (out == NULL || size < sizeof(*out))
		return STATUS_BUFFER_OVERFLOW;
	*out = (WSK_TRANSPORT){
		.Version = MAKE_WSK_VERSION(1, 1),
		.SocketType = SOCK_STREAM,
		.Protocol = IPPROTO_TCP,
		.AddressFamily = AF_INET,
	};
	return STATUS_SUCCESS;
}

static NTSTATUS
cache_sd(struct _WSK_CLIENT *c, const SECURITY_DESCRIPTOR *sd, SIZE_T size, PSECURITY_DESCRIPTOR *out,
	 SIZE_T *returned)
{
	*returned = sizeof(*out);
	if (sd == NULL || out == NULL)
		return STATUS_INVALID_PARAMETER;
	if (size < sizeof(*out))
		return STATUS_BUFFER_TOO_SMALL;
	if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
		return STATUS_INVALID_SECURITY_DESCR;
	*out = sani_wsk_sd_copy(c, sd);
	return *out != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static bool
had_sock(struct _WSK_CLIENT *c)
{
	bool had;

	sani_wsk_lock();
	had = c->had_sock;
	sani_wsk_unlock();
	return had;
}

static NTSTATUS
set_fixed_events(struct _WSK_CLIENT *c, const WSK_EVENT_CALLBACK_CONTROL *in, SIZE_T size)
{
	ULONG known = WSK_EVENT_ACCEPT | SANI_WSK_CONNECTION_EVENTS | WSK_EVENT_RECEIVE_FROM;

	if (in == NULL || size < sizeof(*in) || in->NpiId == NULL || in->EventMask == 0 || in->EventMask & ~known)
		return STATUS_INVALID_PARAMETER;
	if (memcmp(in->NpiId, &NPI_WSK_INTERFACE_ID, sizeof(NPIID)) != 0)
		return STATUS_NOT_SUPPORTED;
	if (had_sock(c) || c->fixed)
		return STATUS_INVALID_DEVICE_STATE;
	c->fixed = true;
	atomic_store(&c->fixed_events, in->EventMask);
	return STATUS_SUCCESS;
}

/* The descriptor that an input buffer points at. */
static PSECURITY_DESCRIPTOR
sd_in(const PSECURITY_DESCRIPTOR *in, SIZE_T size)
{
	return in != NULL && size >= sizeof(*in) ? *in : NULL;
}

static NTSTATUS
do_at_once(struct _WSK_CLIENT *c, ULONG code, SIZE_T in_size, PVOID in)
{
	switch (code) {
	case WSK_RELEASE_SD:
		if (sd_in(in, in_size) == NULL || !sani_wsk_sd_release(c, sd_in(in, in_size)))
			return STATUS_INVALID_PARAMETER;
		return STATUS_SUCCESS;
	case WSK_SET_STATIC_EVENT_CALLBACKS:
		return set_fixed_events(c, in, in_size);
	case WSK_TDI_BEHAVIOR:
	case WSK_TDI_DEVICENAME_MAPPING:
		if (in == NULL || in_size < sizeof(ULONG))
			return STATUS_INVALID_PARAMETER;
		return had_sock(c) ? STATUS_INVALID_DEVICE_STATE : STATUS_SUCCESS;
	default:
		return STATUS_NOT_SUPPORTED;
	}
}

NTSTATUS
sani_wsk_control_client(PWSK_CLIENT Client, ULONG ControlCode, SIZE_T InputSize, PVOID InputBuffer, SIZE_T OutputSize,
			PVOID OutputBuffer, SIZE_T *OutputSizeReturned, PIRP Irp)
{
	SIZE_T returned = 0;
	NTSTATUS status;

	if (ControlCode == WSK_TRANSPORT_LIST_CHANGE)
		return wait_for_change(Client, Irp);
	if (Irp != NULL) {
		if (!sani_wsk_client_take(Client, sani_wsk_client_core(Client), NULL, Irp))
			return STATUS_INVALID_PARAMETER;
		return sani_wsk_answer(Irp, STATUS_INVALID_PARAMETER);
	}
	if (ControlCode == WSK_TRANSPORT_LIST_QUERY)
		status = list_transports(OutputSize, OutputBuffer, &returned);
	else if (ControlCode == WSK_CACHE_SD)
		status = cache_sd(Client, sd_in(InputBuffer, InputSize), OutputSize, OutputBuffer, &returned);
	else
		status = do_at_once(Client, ControlCode, InputSize, InputBuffer);
	if (OutputSizeReturned != NULL)
		*OutputSizeReturned = returned;
	return status;
}
