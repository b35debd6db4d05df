#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A connection to a port where nobody listens, from either end."""
from kit import kernel, topic
from kit.lab import expect
from kit.proc import Failure

CLOSED_PORT = 9


def kernel_is_refused_at_once(lab):
    server = lab.start_echo_server()
    with kernel.connect(lab.echo) as sock:
        kernel.exchange(sock, b'ARP is done')
        try:
            kernel.connect((lab.link.san, CLOSED_PORT)).close()
        except ConnectionRefusedError:
            pass
        else:
            raise Failure('the connection to a closed port was made')
        kernel.exchange(sock, b'still here')
        kernel.finish(sock)
    expect(lab.end_echo_server(server), accepted=1, finished=1, broken=0)
    lab.capture.expect_answers('refusals', f'tcp.dstport == {CLOSED_PORT} && tcp.flags.syn == 1',
                               f'tcp.srcport == {CLOSED_PORT} && tcp.flags.reset == 1')


def stack_is_refused_and_says_so(lab):
    client = lab.start_san('san-echo', 'client', f'{lab.link.peer}:{CLOSED_PORT}')
    topic.expect_complaint(client, 'refused')


topic.main([kernel_is_refused_at_once, stack_is_refused_and_says_so])
