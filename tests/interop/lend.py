#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A file goes to the kernel from registered memory and comes back into lent buffers."""
import os

from kit import topic
from kit.lab import BUILD, LCORES, ROOT, file_sha256
from kit.proc import Failure

SIZE = 20_000_000


def lender(lab, path):
    server = lab.start(os.path.join(BUILD, 'tests', 'interop', 'lender'), '--lcores', LCORES, '--no-huge', '-m', '512',
                       '--no-pci', '--no-telemetry', '--no-shconf', '--',
                       os.path.join(ROOT, 'config', lab.link.config), path, ns=lab.link.san_ns)
    server.wait_text('serving')
    return server


def a_file_is_sent_from_where_it_lies(lab):
    path, digest = lab.payload(SIZE)
    server = lender(lab, path)
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        lab.start('nc', '-N', *lab.echo, stdin=source, stdout=sink).succeed()
    server.succeed()
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what arrived is not what was sent')
    server.wait_text(f'ended 0, got {SIZE}, deregistered 0', 0)
    said = server.wait_text(r'lend_tx (\d+) lend_tx_copied (\d+) lend_rx (\d+) rexmit (\d+)', 0)
    sent, copied, lent, again = map(int, said.groups())
    print(f'# {sent} segments from where they lie, {copied} copied, {again} sent again, {lent} buffers lent')
    if sent < SIZE / 1500 or copied > sent / 20 or lent == 0:
        raise Failure(f'{sent} segments from registered memory, {copied} copied, {lent} buffers lent')


topic.main([a_file_is_sent_from_where_it_lies])
