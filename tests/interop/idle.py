#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""A server that sleeps: what it costs when nothing comes, and what waking adds to the first answer."""
import os
import socket
import statistics
import time

from kit import topic
from kit.lab import expect
from kit.proc import LIMIT_S, Failure

IDLE_S = 5
IDLE_CPU = 0.01
ECHOES = 200
GAP_S = 0.005
TICKS = os.sysconf('SC_CLK_TCK')


def cpu_s(pid):
    """Processor time of a process, all its threads, user and system."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def idle_share(server):
    before, begin = cpu_s(server.popen.pid), time.monotonic()
    time.sleep(IDLE_S)
    return (cpu_s(server.popen.pid) - before) / (time.monotonic() - begin)


def echo(sock, number):
    """Microseconds until a message is back."""
    sent = number.to_bytes(64, 'big')
    begin = time.monotonic_ns()
    sock.sendall(sent)
    got = b''
    while len(got) < len(sent):
        part = sock.recv(64)
        if not part:
            raise Failure('the server has ended the connection')
        got += part
    if got != sent:
        raise Failure(f'message {number} came back changed')
    return (time.monotonic_ns() - begin) / 1000


def latencies(lab):
    """Of messages far enough from each other for a server to fall asleep between them."""
    with socket.create_connection(lab.echo, timeout=LIMIT_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        us = []
        for number in range(ECHOES):
            us.append(echo(sock, number))
            time.sleep(GAP_S)
    return us


def an_idle_server_costs_less_than_a_hundredth_of_a_core(lab):
    server = lab.start_echo_server('--sleep-after', '100')
    with socket.create_connection(lab.echo, timeout=LIMIT_S) as sock:
        echo(sock, 1)
        share = idle_share(server)
        print(f'# an idle server with a connection: {share * 100:.2f} % of a core over {IDLE_S} s')
        if share >= IDLE_CPU:
            raise Failure(f'{share * 100:.2f} % of a core, expected less than {IDLE_CPU * 100:.0f} %')
        echo(sock, 2)
    expect(lab.end_echo_server(server), accepted=1, finished=1, broken=0)


def a_server_that_sleeps_answers_as_one_that_polls(lab):
    """The figures are for people; what must hold is that every message comes back."""
    for way in ((), ('--sleep-after', '100')):
        server = lab.start_echo_server(*way)
        us = latencies(lab)
        print(f'# echo, {"asleep between messages" if way else "polling"}: '
              f'median {statistics.median(us):.0f} us, least {min(us):.0f}, most {max(us):.0f}')
        expect(lab.end_echo_server(server), accepted=1, finished=1, broken=0)


topic.main([an_idle_server_costs_less_than_a_hundredth_of_a_core,
            a_server_that_sleeps_answers_as_one_that_polls])
