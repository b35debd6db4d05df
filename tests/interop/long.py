#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Packets of 9,000 bytes, both ways, over a veth pair. A tap's driver names 1,522 bytes as its longest
frame, and DPDK 22.11 holds it to that.
"""
import os
import re

from kit import kernel, topic
from kit.lab import BUILD, LCORES, ROOT, file_sha256
from kit.proc import Failure, run

MTU = 9000
SIZE = 40_000_000
LONG = MTU - 20 - 32  # text of a full segment: IPv4, TCP and its timestamps taken away
RING = ',framesz=9216,blocksz=36864,framecnt=1024'


def config(lab):
    """The link's example with an MTU, and a ring of frames that long."""
    with open(os.path.join(ROOT, 'config', lab.link.config), encoding='ascii') as f:
        text = re.sub('iface=san0.*', f'iface=san0{RING}', f.read())
    path = lab.path('long.conf')
    with open(path, 'w', encoding='ascii') as f:
        f.write(f'{text}mtu = {MTU}\n')
    return path


def lengthen(lab):
    run('ip', 'link', 'set', lab.link.name, 'mtu', str(MTU))
    run('ip', 'link', 'set', 'san0', 'mtu', str(MTU), ns=lab.link.san_ns)


def expect_long(lab, source):
    """How many full segments there are depends on who is quicker; but there are some."""
    lab.capture.stop()
    full = len(lab.capture.find_streams(f'ip.src == {source} && tcp.len == {LONG}'))
    print(f'# {source}: {full * LONG / SIZE:.1%} in segments of {LONG} bytes')
    if full == 0 or lab.capture.find_streams(f'ip.src == {source} && tcp.len > {LONG}'):
        raise Failure(f'{source} has sent {full} segments of {LONG} bytes, or longer ones')


def a_file_comes_back_from_the_echo_server(lab):
    lengthen(lab)
    path, digest = lab.payload(SIZE)
    server = lab.start_echo_server(config=config(lab))
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        lab.start('nc', '-N', *lab.echo, stdin=source, stdout=sink).succeed()
    lab.end_echo_server(server)
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what arrived is not what was sent')
    expect_long(lab, lab.link.san)
    expect_long(lab, lab.link.peer)


def the_stack_gets_back_what_it_sent(lab):
    lengthen(lab)
    server = lab.add(kernel.Server(kernel.echo))
    lab.start_san('san-echo', '--bytes', SIZE, '--verify', 'client', server.seen_from(lab.link.peer),
                  config=config(lab)).succeed()
    expect_long(lab, lab.link.san)


def a_file_is_sent_from_where_it_lies(lab):
    lengthen(lab)
    path, digest = lab.payload(SIZE)
    server = lab.start(os.path.join(BUILD, 'tests', 'interop', 'lender'), '--lcores', LCORES, '--no-huge', '-m', '512',
                       '--no-pci', '--no-telemetry', '--no-shconf', '--', config(lab), path, ns=lab.link.san_ns)
    server.wait_text('serving')
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        lab.start('nc', '-N', *lab.echo, stdin=source, stdout=sink).succeed()
    server.succeed()
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what arrived is not what was sent')
    server.wait_text(f'ended 0, got {SIZE}, deregistered 0', 0)
    expect_long(lab, lab.link.san)


def a_peer_of_1500_gets_what_it_can_take(lab):
    run('ip', 'link', 'set', 'san0', 'mtu', str(MTU), ns=lab.link.san_ns)
    path, digest = lab.payload(SIZE // 10)
    server = lab.start_echo_server(config=config(lab))
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        lab.start('nc', '-N', *lab.echo, stdin=source, stdout=sink).succeed()
    lab.end_echo_server(server)
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what arrived is not what was sent')
    lab.capture.stop()
    if lab.capture.find_streams('tcp.len > 1460'):
        raise Failure('there are segments that the peer did not offer to take')


topic.main({case: ['af_packet'] for case in (
    a_file_comes_back_from_the_echo_server, the_stack_gets_back_what_it_sent, a_file_is_sent_from_where_it_lies,
    a_peer_of_1500_gets_what_it_can_take)})
