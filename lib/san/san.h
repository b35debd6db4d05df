/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * sanstack: everything a program needs.
 *
 * Order of a program: san_startup(), san_conf_load(), san_host_create(), san_core_claim() or
 * san_attach(), san_cq_create(), san_socket(); then posts, san_core_poll() and san_cq_poll();
 * san_close() for each socket; san_cleanup().
 */
#ifndef SAN_SAN_H
#define SAN_SAN_H

#include <san/types.h>
#include <san/op.h>
#include <san/post.h>
#include <san/mem.h>
#include <san/cq.h>
#include <san/sock.h>
#include <san/info.h>
#include <san/host.h>

#endif
