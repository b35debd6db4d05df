#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""200 connections at once, opened from either end: no byte comes back before all are there."""
import threading
import time

from kit import kernel, topic
from kit.lab import expect
from kit.proc import LIMIT_S, Failure

COUNT = 200
SIZE = 100_000


# In the crowd the last ACK of a connection can be lost as any other frame. The stack sends its FIN again when the RTO has
# passed, which is less than that, and is answered before the pings that end_echo_server() waits for.
LAST_ACK_S = 2


# 200 initial windows of ten segments arrive at once in queues of 500 to 1,000 frames, and without
# selective acknowledgements the kernel repeats more than what was lost. What the stack sends back
# goes as fast as the kernel takes it: it has no reason to repeat.
KERNEL_MAY_REPEAT = ('the kernel',)


def kernel_opens_200_connections_at_once(lab):
    lab.may_repeat = KERNEL_MAY_REPEAT
    server = lab.start_echo_server()
    kernel.many(lab.echo, COUNT, SIZE)
    time.sleep(LAST_ACK_S)
    expect(lab.end_echo_server(server), accepted=COUNT, finished=COUNT, broken=0)


def stack_opens_200_connections_at_once(lab):
    lab.may_repeat = KERNEL_MAY_REPEAT
    everybody = threading.Barrier(COUNT, timeout=LIMIT_S)

    def serve(sock):
        everybody.wait()
        kernel.echo(sock)

    server = lab.add(kernel.Server(serve))
    client = lab.start_san('san-echo', '--connections', COUNT, '--bytes', SIZE, '--verify',
                           'client', server.seen_from(lab.link.peer))
    client.succeed()
    if server.served != COUNT:
        raise Failure(f'{server.served} connections were served, expected {COUNT}')


topic.main([kernel_opens_200_connections_at_once, stack_opens_200_connections_at_once])
