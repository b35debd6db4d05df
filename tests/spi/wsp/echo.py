#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""apps/wsp-echo against itself: two processes over memif. Needs neither root nor huge pages."""
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop'), os.path.join(HERE, '..', 'kernel')]
import memif  # noqa: E402 (the path comes first)
from memif import CLIENT, SERVER, expect_status  # noqa: E402
from kit.proc import Failure  # noqa: E402
from tags import rules  # noqa: E402


def serve(pair):
    server = pair.server('wsp-echo', 'server', SERVER)
    server.wait_text(f'^wsp-echo: listening on {SERVER} port 7$')
    return server


def connect(pair, *args):
    return pair.client('wsp-echo', *args, 'client', CLIENT, SERVER)


def expect_end(server, signum, said):
    """It ends in good order, with these words and no complaint."""
    status = server.stop(signum=signum)
    if status != 0:
        raise Failure(f'the server ended with {status}, expected 0')
    server.wait_text(f'^wsp-echo: {said}$')
    complaints = [line for line in server.text().splitlines() if 'a connection ends' in line or 'cannot' in line]
    if complaints:
        raise Failure(f'the server complains: {complaints[0]}')


@rules("R6 R16 R30 R53 R71 R95 R108 R149 R161")
def bytes_come_back_to_one_client_after_another(pair):
    server = serve(pair)
    for size in (1, 65536, 3_000_000):
        client = connect(pair, '--bytes', size)
        expect_status(client, 0)
        client.wait_text(rf'^wsp-echo: {size} bytes there and back in \d+ ms$')
    expect_end(server, signal.SIGINT, f'3 connections accepted, {1 + 65536 + 3_000_000} bytes sent back')


@rules("R15 R19 S4.22")
def servers_end_leaves_nothing_behind(pair):
    expect_end(serve(pair), signal.SIGTERM, '0 connections accepted, 0 bytes sent back')
    # the very address, port and socket again
    server = serve(pair)
    expect_status(connect(pair, '--bytes', 1000), 0)
    expect_end(server, signal.SIGTERM, '1 connections accepted, 1000 bytes sent back')


@rules("R59")
def port_of_nobody_is_refused(pair):
    server = serve(pair)
    client = connect(pair, '--port', 8)
    expect_status(client, 1)
    client.wait_text(f'{SERVER} port 8: the peer refuses connections')
    expect_end(server, signal.SIGINT, '0 connections accepted, 0 bytes sent back')


@rules("R34")
def address_of_nobody_is_not_bound(pair):
    server = pair.server('wsp-echo', 'server', CLIENT)
    expect_status(server, 1)
    server.wait_text('no host of this program has the address')


memif.main([bytes_come_back_to_one_client_after_another, servers_end_leaves_nothing_behind, port_of_nobody_is_refused,
            address_of_nobody_is_not_bound])
