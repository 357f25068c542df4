"""Every function and action of the driver of Salt 3007, and how this one's compares.

Options have their verdicts in schema.py. docs/driver/parity.md is generated from both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """How a function compares with the old one of its name.

    Args:
        parity: same, better or refused.
        why: Why it is better or refused.
    """

    parity: str = "same"
    why: str = ""


_SAME = Verdict()


def _better(why: str) -> Verdict:
    return Verdict("better", why)


FUNCTIONS = {
    "attach_volume": _SAME,
    "avail_images": _better("by `name` too, all pages; the default owner is the account itself, not Amazon"),
    "avail_locations": _SAME,
    "avail_sizes": _better("from the API (D11)"),
    "copy_snapshot": _better("the copy is encrypted, `kmskeyid`"),
    "create": _better(
        "once, however often it is interrupted and run again (D5, D6, D8); resumes what is half built"
    ),
    "create_attach_volumes": _better("`type` may be left out (D1), iops and throughput of every type (D2)"),
    "create_keypair": _better("ed25519 unless `type` says rsa"),
    "create_snapshot": _better("tagged"),
    "create_volume": _better("gp3, encrypted and tagged at once; `zone` defaults to the provider's"),
    "del_tags": _SAME,
    "delete_keypair": _SAME,
    "delete_snapshot": _SAME,
    "delete_volume": _SAME,
    "delvol_on_destroy": _SAME,
    "describe_snapshots": _better("the account's own by default, not everybody's; all pages"),
    "describe_volumes": _better("all pages (D19)"),
    "destroy": _better(
        "releases addresses (D7), clears keys and cached data, refuses the machine it runs on"
    ),
    "detach_volume": _better("as a function too"),
    "disable_detailed_monitoring": _SAME,
    "disable_term_protect": _SAME,
    "enable_detailed_monitoring": _SAME,
    "enable_term_protect": _SAME,
    "get_console_output": _better("the latest output, as text"),
    "get_password_data": _SAME,
    "get_tags": _better("a mapping"),
    "import_keypair": _better("refuses a private key"),
    "keepvol_on_destroy": _SAME,
    "list_availability_zones": _SAME,
    "list_nodes": _better(
        "a failed listing fails the run (D20); no terminated machines (D16), one provider's (D17)"
    ),
    "list_nodes_full": _better("as list_nodes"),
    "list_nodes_min": _better(
        "as list_nodes; a map run finishes half-built members and starts stopped ones (D15)"
    ),
    "list_nodes_select": _better("as list_nodes"),
    "reboot": _better("an event"),
    "register_image": _better("gp3, tagged, asks for IMDSv2 and enhanced networking; `boot_mode`"),
    "rename": _better("volumes, interfaces and the private zone too"),
    "set_tags": _SAME,
    "show_delvol_on_destroy": _SAME,
    "show_detailed_monitoring": _SAME,
    "show_image": _SAME,
    "show_instance": _SAME,
    "show_keypair": _SAME,
    "show_pricing": _better("with volumes, from a dated table that `prices` overrides (D12)"),
    "show_term_protect": _SAME,
    "show_volume": _SAME,
    "ssm_create_association": _better("deleted with the machine"),
    "ssm_describe_association": _better("their state on the machine, all of them by default"),
    "start": _SAME,
    "stop": _SAME,
    "update_pricing": Verdict(
        "refused", "the pages that it read are gone; give prices in the provider's `prices`"
    ),
    "volume_create": _better("as create_volume"),
    "volume_list": _SAME,
}
