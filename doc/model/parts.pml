/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the models share: named properties, the one-entry store buffer.
 *
 * A property is a name that is false and never written, so that the verifier's message shows it:
 * "assertion violated (last_is_last||...)". It is hidden: it costs no state.
 *
 * Store buffer (TSO): a plain or release store of a thread goes into its buffer, and from there
 * into memory at any later moment (the process flush); the thread's own loads of other words may
 * come before that. Buffers of one entry are enough: a second store waits for the first, which
 * keeps the order that TSO and release give. An exchange and a compare-and-swap write memory at
 * once, and only when the buffer is empty.
 */
#define HOLD(property, cond) assert((property) || (cond))
