# SPDX-License-Identifier: BSD-3-Clause
"""Scripts written for a kernel, made fit for a stack that is none.

What a script asks of the machine around it is taken away or turned into flags of the shared object; what it says
of segments stays, but for what follows from sizes of buffers. Lines keep their numbers. Nothing here
depends on a script's name.
"""
import re

COMMAND = re.compile(r"`[^`]*`")
CODE = re.compile(r"%\{.*?\}%", re.S)
OPTION = re.compile(r"^--(\w+)(?:=(\S+))?", re.M)
SETTING = re.compile(r"\b(net\.\w[\w.]*|kern\.\w[\w.]*)=(\"[^\"]*\"|\S+)|/proc/sys/(net/[\w/]+)=(\S+)")
# Call lines whose figures are those of a kernel's accounting of memory.
ACCOUNTING = re.compile(r"\bgetsockopt\([^)]*\bSO_(?:RCVBUF|SNDBUF)\b")
OUTBOUND = re.compile(r"^\s*[-+~.\d*\s]*>\s")
# The window of a segment; zero is a statement of its own.
WINDOW = re.compile(r"\bwin\s+(?!0\b)\d+")
SCALE = re.compile(r"\bwscale\s+\d+")

RCVBUF = 262144  # bytes; the stack's default
REPLACED = "`true`"
DEFINED = {"STANDARD"}  # of "#ifdef": what the RFCs say, not what one kernel does


class Unfit(Exception):
    """The script asks for something that cannot be had here; says what."""


def settings(text):
    """What the script's commands set: name -> the values, in their order."""
    found = {}
    for command in COMMAND.findall(text):
        for bsd, value, linux, linux_value in SETTING.findall(command):
            name = bsd or linux.replace("/", ".")
            found.setdefault(name, []).append((value or linux_value).strip("\"`"))
    return found


def scale_of(rcvbuf):
    """The shift by which a receive buffer fits into 16 bits (RFC 7323 2.2)."""
    scale = 0
    while (65535 << scale) < rcvbuf and scale < 14:
        scale += 1
    return scale


def choose(text):
    """Blank what "#ifdef" and "#else" leave out, and those lines themselves."""
    kept, stack = [], []
    for line in text.split("\n"):
        word = line.split()
        if word[:1] == ["#ifdef"]:
            stack.append(word[1] in DEFINED)
        elif word[:1] == ["#else"]:
            stack[-1] = not stack[-1]
        elif word[:1] == ["#endif"]:
            stack.pop()
        else:
            kept.append(line if all(stack) else "")
            continue
        kept.append("")
    return "\n".join(kept)


def blank(match):
    """As many line ends as there were."""
    return "\n" * match.group(0).count("\n")


def adapt_line(line, scale):
    code = line.split("//")[0]
    if ACCOUNTING.search(code):
        return "// " + line
    if OUTBOUND.match(code):
        line = WINDOW.sub("", line)
        line = SCALE.sub("wscale %d" % scale, line)
    return line


def adapt(text):
    """(the script, the object's flags, the tool's options); Unfit."""
    text = choose(text)
    options = dict(OPTION.findall(text))
    asked = settings(text)
    bsd = any(name.startswith("net.inet.") for name in asked)
    if options.get("ip_version", "ipv4") != "ipv4" or ":" in options.get("local_ip", ""):
        raise Unfit("IPv6")
    for name, values in sorted(asked.items()):
        if ".insecure_" in name and any(value != "0" for value in values):
            raise Unfit("%s: what RFC 5961 has replaced" % name)
    rcvbuf = int(asked.get("net.inet.tcp.recvspace", [RCVBUF])[0])
    flags = {"order": "bsd" if bsd else "linux", "quickack": 0 if bsd else 1, "rcvbuf": rcvbuf}
    if "net.inet.tcp.sendspace" in asked:
        flags["sndbuf"] = int(asked["net.inet.tcp.sendspace"][0])
    if "mtu" in options:
        flags["mtu"] = int(options["mtu"])
    text = COMMAND.sub(lambda m: REPLACED + blank(m), text)
    text = CODE.sub(blank, text)
    # A time that had only a piece of code behind it.
    text = re.sub(r"^\s*[-+~.\d]+[ \t]*$", "", text, flags=re.M)
    scale = scale_of(rcvbuf)
    text = "\n".join(adapt_line(line, scale) for line in text.split("\n"))
    tool = ["--local_ip=%s" % options.get("local_ip", "192.168.0.1"), "--gateway_ip=192.168.0.2"]
    return text, ",".join("%s=%s" % item for item in sorted(flags.items())), tool
