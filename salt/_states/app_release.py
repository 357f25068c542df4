"""The application's release that serves, as states; how it is done: the execution module of this name."""

import shutil
from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "app_release"

Result = dict[str, Any]


def installed(name: str, version: str) -> Result:
    """Make sure that a version is installed beside the one that serves.

    Args:
        name: of the state.
        version: whose wheels are there.
    """
    if __salt__["app_release.is_installed"](version):
        return _result(name, True, f"{version} is installed.")
    changes = {"old": None, "new": version}
    if __opts__["test"]:
        return _result(name, None, f"{version} would be installed.", changes)
    try:
        __salt__["app_release.install"](version)
    except CommandExecutionError as error:
        return _result(name, False, f"{version} cannot be installed: {error}")
    return _result(name, True, f"{version} was installed.", changes)


def deployed(name: str, version: str, settings: str, files: list[str]) -> Result:
    """Make sure that a version with these settings serves; no request is lost on the way.

    If it does not prove well, or does not serve, the state fails with the cause, and what served before
    serves. What was switched to and did not serve is not tried again: this fails without touching anything
    until another version or other settings come, or ``app_release.retry`` is called.

    Args:
        name: of the state.
        version: of an installed release.
        settings: path of its settings, a systemd environment file.
        files: what the application reads besides; the state is to watch all of them.
    """
    why = __salt__["app_release.pending"](version, settings, files)
    return _deploy(name, version, settings, why) if why else _result(name, True, f"{version} serves.")


def mod_watch(name: str, sfun: str, version: str, settings: str, files: list[str]) -> Result:
    """Take up a change of a watched file that `deployed` did not see, because it is not of its content.

    Args:
        name: of the state.
        sfun: ``deployed``; nothing else can watch.
        version: see `deployed`.
        settings: see `deployed`.
        files: see `deployed`.
    """
    return _deploy(name, version, settings, f"{version} takes up what was changed")


def pruned(name: str, version: str) -> Result:
    """Make sure that there are no wheels and releases but those of a version and the one before it.

    Args:
        name: of the state.
        version: that serves.
    """
    paths = __salt__["app_release.superfluous"](version)
    if not paths:
        return _result(name, True, "Nothing is too old.")
    if __opts__["test"]:
        return _result(name, None, "Old releases would be removed.", {"removed": paths})
    for path in paths:
        shutil.rmtree(path)
    return _result(name, True, "Old releases were removed.", {"removed": paths})


def _deploy(name: str, version: str, settings: str, why: str) -> Result:
    before = __salt__["app_release.status"]()["current"]
    if refused := __salt__["app_release.refusal"](version, settings):
        return _result(name, False, f"{refused}\n{before} serves.") | {"skip_watch": True}
    if __opts__["test"]:
        return _result(name, None, f"Would be done: {why}.", {"old": before, "new": version})
    try:
        after = __salt__["app_release.deploy"](version, settings)
    except CommandExecutionError as error:
        return _result(name, False, str(error)) | {"skip_watch": True}
    return _result(name, True, f"Done: {why}.", {"old": before, "new": after})


def _result(name: str, result: bool | None, comment: str, changes: Result | None = None) -> Result:
    return {"name": name, "result": result, "changes": changes or {}, "comment": comment}
