#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run the registered tests of a build folder and count what they print.

Usage: tests/tap.py [--counts FILE] [--again FILE] [--label NAME] [--slow FACTOR] [--waiting FACTOR] BUILD SUITE...

A test is an executable that prints TAP: a plan "1..N", then "ok 1 - name", "not ok 2 - name",
"ok 3 - name # SKIP why". Whatever else goes wrong with the program is a failure of its own: an exit
status that its results do not explain, a signal, the time limit, fewer or more results than planned,
no results at all. Tests that meson may run side by side (is_parallel) are: as many at a time as there are
processors, two at least, times --waiting, which is for those that wait most of their time; the others follow, each by
itself. A line of each result goes to standard output, one word line of each ("ok", "not ok", "skip") to the file of
counts, and what did not pass once more to the other, for the end of a long run. Tests of the suite "noasan" are left out
when there is a label.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

RESULT = re.compile(r"^(ok|not ok)\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?$", re.I)
SKIP = re.compile(r"#\s*skip\S*\s*(.*)$", re.I)


class Output:
    """What one program printed, understood."""

    def __init__(self):
        self.results = []  # (kind, name, reason), kind: ok, not ok, skip
        self.plan = None
        self.plans = 0
        self.bail = None

    def take(self, line):
        plan = PLAN.match(line)
        if plan:
            # cmocka prints a plan for each group of one program.
            self.plans += 1
            self.plan = (self.plan or 0) + int(plan.group(1))
            if plan.group(2) is not None and int(plan.group(1)) == 0:
                self.results.append(("skip", "all", plan.group(2)))
                self.plan += 1
            return
        if line.startswith("Bail out!"):
            self.bail = line
            return
        result = RESULT.match(line)
        if not result:
            return
        kind, _, name = result.groups()
        skip = SKIP.search(name)
        before = name[: skip.start()].strip(" -") if skip else ""
        # cmocka 1.1 writes "not ok 1 # SKIP name", others "ok 1 - name # SKIP why".
        if skip and (kind == "ok" or not before):
            self.results.append(("skip", before or skip.group(1), skip.group(1) if before else ""))
        else:
            self.results.append((kind, name.strip(), ""))

    def wrong(self, status, timed_out, limit):
        """The sentence about what is wrong beside single results; None: nothing."""
        failed = any(kind == "not ok" for kind, _, _ in self.results)
        if timed_out:
            return "stopped at its limit of %d s" % limit
        if status < 0:
            return "ended by signal %s" % signal.Signals(-status).name
        if self.bail:
            return self.bail
        if self.plan is None:
            return "printed no plan (1..N)"
        if len(self.results) != self.plan:
            return "planned %d results and printed %d" % (self.plan, len(self.results))
        if self.plan == 0:
            return "has no test"
        if status != 0 and not failed:
            return "left with status %d and no failed result" % status
        return None


def run(test, limit):
    """Run one program in a session of its own; nothing it started outlives it."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    env.update(test["env"])
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        try:
            child = subprocess.Popen(test["cmd"], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, env=env, cwd=test["workdir"],
                                     start_new_session=True)
        except OSError as error:
            return "Bail out! cannot be started: %s" % error.strerror, 0, False
        timed_out = False
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            timed_out = True
            # A shell test gives back its namespaces and pages in its TERM trap.
            os.killpg(child.pid, signal.SIGTERM)
            try:
                status = child.wait(10)
            except subprocess.TimeoutExpired:
                status = None
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if status is None:
            status = child.wait()
        out.seek(0)
        return out.read(), status, timed_out


def timed_run(test, slow):
    """What report() wants to know of a test, in its order."""
    limit = (test["timeout"] or 30) * slow
    begin = time.monotonic()
    text, status, timed_out = run(test, limit)
    return text, status, timed_out, limit, time.monotonic() - begin


def run_all(tests, slow, waiting):
    """Yield each test and its outcome."""
    beside = [test for test in tests if test["is_parallel"]]
    with concurrent.futures.ThreadPoolExecutor(waiting * max(2, len(os.sched_getaffinity(0)))) as pool:
        yield from zip(beside, pool.map(lambda test: timed_run(test, slow), beside))
    for test in tests:
        if not test["is_parallel"]:
            yield test, timed_run(test, slow)


def report(label, test, text, status, timed_out, limit, seconds):
    """Print what a test did; return its words, and the lines on what did not pass."""
    output = Output()
    for line in text.splitlines():
        output.take(line)
    wrong = output.wrong(status, timed_out, limit)
    words = [kind for kind, _, _ in output.results]
    if wrong:
        words.append("not ok")
    name = "%s %s" % (label, test["name"])
    again = []
    for kind, case, reason in output.results:
        shown = {"ok": "ok      ", "not ok": "FAILED  ", "skip": "skipped "}[kind]
        line = "%s%s: %s%s" % (shown, name, case, " (%s)" % reason if reason else "")
        print(line)
        if kind != "ok":
            again.append(line)
    if wrong:
        again.append("FAILED  %s: %s" % (name, wrong))
        print(again[-1])
    if "not ok" in words:
        # What passed is above; the message of a case in the middle must not be pushed out by it.
        lines = [line for line in text.splitlines() if not line.startswith("ok ")]
        print("\n".join(last_of(lines, 200)))
        again += last_of(lines, 25)
    print("        %s: %.1f s" % (name, seconds), flush=True)
    return words, again


def last_of(lines, most):
    """The last lines of a program's output, set off, with how many came before."""
    if len(lines) > most:
        lines = ["... (%d lines more)" % (len(lines) - most)] + lines[-most:]
    return ["    | " + line for line in lines]


def append(path, lines):
    if path:
        with open(path, "a") as file:
            file.write("".join(line + "\n" for line in lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts")
    parser.add_argument("--again")
    parser.add_argument("--label")
    parser.add_argument("--slow", type=int, default=1)
    parser.add_argument("--waiting", type=int, default=1)
    parser.add_argument("build")
    parser.add_argument("suites", nargs="+")
    args = parser.parse_args()

    with open(os.path.join(args.build, "meson-info", "intro-tests.json")) as file:
        tests = json.load(file)
    all_words = []
    all_again = []
    for suite in args.suites:
        own = [test for test in tests
               if any(name.split(":")[-1] == suite for name in test["suite"])
               and not (args.label and any(name.split(":")[-1] == "noasan" for name in test["suite"]))]
        own.sort(key=lambda test: -test["priority"])
        label = "%s %s" % (args.label, suite) if args.label else suite
        if not own:
            all_again.append("FAILED  %s: no test is registered" % label)
            print(all_again[-1])
            all_words.append("not ok")
        for test, outcome in run_all(own, args.slow, args.waiting):
            words, again = report(label, test, *outcome)
            all_words += words
            all_again += again
    append(args.counts, all_words)
    append(args.again, all_again)
    return 1 if "not ok" in all_words else 0


if __name__ == "__main__":
    sys.exit(main())
