"""A way to a server that can be closed and opened, as a network or the server itself is away for a while."""

import contextlib
import selectors
import socket
import threading

from elastic import ports


class Gate:
    def __init__(self, port: int) -> None:
        self.behind = port
        [self.port] = ports(1)
        self.listener: socket.socket | None = None
        self.connections: list[socket.socket] = []

    def open(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=[self.listener], daemon=True).start()

    def close(self) -> None:
        """Nobody listens any more, and who was connected is cut off."""
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for one in self.connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.connections = []

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                came, _ = listener.accept()
                threading.Thread(target=self.carry, args=[came], daemon=True).start()

    def carry(self, came: socket.socket) -> None:
        with came, socket.create_connection(("127.0.0.1", self.behind)) as there, contextlib.suppress(OSError):
            self.connections.append(came)
            with selectors.DefaultSelector() as ready:
                ready.register(came, selectors.EVENT_READ, there)
                ready.register(there, selectors.EVENT_READ, came)
                while True:
                    for key, _ in ready.select():
                        source, target = key.fileobj, key.data
                        assert isinstance(source, socket.socket)
                        if not (data := source.recv(65536)):
                            return
                        target.sendall(data)
