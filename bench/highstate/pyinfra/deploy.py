"""The fleet, as pyinfra deploys it: what each host has is in its data."""

from pyinfra import host
from pyinfra.facts.files import File
from pyinfra.operations import apt, files, server, systemd


def owned(each: dict) -> dict:
    """Return whose a file is, in pyinfra's words."""
    return {"user": each["user"], "group": each["group"], "mode": each["mode"]}


work = host.data.work

if work["packages"]:
    apt.packages(packages=work["packages"], no_recommends=True)

for each in work["groups"]:
    server.group(group=each["name"], system=each["system"])

for each in work["users"]:
    server.user(
        user=each["name"],
        group=each["group"],
        groups=each["groups"],
        append=True,
        home=each["home"],
        shell=each["shell"],
        system=each["system"],
        ensure_home=False,
        create_home=each["create_home"],
    )

for each in work["directories"]:
    files.directory(path=each["name"], **owned(each))

for each in work["files"]:
    files.put(
        src=each["source"], dest=each["name"], add_deploy_dir=False, create_remote_dir=False, **owned(each)
    )

for each in work["attributes"]:
    files.file(path=each["name"], create_remote_dir=False, **owned(each))

for each in work["absent"]:
    files.file(path=each["name"], present=False)

for each in work["sysctls"]:
    server.sysctl(key=each["name"], value=each["value"], persist=True, persist_file=each["file"])

for each in work["mounts"]:
    # What the kernel does not list would be mounted again each time.
    options = [option for option in each["options"] if option != "nofail"]
    server.mount(
        path=each["name"], mounted=True, options=options, device=each["device"], fs_type=each["type"]
    )

for each in work["commands"]:
    directory = each["directory"] or "/root"
    server.shell(
        commands=[f"cd {directory} && {each['name']}"],
        # What is there and no file, a directory for one, is False.
        _if=lambda path=each["creates"]: host.get_fact(File, path=path) is None,
    )

for each in work["services"]:
    systemd.service(service=each["name"], running=each["running"], enabled=each["enabled"])
