"""SSH host keys: a real SSH client, Salt's own bootstrap, and a server that is, or is not, the machine."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncssh
import pytest
import salt.loader
import salt.utils.cloud
from _ec2 import ssh
from salt.exceptions import SaltCloudException

pytestmark = pytest.mark.usefixtures("_real_time")

ADDRESS = "127.8.0.10"


class Host:
    """An SSH server: takes every file and command, and runs none.

    Args:
        root: Where the files go.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.commands: list[str] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def start(self, client_key: Path) -> None:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._listen(client_key), self._loop)
        self.port = started.result(30)

    async def _listen(self, client_key: Path) -> int:
        root = self.root

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel: asyncssh.SSHServerChannel) -> None:
                super().__init__(channel, chroot=str(root))

            def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
                Path(self.map_path(path).decode()).parent.mkdir(parents=True, exist_ok=True)
                return super().open(path, pflags, attrs)

        def process(process: asyncssh.SSHServerProcess) -> None:
            self.commands.append(process.command or "")
            process.exit(0)

        server = await asyncssh.listen(
            ADDRESS,
            server_host_keys=[self.key],
            authorized_client_keys=asyncssh.import_authorized_keys(
                asyncssh.read_private_key(client_key).export_public_key().decode()
            ),
            process_factory=process,
            sftp_factory=Files,
        )
        return server.get_port()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def uploaded(self) -> dict[str, str]:
        """Return the content of each file by name."""
        return {path.name: path.read_text() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    (tmp_path / "host").mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "login").touch(0o600)
    key.write_private_key(tmp_path / "login")
    host = Host(tmp_path / "host")
    host.start(tmp_path / "login")
    yield host
    host.stop()


@pytest.fixture
def launch(salt_cloud, region, bootstrap, host, tmp_path, monkeypatch):
    """Launch web-1 with Salt's own bootstrap; its console says that its key is the one given."""
    monkeypatch.setattr(salt.loader, "utils", bootstrap.ordinary)
    vpc = region.ec2.create_vpc(CidrBlock="127.8.0.0/16")["Vpc"]["VpcId"]
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "loop"}]}]
    region.ec2.create_subnet(
        VpcId=vpc, CidrBlock="127.8.0.0/24", AvailabilityZone="eu-west-1a", TagSpecifications=tags
    )
    (tmp_path / "nothing.sh").write_text("#!/bin/sh\n")
    ordinary = region.calls._make

    def run(on_console: asyncssh.SSHKey) -> SimpleNamespace:
        lines = [
            "-----BEGIN SSH HOST KEY KEYS-----",
            on_console.export_public_key().decode().strip() + " root",
        ]
        console = "\r\n".join([*lines, "-----END SSH HOST KEY KEYS-----", ""])

        def aws(client, operation, request):
            if operation == "GetConsoleOutput":
                return {"Output": console}
            return ordinary(client, operation, request)

        region.calls._make = aws
        cloud = salt_cloud(
            subnetname="loop",
            securitygroupname=None,
            private_ip=ADDRESS,
            private_key=str(tmp_path / "login"),
            ssh_username="root",
            ssh_port=host.port,
            ssh_host_keys="required",
            script=str(tmp_path / "nothing.sh"),
            wait_for_passwd_maxtries=2,
        )
        return cloud.create()

    return run


def test_the_key_of_the_console_is_trusted(launch, host):
    """So that the next test does not pass because nothing ever works. Mutant: keys of another address."""
    assert launch(host.key)["deployed"] is True
    assert "PRIVATE KEY" in host.uploaded()["minion.pem"]
    assert any("nothing" in command or "deploy" in command for command in host.commands)


def test_a_swapped_key_stops_the_upload_of_the_minions_key(launch, host):
    """Nothing at all is sent to who answers in the machine's place. Mutant: ``pinned`` not used."""
    with pytest.raises(SaltCloudException, match="was kept"):
        launch(asyncssh.generate_private_key("ssh-ed25519"))
    assert host.uploaded() == {}
    assert host.commands == []


def test_a_command_s_output_is_read_as_it_comes(monkeypatch, capfd):
    """Mutants: Salt's own pauses; an exit status or a part of the output lost."""
    asked: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (asked.append(seconds), sleep(seconds)))
    run = ssh.hastened(salt.utils.cloud._exec_ssh_cmd)
    assert run("head -c 20000 /dev/zero | tr '\\0' x; exit 3", allow_failure=True) == 3
    assert capfd.readouterr().out.count("x") == 20000
    assert len(asked) > 20
    assert max(asked) < 0.5
