#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""apps/wsk-echo with clients of the other interfaces, over memif. Needs neither root nor huge pages."""
import os
import re
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop'), os.path.join(HERE, '..', 'kernel')]
import memif  # noqa: E402 (the path comes first)
from kit.proc import Failure  # noqa: E402
from tags import rules  # noqa: E402

SIZE = 300_000


def serve(pair):
    server = pair.server('wsk-echo')
    server.wait_text('^wsk-echo: serving on port 7$')
    return server


def expect_end(server, signum, accepted, sent_back):
    """It ends in good order: all it has opened is closed, the listening socket too, and it complains of nothing."""
    status = server.stop(signum=signum)
    if status != 0:
        raise Failure(f'wsk-echo ended with {status}, expected 0')
    said = [line for line in server.text().splitlines() if line.startswith('wsk-echo: ')]
    wanted = ['wsk-echo: serving on port 7', f'wsk-echo: {accepted} connections accepted, {sent_back} bytes sent back, '
              f'{accepted + 1} sockets closed']
    if len(said) != len(wanted) or not all(re.fullmatch(w, s) for w, s in zip(wanted, said)):
        raise Failure(f'wsk-echo said {said}, expected {wanted}')


@rules("W31 W39 W53 W72 S5.1 S5.4")
def bytes_come_back_and_both_ends_disconnect(pair):
    server = serve(pair)
    for connections in (1, 20):
        client = pair.client('san-echo', '--verify', '--connections', connections, '--bytes', SIZE, 'client',
                             f'{memif.SERVER}:7')
        memif.expect_status(client, 0)
    expect_end(server, signal.SIGINT, 21, 21 * SIZE)


@rules("W64 W73 S5.4")
def clients_that_close_hard_are_closed_too(pair):
    server = serve(pair)
    for size in (1, 65536, SIZE):
        memif.expect_status(pair.client('wsp-echo', '--bytes', size, 'client', memif.CLIENT, memif.SERVER), 0)
    # The last send of each may be reset before it is acknowledged.
    expect_end(server, signal.SIGTERM, 3, r'\d+')


@rules("W9 W60 W65 W67 S5.2 S5.13 S5.17 S5.19 S5.22")
def its_end_closes_what_is_open(pair):
    server = serve(pair)
    client = pair.client('san-echo', '--connections', 8, '--bytes', 1 << 40, 'client', f'{memif.SERVER}:7')
    # Each second it says how far it is.
    client.wait_text(r' MB sent, (0\.[1-9]|[1-9]\d*\.\d) MB back')
    status = server.stop(signum=signal.SIGTERM)
    if status != 0:
        raise Failure(f'wsk-echo ended with {status}, expected 0')
    accepted, closed = map(int, server.wait_text(r'^wsk-echo: (\d+) connections accepted, \d+ bytes sent back, '
                                                 r'(\d+) sockets closed$').groups())
    if accepted == 0 or closed != accepted + 1:
        raise Failure(f'{accepted} connections were accepted and {closed} sockets closed')
    # What the client hears of it is shown with the kernel as the client: a memif goes with its process.


@rules("W9 W23 S5.2")
def it_starts_again_at_the_same_place(pair):
    expect_end(serve(pair), signal.SIGTERM, 0, 0)
    server = serve(pair)
    memif.expect_status(pair.client('san-echo', '--bytes', SIZE, 'client', f'{memif.SERVER}:7'), 0)
    expect_end(server, signal.SIGTERM, 1, SIZE)


memif.main([bytes_come_back_and_both_ends_disconnect, clients_that_close_hard_are_closed_too,
            its_end_closes_what_is_open, it_starts_again_at_the_same_place])
