# SPDX-License-Identifier: BSD-3-Clause
"""Child processes: output in a file, a limit for every wait, dead when the test is dead."""
import ctypes
import os
import platform
import re
import signal
import struct
import subprocess
import time

from . import netns

POLL_S = 0.02
# Of every wait: what comes goes on at once, and how soon it comes is the business of a machine that may have other things
# to do. A limit is for what hangs.
LIMIT_S = 120
PREFERRED = -10	# as nice has it
SLICE_NS = 100_000	# the least that the kernel gives

SYS_SCHED_SETATTR = {'x86_64': 314, 'aarch64': 274}
SCHED_OTHER = 0

_libc = ctypes.CDLL(None)


class Failure(Exception):
    """Something is not as it has to be; the text says what was expected and what was found."""


def go_first():
    """Have the kernel prefer this process, and its session, where it weighs whole sessions."""
    os.setpriority(os.PRIO_PROCESS, 0, PREFERRED)
    try:
        with open('/proc/self/autogroup', 'w', encoding='ascii') as f:
            f.write(str(PREFERRED))
    except OSError:
        pass
    take_short_slices()


def take_short_slices():
    """Have the kernel (Linux 6.12) take turns quickly with others like this one: more of them poll than there
    are processors, and each turn of another is a delay on the way. What has no such call goes without."""
    number = SYS_SCHED_SETATTR.get(platform.machine())
    if number is not None:
        # size, policy, flags, nice, priority, runtime, deadline, period
        _libc.syscall(number, 0, struct.pack('=IIQiIQQQ', 48, SCHED_OTHER, 0, PREFERRED, 0, SLICE_NS, 0, 0), 0)


class Proc:
    """A running child, leader of a process group of its own."""

    def __init__(self, argv, log, ns=None, stdin=None, stdout=None, first=False):
        """Start argv. Output goes to the file log (stdout elsewhere if it is given). first: it gets a
        processor before what else the machine does."""
        self.argv = [str(a) for a in argv]
        self.name = os.path.basename(self.argv[0])
        self.log = log
        parent = os.getpid()

        def prepare():
            netns.die_with_parent(signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            if ns is not None:
                ns.enter()
            if first:
                go_first()

        with open(log, 'wb') as out:
            self.popen = subprocess.Popen(
                self.argv, stdin=stdin or subprocess.DEVNULL, stdout=stdout or out, stderr=out,
                start_new_session=True, preexec_fn=prepare)

    def text(self):
        """What it has printed so far."""
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def alive(self):
        return self.popen.poll() is None

    def wait(self, limit_s=LIMIT_S):
        """Wait for its end; its exit status, or minus the signal that ended it."""
        try:
            return self.popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f'{self.name}: not finished after {limit_s} s') from None

    def succeed(self, limit_s=LIMIT_S):
        """Wait for its end, which has to be exit status 0."""
        status = self.wait(limit_s)
        if status != 0:
            raise Failure(f'{self.name}: exit status {status}, expected 0')

    def wait_text(self, pattern, limit_s=LIMIT_S, start=0):
        """Wait until its output, from start on, matches the regular expression; the match."""
        end = time.monotonic() + limit_s
        while True:
            alive = self.alive()
            found = re.search(pattern, self.text()[start:], re.MULTILINE)
            if found:
                return found
            if not alive:
                raise Failure(f'{self.name}: ended with {self.popen.returncode} before it said '
                              f'"{pattern}"')
            if time.monotonic() > end:
                raise Failure(f'{self.name}: did not say "{pattern}" within {limit_s} s')
            time.sleep(POLL_S)

    def stop(self, limit_s=LIMIT_S, signum=signal.SIGINT):
        """Ask it to end; its exit status."""
        if self.alive():
            self.popen.send_signal(signum)
        return self.wait(limit_s)

    def kill(self):
        """End it and its process group at once. Allowed at any time, more than once."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()


def run(*argv, ns=None, limit_s=LIMIT_S):
    """Run a short command that has to succeed; its output."""
    def prepare():
        netns.die_with_parent(signal.SIGKILL)
        if ns is not None:
            ns.enter()

    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=limit_s,
                          preexec_fn=prepare, check=False)
    if done.returncode != 0:
        raise Failure(f'{" ".join(map(str, argv))}: {done.stderr.strip()}')
    return done.stdout


def wait_until(what, test, limit_s=LIMIT_S):
    """Wait until test() is true; what names it in the failure."""
    end = time.monotonic() + limit_s
    while not test():
        if time.monotonic() > end:
            raise Failure(f'{what}: not so within {limit_s} s')
        time.sleep(POLL_S)
