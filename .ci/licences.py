#!/usr/bin/env python3
"""Checks every dependency's licence and origin against deny.toml, without building anything.

It covers what `cargo deny check licenses sources` would, from what `cargo metadata` tells: SPDX
expressions with AND, OR, WITH and parentheses (and the old slash for OR), and exceptions by name.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


class Expression:
    """An SPDX licence expression, evaluated against a set of allowed licences."""

    def __init__(self, text: str, allowed: set):
        self.words = re.findall(r"[()/]|[^\s()/]+", text)
        self.allowed = allowed

    def holds(self) -> bool:
        """Whether some choice that the expression offers is allowed throughout."""
        result = self.either()
        if self.words:
            raise ValueError(f"left over: {self.words}")
        return result

    def peek(self) -> str:
        return self.words[0] if self.words else ""

    def either(self) -> bool:
        result = self.both()
        while self.peek() in ("OR", "/"):
            self.words.pop(0)
            result = self.both() or result
        return result

    def both(self) -> bool:
        result = self.single()
        while self.peek() == "AND":
            self.words.pop(0)
            result = self.single() and result
        return result

    def single(self) -> bool:
        if not self.words:
            raise ValueError("expression ends early")
        word = self.words.pop(0)
        if word == "(":
            result = self.either()
            if not self.words or self.words.pop(0) != ")":
                raise ValueError("a parenthesis stays open")
            return result
        if self.peek() == "WITH":
            self.words.pop(0)
            return f"{word} WITH {self.words.pop(0)}" in self.allowed or word in self.allowed
        return word in self.allowed


def objection(package: dict, rules: dict):
    """Why a dependency may not be used, or None."""
    if package["source"] != REGISTRY:
        return f"comes from {package['source']}"
    allowed = set(rules["allow"])
    for exception in rules.get("exceptions", []):
        if exception.get("crate", exception.get("name")) == package["name"]:
            allowed |= set(exception["allow"])
    try:
        fine = Expression(package["license"] or "", allowed).holds()
    except ValueError as error:
        return f"licence {package['license']!r}: {error}"
    return None if fine else f"licence {package['license']!r} is not on the list in deny.toml"


def main() -> int:
    """Prints every objection; 1 if there are any."""
    rules = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]
    command = ["cargo", "metadata", "--format-version", "1", "--all-features", "--locked"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    foreign = [p for p in metadata["packages"] if p["source"] is not None]
    objections = [(p, why) for p in foreign if (why := objection(p, rules))]
    for package, why in objections:
        print(f"{package['name']} {package['version']}: {why}", file=sys.stderr)
    print(f"licences: {len(foreign)} dependencies, {len(objections)} objections")
    return 1 if objections else 0


if __name__ == "__main__":
    sys.exit(main())
