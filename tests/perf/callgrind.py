# SPDX-License-Identifier: BSD-3-Clause
"""What callgrind has counted, by the module of lib/ that the instructions belong to."""
import collections
import os
import re
import subprocess
import sys
import tempfile

MOVES = re.compile(r"mem(cpy|move|set|cmp)|bcmp|rte_mov")


def symbol_modules(build):
    """Name of a function -> the module whose archive has it; of a name that several have, none."""
    owner = {}
    for module in os.listdir(os.path.join(build, "lib")):
        found = re.fullmatch(r"libsani_(\w+)\.a", module)
        if not found:
            continue
        text = subprocess.run(["nm", os.path.join(build, "lib", module)], capture_output=True, text=True,
                              check=True).stdout
        for name in re.findall(r"^[0-9a-f]+ [tT] (\w+)", text, re.M):
            of = found.group(1).replace("spi_", "spi/")
            owner[name] = of if owner.get(name, of) == of else None
    return owner


class Profile:
    """own[module]: instructions of its functions, inlined ones included, and of the moves that they call."""

    def __init__(self, text, owner):
        self.names = {}
        self.owner = owner
        self.own = collections.Counter()
        self.by_function = collections.Counter()
        self.read(text)

    def name(self, kind, text):
        found = re.fullmatch(r"\((\d+)\)(?: (.*))?", text)
        if found.group(2) is not None:
            self.names[kind, found.group(1)] = found.group(2)
        return self.names[kind, found.group(1)]

    def module_of(self, path, function):
        found = re.search(r"lib/(\w+|spi/\w+)/[\w.]+\.c$", path)
        if found:
            return found.group(1)
        return self.owner.get(re.sub(r"'\d+$|\.\w+(\.\d+)?$", "", function)) or "other"

    def read(self, text):
        module = path = function = called = None
        is_call = False
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key in ("fl", "fi", "fe", "cfi", "cfl"):
                name = self.name("file", value)
                path = name if key == "fl" else path
            elif key == "fn":
                function = self.name("fn", value)
                module = self.module_of(path, function)
                is_move = MOVES.search(function) and module == "other"
            elif key == "cfn":
                called = self.name("fn", value)
            elif key in ("ob", "cob"):
                self.name("ob", value)
            elif key == "calls":
                is_call = True
            elif re.match(r"[+*\-\d]", line):
                cost = int((line.split() + ["0"])[1])
                if not is_call and not is_move:
                    self.own[module] += cost
                    self.by_function[module, function] += cost
                elif is_call and MOVES.search(called) and not is_move:
                    self.own[module] += cost
                    self.by_function[module, called + " of " + function] += cost
                is_call = False


def run(build, arguments):
    """Run a program of tests/perf; its parts between CALLGRIND_TOGGLE_COLLECT are counted. (Profile, its output)"""
    with tempfile.NamedTemporaryFile(mode="r") as out:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                               "--callgrind-out-file=" + out.name] + arguments,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit("%s: %s" % (" ".join(arguments), done.stderr[-2000:]))
        return Profile(out.read(), symbol_modules(build)), done.stdout


FEW, MANY = 40, 120
LIMIT = 60


def print_layer(module, program, cases):
    """What a layer adds to operations: of [(mode, what)] of a program that is run as MODE BATCHES BATCH, so many
    instructions of the module each, in rounds of one and of 32. The command line: [BUILD] [--functions]. With --tap
    more than LIMIT of them are a failure."""
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    build = arguments[0] if arguments else os.environ.get("SAN_BUILD", "build")
    tap = "--tap" in sys.argv
    failed = 0
    batches_to_run = (1, 32)
    number = 0
    if tap:
        print("1..%d" % (len(cases) * len(batches_to_run)))
    for mode, what in cases:
        for batch in batches_to_run:
            few, many = [run(build, [os.path.join(build, "tests/perf", program), mode, str(batches), str(batch)])[0]
                         for batches in (FEW, MANY)]
            scale = (MANY - FEW) * batch
            each = (many.own[module] - few.own[module]) / scale
            if tap:
                number += 1
                failed += each > LIMIT
                print("%sok %d - instructions of %s: %s, %d in a round\n# %.1f, at most %d" % (
                    "not " if each > LIMIT else "", number, module, what, batch, each, LIMIT), flush=True)
                continue
            print("%-20s %2d in a round  %6.1f" % (what, batch, each))
            if "--functions" in sys.argv:
                for key, n in sorted(many.by_function.items(), key=lambda item: -item[1]):
                    each = (n - few.by_function[key]) / scale
                    if key[0] == module and each > 0.5:
                        print("    %-40s %6.1f" % (key[1], each))
    sys.exit(failed > 0)
