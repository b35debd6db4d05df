/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <san/nt.h>

#include "base/base.h"

_Static_assert(offsetof(IRP, Operation) == SANI_CACHE_LINE, "what a request touches is two lines and a location");
_Static_assert(sizeof(IRP) % SANI_CACHE_LINE == 0, "stack locations begin on a line");

static PIO_STACK_LOCATION
stack_of(PIRP irp)
{
	return (PIO_STACK_LOCATION)(irp + 1);
}

/* Nobody has the IRP: the location above all drivers, which is never looked into. */
static void
rewind_irp(PIRP irp)
{
	irp->CurrentLocation = (CCHAR)(irp->StackCount + 1);
	irp->CurrentStackLocation = stack_of(irp) + irp->StackCount;
}

VOID
IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
	memset(Irp, 0, PacketSize);
	Irp->Size = PacketSize;
	Irp->StackCount = StackSize;
	rewind_irp(Irp);
}

PIRP
IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
	USHORT size = (USHORT)((IoSizeOfIrp(StackSize) + SANI_CACHE_LINE - 1) & ~(SANI_CACHE_LINE - 1));
	PIRP irp;

	(void)ChargeQuota;
	if (StackSize < 1)
		return NULL;
	irp = aligned_alloc(SANI_CACHE_LINE, size);
	if (irp != NULL)
		IoInitializeIrp(irp, size, StackSize);
	return irp;
}

VOID
IoFreeIrp(PIRP Irp)
{
	free(Irp);
}

VOID
IoReuseIrp(PIRP Irp, NTSTATUS Status)
{
	IoInitializeIrp(Irp, Irp->Size, Irp->StackCount);
	Irp->IoStatus.Status = Status;
}

BOOLEAN
IoCancelIrp(PIRP Irp)
{
	PDRIVER_CANCEL routine;

	/* sequentially consistent, against the driver that sets its routine and then looks at Cancel */
	__atomic_store_n(&Irp->Cancel, TRUE, __ATOMIC_SEQ_CST);
	routine = __atomic_exchange_n(&Irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST);
	if (routine == NULL)
		return FALSE;
	routine(NULL, Irp);
	return TRUE;
}

/* Does the routine of a location want to know of this end? */
static bool
is_invoked(const IRP *irp, UCHAR control)
{
	if (NT_SUCCESS(irp->IoStatus.Status) ? control & SL_INVOKE_ON_SUCCESS : control & SL_INVOKE_ON_ERROR)
		return true;
	return (control & SL_INVOKE_ON_CANCEL) && irp->Cancel;
}

/*
 * A routine that answers STATUS_MORE_PROCESSING_REQUIRED keeps the IRP (W15); without one, or with one that goes on,
 * the location above is next, and where there is no routine the pending mark goes up by itself (W16).
 */
VOID
IoCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
	(void)PriorityBoost;
	while (Irp->CurrentLocation <= Irp->StackCount) {
		PIO_STACK_LOCATION at = Irp->CurrentStackLocation;
		UCHAR control = at->Control;

		Irp->CurrentLocation++;
		Irp->CurrentStackLocation = at + 1;
		Irp->PendingReturned = control & SL_PENDING_RETURNED;
		if (at->CompletionRoutine != NULL && is_invoked(Irp, control)) {
			/* A location above the last one is nobody's. */
			PDEVICE_OBJECT device =
				Irp->CurrentLocation <= Irp->StackCount ? (at + 1)->DeviceObject : NULL;

			if (at->CompletionRoutine(device, Irp, at->Context) == STATUS_MORE_PROCESSING_REQUIRED)
				return;
		} else if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount) {
			IoMarkIrpPending(Irp);
		}
	}
}

PMDL
IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp)
{
	PMDL mdl = malloc(sizeof(*mdl));
	PMDL *at;

	(void)ChargeQuota;
	if (mdl == NULL)
		return NULL;
	MmInitializeMdl(mdl, VirtualAddress, Length);
	if (Irp == NULL)
		return mdl;
	at = &Irp->MdlAddress;
	while (SecondaryBuffer && *at != NULL)
		at = &(*at)->Next;
	*at = mdl;
	return mdl;
}

VOID
IoFreeMdl(PMDL Mdl)
{
	free(Mdl);
}
