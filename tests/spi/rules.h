/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Rules: which rules of tests/spi/rules.txt a case of the suite spi tests.
 *
 * A tag stands right before its case and is nothing to the compiler. config/check/spi reads it, writes
 * doc/spi/rules.md from all of them, and holds the page to the tree:
 *
 *   RULES("R12 R155")
 *   static void
 *   pending_receive_is_aborted_by_close(void **state)
 *
 * Cases in Python: @rules("R12 R155") before the def, tests/spi/kernel/tags.py.
 */
#ifndef TESTS_SPI_RULES_H
#define TESTS_SPI_RULES_H

#define RULES(numbers)

#endif
