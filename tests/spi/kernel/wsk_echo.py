#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""apps/wsk-echo, the program of Winsock Kernel, with clients of the kernel."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop'), HERE]
from kit import kernel, topic  # noqa: E402
from kit.proc import LIMIT_S, Failure  # noqa: E402
from tags import rules  # noqa: E402

FLOOD = 4_000_000
CLIENTS = 16


def start(lab):
    server = lab.start_san('wsk-echo')
    server.wait_text('serving on port')
    return server


def end(lab, server, accepted):
    """It has to end in good order, having accepted so many."""
    lab.settle()
    if server.stop() != 0:
        raise Failure(f'wsk-echo ended with {server.popen.returncode}, expected 0')
    # The listening socket is one more.
    said = tuple(map(int, server.wait_text(r'(\d+) connections accepted, \d+ bytes sent back, (\d+) sockets closed$').groups()))
    if said != (accepted, accepted + 1):
        raise Failure(f'wsk-echo says {said[0]} accepted and {said[1]} closed, expected {accepted} and {accepted + 1}')


@rules("W31 W39 W53 W72")
def clients_get_back_what_they_send(lab):
    # What arrives at once may be more than a queue holds: tests/interop/many.py.
    lab.may_repeat = ('the kernel',)
    server = start(lab)
    kernel.many(lab.echo, CLIENTS, 50_000)
    end(lab, server, CLIENTS)


@rules("W60 W64 W67 S5.1 S5.13 S5.17 S5.22")
def its_end_resets_clients_that_are_there(lab):
    server = start(lab)
    socks = [kernel.connect(lab.echo) for _ in range(CLIENTS)]
    for sock in socks:
        kernel.exchange(sock, b'a receive is pending')
    end(lab, server, CLIENTS)
    for sock in socks:
        sock.settimeout(LIMIT_S)
        try:
            sock.recv(1)
        except ConnectionResetError:
            continue
        raise Failure('a client saw a FIN, expected a reset')
    lab.capture.stop()
    resets = lab.capture.count_streams(f'ip.src == {lab.link.san} && tcp.flags.reset == 1')
    if resets != CLIENTS:
        raise Failure(f'RST on {resets} connections, expected {CLIENTS}')


@rules("W64 W73")
def resets_by_clients_leave_the_others(lab):
    # A kernel socket that nobody reads drops what its buffer does not hold, inside its window too.
    lab.may_repeat = ('the stack', 'the kernel')
    server = start(lab)
    with kernel.connect(lab.echo) as bystander:
        for _ in range(5):
            sock = kernel.connect(lab.echo)
            sock.settimeout(0.3)
            try:
                sock.sendall(bytes(FLOOD))
            except TimeoutError:
                pass
            kernel.reset(sock)
            kernel.exchange(bystander, b'the others are served')
        kernel.finish(bystander)
    end(lab, server, 6)


topic.main([clients_get_back_what_they_send, its_end_resets_clients_that_are_there, resets_by_clients_leave_the_others])
