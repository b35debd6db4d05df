# SPDX-License-Identifier: BSD-3-Clause
"""The main() of a test: runs its cases on one kind of link and prints TAP."""
import os
import shutil
import signal
import sys
import traceback

from . import link, lab
from .proc import Failure

CASE_LIMIT_S = 600
TOOLS = ('ip', 'ethtool', 'dumpcap', 'tshark', 'curl', 'nc', 'ping', 'sysctl')
TAIL = 15


def say(text, file=sys.stdout):
    print(text, file=file, flush=True)


def diagnose(text):
    for line in str(text).splitlines():
        say(f'# {line}')


def reason_to_skip():
    """A sentence, or None when everything is there that the tests need of the machine."""
    if os.geteuid() != 0:
        return 'making network namespaces needs root'
    if not os.path.exists('/dev/net/tun'):
        return 'the kernel has no /dev/net/tun'
    missing = [t for t in TOOLS if shutil.which(t) is None]
    if missing:
        return f'not installed: {" ".join(missing)} (config/packages.debian has them)'
    return None


def end_on_signal(signum, _frame):
    raise SystemExit(128 + signum)


def end_on_alarm(_signum, _frame):
    raise Failure(f'the case was not over after {CASE_LIMIT_S} s')


def expect_complaint(client, pattern):
    """Wait for the end of a program that has to fail, and to say why."""
    status = client.wait()
    if status <= 0:
        raise Failure(f'{client.name} ended with {status}, expected an exit status above 0')
    client.wait_text(pattern)


class Topic:
    """Prints the results and remembers whether all were good."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    def result(self, good, name):
        self.number += 1
        self.failed += not good
        say(f'{"ok" if good else "not ok"} {self.number} - {name}')
        return good

    def attempt(self, name, place, step):
        """Carry one step out and print its result; on failure say all that is known."""
        try:
            step()
        except Exception as err:
            self.result(False, name)
            diagnose(err if isinstance(err, Failure) else traceback.format_exc())
            place.keep = True
            return False
        return self.result(True, name)

    def case(self, kind, make_link, function):
        """Run one case in a lab of its own: two results, its own and what tshark says."""
        name = f'{kind}: {function.__name__.replace("_", " ")}'
        signal.alarm(CASE_LIMIT_S)
        place = lab.Lab(make_link)
        try:
            good = self.attempt(name, place, lambda: function(place))
            self.attempt(f'{name}: tshark finds nothing wrong', place, place.judge)
            if not good:
                tell_logs(place)
            if place.keep:
                diagnose(f'kept: {place.dir}')
        finally:
            signal.alarm(0)
            place.close()


def tell_logs(place):
    for proc in place.procs:
        diagnose(f'{proc.name}: exit status {proc.popen.poll()}; the end of its output:')
        diagnose('\n'.join('  ' + line for line in proc.text().splitlines()[-TAIL:]))


def plan(cases, known):
    """The cases to run, each with its kind of link: those of the command line's, or all."""
    wanted = sys.argv[1:] or list(known)
    for kind in wanted:
        if kind not in known:
            sys.exit(f'{sys.argv[0]}: not a kind of link: {kind} (accepted: {" ".join(known)})')
    return [(kind, function) for kind in wanted for function, kinds in cases.items()
            if kind in kinds]


def main(cases, known=None):
    """Run cases: a dictionary from function (of a lab) to the kinds of link that it is for, or a
    list of functions that are for all. The name of a case is the name of its function. known: the
    kinds of link that there are."""
    known = known or link.KINDS
    if isinstance(cases, list):
        cases = {function: known for function in cases}
    todo = plan(cases, known)
    skip = reason_to_skip()
    if skip:
        say(f'1..0 # SKIP {skip}')
        return
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, end_on_signal)
    signal.signal(signal.SIGALRM, end_on_alarm)
    topic = Topic()
    say(f'1..{2 * len(todo)}')
    for kind, function in todo:
        topic.case(kind, known[kind], function)
    sys.exit(1 if topic.failed else 0)
