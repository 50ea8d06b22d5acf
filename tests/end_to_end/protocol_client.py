"""What the tests of docs/PROTOCOL.md share: servers of every backend, and the tokens of its examples."""

import contextlib
import os
import signal
import subprocess
import tempfile

DEADLINE = 60  # seconds, after which something is lost rather than slow
SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.XZ9KL7ZohTLsRrkBsqXfZb33bIYCzMePxOf3oNBuE5Y"
BACKENDS = [
    ["--dispatch=static"],
    ["--dispatch=dynamic", "--dynamic-load=cached"],
    ["--dispatch=dynamic", "--dynamic-load=call"],
    ["--dispatch=instance", "--instance-alloc=malloc"],
    ["--dispatch=instance", "--instance-alloc=pool"],
]


@contextlib.contextmanager
def server(path, options, token=False):
    """Runs one on TCP and on a Unix socket; gives their addresses, HOST:PORT and /PATH."""
    with tempfile.TemporaryDirectory() as folder:
        secret = os.path.join(folder, "secret")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(SECRET)
        command = [path, "--listen", "tcp://127.0.0.1:0", "--listen", f"unix://{folder}/socket", *options]
        command += ["--auth-secret-file", secret] if token else []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            assert all(line.startswith("listening on ") for line in lines), lines
            yield [line.split("://")[1].strip() for line in lines]
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(DEADLINE)
            process.stdout.close()
        assert status == 0, status
