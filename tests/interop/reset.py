#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel resets a connection while data is on its way in both directions."""
from kit import kernel, topic
from kit.lab import expect

FLOOD = 4_000_000
ROUNDS = 20


def flood_and_reset(server):
    """Send without reading until both directions are full, then reset."""
    sock = kernel.connect(server)
    sock.settimeout(0.3)
    try:
        sock.sendall(bytes(FLOOD))
    except TimeoutError:
        pass
    kernel.reset(sock)


def server_survives_resets_by_the_kernel(lab):
    # A kernel socket that nobody reads drops what its buffer does not hold, inside its window too.
    lab.may_repeat = ('the stack', 'the kernel')
    server = lab.start_echo_server()
    with kernel.connect(lab.echo) as bystander:
        for _ in range(ROUNDS):
            flood_and_reset(lab.echo)
            kernel.exchange(bystander, b'the others are served')
        kernel.finish(bystander)
    expect(lab.end_echo_server(server), accepted=ROUNDS + 1, finished=1, broken=ROUNDS)


def client_says_that_it_was_reset(lab):
    def serve(sock):
        sock.recv(1000)
        kernel.reset(sock)

    server = lab.add(kernel.Server(serve))
    client = lab.start_san('san-echo', '--bytes', FLOOD, '--verify',
                           'client', server.seen_from(lab.link.peer))
    topic.expect_complaint(client, 'reset')


topic.main([server_survives_resets_by_the_kernel, client_says_that_it_was_reset])
