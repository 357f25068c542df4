"""``python -m bench.app``: what the application's instrumentation costs.

The application with nothing, with metrics only, and as it is (metrics, traces, a log line a request) under
wrk, directly and through nginx, in turn and in one run. Everything is the fleet's: Debian 13 with its Python,
nginx and MariaDB, and the application's pinned packages, in a tree and in namespaces of their own. Prints
tables in Markdown.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rehearsal import image
from rehearsal.image import cache, machine
from rehearsal.image.chroot import Workshop
from rehearsal.settings import CHECKOUT, Settings, load

PACKAGES = ("mariadb-server", "nginx", "python3-venv", "wrk")
INSTALL = f"""
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d  # nothing is started where it is installed
chmod 0755 /usr/sbin/policy-rc.d
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends {" ".join(PACKAGES)}
python3 -m venv /opt/app
/opt/app/bin/pip --quiet install --require-hashes --requirement /build/requirements.txt
"""
# In a mount namespace of its own; everything that is written goes to a directory that is removed.
ENTER = """
mount -t overlay overlay -o "lowerdir=$LAYER:$ROOTFS,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
cd "$WORK/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
mkdir -p srv/app srv/bench
mount --bind "$CHECKOUT/app" srv/app
mount --bind "$CHECKOUT/bench" srv/bench
ip link set lo up
exec chroot . /opt/app/bin/python /srv/bench/app_inside.py "$@"
"""
WAYS = {"direct": "gunicorn directly", "nginx": "through nginx"}
NAMES = {"plain": "plain", "metrics": "metrics", "everything": "metrics, traces, logs"}


def prepare(settings: Settings) -> tuple[Path, Path]:
    """Return the image's tree and, over it, what the bench has installed; both kept in the cache.

    Raises:
        StepError: Something could not be installed; it names the log.
    """
    rootfs = image.ensure(settings, _say)
    pins = CHECKOUT / "app/requirements.txt"
    key = cache.digest(str(rootfs), INSTALL, pins.read_bytes())
    settings.logs.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(settings.logs / "bench-app.log", _say)

    def build(new: Path) -> None:
        workshop.chroot(
            "installing the bench",
            rootfs,
            INSTALL,
            env={**machine.environment(), "PIP_ROOT_USER_ACTION": "ignore"},
            scratch=new,
            binds={
                pins.parent: "/build",
                Path("/etc/resolv.conf"): "/etc/resolv.conf",
                machine.CA_BUNDLE: str(machine.CA_BUNDLE),
                **machine.pip_files(),
            },
        )

    return rootfs, cache.entry(settings.cache / "bench-app", key, build, _say) / "upper"


def run(rootfs: Path, layer: Path, arguments: list[str]) -> Any:
    """Measure; return what `bench.app_inside` prints.

    Raises:
        subprocess.CalledProcessError: It failed; what it said is on standard error.
    """
    alone = ["unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"]
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        for name in ("upper", "work", "root"):
            Path(work, name).mkdir(mode=0o755)
        places = {"ROOTFS": str(rootfs), "LAYER": str(layer), "WORK": work, "CHECKOUT": str(CHECKOUT)}
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **places}
        command = [*alone, "sh", "-euc", ENTER, "sh", *arguments]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def tables(found: Any) -> str:
    """Return the medians, each with the smallest and the largest, and the costs beside plain."""
    lines = []
    for way, title in WAYS.items():
        lines += [
            f"#### {title.capitalize()}",
            "",
            "| application | requests/s | cost | processor, ms a request | cost | p99 at half of it, ms |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for variant, name in NAMES.items():
            full = [_of(found, variant, way, "full", key) for key in ("rate", "cpu_ms")]
            plain = [_of(found, "plain", way, "full", key) for key in ("rate", "cpu_ms")]
            # Pairs of one round: what else the machine did changes from round to round.
            costs = (
                [100 * (1 - mine / its) for mine, its in zip(full[0], plain[0], strict=True)],
                [100 * (mine / its - 1) for mine, its in zip(full[1], plain[1], strict=True)],
            )
            p99 = _of(found, variant, way, "half", "p99_ms")
            cells = [_spread(full[0], 0), f"{_spread(costs[0], 1)} %", _spread(full[1], 2)]
            cells += [f"{_spread(costs[1], 1)} %", _spread(p99, 1)]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    lines += ["| application | memory a worker (PSS), MB |", "|---|---:|"]
    lines += [f"| {name} | {_spread(found['memory'][variant], 0)} |" for variant, name in NAMES.items()]
    scrapes = f"/metrics of the last, after all that, without load: {_spread(found['scrapes_ms'], 1)} ms"
    return "\n".join([*lines, "", scrapes])


def _of(found: Any, variant: str, way: str, load: str, key: str) -> list[float]:
    wanted = {"variant": variant, "way": way, "load": load}
    return [each[key] for each in found["runs"] if wanted.items() <= each.items()]


def _spread(values: list[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.app", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of each run")
    parser.add_argument("--connections", type=int, default=8, help="as many as there are threads")
    options = vars(parser.parse_args())
    arguments = [f"--{name}={value}" for name, value in options.items()]
    sys.stdout.write(f"{tables(run(*prepare(load()), arguments))}\n")


if __name__ == "__main__":
    main()
