# SPDX-License-Identifier: BSD-3-Clause
"""What the check spi holds doc/spi/seeds.md to: each sentence of the pages on closing has tests or a reason.

What a sentence asks for stands in tests/spi/seeds.txt. Its tests are the cases of tests/spi with its number among
their tags: RULES("R155 S3.14") in C, @rules("R155 S3.14") in Python.
"""
import os
import re

from common import SENTENCE, read, tagged_cases

PAGE = "doc/spi/seeds.md"
SAYS = "tests/spi/seeds.txt"
NOT_YET = "not yet: "
HEAD = """# The pages on closing, sentence by sentence

Five pages of documentation are what the two interfaces were begun from: four on the close and the cleanup of SAN
sockets, one on the close of Winsock Kernel. Each sentence of them has a number here, what it asks for in other words, and
the cases that show it; or why none does. The page is written by `config/check/spi --write` from
`tests/spi/seeds.txt` and the tags of the cases, and the check holds it to them. Paths begin in `tests/spi/`.
"""


class Sentence:
    def __init__(self, number, says, reason):
        self.number = number
        self.says = says
        self.reason = reason
        again = re.fullmatch(r"as (S\d+\.\d+)", says)
        self.original = again.group(1) if again else None


def pages(tree, bad):
    """[(number, title, [Sentence])] of the list, in its order."""
    found = []
    for line_number, line in enumerate(read(os.path.join(tree, SAYS)).split("\n"), 1):
        if not line or line[0] == "#":
            continue
        fields = line.split("\t")
        if re.fullmatch(r"S\d+", fields[0]) and len(fields) == 2:
            found.append((fields[0], fields[1], []))
            continue
        want = "%s.%d" % (found[-1][0], len(found[-1][2]) + 1) if found else "S1"
        if fields[0] != want or not 2 <= len(fields) <= 3:
            bad.append("%s:%d: not the sentence %s, what it says, and perhaps a reason, with tabs between" %
                       (SAYS, line_number, want))
        else:
            found[-1][2].append(Sentence(fields[0], fields[1], fields[2] if len(fields) == 3 else None))
    return found


def tests(tree, known, bad):
    """{sentence: [case]}"""
    found = {}
    for place, words, case in tagged_cases(tree, []):
        for number in dict.fromkeys(filter(SENTENCE.fullmatch, words)):
            found.setdefault(number, []).append(case)
            if number not in known:
                bad.append("%s: %s is no sentence" % (place, number))
    return found


def shown(sentence, tested):
    """The cases that show a sentence: those of the one it repeats, too."""
    cases = list(tested.get(sentence.original, [])) if sentence.original else []
    return cases + [case for case in tested.get(sentence.number, []) if case not in cases]


def why_none(sentence, known, tested):
    """The reason for no test, or None. What is not yet tested has one until it is."""
    reason = sentence.reason
    if sentence.original in known:
        reason = known[sentence.original].reason
    if reason and reason.startswith(NOT_YET) and shown(sentence, tested):
        return None
    return reason


def row(sentence, known, tested):
    """A line of the table. A sentence that repeats another takes its words from there."""
    says = sentence.says
    if sentence.original in known:
        says = "as %s: %s" % (sentence.original, known[sentence.original].says)
    cell = why_none(sentence, known, tested) or "<br>".join(shown(sentence, tested)) or "**none**"
    return "| %s |" % " | ".join(text.replace("|", "\\|") for text in (sentence.number, says, cell))


def page(found, known, tested):
    lines = [HEAD]
    for number, title, sentences in found:
        asked = [s for s in sentences if (why_none(s, known, tested) or NOT_YET).startswith(NOT_YET)]
        lines += ["## %s: %s" % (number, title), "",
                  "%d sentences, %d of them ask something of the layers; %d of those have tests." %
                  (len(sentences), len(asked), sum(bool(shown(s, tested)) for s in asked)), "",
                  "| Sentence | What it asks | Tests, or why none |", "|---|---|---|"]
        lines += [row(s, known, tested) for s in sentences]
        lines.append("")
    return "\n".join(lines)


def lacking(known, tested):
    bad = []
    for number, sentence in known.items():
        reason = why_none(sentence, known, tested)
        if sentence.original and (sentence.original not in known or known[sentence.original].original):
            bad.append("%s repeats %s, which is no sentence with words of its own" % (number, sentence.original))
        elif reason and shown(sentence, tested):
            bad.append("%s has tests, and a reason for none" % number)
        elif not reason and not shown(sentence, tested):
            bad.append("%s has no test and no reason" % number)
    return bad


def look(tree):
    """The page as it has to be; what is wrong with the list, with tags, and with what has neither test nor reason."""
    bad_list, bad_tags = [], []
    found = pages(tree, bad_list)
    known = {s.number: s for _, _, sentences in found for s in sentences}
    tested = tests(tree, known, bad_tags)
    return page(found, known, tested), bad_list, bad_tags, lacking(known, tested)
