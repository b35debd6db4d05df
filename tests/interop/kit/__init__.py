# SPDX-License-Identifier: BSD-3-Clause
"""What the interop tests share. Only the standard library of Debian's python3 is used.

netns    network namespaces without a name: they end with the process, however it ends
proc     child processes: output in a file, a limit for every wait, dead when the test is dead
link     the wire between stack and kernel: a tap, or a veth pair with af_packet on one end
path     two wires with san-impair between: what is slow, long or lossy
capture  what went over the wire, and what tshark thinks of it
kernel   the kernel's end: servers and clients on ordinary sockets
lab      one of each for one case, and the programs under test
topic    the main() of a test: runs its cases on one kind of link and prints TAP
"""
