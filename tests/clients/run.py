#!/usr/bin/env python3
"""Runs real Redis clients against a server: redis-cli, redis-py, node-redis and ioredis.

    run.py --server target/release/cairn-server     start this binary (or a debug build)
    run.py --port 6379                              use a server that runs; it is emptied
    run.py … --only redis-py,ioredis                some clients only

The clients are installed by name, in the versions pinned beside this file, into a cache folder
(CAIRN_CLIENTS_CACHE, or ~/.cache/cairn-clients); later runs find them there. What cannot be
installed is a failure, not a skip. A check is a function in a client's script; each runs for every
protocol version that the client speaks, and all run even when one fails.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
# A client's whole script must end within this many seconds.
SCRIPT_LIMIT = 120
START_LIMIT = 20


def cache() -> pathlib.Path:
    """The folder that keeps the clients; one for each set of pinned versions."""
    pins = (HERE / "requirements.txt").read_bytes() + (HERE / "package.json").read_bytes()
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "cairn-clients"
    root = pathlib.Path(os.environ.get("CAIRN_CLIENTS_CACHE", default)).expanduser()
    return root / hashlib.sha256(pins).hexdigest()[:12]


def install(name: str, command: list, **options) -> None:
    """Runs an installer and ends the whole run if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          **options)
    if done.returncode != 0:
        sys.exit(f"clients: cannot install {name}: {' '.join(command)}\n{done.stdout}{done.stderr}")


def apt(*packages: str) -> None:
    """Installs Debian packages."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install("the package lists", [*sudo, "apt-get", "update", "-qq"], env=env)
    install(" ".join(packages), [*sudo, "apt-get", "install", "-y", "-qq", *packages], env=env)


def redis_cli() -> list:
    """The command that runs redis-cli's checks."""
    if not shutil.which("redis-cli"):
        apt("redis-tools")
    return ["bash", str(HERE / "redis_cli.sh")]


def redis_py() -> list:
    """The command that runs redis-py's checks."""
    home = cache() / "python"
    if not (home / "ready").exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        install("redis-py", [*pip, "-r", str(HERE / "requirements.txt")])
        (home / "ready").touch()
    return [str(home / "bin/python"), str(HERE / "redis_py.py")]


def node(script: str) -> list:
    """The command that runs a Node client's checks."""
    home = cache() / "node"
    if not (shutil.which("node") and shutil.which("npm")):
        apt("nodejs", "npm")
    if not (home / "ready").exists():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", home)
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        install("the Node clients", npm, cwd=home)
        (home / "ready").touch()
    # Modules are looked up from the script's own folder, so the scripts stand beside theirs.
    for source in HERE.glob("*.mjs"):
        shutil.copy(source, home)
    return ["node", str(home / script)]


CLIENTS = {
    "redis-cli": redis_cli,
    "redis-py": redis_py,
    "node-redis": lambda: node("node_redis.mjs"),
    "ioredis": lambda: node("ioredis.mjs"),
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of our own, in a temporary folder, for the time of a `with` block."""

    def __init__(self, binary: str):
        self.port = free_port()
        self.dir = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.dir.name) / "log"
        options = {"--port": self.port, "--bind": "127.0.0.1", "--save": "", "--dir": self.dir.name}
        words = [str(word) for pair in options.items() for word in pair]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([binary, *words], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)

    def __enter__(self) -> int:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self.port
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        sys.exit(f"clients: the server did not come up\n{self.log.read_text(errors='replace')}")

    def __exit__(self, *_) -> None:
        died = self.process.poll()
        self.process.terminate()
        try:
            self.process.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if died is not None:
            print(f"the server ended with {died}:\n{self.log.read_text(errors='replace')[-4000:]}")
        self.dir.cleanup()


def not_yet(port: int) -> list:
    """The commands of not_yet.txt; the server must indeed not know them."""
    lines = (HERE / "not_yet.txt").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as server:
        for command in commands:
            server.sendall(f"COMMAND INFO {command}\r\n".encode())
            if server.recv(4096) != b"*1\r\n$-1\r\n":
                sys.exit(f"tests/clients/not_yet.txt names {command}, which the server has: remove it")
    return commands


def run(names: list, port: int) -> bool:
    """Runs the clients one after the other; true if all checks passed."""
    fine = True
    for name in names:
        command = CLIENTS[name]()
        try:
            code = subprocess.run([*command, str(port)], stdin=subprocess.DEVNULL,
                                  timeout=SCRIPT_LIMIT).returncode
        except subprocess.TimeoutExpired:
            code = f"no end after {SCRIPT_LIMIT} s"
        print(f"client {name}: {'ok' if code == 0 else f'FAILED ({code})'}", flush=True)
        fine = fine and code == 0
    return fine


def main() -> int:
    """Parses the command line and runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--server", help="path of the server binary to start")
    place.add_argument("--port", type=int, help="port of a local server that runs; it is emptied")
    parser.add_argument("--only", default=",".join(CLIENTS), help="comma-separated clients")
    args = parser.parse_args()
    names = args.only.split(",")
    if unknown := set(names) - set(CLIENTS):
        parser.error(f"no client {', '.join(sorted(unknown))}; known: {', '.join(CLIENTS)}")
    if args.port:
        return 0 if run(names, args.port) else 1
    with Server(args.server) as port:
        os.environ["CAIRN_NOT_YET"] = ",".join(not_yet(port))
        return 0 if run(names, port) else 1


if __name__ == "__main__":
    sys.exit(main())
