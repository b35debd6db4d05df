# SPDX-License-Identifier: BSD-3-Clause
"""What went over the wire, and what tshark thinks of it."""
import os
import re
import signal
import subprocess
import time

from .proc import LIMIT_S, POLL_S, Failure, Proc, run

# dumpcap reads its buffer every 250 ms, and not once more when it is told to end. What the interface has counted and
# dumpcap does not say for so long was lost between them.
LOST_S = 3
SHOWN = 5

# Lost by the link itself (a full tap queue, a full af_packet ring) and sent again: some of it is
# ordinary on two busy processors. A storm is when a good part of the traffic is repetition. The end of a
# connection's first flight may be probed beside that (RFC 8985 7): all that is known of its round trip is the handshake's.
STORM_SHARE = 0.02
STORM_LEAST = 20

# Random bytes look like any protocol now and then: those of both ports are taken for echo data.
DECODE = ['-d', 'tcp.port==80,echo', '-o', 'tcp.desegment_tcp_streams:FALSE',
          '-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE']

FIELDS = ('frame.number', 'ip.src', 'arp.src.proto_ipv4', 'ip.checksum.status',
          'tcp.checksum.status', 'icmp.checksum.status', 'tcp.checksum',
          'tcp.checksum_calculated', '_ws.malformed', '_ws.expert.severity',
          'tcp.len', 'tcp.stream', 'tcp.analysis.retransmission', 'tcp.analysis.fast_retransmission',
          'tcp.analysis.spurious_retransmission')

STATUS_BAD = '0'
WHO = {True: 'the stack', False: 'the kernel'}
SEVERITY_ERROR = 8 << 20


class Capture:
    """A capture on the kernel's interface, from here to stop(). san is the stack's address, but when two
    kernels talk."""

    def __init__(self, name, san, path, san_is_kernel=False):
        self.san = san
        self.san_is_kernel = san_is_kernel
        self.path = path
        self.name = name
        self.proc = Proc(['dumpcap', '-i', name, '-B', 128, '-w', path], f'{path}.log')
        self.proc.wait_text(r'^File:', LIMIT_S)
        self.before = count_passed(name)

    def count(self):
        """How many frames are in the file."""
        said = re.findall(r'Packets: (\d+)', self.proc.text())
        return int(said[-1]) if said else 0

    def settle(self):
        """Wait until all that has passed the interface by now is in the file."""
        passed = count_passed(self.name) - self.before
        seen, since = -1, time.monotonic()
        while self.proc.alive() and self.count() < passed and time.monotonic() - since < LOST_S:
            if self.count() != seen:
                seen, since = self.count(), time.monotonic()
            time.sleep(POLL_S)

    def stop(self):
        """End the capture; what the kernel has seen by now is in the file."""
        self.settle()
        if self.proc.alive():
            self.proc.stop(signum=signal.SIGINT)

    def close(self):
        self.proc.kill()

    def find_streams(self, condition):
        """The TCP connection of each frame that fits tshark's condition; after stop()."""
        return run('tshark', '-n', '-r', self.path, *DECODE, '-Y', condition, '-T', 'fields',
                   '-e', 'tcp.stream').split()

    def count_streams(self, condition):
        """How many TCP connections have a frame that fits."""
        return len(set(self.find_streams(condition)))

    def expect_answers(self, what, asked, answered, repeats=0):
        """Has each frame of the peer's that fits the one condition an answer of ours that fits the other? A refusal that
        comes for a repeated SYN only is none at once. repeats: so often an answer may be said again."""
        self.stop()
        nb_asked = len(self.find_streams(f'ip.dst == {self.san} && {asked}'))
        nb_answered = len(self.find_streams(f'ip.src == {self.san} && {answered}'))
        if nb_asked == 0 or not nb_asked <= nb_answered <= nb_asked * (1 + repeats):
            raise Failure(f'{what}: {nb_asked} asked for, {nb_answered} answered')

    def judge(self, may_repeat=(), kernel_too=True):
        """Have tshark read it. Failure: a bad checksum or malformed frame from either end (or from
        the stack only), an empty capture, or a storm of retransmissions from an end that may not
        repeat so much."""
        seen = Tally(self, kernel_too)
        if seen.frames == 0 or seen.ours == 0:
            raise Failure(f'{self.path}: {seen.frames} frames, {seen.ours} of them from the stack')
        if seen.bad:
            raise Failure(f'{self.path}: {len(seen.bad)} frames with a wrong checksum or malformed:'
                          + ''.join(f'\n{line}' for line in seen.bad[:SHOWN]))
        for ours, who in WHO.items():
            again, data = seen.again[ours], seen.data[ours]
            limit = max(STORM_LEAST, STORM_SHARE * data) + len(seen.streams[ours])
            if again > limit and who not in may_repeat:
                raise Failure(f'{self.path}: {again} of {data} segments with data from {who} are '
                              'retransmissions')


class Tally:
    """The figures of a capture file: data and again count segments with data and those of them
    that are repetitions, of the stack (True) and of the kernel (False)."""

    def __init__(self, capture, kernel_too):
        self.san = capture.san
        self.san_is_kernel = capture.san_is_kernel
        self.kernel_too = kernel_too
        self.frames = 0
        self.ours = 0
        self.data = {True: 0, False: 0}
        self.again = {True: 0, False: 0}
        self.streams = {True: set(), False: set()}
        self.bad = []
        for line in read_fields(capture.path):
            self.count(dict(zip(FIELDS, line.split('\t'))))

    def count(self, frame):
        # An ICMP error has a second ip.src, that of the header it quotes.
        ours = self.san in (frame['ip.src'].split(',')[0], frame['arp.src.proto_ipv4'])
        self.frames += 1
        self.ours += ours
        wrong = faults(frame, ours and not self.san_is_kernel)
        if wrong and (ours or self.kernel_too):
            self.bad.append(f'frame {frame["frame.number"]} from {WHO[ours]}: {", ".join(wrong)}')
        if frame['tcp.len'] not in ('', '0'):
            self.data[ours] += 1
            self.streams[ours].add(frame['tcp.stream'])
            self.again[ours] += any(frame[f] for f in FIELDS[-3:])


def count_passed(name):
    """What an interface has sent, dropped instead, and received; 0 when it is not there any more."""
    with open('/proc/thread-self/net/dev', encoding='ascii') as f:
        for line in f:
            of, _, numbers = line.partition(':')
            if of.strip() == name:
                number = [int(n) for n in numbers.split()]
                return number[1] + number[9] + number[11]
    return 0


def is_linux_zero(frame):
    """Linux sends a TCP checksum of zero as its other form, 0xffff, as if it were UDP."""
    return frame['tcp.checksum'] == '0xffff' and frame['tcp.checksum_calculated'] == '0x0000'


def faults(frame, ours):
    """What is wrong with a frame, as a list of words."""
    wrong = [f for f in FIELDS if f.endswith('.checksum.status')
             and STATUS_BAD in frame[f].split(',')]
    if wrong == ['tcp.checksum.status'] and is_linux_zero(frame) and not ours:
        wrong = []
    if frame['_ws.malformed']:
        wrong.append('malformed')
    if any(int(s) >= SEVERITY_ERROR for s in frame['_ws.expert.severity'].split(',') if s):
        wrong.append('tshark calls it an error')
    return wrong


def read_fields(path):
    """Yield a line of tab-separated FIELDS for each frame."""
    argv = ['tshark', '-n', '-r', path, *DECODE, '-T', 'fields']
    for field in FIELDS:
        argv += ['-e', field]
    with open(f'{path}.tshark', 'w+b') as out:
        done = subprocess.run(argv, stdout=out, stderr=subprocess.PIPE, timeout=LIMIT_S,
                              text=False, check=False)
        if done.returncode != 0:
            raise Failure(f'tshark: {done.stderr.decode(errors="replace").strip()}')
        out.seek(0)
        for line in out:
            yield line.decode(errors='replace').rstrip('\n')
    os.unlink(f'{path}.tshark')
