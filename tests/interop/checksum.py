#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A port whose every packet fails its checksum says what to do.

The kernel's transmit checksum offload is left on: over a veth pair it then sends TCP segments
whose checksum nobody has filled, and a packet socket sees them so. A tap has no such offload.
"""
import re

from kit import kernel, link, topic
from kit.proc import Failure

SAID_S = 15


def start_up_says_that_the_peers_offload_is_on(lab):
    lab.offloads_on = True
    server = lab.start_san('san-echo', 'server', '--port', 7)
    try:
        kernel.connect((link.SAN, 7), limit_s=4).close()
    except OSError:
        pass
    else:
        raise Failure('a connection was made: the segments had good checksums, or none was checked')
    said = server.wait_text(r'^.*checksum.*$', SAID_S).group(0)
    if not re.search(r'ethtool|offload', said):
        raise Failure(f'the line does not say what to do: "{said}"')


def nothing_is_said_when_checksums_are_good(lab):
    server = lab.start_san('san-echo', 'server', '--port', 7)
    kernel.wait_for_port((link.SAN, 7))
    kernel.many((link.SAN, 7), 20, 1000, 10)
    if 'checksum' in server.text():
        raise Failure('the server speaks of checksums')


topic.main([start_up_says_that_the_peers_offload_is_on, nothing_is_said_when_checksums_are_good],
           ['af_packet'])
