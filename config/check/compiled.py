# SPDX-License-Identifier: BSD-3-Clause
"""The library and the programs compiled by gcc and by clang, for the checks that need that.

What gcc says and makes is taken from SAN_BUILD when that is a build of the tree with gcc to which a warning is an error,
as ./tests/run makes it, and nothing in it is left to do. Otherwise ROOT/build-lint/ gets the same objects, by the same
commands without -g. Nearly all the time would go into reading DPDK's headers: the two large ones are precompiled there,
for those sources that include them, themselves or through a header of ours. No source gets what it does not include.

clang is given the same commands without what is about code: it only looks, and warns without that.

ROOT/build-lint/ stays, so that a second run is short.
"""
import fcntl
import json
import os
import re
import shlex
import subprocess

from common import blank_comments, read

# Of a command of the build: options with a word that follows, and options alone, that are not passed on; to clang none
# of those that are about code.
FOLLOWED = ("-o", "-MQ", "-MF")
ALONE = re.compile(r"-MD|-g|-fdiagnostics-color=.*")
CODE = re.compile(r"-c|-O\w|-fPIC|-f(no-)?tree-.*")

# The second is in the first.
BIG = ("rte_ethdev.h", "rte_mbuf.h")

# By compiler: where objects go; how what is precompiled is called, and by which option a source gets it.
OUTPUT = {"gcc": "", "clang": "clang/"}
ENDING = {"gcc": ".gch", "clang": ".pch"}
INCLUDE = {"gcc": ("-include", ""), "clang": ("-include-pch", ".pch")}

RULES = """rule gcc
  command = gcc $flags -MD -MF $out.d $in -o $out
  depfile = $out.d
  deps = gcc
rule gcc-header
  command = gcc $flags -x c-header -MD -MF $out.d $in -o $out
  depfile = $out.d
  deps = gcc
rule clang
  command = clang $flags -fsyntax-only -MD -MF $out.d -MT $out $in && touch $out
  depfile = $out.d
  deps = gcc
rule clang-header
  command = clang $flags -x c-header -MD -MF $out.d $in -o $out
  depfile = $out.d
  deps = gcc
rule make
  command = $command
"""


def run(*command, **more):
    """Sentences on what is wrong."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    return [] if done.returncode == 0 else ["%s:\n%s" % (" ".join(command)[:200], done.stdout[-8000:])]


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def write_changed(path, text):
    if not os.path.exists(path) or read(path) != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def includes(path):
    text = blank_comments(read(path), strings=False)
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', text, re.M)


def included_by(folders, name, known):
    """Headers that one of these folders includes, itself or through others; known: what was found before, by header."""
    if name not in known:
        known[name] = set()
        paths = [os.path.join(folder, name) for folder in folders]
        for inner in [inner for path in paths if os.path.exists(path) for inner in includes(path)]:
            known[name] |= {inner} | included_by(folders, inner, known)
    return known[name]


def versions():
    """What is precompiled is of no use to another compiler, and packages bring headers that look old."""
    return "; ".join(said(*command).split("\n")[0] for command in
                     (["gcc", "--version"], ["clang", "--version"], ["pkg-config", "--modversion", "libdpdk"]))


def flags_of(entry, compiler):
    """What a compiler is given of a command: its flags, without compiler, source and output; folders are absolute."""
    words = shlex.split(entry["command"])
    words = words[[word.startswith("-") for word in words].index(True):]
    flags = []
    while words:
        word = words.pop(0)
        if word in FOLLOWED:
            words.pop(0)
        elif word.startswith("-I"):
            flags.append("-I" + os.path.normpath(os.path.join(entry["directory"], word[2:])))
        elif word != entry["file"] and not ALONE.fullmatch(word) and not (compiler == "clang" and CODE.fullmatch(word)):
            flags.append(word)
    return flags


def commands_of(tree, folder):
    """How the library and the programs are compiled there; [] if it is no build of the tree."""
    path = os.path.join(folder, "compile_commands.json")
    commands = json.loads(read(path)) if os.path.exists(path) else []
    for entry in commands:
        entry["source"] = os.path.relpath(os.path.realpath(os.path.join(entry["directory"], entry["file"])),
                                          os.path.realpath(tree))
    return [entry for entry in commands if entry["source"].split(os.sep)[0] in ("lib", "apps")]


def is_gcc(entry):
    return not any("clang" in os.path.basename(word) for word in entry["command"].split()[:2])


def reads_dpdk(text):
    """May DPDK's headers come first in this source? Not if it defines a macro for those that it includes after that."""
    return not re.search(r"^#define.*^#include <", text, re.M | re.S)


def step(out, rule, source, flags):
    return "build %s: %s %s\n  flags = %s\n" % (out, rule, source, shlex.join(flags).replace("$", "$$"))


def precompiled(made, big, flags, compiler):
    """Made of the header of that name in pch/; gcc finds it beside a header, which is not there."""
    return step(made + ENDING[compiler], compiler + "-header", "pch/" + big, flags)


def steps_of(tree, entries, compiler):
    """Ninja's steps for one compiler. Sources with the same flags, but for folders to search, share what is precompiled."""
    known = {}
    searched = [os.path.join(tree, "lib")] + [flag[8:] for flag in flags_of(entries[0], "gcc") if flag.startswith("-isystem")]
    steps, made = [], {}
    for entry in entries:
        source = os.path.join(tree, entry["source"])
        flags = flags_of(entry, compiler)
        shared = tuple(flag for flag in flags if flag != "-c" and not re.match(r"-I|-f(no-)?tree-", flag))
        inner = {name for direct in includes(source) for name in {direct} | included_by(searched, direct, known)}
        big = next((name for name in BIG if name in inner), None)
        before, after = [], ""
        if big and reads_dpdk(read(source)):
            if (shared, big) not in made:
                made[shared, big] = "pch/%s-%d/%s" % (compiler, len(made), big)
                steps.append(precompiled(made[shared, big], big, shared, compiler))
            before = [INCLUDE[compiler][0], made[shared, big] + INCLUDE[compiler][1]]
            after = " | " + made[shared, big] + ENDING[compiler]
        steps.append(step(OUTPUT[compiler] + entry["output"], compiler, source + after, before + flags))
    return "".join(steps)


class Compiled:
    """folder: where gcc's objects and the library are, once made; entries: the commands; bad: why there are none."""

    def __init__(self, tree):
        self.tree = tree
        self.own = os.path.join(tree, "build-lint")
        os.makedirs(self.own, exist_ok=True)
        # Two checks may want it at a time; the lock goes with the process.
        self.lock = open(os.path.join(self.own, "lock"), "w", encoding="utf-8")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.build = os.environ.get("SAN_BUILD", "")
        self.bad = self.configure()
        self.entries = commands_of(tree, self.build)
        self.folder = self.build
        if self.entries and not self.has_all():
            self.folder = self.own
        if self.entries:
            write_changed(os.path.join(self.own, "build.ninja"), self.steps())

    def configure(self):
        entries = commands_of(self.tree, self.build)
        if not entries or not all(is_gcc(entry) and "-Werror" in entry["command"].split() for entry in entries):
            self.build = os.path.join(self.own, "meson")
        if os.path.exists(os.path.join(self.build, "build.ninja")):
            return run("ninja", "-C", self.build, "build.ninja")
        return run("meson", "setup", "--werror", "-Dtests=disabled", self.build, self.tree, env=dict(os.environ, CC="gcc"))

    def shared(self):
        """The library, relative to the folder that it is made in."""
        found = said("ninja", "-C", self.build, "-t", "targets", "rule", "c_LINKER").split()
        return next((name for name in found if name.startswith("lib/libsanstack.so")), "lib/libsanstack.so")

    def has_all(self):
        """Is nothing left to do there of all that gcc makes?"""
        outputs = [entry["output"] for entry in self.entries]
        return "no work to do" in said("ninja", "-C", self.build, "-n", *outputs, self.shared())

    def link_step(self):
        """The build's own commands for archives and library, of the objects made here."""
        compiles = {entry["command"] for entry in self.entries}
        commands = [line for line in said("ninja", "-C", self.build, "-t", "commands", self.shared()).split("\n")
                    if line and line not in compiles]
        objects = [entry["output"] for entry in self.entries if entry["output"].startswith("lib/")]
        return "build %s: make %s | %s\n  command = %s\n" % (
            self.shared(), " ".join(objects), os.path.join(self.tree, "lib/libsanstack.map"),
            " && ".join(commands).replace("$", "$$"))

    def steps(self):
        for name in BIG:
            os.makedirs(os.path.join(self.own, "pch"), exist_ok=True)
            write_changed(os.path.join(self.own, "pch", name), "/* %s */\n#include <%s>\n" % (versions(), name))
        return RULES + "".join(steps_of(self.tree, self.entries, compiler) for compiler in OUTPUT) + self.link_step()

    def make(self, *targets):
        return self.bad or run("ninja", "-k", "0", "-C", self.own, *targets)

    def make_gcc(self):
        """Every object."""
        return self.bad or (self.make(*[entry["output"] for entry in self.entries]) if self.folder == self.own else [])

    def make_clang(self):
        return self.make(*[OUTPUT["clang"] + entry["output"] for entry in self.entries])

    def make_library(self):
        return self.bad or (self.make(self.shared()) if self.folder == self.own else [])
