"""Metrics for the textfile collector of the Node Exporter.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# Where salt/node_exporter lets the collector look.
DIRECTORY = "/var/lib/prometheus/node-exporter"

Sample = tuple[Mapping[str, str], float]  # labels and value
Metrics = Mapping[str, tuple[str, Sequence[Sample]]]  # name to help and samples


def write(name: str, metrics: Metrics, directory: str = DIRECTORY) -> str:
    """Replace the file ``name``.prom as a whole, so that the exporter never reads half of it.

    Args:
        name: of the file, without its ending.
        metrics: gauges, each with a help text and its samples.
        directory: where the exporter looks.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    lines = []
    for metric, (description, samples) in metrics.items():
        lines += [f"# HELP {metric} {description}", f"# TYPE {metric} gauge"]
        lines += [f"{metric}{_labels(labels)} {float(value)}" for labels, value in samples]
    path = Path(directory, f"{name}.prom")
    # The collector reads *.prom only.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join([*lines, ""]))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return str(path)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = [f'{key}="{_escaped(value)}"' for key, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
