#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Long and lossy ways: san-impair between two kernels, the stack and a kernel, two stacks.

The kernel's congestion control is CUBIC in these namespaces, whatever the machine's is.
"""
import os
import re
import time

from kit import lab as kit
from kit import topic
from kit.lab import expect, file_sha256
from kit.path import CONFIG, KINDS, Impair
from kit.proc import LIMIT_S, Failure, run, wait_until

MB = 1_000_000
ROUGH = ('--loss', '2%', '--delay', '5ms')
CROOKED = ('--delay', '3ms', '--jitter', '1ms', '--burst', '0.2%,30%', '--dup', '2%', '--reorder', '2%,5ms')

KERNEL = ('kernel-kernel',)
MIXED = ('stack-kernel',)
STACKS = ('stack-stack',)


def round_trips(lab, address, ns, count=20):
    """Least and mean of so many echoes [ms]."""
    text = run('ping', '-n', '-q', '-c', count, '-i', '0.05', '-W', LIMIT_S // 2, address, ns=ns)
    found = re.search(r'= ([\d.]+)/([\d.]+)/', text)
    if found is None or f'{count} received' not in text:
        raise Failure(text)
    topic.diagnose(f'{lab.link.kind}: {text.strip().splitlines()[-1]}')
    return float(found.group(1)), float(found.group(2))


def expect_round_trip(lab, asked_ms):
    """Never less than what was asked, and now and then not much more: as often as not the rest is the machine's."""
    end = time.monotonic() + LIMIT_S
    while True:
        least, _ = round_trips(lab, lab.link.san, lab.link.right)
        if asked_ms <= least < asked_ms + 5:
            return
        if least < asked_ms or time.monotonic() > end:
            raise Failure(f'the least round trip is {least} ms, asked were {asked_ms}')


def say_congestion(lab, client):
    """While a connection of the kernel's is there: until its client has ended, which may be before we look."""
    def seen():
        return f' {lab.link.congestion} ' in run('ss', '-Htin', ns=lab.link.right)

    wait_until(f'a connection under {lab.link.congestion}', lambda: seen() or not client.alive())
    routes = run('ip', 'route', 'show', ns=lab.link.right)
    if f'congctl {lab.link.congestion}' not in routes:
        raise Failure(f'the route has another congestion control: {routes}')
    topic.diagnose(f'congestion control of the kernel: {lab.link.congestion}')


def expect_lost(lab, impair):
    """Frames were lost, by chance and by nothing else."""
    for side, said in impair.stop().items():
        topic.diagnose(f'{lab.link.kind} to the {side}: {said["in"]} frames, {said["lost"]} lost')
        for name in ('queue-full', 'no-memory', 'too-long', 'down'):
            if said[name] != 0:
                raise Failure(f'to the {side}: {name} {said[name]}, expected 0')
        if said['lost'] == 0:
            raise Failure(f'to the {side}: no frame of {said["in"]} was lost')


def allow_repeats(lab):
    lab.may_repeat = ('the kernel', 'the stack')


def pings_take_the_delay_that_was_asked(lab):
    Impair(lab, '--delay', '20ms')
    if 'left' in lab.link.stacks:
        lab.start_echo_server()
    expect_round_trip(lab, 40)


def commands_change_the_way_at_once(lab):
    impair = Impair(lab)
    expect_round_trip(lab, 0)
    impair.tell('delay 5ms')
    expect_round_trip(lab, 10)
    impair.tell('right delay 25ms')
    expect_round_trip(lab, 30)
    impair.tell('delay 0')
    if 'accepted is a share' not in impair.tell('loss 101%'):
        raise Failure('san-impair takes a loss of 101%')
    impair.tell('left loss 100%')
    lost = run('sh', '-c', f'ping -n -q -c 3 -i 0.05 -W 1 {lab.link.san} || true', ns=lab.link.right)
    if '100% packet loss' not in lost:
        raise Failure(lost)
    said = impair.counters()
    if said['left']['lost'] < 3 or said['right']['lost'] != 0:
        raise Failure(f'lost: {said}')


def wrong_arguments_are_refused_in_one_sentence(lab):
    for argv, sentence in ((('--loss', '1'), 'loss is "1", accepted is a share'),
                           (('--left', 'net_null0'), '--right DEVICE is missing'),
                           (('--to', 'up'), '--to is "up"'), (('--foo',), '"--foo" is not an option'),
                           (('extra',), '"extra" is not an option')):
        impair = lab.start(kit.program('san-impair'), '--', *argv)
        if impair.wait() != 2:
            raise Failure(f'{argv}: exit status {impair.popen.returncode}, expected 2')
        impair.wait_text(re.escape(sentence))
    impair = lab.start(kit.program('san-impair'), '--no-huge', '--no-pci', '--no-shconf', '-m', '192',
                       '--no-telemetry', '--', '--left', 'net_null0,copy=0', '--right', 'nothing')
    if impair.wait() != 1:
        raise Failure(f'no such device: exit status {impair.popen.returncode}, expected 1')
    impair.wait_text("san-impair: port right: there is no device 'nothing'")
    Impair(lab)
    round_trips(lab, lab.link.san, lab.link.right, 1)


def nc_sends_a_file(lab):
    """Kernel to kernel: the way itself is sound."""
    allow_repeats(lab)
    path, digest = lab.payload(3 * MB)
    impair = Impair(lab, *ROUGH)
    with open(lab.path('got'), 'wb') as sink, open(path, 'rb') as source:
        server = lab.start('nc', '-l', '-N', lab.link.san, 7, ns=lab.link.left, stdout=sink)
        run('sh', '-c', 'until ss -Hlnt | grep -q :7; do sleep 0.02; done', ns=lab.link.left)
        client = lab.start('nc', '-N', lab.link.san, 7, stdin=source)
        say_congestion(lab, client)
        client.succeed()
        server.succeed()
    if file_sha256(lab.path('got')) != digest:
        raise Failure('what came is not what was sent')
    expect_lost(lab, impair)


def echo_through_nc(lab, *settings):
    """nc sends to the stack's echo server and gets all of it back; the way."""
    allow_repeats(lab)
    path, digest = lab.payload(2 * MB)
    impair = Impair(lab, *settings)
    server = lab.start_echo_server()
    with open(path, 'rb') as source, open(lab.path('back'), 'wb') as sink:
        client = lab.start('nc', '-N', *lab.echo, stdin=source, stdout=sink)
        say_congestion(lab, client)
        client.succeed()
    if file_sha256(lab.path('back')) != digest:
        raise Failure('what came back is not what was sent')
    expect(lab.end_echo_server(server), accepted=1, finished=1, broken=0)
    return impair


def nc_gets_from_the_stack_what_it_sends(lab):
    expect_lost(lab, echo_through_nc(lab, *ROUGH))


def nc_gets_it_over_a_crooked_way_too(lab):
    """Bursts of loss, repetitions, frames that overtake."""
    for side, said in echo_through_nc(lab, *CROOKED).stop().items():
        for name in ('lost', 'duplicated', 'reordered'):
            if said[name] == 0:
                raise Failure(f'to the {side}: {name} 0 of {said["in"]}')


def curl_fetches_from_the_stack(lab):
    allow_repeats(lab)
    path, digest = lab.payload(3 * MB)
    os.mkdir(lab.path('www'))
    os.rename(path, lab.path('www/big'))
    impair = Impair(lab, *ROUGH)
    server = lab.start_san('san-httpd', '--port', 80, '--root', lab.path('www'))
    server.wait_text('serving')
    client = lab.start('curl', '-sS', '-f', '-o', lab.path('got'), f'http://{lab.link.san}/big')
    say_congestion(lab, client)
    client.succeed()
    if file_sha256(lab.path('got')) != digest:
        raise Failure('the file came with other bytes')
    expect_lost(lab, impair)


def stack_gets_from_the_stack_what_it_sends(lab):
    allow_repeats(lab)
    config = lab.path('right.conf')
    with open(config, 'w', encoding='utf-8') as f:
        f.write(CONFIG)
    impair = Impair(lab, *ROUGH)
    server = lab.start_echo_server()
    client = lab.start_san('san-echo', '--bytes', 2 * MB, '--verify', 'client',
                           f'{lab.link.san}:{kit.ECHO_PORT}', config=config, ns=lab.link.right)
    client.succeed()
    # The client has seen both ends of the stream. Its last acknowledgement may be lost, and then nobody repeats it.
    expect(lab.end_echo_server(server), accepted=1, broken=0)
    expect_lost(lab, impair)


topic.main({
    wrong_arguments_are_refused_in_one_sentence: KERNEL,
    pings_take_the_delay_that_was_asked: KERNEL + MIXED,
    commands_change_the_way_at_once: KERNEL,
    nc_sends_a_file: KERNEL,
    nc_gets_from_the_stack_what_it_sends: MIXED,
    nc_gets_it_over_a_crooked_way_too: MIXED,
    curl_fetches_from_the_stack: MIXED,
    stack_gets_from_the_stack_what_it_sends: STACKS,
}, KINDS)
