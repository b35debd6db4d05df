# SPDX-License-Identifier: BSD-3-Clause
"""A long way: two ends, and san-impair between them.

	left namespace          middle                          right namespace
	san0  ------ veth ------ left  san-impair  right ------ veth ------  san0

An end is the kernel's, which has an address then, or the stack's, which has the interface for itself.
The process is in the right namespace. Offloads are off everywhere: what crosses the wires is what a
network card would have sent.
"""
import re
from subprocess import PIPE

from . import lab as kit
from .link import Link, switch_ipv6_off, switch_offloads_off
from .netns import Namespace
from .proc import Failure, run

NAME = 'san0'
# Past the queueing discipline the kernel would show a capture no frame that the bridge sends.
DEVICE = 'net_af_packet{0},iface={1},framecnt=16384,qdisc_bypass=0'

# The end on the right is the peer of config/af_packet.conf, which the end on the left has as it is.
CONFIG = '''[host]
name = right

[port veth]
device = net_af_packet0,iface=san0,framecnt=4096

[interface veth0]
port = veth
address = 10.8.0.1/24
mac = 02:00:00:00:08:01
'''


def pair(end, middle, name):
    """A veth pair between an end and the middle."""
    run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', NAME, 'netns', end.path(), ns=middle)
    for where, interface in ((middle, name), (end, NAME)):
        switch_ipv6_off(interface, ns=where)
        run('ip', 'link', 'set', interface, 'up', ns=where)
        switch_offloads_off(interface, ns=where)


class PathLink(Link):
    """stacks: which ends are the stack's. As a Link: san is the left end, peer the right one."""

    name = NAME
    config = 'af_packet.conf'
    net = '10.8.0'
    stacks = ()
    congestion = 'cubic'

    def __init__(self):
        self.left = Namespace.enter_new()
        run('ip', 'link', 'set', 'lo', 'up')
        self.middle = Namespace.enter_new()
        super().__init__()
        self.right = self.ns
        self.san_ns = self.left
        pair(self.left, self.middle, 'left')
        pair(self.right, self.middle, 'right')

    def give_address(self, address=None):
        for side, ns, own in (('left', self.left, self.san), ('right', self.right, self.peer)):
            if side not in self.stacks:
                run('ip', 'addr', 'add', f'{own}/24', 'dev', self.name, 'noprefixroute', ns=ns)
                self.control_congestion(self.congestion, ns)

    def show_kernel(self):
        """Give the kernel on the right an address beside the stack's: it may ask what is on the left whether it is there."""
        run('ip', 'addr', 'replace', f'{self.host(3)}/24', 'dev', self.name, ns=self.right)

    def control_congestion(self, name, ns):
        """Choose the congestion control of a kernel's end. The namespace's default takes only what the
        machine's administrator has allowed, the route takes all that there are."""
        run('ip', 'route', 'replace', f'{self.net}.0/24', 'dev', self.name, 'congctl', name, ns=ns)

    def close(self):
        self.left.close()
        self.middle.close()
        self.right.close()


class KernelKernel(PathLink):
    kind = 'kernel-kernel'


class StackKernel(PathLink):
    kind = 'stack-kernel'
    stacks = ('left',)


class KernelStack(PathLink):
    kind = 'kernel-stack'
    stacks = ('right',)


class StackStack(PathLink):
    kind = 'stack-stack'
    stacks = ('left', 'right')


KINDS = {cls.kind: cls for cls in (KernelKernel, StackKernel, KernelStack, StackStack)}


class Impair:
    """san-impair between the ends of a lab whose link is one of these."""

    def __init__(self, lab, *settings, seed=1, eal=('-m', '192')):
        # it is the network: it has to be on time
        self.proc = lab.start(kit.program('san-impair'), '--lcores', kit.LCORES, '--no-huge', *eal,
                              '--no-pci', '--no-telemetry', '--no-shconf', '--',
                              '--left', DEVICE.format(0, 'left'), '--right', DEVICE.format(1, 'right'),
                              '--commands', '--seed', seed, *settings, ns=lab.link.middle, stdin=PIPE, first=True)
        self.proc.wait_text('bridging')

    def tell(self, command, answer='\n'):
        """Give a command and wait until it is obeyed; what the answer, a pattern, matches in."""
        before = len(self.proc.text())
        self.proc.popen.stdin.write(f'{command}\n'.encode())
        self.proc.popen.stdin.flush()
        self.proc.wait_text(answer, start=before)
        return self.proc.text()[before:]

    def counters(self):
        """What it has counted, by the side that the frames went to."""
        return read_counters(self.tell('stats', 'to the left: .* us$'))

    def stop(self):
        """End it, in good order; its counters."""
        if self.proc.stop() != 0:
            raise Failure(f'san-impair ended with {self.proc.popen.returncode}, expected 0')
        return read_counters(self.proc.text())


def read_counters(text):
    """The last counters in a text: {'right': {'in': 12, ...}, 'left': ...}."""
    said = {}
    for side, line in re.findall(r'to the (left|right): (in .*) us$', text, re.M):
        said[side] = {name: int(number) for name, number in
                      (word.split(' ') for word in line.split(', '))}
    return said
