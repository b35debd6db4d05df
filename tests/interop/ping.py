#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""ARP and ICMP echo, asked by the kernel."""
import os
import socket
import struct

from kit import topic
from kit.proc import LIMIT_S, Failure, run

ECHO_REPLY = 0
ECHO_REQUEST = 8
SIZES = (0, 1, 56, 1472)
ID = 0x5a5a


def ones_sum(data):
    """The Internet checksum, RFC 1071."""
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def message(number, size):
    """An echo request whose content depends on its number."""
    data = os.urandom(size)
    head = struct.pack('!BBHHH', ECHO_REQUEST, 0, 0, ID, number)
    return struct.pack('!BBHHH', ECHO_REQUEST, 0, ones_sum(head + data), ID, number) + data


def ping(lab, sock, number, size):
    """Send one echo request; the answer has to be the same but for type and checksum."""
    sent = message(number, size)
    sock.sendto(sent, (lab.link.san, 0))
    while True:
        got = sock.recv(2048)
        got = got[(got[0] & 15) * 4:]
        if got[0] != ECHO_REQUEST:
            break
    if got[0] != ECHO_REPLY or got[1] != 0 or got[4:] != sent[4:]:
        raise Failure(f'{size} bytes: the answer is {got[:16].hex()}...')
    if ones_sum(got) != 0:
        raise Failure(f'{size} bytes: the answer has a wrong checksum')


def echo_requests_of_all_sizes_are_answered(lab):
    lab.start_echo_server()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(LIMIT_S)
        for number, size in enumerate(SIZES):
            ping(lab, sock, number, size)


def arp_requests_are_answered_and_learned(lab):
    """The kernel's neighbour entry is filled by ARP, and again after it was thrown away."""
    lab.start_echo_server()
    for number in range(2):
        run('ip', 'neigh', 'flush', 'dev', lab.link.name)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
            sock.settimeout(LIMIT_S)
            ping(lab, sock, number, 8)
        entry = run('ip', 'neigh', 'show', lab.link.san, 'dev', lab.link.name)
        if 'lladdr' not in entry or 'FAILED' in entry:
            raise Failure(f'neighbour entry: "{entry.strip()}"')


topic.main([echo_requests_of_all_sizes_are_answered, arp_requests_are_answered_and_learned])
