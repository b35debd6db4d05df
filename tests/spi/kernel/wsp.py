#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The SAN provider interface with the kernel as the peer."""
import errno
import select
import socket
import time

from switch import CYCLE, Switch, stream  # first: it finds the kit
from kit import kernel, proc, topic
from kit.proc import LIMIT_S, Failure
from tags import rules

PORT = 7
CLOSED_PORT = 9
NOBODY = 99
ABORTED, RESET, REFUSED, TIMEDOUT = 995, 10054, 10061, 10060


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f'{what}: {got}, expected {wanted}')


def begin(address):
    """A kernel socket that connects and does not wait for it."""
    sock = socket.socket()
    sock.setblocking(False)
    code = sock.connect_ex(address)
    if code not in (0, errno.EINPROGRESS):
        raise Failure(f'connect: {errno.errorcode[code]}')
    return sock


def ended(sock, limit_s):
    """The end of a connect: 0, an errno, or None when it has not ended in this time."""
    _, writable, _ = select.select([], [sock], [], limit_s)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if writable else None


def read_all(sock, size):
    sock.settimeout(LIMIT_S)
    data = b''
    while len(data) < size:
        part = sock.recv(kernel.CHUNK)
        if not part:
            break
        data += part
    return data


def expect_reset(sock):
    sock.setblocking(True)
    sock.settimeout(LIMIT_S)
    try:
        while sock.recv(kernel.CHUNK):
            pass
    except ConnectionResetError:
        return
    raise Failure('the connection ended with a FIN, expected a reset')


def listen(port=PORT):
    sock = socket.create_server(('0.0.0.0', port))
    sock.settimeout(LIMIT_S)
    return sock


def accepted(lab, switch):
    """A connection of the kernel's to the switch: its socket, the switch's number."""
    listener = switch.listener(PORT)
    sock = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    number, _ = switch.accept(listener)
    expect('connect', ended(sock, LIMIT_S), 0)
    sock.setblocking(True)
    sock.settimeout(LIMIT_S)
    return sock, number, listener


@rules("R53 R55 R56 R57 R63")
def connects_to_the_kernel_and_moves_data(lab):
    server = listen()
    switch = Switch(lab)
    number = switch.connect(lab.link.peer, PORT)
    sock, peer = server.accept()
    expect('the peer', peer, (lab.link.san, 4000))
    switch.tell('drain', number, 300000)
    sock.sendall(stream(300000))
    switch.wait(rf'drained {number} 300000 good')
    switch.tell('send', number, 300000)
    if read_all(sock, 300000) != stream(300000):
        raise Failure('other bytes came than were sent')
    switch.wait(rf'sent {number} 0 300000')
    switch.end()


@rules("R59")
def kernel_refuses(lab):
    switch = Switch(lab)
    number = switch.begin(lab.link.peer, CLOSED_PORT)
    expect('the outcome', switch.outcome(number), REFUSED)
    switch.close(number)
    switch.end()


@rules("R60")
def nobody_answers(lab):
    switch = Switch(lab)
    number = switch.begin(lab.link.host(NOBODY), PORT)
    expect('the outcome', switch.outcome(number), TIMEDOUT)
    switch.end()


@rules("R65")
def connect_is_cancelled_by_a_close(lab):
    switch = Switch(lab)
    number = switch.begin(lab.link.host(NOBODY), PORT)
    switch.close(number)
    time.sleep(0.2)
    expect('events', switch.count('event'), 0)
    switch.end()


@rules("R69 R71 R73 R74")
def kernel_connects_only_after_the_accept(lab):
    switch = Switch(lab)
    listener = switch.listener(PORT)
    sock = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    expect('connect before the accept', ended(sock, 0.5), None)
    number, peer = switch.accept(listener)
    expect('connect', ended(sock, LIMIT_S), 0)
    expect('the peer', peer, sock.getsockname())
    switch.tell('recv', number, 100, 1)
    sock.sendall(stream(40))
    switch.wait(f'received {number} 0 40')
    switch.end()


@rules("R75")
def rejected_kernel_is_refused(lab):
    switch = Switch(lab)
    listener = switch.listener(PORT)
    sock = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    switch.must('accept', listener, 'reject', code=REFUSED)
    expect('connect', ended(sock, LIMIT_S), errno.ECONNREFUSED)
    switch.end()


@rules("R67 R70")
def request_beyond_the_backlog_is_refused_at_once(lab):
    switch = Switch(lab)
    listener = switch.listener(PORT, backlog=3)
    waiting = []
    for _ in range(3):
        # One after the other: of SYNs that wait for its neighbour's address the kernel lets later ones go first.
        waiting.append(begin((lab.link.san, PORT)))
        switch.wait(f'event {listener} accept 0')
    many = begin((lab.link.san, PORT))
    source = many.getsockname()[1]
    expect('one too many', ended(many, LIMIT_S), errno.ECONNREFUSED)
    for sock in waiting:
        expect('one that is queued', ended(sock, 0), None)
    for sock in waiting:
        _, peer = switch.accept(listener)
        expect('the oldest', peer, sock.getsockname())
        expect('one that was queued', ended(sock, LIMIT_S), 0)
    switch.end()
    # A second after it the reset of a closed connection is repeated (O9.3).
    lab.capture.expect_answers('refusals', f'tcp.srcport == {source} && tcp.flags.syn == 1',
                               f'tcp.dstport == {source} && tcp.flags.reset == 1', repeats=1)


@rules("R79 R165")
def closed_listener_refuses_what_is_queued(lab):
    switch = Switch(lab)
    listener = switch.listener(PORT)
    sock = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    switch.close(listener)
    expect('connect', ended(sock, LIMIT_S), errno.ECONNREFUSED)
    switch.end()


@rules("R85 R86 R87")
def early_data_of_the_kernel_waits(lab):
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    sock.sendall(stream(256))
    time.sleep(0.3)
    switch.tell('recv', number, 100, 3)
    for size in (100, 100, 56):
        switch.wait(f'received {number} 0 {size}')
    switch.end()


@rules("R149 R155 R157 R158 R161 S1.1 S1.2 S3.23")
def close_resets_the_kernel(lab):
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    switch.tell('recv', number, 100, 5)
    time.sleep(0.1)
    switch.close(number)
    expect('aborted', switch.count(f'received {number} {ABORTED} 0'), 5)
    expect('closed', switch.count(f'closed {number}'), 1)
    expect_reset(sock)
    switch.end()


@rules("R149 R154 R113")
def close_with_sends_pending_resets_the_kernel(lab):
    lab.may_repeat = ('the stack', 'the kernel')
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    for _ in range(10):
        switch.tell('send', number, 1000000)
    time.sleep(0.5)
    switch.close(number)
    if switch.count(f'sent {number} {ABORTED}') == 0:
        raise Failure('no send was aborted')
    sock.close()
    switch.end()


@rules("R159 R160 R163 S1.3 S1.14")
def reset_of_the_kernel_ends_receives(lab):
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    switch.tell('recv', number, 100, 5)
    # what is told next is done after it
    switch.socket()
    kernel.reset(sock)
    for _ in range(5):
        switch.wait(f'received {number} {RESET} 0')
    time.sleep(0.2)
    expect('closed', switch.count(f'closed {number}'), 0)
    switch.close(number)
    switch.end()


@rules("R171 R63")
def fin_of_the_kernel_is_an_empty_receive(lab):
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    switch.tell('recv', number, 100, 1)
    sock.shutdown(socket.SHUT_WR)
    switch.wait(f'received {number} 0 0')
    switch.tell('send', number, 1000)
    expect('what came', read_all(sock, 1000), stream(1000))
    switch.close(number)
    expect_reset(sock)
    switch.end()


@rules("R11 R15 R16 S4.15 S4.22 S4.23")
def cleanup_resets_all_and_a_start_works(lab):
    switch = Switch(lab)
    listener = switch.listener(PORT, backlog=20)
    socks = []
    for i in range(8):
        socks.append(begin((lab.link.san, PORT)))
        switch.wait(f'event {listener} accept 0')
        number, _ = switch.accept(listener)
        expect('connect', ended(socks[-1], LIMIT_S), 0)
        switch.tell('recv', number, 100, i)
    queued = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    switch.tell('cleanup')
    switch.wait('cleanup 0')
    expect('aborted', switch.count(f' {ABORTED} 0'), sum(range(8)))
    expect('closed', switch.count('closed'), 9)
    for sock in socks:
        expect_reset(sock)
    expect('what was queued', ended(queued, LIMIT_S), errno.ECONNREFUSED)
    switch.tell('start')
    switch.wait('start 0')
    server = listen()
    number = switch.connect(lab.link.peer, PORT)
    server.accept()[0].sendall(stream(10))
    switch.tell('recv', number, 10, 1)
    switch.wait(f'received {number} 0 10')
    switch.end()


@rules("R11 R12 R15 R154 R155 S4.15 S4.17")
def cleanup_ends_each_operation_with_its_code(lab):
    lab.may_repeat = ('the stack', 'the kernel')
    switch = Switch(lab)
    quiet, number, listener = accepted(lab, switch)
    switch.tell('recv', number, 100, 4)
    busy = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    sender, _ = switch.accept(listener)
    for _ in range(10):
        switch.tell('send', sender, 1000000)
    connecting = switch.begin(lab.link.host(NOBODY), PORT)
    switch.tell('cleanup')
    switch.wait('cleanup 0')
    expect('receives that were aborted', switch.count(f'received {number} {ABORTED} 0'), 4)
    expect('receives', switch.count(f'received {number} '), 4)
    aborted = switch.count(f'sent {sender} {ABORTED} 0')
    expect('sends that were finished or aborted', switch.count(f'sent {sender} 0 1000000') + aborted, 10)
    if aborted == 0:
        raise Failure('no send was aborted')
    expect('sockets closed', switch.count('closed'), 4)
    expect('the connect', switch.count(f'closed {connecting}'), 1)
    expect_reset(quiet)
    busy.close()
    switch.tell('start')
    switch.wait('start 0')
    switch.end()


@rules("R158 R159 R163 S1.3 S1.14")
def reset_of_the_kernel_ends_sends(lab):
    lab.may_repeat = ('the stack', 'the kernel')
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    for _ in range(10):
        switch.tell('send', number, 1000000)
    switch.socket()  # what is told next is done after it
    kernel.reset(sock)
    switch.wait(rf'sent {number} {RESET} 0')
    proc.wait_until('the end of all sends', lambda: switch.count(f'sent {number} ') == 10)
    expect('sends', switch.count(f'sent {number} 0 1000000') + switch.count(f'sent {number} {RESET} 0'), 10)
    expect('closed', switch.count(f'closed {number}'), 0)
    switch.close(number)
    switch.end()


@rules("R157 R159 S1.3")
def kernel_that_does_not_read_resets(lab):
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    switch.tell('recv', number, 100, 3)
    switch.tell('send', number, 1000)
    switch.wait(f'sent {number} 0 1000')
    sock.settimeout(LIMIT_S)
    sock.recv(1, socket.MSG_PEEK)
    sock.close()
    for _ in range(3):
        switch.wait(f'received {number} {RESET} 0')
    switch.close(number)
    switch.end()


@rules("R34 R25 R38")
def port_is_shared_by_listeners(lab):
    switch = Switch(lab)
    everywhere = switch.listener(PORT, address='0.0.0.0')
    here = switch.listener(PORT)
    newer = [switch.listener(PORT + 1, reuse=True) for _ in range(3)]
    for expected, port in ((here, PORT), (everywhere, PORT), *((n, PORT + 1) for n in reversed(newer))):
        sock = begin((lab.link.san, port))
        switch.wait(f'event {expected} accept 0')
        number, _ = switch.accept(expected)
        expect('connect', ended(sock, LIMIT_S), 0)
        switch.tell('send', number, 1000)
        sock.setblocking(True)
        expect('what came', read_all(sock, 1000), stream(1000))
        switch.close(expected)
    expect('all closed', ended(begin((lab.link.san, PORT)), LIMIT_S), errno.ECONNREFUSED)
    switch.end()


@rules("R37 R154 R163")
def listener_can_be_made_again_beside_its_connections(lab):
    switch = Switch(lab)
    sock, number, listener = accepted(lab, switch)
    for _ in range(3):
        switch.close(listener)
        listener = switch.listener(PORT)
        another = begin((lab.link.san, PORT))
        switch.wait(f'event {listener} accept 0')
        switch.accept(listener)
        expect('connect', ended(another, LIMIT_S), 0)
        switch.tell('recv', number, 100, 1)
        sock.sendall(stream(40))
        switch.wait(f'received {number} 0 40')
    switch.end()


@rules("R44 R202")
def address_of_the_interface_is_listed(lab):
    switch = Switch(lab)
    switch.socket()
    switch.tell('addresses')
    switch.wait(f'addresses 1 {lab.link.san}')
    switch.end()


@rules("R34 R52")
def wildcard_is_listened_on(lab):
    switch = Switch(lab)
    listener = switch.listener(PORT, address='0.0.0.0')
    sock = begin((lab.link.san, PORT))
    switch.wait(f'event {listener} accept 0')
    switch.accept(listener)
    expect('connect', ended(sock, LIMIT_S), 0)
    switch.end()


@rules("R106 R63 R111")
def megabytes_go_both_ways(lab):
    lab.may_repeat = ('the stack', 'the kernel')
    switch = Switch(lab)
    sock, number, _ = accepted(lab, switch)
    size = 251 * 20000
    switch.tell('drain', number, size)
    for _ in range(20000 // 400):
        sock.sendall(CYCLE * 400)
    switch.wait(rf'drained {number} {size} good')
    for _ in range(5):
        switch.tell('send', number, size // 5)
    if read_all(sock, size) != CYCLE * 20000:
        raise Failure('other bytes came than were sent')
    switch.end()


topic.main([connects_to_the_kernel_and_moves_data, kernel_refuses, nobody_answers, connect_is_cancelled_by_a_close,
            kernel_connects_only_after_the_accept, rejected_kernel_is_refused,
            request_beyond_the_backlog_is_refused_at_once, closed_listener_refuses_what_is_queued,
            early_data_of_the_kernel_waits, close_resets_the_kernel, close_with_sends_pending_resets_the_kernel,
            reset_of_the_kernel_ends_receives, fin_of_the_kernel_is_an_empty_receive,
            cleanup_resets_all_and_a_start_works, cleanup_ends_each_operation_with_its_code,
            reset_of_the_kernel_ends_sends, kernel_that_does_not_read_resets,
            port_is_shared_by_listeners, listener_can_be_made_again_beside_its_connections,
            address_of_the_interface_is_listed,
            wildcard_is_listened_on, megabytes_go_both_ways])
