#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""san-bench with the kernel at the other end: as its server, as its client, and when that breaks off."""
import json
import os

from kit import kernel, topic
from kit.lab import LCORES, ROOT, program
from kit.proc import Failure

MESSAGE = 64
BEFORE_RESET = 200
ANSWER = 78  # bytes, which clients that count them expect


def start(lab, command, *options):
    return lab.start(program('san-bench'), '--lcores', LCORES, '--no-huge', '-m', '256', '--no-pci', '--no-telemetry',
                     '--no-shconf', '--log-level=error', '--', command, '--config',
                     os.path.join(ROOT, 'config', lab.link.config), *options, ns=lab.link.san_ns)


def start_client(lab, server, command, *options):
    lab.add(server)
    return start(lab, command, '--peer', lab.link.peer, '--repeat', 2, '--seconds', 0.1, '--warm', 0, '--json', *options)


def kernel_is_served(lab):
    server = start(lab, 'serve', '--connections', 10)
    server.wait_text('serving')
    with kernel.connect(lab.echo) as sock:
        for _ in range(10):
            kernel.exchange(sock, bytes(MESSAGE))
        kernel.finish(sock)
    lab.settle()
    if server.stop() != 0:
        raise Failure(f'it ended with {server.popen.returncode}, expected 0')
    server.wait_text(r'connections accepted +unknown +1 ')


def an_answer_of_http_is_as_long_as_clients_expect(lab):
    server = start(lab, 'serve', '--connections', 10)
    server.wait_text('serving')
    with kernel.connect((lab.echo[0], 80)) as sock:
        sock.sendall(b'GET / HTTP/1.1\r\nHost: san\r\n\r\n')
        got = b''
        while len(got) < ANSWER:
            got += sock.recv(ANSWER)
        kernel.finish(sock)
    head, body = got.split(b'\r\n\r\n', 1)
    if f'Content-Length: {len(body)}'.encode() not in head:
        raise Failure(f'{len(body)} bytes behind {head}')
    if server.stop() != 0:
        raise Failure(f'it ended with {server.popen.returncode}, expected 0')


def requests_to_the_kernel_are_measured(lab):
    client = start_client(lab, kernel.Server(kernel.echo), 'rpc', '--connections', '1,5')
    client.succeed()
    found = json.loads(client.text()[client.text().index('{"program"'):])
    if not any(row['name'] == 'rpc closed, 64 B, 5 connections: rate' for row in found['rows']):
        raise Failure(f'no rate: {found["rows"]}')


def connections_that_break_off_are_no_figures(lab):
    def serve(sock):
        for _ in range(BEFORE_RESET):
            sock.sendall(sock.recv(MESSAGE))
        kernel.reset(sock)

    client = start_client(lab, kernel.Server(serve), 'rpc', '--connections', 5)
    topic.expect_complaint(client, 'of 5 connections 5 were broken off')
    if ': rate"' in client.text():
        raise Failure(f'it has figures all the same: {client.text()}')


topic.main([kernel_is_served, an_answer_of_http_is_as_long_as_clients_expect, requests_to_the_kernel_are_measured,
            connections_that_break_off_are_no_figures])
