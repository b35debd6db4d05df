#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel resets a connection while data is on its way in both directions."""
from kit import kernel, link, topic
from kit.proc import Failure

LIMIT_S = 15
FLOOD = 4_000_000
ROUNDS = 20


def flood_and_reset():
    """Send without reading until both directions are full, then reset."""
    sock = kernel.connect((link.SAN, 7))
    sock.settimeout(0.3)
    try:
        sock.sendall(bytes(FLOOD))
    except TimeoutError:
        pass
    kernel.reset(sock)


def server_survives_resets_by_the_kernel(lab):
    # A kernel socket that nobody reads drops what its buffer does not hold, inside its window too.
    lab.storms_allowed = True
    server = lab.start_san('san-echo', 'server', '--port', 7)
    kernel.wait_for_port((link.SAN, 7))
    with kernel.connect((link.SAN, 7)) as bystander:
        for _ in range(ROUNDS):
            flood_and_reset()
            kernel.exchange(bystander, b'the others are served')
        if not server.alive():
            raise Failure('the server is gone')


def client_says_that_it_was_reset(lab):
    def serve(sock):
        sock.recv(1000)
        kernel.reset(sock)

    lab.add(kernel.Server('0.0.0.0', 7007, serve))
    client = lab.start_san('san-echo', 'client', f'{link.PEER}:7007', '--bytes', FLOOD, '--verify')
    status = client.wait(LIMIT_S)
    if status <= 0:
        raise Failure(f'the client ended with {status}, expected an exit status above 0')
    if 'reset' not in client.text():
        raise Failure('the client did not say that the connection was reset')


topic.main([server_survives_resets_by_the_kernel, client_says_that_it_was_reset])
