# SPDX-License-Identifier: BSD-3-Clause
"""One link, one capture and the programs under test, for one case."""
import hashlib
import os
import random
import shutil
import tempfile

from . import link
from .capture import Capture
from .proc import Failure, Proc

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('SAN_BUILD', os.path.join(HERE, '..', '..', '..', 'build'))
START_S = 15

CONFIG = '''\
[port p0]
device = {device}

[interface if0]
port = p0
address = {address}/{prefix}
'''


def program(name):
    """The path of a program under test, for example san-echo."""
    return os.path.join(BUILD, 'apps', name.removeprefix('san-'), name)


class Lab:
    """A place to work in that is gone afterwards; the files stay if keep is set."""

    def __init__(self, kind):
        self.keep = False
        self.storms_allowed = False
        self.offloads_on = False
        self.procs = []
        self.closers = []
        self.capture = None
        self.dir = tempfile.mkdtemp(prefix='san-interop-')
        self.link = link.KINDS[kind]()
        self.closers.append(self.link.close)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, *argv, ns=None, stdin=None, stdout=None):
        """Start a program that ends with the lab."""
        log = self.path(f'{len(self.procs)}-{os.path.basename(str(argv[0]))}.log')
        self.procs.append(Proc(argv, log, ns, stdin, stdout))
        return self.procs[-1]

    def add(self, thing):
        """Have thing.close() called at the end; the thing."""
        self.closers.append(thing.close)
        return thing

    def start_san(self, name, *args, address=True):
        """Start a program under test and connect the kernel to it."""
        if not os.path.exists(program(name)):
            raise Failure(f'{program(name)} has not been built')
        config = self.path('san.conf')
        with open(config, 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(device=self.link.device, address=link.SAN, prefix=link.PREFIX))
        proc = self.start(program(name), '-l', '0', '--no-huge', '-m', '512', '--no-pci',
                          '--no-telemetry', '--no-shconf', *self.link.eal, '--',
                          '--config', config, *args, ns=self.link.san_ns)
        self.link.wait(START_S)
        self.link.up(self.offloads_on)
        self.capture = Capture(self.link.name, self.path('wire.pcapng'))
        if address:
            self.link.give_address()
        return proc

    def payload(self, size):
        """A file of size bytes that do not repeat; its path and SHA-256."""
        path = self.path('payload')
        data = random.Random(size).randbytes(size)
        with open(path, 'wb') as f:
            f.write(data)
        return path, hashlib.sha256(data).hexdigest()

    def judge(self):
        """End the capture and have tshark read it."""
        if self.capture is None:
            raise Failure('there is no capture: the link never came up')
        self.capture.stop()
        return self.capture.judge(self.storms_allowed, not self.offloads_on)

    def close(self):
        """End and remove everything, in whatever state it is."""
        for proc in reversed(self.procs):
            proc.kill()
        if self.capture is not None:
            self.capture.proc.kill()
        for closer in reversed(self.closers):
            closer()
        if not self.keep:
            shutil.rmtree(self.dir)


def file_sha256(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()
