#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Judge one end of the TCP connections in a capture that was taken near it.

Usage: check_capture.py --near ADDRESS [--race-ms N] [--reorder-ms N] FILE.pcap

Near means: what the end sends is in the file before anything is lost, and what is in the file of the
other end's has reached it. Frames may be cut behind the headers. Of each connection whose SYNs are in the
file, the near end must not

	send again what was acknowledged more than the race before (probes of a closed window may)
	move the right edge of its window to the left (RFC 9293 3.8.6), but for what its scale rounds off
	acknowledge what has not come, or less than before
	report in a SACK block what has not come, what it acknowledges in the same segment, or blocks that
	meet or overlap (RFC 2018 4); the first block may be a D-SACK (RFC 2883)

Exit status: 0 no fault, 1 faults, 2 the file cannot be judged.
"""
import argparse
import json
import socket
import struct
import sys

MAGICS = {b'\xd4\xc3\xb2\xa1': ('<', 1e6), b'\xa1\xb2\xc3\xd4': ('>', 1e6),
          b'\x4d\x3c\xb2\xa1': ('<', 1e9), b'\xa1\xb2\x3c\x4d': ('>', 1e9)}
ETHERNET = 1
FIN, SYN, RST, ACK = 1, 2, 4, 16
HALF = 1 << 31
SHOWN = 10


class Bad(Exception):
    """The file cannot be judged."""


def read_frames(path):
    """Time [s] and octets of each frame."""
    with open(path, 'rb') as f:
        head = f.read(24)
        if len(head) < 24 or head[:4] not in MAGICS:
            raise Bad(f'{path} is no pcap file')
        order, fraction = MAGICS[head[:4]]
        if struct.unpack(order + 'I', head[20:])[0] != ETHERNET:
            raise Bad(f'{path} is not of Ethernet')
        while len(head := f.read(16)) == 16:
            seconds, part, size, _ = struct.unpack(order + 'IIII', head)
            yield seconds + part / fraction, f.read(size)


class Segment:
    """A TCP segment over IPv4, its numbers as they are on the wire."""

    def __init__(self, when, ip, tcp, total):
        self.when = when
        (self.sport, self.dport, self.seq, self.ack, offset, self.flags, self.window) = \
            struct.unpack('!HHIIBBH', tcp[:16])
        size = (offset >> 4) * 4
        self.src, self.dst = ip[12:16], ip[16:20]
        self.len = total - size
        self.scale = None
        self.sack_permitted = False
        self.blocks = []
        self.read_options(tcp[20:size])

    def read_options(self, options):
        while options and options[0] != 0:
            if options[0] == 1:
                options = options[1:]
                continue
            if len(options) < 2 or not 2 <= options[1] <= len(options):
                return
            kind, value = options[0], options[2:options[1]]
            if kind == 3:
                self.scale = min(value[0], 14)
            elif kind == 4:
                self.sack_permitted = True
            elif kind == 5:
                self.blocks = list(struct.iter_unpack('!II', value[:len(value) // 8 * 8]))
            options = options[options[1]:]


def parse(when, frame):
    """The segment in a frame; None: it is something else, or a fragment."""
    if len(frame) < 54 or frame[12:14] != b'\x08\x00' or frame[23] != 6:
        return None
    ip = frame[14:]
    head = (ip[0] & 15) * 4
    total, _, offset = struct.unpack('!HHH', ip[2:8])
    if offset & 0x3fff or len(ip) < head + 20:
        return None
    return Segment(when, ip, ip[head:], total - head)


def unwrap(near, number):
    """The 64-bit number whose low half this is and that is nearest to another."""
    return near + ((number - near + HALF) & 0xffffffff) - HALF


class Ranges:
    """A set of octets as sorted ranges that do not meet."""

    def __init__(self):
        self.list = []

    def add(self, left, right):
        if left >= right:
            return
        keep = [r for r in self.list if r[1] < left or r[0] > right]
        meet = [r for r in self.list if r[1] >= left and r[0] <= right]
        left = min([left] + [r[0] for r in meet])
        right = max([right] + [r[1] for r in meet])
        self.list = sorted(keep + [(left, right)])

    def has(self, left, right):
        return any(r[0] <= left and right <= r[1] for r in self.list)


class Peak:
    """The highest value so far, and what it was a moment ago."""

    def __init__(self):
        self.steps = []		# (when, value), both rising

    def take(self, when, value):
        if not self.steps or value > self.steps[-1][1]:
            self.steps.append((when, value))

    def at(self, when):
        """What it was at a time, which never goes back; None: there was none."""
        old = sum(1 for t, _ in self.steps if t <= when)
        self.steps = self.steps[max(old - 1, 0):]
        return self.steps[0][1] if old else None


class Half:
    """One direction: what its sender has sent and its receiver acknowledged, in 64-bit numbers."""

    def __init__(self):
        self.top = None		# behind the highest octet seen
        self.acked = Peak()
        self.ranges = Ranges()

    def number(self, seq):
        if self.top is None:
            self.top = seq
        return unwrap(self.top, seq)


class Connection:
    def __init__(self, name, race_s, reorder_s):
        self.name = name
        self.race_s = race_s
        self.reorder_s = reorder_s
        self.ours = Half()	# what the near end sends
        self.theirs = Half()
        self.scales = {}	# by whether the SYN was ours
        self.sack = {}
        self.edge = Peak()
        self.closed_window = False
        self.faults = []
        self.counts = dict.fromkeys(('data', 'again', 'sacks', 'dsacks', 'silent', 'resent_sacked'), 0)

    def fault(self, s, what):
        self.faults.append(f'{s.when:.6f} {self.name}: {what}')

    def complete(self):
        return len(self.scales) == 2

    def scale(self, ours, syn):
        if syn or None in self.scales.values():
            return 0
        return self.scales[ours]

    def take(self, s, ours):
        sender, receiver = (self.ours, self.theirs) if ours else (self.theirs, self.ours)
        if s.flags & SYN:
            self.scales[ours] = s.scale
            self.sack[ours] = s.sack_permitted
        seq = sender.number(s.seq)
        end = seq + s.len + bool(s.flags & SYN) + bool(s.flags & FIN)
        if ours:
            self.judge_sent(s, seq, end)
        else:
            sender.ranges.add(seq, end)
            if s.blocks:
                self.note_sacked(s)
        sender.top = max(sender.top, end)
        if s.flags & ACK and receiver.top is not None and self.complete():
            ack = unwrap(receiver.top, s.ack)
            if ours and not s.flags & RST:
                self.judge_ack(s, ack)
            receiver.acked.take(s.when, ack)
            if not ours:
                edge_size = s.window << self.scale(False, s.flags & SYN)
                self.closed_window = edge_size == 0

    def note_sacked(self, s):
        for left, right in s.blocks:
            if self.ours.top is not None:
                self.ours.ranges.add(unwrap(self.ours.top, left), unwrap(self.ours.top, right))

    def judge_sent(self, s, seq, end):
        half = self.ours
        if s.len == 0:
            return
        self.counts['data'] += 1
        if seq >= half.top:
            return
        self.counts['again'] += 1
        self.counts['resent_sacked'] += half.ranges.has(seq, end)
        una = half.acked.at(s.when - self.race_s)
        if una is not None and seq < una and not (s.len == 1 and self.closed_window):
            self.fault(s, f'sends {seq & 0xffffffff}..{end & 0xffffffff} again, {una - seq} octets of it '
                          'were acknowledged')

    def judge_ack(self, s, ack):
        half = self.theirs
        whole = half.ranges.list[0][1] if half.ranges.list else half.top
        if ack > whole:
            self.fault(s, f'acknowledges {ack - whole} octets that have not come')
            half.ranges.add(whole, ack)  # once is enough
        before = half.acked.at(s.when - self.reorder_s)
        if before is not None and ack < before:
            self.fault(s, f'acknowledges {before - ack} octets less than before')
        scale = self.scale(True, s.flags & SYN)
        edge, before = ack + (s.window << scale), self.edge.at(s.when - self.reorder_s)
        if before is not None and edge <= before - (1 << scale):
            self.fault(s, f'takes {before - edge} octets of its window back')
        self.edge.take(s.when, edge)
        if s.blocks:
            self.judge_blocks(s, ack)
        elif self.sack.get(True) and self.sack.get(False) and len(half.ranges.list) > 1:
            self.counts['silent'] += 1

    def judge_blocks(self, s, ack):
        if not (self.sack.get(True) and self.sack.get(False)):
            self.fault(s, 'sends SACK blocks that were not agreed on')
        blocks = [tuple(unwrap(self.theirs.top, n) for n in block) for block in s.blocks]
        self.counts['sacks'] += 1
        if self.is_duplicate(blocks, ack):
            self.counts['dsacks'] += 1
            self.judge_come(s, *blocks[0])
            blocks = blocks[1:]
        for left, right in blocks:
            if left <= ack < right or right <= ack:
                self.fault(s, f'SACK block of {right - left} octets begins at or below the acknowledgement')
            self.judge_come(s, left, right)
        ordered = sorted(blocks)
        for (_, right), (left, _) in zip(ordered, ordered[1:]):
            if left <= right:
                self.fault(s, 'SACK blocks that meet or overlap')

    def judge_come(self, s, left, right):
        if left >= right:
            self.fault(s, f'SACK block from {left & 0xffffffff} to {right & 0xffffffff} is empty')
        elif not self.theirs.ranges.has(left, right):
            self.fault(s, f'SACK block of {right - left} octets that have not come')

    @staticmethod
    def is_duplicate(blocks, ack):
        """RFC 2883 4: the first block is below the acknowledgement or inside the second."""
        left, right = blocks[0]
        return right <= ack or len(blocks) > 1 and blocks[1][0] <= left and right <= blocks[1][1]


def judge(path, near, race_s=0.01, reorder_s=0):
    """All connections of a file: {'connections', 'faults': [...], counts...}."""
    near = socket.inet_aton(near)
    found = {}
    for when, frame in read_frames(path):
        s = parse(when, frame)
        if s is None or near not in (s.src, s.dst):
            continue
        ours = s.src == near
        here, there = ((s.src, s.sport), (s.dst, s.dport))[::1 if ours else -1]
        key = here + there
        if s.flags & SYN and not s.flags & ACK and key in found and found[key].complete() and \
                s.seq != found[key].first:
            found[key + (when,)] = found.pop(key)
        if key not in found:
            if not s.flags & SYN:
                continue
            name = f'{socket.inet_ntoa(here[0])}:{here[1]}-{socket.inet_ntoa(there[0])}:{there[1]}'
            found[key] = Connection(name, race_s, reorder_s)
            found[key].first = s.seq
        found[key].take(s, ours)
    whole = [c for c in found.values() if c.complete()]
    said = {'connections': len(whole), 'faults': [f for c in whole for f in c.faults]}
    for name in ('data', 'again', 'sacks', 'dsacks', 'silent', 'resent_sacked'):
        said[name] = sum(c.counts[name] for c in whole)
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--near', required=True, metavar='ADDRESS')
    parser.add_argument('--race-ms', type=float, default=10,
                        help='what the end may not have read of what has reached it')
    parser.add_argument('--reorder-ms', type=float, default=0,
                        help='how long its acknowledgements may change their order before the capture')
    parser.add_argument('file')
    args = parser.parse_args()
    try:
        said = judge(args.file, args.near, args.race_ms / 1000, args.reorder_ms / 1000)
        if said['connections'] == 0:
            raise Bad(f'{args.file} has no connection with both SYNs')
    except (Bad, OSError) as err:
        print(f'check_capture.py: {err}', file=sys.stderr)
        sys.exit(2)
    faults = said.pop('faults')
    print(json.dumps(said))
    for line in faults[:SHOWN]:
        print(line)
    if len(faults) > SHOWN:
        print(f'... {len(faults) - SHOWN} faults more')
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
