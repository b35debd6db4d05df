# SPDX-License-Identifier: BSD-3-Clause
"""What a build costs: instructions of whole paths (path.c), and of operations alone (ops.c)."""
import os
import re
import subprocess

import callgrind

FEW, MANY = 512, 1536
OWN = ("api", "sock", "op")
SHORT, LONG = 30, 90


def run_path(build, mode, count, *only):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *only,
                           build + "/tests/perf/perf-path", mode, str(count)],
                          capture_output=True, text=True, check=True)
    return (int(re.search(r"Collected : (\d+)", done.stderr).group(1)),
            int(re.search(r"rounds (\d+)", done.stdout).group(1)))


def of_path(build, mode):
    """Instructions and rounds of one: the difference of two runs."""
    few, many = run_path(build, mode, FEW), run_path(build, mode, MANY)
    instructions, rounds = [(b - a) / (MANY - FEW) for a, b in zip(few, many)]
    return (instructions / rounds, 1) if mode == "idle" else (instructions, rounds)


SERVERS = {"short": "serve_turn", "blast": "serve_blast"}


def of_server(build, mode):
    """Instructions and rounds of a whole short connection, its server's alone."""
    few, many = [run_path(build, mode, count, "--toggle-collect=" + SERVERS[mode]) for count in (FEW, MANY)]
    return [(b - a) / (MANY - FEW) for a, b in zip(few, many)]


def of_answer(build):
    """Instructions and rounds of a server alone, from a burst in to the burst that answers it."""
    few, many = [run_path(build, "answer", count, "--collect-atstart=no") for count in (FEW, MANY)]
    return [(b - a) / (MANY - FEW) for a, b in zip(few, many)]


# Of the machine whose caches are simulated, whichever this one has. The last level holds a tenth of MANY in path.c.
CACHES = ["--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=262144,16,64"]
TURN = 992


def run_caches(build, mode, count):
    """Misses of data in the first level, and in the last. The environment lies in memory too, so there is none."""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"] + CACHES +
                          [build + "/tests/perf/perf-path", mode, str(count)],
                          capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    # Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw
    n = [int(x) for x in re.search(r"Collected : ([\d ]+)", done.stderr).group(1).split()]
    return n[4] + n[5], n[7] + n[8]


def misses_of_path(build, mode):
    """Of one, in both: the difference of two runs of whole turns."""
    few, many = run_caches(build, mode, 2 * TURN), run_caches(build, mode, 4 * TURN)
    return [(b - a) / (2 * TURN) for a, b in zip(few, many)]


class Machine:
    def __init__(self, build):
        self.build = build
        self.program = os.path.join(build, "tests/perf/perf-ops")
        self.idle = {}
        self.missed = {}

    def count(self, case, where, batch, batches):
        profile, text = callgrind.run(self.build, [self.program, case, where, str(batches), str(batch)])
        own = sum(profile.own[m] for m in OWN)
        below = sum(n for m, n in profile.own.items() if m not in OWN + ("other",))
        return own, below, int(re.search(r"rounds (\d+)", text).group(1)), profile

    def instructions(self, case, where, batch):
        """Own and below of one batch."""
        few, many = self.count(case, where, batch, SHORT), self.count(case, where, batch, LONG)
        own, below, rounds = [(b - a) / (LONG - SHORT) for a, b in zip(few[:3], many[:3])]
        if case != "idle" and rounds:
            idle = self.an_empty_round(where)
            own, below = own - rounds * idle[0], below - rounds * idle[1]
        self.last = few[3], many[3]
        return own, below

    def misses(self, mode):
        if mode not in self.missed:
            self.missed[mode] = misses_of_path(self.build, mode)
        return self.missed[mode]

    def an_empty_round(self, where):
        if where not in self.idle:
            self.idle[where] = self.instructions("idle", where, 1)
        return self.idle[where]

    def functions(self):
        few, many = self.last
        for key, n in sorted(many.by_function.items(), key=lambda item: -item[1]):
            yield "%s/%s" % key, (n - few.by_function[key]) / (LONG - SHORT)

    def cycles(self, case, where, batch):
        """Of the calls of a batch, and of its rounds; how many batches were disturbed."""
        done = subprocess.run([self.program, case, where, "1000", str(batch)], capture_output=True, text=True,
                              check=True)
        return [int(n) for n in re.search(r"calls (\d+) cycles (\d+) slices \d+ disturbed (\d+)",
                                          done.stdout).groups()]
