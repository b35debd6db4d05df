# SPDX-License-Identifier: BSD-3-Clause
"""Programs of apps/ at the two ends of a memif. Needs neither root nor huge pages."""
import os
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', '..', 'interop')]
from kit.lab import LCORES, program  # noqa: E402 (the path comes first)
from kit.proc import Failure, Proc  # noqa: E402
from kit.topic import diagnose, end_on_signal, say  # noqa: E402

SERVER, CLIENT = '10.1.0.1', '10.1.0.2'


class Pair:
    """The two ends of a memif, in a folder that is gone afterwards."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='san-memif-')
        self.procs = []

    def start(self, role, address, name, *args):
        """Start a program; what it says is in a file, and it is dead when the test is."""
        config = os.path.join(self.dir, f'{role}.conf')
        label = f'{role}-{len(self.procs)}'
        with open(config, 'w', encoding='ascii') as f:
            f.write(f'[port m]\ndevice = net_memif0,role={role},socket-abstract=no,socket={self.dir}/memif\n'
                    f'[interface i]\nport = m\naddress = {address}/24\n')
        self.procs.append(Proc([program(name), '--lcores', LCORES, '--no-huge', '-m', '256', '--no-pci',
                                '--no-telemetry', '--no-shconf', f'--file-prefix={label}-{os.getpid()}', '--',
                                '--config', config, *args], os.path.join(self.dir, f'{label}.log')))
        return self.procs[-1]

    def server(self, name, *args):
        return self.start('server', SERVER, name, *args)

    def client(self, name, *args):
        return self.start('client', CLIENT, name, *args)

    def close(self):
        for proc in self.procs:
            proc.kill()
        shutil.rmtree(self.dir)


def expect_status(proc, wanted):
    status = proc.wait()
    if status != wanted:
        raise Failure(f'{proc.name} ended with {status}, expected {wanted}')


def run(pair, case):
    """Why it failed, or None."""
    try:
        case(pair)
    except Failure as err:
        diagnose(err)
        for proc in pair.procs:
            diagnose(f'{proc.name}: {proc.popen.poll()}\n{proc.text()[-2000:]}')
        return err
    return None


def main(cases):
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, end_on_signal)
    failed = 0
    say(f'1..{len(cases)}')
    for number, case in enumerate(cases, 1):
        pair = Pair()
        try:
            why = run(pair, case)
        finally:
            pair.close()
        failed += why is not None
        say(f'{"not ok" if why else "ok"} {number} - {case.__name__.replace("_", " ")}')
    sys.exit(1 if failed else 0)
