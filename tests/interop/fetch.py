#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""curl fetches from the HTTP server."""
import os

from kit import topic
from kit.lab import file_sha256
from kit.proc import Failure

SIZE = 100_000_000
SMALL = 50


def start_http_server(lab, root):
    server = lab.start_san('san-httpd', '--port', 80, '--root', root)
    server.wait_text('serving')
    return server


def end_http_server(server):
    if not server.alive() or server.stop() != 0:
        raise Failure(f'the server ended with {server.popen.returncode}, expected 0')


def curl_fetches_100_mb(lab):
    path, digest = lab.payload(SIZE)
    root = lab.path('www')
    os.mkdir(root)
    os.rename(path, os.path.join(root, 'big'))
    server = start_http_server(lab, root)
    lab.start('curl', '-sS', '-f', '-o', lab.path('got'),
              f'http://{lab.link.san}/big').succeed()
    if file_sha256(lab.path('got')) != digest:
        raise Failure('the file came with other bytes')
    end_http_server(server)


def curl_fetches_many_files_over_one_connection(lab):
    root = lab.path('www')
    os.mkdir(root)
    for number in range(SMALL):
        with open(os.path.join(root, f'{number}'), 'wb') as f:
            f.write(os.urandom(1 + 97 * number * number))
    server = start_http_server(lab, root)
    curl = lab.start('curl', '-sS', '-f', '--write-out', r'%{num_connects}\n',
                     '--output-dir', lab.dir, '-o', 'got-#1',
                     f'http://{lab.link.san}/[0-{SMALL - 1}]')
    curl.succeed()
    for number in range(SMALL):
        if file_sha256(os.path.join(root, str(number))) != file_sha256(lab.path(f'got-{number}')):
            raise Failure(f'file {number} came with other bytes')
    connects = sum(map(int, curl.text().split()))
    if connects != 1:
        raise Failure(f'curl made {connects} connections, expected 1 that is kept alive')
    end_http_server(server)


topic.main([curl_fetches_100_mb, curl_fetches_many_files_over_one_connection])
