/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Numbers of options and flags that lib/san does not have yet, for cases that wait for them.
 */
#ifndef TESTS_SCRIPT_SOON_H
#define TESTS_SCRIPT_SOON_H

#define SAN_OPT_TOS 7
#define SAN_OPT_TTL 8
#define SAN_OPT_KEEPALIVE 9
#define SAN_OPT_KEEP_IDLE 10
#define SAN_OPT_KEEP_INTERVAL 11
#define SAN_OPT_KEEP_COUNT 12
#define SAN_OPT_URGENT 13
#define SAN_URGENT (1 << 3)

#endif
