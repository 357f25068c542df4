"""Faults of data volumes."""

from rehearsal.drill.fault import Expected, Fault
from rehearsal.drill.site import DATABASE as HOST
from rehearsal.drill.site import Site

DATA = "/srv/data"
FILL = f"{DATA}/drill.fill"
# The data volumes have millions of inodes; to use these up takes minutes, so that is done on a small volume.
SMALL = "/srv/drill"
DEVICE = "/dev/sdg"


def _fill(site: Site) -> None:
    """Leave four per cent of the volume. Extents are reserved, not written: this machine's disk is spared."""
    site.run(
        HOST,
        f"""mountpoint --quiet {DATA}
set -- $(df --block-size=1 --output=size,avail {DATA} | tail --lines=1)
fallocate --length $(( $2 - $1 / 25 )) {FILL}""",
    )


def _empty(site: Site) -> None:
    site.run(HOST, f"rm --force {FILL}")


def _use_inodes(site: Site) -> None:
    _unplug(site)
    site.ec2("plug", host=HOST, device=DEVICE, size=1)
    site.run(
        HOST,
        f"""timeout 30 sh -c 'until [ -b {DEVICE} ]; do sleep 0.2; done'
mkfs.ext4 -q -N 1024 $(readlink --canonicalize {DEVICE})
mkdir --parents {SMALL}
mount -t ext4 $(readlink --canonicalize {DEVICE}) {SMALL}
set -- $(df --output=itotal,iavail {SMALL} | tail --lines=1)
cd {SMALL}
seq $(( $2 - $1 / 20 )) | xargs touch""",
    )


def _unplug(site: Site) -> None:
    site.run(HOST, f"if mountpoint --quiet {SMALL}; then umount {SMALL}; fi\nrm --force --dir {SMALL}")
    site.ec2("unplug")


FAULTS = (
    Fault(
        "data_volume_full",
        f"{HOST}: {DATA} has four per cent left",
        Expected("FilesystemAlmostFull", {"instance": HOST, "mountpoint": DATA}),
        _fill,
        _empty,
        group=1,
    ),
    Fault(
        "inodes",
        f"{HOST}: a volume at {SMALL} has five per cent of its inodes left",
        Expected("FilesystemInodesAlmostExhausted", {"instance": HOST, "mountpoint": SMALL}),
        _use_inodes,
        _unplug,
        group=2,
    ),
)
