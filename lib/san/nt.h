/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * NT: the kernel's words that a Winsock Kernel program speaks (status, IRP, MDL, event), for Linux.
 *
 * Model:     as much of the documented kernel interface as such programs need to make requests, describe memory and
 *            wait, in user space. An IRP is a request: its maker sets a completion routine in the next stack location
 *            and hands it down; whoever completes it calls the routines upwards, until one of them answers
 *            STATUS_MORE_PROCESSING_REQUIRED or none is left. Then the IRP is its maker's again.
 * IRQL:      there is none. What the documents allow at DISPATCH_LEVEL never blocks here; what needs
 *            PASSIVE_LEVEL may, and must not be called on a thread that is inside a poll round.
 * MDL:       describes memory of the process; nothing is locked or mapped.
 * Not here:  driver and device objects have no content (their pointers are passed on as given), no IRP comes from an
 *            I/O manager, so an IRP that reaches its top is touched no more.
 * Threads:   each function says. An IRP, MDL or event is used by one thread at a time, but for IoCancelIrp(),
 *            KeSetEvent(), KeResetEvent() and KeWaitForSingleObject(), which any thread may call at any time.
 * Source:    the names and rules of the Windows Driver Kit's documents (W14 to W20).
 */
#ifndef SAN_NT_H
#define SAN_NT_H

#include <san/op.h>
#include <san/win.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Status: negative ones are failures. STATUS_PENDING is in san/win.h. */
#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#define STATUS_SUCCESS ((NTSTATUS)0)
#define STATUS_TIMEOUT ((NTSTATUS)0x102)
#define STATUS_EVENT_PENDING ((NTSTATUS)0x40000013)
#define STATUS_BUFFER_OVERFLOW ((NTSTATUS)0x80000005)
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001)
#define STATUS_NOT_IMPLEMENTED ((NTSTATUS)0xC0000002)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_INVALID_DEVICE_REQUEST ((NTSTATUS)0xC0000010)
#define STATUS_MORE_PROCESSING_REQUIRED ((NTSTATUS)0xC0000016)
#define STATUS_ACCESS_DENIED ((NTSTATUS)0xC0000022)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)
#define STATUS_INVALID_SECURITY_DESCR ((NTSTATUS)0xC0000079)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define STATUS_DEVICE_NOT_READY ((NTSTATUS)0xC00000A3)
#define STATUS_IO_TIMEOUT ((NTSTATUS)0xC00000B5)
#define STATUS_FILE_FORCED_CLOSED ((NTSTATUS)0xC00000B6)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#define STATUS_REQUEST_NOT_ACCEPTED ((NTSTATUS)0xC00000D0)
#define STATUS_CANCELLED ((NTSTATUS)0xC0000120)
#define STATUS_INVALID_ADDRESS ((NTSTATUS)0xC0000141)
#define STATUS_INVALID_DEVICE_STATE ((NTSTATUS)0xC0000184)
#define STATUS_INVALID_BUFFER_SIZE ((NTSTATUS)0xC0000206)
#define STATUS_INVALID_ADDRESS_COMPONENT ((NTSTATUS)0xC0000207)
#define STATUS_ADDRESS_ALREADY_EXISTS ((NTSTATUS)0xC000020A)
#define STATUS_CONNECTION_RESET ((NTSTATUS)0xC000020D)
#define STATUS_DATA_NOT_ACCEPTED ((NTSTATUS)0xC000021B)
#define STATUS_CONNECTION_REFUSED ((NTSTATUS)0xC0000236)
#define STATUS_NETWORK_UNREACHABLE ((NTSTATUS)0xC000023C)
#define STATUS_HOST_UNREACHABLE ((NTSTATUS)0xC000023D)
#define STATUS_CONNECTION_ABORTED ((NTSTATUS)0xC0000241)
#define STATUS_NO_MATCH ((NTSTATUS)0xC0000272)
#define STATUS_NOINTERFACE ((NTSTATUS)0xC00002B9)

typedef char CCHAR;
typedef void VOID;
typedef LONG KPRIORITY;
typedef USHORT ADDRESS_FAMILY;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef struct _EPROCESS *PEPROCESS;		/**< Passed on; NULL will do. */
typedef struct _ETHREAD *PETHREAD;
typedef struct _DEVICE_OBJECT DEVICE_OBJECT, *PDEVICE_OBJECT;

typedef union _LARGE_INTEGER {
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

/** A text; Length in bytes, without terminator. UTF-16. */
typedef struct _UNICODE_STRING {
	USHORT Length;
	USHORT MaximumLength;
	PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;

#define SECURITY_DESCRIPTOR_REVISION 1

/** Control: there is a list of who may, Dacl. Without one, or with a NULL one, everybody may. */
#define SE_DACL_PRESENT 0x0004

/**
 * Who may share an address (PFN_WSK_BIND). A list names accounts of another system, none of which is here: whatever
 * is in it, it lets nobody in. It is not read; nor is the rest, but Revision.
 */
typedef struct _SECURITY_DESCRIPTOR {
	UCHAR Revision;
	UCHAR Sbz1;
	USHORT Control;
	PVOID Owner;
	PVOID Group;
	PVOID Sacl;
	PVOID Dacl;
} SECURITY_DESCRIPTOR;

#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif

/* Memory */

/** One stretch of memory, and the next one of a chain. Made by IoAllocateMdl() or MmInitializeMdl(). */
typedef struct _MDL {
	struct _MDL *Next;
	SHORT Size;
	SHORT MdlFlags;
	struct _EPROCESS *Process;
	PVOID MappedSystemVa;	/**< Where the memory begins. */
	PVOID StartVa;		/**< The page of that. */
	ULONG ByteCount;	/**< [bytes] */
	ULONG ByteOffset;	/**< From StartVa. */
} MDL, *PMDL;

#define MDL_MAPPED_TO_SYSTEM_VA 0x0001
#define MDL_SOURCE_IS_NONPAGED_POOL 0x0004

/** Describe memory in an MDL of the caller's. Any thread. */
static inline VOID
MmInitializeMdl(PMDL Mdl, PVOID BaseVa, SIZE_T Length)
{
	Mdl->Next = NULL;
	Mdl->Size = (SHORT)sizeof(*Mdl);
	Mdl->MdlFlags = 0;
	Mdl->Process = NULL;
	Mdl->MappedSystemVa = BaseVa;
	Mdl->StartVa = (PVOID)((ULONG_PTR)BaseVa & ~(ULONG_PTR)4095);
	Mdl->ByteCount = (ULONG)Length;
	Mdl->ByteOffset = (ULONG)((ULONG_PTR)BaseVa & 4095);
}

/** As the documents have it: behind it the MDL may be used. Any thread. */
static inline VOID
MmBuildMdlForNonPagedPool(PMDL Mdl)
{
	Mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
}

#define MmGetSystemAddressForMdlSafe(Mdl, Priority) ((Mdl)->MappedSystemVa)
#define MmGetMdlVirtualAddress(Mdl) ((PVOID)((PCHAR)(Mdl)->StartVa + (Mdl)->ByteOffset))
#define MmGetMdlByteCount(Mdl) ((Mdl)->ByteCount)
#define MmGetMdlByteOffset(Mdl) ((Mdl)->ByteOffset)
#define NormalPagePriority 16

/* Requests */

typedef struct _IO_STATUS_BLOCK {
	NTSTATUS Status;
	ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;

typedef struct _IRP IRP, *PIRP;

/** STATUS_MORE_PROCESSING_REQUIRED: the IRP is the routine's, nobody touches it after this. Else it goes on upwards. */
typedef NTSTATUS IO_COMPLETION_ROUTINE(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context);
typedef IO_COMPLETION_ROUTINE *PIO_COMPLETION_ROUTINE;
typedef VOID DRIVER_CANCEL(PDEVICE_OBJECT DeviceObject, PIRP Irp);
typedef DRIVER_CANCEL *PDRIVER_CANCEL;

#define SL_PENDING_RETURNED 0x01
#define SL_INVOKE_ON_CANCEL 0x20
#define SL_INVOKE_ON_SUCCESS 0x40
#define SL_INVOKE_ON_ERROR 0x80

typedef struct _IO_STACK_LOCATION {
	UCHAR MajorFunction;
	UCHAR MinorFunction;
	UCHAR Flags;
	UCHAR Control;			/**< SL_* */
	PDEVICE_OBJECT DeviceObject;
	PVOID FileObject;
	PIO_COMPLETION_ROUTINE CompletionRoutine;
	PVOID Context;
	union {
		struct {
			PVOID Argument1;
			PVOID Argument2;
			PVOID Argument3;
			PVOID Argument4;
		} Others;
		ULONG_PTR Provider[8];	/**< The subsystem's. */
	} Parameters;
} IO_STACK_LOCATION, *PIO_STACK_LOCATION;

/** A request. IoStatus is valid in completion routines and after; nothing else is a program's to write. */
struct _IRP {
	SHORT Type;
	USHORT Size;			/**< [bytes], with the stack locations. */
	CCHAR StackCount;
	CCHAR CurrentLocation;		/**< StackCount + 1: nobody has been called. */
	/**
	 * Set before each routine: the driver below had marked it. Before the IRP is handed over: its routine wants to
	 * know of a success.
	 */
	BOOLEAN PendingReturned;
	BOOLEAN Cancel;			/**< IoCancelIrp() was called. */
	ULONG Flags;
	IO_STATUS_BLOCK IoStatus;
	PIO_STACK_LOCATION CurrentStackLocation;
	PDRIVER_CANCEL CancelRoutine;	/**< Of the driver that has the IRP; changed by exchange only. */
	PMDL MdlAddress;
	PVOID Socket;			/**< The subsystem's, from here on. */
	struct san_overlapped Operation;
	PIRP Next;
	PIRP NextCancelled;
	VOID (*Start)(PIRP Irp);
	PVOID List;
	PVOID Core;
	ULONG Step;
	ULONG Reserved[5];
};

/** Bytes that an IRP with so many stack locations takes. Any thread. */
static inline USHORT
IoSizeOfIrp(CCHAR StackSize)
{
	return (USHORT)(sizeof(IRP) + (SIZE_T)StackSize * sizeof(IO_STACK_LOCATION));
}

/** The stack location of whoever has the IRP now. Any thread. */
static inline PIO_STACK_LOCATION
IoGetCurrentIrpStackLocation(PIRP Irp)
{
	return Irp->CurrentStackLocation;
}

/** The one of the driver below. Any thread. */
static inline PIO_STACK_LOCATION
IoGetNextIrpStackLocation(PIRP Irp)
{
	return Irp->CurrentStackLocation - 1;
}

/** What the next driver is called with is in that location. Any thread. */
static inline VOID
IoSetNextIrpStackLocation(PIRP Irp)
{
	Irp->CurrentLocation--;
	Irp->CurrentStackLocation--;
}

/** The driver below gets the location of this one, routine and all. Any thread. */
static inline VOID
IoSkipCurrentIrpStackLocation(PIRP Irp)
{
	Irp->CurrentLocation++;
	Irp->CurrentStackLocation++;
}

/** The driver below gets a copy of this one's location, without its routine. Any thread. */
static inline VOID
IoCopyCurrentIrpStackLocationToNext(PIRP Irp)
{
	PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(Irp);

	*next = *IoGetCurrentIrpStackLocation(Irp);
	next->CompletionRoutine = NULL;
	next->Context = NULL;
	next->Control = 0;
	Irp->PendingReturned = 0;
}

/** This driver answers STATUS_PENDING; a routine does it when Irp->PendingReturned is set (W16). Any thread. */
static inline VOID
IoMarkIrpPending(PIRP Irp)
{
	Irp->CurrentStackLocation->Control |= SL_PENDING_RETURNED;
}

/**
 * Set the routine that is called when the driver below has completed the IRP, and for which results. A program that
 * made the IRP itself has to set one, for all three (W15). Any thread.
 */
static inline VOID
IoSetCompletionRoutine(PIRP Irp, PIO_COMPLETION_ROUTINE CompletionRoutine, PVOID Context, BOOLEAN InvokeOnSuccess,
		       BOOLEAN InvokeOnError, BOOLEAN InvokeOnCancel)
{
	PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(Irp);

	next->CompletionRoutine = CompletionRoutine;
	next->Context = Context;
	next->Control = (UCHAR)((InvokeOnSuccess ? SL_INVOKE_ON_SUCCESS : 0) |
				(InvokeOnError ? SL_INVOKE_ON_ERROR : 0) |
				(InvokeOnCancel ? SL_INVOKE_ON_CANCEL : 0));
	Irp->PendingReturned = CompletionRoutine != NULL && InvokeOnSuccess;
}

/**
 * Make an IRP.
 *
 * @param[in] StackSize    Stack locations, 1 or more: one for each driver it passes, for Winsock Kernel 1.
 * @param[in] ChargeQuota  Not looked at.
 * @return The IRP, IoFreeIrp() ends it; NULL: no memory.
 * @context  Any thread.
 */
SAN_API PIRP
IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota);

/** End an IRP of IoAllocateIrp() that nobody has; also in its completion routine. Any thread. */
SAN_API VOID
IoFreeIrp(PIRP Irp);

/** Make an IRP of memory of the caller's: IoSizeOfIrp() bytes, on a boundary of 64. Any thread. */
SAN_API VOID
IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize);

/** Make an IRP that is over ready for its next use; set a routine again behind it (W15). Any thread. */
SAN_API VOID
IoReuseIrp(PIRP Irp, NTSTATUS Status);

/**
 * Ask for the end of a request. It is a request itself: the IRP ends with STATUS_CANCELLED, or as it would have.
 *
 * @return TRUE when whoever has the IRP was told; FALSE when it was cancelled already, is over, or was not given to
 *         anybody yet: then it ends as soon as it is.
 * @context  Any thread, while the IRP is not freed; also inside callbacks. Never blocks.
 */
SAN_API BOOLEAN
IoCancelIrp(PIRP Irp);

/** Complete an IRP that the caller has as a driver: its routines are called, on this thread. Any thread. */
SAN_API VOID
IoCompleteRequest(PIRP Irp, CCHAR PriorityBoost);

#define IO_NO_INCREMENT 0

/**
 * Make an MDL for Length bytes at VirtualAddress.
 *
 * @param[in] SecondaryBuffer  TRUE with Irp: it goes to the end of Irp->MdlAddress; FALSE with Irp: it is that.
 * @param[in] ChargeQuota      Not looked at.
 * @return The MDL, IoFreeMdl() ends it; NULL: no memory.
 * @context  Any thread.
 */
SAN_API PMDL
IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp);

/** End an MDL of IoAllocateMdl(), not the chain behind it. Any thread. */
SAN_API VOID
IoFreeMdl(PMDL Mdl);

/* Events */

typedef enum _EVENT_TYPE {
	NotificationEvent,	/**< Stays signalled until it is reset. */
	SynchronizationEvent,	/**< The end of one wait resets it. */
} EVENT_TYPE;

typedef struct _KEVENT {
	LONG State;		/**< 1: signalled. */
	LONG Type;		/**< EVENT_TYPE */
} KEVENT, *PKEVENT, *PRKEVENT;

typedef enum _KWAIT_REASON { Executive } KWAIT_REASON;
typedef CCHAR KPROCESSOR_MODE;
#define KernelMode 0

/** Make an event. Any thread. */
static inline VOID
KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
	Event->State = State;
	Event->Type = (LONG)Type;
}

/** Signal an event. @return What it was before. Any thread; also in routines and callbacks. */
SAN_API LONG
KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait);

/** Take the signal away. @return What it was before. Any thread. */
SAN_API LONG
KeResetEvent(PRKEVENT Event);

/**
 * Wait for an event. A thread that polls cores with Winsock Kernel on them (san_wsk_start()) polls them meanwhile, so a
 * program of one thread may make a request and wait for it.
 *
 * @param[in] Object   A KEVENT.
 * @param[in] Timeout  [100 ns]: negative from now, 0 only looks, NULL: no limit. Positive ones (a date) are refused.
 *
 * @retval STATUS_SUCCESS            It was signalled.
 * @retval STATUS_TIMEOUT            Time is over.
 * @retval STATUS_INVALID_PARAMETER  Object is NULL, Timeout positive.
 * @retval STATUS_INVALID_DEVICE_STATE  Inside a poll round: in a callback or a completion routine (W22).
 * @context  Any thread. Blocks.
 */
SAN_API NTSTATUS
KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
		      PLARGE_INTEGER Timeout);

#ifdef __cplusplus
}
#endif
#endif
