#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""curl fetches from the HTTP server."""
import os

from kit import link, topic
from kit.lab import file_sha256
from kit.proc import Failure

SIZE = 100_000_000
LIMIT_S = 40


def curl_fetches_100_mb(lab):
    path, digest = lab.payload(SIZE)
    root = lab.path('www')
    os.mkdir(root)
    os.rename(path, os.path.join(root, 'big'))
    lab.start_san('san-httpd', '--port', 80, '--root', root)
    lab.start('curl', '-sS', '-f', '--retry', 5, '--retry-connrefused', '--retry-delay', 1,
              '-o', lab.path('got'), f'http://{link.SAN}/big').succeed(LIMIT_S)
    if file_sha256(lab.path('got')) != digest:
        raise Failure('the file came with other bytes')


topic.main([curl_fetches_100_mb])
