"""Faults of a host."""

from rehearsal.drill.fault import Expected, Fault, NotDrilled
from rehearsal.drill.site import APP, DATABASE, PROMETHEUS, ZONE, Site
from rehearsal.inventory import CONTROL

UNIT = "drill.service"
MASKED = "prometheus-nginx-exporter.service"
# Managed by a state that no other one requires.
MANAGED = "/etc/apt/apt.conf.d/60saltwatch-updates"
LOGINS = 40  # after the first twenty or so sshd refuses the connections


def _fail(site: Site) -> None:
    site.run(PROMETHEUS, f"systemd-run --quiet --no-block --unit={UNIT} --property=Type=oneshot /bin/false")


def _forget(site: Site) -> None:
    site.run(PROMETHEUS, f"if systemctl --quiet is-failed {UNIT}; then systemctl reset-failed {UNIT}; fi")


def _mask(site: Site) -> None:
    site.run(APP, f"systemctl --quiet mask --runtime --now {MASKED}")


def _unmask(site: Site) -> None:
    site.run(APP, f"systemctl --quiet unmask --runtime {MASKED}\nsystemctl start {MASKED}")


def _stop(site: Site) -> None:
    site.hang_up(APP)
    site.ec2("stop", host=APP)


def _boot(site: Site) -> None:
    site.ec2("start", host=APP)


def _break_highstate(site: Site) -> None:
    """Put a directory where a state wants a file, then apply all states."""
    site.run(DATABASE, f"rm --recursive --force {MANAGED}\nmkdir {MANAGED}\ntouch {MANAGED}/by-hand")
    site.apply(DATABASE, check=False)


def _mend_highstate(site: Site) -> None:
    site.run(DATABASE, f"if [ -d {MANAGED} ]; then rm --recursive {MANAGED}; fi")
    site.apply(DATABASE)


def _guess_logins(site: Site) -> None:
    """Try to log in as somebody whom the host does not know, from where SSH is open."""
    target = f"intruder@{PROMETHEUS}.{ZONE}"
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    site.run(
        CONTROL,
        f"for number in $(seq {LOGINS}); do ! ssh {options} {target} true 2>/dev/null; done",
        timeout=180,
    )


def _nothing(_site: Site) -> None:
    """Nobody got in; the window passes."""


FAULTS = (
    Fault(
        "unit_failed",
        f"{PROMETHEUS}: a unit fails",
        Expected("SystemdUnitFailed", {"instance": PROMETHEUS}),
        _fail,
        _forget,
        group=1,
    ),
    Fault(
        "unit_masked",
        f"{APP}: nginx's exporter is stopped and masked",
        Expected("TargetDown", {"instance": APP, "job": "nginx"}),
        _mask,
        _unmask,
        group=2,
    ),
    Fault(
        "failed_logins",
        f"{PROMETHEUS}: {LOGINS} logins by SSH of an unknown user",
        Expected("SshLoginsFailed", {"host": PROMETHEUS}),
        _guess_logins,
        _nothing,
        group=2,
        needs="loki",
        patience=600,
    ),
    Fault(
        "highstate_broken",
        f"{DATABASE}: a directory in place of a managed file, then the highstate",
        Expected("SaltHighstateFailed", {"instance": DATABASE}),
        _break_highstate,
        _mend_highstate,
        group=3,
    ),
    Fault(
        "host_stopped",
        f"{APP}: StopInstances",
        Expected("HostDown", {"instance": APP}),
        _stop,
        _boot,
        group=4,
        inhibited=(
            Expected("ServiceDown", {"instance": APP}),
            Expected("TargetDown", {"instance": APP}),
            Expected("ProbeFailed", {"instance": APP}),
            Expected("HostUnreachable", {"instance": APP}),
            Expected("SshDown", {"instance": APP}),
            Expected("PrometheusScrapesTooSlow", {"instance": APP}),  # they time out
        ),
        consequences=(Expected("SaltMinionDown", {"minion": APP}),),
        hold=60,
        patience=300,  # HostDown goes on for two minutes
    ),
)

_ONE_KERNEL = "the hosts share this machine's kernel, which tells all of them the machine's own {}"
NOT_DRILLED = (
    NotDrilled("cpu_pressure", "HostCpuHigh", _ONE_KERNEL.format("processor time")),
    NotDrilled("memory_pressure", "HostMemoryLow", _ONE_KERNEL.format("memory")),
)
# Alerts from what this kernel counts for all hosts together.
OF_THE_MACHINE = frozenset(
    {
        "DiskSaturated",
        "FileDescriptorsAlmostExhausted",
        "HostCpuHigh",
        "HostLoadHigh",
        "HostMemoryLow",
        "HostMemoryThrashing",
        "HostSwapping",
        "OutOfMemoryKill",
    }
)
