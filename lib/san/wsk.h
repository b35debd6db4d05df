/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Winsock Kernel: registration, and what holds for the whole client interface (san/wsk_client.h has the functions
 * of its provider, san/wsk_dispatch.h those of sockets by tables, san/wsk_types.h its structures, san/nt.h IRPs and
 * MDLs). A thin layer: a socket of it is a native socket, a request a native operation in the memory of its IRP.
 *
 * Start:     san_startup(), san_host_create(), san_core_claim(), then san_wsk_start() makes the subsystem of
 *            that host ready; WskRegister(), WskCaptureProviderNPI(), and the tables of the provider. Back in
 *            reverse order.
 *
 * Requests:  every function with an IRP that is given one with a free stack location answers STATUS_PENDING and
 *            completes the IRP exactly once, failures included (W18); without one it answers
 *            STATUS_INVALID_PARAMETER and does nothing. Completion routines are called at the end of a poll
 *            round of the socket's core, never inside a function of this interface. (After san_cleanup() there
 *            are no rounds; then what is left completes inside the call.) Buffers, MDLs and address buffers are
 *            the subsystem's until the completion (W20), but for addresses that a function reads, which it does
 *            before it returns.
 * Order:     requests of one thread on one socket are carried out in the order of the calls. Receives complete
 *            in the order of their calls, sends with disconnects too, accepts too; nothing else is promised.
 *
 * Threads:   each socket has a core of its host: a connection that was accepted has its listening socket's. All
 *            of its callbacks and completion routines run on the thread that polls this core, one after the
 *            other, inside a poll round: they must not block or wait (W21, W22), but may call every function of
 *            this interface but WskDeregister() and those that block. Functions may be called by any thread,
 *            attached (san_attach()) or not: on the core's thread they are plain calls; from another one the
 *            request travels to the core, in order, and is carried out in its next round. A core sleeps and
 *            wakes as for other requests. A connection that another core of the host has received is served by
 *            its listening socket's thread across the rings between cores.
 *            WskCloseSocket: no other thread may be inside a function of the socket (W61), and none may be
 *            called after it (W66).
 *
 * Statuses that every request may have, beside those that its function lists:
 *            STATUS_SUCCESS
 *            STATUS_CANCELLED              IoCancelIrp(), or WskCloseSocket
 *            STATUS_INVALID_PARAMETER      a pointer that is needed is NULL, an unknown flag
 *            STATUS_INSUFFICIENT_RESOURCES no memory, no socket left (slots of [host]), no place for another
 *                                          operation (san_wsk_start())
 *            STATUS_FILE_FORCED_CLOSED     the socket is dead, for san_cleanup() ended it: close it. Callbacks
 *                                          that are enabled are called with NULL in place of their argument
 *                                          once.
 *
 * Cleanup:   san_cleanup() is for after WskDeregister(). When it comes before, native sockets are closed,
 *            pending IRPs complete with STATUS_CANCELLED, sockets are dead until they are closed.
 * Source:    the documents of the Windows Driver Kit, rules W of doc/spi/rules.md; doc/op-contract.md.
 */
#ifndef SAN_WSK_H
#define SAN_WSK_H

#include <san/host.h>
#include <san/wsk_client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The interface that SO_WSK_EVENT_CALLBACK and WSK_SET_STATIC_EVENT_CALLBACKS name. */
static const NPIID NPI_WSK_INTERFACE_ID = {
	0x2227e803, 0x8d8b, 0x11d4, { 0xab, 0xad, 0x00, 0x90, 0x27, 0x71, 0x9e, 0x09 }
};

/** Most hosts of a process that have the subsystem. */
#define SAN_WSK_HOSTS 16

/** Places if san_wsk_start() is given 0. */
#define SAN_WSK_PLACES 65536u

/**
 * Make the subsystem ready on a host: captures that wait for it go on.
 *
 * A request that pends takes a place; so do each enabled WskReceiveEvent and WskDisconnectEvent of a
 * connection, and 65 an enabled WskAcceptEvent.
 *
 * @param[in] host    All its cores are claimed: by this thread, or by threads that poll them.
 * @param[in] places  For each core, 128..SAN_CQ_MAX; 0: SAN_WSK_PLACES.
 *
 * @retval 0          Done.
 * @retval -EINVAL    host is NULL, places out of range.
 * @retval -EALREADY  It is ready there.
 * @retval -ENFILE    SAN_WSK_HOSTS have it.
 * @retval -EAGAIN    A core of another thread did not answer within a second. Nothing is changed.
 * @retval -ENOMEM -EPERM -ENETDOWN  As san_socket().
 * @context  Any attached thread, any thread that polls a core; not inside a round (-EDEADLK). The threads that poll
 *           the cores now must be the ones that do it until san_wsk_stop().
 */
SAN_API int
san_wsk_start(struct san_host *host, unsigned int places);

/**
 * Take the subsystem from a host: captures find no provider there. Registrations stay. The last san_cleanup()
 * does it too.
 *
 * @retval 0          Done.
 * @retval -EBUSY     A provider is captured, a request of a client-level function pends, or a socket is open.
 *                    Nothing is changed.
 * @retval -EALREADY  It is not ready there.
 * @retval -EAGAIN    A core of another thread did not answer within a second; call again.
 * @retval -EINVAL -EPERM -ENETDOWN -EDEADLK  As san_wsk_start().
 * @context  As san_wsk_start().
 */
SAN_API int
san_wsk_stop(struct san_host *host);

/**
 * Register (W1): the program wants a provider. Whether there is one is WskCaptureProviderNPI()'s matter.
 *
 * @param[in]  WskClientNpi     Read during the call; its Dispatch stays valid until WskDeregister() (W2).
 * @param[out] WskRegistration  The program's memory, used by the three functions below; each needs its own.
 *
 * @retval STATUS_SUCCESS            Done. Each one needs one WskDeregister().
 * @retval STATUS_INVALID_PARAMETER  A pointer is NULL, or Dispatch->Reserved is not 0.
 * @retval STATUS_INSUFFICIENT_RESOURCES  No memory.
 * @context  Any thread. The provider is that of the host that has had the subsystem for longest when it is captured.
 */
SAN_API NTSTATUS
WskRegister(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration);

/** WskRegister() for one host: the provider is that of host and of no other. Any thread. @return As WskRegister(). */
SAN_API NTSTATUS
san_wsk_register(struct san_host *host, PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration);

/**
 * End a registration (W9). From the first moment captures fail with STATUS_DEVICE_NOT_READY, waiting ones too
 * (W10), and pending WSK_TRANSPORT_LIST_CHANGE requests complete with STATUS_CANCELLED, on this thread (W11).
 * Then it waits until every capture is released, every call of a client-level function has returned and its IRP
 * is completed, and every socket is closed. A thread that polls cores of hosts with the subsystem polls them
 * meanwhile. Inside a poll round it cannot wait: it marks the registration as ended and returns; the rest goes
 * when the last of these is over.
 *
 * @param[in] WskRegistration  One that was registered; it may be used again behind this.
 * @context  Any thread. Blocks.
 */
SAN_API VOID
WskDeregister(PWSK_REGISTRATION WskRegistration);

/**
 * Take hold of the provider. Each success needs one WskReleaseProviderNPI().
 *
 * @param[in]  WskRegistration  One that was registered.
 * @param[in]  WaitTimeout      WSK_NO_WAIT, WSK_INFINITE_WAIT, or [ms]: for a host to have the subsystem.
 * @param[out] WskProviderNpi   Set only on success.
 *
 * @retval STATUS_SUCCESS           Done.
 * @retval STATUS_DEVICE_NOT_READY  No provider, at the end of the wait, or the registration ends.
 * @retval STATUS_NOINTERFACE       The client's major version is not 1 (W6).
 * @retval STATUS_INVALID_PARAMETER A pointer is NULL.
 * @context  Any thread. Blocks, unless WSK_NO_WAIT; inside a round it never waits.
 */
SAN_API NTSTATUS
WskCaptureProviderNPI(PWSK_REGISTRATION WskRegistration, ULONG WaitTimeout, PWSK_PROVIDER_NPI WskProviderNpi);

/**
 * Let go of the provider (W8): no function of its table may be called any more. Sockets may still be open.
 *
 * @param[in] WskRegistration  Of the capture.
 * @context  Any thread. Never blocks.
 */
SAN_API VOID
WskReleaseProviderNPI(PWSK_REGISTRATION WskRegistration);

/**
 * Ask which versions there are.
 *
 * @param[out] WskProviderCharacteristics  1.0 to 1.1.
 *
 * @retval STATUS_SUCCESS           Done.
 * @retval STATUS_DEVICE_NOT_READY  No provider, or the registration ends.
 * @retval STATUS_INVALID_PARAMETER A pointer is NULL.
 * @context  Any thread. Never blocks.
 */
SAN_API NTSTATUS
WskQueryProviderCharacteristics(PWSK_REGISTRATION WskRegistration,
				PWSK_PROVIDER_CHARACTERISTICS WskProviderCharacteristics);

#ifdef __cplusplus
}
#endif
#endif
