# SPDX-License-Identifier: BSD-3-Clause
"""What the checks share: the tree, C text without comments, TAP results.

Each check is a program: `config/check/NAME [ROOT]`. ROOT is the tree to look at, by default the one
the check lies in. It prints TAP, the offending lines as comments, and exits 1 when a result is bad.
"""
import glob
import os
import re
import sys

# Numbers of the sentences of tests/spi/seeds.txt, among the tags of a case.
SENTENCE = re.compile(r"S\d+\.\d+")

HERE = os.path.dirname(os.path.abspath(__file__))


def root():
    return os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", ".."))


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, name, bad):
        """One result; bad: list of sentences, empty when all is well."""
        self.count += 1
        self.failed += bool(bad)
        print("%s %d - %s" % ("not ok" if bad else "ok", self.count, name))
        for sentence in bad:
            print("# " + sentence.replace("\n", "\n# "))

    def skip(self, name, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, why))

    def end(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def c_files(tree, *folders):
    """.c and .h files (and counters.def) under these folders, sorted, as paths relative to the tree."""
    found = []
    for folder in folders:
        for kind in ("c", "h", "def"):
            found += glob.glob(os.path.join(tree, folder, "**", "*." + kind), recursive=True)
    return sorted(os.path.relpath(path, tree) for path in found)


def blank_comments(text, strings=True):
    """C text with comments (and string contents) blanked; line numbers stay."""
    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[0] if strings else token

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def module_list(tree):
    match = re.search(r"^modules\s*=\s*\[(.*?)\]", read(os.path.join(tree, "lib/meson.build")),
                      re.S | re.M)
    return re.findall(r"'([\w/]+)'", match.group(1))


def module_of(name, modules):
    """The module that a path below lib/ belongs to ("spi/wsp/sock.h": "spi/wsp"), else its first folder."""
    found = [module for module in modules if name.startswith(module + "/")]
    return max(found, key=len) if found else name.split("/")[0]


def module_deps(tree, module):
    path = os.path.join(tree, "lib", module, "meson.build")
    match = re.search(r"^deps\s*=\s*\[(.*?)\]", read(path), re.S | re.M)
    return re.findall(r"'([\w/]+)'", match.group(1))


# Names of public functions: ours, and the documented ones of the Windows Sockets and Winsock Kernel interfaces.
PUBLIC_NAME = r"(?:san_\w+|WSPStartupEx|Wsk\w+|Io\w+|Ke\w+)"


def public_functions(tree):
    """[(name, whole prototype text, comment before it or None, file, line)] of lib/san/*.h."""
    found = []
    pattern = re.compile(r"(?P<comment>/\*\*(?:(?!\*/).)*\*/\s*\n)?^SAN_API\s+(?P<type>[^;]*?)\b"
                         r"(?P<name>" + PUBLIC_NAME + r")\s*\(", re.S | re.M)
    for path in c_files(tree, "lib/san"):
        text = read(os.path.join(tree, path))
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start("name")) + 1
            found.append((match.group("name"), match.group("type").strip(), match.group("comment"),
                          path, line))
    return found


def tagged_cases(tree, bad):
    """[(where the tag is, its words, `file: case`)] of the cases in tests/spi; bad gets what is wrong with tags."""
    found = []
    paths = [p for kind in ("c", "py") for p in glob.glob(os.path.join(tree, "tests/spi/**/*." + kind), recursive=True)]
    for path in sorted(os.path.relpath(path, tree) for path in paths):
        text = read(os.path.join(tree, path))
        if path.endswith(".py"):
            begin, whole = r"^@rules\(", r'^@rules\("([^"]*)"\)\ndef (\w+)\('
            clean = re.sub(r"#[^\n]*", "", text)
        else:
            begin, whole = r"^RULES\(", r'^RULES\("([^"]*)"\)\nstatic void\n(\w+)\('
            clean = blank_comments(text, strings=False)
        tags = list(re.finditer(whole, clean, re.M))
        for match in tags:
            place = "%s:%d" % (path, clean.count("\n", 0, match.start()) + 1)
            found.append((place, match.group(1).split(), "`%s: %s`" % (path[len("tests/spi/"):], match.group(2))))
            if len(re.findall(r"\b%s\b" % match.group(2), clean)) < 2:
                bad.append("%s: the case %s is never run" % (place, match.group(2)))
        if len(tags) != len(re.findall(begin, clean, re.M)):
            bad.append("%s: a tag is not followed by its case" % path)
    return found
