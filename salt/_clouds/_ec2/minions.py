"""What a master on this machine knows about minions: their keys, and what it has cached."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

import salt.cache
import salt.config

from .provider import Provider

log = logging.getLogger(__name__)

_REMEMBERED = "accepted-keys"
_KEY_DIRECTORIES = ("minions", "minions_pre", "minions_rejected", "minions_denied")
# Where a Salt 3008 master caches what it knows of a minion, and where older ones did.
_BANKS = ("grains", "pillar", "mine")
# Those that salt-cloud's `accept_key` makes.
_MADE = ("minions", "minions_pre", "minions_rejected")


def make_key_directories(provider: Provider) -> None:
    """Make the directories of keys, before the members of a map are launched side by side.

    salt-cloud makes them in each member's process, which fails for all but the first where no master has made
    them yet: ``accept_key`` asks whether a directory exists, then makes it.
    """
    # Without deployment no key is accepted; with it, `accept_key` itself tells of what may not be written.
    with contextlib.suppress(PermissionError):
        for directory in _MADE:
            Path(provider.opts["pki_dir"], directory).mkdir(mode=0o700, parents=True, exist_ok=True)


def remember_keys(provider: Provider) -> None:
    """Note the accepted keys as they are before a run that launches.

    salt-cloud accepts a new key for each member before it asks the driver, also for one that is there
    already and only stopped: its minion would be locked out.
    """
    accepted = _accepted(provider)
    keys = {path.name: path.read_text() for path in accepted.iterdir()} if accepted.is_dir() else {}
    provider.state.write(_REMEMBERED, keys)


def restore_key(provider: Provider, new_key: str | None) -> None:
    """Take back the acceptance of a key that no machine has got; accept again what it had replaced.

    Args:
        provider: Of the machine.
        new_key: The public key that salt-cloud has made; None: it has made none.
    """
    accepted = _accepted(provider)
    if not new_key or not accepted.is_dir():
        return
    remembered = provider.state.read(_REMEMBERED)
    for path in accepted.iterdir():
        if path.read_text() == new_key:
            if path.name in remembered:
                path.write_text(remembered[path.name])
            else:
                path.unlink()


def forget(provider: Provider, minion_id: str) -> None:
    """Remove a destroyed machine's keys, and what the master has cached of it.

    salt-cloud itself removes only an accepted key (saltstack/salt 34253, 21986).
    """
    pki = Path(provider.opts["pki_dir"])
    if not (pki / "master.pem").is_file():
        return
    for directory in _KEY_DIRECTORIES:
        (pki / directory / minion_id).unlink(missing_ok=True)
    cache = salt.cache.factory(_master_opts(provider))
    for bank in _BANKS:
        cache.flush(bank, minion_id)
    cache.flush(f"minions/{minion_id}")


def _accepted(provider: Provider) -> Path:
    return Path(provider.opts["pki_dir"]) / "minions"


def _master_opts(provider: Provider) -> dict[str, Any]:
    """Return the master's own configuration: salt-cloud's has another cache directory."""
    conf = provider.opts.get("master_config") or Path(provider.opts["conf_file"]).with_name("master")
    opts: dict[str, Any] = salt.config.master_config(str(conf))
    return opts
