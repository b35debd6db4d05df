#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""200 connections at once, opened from either end."""
from kit import kernel, link, topic
from kit.proc import Failure

COUNT = 200
SIZE = 100_000
LIMIT_S = 40


def kernel_opens_200_connections_at_once(lab):
    server = lab.start_san('san-echo', 'server', '--port', 7)
    kernel.wait_for_port((link.SAN, 7))
    kernel.many((link.SAN, 7), COUNT, SIZE, LIMIT_S)
    if not server.alive():
        raise Failure('the server is gone')


def stack_opens_200_connections_at_once(lab):
    server = lab.add(kernel.Server('0.0.0.0', 7007, kernel.echo))
    client = lab.start_san('san-echo', 'client', f'{link.PEER}:7007', '--connections', COUNT,
                           '--bytes', SIZE, '--verify')
    client.succeed(LIMIT_S)
    if server.served != COUNT:
        raise Failure(f'{server.served} connections were served, expected {COUNT}')


topic.main([kernel_opens_200_connections_at_once, stack_opens_200_connections_at_once])
