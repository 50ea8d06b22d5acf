"""What the tests of HTTP share: a server of their own, and clients. Standard library only."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE = 60  # seconds, after which something is lost rather than slow


class Server:
    """evd-server as a process, on a port that the kernel chooses; stopped when left."""

    def __init__(self, path, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.errors_path = os.path.join(self.folder.name, "errors")
        self.errors = open(self.errors_path, "wb")
        self.process = subprocess.Popen(
            [path, "--listen", "tcp://127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        line = self.process.stdout.readline().decode()
        match = re.fullmatch(r"listening on tcp://127\.0\.0\.1:(\d+)\n", line)
        assert match, f"{line!r} {self.error_text()!r}"
        self.port = int(match[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()

    def stop(self):
        """Returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.errors.close()
        return status

    def error_text(self):
        with open(self.errors_path, encoding="utf-8") as file:
            return file.read()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def get(self, path, method="GET"):
        """One request on a connection of its own: the answer, with its body in .text."""
        client = self.client()
        client.request(method, path)
        response = client.getresponse()
        response.text = response.read().decode()
        client.close()
        return response

    def say(self, data):
        """Sends bytes, ends its direction, and returns all that comes back."""
        with self.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    def call(self, *envelopes):
        """Calls over JSON lines, and their answers."""
        text = "".join(json.dumps(e) + "\n" for e in envelopes).encode()
        return [json.loads(line) for line in self.say(text).splitlines()]


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def wait_until(condition):
    """Polls what has no event to wait for."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
