# SPDX-License-Identifier: BSD-3-Clause
"""One link, one capture and the programs under test, for one case."""
import hashlib
import os
import random
import shutil
import tempfile

from .capture import Capture
from .proc import LIMIT_S, Failure, Proc, run

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
BUILD = os.environ.get('SAN_BUILD', os.path.join(ROOT, 'build'))
ECHO_PORT = 7  # the server's default

# Any of this process's processors: two tests may run at the same time.
LCORES = '0@(%s)' % ','.join(map(str, sorted(os.sched_getaffinity(0))))


def program(name):
    """The path of a program under test, for example san-echo."""
    return os.path.join(BUILD, 'apps', name.removeprefix('san-'), name)


class Lab:
    """A place to work in that is gone afterwards; the files stay if keep is set."""

    def __init__(self, make_link, capture=True):
        self.keep = False
        self.may_repeat = ()
        self.kernel_sends_well = True
        self.procs = []
        self.closers = []
        self.dir = tempfile.mkdtemp(prefix='san-interop-')
        self.link = self.add(make_link())
        if capture:
            self.capture = self.add(Capture(self.link.name, self.link.san, self.path('wire.pcapng'),
                                            san_is_kernel='left' not in self.link.stacks))
        self.link.give_address()

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, *argv, **how):
        """Start a program that ends with the lab; how as Proc has it."""
        log = self.path(f'{len(self.procs)}-{os.path.basename(str(argv[0]))}.log')
        self.procs.append(Proc(argv, log, **how))
        return self.procs[-1]

    def add(self, thing):
        """Have thing.close() called at the end; the thing."""
        self.closers.append(thing.close)
        return thing

    def start_san(self, name, *args, config=None, eal=(), ns=None):
        """Start a program under test on the link, with the link's configuration or another, in the
        stack's namespace or another."""
        if not os.path.exists(program(name)):
            raise Failure(f'{program(name)} has not been built')
        config = config or os.path.join(ROOT, 'config', self.link.config)
        return self.start(program(name), '--lcores', LCORES, '--no-huge', '-m', '512', '--no-pci',
                          '--no-telemetry', '--no-shconf', *eal, '--', '--config', config,
                          *args, ns=ns or self.link.san_ns)

    @property
    def echo(self):
        """Where the echo server is, for a kernel socket."""
        return self.link.san, ECHO_PORT

    def start_echo_server(self, *args, **kwargs):
        """Start the echo server and wait until it listens; arguments as start_san() has them."""
        server = self.start_san('san-echo', *args, 'server', **kwargs)
        server.wait_text('serving on port')
        return server

    def settle(self):
        """Wait until the stack has taken what the kernel has sent, its last acknowledgements too, and the program what that
        brings: an answer to a ping says the one, an answer to the next says that a whole round has come between."""
        if 'right' in self.link.stacks:
            self.link.show_kernel()
        for _ in range(2):
            run('ping', '-n', '-q', '-c', '1', '-w', LIMIT_S // 2, self.link.san)

    def end_echo_server(self, server):
        """Have the server end, which it has to do in good order; what it says of its connections:
        accepted, finished (a FIN from both ends), broken (reset or timed out)."""
        if not server.alive():
            raise Failure(f'the server is gone: {server.popen.returncode}')
        self.settle()
        if server.stop() != 0:
            raise Failure(f'the server ended with {server.popen.returncode}, expected 0')
        said = server.wait_text(r'(\d+) connections accepted, (\d+) finished, (\d+) broken off')
        return dict(zip(('accepted', 'finished', 'broken'), map(int, said.groups())))

    def payload(self, size):
        """A file of size bytes that do not repeat; its path and SHA-256."""
        path = self.path('payload')
        data = random.Random(size).randbytes(size)
        with open(path, 'wb') as f:
            f.write(data)
        return path, hashlib.sha256(data).hexdigest()

    def judge(self):
        """End the capture and have tshark read it."""
        self.capture.stop()
        return self.capture.judge(self.may_repeat, self.kernel_sends_well)

    def close(self):
        """End and remove everything, in whatever state it is."""
        for proc in reversed(self.procs):
            proc.kill()
        for closer in reversed(self.closers):
            closer()
        if not self.keep:
            shutil.rmtree(self.dir)


def expect(said, **wanted):
    """Compare what a server says with what it has to say."""
    for word, number in wanted.items():
        if said[word] != number:
            raise Failure(f'the server says {said[word]} connections {word}, expected {number}')


def file_sha256(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()
