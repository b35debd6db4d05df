/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Face: the C library's socket calls, as packetdrill makes them.
 *
 * Model:   a call packs its arguments, has the work done on the stack's thread (stage.h, sock.h), waits there if the
 *          socket blocks, and unpacks: -1 and errno, or the result.
 * Threads: the player's, and one that makes calls that may block.
 */
#ifndef TESTS_PACKETDRILL_FACE_H
#define TESTS_PACKETDRILL_FACE_H

#include "packetdrill/interface.h"

/** Fill the members for sockets: life, data, options. */
void
face_fill_sockets(struct packetdrill_interface *ifc);

/** Fill the members for data: read() to sendmsg(). */
void
face_fill_data(struct packetdrill_interface *ifc);

/** As a call of the C library answers: a negative errno becomes -1 with errno. */
long
face_answer(long rc);

#endif
