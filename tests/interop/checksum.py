#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A port whose every packet fails its checksum says what to do.

The kernel's transmit checksum offload is left on: over a veth pair it then sends TCP segments
whose checksum nobody has filled, and a packet socket sees them so. A tap has no such offload.
"""
import re

from kit import kernel, topic
from kit.lab import end_echo_server, expect
from kit.proc import Failure

SAID_S = 15
TRIES_S = 8
COUNT = 20


def server_says_that_the_peers_offload_is_on(lab):
    lab.kernel_sends_well = False
    lab.link.offload_checksums()
    server = lab.start_echo_server()
    try:
        kernel.connect(lab.echo, limit_s=TRIES_S).close()
    except OSError:
        pass
    else:
        raise Failure('a connection was made: the segments had good checksums, or none was checked')
    said = server.wait_text(r'^.*checksum.*$', SAID_S).group(0)
    if not re.search(r'ethtool -K .* tx off', said):
        raise Failure(f'the line does not say what to do: "{said}"')
    expect(end_echo_server(server), accepted=0, broken=0)


def nothing_is_said_when_checksums_are_good(lab):
    server = lab.start_echo_server()
    kernel.many(lab.echo, COUNT, 1000, SAID_S)
    expect(end_echo_server(server), accepted=COUNT, finished=COUNT, broken=0)
    if 'checksum' in server.text():
        raise Failure('the server speaks of checksums')


topic.main({
    server_says_that_the_peers_offload_is_on: ['af_packet'],
    nothing_is_said_when_checksums_are_good: ['tap', 'af_packet'],
})
