"""No highstate works with other extension modules than the control node has."""

from typing import Any

import catalogue
import pytest
import remote

pytestmark = [pytest.mark.drift, pytest.mark.alone]

MODULE = "/srv/saltwatch/salt/_modules/canary.py"


def test_a_highstate_is_refused_until_modules_are_up_to_date() -> None:
    """New, changed, all lost, and removed; what the refusal names is what helps.

    Mutants: ``extension_modules.check`` not called in ``role.base``, or without the comment above it; the
    external pillar not configured; no ``fileserver_list_cache_time``.
    """
    host = catalogue.host_of("app")

    def bring() -> Any:
        """Do what the refusal says; return what the module says then."""
        refusal = str(remote.salt(host, "state.apply", "test=True")[host])
        assert "saltutil.sync_all" in refusal, refusal[:1000]
        remote.salt(host, "saltutil.sync_all")
        return remote.salt(host, "canary.says")[host]

    remote.salt(host, "saltutil.sync_all")  # the master may keep the list of files that it gave just before
    try:
        for word in ("first", "second"):
            code = f"def says():\n    return {word!r}\n"
            remote.run("salt-1", "sh", "-c", f"umask 022; cat > {MODULE}", stdin=code)
            assert bring() == word
        remote.run(host, "rm", "-r", "/var/cache/salt/minion/extmods")
        assert bring() == word
        applied = remote.salt(host, "state.apply", "test=True")[host]
        assert isinstance(applied, dict), f"still refused: {applied}"
        remote.run("salt-1", "rm", MODULE)
        assert "not available" in bring()
    finally:
        remote.run("salt-1", "rm", "-f", MODULE)
        remote.salt(host, "saltutil.sync_all")
