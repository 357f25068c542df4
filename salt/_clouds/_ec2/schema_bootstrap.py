"""Options of a machine's bootstrap, the ones that only `salt.utils.cloud.bootstrap` reads among them."""

from __future__ import annotations

from .options import Option, any_of, boolean, integer, mapping, number, one_of, text, text_or_texts, texts

_FLAG = Option(boolean, "")
_TEXT = Option(text, "")
_NUMBER = Option(number, "")
BOOTSTRAP = {
    "ssh_interface": Option(one_of("public_ips", "private_ips"), "which address salt-cloud connects to"),
    "salt_interface": Option(one_of("public_ips", "private_ips"), "which address the master is told"),
    "ssh_username": Option(text_or_texts, "user, or users to try in turn"),
    "ssh_port": Option(integer, "port of SSH"),
    "ssh_gateway": Option(text, "host to go through"),
    "ssh_gateway_port": Option(integer, "its port"),
    "ssh_gateway_username": Option(text, "user there"),
    "ssh_gateway_private_key": Option(text, "private key for it; `~` is expanded"),
    "ssh_gateway_password": Option(
        text, "accepted", "ignored", "beside a key, which wins; alone it is refused, salt-cloud cannot use it"
    ),
    "ssh_gateway_command": Option(text, "command there that connects on"),
    "known_hosts_file": Option(
        text, "file that gets the host keys", "better", "an address that is used again replaces its old keys"
    ),
    "win_password": Option(text, "administrator's password, or `auto` for the one that EC2 makes"),
    "ssh_host_keys": Option(
        one_of("required", "offered", "unchecked"),
        "host keys are compared with the console's: always, where it offers them (default), never",
        "new",
        "D18",
    ),
    "ssh_host_keys_timeout": Option(number, "seconds to wait for them on the console", "new"),
    "ssh_connect_timeout": Option(number, "seconds to wait for the port of SSH"),
    "wait_for_ip_timeout": Option(number, "seconds to wait for a running machine with addresses"),
    "wait_for_ip_interval": Option(number, "seconds between two looks at all machines that are waited for"),
    "wait_for_ip_interval_multiplier": Option(number, "factor by which that grows"),
    "wait_for_ip_max_failures": Option(integer, "failed looks that are accepted"),
    "on_failure": Option(
        one_of("keep", "destroy", "retry"),
        "a machine whose bootstrap fails: keep it until the next run replaces it, destroy it, try again",
        "new",
        "D8",
    ),
    "rename_on_destroy": Option(boolean, "accepted", "ignored", "a destroyed machine's name is free at once"),
    # Read by salt.utils.cloud.bootstrap, for which they are here only so that they are known.
    **dict.fromkeys(
        ["deploy", "make_master", "make_minion", "sudo", "tty", "display_ssh_output", "force_minion_config"],
        _FLAG,
    ),
    **dict.fromkeys(
        ["keep_tmp", "use_winrm", "winrm_use_ssl", "winrm_verify_ssl", "use_fqdn", "local_master"], _FLAG
    ),
    **dict.fromkeys(
        ["script", "script_args", "tmp_dir", "deploy_command", "start_action", "domain", "os"], _TEXT
    ),
    **dict.fromkeys(
        ["password", "sudo_password", "master_finger", "master_sign_pub_file", "name", "profile"], _TEXT
    ),
    **dict.fromkeys(["win_installer", "win_username", "win_install_dir"], _TEXT),
    **dict.fromkeys(
        ["key_filename", "ssh_keyfile", "ssh_auth", "file_transport", "hard_timeout", "extends"], _TEXT
    ),
    **dict.fromkeys(
        ["keysize", "smb_port", "winrm_port", "wait_for_passwd_maxtries", "bootstrap_delay"], _NUMBER
    ),
    **dict.fromkeys(["wait_for_fun_timeout", "wait_for_passwd_timeout", "ssh_timeout"], _NUMBER),
    **dict.fromkeys(["win_deploy_auth_retries", "win_deploy_auth_retry_delay"], _NUMBER),
    **dict.fromkeys(["minion", "grains", "file_map", "script_env"], Option(mapping, "")),
    "master": Option(any_of(mapping, text), "the master's configuration, with `make_master`"),
    "inline_script": Option(texts, "commands run on the machine"),
    "preflight_cmds": Option(texts, "commands run before the deploy script"),
    "requires": Option(texts, "members of the map that go first"),
    "sync_after_install": Option(text, "modules that the new minion syncs"),
    "win_delay_start": Option(any_of(boolean, text), ""),
    "delete_sshkeys": _FLAG,
    "filter_events": Option(mapping, ""),
}
