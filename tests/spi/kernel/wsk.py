#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Winsock Kernel with the kernel as the peer, in both roles; what it sees of a WskCloseSocket."""
import errno
import os
import select
import signal
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop'), HERE]
from kit import kernel, lab as labs, topic  # noqa: E402
from kit.proc import LIMIT_S, Failure, wait_until  # noqa: E402
from tags import rules  # noqa: E402

PORT = 7
FLOOD = 4_000_000


def start_peer(lab, *words):
    """Start wsk_peer on the link, to do these words."""
    program = os.path.join(labs.BUILD, 'tests', 'spi', 'kernel', 'wsk_peer')
    config = os.path.join(labs.ROOT, 'config', lab.link.config)
    return lab.start(program, '--lcores', labs.LCORES, '--no-huge', '-m', '512', '--no-pci', '--no-telemetry', '--no-shconf', '--',
                     '--config', config, *words, ns=lab.link.san_ns)


def kernel_server(lab, handle):
    """A server of the kernel, and the words that connect to it."""
    server = lab.add(kernel.Server(handle))
    return server, ('connect', lab.link.peer, server.PORT)


def expect_lines(peer, *lines):
    """Wait until it has said these lines, in this order."""
    at = 0
    for line in lines:
        found = peer.wait_text(f'^{line}$', LIMIT_S, at)
        at += found.end()


def end_well(peer):
    if peer.stop() != 0:
        raise Failure(f'wsk_peer ended with {peer.popen.returncode}, expected 0')


def end_served(lab, peer):
    """What a serving peer says at its end, as a dictionary. The kernel's last acknowledgements may be on their way."""
    lab.settle()
    end_well(peer)
    said = peer.wait_text('^served: (.*)$').group(1)
    return {word: int(number) for number, word in (part.split() for part in said.split(', '))}


def expect_resets(lab, count, fins=0):
    """Has our side sent RST on so many connections, and FIN on so many?"""
    lab.capture.stop()
    ours = f'ip.src == {lab.link.san}'
    found = (lab.capture.count_streams(f'{ours} && tcp.flags.reset == 1'),
             lab.capture.count_streams(f'{ours} && tcp.flags.fin == 1'))
    if found != (count, fins):
        raise Failure(f'RST on {found[0]} connections and FIN on {found[1]}, expected {count} and {fins}')


@rules("W30 W19 W39 W53")
def connection_to_the_kernel_echoes_and_ends_gracefully(lab):
    server, connect = kernel_server(lab, kernel.echo)
    peer = start_peer(lab, *connect, 'echo', 1_000_000, 'disconnect', 'close')
    expect_lines(peer, 'connect: success', 'echo: the same', 'disconnect: success', 'end: success', 'close: success')
    peer.succeed()
    wait_until('the kernel has seen the end', lambda: server.ended == 1)
    if server.resets:
        raise Failure('the kernel was reset')
    expect_resets(lab, 0, fins=1)


@rules("W18 W30")
def connection_to_a_port_without_server_is_refused(lab):
    peer = start_peer(lab, 'connect', lab.link.peer, 9)
    expect_lines(peer, 'connect: refused')
    peer.succeed()


@rules("W64 W67 S5.13 S5.22")
def close_with_a_receive_pending_resets_the_kernel(lab):
    server, connect = kernel_server(lab, kernel.echo)
    peer = start_peer(lab, *connect, 'receive', 'hold', 'close')
    peer.wait_text('^holding$')
    wait_until('the kernel has accepted', lambda: server.served == 1)
    end_well(peer)
    expect_lines(peer, 'close: success', 'receive: cancelled')
    wait_until('the kernel has seen the end', lambda: server.ended == 1)
    if server.resets != 1:
        raise Failure('the kernel saw a graceful end, expected a reset')
    expect_resets(lab, 1)


@rules("W64 W67 S5.13 S5.22")
def close_with_everything_pending_sends_a_reset(lab):
    # A kernel socket that nobody reads drops what its buffer does not hold, inside its window too.
    lab.may_repeat = ('the stack', 'the kernel')
    over = threading.Event()

    def read_nothing(_sock):
        over.wait(LIMIT_S)

    server, connect = kernel_server(lab, read_nothing)
    peer = start_peer(lab, *connect, 'receive', 'flood', 'hold', 'close')
    peer.wait_text('^holding$')
    wait_until('the kernel has accepted', lambda: server.served == 1)
    end_well(peer)
    over.set()
    expect_lines(peer, 'close: success', 'receive: cancelled', 'send: cancelled')
    expect_resets(lab, 1)


@rules("W67 W53 S5.22")
def close_of_a_connection_that_only_we_have_ended_resets_it(lab):
    seen, over = threading.Event(), threading.Event()

    def stay_open(sock):
        while sock.recv(kernel.CHUNK):
            pass
        seen.set()
        over.wait(LIMIT_S)

    _, connect = kernel_server(lab, stay_open)
    peer = start_peer(lab, *connect, 'half', 'hold', 'close')
    expect_lines(peer, 'half: success', 'holding')
    if not seen.wait(LIMIT_S):
        raise Failure('the kernel has not seen our end')
    end_well(peer)
    over.set()
    expect_resets(lab, 1, fins=1)


@rules("W55")
def abortive_disconnect_resets_the_kernel(lab):
    server, connect = kernel_server(lab, kernel.echo)
    peer = start_peer(lab, *connect, 'echo', 1000, 'abort', 'close')
    expect_lines(peer, 'echo: the same', 'abort: success', 'close: success')
    peer.succeed()
    wait_until('the kernel has seen the end', lambda: server.ended == 1)
    if server.resets != 1:
        raise Failure('the kernel saw a graceful end, expected a reset')
    expect_resets(lab, 1)


@rules("W56 W73")
def reset_by_the_kernel_is_told(lab):
    def serve(sock):
        sock.recv(1000)
        kernel.reset(sock)

    _, connect = kernel_server(lab, serve)
    peer = start_peer(lab, *connect, 'watch', 'echo', 1000, 'hold', 'close')
    expect_lines(peer, 'watch: success', '(told|echo): reset')
    peer.wait_text('^told: reset$')
    end_well(peer)
    expect_lines(peer, 'close: success')


@rules("W56")
def end_of_the_kernels_stream_is_told(lab):
    def serve(sock):
        kernel.finish(sock)

    _, connect = kernel_server(lab, serve)
    peer = start_peer(lab, *connect, 'watch', 'hold', 'disconnect', 'close')
    peer.wait_text('^told: disconnected$')
    end_well(peer)
    expect_lines(peer, 'disconnect: success', 'end: success', 'close: success')


@rules("W26 W31 W33 W53")
def clients_of_the_kernel_are_served(lab):
    # What arrives at once may be more than a queue holds: tests/interop/many.py.
    lab.may_repeat = ('the kernel',)
    peer = start_peer(lab, 'listen', PORT, 'hold')
    peer.wait_text('^holding$')
    kernel.many(lab.echo, 20, 50_000)
    said = end_served(lab, peer)
    if (said['accepted'], said['finished'], said['broken']) != (20, 20, 0):
        raise Failure(f'served {said}')


@rules("W60 W64 W67 S5.13 S5.22")
def close_of_served_connections_resets_their_clients(lab):
    peer = start_peer(lab, 'listen', PORT, 'hold')
    peer.wait_text('^holding$')
    socks = [kernel.connect(lab.echo) for _ in range(10)]
    for sock in socks:
        kernel.exchange(sock, b'a receive is pending')
    said = end_served(lab, peer)
    if (said['open'], said['cancelled']) != (10, 10):
        raise Failure(f'served {said}')
    for sock in socks:
        sock.settimeout(LIMIT_S)
        try:
            sock.recv(1)
        except ConnectionResetError:
            continue
        raise Failure('a client saw a FIN, expected a reset')
    expect_resets(lab, 10)


@rules("W64 W73")
def resets_by_clients_of_the_kernel_leave_the_others(lab):
    # A kernel socket that nobody reads drops what its buffer does not hold, inside its window too.
    lab.may_repeat = ('the stack', 'the kernel')
    peer = start_peer(lab, 'listen', PORT, 'hold')
    peer.wait_text('^holding$')
    with kernel.connect(lab.echo) as bystander:
        for _ in range(5):
            sock = kernel.connect(lab.echo)
            sock.settimeout(0.3)
            try:
                sock.sendall(bytes(FLOOD))
            except TimeoutError:
                pass
            kernel.reset(sock)
            kernel.exchange(bystander, b'the others are served')
        kernel.finish(bystander)
    said = end_served(lab, peer)
    if (said['accepted'], said['finished'], said['broken']) != (6, 1, 5):
        raise Failure(f'served {said}')


@rules("W35 W36")
def request_of_the_kernel_that_is_rejected_is_turned_away(lab):
    peer = start_peer(lab, 'reject', PORT, 'hold')
    peer.wait_text('^holding$')
    try:
        kernel.connect(lab.echo).close()
        raise Failure('the client is connected, expected to be refused')
    except ConnectionRefusedError:
        pass
    said = end_served(lab, peer)
    if said['rejected'] != 1 or said['accepted'] != 0:
        raise Failure(f'served {said}')


@rules("W35 W36")
def request_of_the_kernel_waits_for_the_decision(lab):
    # It asks again after a second.
    lab.may_repeat = ('the kernel',)
    peer = start_peer(lab, 'ask', PORT, 'hold')
    peer.wait_text('^holding$')
    with socket.socket() as sock:
        sock.setblocking(False)
        if sock.connect_ex(lab.echo) != errno.EINPROGRESS:
            raise Failure('the connect did not begin')
        peer.wait_text('^asked$')
        if select.select([], [sock], [], 0.2)[1]:
            raise Failure('the client was answered before the decision')
        peer.popen.send_signal(signal.SIGUSR1)
        expect_lines(peer, 'decide: success')
        sock.settimeout(LIMIT_S)
        if not select.select([], [sock], [], LIMIT_S)[1]:
            raise Failure('the client was not answered after the decision')
        kernel.exchange(sock, b'accepted later')
        kernel.finish(sock)
    said = end_served(lab, peer)
    if (said['accepted'], said['finished'], said['rejected']) != (1, 1, 0):
        raise Failure(f'served {said}')


topic.main([connection_to_the_kernel_echoes_and_ends_gracefully, connection_to_a_port_without_server_is_refused,
            close_with_a_receive_pending_resets_the_kernel, close_with_everything_pending_sends_a_reset,
            close_of_a_connection_that_only_we_have_ended_resets_it, abortive_disconnect_resets_the_kernel,
            reset_by_the_kernel_is_told, end_of_the_kernels_stream_is_told, clients_of_the_kernel_are_served,
            close_of_served_connections_resets_their_clients, resets_by_clients_of_the_kernel_leave_the_others,
            request_of_the_kernel_that_is_rejected_is_turned_away, request_of_the_kernel_waits_for_the_decision])
