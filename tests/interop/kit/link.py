# SPDX-License-Identifier: BSD-3-Clause
"""The wire between the stack and the kernel.

	tap:        one namespace; the driver makes the tap, its kernel end is the peer
	af_packet:  two namespaces; the driver has one end of a veth pair, which has no address,
	            the kernel has the other

The kernel's checksum and segmentation offloads are off on both, so that what crosses the wire is
what a network card would have sent.
"""
import os

from .netns import Namespace
from .proc import run, wait_until

PEER = '10.9.0.1'
SAN = '10.9.0.2'
PREFIX = 24

OFFLOADS = ('rx', 'tx', 'sg', 'tso', 'gso', 'gro')


def switch_offloads_off(name, ns=None):
    """Switch off the offloads of an interface, those that it has and that may be changed."""
    for feature in OFFLOADS:
        try:
            run('ethtool', '-K', name, feature, 'off', ns=ns)
        except Exception as err:
            if 'not supported' not in str(err) and 'Could not change' not in str(err):
                raise


def switch_ipv6_off(name, ns=None):
    """Keep the kernel from sending router solicitations and the like over an interface."""
    run('sh', '-c', f'echo 1 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6', ns=ns)


class Link:
    """What both kinds have. The kernel's interface is self.name."""

    def __init__(self):
        self.ns = Namespace.enter_new()
        self.san_ns = None
        run('ip', 'link', 'set', 'lo', 'up')

    def up(self, offloads_on=False):
        """Bring the kernel's end up, without an address yet; its offloads off, or as they are."""
        switch_ipv6_off(self.name)
        run('ip', 'link', 'set', self.name, 'up')
        if not offloads_on:
            switch_offloads_off(self.name)

    def give_address(self, address=PEER):
        run('ip', 'addr', 'add', f'{address}/{PREFIX}', 'dev', self.name)

    def take_address(self, address):
        run('ip', 'addr', 'del', f'{address}/{PREFIX}', 'dev', self.name)

    def close(self):
        self.ns.close()
        if self.san_ns is not None:
            self.san_ns.close()


class TapLink(Link):
    kind = 'tap'
    name = 'santap0'
    device = 'net_tap0'
    eal = ['--vdev=net_tap0,iface=santap0']

    def wait(self, limit_s):
        """Wait until the driver has made the tap."""
        wait_until(f'interface {self.name} is there',
                   lambda: os.path.exists(f'/proc/sys/net/ipv4/conf/{self.name}'), limit_s)


class VethLink(Link):
    kind = 'af_packet'
    name = 'veth1'
    device = 'net_af_packet0'
    eal = ['--vdev=net_af_packet0,iface=veth0']

    def __init__(self):
        self.san_ns = None
        inner = Namespace.enter_new()
        super().__init__()
        self.san_ns = inner
        run('ip', 'link', 'add', 'veth1', 'type', 'veth', 'peer', 'name', 'veth0',
            'netns', inner.path())
        switch_ipv6_off('veth0', ns=inner)
        run('ip', 'link', 'set', 'veth0', 'up', ns=inner)
        switch_offloads_off('veth0', ns=inner)

    def wait(self, limit_s):
        """Nothing to wait for."""


KINDS = {'tap': TapLink, 'af_packet': VethLink}
