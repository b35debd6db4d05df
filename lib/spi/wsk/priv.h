/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * WSK, inside.
 */
#ifndef SANI_SPI_WSK_PRIV_H
#define SANI_SPI_WSK_PRIV_H

#include <rte_common.h>

#include <san/wsk.h>

#include "base/base.h"

/** A round of every core that the calling thread polls and that has the subsystem. @return False: there is none. */
bool
sani_wsk_poll_own(void);

#endif
