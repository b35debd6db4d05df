# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's end: servers and clients on ordinary sockets."""
import asyncio
import random
import socket
import socketserver
import struct
import threading

from .proc import LIMIT_S, Failure

CHUNK = 1 << 17


class Server:
    """A server on a kernel socket, one thread for each connection; handle(sock) serves one.

    served, ended and resets count connections.
    """

    PORT = 7  # echo: else tshark would look for protocols in what is sent

    def __init__(self, handle):
        server = self
        self.served = 0
        self.ended = 0
        self.resets = 0
        lock = threading.Lock()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with lock:
                    server.served += 1
                reset = False
                try:
                    handle(self.request)
                except OSError as err:
                    reset = isinstance(err, ConnectionError)
                with lock:
                    server.ended += 1
                    server.resets += reset

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 512

        self.listener = Listener(('0.0.0.0', self.PORT), Handler)
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def seen_from(self, address):
        """Its name for a client of the stack, when the kernel has this address."""
        return f'{address}:{self.PORT}'

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()


def echo(sock):
    """Send back what comes until the peer has finished."""
    while data := sock.recv(CHUNK):
        sock.sendall(data)


def reset(sock):
    """Close at once with RST, whatever is queued."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def connect(server, source=None, limit_s=LIMIT_S):
    """A connected kernel socket with a time limit on each call."""
    host = (source, 0) if source else None
    return socket.create_connection(server, limit_s, source_address=host)


def exchange(sock, data):
    """Send data, smaller than the buffers in between, and compare what comes back."""
    sock.sendall(data)
    back = b''
    while len(back) < len(data):
        part = sock.recv(CHUNK)
        if not part:
            raise Failure(f'end of the stream after {len(back)} of {len(data)} bytes')
        back += part
    if back != data:
        raise Failure(f'{len(data)} bytes came back changed')


def finish(sock):
    """Say FIN and wait for the other end's, with no data before it."""
    sock.shutdown(socket.SHUT_WR)
    rest = sock.recv(CHUNK)
    if rest:
        raise Failure(f'{len(rest)} bytes too many')


async def _one(server, data, everybody_here):
    reader, writer = await asyncio.open_connection(*server)
    await everybody_here()
    writer.write(data)
    back = await reader.readexactly(len(data))
    writer.write_eof()
    rest = await reader.read()
    writer.close()
    if back != data or rest:
        raise Failure('a connection got other bytes than it sent')


async def _many(server, count, size):
    arrived = 0
    full = asyncio.Event()

    async def everybody_here():
        nonlocal arrived
        arrived += 1
        if arrived == count:
            full.set()
        await full.wait()

    noise = random.Random(count)
    await asyncio.gather(*(_one(server, noise.randbytes(size), everybody_here)
                           for _ in range(count)))


def many(server, count, size):
    """Open count connections, and only then send size bytes of its own over each and compare."""
    asyncio.run(asyncio.wait_for(_many(server, count, size), LIMIT_S))
