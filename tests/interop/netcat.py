#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""nc sends 100 MB to the echo server, closes its sending side, and gets all of it back."""
from kit import link, topic
from kit.lab import file_sha256
from kit.proc import Failure

SIZE = 100_000_000
LIMIT_S = 40


def nc_gets_100_mb_back(lab):
    path, digest = lab.payload(SIZE)
    server = lab.start_san('san-echo', 'server', '--port', 7)
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        lab.start('nc', '-N', link.SAN, 7, stdin=source, stdout=sink).succeed(LIMIT_S)
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what came back is not what was sent')
    if not server.alive():
        raise Failure('the server is gone')


topic.main([nc_gets_100_mb_back])
