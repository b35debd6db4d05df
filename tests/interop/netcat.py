#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""nc sends 100 MB to the echo server, closes its sending side, and gets all of it back."""
from kit import topic
from kit.lab import expect, file_sha256
from kit.proc import Failure

SIZE = 100_000_000


def nc_gets_100_mb_back(lab):
    path, digest = lab.payload(SIZE)
    server = lab.start_echo_server()
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        lab.start('nc', '-N', *lab.echo, stdin=source, stdout=sink).succeed()
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what came back is not what was sent')
    expect(lab.end_echo_server(server), accepted=1, finished=1, broken=0)


topic.main([nc_gets_100_mb_back])
