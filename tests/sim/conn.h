/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Conn: the connections of a world, from the connect of one end to the day when both are gone, and the programs that
 * drive them.
 *
 * Files:    conn.c the table; drive.c what the two ends do; listener.c who accepts; program.c begins and looks after.
 */
#ifndef TESTS_SIM_CONN_H
#define TESTS_SIM_CONN_H

#include "sim/behaviour.h"
#include "sim/program.h"

struct sim_conn {
	struct sim_end end[2];		/**< Client, server. */
	struct sim_behaviour prog[2];
	struct sim_conn *next_live;
	struct sim_conn **link;
	struct sim_conn *next_port;
	uint32_t serial;
	uint16_t port;			/**< Of the server. */
	uint16_t client_port;
	bool meets;			/**< Both ends connect. */
	uint8_t nb_open;		/**< Ends that came to be. */
};

/** What the programs of all hosts share. */
struct sim_programs {
	struct sim_world *world;
	const struct sim_plan *plan;
	struct sim_rng rng;
	struct sim_conn *live;		/**< Not over. */
	uint32_t nb_live;
	uint32_t nb_orphans;		/**< Accepted sockets whose connection nobody knows any more. */
	uint64_t moved_us;		/**< Something went on last. */
	bool ending;
	struct sim_conn_tally tally;
};

extern struct sim_programs sim_programs;

/* conn.c */

void
sim_conns_begin(void);

void
sim_conns_free(void);

/** A new one, with all that is drawn for its ends. */
struct sim_conn *
sim_conn_make(void);

/** It is over. */
void
sim_conn_free(struct sim_conn *c);

/** The connect was posted, and the client has a port. */
void
sim_conn_note_names(struct sim_conn *c);

/**
 * Whose is the socket that a listener of server has accepted?
 *
 * @param[in] dead  It is over already.
 * @return NULL: nobody's.
 */
struct sim_conn *
sim_conn_find(const struct sim_host *server, uint16_t port, const struct san_addr *peer, bool dead);

/** One of its ends is open: the checker knows it by now. */
void
sim_conn_note_open(struct sim_conn *c);

/** The close of an end has completed. */
void
sim_conn_take_gone(struct sim_end *e);

/* drive.c */

/** Wake-ups of an end; those of a connection that is over are dropped. */
enum sim_wake { SIM_WAKE_TX, SIM_WAKE_RX, SIM_WAKE_POST, SIM_WAKE_CLOSE, SIM_WAKE_CANCEL, SIM_WAKE_LOOK };

void
sim_wake_later(struct sim_end *e, enum sim_wake why, uint64_t in_us);

/** The connect was posted, with Fast Open: what is sent at once may go with the SYN. */
void
sim_drive_early(struct sim_end *e);

/** The connection is open. */
void
sim_drive_begin(struct sim_end *e);

/** An operation has ended, but for connect and close. */
void
sim_drive_ended(struct sim_end *e, const struct sim_op *op);

/* listener.c */

void
sim_listeners_begin(void);

/** All close for good. */
void
sim_listeners_end(void);

void
sim_listeners_free(void);

/** An accept has ended, or, op NULL, the close. */
void
sim_listener_ended(struct sim_end *e, const struct sim_op *op);

static inline struct sim_behaviour *
sim_behaviour_of(struct sim_end *e)
{
	return e->program;
}

#endif
