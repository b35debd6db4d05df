#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""apps/wsp-echo, the program of the SAN provider interface, with the kernel at the other end."""
import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop'), HERE]
from kit import kernel, topic  # noqa: E402
from kit.proc import LIMIT_S, Failure  # noqa: E402
from tags import rules  # noqa: E402

CLIENTS = 16
SIZE = 50_000
NOBODYS_PORT = 9


def serve(lab):
    server = lab.start_san('wsp-echo', 'server', lab.link.san)
    server.wait_text(f'^wsp-echo: listening on {lab.link.san} port 7$')
    return server


def end(lab, server, accepted, sent_back):
    """It has to end in good order, and to say what it has done."""
    lab.settle()
    status = server.stop()
    if status != 0:
        raise Failure(f'wsp-echo ended with {status}, expected 0')
    server.wait_text(f'^wsp-echo: {accepted} connections accepted, {sent_back} bytes sent back$')
    if 'a connection ends' in server.text():
        raise Failure('wsp-echo complains of a connection that ended in good order')


def expect_reset(sock):
    """The only end that there is: a close is always hard."""
    sock.settimeout(LIMIT_S)
    try:
        rest = sock.recv(1)
    except ConnectionResetError:
        return
    raise Failure(f'{len(rest)} bytes or a FIN came, expected a reset')


def expect_resets(lab, wanted):
    lab.capture.stop()
    resets = lab.capture.count_streams(f'ip.src == {lab.link.san} && tcp.flags.reset == 1')
    fins = lab.capture.count_streams(f'ip.src == {lab.link.san} && tcp.flags.fin == 1')
    if (resets, fins) != (wanted, 0):
        raise Failure(f'RST on {resets} connections and FIN on {fins}, expected {wanted} and 0')


@rules("R69 R71 R74 R95 R106 R108 R149 S3.23")
def clients_get_back_what_they_send(lab):
    server = serve(lab)
    socks = [kernel.connect(lab.echo) for _ in range(CLIENTS)]
    for round_ in range(2):
        for number, sock in enumerate(socks):
            kernel.exchange(sock, bytes((number * 7 + round_ + i) % 251 for i in range(SIZE)))
    for sock in socks:
        sock.shutdown(socket.SHUT_WR)
        expect_reset(sock)
    end(lab, server, CLIENTS, CLIENTS * 2 * SIZE)
    expect_resets(lab, CLIENTS)


@rules("R15 R19 R155 S4.15 S4.22")
def its_end_resets_clients_that_are_there(lab):
    server = serve(lab)
    socks = [kernel.connect(lab.echo) for _ in range(CLIENTS)]
    for sock in socks:
        kernel.exchange(sock, b'a receive is pending')
    end(lab, server, CLIENTS, CLIENTS * len(b'a receive is pending'))
    for sock in socks:
        expect_reset(sock)
    expect_resets(lab, CLIENTS)


@rules("R157 R159 R163 S1.3")
def reset_of_a_client_leaves_the_others(lab):
    server = serve(lab)
    with kernel.connect(lab.echo) as bystander:
        for _ in range(5):
            sock = kernel.connect(lab.echo)
            kernel.exchange(sock, bytes(1000))
            kernel.reset(sock)
            kernel.exchange(bystander, bytes(1000))
        bystander.shutdown(socket.SHUT_WR)
        expect_reset(bystander)
    end(lab, server, 6, 10 * 1000)


@rules("R53 R56 R57 R63 R95 R149 S3.23")
def client_gets_back_what_it_sends(lab):
    server = lab.add(kernel.Server(kernel.echo))
    client = lab.start_san('wsp-echo', '--bytes', 3_000_000, 'client', lab.link.san, lab.link.peer)
    client.succeed()
    client.wait_text(r'^wsp-echo: 3000000 bytes there and back in \d+ ms$')
    expect_resets(lab, 1)
    if server.served != 1:
        raise Failure(f'{server.served} connections, expected 1')


@rules("R59")
def client_that_is_refused_says_so(lab):
    client = lab.start_san('wsp-echo', '--port', NOBODYS_PORT, 'client', lab.link.san, lab.link.peer)
    topic.expect_complaint(client, f'{lab.link.peer} port {NOBODYS_PORT}: the peer refuses connections')
    if client.popen.returncode != 1:
        raise Failure(f'exit status {client.popen.returncode}, expected 1')


@rules("R157 R159 S1.3")
def client_that_is_reset_says_so(lab):
    def reset_after_a_part(sock):
        sock.recv(1000)
        kernel.reset(sock)

    lab.add(kernel.Server(reset_after_a_part))
    client = lab.start_san('wsp-echo', 'client', lab.link.san, lab.link.peer)
    topic.expect_complaint(client, 'it ended early: the peer has reset the connection')
    if client.popen.returncode != 1:
        raise Failure(f'exit status {client.popen.returncode}, expected 1')


topic.main([clients_get_back_what_they_send, its_end_resets_clients_that_are_there,
            reset_of_a_client_leaves_the_others, client_gets_back_what_it_sends, client_that_is_refused_says_so,
            client_that_is_reset_says_so])
