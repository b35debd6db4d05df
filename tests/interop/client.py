#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The stack opens a connection, sends 100 MB and checks every byte that the kernel sends back."""
from kit import kernel, topic

SIZE = 100_000_000


def client_gets_100_mb_back_from_a_kernel_server(lab):
    server = lab.add(kernel.Server(kernel.echo))
    client = lab.start_san('san-echo', '--bytes', SIZE, '--verify',
                           'client', server.seen_from(lab.link.peer))
    client.succeed()


topic.main([client_gets_100_mb_back_from_a_kernel_server])
