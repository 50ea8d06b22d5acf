#!/usr/bin/env python3
"""HTTP on the port that serves events: http_test.py SERVER"""

import base64
import hashlib
import hmac
import os
import re
import signal
import socket
import sys
import tempfile
import unittest

from http_client import DEADLINE, Server, read_all, wait_until

SERVER = None


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SERVER)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.error_text()
        assert cls.server.error_text() == "", cls.server.error_text()
        cls.server.folder.cleanup()

    def test_health(self):
        for path, text in (("/healthz", "OK\n"), ("/readyz", "OK\n"), ("/healthz?x=1", "OK\n")):
            answer = self.server.get(path)
            self.assertEqual((answer.status, answer.text), (200, text))
            self.assertEqual(answer.getheader("Content-Type"), "text/plain; charset=utf-8")
            self.assertEqual(answer.getheader("Cache-Control"), "no-store")
            self.assertIsNotNone(answer.getheader("Date"))

    def test_head_is_get_without_its_body(self):
        head, get = self.server.get("/healthz", "HEAD"), self.server.get("/healthz")
        self.assertEqual(head.status, 200)
        self.assertEqual(head.text, "")
        self.assertEqual(head.getheader("Content-Length"), get.getheader("Content-Length"))

    def test_paths_and_methods_that_are_not(self):
        for path in ("/", "/nothing", "/healthz/", "/HEALTHZ", "/%68ealthz", "//healthz", "/../healthz"):
            self.assertEqual(self.server.get(path).status, 404, path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = self.server.get("/healthz", method)
            self.assertEqual((answer.status, answer.getheader("Allow")), (405, "GET, HEAD"), method)
        self.assertEqual(self.server.get("/healthz", "BREW").status, 501)

    def test_a_connection_is_kept(self):
        client = self.server.client()
        client.request("GET", "/healthz")
        client.getresponse().read()
        first = client.sock
        client.request("GET", "/nothing")
        client.getresponse().read()
        client.request("GET", "/readyz")
        answer = client.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b"OK\n"))
        self.assertIs(client.sock, first)
        client.close()

    def test_pipelining(self):
        count = 500  # more than one read
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        with self.server.connect() as connection:
            connection.sendall(request * count + b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + request)
            text = read_all(connection)
        self.assertEqual(text.count(b"HTTP/1.1 200 OK\r\n"), count)
        self.assertEqual(text.count(b"HTTP/1.1 "), count + 1)
        self.assertTrue(text.endswith(b"\r\n\r\nNot Found\n"))
        self.assertEqual(text.count(b"Connection: close\r\n"), 1)

    def test_byte_by_byte(self):
        with self.server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /healthz HTTP/1.0\r\nX: y\r\n\r\n":
                connection.sendall(bytes([byte]))
            self.assertTrue(read_all(connection).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_what_is_refused_is_answered_and_closed(self):
        for request, status in (
            (b"hello\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            (b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 413),
            (b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000, 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 64 + b"\r\n", 431),
        ):
            with self.server.connect() as connection:  # the server ends it, not the client
                connection.sendall(request)
                text = read_all(connection)
            self.assertTrue(text.startswith(b"HTTP/1.1 %d " % status), (request[:60], text))
            self.assertIn(b"\r\nConnection: close\r\n", text)
            self.assertEqual(text.count(b"\r\n\r\n"), 1)

    def test_a_request_without_its_end_is_not_answered(self):
        self.assertEqual(self.server.say(b"GET /healthz HTTP/1.1\r\nHost: a\r\n"), b"")

    def test_events_go_on_beside_it(self):
        answers = self.server.call({"id": 1, "event": "api.services.status"})
        self.assertEqual(answers, [{"id": 1, "data": "online"}])


class Tokens(unittest.TestCase):
    """Where callers must bring a token, so must who reads the metrics; not who asks for health."""

    SECRET = b"0123456789abcdef0123456789abcdef"

    def token(self, secret, claims=b'{"sub":"p"}'):
        parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"HS256"}', claims)]
        digest = hmac.new(secret, b".".join(parts), hashlib.sha256).digest()
        return b".".join([*parts, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()

    def test_metrics_ask_for_one(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "secret")
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(self.SECRET)
            with Server(SERVER, "--auth-secret-file", path) as server:
                for header, status in (
                    ({}, 401),
                    ({"Authorization": "Bearer x"}, 401),
                    ({"Authorization": "Basic " + self.token(self.SECRET)}, 401),
                    ({"Authorization": "Bearer " + self.token(b"x" * 32)}, 401),
                    ({"Authorization": "Bearer " + self.token(self.SECRET)}, 200),
                ):
                    client = server.client()
                    client.request("GET", "/metrics", headers=header)
                    answer = client.getresponse()
                    answer.read()
                    client.close()
                    self.assertEqual(answer.status, status, header)
                    challenge = "Bearer" if status == 401 else None
                    self.assertEqual(answer.getheader("WWW-Authenticate"), challenge)
                self.assertEqual(server.get("/healthz").status, 200)
                self.assertEqual(server.get("/readyz").status, 200)


    def test_what_claims_take_counts_as_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "secret")
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(self.SECRET)

            def buffer_bytes(name="evd_buffer_bytes"):
                client.request("GET", "/metrics", headers={"Authorization": "Bearer " + self.token(self.SECRET)})
                return int(re.search(rb"^%b (\d+)$" % name.encode(), client.getresponse().read(), re.M)[1])

            token = self.token(self.SECRET, b'{"sub":"' + b"x" * 2900 + b'"}')
            with Server(SERVER, "--auth-secret-file", path) as server, server.connect() as caller:
                client = server.client()
                before = [buffer_bytes() for _ in range(3)][-1]  # its own buffers have their size
                caller.sendall(b'{"event":"auth","data":{"token":"' + token.encode() + b'"}}\n')
                self.assertEqual(caller.recv(100), b'{"data":"ok"}\n')
                self.assertIn(buffer_bytes() - before, range(2900, 3200))
                caller.shutdown(socket.SHUT_WR)
                self.assertEqual(caller.recv(100), b"")  # closed, and given back
                self.assertLess(buffer_bytes(), before + 2900)
                self.assertGreaterEqual(buffer_bytes("evd_buffer_peak_bytes"), before + 2900)
                client.close()

    def test_the_secret_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            path, new = os.path.join(folder, "secret"), b"fedcba9876543210fedcba9876543210"

            def status(secret):
                client = server.client()
                client.request("GET", "/metrics", headers={"Authorization": "Bearer " + self.token(secret)})
                answer = client.getresponse()
                answer.read()
                client.close()
                return answer.status

            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644), "wb") as file:
                file.write(self.SECRET)
            os.chmod(path, 0o644)
            with Server(SERVER, "--auth-secret-file", path) as server:
                self.assertEqual((status(self.SECRET), status(new)), (200, 401))
                with open(path, "wb") as file:
                    file.write(new + b"\n")
                os.chmod(path, 0o600)
                self.assertEqual((status(self.SECRET), status(new)), (200, 401))
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda: status(new) == 200)
                self.assertEqual(status(self.SECRET), 401)
                client = server.client()
                client.request("GET", "/metrics", headers={"Authorization": "Bearer " + self.token(new)})
                refused = re.search(rb'^evd_errors_total\{code="no_permission"\} (\d+)$', client.getresponse().read(), re.M)
                client.close()
                self.assertGreaterEqual(int(refused[1]), 3)
                self.assertEqual(server.stop(), 0)
                text = server.error_text()
            self.assertIn(f"warning: --auth-secret-file {path} is open to others than its owner (mode 644): chmod 600\n", text)
            self.assertEqual(text.count("open to others"), 1)
            self.assertIn("info: the secret of tokens was read anew\n", text)
            self.assertIn("info: a token was refused: its signature is not by this secret (1 refusals so far)\n", text)
            self.assertNotIn("eyJ", text)


class Leaving(unittest.TestCase):
    def test_it_serves_on_while_balancers_hear_of_it(self):
        with Server(SERVER, "--drain-delay", "1h") as server:
            self.assertEqual(server.get("/readyz").status, 200)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: server.get("/readyz").status == 503)
            self.assertEqual(server.get("/readyz").text, "draining\n")
            self.assertEqual(server.get("/healthz").status, 200)
            self.assertEqual(server.call({"event": "api.services.status"}), [{"data": "online"}])
            server.process.send_signal(signal.SIGTERM)  # at once
            server.process.wait(DEADLINE)

    def test_then_it_ends(self):
        with Server(SERVER, "--drain-delay", "10ms") as server:
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.error_text(), "")


class Limits(unittest.TestCase):
    def test_flags(self):
        with Server(SERVER, "--max-http-head", "256", "--max-http-fields", "2") as server:
            self.assertIn(b" 431 ", server.say(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 256))
            self.assertIn(b" 431 ", server.say(b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nY: z\r\n\r\n"))
            self.assertIn(b" 404 ", server.say(b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"))


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main()
