/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Memory: registered memory that is sent from where it lies, and received data that is lent to the program.
 *
 * Registered: a program registers memory once, and names the registration with each buffer that lies in it. A send
 *            from it is transmitted from there, first time and again, where the port can: where the driver gives
 *            packets back while it sends, or when asked to (tried when the port's first packet goes), or with
 *            lend = restart in [port] (doc/configuration.md). Elsewhere its segments are copied out of it, counted
 *            (lend_tx_copied). Receives are copied into registered memory as into any other.
 * Use:       an accepted operation uses the registrations it names until it has ended, and a send has not ended
 *            before its bytes are acknowledged AND no packet buffer refers to them: what a port still holds may
 *            be read by it. No reason ends it sooner, neither cancel, deadline, reset, close nor cleanup.
 * Lent:      received bytes may be had in the stack's own packet buffers, without a copy: san_recv_loan(). They
 *            are the program's until it gives them back, and outlive the socket.
 * Cleanup:   the last san_cleanup() answers -EBUSY while a loan is out. It ends all registrations; their handles
 *            are unknown from then on.
 * Source:    doc/op-contract.md O9.4, O10, O15.
 */
#ifndef SAN_MEM_H
#define SAN_MEM_H

#include <san/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A registration. Never used twice in a process. */
typedef uint64_t san_mem;

/** No registration: a send copies such a buffer at once, counted (lend_unregistered). */
#define SAN_NO_MEM 0u

/** Most registrations of a process at a time. */
#define SAN_MEM_MAX 65536u

/** What the stack may do with registered memory; a mask. */
enum san_access {
	SAN_MEM_READ = 1,	/**< Read it: sends. */
	SAN_MEM_WRITE = 2,	/**< Write it: receives. */
};

/**
 * Register memory.
 *
 * Whole pages are made known to DPDK and to the ports. Registrations that overlap or lie side by side share what
 * is made known; the same memory may be registered more than once. DPDK has room for some 120 such regions in
 * a process: without room, or where a port refuses the memory, or with physical addresses (--iova-mode=pa),
 * the registration is good all the same, but its segments are copied out of it.
 *
 * @param[in]  base    Where it begins. It must stay mapped until it is deregistered.
 * @param[in]  len     [bytes]
 * @param[in]  access  enum san_access, at least one.
 * @param[out] mem     Set only on success.
 *
 * @retval 0          Done: sends from it are lent where the port can.
 * @retval 1          Done, but it is copy-only (counted: san_mem_usage()).
 * @retval -EFAULT    base is NULL, or base + len is beyond the address space.
 * @retval -EINVAL    len is 0, access has no or unknown bits, mem is NULL.
 * @retval -ENFILE    SAN_MEM_MAX registrations exist.
 * @retval -ENOMEM    No memory.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any thread; not for the data path: it takes a lock, and asks drivers.
 */
SAN_API int
san_mem_register(void *base, size_t len, unsigned int access, san_mem *mem);

/**
 * End a registration.
 *
 * @retval 0          Done: nothing of the stack or of a port refers to the memory through it.
 * @retval -EBUSY     An operation uses it. Nothing changed.
 * @retval -EINVAL    No such registration.
 * @retval -ENETDOWN  The library is not started.
 * @context  Any thread; not for the data path, as san_mem_register().
 */
SAN_API int
san_mem_deregister(san_mem mem);

/** What the process has registered. */
struct san_mem_usage {
	uint32_t registrations;
	uint32_t copy_only;	/**< Of them. */
	uint32_t regions;	/**< Known to DPDK. */
	uint32_t reserved;	/**< 0. */
	uint64_t copy_only_ever;	/**< How often san_mem_register() has answered 1. */
};

/** Read it. Any thread. */
SAN_API void
san_mem_usage(struct san_mem_usage *usage);

/** A buffer of an operation, and the registration in which all of it lies. */
struct san_mem_vec {
	void *base;	/**< A send only reads. */
	size_t len;	/**< [bytes]; 0: passed over. */
	san_mem mem;	/**< Or SAN_NO_MEM. */
};

/**
 * Send bytes from registered memory.
 *
 * @param[in] sock   A connected socket; with SAN_OPT_FASTOPEN, a connecting one too.
 * @param[in] op     The operation.
 * @param[in] vec    Read during the call only; the bytes are the stack's, and must not change, until the end.
 * @param[in] nb     Its entries, 1..SAN_VEC_MAX.
 * @param[in] flags  SAN_POLLED, SAN_ACKED, SAN_URGENT, SAN_MORE or 0.
 *
 * @retval 0          Accepted; one completion follows.
 * @retval 1          Finished: no entry was registered, all bytes were copied; no completion follows.
 * @retval -EACCES    A registration without SAN_MEM_READ.
 * @retval -EFAULT    A buffer does not lie in its registration.
 * @retval -EINVAL    No such registration; as san_sendv().
 * @retval -EAGAIN -ENOTCONN -EPIPE -ECONNRESET -ETIMEDOUT -ENOTSOCK -EPERM -ENETDOWN  As san_sendv().
 *
 * Pressure: the bytes count in the connection's send buffer, and wait for room in it, as those of san_send(). An
 * operation ends with the last reference to its memory: a port that does not give packets back in time, or a
 * peer that does not acknowledge, holds it, and san_mem_deregister() answers -EBUSY meanwhile.
 *
 * @completion  As san_send(). After cancel or deadline the bytes in op->done are the connection's: they are copied
 *              as soon as packet buffers allow, and the operation ends when no packet refers to the memory.
 * @context     The thread of the socket's completion queue. Never blocks.
 * @source      O9.4, O10.
 */
SAN_API int
san_send_mem(san_handle sock, struct san_overlapped *op, const struct san_mem_vec *vec, unsigned int nb,
	     unsigned int flags);

/**
 * Receive bytes into registered memory; as san_recvv(), which the parameters and the completion are like.
 *
 * @retval 0          Accepted.
 * @retval -EACCES    A registration without SAN_MEM_WRITE.
 * @retval -EFAULT    A buffer does not lie in its registration.
 * @retval -EINVAL    No such registration; as san_recvv().
 * @retval -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -ECONNRESET -ETIMEDOUT  As san_recvv().
 *
 * Pressure: as san_recvv().
 *
 * @context     The thread of the socket's completion queue. Never blocks.
 */
SAN_API int
san_recv_mem(san_handle sock, struct san_overlapped *op, const struct san_mem_vec *vec, unsigned int nb,
	     size_t min, unsigned int flags);

/** Most pieces of one receive that lends. */
#define SAN_LOAN_MAX 64u

/** A piece of received data, lent to the program. */
struct san_loan {
	const void *base;	/**< Its bytes; NULL: given back, or never filled. */
	uint32_t len;		/**< [bytes], 1 or more. */
	uint32_t reserved;	/**< 0. */
	uint64_t stack[2];	/**< The stack's: what gives it back. */
};

/**
 * Receive bytes where they are: in the stack's packet buffers, which the program gives back.
 *
 * The operation ends with the first bytes, as many as are there, in at most nb pieces; the pieces that were not filled
 * have base NULL. The window opens with it as if the bytes had been copied.
 *
 * @param[in]  sock   A connected socket.
 * @param[in]  op     The operation.
 * @param[out] loans  Filled by the stack before the completion; the stack's until then.
 * @param[in]  nb     1..SAN_LOAN_MAX
 * @param[in]  flags  SAN_POLLED or 0.
 *
 * @retval 0          Accepted; one completion follows.
 * @retval -EINVAL    loans is NULL, nb out of range; as san_recv().
 * @retval -EAGAIN -ENOTSOCK -EPERM -ENETDOWN -ENOTCONN -ECONNRESET -ETIMEDOUT  As san_recvv().
 *
 * Pressure: a core lends at most so many packet buffers as [host] loans says (doc/configuration.md). When all of them
 * are out the operation waits, counted (lend_rx_full), what arrives stays in the connection, and the peer stops: other
 * sockets have the rest of the buffers.
 *
 * @completion  kind SAN_OP_RECV; result the bytes of all pieces, 0 at the end of the stream, or an error of
 *              san_recv(); flags SAN_URGENT or 0. A loan is never revoked: it stays good after a reset, after the
 *              socket's close and its close completion.
 * @context     The thread of the socket's completion queue. Never blocks.
 * @source      O10, O15.
 */
SAN_API int
san_recv_loan(san_handle sock, struct san_overlapped *op, struct san_loan *loans, unsigned int nb,
	      unsigned int flags);

/**
 * Give loans back, in any order; those with base NULL are passed over. Their base is NULL afterwards.
 *
 * @return How many were given back; -EINVAL: loans is NULL.
 * @context Any thread, attached or not; one at a time for each loan. Never blocks.
 */
SAN_API int
san_loan_return(struct san_loan *loans, unsigned int nb);

#ifdef __cplusplus
}
#endif
#endif
