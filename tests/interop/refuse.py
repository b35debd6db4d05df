#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A connection to a port where nobody listens, from either end."""
import time

from kit import kernel, link, topic
from kit.proc import Failure

CLOSED_PORT = 9
AT_ONCE_S = 1.0
LIMIT_S = 15


def kernel_is_refused_at_once(lab):
    server = lab.start_san('san-echo', 'server', '--port', 7)
    kernel.wait_for_port((link.SAN, 7))
    begin = time.monotonic()
    try:
        kernel.connect((link.SAN, CLOSED_PORT)).close()
    except ConnectionRefusedError:
        pass
    else:
        raise Failure('the connection to a closed port was made')
    if time.monotonic() - begin > AT_ONCE_S:
        raise Failure(f'the refusal took {time.monotonic() - begin:.1f} s')
    with kernel.connect((link.SAN, 7)) as sock:
        kernel.exchange(sock, b'still here')
    if not server.alive():
        raise Failure('the server is gone')


def stack_is_refused_and_says_so(lab):
    client = lab.start_san('san-echo', 'client', f'{link.PEER}:{CLOSED_PORT}', '--bytes', 1000)
    status = client.wait(LIMIT_S)
    if status <= 0:
        raise Failure(f'the client ended with {status}, expected an exit status above 0')
    if 'refused' not in client.text():
        raise Failure('the client did not say that the connection was refused')


topic.main([kernel_is_refused_at_once, stack_is_refused_and_says_so])
