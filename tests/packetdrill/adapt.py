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

SO_RCVBUF = re.compile(r"\bsetsockopt\([^)]*\bSO_RCVBUF,\s*\[(\d+)\]")
FIGURE = re.compile(r"\b(?:tcpi_|TCPI_|SK_MEMINFO_)\w+")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)

# What info.c can tell.
FIGURES = set("""state ca_state retransmits backoff probes options snd_wscale rcv_wscale unacked sacked snd_cwnd
snd_ssthresh total_retrans rto rtt rttvar min_rtt last_data_sent last_data_recv snd_mss rcv_mss advmss pmtu
notsent_bytes bytes_acked bytes_received bytes_sent bytes_retrans segs_out segs_in""".split())

# Settings that become flags of the object: name of the setting -> (flag, value of the setting -> the flag's).
ECN = {"0": "0", "1": "2", "2": "1"}
SETTINGS = {
    "net.ipv4.tcp_ecn": ("ecn", ECN),
    "net.inet.tcp.ecn.enable": ("ecn", ECN),
    "net.ipv4.tcp_timestamps": ("without", {"0": "timestamps"}),
    "net.ipv4.tcp_sack": ("without", {"0": "sack"}),
    "net.ipv4.tcp_window_scaling": ("without", {"0": "wscale"}),
    "net.inet.tcp.rfc1323": ("without", {"0": "timestamps+wscale"}),
    "net.inet.tcp.sack.enable": ("without", {"0": "sack"}),
}

# What a script may name that no socket of this object has: none of it is TCP on the wire.
ABSENT = {
    "zero copy": r"SO_ZEROCOPY|MSG_ZEROCOPY|TCP_ZEROCOPY_RECEIVE",
    "times of packets": r"SO_TIMESTAMPING(?:_NEW)?|SO_TIMESTAMP\w*",
    "epoll": r"epoll_create\w*",
    "splice and sendfile": r"splice|sendfile|MSG_SPLICE_PAGES",
    "ends of records (MSG_EOR)": r"MSG_EOR",
    "MSG_MORE, TCP_CORK": r"MSG_MORE|TCP_CORK",
    "TCP_INQ": r"TCP_INQ|TCP_CM_INQ",
    "TCP_NOTSENT_LOWAT": r"TCP_NOTSENT_LOWAT",
    "addresses of others (IP_FREEBIND)": r"IP_FREEBIND|IP_TRANSPARENT",
    "signatures (RFC 2385)": r"TCP_MD5SIG\w*|md5",
    "Fast Open": r"TCP_FASTOPEN\w*|MSG_FASTOPEN|FO|FOEXP",
    "TCP in UDP": r"TCP_REMOTE_UDP_ENCAPS_PORT",
    "options of one kernel": r"TCP_FUNCTION_BLK|TCP_RACK_\w+|TCP_NOOPT|TCP_KEEPINIT|TCP_SYNCNT|SO_MARK|TCP_REPAIR\w*",
}
SERVES_WITHOUT_COOKIE = 0x600  # bits of net.ipv4.tcp_fastopen: text in any SYN is taken at once
TOOL_LACKS = {"udp_encapsulation"}  # options of another tool of this name
# Commands that change how the machine around the script treats its packets.
MACHINE = re.compile(r"pfifo limit 0|\bip route (?:change|add|replace)|\biptables\b|\bnft\b")

MTU = 1500  # bytes; what the port that the object is made on takes
RCVBUF = 262144  # bytes; the stack's default
REPLACED = "`true`"
DEFINED = {"STANDARD"}  # of "#ifdef": what the RFCs say, not what one kernel does


class Unfit(Exception):
    """The script asks for something that cannot be had here; says what."""


def settings(text):
    """What commands set: name -> the values, in their order."""
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


def keep_code(match):
    """Code stays if it asks for what can be told; else something that takes the same place in time."""
    names = {name[len("tcpi_"):] for name in FIGURE.findall(match.group(0))}
    return match.group(0) if names and names <= FIGURES else REPLACED + blank(match)


def check(text, options, asked):
    """Raise Unfit for what cannot be had here."""
    if options.get("ip_version", "ipv4") != "ipv4" or ":" in options.get("local_ip", ""):
        raise Unfit("IPv6")
    for name in sorted(TOOL_LACKS & set(options)):
        raise Unfit("the tool has no option %s" % name)
    if int(options.get("mtu", 0)) > MTU:
        raise Unfit("an MTU above %d" % MTU)
    if any(int(value, 0) & SERVES_WITHOUT_COOKIE for value in asked.get("net.ipv4.tcp_fastopen", [])):
        raise Unfit("Fast Open")
    for name, values in sorted(asked.items()):
        if ".insecure_" in name and any(value != "0" for value in values):
            raise Unfit("%s: what RFC 5961 has replaced" % name)
    for command in COMMAND.findall(text):
        if MACHINE.search(command):
            raise Unfit("a route or a queue of the kernel's")
    said = COMMENT.sub("", COMMAND.sub("", CODE.sub("", text)))
    if re.search(r"\([^()]*, *NULL, *\d+.*EFAULT", said):
        raise Unfit("a pointer to nowhere (EFAULT)")
    for what, names in ABSENT.items():
        if re.search(r"\b(?:%s)\b" % names, said):
            raise Unfit(what)


def flags_of(text, options):
    """The object's flags; what counts is what is set before the first socket is made."""
    head = re.split(r"\bsocket\(", text)[0]
    asked = settings(head)
    bsd = any(name.startswith("net.inet.") for name in asked)
    flags = {"order": "bsd"} if bsd else {"order": "linux", "doubles": 1, "pushes": 1}
    flags["quickack"] = 0 if bsd else 1
    flags["rcvbuf"] = int(asked.get("net.inet.tcp.recvspace", [RCVBUF])[-1])
    if "net.inet.tcp.sendspace" in asked:
        flags["sndbuf"] = int(asked["net.inet.tcp.sendspace"][-1])
    if "mtu" in options:
        flags["mtu"] = int(options["mtu"])
    for name, (flag, values) in SETTINGS.items():
        value = values.get(asked.get(name, [""])[-1])
        if value is not None:
            flags[flag] = flags[flag] + "+" + value if flag in flags else value
    return flags


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
    check(text, options, settings(text))
    flags = flags_of(text, options)
    rcvbuf = flags["rcvbuf"]
    for size in SO_RCVBUF.findall(text):
        rcvbuf = int(size) * (2 if "doubles" in flags else 1)
    text = COMMAND.sub(lambda m: REPLACED + blank(m), text)
    text = CODE.sub(keep_code, text)
    scale = scale_of(rcvbuf)
    text = "\n".join(adapt_line(line, scale) for line in text.split("\n"))
    tool = ["--local_ip=%s" % options.get("local_ip", "192.168.0.1"), "--gateway_ip=192.168.0.2"]
    return text, ",".join("%s=%s" % item for item in sorted(flags.items())), tool
