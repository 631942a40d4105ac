"""The broker's jars: what `deploy/kafka/pom.xml` asks for, from Maven Central, each held against its checksum in `jars.lock`.

`fetch` needs neither Maven nor Java nor root: a Maven client from PyPI (jgo) fetches each artifact that the lock file names,
so no dependency is resolved on the way and two machines run the same bytes. `lock` resolves the pom anew and writes the file.
Never here: what the broker is told (broker.py).
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

KAFKA: Final = Path(__file__).parent.parent / "kafka"
POM: Final = KAFKA / "pom.xml"
LOCK: Final = KAFKA / "jars.lock"
JARS: Final = Path(__file__).parent.parent.parent / ".kafka"
"""Where they are put; ignored by git, removed by `make clean`."""

DOWNLOADS_AT_ONCE: Final = 4
"""Downloads at the same time: small files wait for the line, not for each other. Chosen by us."""


class Jar(NamedTuple):
    """One line of the lock file."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


class WrongJar(RuntimeError):
    """What came is not what the lock file names: nothing of it is run."""


def locked() -> list[Jar]:
    """The jars that the lock file names."""
    lines = (line.split() for line in LOCK.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return [Jar(sha256, *place.split(":")) for sha256, place in lines]


def fetch(into: Path = JARS) -> Path:
    """Make `into` hold exactly the locked jars; what is there already is not fetched again. Returns `into`.

    Raises:
        WrongJar: a checksum does not fit. OSError, RuntimeError: Maven Central cannot be reached.
    """
    into.mkdir(exist_ok=True)
    wanted = {jar.file: jar for jar in locked()}
    for stray in into.iterdir():
        if stray.name not in wanted and not stray.name.startswith("."):
            stray.unlink()
    missing = [jar for jar in wanted.values() if not (into / jar.file).is_file()]
    if missing:
        from jgo.maven import MavenContext

        maven = MavenContext()

        def get(jar: Jar) -> None:
            came = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
            if _sha256(came) != jar.sha256:
                raise WrongJar(f"{came} is not the {jar.group}:{jar.artifact}:{jar.version} of {LOCK.name}")
            half = into / f"{jar.file}.part"
            shutil.copyfile(came, half)
            half.rename(into / jar.file)

        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            for _ in pool.map(get, missing):
                pass
    return into


def lock() -> list[Jar]:
    """Resolve the pom and write the lock file; what it says now."""
    jars = sorted(_resolved(), key=lambda jar: (jar.group, jar.artifact))
    head = "# What pom.xml resolves to: sha256, group:artifact:version. Written by `make lock-broker`.\n"
    LOCK.write_text(head + "".join(f"{jar.sha256} {jar.group}:{jar.artifact}:{jar.version}\n" for jar in jars), "utf-8")
    return jars


def _resolved() -> Iterator[Jar]:
    from jgo.maven import POM as RESOLVED_POM
    from jgo.maven import MavenContext

    maven = MavenContext()
    _, nodes = maven.pom_dependency_list(RESOLVED_POM(POM))
    for node in nodes:
        dependency = node.dep
        if dependency.scope in {"compile", "runtime"}:
            yield Jar(
                _sha256(dependency.artifact.resolve()), dependency.groupId, dependency.artifactId, dependency.version
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["lock"]:
            lock()
        fetch()
    except (OSError, RuntimeError) as wrong:
        sys.exit(f"Could not fetch the broker ({wrong}): is Maven Central reachable?")
