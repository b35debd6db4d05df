#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A peer that is gone without a word: its address is taken from the kernel while data flows.

From then on the kernel drops what comes for it and sends nothing in its name, as if the cable of
that host had been pulled.
"""
import re
import socket
import struct
import threading
import time

from kit import kernel, topic
from kit.lab import expect
from kit.proc import LIMIT_S, Failure, wait_until

GONE = 77
NOBODY = 99
USER_TIMEOUT_MS = 2000
BYTES = 1_000_000_000
SOON_S = 90
OTHERS = 10
PAUSE_S = 0.1


def for_as_long_as_it_works(step):
    try:
        while True:
            step()
    except OSError:
        pass


def under_way(sock):
    """Does the stack have something that it has to send? It has acknowledged more than has come back (and our SYN)."""
    acked, received = struct.unpack_from('QQ', sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136), 120)
    return acked - 1 > received


def pump(sock, moved):
    """Send without a pause, and read back beside it."""
    piece = bytes(50_000)
    threading.Thread(target=for_as_long_as_it_works, args=(lambda: sock.sendall(piece),), daemon=True).start()
    for_as_long_as_it_works(lambda: moved.append(len(sock.recv(kernel.CHUNK))))


def serve_others(lab, server):
    """Connections one after the other, some at least, until the server has given the one up that is gone; how many."""
    said, others, end = len(server.text()), 0, time.monotonic() + LIMIT_S
    while others < OTHERS or not re.search(r'\b0 connections open', server.text()[said:]):
        if time.monotonic() > end:
            raise Failure('the server does not give up the client that is gone')
        with kernel.connect(lab.echo) as other:
            kernel.exchange(other, b'the others are served')
            kernel.finish(other)
        others += 1
        time.sleep(PAUSE_S)
    return others


def server_goes_on_when_a_client_vanishes(lab):
    # What is in flight when the client goes is sent again until the server gives up.
    lab.may_repeat = ('the stack', 'the kernel')
    server = lab.start_echo_server('--user-timeout', USER_TIMEOUT_MS)
    gone = lab.link.host(GONE)
    lab.link.give_address(gone)
    moved = []
    sock = kernel.connect(lab.echo, source=gone)
    threading.Thread(target=pump, args=(sock, moved), daemon=True).start()
    while True:
        before = len(moved)
        wait_until('the connection moves data', lambda: len(moved) > before + 20)
        lab.link.take_address(gone)
        # From here on nothing comes in. A server that owes nothing would never miss its client.
        if under_way(sock):
            break
        lab.link.give_address(gone)
    others = serve_others(lab, server)
    expect(lab.end_echo_server(server), accepted=others + 1, finished=others, broken=1)


def client_gives_up_when_its_server_vanishes(lab):
    lab.may_repeat = ('the stack', 'the kernel')
    gone = lab.link.host(GONE)
    lab.link.give_address(gone)
    server = lab.add(kernel.Server(kernel.echo))
    client = lab.start_san('san-echo', '--bytes', BYTES, '--verify',
                           '--user-timeout', USER_TIMEOUT_MS,
                           'client', server.seen_from(gone))
    wait_until('the connection is there', lambda: server.served == 1)
    begin = time.monotonic()
    lab.link.take_address(gone)
    topic.expect_complaint(client, 'timed out')
    expect_soon(time.monotonic() - begin)


def client_gives_up_when_nobody_has_the_address(lab):
    begin = time.monotonic()
    client = lab.start_san('san-echo', '--user-timeout', USER_TIMEOUT_MS,
                           'client', f'{lab.link.host(NOBODY)}:7')
    topic.expect_complaint(client, 'timed out|[Uu]nreachable|[Nn]o route')
    expect_soon(time.monotonic() - begin)


def expect_soon(seconds):
    """Did it take the user timeout, not a default of minutes (180 s for a SYN, 924 s for data), and not less?"""
    if not 0.9 * USER_TIMEOUT_MS / 1000 <= seconds <= SOON_S:
        raise Failure(f'the client gave up after {seconds:.1f} s, its user timeout is '
                      f'{USER_TIMEOUT_MS / 1000} s')


topic.main([server_goes_on_when_a_client_vanishes, client_gives_up_when_its_server_vanishes,
            client_gives_up_when_nobody_has_the_address])
