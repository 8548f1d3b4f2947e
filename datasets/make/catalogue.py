#!/usr/bin/env python3
"""Makes catalogue/packages.ndjson.gz: Debian's packages as the items of a catalogue.

Source: the package index of Debian (main, amd64) and its English descriptions, by apt. Kept are the
packages that carry debtags, which make good facets; maintainers' names and addresses are left out.
apt's own lists are not touched: everything is fetched into a temporary folder.
"""

import pathlib
import subprocess
import tempfile

from common import write_ndjson


def apt(state: str, *words: str) -> str:
    """Runs an apt tool on the temporary state and returns what it prints."""
    options = [f"Dir::State::lists={state}", "Acquire::Languages=en", "APT::Sandbox::User=root"]
    flags = [part for option in options for part in ("-o", option)]
    return subprocess.run([words[0], *flags, *words[1:]], check=True, capture_output=True,
                          text=True).stdout


def index_files(state: str, kind: str) -> list:
    """Paths of the fetched index files of one kind that belong to Debian's main."""
    fields = "$(ORIGIN)|$(COMPONENT)|$(FILENAME)"
    lines = apt(state, "apt-get", "indextargets", "--format", fields, f"Created-By: {kind}")
    parts = [line.split("|") for line in lines.splitlines()]
    return [path for origin, component, path in parts if (origin, component) == ("Debian", "main")]


def records(state: str, kind: str):
    """The records of all index files of one kind, as dictionaries."""
    for path in index_files(state, kind):
        found = sorted(pathlib.Path(path).parent.glob(pathlib.Path(path).name + "*"))
        for file in found[:1]:
            text = apt(state, "/usr/lib/apt/apt-helper", "cat-file", str(file))
            yield from (parse(block) for block in text.split("\n\n") if block.strip())


def parse(block: str) -> dict:
    """One record; a line that begins with a space continues the field above it."""
    fields, name = {}, ""
    for line in block.splitlines():
        if line.startswith(" "):
            fields[name] += "\n" + line[1:]
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def paragraphs(text: str) -> str:
    """A long description as plain text: the first line is the summary, lone dots are blank."""
    lines = [line.strip() for line in text.splitlines()[1:]]
    return " ".join("\n" if line == "." else line for line in lines).replace(" \n ", "\n").strip()


def item(package: dict, descriptions: dict) -> dict:
    """A catalogue item."""
    tags = " ".join(package["Tag"].replace("{", "").replace("}", "").split()).split(", ")
    return {
        "name": package["Package"],
        "version": package["Version"],
        "summary": package["Description"].splitlines()[0],
        "description": paragraphs(descriptions.get(package.get("Description-md5"), "")),
        "section": package.get("Section", ""),
        "priority": package.get("Priority", ""),
        "tags": sorted(set(tags)),
        "homepage": package.get("Homepage", ""),
        "installed_kb": int(package.get("Installed-Size", 0)),
        "download_bytes": int(package["Size"]),
        "dependencies": len(package.get("Depends", "").split(",")) if "Depends" in package else 0,
    }


def main() -> None:
    """Fetches, joins and writes."""
    with tempfile.TemporaryDirectory() as state:
        apt(state, "apt-get", "update")
        descriptions = {r["Description-md5"]: r["Description-en"]
                        for r in records(state, "Translations") if "Description-en" in r}
        newest = {r["Package"]: r for r in records(state, "Packages") if "Tag" in r}
    write_ndjson("catalogue/packages.ndjson.gz",
                 [item(newest[name], descriptions) for name in sorted(newest)])


main()
