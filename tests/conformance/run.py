#!/usr/bin/env python3
"""Redis 7.0's own test suite (BSD licence), run against Cairn.

    run.py --server BINARY                all units, against one running server
    run.py --server BINARY --quick        those that take seconds, for every change
    run.py --server BINARY unit/scan ...  these units
    run.py --server BINARY --native ...   the suite starts and stops the server itself

What fails must stand in known_failures.txt. That list may only shrink: what stands there and passes
is named, to be removed. --update writes it anew for the units that ran. A unit with a failure that
is not known runs a second time, as some tests of the suite hang on the machine's speed: what passes
then is named as unsteady and does not count.
"""

import argparse
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import suite

HERE = pathlib.Path(__file__).parent
KNOWN = HERE / "known_failures.txt"
UNITS = HERE / "units.txt"

# What the suite expects of a server that it does not start itself.
OPTIONS = ["--save", "", "--enable-debug-command", "yes", "--enable-protected-configs", "yes"]

# A unit, and a test in it, end after this many seconds.
UNIT_SECONDS = 180
TEST_SECONDS = 45

# Stands for all tests behind the one at which a unit ended before its time.
ABORTED = "(ended early)"

# Tests that fail for a known reason half way, here for want of scripts, and leave a connection that
# the tests after them cannot use. They count as failed without being run.
SPOILING = {"unit/tracking": ["Invalid keys should not be tracked for scripts in NOLOOP mode"]}

LINE = re.compile(r"^\[(ok|err|exception|ready|timeout)\]:? ?(.*)$")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server for one unit: what one unit leaves behind cannot disturb the next."""

    def __init__(self, binary, folder):
        self.port = free_port()
        with open(folder / "server.log", "a", encoding="utf-8") as log:
            command = [binary, "--port", str(self.port), *OPTIONS]
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        self.wait_until_up()

    def wait_until_up(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("the server does not accept connections")

    def stop(self):
        self.process.kill()
        self.process.wait()


def run_suite(tree, unit, arguments):
    """Runs one unit; returns what it printed."""
    base = free_port() % 20000 + 20000
    command = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--clients", "1"]
    command += ["--tags", "-slow", "--timeout", str(TEST_SECONDS), "--baseport", str(base)]
    command += ["--portcount", "100", "--durable", *arguments]
    for test in SPOILING.get(unit, []):
        command += ["--skiptest", test]
    # A process group of its own, so that whatever it started ends with it.
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=dict(os.environ, TERM="dumb", LC_ALL="C.UTF-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=UNIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return output.decode(errors="replace")


def outcomes(text):
    """The tests of a unit by name: True for passed; and whether the unit came to its end."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    results = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        kind, rest = match.groups()
        if kind == "ok":
            results.setdefault(re.sub(r" \(\d+ ms\)$", "", rest), True)
        elif kind == "err":
            # A failure outside of a test is named by what it says, without where it happened.
            results[rest.split(" in tests/")[0].split(" (context: ")[0]] = False
    return results, "All tests passed" in text or "The following tests failed" in text


def run_external(tree, binary, unit):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, pathlib.Path(folder))
        try:
            where = ["--host", "127.0.0.1", "--port", str(server.port)]
            return run_suite(tree, unit, where)
        finally:
            server.stop()


def run_native(tree, binary, unit):
    program = tree / "src" / "redis-server"
    program.unlink(missing_ok=True)
    program.symlink_to(pathlib.Path(binary).resolve())
    for tool in ("check-aof", "check-rdb"):
        script = tree / "src" / f"redis-{tool}"
        script.unlink(missing_ok=True)
        script.write_text(f'#!/bin/sh\nexec "{program}" {tool} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return run_suite(tree, unit, [])


def run_unit(run, tree, binary, unit):
    """The names of the tests that fail, and how many pass."""
    began = time.monotonic()
    text = run(tree, binary, unit)
    results, whole = outcomes(text)
    failed = {name for name, passed in results.items() if not passed}
    passed = len(results) - len(failed)
    failed.update(SPOILING.get(unit, []))
    if not whole and not failed:
        failed.add(ABORTED)
    seconds = time.monotonic() - began
    print(f"{unit:28} {passed:4} passed {len(failed):3} failed {seconds:4.0f} s", flush=True)
    return failed, passed


def steady(run_again, mode, unit, failed, known):
    """The failures of a unit without those unknown ones that do not come again."""
    unknown = {test for test in failed if (mode, unit, test) not in known}
    if not unknown:
        return failed
    again, _ = run_again()
    for test in sorted(unknown - again):
        print(f"UNSTEADY: {unit}: {test}")
    return failed - (unknown - again)


def read_known():
    lines = KNOWN.read_text(encoding="utf-8").splitlines() if KNOWN.exists() else []
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {(mode, unit, test) for mode, unit, test in pairs}


def write_known(known):
    head = "# Tests of Redis 7.0 that fail: mode, unit, test. This list may only shrink.\n"
    lines = ("\t".join(row) for row in sorted(known))
    KNOWN.write_text(head + "".join(line + "\n" for line in lines), encoding="utf-8")


def units_of(section):
    lines = UNITS.read_text(encoding="utf-8").splitlines()
    named = (line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))
    return {name: units.split() for name, units in named}[section]


def report(found, known, mode, units):
    """Prints what is new; False when there is a new failure."""
    before = {row for row in known if row[0] == mode and row[1] in units}
    for _, unit, test in sorted(found - before):
        print(f"FAILED: {unit}: {test}")
    for _, unit, test in sorted(before - found):
        print(f"PASSES NOW, remove it from {KNOWN.name}: {unit}: {test}")
    return found <= before


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="the binary")
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    parser.add_argument("--native", action="store_true", help="the suite starts the server")
    parser.add_argument("--update", action="store_true", help="write the list of failures anew")
    parser.add_argument("units", nargs="*")
    return parser.parse_args()


def main():
    options = parse_arguments()
    mode = "native" if options.native else "external"
    units = options.units or units_of("quick" if options.quick else mode)
    run = run_native if options.native else run_external
    binary = str(pathlib.Path(options.server).resolve())
    known, found, total = read_known(), set(), 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "suite"
        shutil.copytree(suite.fetch(), tree, symlinks=True)
        for unit in units:
            go = functools.partial(run_unit, run, tree, binary, unit)
            failed, passed = go()
            failed = steady(go, mode, unit, failed, known)
            found |= {(mode, unit, test) for test in failed}
            total += passed
    print(f"{total} passed, {len(found)} failed")
    if options.update:
        write_known({row for row in known if row[0] != mode or row[1] not in units} | found)
    elif not report(found, known, mode, units):
        sys.exit(1)


main()
