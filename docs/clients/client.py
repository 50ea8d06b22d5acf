#!/usr/bin/env python3
"""A client of evd-server, from PROTOCOL.md alone: client.py [--frame] [--token T] HOST:PORT|/PATH EVENT[=JSON]..."""
import json, socket, struct, sys

HEADER = struct.Struct(">BBBBIQHH")  # magic, type, flags, codec, length, id, event length, extra length
WINDOW = 100  # calls that wait for their answers, at most


class EventError(Exception): ...  # its args: code, message


class Client:
    def __init__(self, address, frame=False, token=None):
        self.frame, self.sent = frame, 0
        self.socket = socket.socket(socket.AF_UNIX if address.startswith("/") else socket.AF_INET)
        host, _, port = address.rpartition(":")
        self.socket.connect(address if address.startswith("/") else (host, int(port)))
        self.file = self.socket.makefile("rb")
        if token and isinstance(answer := next(self.calls([("auth", {"token": token})])), EventError):
            raise answer

    def send(self, event, *data):
        self.sent += 1
        if self.frame:
            name, body = event.encode(), b"".join(json.dumps(one).encode() for one in data)
            head = HEADER.pack(0xED, 1, 1, 0, len(name) + len(body), self.sent, len(name), 0)
            return self.socket.sendall(head + name + body)
        call = {"id": self.sent, "event": event} | ({"data": data[0]} if data else {})
        self.socket.sendall(json.dumps(call).encode() + b"\n")

    def receive(self):  # the next answer, its data or an EventError; they come in the order of the calls
        start = self.file.read(HEADER.size) if self.frame else self.file.readline()
        if not (len(start) == HEADER.size if self.frame else start.endswith(b"\n")):
            raise ConnectionError("the server closed the connection")
        if start[:1] == b"\xed":
            _, kind, _, _, length, _, code, _ = HEADER.unpack(start)
            body = self.file.read(length)
            return EventError(body[:code].decode(), body[code:].decode()) if kind == 3 else json.loads(body or b"null")
        answer = json.loads(start)
        error = answer.get("error")
        return EventError(error["code"], error["message"]) if error else answer["data"]

    def calls(self, calls):  # pipelined: yields an answer for each (event, data) or (event,)
        waiting = 0
        for waiting, call in enumerate(calls, 1):
            self.send(*call)
            if waiting > WINDOW:
                yield self.receive()
        yield from (self.receive() for _ in range(min(waiting, WINDOW)))


if __name__ == "__main__":
    args = sys.argv[1:]
    frame = "--frame" in args and not args.remove("--frame")
    token = args.pop(args.index("--token") + 1) if "--token" in args else None
    address, *events = [arg for arg in args if arg != "--token"]
    calls = ((event, json.loads(data)) if equals else (event,) for event, equals, data in (e.partition("=") for e in events))
    for answer in Client(address, frame, token).calls(calls):
        print("error " + ": ".join(answer.args) if isinstance(answer, EventError) else json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
