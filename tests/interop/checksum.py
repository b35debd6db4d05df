#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A port whose every packet fails its checksum says what to do.

The kernel's transmit checksum offload is left on: over a veth pair it then sends TCP segments
whose checksum nobody has filled, and a packet socket sees them so. A tap has no such offload.
"""
import re
import socket

from kit import kernel, topic
from kit.lab import expect
from kit.proc import Failure

COUNT = 20


def server_says_that_the_peers_offload_is_on(lab):
    lab.kernel_sends_well = False
    lab.link.offload_checksums()
    server = lab.start_echo_server()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(lab.echo)
        said = server.wait_text(r'^.*checksum.*$').group(0)
        try:
            sock.getpeername()
        except OSError:
            pass
        else:
            raise Failure('a connection was made: the segments had good checksums, or none was checked')
    if not re.search(r'ethtool -K .* tx off', said):
        raise Failure(f'the line does not say what to do: "{said}"')
    expect(lab.end_echo_server(server), accepted=0, broken=0)


def nothing_is_said_when_checksums_are_good(lab):
    server = lab.start_echo_server()
    kernel.many(lab.echo, COUNT, 1000)
    expect(lab.end_echo_server(server), accepted=COUNT, finished=COUNT, broken=0)
    if 'checksum' in server.text():
        raise Failure('the server speaks of checksums')


topic.main({
    server_says_that_the_peers_offload_is_on: ['af_packet'],
    nothing_is_said_when_checksums_are_good: ['tap', 'af_packet'],
})
