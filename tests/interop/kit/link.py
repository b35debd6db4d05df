# SPDX-License-Identifier: BSD-3-Clause
"""The wire between the stack and the kernel.

	tap:        one namespace; the driver has the tap's descriptor, the kernel its interface
	af_packet:  two namespaces; the driver has one end of a veth pair, which has no address,
	            the kernel has the other

Both are there before the program under test starts and after it has ended, so that a capture misses
nothing. The driver takes a tap that is there already, as it would make one that is not.

The kernel's checksum and segmentation offloads are off on both, so that what crosses the wire is
what a network card would have sent.
"""
from .netns import Namespace
from .proc import run

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
    """What both kinds have.

    name    the kernel's interface
    config  the example in config/ that the stack is started with, as it is
    device  what the device is called when the EAL makes it, as vdev says
    net     the first three numbers of the network's addresses, as in that example
    stacks  which ends are the stack's: left is ours, right the kernel's but in a way between two stacks
    """

    stacks = ('left',)

    def __init__(self):
        self.ns = Namespace.enter_new()
        self.san_ns = None
        run('ip', 'link', 'set', 'lo', 'up')

    def up(self):
        """Bring the kernel's end up, without an address yet, its offloads off."""
        switch_ipv6_off(self.name)
        run('ip', 'link', 'set', self.name, 'up')
        switch_offloads_off(self.name)

    def offload_checksums(self):
        """Have the kernel leave the checksums of what it sends to a card that is not there."""
        run('ethtool', '-K', self.name, 'tx', 'on')

    def host(self, number):
        """The address of a host of the network."""
        return f'{self.net}.{number}'

    @property
    def peer(self):
        """The kernel's address."""
        return self.host(1)

    @property
    def san(self):
        """The stack's address."""
        return self.host(2)

    def give_address(self, address=None):
        run('ip', 'addr', 'add', f'{address or self.peer}/24', 'dev', self.name)

    def take_address(self, address):
        run('ip', 'addr', 'del', f'{address}/24', 'dev', self.name)

    def close(self):
        self.ns.close()
        if self.san_ns is not None:
            self.san_ns.close()


class TapLink(Link):
    kind = 'tap'
    name = 'san0'
    config = 'tap.conf'
    device = 'net_tap0'
    vdev = 'net_tap0,iface=san0'
    net = '10.9.0'

    def __init__(self):
        super().__init__()
        run('ip', 'tuntap', 'add', 'dev', self.name, 'mode', 'tap', 'multi_queue')
        self.up()


class VethLink(Link):
    kind = 'af_packet'
    name = 'san1'
    config = 'af_packet.conf'
    device = 'net_af_packet0'
    vdev = 'net_af_packet0,iface=san0,framecnt=4096'
    net = '10.8.0'

    def __init__(self):
        self.san_ns = None
        inner = Namespace.enter_new()
        super().__init__()
        self.san_ns = inner
        run('ip', 'link', 'add', 'san1', 'type', 'veth', 'peer', 'name', 'san0',
            'netns', inner.path())
        switch_ipv6_off('san0', ns=inner)
        run('ip', 'link', 'set', 'san0', 'up', ns=inner)
        switch_offloads_off('san0', ns=inner)
        self.up()


KINDS = {'tap': TapLink, 'af_packet': VethLink}
