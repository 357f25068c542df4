"""Faults of the application and of what stands before it."""

from rehearsal.drill.fault import Expected, Fault
from rehearsal.drill.site import APP, ZONE, Site

CERTIFICATE = "/etc/nginx/tls.pem"
LINES = 300  # of level error at once; more than a host's logs have in good days


def _kill(site: Site) -> None:
    """Kill the application, and keep its socket from starting it again."""
    site.run(
        APP,
        "systemctl kill --signal=KILL app.service\n"
        "systemctl stop app.socket app.service\n"
        "if systemctl --quiet is-failed app.service; then systemctl reset-failed app.service; fi",
    )


def _start(site: Site) -> None:
    site.run(APP, "systemctl start app.socket app.service")


def _errors(site: Site) -> None:
    site.run(APP, "systemctl start stress@errors.service")


def _no_errors(site: Site) -> None:
    site.run(APP, "systemctl stop stress@errors.service")


def _slow(site: Site) -> None:
    site.run(APP, "systemctl start stress@latency.service")


def _not_slow(site: Site) -> None:
    site.run(APP, "systemctl stop stress@latency.service")


def _expiring(site: Site) -> None:
    """Put a certificate in place that ends in ten days, as somebody might by hand."""
    site.run(
        APP,
        f"""name={APP}.{ZONE}
directory=$(mktemp --directory)
openssl req -quiet -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 10 -subj "/CN=$name" \
  -addext "subjectAltName=DNS:$name" -keyout "$directory/key" -out "$directory/certificate"
cat "$directory/key" "$directory/certificate" > {CERTIFICATE}
rm --recursive "$directory"
systemctl reload nginx.service""",
    )


def _renew(site: Site) -> None:
    """Salt's own state makes a certificate anew that ends soon."""
    site.apply(APP, "nginx")


def _log_errors(site: Site) -> None:
    """Each line of its own: Loki keeps one of those that are the same at the same time."""
    fields = '"level": "error", "logger": "drill", "message": "an error on purpose, %d", "service": "app"'
    file = site.fleet.services["app"]["logs"]["file"]
    site.run(
        APP,
        f"""now=$(date --utc +%Y-%m-%dT%H:%M:%S.%3NZ)
for number in $(seq {LINES}); do printf '{{{fields}, "ts": "%s"}}\\n' "$number" "$now"; done >> {file}""",
    )


def _nothing(_site: Site) -> None:
    """What was logged stays so; its window passes."""


FAULTS = (
    Fault(
        "service_killed",
        f"{APP}: the application is killed and kept down",
        Expected("ServiceDown", {"instance": APP}),
        _kill,
        _start,
        group=1,
        consequences=(Expected("ProbeFailed", {"instance": APP, "service": "https"}),),
        patience=180,
    ),
    Fault(
        "slow_answers",
        f"{APP}: answers take 1.5 s (stress@latency)",
        Expected("HighLatency", {"job": "app"}),
        _slow,
        _not_slow,
        group=2,
        consequences=(Expected("TraceLatencyUnusual"),),
        patience=300,
    ),
    Fault(
        "error_burst",
        f"{APP}: requests are answered with 500 (stress@errors)",
        Expected("HighErrorRate", {"job": "app"}),
        _errors,
        _no_errors,
        group=3,
        consequences=(Expected("ManyErrorLines", {"host": APP}), Expected("TraceErrorsUnusual")),
        patience=300,
    ),
    Fault(
        "certificate_expiring",
        f"{APP}: nginx has a certificate that ends in ten days",
        Expected("TlsCertificateExpiring", {"instance": APP}),
        _expiring,
        _renew,
        group=3,
    ),
    Fault(
        "log_burst",
        f"{APP}: the application's log gets {LINES} lines of level error",
        Expected("ManyErrorLines", {"host": APP}),
        _log_errors,
        _nothing,
        group=2,  # before error_burst, which makes errors enough for this alert
        needs="loki",
        patience=600,
    ),
)
