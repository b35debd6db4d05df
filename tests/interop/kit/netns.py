# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces without a name.

A namespace lives as long as a process is in it or a descriptor refers to it. These have no name
under /run/netns, so nothing of them, of their taps or of their veth pairs can stay behind: they end
with the test and its children, after a kill -9 too.

The test process is itself in the namespace of the kernel's end, so that sockets, curl and nc need
no wrapper. unshare() and setns() move the calling thread only: they are called on the main thread,
before any other is started; threads and children inherit its namespace.
"""
import ctypes
import os

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        err = ctypes.get_errno()
        raise OSError(err, f'{what}: {os.strerror(err)}')


class Namespace:
    """A handle on a network namespace."""

    def __init__(self):
        """Refer to the namespace that the process is in."""
        self.fd = os.open('/proc/self/ns/net', os.O_RDONLY | os.O_CLOEXEC)

    @classmethod
    def enter_new(cls):
        """Make a namespace, move the process into it, and bring its loopback up."""
        _check(_libc.unshare(CLONE_NEWNET), 'unshare')
        return cls()

    def enter(self):
        _check(_libc.setns(self.fd, CLONE_NEWNET), 'setns')

    def path(self):
        """A name for it that iproute2 takes, from this process's children too."""
        return f'/proc/{os.getpid()}/fd/{self.fd}'

    def close(self):
        os.close(self.fd)


def die_with_parent(signum):
    """Have the kernel send signum to this process when the thread that forked it ends."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0), 'prctl')
