#!/usr/bin/env python3
"""docs/PROTOCOL.md is true: protocol_test.py SERVER TOP_OF_THE_TREE

Every example is sent to a server with each backend, over TCP and a Unix socket, in one piece and
byte by byte. The tables of errors and limits are those of the code."""

import re
import socket
import subprocess
import sys
import unittest

from protocol_client import BACKENDS, DEADLINE, server

SERVER, TOP = sys.argv[1:3]
with open(f"{TOP}/docs/PROTOCOL.md", encoding="utf-8") as file:
    DOCUMENT = file.read()
BLOCKS = re.findall(r"^```(\w+)( exchange)?( token)?\n(.*?)^```$", DOCUMENT, re.M | re.S)
EXCHANGES = [(kind, bool(token), text) for kind, exchange, token, text in BLOCKS if exchange]


def connect(address):
    family = socket.AF_UNIX if address.startswith("/") else socket.AF_INET
    connection = socket.socket(family)
    connection.settimeout(DEADLINE)
    host, _, port = address.rpartition(":")
    connection.connect(address if family == socket.AF_UNIX else (host, int(port)))
    return connection


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)[1]


class Examples(unittest.TestCase):
    def exchange(self, address, kind, text, byte_by_byte):
        sent, expected, closed = b"", b"", False
        for line in text.splitlines():
            closed = closed or line == "closed"
            data = line[2:].encode() + b"\n" if kind == "jsonl" else bytes.fromhex(line[2:]) if line[1:2] == " " else b""
            sent += data if line.startswith("> ") else b""
            expected += data if line.startswith("< ") else b""
        pattern = re.escape(expected).replace(b'"@"', b'"(?:[^"\\\\]|\\\\.)+"')
        with connect(address) as connection:
            for piece in [sent[i : i + 1] for i in range(len(sent))] if byte_by_byte else [sent]:
                connection.sendall(piece)
            if not closed:  # or nobody would end it
                connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answers:
                got = answers.read()
        self.assertRegex(got, b"\\A" + pattern + b"\\Z", text)

    def test_examples(self):
        self.assertGreaterEqual(len(EXCHANGES), 10)
        for backend in BACKENDS:
            for token in (False, True):
                with server(SERVER, backend, token) as addresses:
                    for kind, wants_token, text in EXCHANGES:
                        for address in addresses if wants_token == token else []:
                            self.exchange(address, kind, text, False)
                            self.exchange(address, kind, text, True)

    def test_no_example_is_left_out(self):
        """A block that looks like messages but is not run would be believed all the same."""
        for kind, exchange, _, text in BLOCKS:
            self.assertTrue(exchange or kind in ("abnf", "sh"), text)  # netcat.sh runs that of sh
        self.assertEqual(DOCUMENT.count("\n```"), 2 * len(BLOCKS))


class Tables(unittest.TestCase):
    def test_errors(self):
        with open(f"{TOP}/dispatch/status.h", encoding="utf-8") as status:
            codes = re.findall(r'X\([A-Z_]+,\s*-\d+,\s*"([a-z_]+)"', status.read())
        self.assertGreater(len(codes), 15)
        rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", section("Errors"), re.M)
        told = [code for row in rows for code in re.findall(r"`([a-z_]+)`", row)]
        self.assertEqual(sorted(told), sorted(codes))

    def test_limits(self):
        sizes = {"": 1, "KiB": 1024, "MiB": 1024**2, "k": 1024, "m": 1024**2, "g": 1024**3}
        times = {"s": 1, "min": 60, "m": 60, "h": 3600}
        text = subprocess.run([SERVER, "--help=markdown"], check=True, capture_output=True, text=True).stdout
        options = dict(re.findall(r"^\| `(--[a-z-]+)[^`]*` \| `(\w+)`", text, re.M))
        rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| (`--[^|]+) \|", section("Limits"), re.M)
        self.assertEqual(sum(names.count("--") for _, names in rows), 13)
        for values, names in rows:
            for value, name in zip(values.split("; "), re.findall(r"`(--[a-z-]+)`", names), strict=True):
                units = times if name.endswith("-timeout") else sizes
                told = re.fullmatch(r"([\d,]+) ?(\w*)", value.strip())
                self.assertIsNotNone(told, value)
                real = re.fullmatch(r"(\d+)([a-z]*)", options[name])
                self.assertEqual(
                    int(told[1].replace(",", "")) * units[told[2]], int(real[1]) * units[real[2]], name
                )


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
