#!/usr/bin/env python3
"""What the log tells of calls, and that it never tells what they carry: log_test.py SERVER MODULES"""

import base64
import gzip
import json
import re
import socket
import struct
import sys
import unittest

from http_client import Server, wait_until

SERVER = MODULES = None
SECRET = "hunter2-5ecre7"


def frame(event, data, extra=b"", codec=0, kind=1):
    body = event + extra + data
    return struct.pack(">BBBBIQHH", 0xED, kind, 1, codec, len(body), 9, len(event), len(extra)) + body


def everything(server):
    """The secret in each place where a client can put one, in calls that go well and that do not."""
    encoded = base64.b64encode(SECRET.encode()).decode()
    lines = [
        {"event": "api.test.echo", "data": SECRET},
        {"event": "api.services.status", "data": {SECRET: [SECRET]}, SECRET: SECRET},
        {"event": "api.hello.greeting", "name": SECRET},
        {"event": "api.test.echo", "data": encoded, "encoding": "base64"},
        {"event": "api.test.echo", "data": SECRET + "%", "encoding": "base64"},
        {"event": "api.test.echo", "data": "x", "encoding": SECRET},
        {"event": f"api.{SECRET}.{SECRET}", "data": SECRET},
        {"event": f"api.services.{SECRET}"},
        {"event": SECRET},
        {"event": SECRET + " \n"},
        {"id": SECRET, "event": "api.services.status"},
        {"id": [SECRET], "event": "api.services.status"},
        {"event": {SECRET: 1}},
        {"event": "auth", "data": {"token": SECRET}},
    ]
    server.call(*lines)
    server.say(b'{"event":"api.test.echo","data":"' + SECRET.encode())  # no end
    server.say(SECRET.encode().replace(b"h", b"{") + b"\n")
    server.say(b'{"data":"' + SECRET.encode() * 200 + b'"}\n')  # over --max-frame
    server.say(frame(b"api.test.echo", SECRET.encode()))
    server.say(frame(b"api.test.echo", gzip.compress(SECRET.encode()), codec=2))
    server.say(frame(b"api.test.echo", b"x", b'{"' + SECRET.encode() + b'":1}'))
    server.say(frame(b"api.test.echo", SECRET.encode(), codec=2))
    server.say(frame(SECRET.encode(), SECRET.encode(), kind=7))
    for request in (f"GET /{SECRET}?{SECRET} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SECRET}\r\n\r\n",
                    f"{SECRET}\r\n", f"GET /metrics HTTP/1.1\r\n{SECRET}: {SECRET}\r\n\r\n"):
        server.say(request.encode())


class Secrets(unittest.TestCase):
    def check(self, *options):
        with Server(SERVER, "--trace", "1", "--max-frame", "1024", *options) as server:
            everything(server)
            self.assertNotIn(SECRET, server.get("/metrics").text)
            self.assertEqual(server.stop(), 0)
            text = server.error_text()
            encoded = base64.b64encode(SECRET.encode()).decode()
            for trace in (SECRET, SECRET[:6], SECRET[-6:], encoded):
                self.assertNotIn(trace, text)
            self.assertGreaterEqual(text.count("trace"), 15)
            for code in ("ok", "no_such_function", "bad_event", "bad_data"):
                self.assertRegex(text, rf'outcome("?[=:]"?){code}\b')

    def test_text(self):
        for backend in ("static", "dynamic", "instance"):
            self.check(f"--dispatch={backend}")

    def test_json(self):
        self.check("--log-format=json")


class Traces(unittest.TestCase):
    def test_the_life_of_a_call(self):
        with Server(SERVER, "--trace=1", "--log-format=json", "--log-level=error") as server:
            calls = [{"id": i, "event": "api.services.status"} for i in range(100)]  # more than are held
            text = "".join(json.dumps(call) + "\n" for call in calls)
            answers = server.say(text.encode())
            server.call({"event": "api.services.status"}, {"id": "text", "event": "no.such"})
            server.stop()
            lines = [json.loads(line) for line in server.error_text().splitlines()]
        self.assertEqual([line["level"] for line in lines], ["trace"] * 102)
        lines.sort(key=lambda line: line["call"])
        first, last = lines[:100], lines[100:]
        self.assertEqual([line["call"] for line in lines], list(range(1, 103)))
        self.assertEqual([line["id"] for line in first], list(range(100)))
        self.assertEqual({line["connection"] for line in first}, {1})
        self.assertEqual({line["event"] for line in first}, {"api.services.status"})
        self.assertEqual({line["outcome"] for line in first}, {"ok"})
        self.assertEqual(sum(line["request_bytes"] for line in first), len(text))
        self.assertEqual(sum(line["reply_bytes"] for line in first), len(answers))
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            steps = [line[key] for key in ("decoded_after_ns", "acquired_after_ns",
                                           "answered_after_ns", "written_after_ns") if key in line]
            self.assertEqual(steps, sorted(steps))
        self.assertGreaterEqual(sum("written_after_ns" in line for line in lines), 64)
        self.assertEqual([line["outcome"] for line in last], ["ok", "no_such_function"])
        self.assertEqual(last[1]["event"], "")
        self.assertNotIn("acquired_after_ns", last[1])
        for line in last:
            self.assertNotIn("id", line)  # one had none, the other's is text

    def test_waits_count_from_when_the_bytes_came(self):
        """The calls of a read were received together, whatever else is read while one of them waits."""
        with Server(SERVER, "--trace=1", "--log-format=json", "--dispatch=dynamic", "--modules",
                    MODULES) as server, server.connect() as waits:
            waits.sendall(b'{"id":1,"event":"defer.wait"}\n{"id":2,"event":"defer.config"}\n')
            wait_until(lambda: "waits" in server.error_text())
            server.call({"event": "defer.gate"})
            text = b""
            while text.count(b"\n") < 2:
                text += waits.recv(4096)
            server.stop()
            lines = [json.loads(line) for line in server.error_text().splitlines()]
        first, second = [line for line in lines if line.get("connection") == 1]
        self.assertEqual((first["id"], second["id"]), (1, 2))
        self.assertEqual(second["received_ns"], first["received_ns"])
        self.assertGreater(second["decoded_after_ns"], first["answered_after_ns"])

    def test_a_call_whose_peer_has_gone(self):
        with Server(SERVER, "--trace=1", "--log-format=json", "--dispatch=dynamic", "--modules", MODULES) as server:
            peer = server.connect()
            peer.sendall(b'{"id":5,"event":"defer.hold"}\n')
            wait_until(lambda: "holds" in server.error_text())
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()  # by a reset
            wait_until(lambda: '"level":"trace"' in server.error_text())
            line = [json.loads(line) for line in server.error_text().splitlines()][-1]
        self.assertEqual((line["event"], line["outcome"], line["id"]), ("defer.hold", "cancelled", 5))
        self.assertEqual(line["reply_bytes"], 0)
        self.assertNotIn("written_after_ns", line)

    def test_one_in_so_many(self):
        with Server(SERVER, "--trace=10") as server:
            server.call(*[{"event": "api.services.status"}] * 100)
            server.stop()
            calls = re.findall(r"^evd-server: trace: connection=1 call=(\d+) event=api.services.status outcome=ok ",
                               server.error_text(), re.M)
        self.assertEqual([int(call) for call in calls], list(range(1, 100, 10)))

    def test_nothing_without_it(self):
        with Server(SERVER) as server:
            everything(server)
            server.stop()
            self.assertEqual(server.error_text(), "")


if __name__ == "__main__":
    SERVER, MODULES = (sys.argv.pop(1) for _ in range(2))
    unittest.main()
