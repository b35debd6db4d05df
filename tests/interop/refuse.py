#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A connection to a port where nobody listens, from either end."""
import time

from kit import kernel, topic
from kit.lab import end_echo_server, expect
from kit.proc import Failure

CLOSED_PORT = 9
AT_ONCE_S = 0.5
LIMIT_S = 15


def kernel_is_refused_at_once(lab):
    server = lab.start_echo_server()
    with kernel.connect(lab.echo) as sock:
        kernel.exchange(sock, b'ARP is done')
        begin = time.monotonic()
        try:
            kernel.connect((lab.link.san, CLOSED_PORT)).close()
        except ConnectionRefusedError:
            pass
        else:
            raise Failure('the connection to a closed port was made')
        if time.monotonic() - begin > AT_ONCE_S:
            raise Failure(f'the refusal took {time.monotonic() - begin:.1f} s')
        kernel.exchange(sock, b'still here')
        kernel.finish(sock)
    expect(end_echo_server(server), accepted=1, finished=1, broken=0)


def stack_is_refused_and_says_so(lab):
    client = lab.start_san('san-echo', 'client', f'{lab.link.peer}:{CLOSED_PORT}')
    topic.expect_complaint(client, 'refused', LIMIT_S)


topic.main([kernel_is_refused_at_once, stack_is_refused_and_says_so])
