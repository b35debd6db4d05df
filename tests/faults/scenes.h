/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Scenes: whole lives of two hosts, from startup to cleanup, for a stage where memory runs out.
 *
 * Model:     each is a function without arguments that plays to the end whatever fails; the first thing that is not
 *            true is noted (stage_fault()). What it does is the same each time, so that the n-th allocation is
 *            too, but for scenes with threads.
 */
#ifndef TESTS_FAULTS_SCENES_H
#define TESTS_FAULTS_SCENES_H

/** How many messages go each way where messages are exchanged. */
extern unsigned int scene_messages;

/** Open, connect, messages, a cancel, closes that end what is pending: all on the thread that polls both hosts. */
void
scene_on_core(void);

/** The same from a thread of its own, which moves a socket between queues, sleeps, and goes; cores with descriptors. */
void
scene_off_core(void);

/** Two cores a host: accepts and receives that repeat, operations of several buffers, deadlines. */
void
scene_repeat(void);

/** A wire that loses, closes in both orders, a port that nobody listens on, and who comes too late. */
void
scene_loss(void);

/** Sends from registered memory, receives that lend, over NICs that are asked to give back (scene_lend.c). */
void
scene_lend(void);

/** Configuration from a file. */
void
scene_conf(void);

#endif
