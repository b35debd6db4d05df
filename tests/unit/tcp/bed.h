/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Test bed: a connection block on a virtual clock, and a peer that is played by hand.
 *
 * Every byte of a stream is a function of its offset, so what arrives can be checked without a copy of
 * what was sent. The pool is counted before and after each test: an mbuf that is not back fails it.
 */
#ifndef TESTS_UNIT_TCP_BED_H
#define TESTS_UNIT_TCP_BED_H

#include "base/seq32.h"
#include "tcp/priv.h"
#include "test.h"

#define BED_ISS 1000u		/* ours */
#define BED_IRS 50000u		/* the peer's */
#define BED_SEEN 128
#define MS 1000ull
#define SEC 1000000ull

/** A segment that the engine has sent. */
struct seen {
	struct sani_tcp_seg seg;
	uint64_t at_us;
	uint8_t data[9000];
};

struct bed {
	struct sani_tcp_conn c;
	struct sani_tcp_params p;
	struct sani_counters ctr;
	uint64_t now;
	uint32_t ev;		/* events since the last bed_clear() */
	unsigned int nb;
	struct seen out[BED_SEEN];
	bool ts;		/* the peer's segments carry timestamps */
	bool sack;		/* the peer permits SACK */
	uint32_t tsval;
	uint32_t tsecr;
	uint16_t wnd;		/* the peer's window field */
	uint32_t before;	/* mbufs that were free */
	bool scarce;		/* the pool is said to run low */
	bool general;		/* output never takes its straight path */
	unsigned int nb_sending; /* calls of output that have sent something, */
	unsigned int nb_straight; /* those that went straight, */
	unsigned int nb_behind;	/* and of these with something out already */
	struct sani_tcp_cut cut; /* the port cuts packets; max 0: it does not */
	unsigned int nb_cut;	/* packets that it would have to cut */
	struct sani_tcp_budget budget;	/* no growth; otherwise the pool has no reserve */
};

extern struct rte_mempool *bed_pool;
/** Where the peer's numbers begin: BED_IRS from each bed_setup() on. Ours: bed.p.iss. */
extern uint32_t bed_irs;

#define BED_LONG_MTU 9000u

/** Let bed_pool be the one with buffers for an MTU of BED_LONG_MTU, or the usual one. */
void
bed_use_long(bool yes);

/** Group setup: EAL and pool, once. */
int
bed_group(void **state);
/** Test setup and teardown: *state is a struct bed with the block zeroed and usual parameters. */
int
bed_setup(void **state);
int
bed_teardown(void **state);
/** The same with buffers for an MTU of 9000. */
int
bed_setup_long(void **state);
int
bed_teardown_long(void **state);

/** Byte of a stream at an offset. */
uint8_t
bed_byte(uint64_t offset);

struct sani_tcp_io
bed_io(struct bed *b, struct rte_mbuf **tx, uint16_t max);
/** The first deadline of all timers; sani_tcp_deadline() is not later. */
uint64_t
bed_deadline(const struct bed *b);
void
bed_clear(struct bed *b);
/** Take a segment that the engine has sent, and free it. */
void
bed_take(struct bed *b, struct rte_mbuf *m);
/** Take everything that output has to say. */
void
bed_flush(struct bed *b);
/** Move the clock on to now + us; timers fire at their time, output follows each. */
void
bed_run(struct bed *b, uint64_t us);
/** A segment from the peer, then output. Payload: bytes of the peer's stream by sequence number. */
void
bed_in(struct bed *b, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/** The same without output. @return Events. */
uint32_t
bed_inject(struct bed *b, const struct sani_tcp_seg *seg);
/** A segment of the peer's with the bed's window and timestamps. */
struct sani_tcp_seg
bed_seg(const struct bed *b, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);

/** Open passively at a peer's SYN that asks for ECN, with b->p and b->sack; quick ACKs are over, nothing is out. */
void
bed_open_ecn(struct bed *b, uint16_t mss);
/** An ACK with SACK blocks, n pairs of left and right, then output. */
void
bed_sack(struct bed *b, uint32_t ack, unsigned int n, const uint32_t *edges);
/** A chain of mbufs of at most piece bytes each with the peer's stream at seq. */
struct rte_mbuf *
bed_payload(uint32_t seq, uint32_t len, uint32_t piece);
/** Likewise the text of a segment, as a port would give it; NULL: it has none. */
struct rte_mbuf *
bed_text(const struct sani_tcp_seg *seg, uint32_t piece);

/** Open actively and shake hands; the peer has MSS 1000, no window scale, timestamps if b->ts. */
void
bed_connect(struct bed *b);
/** Open passively up to ESTABLISHED. */
void
bed_accept(struct bed *b);
/** Passively up to SYN_RECEIVED. */
void
bed_syn(struct bed *b);
/** Bring a fresh block into a state. */
void
bed_reach(struct bed *b, enum san_tcp_state state);
/** Write n bytes of our stream where it stands, then output. @return How many were taken. */
uint32_t
bed_write(struct bed *b, uint32_t n);
/** Read all there is and check every byte. @return How many. */
uint32_t
bed_read(struct bed *b);
void
bed_shutdown(struct bed *b);
uint64_t
bed_count(const struct bed *b, enum sani_counter which);
/** Take every mbuf of the pool; @return how many. And give them back. */
unsigned int
bed_drain(struct rte_mbuf **all);
void
bed_refill(struct rte_mbuf **all, unsigned int n);

/** The last segment sent has these. */
#define assert_last(b, fl, sq, ak, ln) do {						\
	const struct sani_tcp_seg *last_ = &(b)->out[(b)->nb - 1].seg;			\
	assert_true((b)->nb > 0);							\
	assert_int_equal(last_->flags, (fl));						\
	assert_int_equal(last_->seq, (sq));						\
	assert_int_equal(last_->ack, (ak));						\
	assert_int_equal(last_->len, (ln));						\
} while (0)

#define assert_state(b, s) assert_int_equal(sani_tcp_state(&(b)->c), SAN_TCP_##s)

#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
#define bed_test_long(f) cmocka_unit_test_setup_teardown(f, bed_setup_long, bed_teardown_long)

#endif
