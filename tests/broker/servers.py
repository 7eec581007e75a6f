"""Things that listen on a port and are not RabbitMQ's management API."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def pem(name: str) -> Path:
    """A file with a key and a certificate, made with
    `openssl req -x509 -newkey ec -days 36500 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1`.

    Those that are expired and not yet valid: `openssl ca -selfsign` with `-startdate` and `-enddate`.
    """
    return Path(__file__).parent / f"{name}.pem"


@contextmanager
def http_server(
    answers: list[tuple[int, str, str]],
    *,
    tls: bool = False,
    certificate: str = "self-signed",
    demands: ssl.TLSVersion | None = None,
    headers: dict[str, str] | None = None,
) -> Iterator[str]:
    """A server that gives these answers (status, content type, body) in turn, and the last for ever.

    With `demands` it demands a certificate of its clients, in this version of TLS.
    """
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body.encode())))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem(certificate))
        if demands is not None:
            context.maximum_version = demands
            context.load_verify_locations(pem(certificate))
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def stalling_server() -> Iterator[tuple[str, threading.Event]]:
    """The URL of a management API that tells which broker it is, and leaves all else that it is asked for open.

    The event says that it was.
    """
    asked, over = threading.Event(), threading.Event()
    known = {"/api/overview": '{"rabbitmq_version": "3.10.8"}', "/api/vhosts/proca": '{"name": "proca"}'}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = known.get(self.path.partition("?")[0])
            if body is None:
                asked.set()
                over.wait()
                return
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@contextmanager
def mute_server(*, says: bytes = b"") -> Iterator[int]:
    """A port that takes connections, says this once, and nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            if says:
                connection.recv(1000)
                connection.sendall(says)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            connection.close()
