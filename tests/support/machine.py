"""A machine to install Chairside on, in a folder: its own /etc, /opt and /var, and stand-ins for what only a real machine has.

Blocks of docs/install.md are run as they stand, with paths led into the folder and names and ports that are free here.
Real: venv, the wheel, chairside, openssl, nginx, curl, install, tee. Stand-ins: sudo (no other user), apt-get and useradd (write
down what was asked), pip (from the lock and uv's cache), systemctl and journalctl (start the unit's own command line, and keep
what it says), update-ca-certificates (the machine trusts what it was given, and nobody else).
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

MAPPED: Final = (
    "/etc/chairside", "/etc/systemd/system", "/etc/nginx/conf.d", "/opt/chairside", "/var/lib/chairside", "/var/cache/chairside",
    "/mnt/backups", "/etc/cron.d", "/etc/hosts", "/usr/local/bin", "/usr/local/share/ca-certificates",
)  # fmt: skip
STAND_INS: Final = (
    "sudo",
    "apt-get",
    "useradd",
    "chown",
    "install",
    "pip-of-the-lock",
    "systemctl",
    "journalctl",
    "nginx",
    "python3",
    "update-ca-certificates",
)
SERVICE_ENDS_S: Final = 30
TRUSTED: Final = "etc/ssl/certs/ca-certificates.crt"
DEBIANS_TRUST: Final = "/etc/ssl/certs/ca-certificates.crt"


class Machine:
    """`root`: its folder. `api`, `https`, `http`, `phone`: ports of the service, the proxy and whoever is paged."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def made(cls, root: Path, wheel: Path, phone: int) -> Machine:
        """A new machine, with the wheel and its constraints in the folder where somebody works."""
        machine = cls(root)
        there = (
            "/etc/systemd/system",
            "/etc/nginx/conf.d",
            "/etc/cron.d",
            "/etc/ssl/certs",
            "/usr/local/bin",
            "/usr/local/share/ca-certificates",
        )
        for each in ("bin", "home", *(path[1:] for path in there)):
            (root / each).mkdir(parents=True)
        held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        ports = [one.getsockname()[1] for one in held]
        for one in held:
            one.close()
        (root / "ports").write_text(" ".join(map(str, (*ports, phone))))
        (root / "wheel").write_text(str(wheel))
        (root / "home" / wheel.name).symlink_to(wheel)
        (root / "home" / "constraints.txt").write_text("")
        (root / TRUSTED).write_bytes(systems_trust())
        tree = Path(__file__).resolve().parents[2]
        for name in STAND_INS:
            command = root / "bin" / name
            command.write_text(
                f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(tree))} exec {shlex.quote(sys.executable)} -m tests.support.machine"
                f' {shlex.quote(str(root))} {name} "$@"\n'
            )
            command.chmod(0o755)
        return machine

    @property
    def ports(self) -> tuple[int, int, int, int]:
        api, https, http, phone = map(int, (self.root / "ports").read_text().split())
        return api, https, http, phone

    def led(self, text: str) -> str:
        """A block or a file with its paths, names and ports led to this machine's."""
        _, https, _, phone = self.ports
        text = self.placed(text.replace("/opt/chairside/bin/pip ", "pip-of-the-lock "))
        text = text.replace("https://board.clinic.example", f"https://localhost:{https}").replace(
            "board.clinic.example", "localhost"
        )
        return text.replace("ntfys://ntfy.sh/", f"ntfy://127.0.0.1:{phone}/")

    def placed(self, text: str) -> str:
        """A text with its paths and ports led to this machine's; the names in it are its own."""
        api, https, http, _ = self.ports
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{api}").replace("--port 8000", f"--port {api}")
        text = re.sub(r"listen \[::\]:.*\n", "", text)
        text = text.replace("listen 80;", f"listen 127.0.0.1:{http};").replace(
            "listen 443 ", f"listen 127.0.0.1:{https} "
        )
        for path in MAPPED:
            text = re.sub(rf"(?<![\w.]){re.escape(path)}\b", f"{self.root}{path}", text)
        return text

    def environment(self) -> dict[str, str]:
        """Of a shell on this machine. It trusts whom update-ca-certificates has made it trust."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "UV_", "SSL_", "CURL_", "REQUESTS_"))
        }
        path = f"{self.root / 'bin'}:{self.root / 'usr/local/bin'}:{os.environ['PATH']}:/usr/sbin"
        trusted = str(self.root / TRUSTED)
        return kept | {"PATH": path, "HOME": str(self.root / "home"), "SSL_CERT_FILE": trusted, "COLUMNS": "200"}

    def end(self) -> None:
        """End whatever was started on it."""
        self._stop("chairside")
        self._stop("nginx")

    # ---- the stand-ins -------------------------------------------------------------------------------------------

    def command(self, name: str, words: Sequence[str]) -> int:
        """What a stand-in does; its exit status."""
        match name, list(words):
            case "sudo", ["-u", _, *rest]:
                return subprocess.run(rest, check=False).returncode
            case "sudo", rest:
                return subprocess.run(rest, check=False).returncode
            case (("apt-get" | "useradd" | "chown"), rest):
                with (self.root / "asked").open("a") as out:
                    out.write(f"{name} {shlex.join(rest)}\n")
                return 0
            case "install", rest:
                owners = {
                    index + more for index, word in enumerate(rest) if word in {"--owner", "--group"} for more in (0, 1)
                }
                real = [word for index, word in enumerate(rest) if index not in owners]
                return subprocess.run(["/usr/bin/install", *real], check=False).returncode
            case "python3", ["-m", "venv", folder]:
                return subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=False).returncode
            case "pip-of-the-lock", ["install", *_]:
                from tests.support.wheel import put_into

                put_into(self.root / "opt/chairside", Path((self.root / "wheel").read_text()))
                return 0
            case "systemctl", ["daemon-reload"]:
                return self._lead("etc/systemd/system/chairside.service")
            case "systemctl", ["enable", "--now", "chairside"] | ["start", "chairside"]:
                return self._start()
            case "systemctl", ["restart", "chairside"]:
                return self._stop("chairside") or self._start()
            case "systemctl", ["stop", "chairside"]:
                return self._stop("chairside")
            case "systemctl", ["reload", "nginx"]:
                return self._stop("nginx") or self._spawn("nginx", ["nginx"], {}) or self._listens(self.ports[1])
            case "nginx", rest:
                self._lead("etc/nginx/conf.d/chairside.conf")
                # In place of this process: whoever ends that must end nginx.
                real_nginx = self._nginx()
                return os.execv(real_nginx[0], [*real_nginx, *rest])
            case "update-ca-certificates", []:
                given = sorted((self.root / "usr/local/share/ca-certificates").glob("*.crt"))
                (self.root / TRUSTED).write_text(
                    "".join((systems_trust().decode(), *(each.read_text() for each in given)))
                )
                return 0
            case "journalctl", ["--unit", "chairside", "--output", "cat", "--grep", wanted]:
                found = [line for line in (self.root / "chairside.said").read_text().splitlines() if wanted in line]
                sys.stdout.write("\n".join(found) + "\n")
                return 0 if found else 1
            case _:
                sys.stderr.write(f"this machine has no {name} {shlex.join(words)}\n")
                return 2

    def _lead(self, name: str) -> int:
        file = self.root / name
        if str(self.root) not in (text := file.read_text()):
            file.write_text(self.placed(text))
        return 0

    def _start(self) -> int:
        unit = (self.root / "etc/systemd/system/chairside.service").read_text()
        (words,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        set_ = dict(
            each.split("=", 1)
            for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)
            for each in line.split()
        )
        # As StateDirectory and CacheDirectory say.
        for each in ("var/lib/chairside", "var/cache/chairside"):
            (self.root / each).mkdir(parents=True, exist_ok=True, mode=0o700)
        # What was compiled with the tree is taken along with the wheel, beside the code.
        set_.pop("NUMBA_CACHE_DIR")
        return self._spawn("chairside", words.split(), set_)

    def _spawn(self, name: str, words: Sequence[str], more: dict[str, str]) -> int:
        with (self.root / f"{name}.said").open("a") as said:
            process = subprocess.Popen(
                words, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=os.environ | more, start_new_session=True
            )
        (self.root / f"{name}.pid").write_text(str(process.pid))
        return 0

    def _stop(self, name: str) -> int:
        note = self.root / f"{name}.pid"
        if not note.exists():
            return 0
        pid = int(note.read_text())
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + SERVICE_ENDS_S
            while time.monotonic() < until and _runs(pid):
                time.sleep(0.05)
        note.unlink()
        return 1 if _runs(pid) else 0

    def _listens(self, port: int) -> int:
        """Wait for a proxy that begins; a real one that is told to read its file anew has listened all the while."""
        until = time.monotonic() + SERVICE_ENDS_S
        while time.monotonic() < until:
            with closing(socket.socket()) as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    return 0
            time.sleep(0.05)
        return 1

    def _nginx(self) -> list[str]:
        """The system's nginx with a main file that includes what is in conf.d, as Debian's does."""
        folder = self.root / "nginx"
        folder.mkdir(exist_ok=True)
        paths = "".join(
            f"{each}_temp_path {folder}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        include = f"include {self.root}/etc/nginx/conf.d/*.conf;\n"
        main = f"{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{include}}}\n"
        (folder / "main.conf").write_text(main)
        real = next(
            each for each in ("/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx") if Path(each).exists()
        )
        return [real, "-e", "stderr", "-p", str(folder), "-c", str(folder / "main.conf")]


def systems_trust() -> bytes:
    """Whom the machine that this runs on trusts: a new one begins with them."""
    file = Path(DEBIANS_TRUST)
    return file.read_bytes() if file.is_file() else b""


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


if __name__ == "__main__":
    raise SystemExit(Machine(Path(sys.argv[1])).command(sys.argv[2], sys.argv[3:]))
