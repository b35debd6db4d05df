#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel sees of a hard close: a reset, whatever was pending at the stack's end."""
import re

from kit import kernel, topic
from kit.lab import expect
from kit.proc import LIMIT_S, Failure, wait_until

COUNT = 64
FLOODED = 16
FLOOD = 2_000_000
MESSAGES = 1_000_000
NOBODY = 99
CLIENTS = 5


def flood(sock):
    """Send without reading until both directions are full: the stack's send is pending then."""
    sock.settimeout(0.1)
    try:
        sock.sendall(bytes(FLOOD))
    except TimeoutError:
        pass


def expect_reset(sock):
    """Read to the end, which has to be a reset."""
    sock.settimeout(LIMIT_S)
    try:
        while sock.recv(kernel.CHUNK):
            pass
    except ConnectionResetError:
        return
    raise Failure('the connection ended with a FIN, expected a reset')


def expect_resets_on_the_wire(lab, count):
    """Has the stack sent RST, and no FIN, on so many connections?"""
    lab.capture.stop()
    ours = f'ip.src == {lab.link.san}'
    resets = lab.capture.count_streams(f'{ours} && tcp.flags.reset == 1')
    fins = lab.capture.count_streams(f'{ours} && tcp.flags.fin == 1')
    if (resets, fins) != (count, 0):
        raise Failure(f'the stack sent RST on {resets} connections and FIN on {fins}, '
                      f'expected {count} and 0')


def server_with_pending_receives_resets_the_kernel(lab):
    server = lab.start_echo_server()
    socks = [kernel.connect(lab.echo) for _ in range(COUNT)]
    for sock in socks:
        kernel.exchange(sock, b'a receive is pending')
    expect(lab.end_echo_server(server), accepted=COUNT, finished=0, broken=0)
    for sock in socks:
        expect_reset(sock)
    expect_resets_on_the_wire(lab, COUNT)


def server_with_pending_sends_sends_resets(lab):
    """Only on the wire: a kernel socket that nobody reads drops what its buffer does not hold,
    inside its window too. A reset behind such a gap is questioned (RFC 5961 3.2), and the server
    that would answer has ended."""
    lab.may_repeat = ('the stack', 'the kernel')
    server = lab.start_echo_server()
    socks = [kernel.connect(lab.echo) for _ in range(FLOODED)]
    for sock in socks:
        flood(sock)
    expect(lab.end_echo_server(server), accepted=FLOODED, finished=0, broken=0)
    expect_resets_on_the_wire(lab, FLOODED)


def client_that_is_interrupted_resets_the_kernel(lab):
    server = lab.add(kernel.Server(kernel.echo))
    client = lab.start_san('san-echo', '--connections', COUNT, '--count', MESSAGES, '--verify',
                           'client', server.seen_from(lab.link.peer))
    wait_until('all connections are there', lambda: server.served == COUNT)
    client.wait_text(f'{COUNT} connections open')
    if client.stop() != 1:
        raise Failure(f'the client ended with {client.popen.returncode}, expected 1')
    wait_until('every connection has ended at the kernel', lambda: server.ended == COUNT)
    if server.resets != COUNT:
        raise Failure(f'{server.resets} connections were reset, expected {COUNT}')
    expect_resets_on_the_wire(lab, COUNT)


def client_that_is_interrupted_while_it_connects_ends_at_once(lab):
    """The connects fail by themselves after three seconds. A client may not get the processor before; one
    that waits for them says so each time."""
    for _ in range(CLIENTS):
        client = lab.start_san('san-echo', '--connections', COUNT,
                               'client', f'{lab.link.host(NOBODY)}:7')
        client.wait_text(f'{COUNT} connections open')
        if client.stop() != 1:
            raise Failure(f'the client ended with {client.popen.returncode}, expected 1')
        if not re.search('unreachable|no route|timed out', client.text(), re.IGNORECASE):
            return
    raise Failure('the client has waited until its connects failed by themselves')


topic.main([server_with_pending_receives_resets_the_kernel, server_with_pending_sends_sends_resets,
            client_that_is_interrupted_resets_the_kernel,
            client_that_is_interrupted_while_it_connects_ends_at_once])
