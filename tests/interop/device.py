#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""The ways to a device: made when the host is, and made by the EAL before."""
import os

from kit import kernel, topic
from kit.capture import Capture
from kit.lab import expect
from kit.proc import Failure, run, wait_until

BY_EAL = '''\
[port p]
device = {device}

[interface i]
port = p
address = {san}/24
'''


def exchange_once(lab, server):
    with kernel.connect(lab.echo) as sock:
        kernel.exchange(sock, b'over this device')
        kernel.finish(sock)
    lab.capture.stop()
    expect(lab.end_echo_server(server), accepted=1, finished=1, broken=0)


def device_named_by_vdev_is_taken(lab):
    config = lab.path('by-eal.conf')
    with open(config, 'w', encoding='utf-8') as f:
        f.write(BY_EAL.format(device=lab.link.device, san=lab.link.san))
    exchange_once(lab, lab.start_echo_server(config=config, eal=[f'--vdev={lab.link.vdev}']))


def tap_is_made_and_goes_with_the_program(lab):
    """As config/tap.conf has it: the driver makes the tap, then the kernel's end is set up."""
    name = lab.link.name
    interface = f'/proc/sys/net/ipv4/conf/{name}'
    lab.capture.stop()
    run('ip', 'link', 'del', name)
    server = lab.start_san('san-echo', 'server')
    wait_until(f'there is an interface {name}', lambda: os.path.exists(interface))
    lab.link.up()
    lab.capture = lab.add(Capture(name, lab.link.san, lab.path('made.pcapng')))
    lab.link.give_address()
    server.wait_text('serving on port')
    exchange_once(lab, server)
    if os.path.exists(interface):
        raise Failure(f'the program has ended and the interface {name} is still there')


topic.main({
    device_named_by_vdev_is_taken: ['tap', 'af_packet'],
    tap_is_made_and_goes_with_the_program: ['tap'],
})
