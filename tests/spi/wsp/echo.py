#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""apps/wsp-echo against itself: two processes over memif. Needs neither root nor huge pages."""
import os
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop'), os.path.join(HERE, '..', 'kernel')]
from kit.lab import LCORES, program  # noqa: E402 (the path comes first)
from kit.proc import Failure, Proc  # noqa: E402
from kit.topic import diagnose, say  # noqa: E402
from tags import rules  # noqa: E402

SERVER, CLIENT = '10.1.0.1', '10.1.0.2'


class Pair:
    """The two ends of a memif, in a folder that is gone afterwards."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='san-echo-')
        self.procs = []

    def start(self, role, address, *args):
        """Start a wsp-echo; what it says is in a file, and it is dead when the test is."""
        config = os.path.join(self.dir, f'{role}.conf')
        name = f'{role}-{len(self.procs)}'
        with open(config, 'w', encoding='ascii') as f:
            f.write(f'[port m]\ndevice = net_memif0,role={role},socket-abstract=no,socket={self.dir}/memif\n'
                    f'[interface i]\nport = m\naddress = {address}/24\n')
        self.procs.append(Proc([program('wsp-echo'), '--lcores', LCORES, '--no-huge', '-m', '256', '--no-pci',
                                '--no-telemetry', '--no-shconf', f'--file-prefix={name}-{os.getpid()}', '--',
                                '--config', config, *args], os.path.join(self.dir, f'{name}.log')))
        return self.procs[-1]

    def serve(self):
        server = self.start('server', SERVER, 'server', SERVER)
        server.wait_text(f'^wsp-echo: listening on {SERVER} port 7$')
        return server

    def client(self, *args):
        return self.start('client', CLIENT, *args, 'client', CLIENT, SERVER)

    def close(self):
        for proc in self.procs:
            proc.kill()
        shutil.rmtree(self.dir)


def expect_status(proc, wanted):
    status = proc.wait()
    if status != wanted:
        raise Failure(f'{proc.name} ended with {status}, expected {wanted}')


def expect_end(server, signum, said):
    """It ends in good order, with these words and no complaint."""
    status = server.stop(signum=signum)
    if status != 0:
        raise Failure(f'the server ended with {status}, expected 0')
    server.wait_text(f'^wsp-echo: {said}$')
    complaints = [line for line in server.text().splitlines() if 'a connection ends' in line or 'cannot' in line]
    if complaints:
        raise Failure(f'the server complains: {complaints[0]}')


@rules("R6 R16 R30 R53 R71 R95 R108 R149 R161")
def bytes_come_back_to_one_client_after_another(pair):
    server = pair.serve()
    for size in (1, 65536, 3_000_000):
        client = pair.client('--bytes', size)
        expect_status(client, 0)
        client.wait_text(rf'^wsp-echo: {size} bytes there and back in \d+ ms$')
    expect_end(server, signal.SIGINT, f'3 connections accepted, {1 + 65536 + 3_000_000} bytes sent back')


@rules("R15 R19 S4.22")
def servers_end_leaves_nothing_behind(pair):
    expect_end(pair.serve(), signal.SIGTERM, '0 connections accepted, 0 bytes sent back')
    # the very address, port and socket again
    server = pair.serve()
    expect_status(pair.client('--bytes', 1000), 0)
    expect_end(server, signal.SIGTERM, '1 connections accepted, 1000 bytes sent back')


@rules("R59")
def port_of_nobody_is_refused(pair):
    server = pair.serve()
    client = pair.client('--port', 8)
    expect_status(client, 1)
    client.wait_text(f'{SERVER} port 8: the peer refuses connections')
    expect_end(server, signal.SIGINT, '0 connections accepted, 0 bytes sent back')


@rules("R34")
def address_of_nobody_is_not_bound(pair):
    server = pair.start('server', SERVER, 'server', CLIENT)
    expect_status(server, 1)
    server.wait_text('no host of this program has the address')


def main():
    cases = [bytes_come_back_to_one_client_after_another, servers_end_leaves_nothing_behind,
             port_of_nobody_is_refused, address_of_nobody_is_not_bound]
    failed = 0
    say(f'1..{len(cases)}')
    for number, case in enumerate(cases, 1):
        pair = Pair()
        why = None
        try:
            case(pair)
        except Failure as err:
            why = err
        if why:
            failed += 1
            diagnose(why)
            for proc in pair.procs:
                diagnose(f'{proc.name}: {proc.popen.poll()}\n{proc.text()[-2000:]}')
        say(f'{"not ok" if why else "ok"} {number} - {case.__name__.replace("_", " ")}')
        pair.close()
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
