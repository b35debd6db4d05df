/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Pcap: every frame as its host sent it, with the virtual time, for tcpdump and wireshark.
 */
#ifndef TESTS_SIM_PCAP_H
#define TESTS_SIM_PCAP_H

#include <stdint.h>

/** Frames go to this file from now on; NULL ends it. */
void
sim_pcap_open(const char *path);

/** Nothing without a file. */
void
sim_pcap_frame(uint64_t at_us, const uint8_t *frame, uint32_t len);

#endif
