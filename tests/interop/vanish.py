#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A peer that is gone without a word: its address is taken from the kernel while data flows.

From then on the kernel drops what comes for it and sends nothing in its name, as if the cable of
that host had been pulled.
"""
import threading
import time

from kit import kernel, link, topic
from kit.proc import Failure, wait_until

GONE = '10.9.0.77'
NOBODY = '10.9.0.99'
USER_TIMEOUT_MS = 2000
BYTES = 50_000_000
LIMIT_S = 20
OTHERS_S = 4


def pump(sock, moved):
    """Send and read back for as long as that works."""
    piece = bytes(50_000)
    try:
        while True:
            sock.sendall(piece)
            moved.append(len(sock.recv(kernel.CHUNK)))
    except OSError:
        pass


def server_goes_on_when_a_client_vanishes(lab):
    server = lab.start_san('san-echo', 'server', '--port', 7,
                           '--user-timeout', USER_TIMEOUT_MS)
    lab.storms_allowed = True
    lab.link.give_address(GONE)
    kernel.wait_for_port((link.SAN, 7))
    moved = []
    sock = kernel.connect((link.SAN, 7), source=GONE)
    threading.Thread(target=pump, args=(sock, moved), daemon=True).start()
    wait_until('the connection moves data', lambda: len(moved) > 20, LIMIT_S)
    lab.link.take_address(GONE)
    end = time.monotonic() + OTHERS_S
    while time.monotonic() < end:
        with kernel.connect((link.SAN, 7)) as other:
            kernel.exchange(other, b'the others are served')
        time.sleep(0.1)
    if not server.alive():
        raise Failure('the server is gone')


def client_gives_up_when_its_server_vanishes(lab):
    lab.storms_allowed = True
    server = lab.add(kernel.Server('0.0.0.0', 7007, kernel.echo))
    client = lab.start_san('san-echo', 'client', f'{GONE}:7007', '--bytes', BYTES,
                           '--verify', '--user-timeout', USER_TIMEOUT_MS, address=False)
    lab.link.give_address(GONE)
    wait_until('the connection is there', lambda: server.served == 1, LIMIT_S)
    lab.link.take_address(GONE)
    expect_timeout(client)


def client_gives_up_when_nobody_has_the_address(lab):
    client = lab.start_san('san-echo', 'client', f'{NOBODY}:7007', '--bytes', 1000,
                           '--user-timeout', USER_TIMEOUT_MS)
    expect_timeout(client)


def expect_timeout(client):
    status = client.wait(LIMIT_S)
    if status <= 0:
        raise Failure(f'the client ended with {status}, expected an exit status above 0')
    if 'timed out' not in client.text():
        raise Failure('the client did not say that the connection timed out')


topic.main([server_goes_on_when_a_client_vanishes, client_gives_up_when_its_server_vanishes,
            client_gives_up_when_nobody_has_the_address])
