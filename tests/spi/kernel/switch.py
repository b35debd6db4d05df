# SPDX-License-Identifier: BSD-3-Clause
"""The stack's end: a switch over the SAN provider interface that does what it is told (switch.c)."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'interop'))

from kit.lab import BUILD, LCORES, ROOT  # noqa: E402 (the path comes first)
from kit.proc import LIMIT_S, Failure  # noqa: E402

PROGRAM = os.path.join(BUILD, 'tests', 'spi', 'kernel', 'spi-switch')
CYCLE = bytes(range(251))
WOULDBLOCK = 10035
ACCEPT, CONNECT = 8, 16


def stream(size, offset=0):
    """The octets that both ends send and expect."""
    whole = CYCLE * ((offset + size) // len(CYCLE) + 1)
    return whole[offset:offset + size]


class Switch:
    """One process; sockets are numbers."""

    def __init__(self, lab):
        self.lab = lab
        config = os.path.join(ROOT, 'config', lab.link.config)
        self.proc = lab.start(PROGRAM, '--lcores', LCORES, '--no-huge', '-m', '512', '--no-pci', '--no-telemetry',
                              '--no-shconf', '--', config, ns=lab.link.san_ns, stdin=subprocess.PIPE)
        self.read = 0
        self.wait('started 0')

    def tell(self, *words):
        self.proc.popen.stdin.write((' '.join(map(str, words)) + '\n').encode())
        self.proc.popen.stdin.flush()

    def wait(self, pattern, limit_s=LIMIT_S):
        """Wait for a line that was not there when the last one was found; the match."""
        found = self.proc.wait_text(f'^(?:.*: )?{pattern}$', limit_s, self.read)
        self.read += found.end()
        return found

    def anywhere(self, pattern, limit_s=LIMIT_S):
        """Wait for a line, wherever it is."""
        return self.proc.wait_text(f'^(?:.*: )?{pattern}$', limit_s)

    def count(self, word):
        """How many lines have this in them by now."""
        return sum(word in line for line in self.proc.text().splitlines())

    def ask(self, *words):
        """Tell it a call of a socket; its code."""
        self.tell(*words)
        return int(self.wait(rf'{words[0]} {words[1]} (\d+).*').group(1))

    def must(self, *words, code=0):
        got = self.ask(*words)
        if got != code:
            raise Failure(f'{" ".join(map(str, words))}: {got}, expected {code}')

    def socket(self):
        self.tell('socket')
        return int(self.wait(r'socket (\d+) 0').group(1))

    def listener(self, port, backlog=5, address=None, reuse=False):
        n = self.socket()
        if reuse:
            self.must('option', n, 'reuse', 1)
        self.must('bind', n, address or self.lab.link.san, port)
        self.must('listen', n, backlog)
        self.must('select', n, ACCEPT)
        return n

    def begin(self, address, port, source=4000):
        """Begin a connect; its number."""
        n = self.socket()
        self.must('bind', n, self.lab.link.san, source)
        self.must('select', n, CONNECT)
        self.must('connect', n, address, port, code=WOULDBLOCK)
        return n

    def outcome(self, n, limit_s=LIMIT_S):
        return int(self.wait(rf'event {n} connect (\d+)', limit_s).group(1))

    def connect(self, address, port, source=4000):
        n = self.begin(address, port, source)
        code = self.outcome(n)
        if code != 0:
            raise Failure(f'the connect failed with {code}')
        return n

    def accept(self, n):
        """Take what is queued; the new number and the peer."""
        self.tell('accept', n, 'yes')
        found = self.wait(rf'accept {n} 0 (\d+) (\S+) (\d+)')
        return int(found.group(1)), (found.group(2), int(found.group(3)))

    def close(self, n):
        self.must('close', n)
        self.anywhere(f'closed {n}')

    def end(self):
        """End it in good order."""
        self.tell('cleanup')
        self.wait('cleanup 0')
        self.proc.popen.stdin.close()
        self.proc.succeed()
