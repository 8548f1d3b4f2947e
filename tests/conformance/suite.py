"""Gets Redis 7.0's test suite from Debian's source package, by apt."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

# The release whose package is version 7.0, under the last version of Redis with this licence.
RELEASE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
TOOLS = {"tclsh": "tcl", "redis-cli": "redis-tools", "redis-benchmark": "redis-tools"}


def install_tools():
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True)
        install = [*sudo, "apt-get", "install", "-y", "-qq", *missing]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)


def mirror():
    """The mirror that this machine uses, if it is a Debian."""
    lists = [pathlib.Path("/etc/apt/sources.list")]
    lists += sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"))
    for path in filter(pathlib.Path.exists, lists):
        text = path.read_text(encoding="utf-8")
        match = re.search(r"^(?:URIs: *|deb +(?:\[[^]]*\] +)?)(\S+debian\S*)", text, re.M)
        if match and "security" not in match[1]:
            return match[1]
    return MIRROR


def download(folder):
    """Downloads the source package into a folder; apt checks its signature."""
    (folder / "lists" / "partial").mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb-src {mirror()} {RELEASE} main\n", encoding="utf-8")
    options = ["-qq", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-"]
    options += ["-o", f"Dir::State::Lists={folder / 'lists'}"]
    for step in (["update"], ["source", "--download-only", "redis"]):
        subprocess.run(["apt-get", *options, *step], cwd=folder, check=True, stdout=sys.stderr)
    return next(folder.glob("redis_*.orig.tar.gz"))


def unpack(archive, tree):
    """Unpacks what the suite needs: the tests, and links to the tools where it looks for them."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            _, _, member.name = member.name.partition("/")
            if member.name.startswith(("tests/", "utils/")) or member.name == "redis.conf":
                tar.extract(member, tree, filter="data")
    (tree / "src").mkdir()
    for tool in ("redis-cli", "redis-benchmark"):
        (tree / "src" / tool).symlink_to(shutil.which(tool))
    (tree / "tests" / "tmp").mkdir(exist_ok=True)


def fetch():
    """The folder of the suite, downloaded once."""
    install_tools()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    tree = cache / "cairn-conformance" / "redis-7.0"
    if not tree.exists():
        tree.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            fresh = pathlib.Path(tempfile.mkdtemp(dir=tree.parent))
            unpack(download(pathlib.Path(folder)), fresh)
            # At once, so that a download that was cut short leaves nothing that looks whole.
            fresh.rename(tree)
    return tree
