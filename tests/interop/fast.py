#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Fast Open (RFC 7413) with the kernel, both ways: the first connection gets a cookie, the others bring it back."""
import socket
import time

from kit import kernel, topic
from kit.lab import expect
from kit.proc import LIMIT_S, Failure

SIZE = 1000
TIMES = 4
BOTH = '3'  # net.ipv4.tcp_fastopen: client and server
PENDING = 16
SYN_AGAIN_S = 1  # RFC 6298 (2.1)


def allow():
    with open('/proc/sys/net/ipv4/tcp_fastopen', 'w', encoding='ascii') as f:
        f.write(BOTH)


def counted(name):
    """A counter of the kernel's end."""
    with open('/proc/thread-self/net/netstat', encoding='ascii') as f:
        names, values = [line.split() for line in f if line.startswith('TcpExt:')]
    return int(values[names.index(name)])


def expect_counted(name, wanted):
    if counted(name) != wanted:
        raise Failure(f'the kernel counts {counted(name)} {name}, expected {wanted}')


def run_client(lab, server):
    """@return how long its connections took [s]"""
    client = lab.start_san('san-echo', '--fast', '--connections', TIMES, '--bytes', SIZE, '--verify',
                           'client', server.seen_from(lab.link.peer))
    client.succeed()
    return float(client.wait_text(r'compared, in ([\d.]+) s').group(1))


def kernel_takes_data_of_our_syns(lab):
    """The kernel answers nothing for a while after a link has come up. A SYN that is repeated for it asks for no cookie, nor do
    those behind it (RFC 7413 4.1.3): then the next client has a link that answers."""
    allow()
    server = lab.add(kernel.Server(kernel.echo))
    server.listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, PENDING)
    end = time.monotonic() + LIMIT_S
    while True:
        before = counted('TCPFastOpenPassive')
        if run_client(lab, server) < SYN_AGAIN_S or time.monotonic() > end:
            break
    expect_counted('TCPFastOpenPassive', before + TIMES - 1)
    expect_counted('TCPFastOpenPassiveFail', 0)


def call(address):
    """One connection of the kernel's, with its data in the SYN if there is a cookie."""
    data = bytes(i % 251 for i in range(SIZE))
    with socket.socket() as sock:
        sock.sendto(data, socket.MSG_FASTOPEN, address)
        sock.shutdown(socket.SHUT_WR)
        back = b''
        while piece := sock.recv(kernel.CHUNK):
            back += piece
    if back != data:
        raise Failure('what came back is not what was sent')


def we_take_data_of_the_kernels_syns(lab):
    allow()
    server = lab.start_echo_server('--fast')
    for _ in range(TIMES):
        call(lab.echo)
    expect_counted('TCPFastOpenActive', TIMES - 1)
    expect_counted('TCPFastOpenActiveFail', 0)
    expect(lab.end_echo_server(server), accepted=TIMES, finished=TIMES, broken=0)


topic.main([kernel_takes_data_of_our_syns, we_take_data_of_the_kernels_syns])
