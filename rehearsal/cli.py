"""The `./rehearse` command."""

import os
import subprocess
import sys
from pathlib import Path

import click

from rehearsal import settings as settings_module
from rehearsal.lock import exclusive
from rehearsal.operator import Operator
from rehearsal.progress import Progress, StepError, make_console
from rehearsal.settings import Settings


class Rehearsal(click.Group):
    """A group whose failures are explained, each with its log and the next step."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a `StepError` ends as a message and exit code 1."""
        try:
            return super().invoke(ctx)
        except StepError as error:
            click.echo(f"\n{error.explained()}", err=True)
            ctx.exit(1)


@click.group(
    cls=Rehearsal, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--mirror", metavar="DIR|URL", help="Where Grafana Labs' packages come from instead of their repository."
)
@click.option("--strict", is_flag=True, help="Exit non-zero if any role was skipped.")
@click.pass_context
def main(ctx: click.Context, mirror: str | None, strict: bool) -> None:
    """EC2 in a box: launch the fleet on this machine, converge it, verify it.

    Without a command: from whatever is there to a verified fleet.
    """
    ctx.obj = settings_module.load()
    if ctx.invoked_subcommand is None:
        from rehearsal.up import up

        with exclusive(ctx.obj, "bringing the fleet up"):
            ctx.exit(up(ctx.obj, mirror=mirror, strict=strict))


@main.command()
@click.option("--long", "long_", is_flag=True, help="Also what takes too long for CI.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def test(settings: Settings, long_: bool, pytest_arguments: tuple[str, ...]) -> None:
    """Run the whole suite: lint, units, the region, then the fleet (launched if it is not up)."""
    from rehearsal.suite import run

    sys.exit(run(settings, long=long_, pytest_arguments=pytest_arguments))


@main.command()
@click.pass_obj
def status(settings: Settings) -> None:
    """Show the hosts, what they use, and the URLs."""
    from rehearsal.report import print_status

    print_status(settings, make_console())


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def ssh(settings: Settings, host: str, command: tuple[str, ...]) -> None:
    """Log in to HOST (through the control node), or run COMMAND there."""
    from rehearsal.fleet import Fleet

    fleet = Fleet(settings.checkout)
    if host not in fleet.hosts:
        raise StepError(f"{fleet.map} has no host {host}", advice=f"one of: {', '.join(fleet.hosts)}")
    _become(settings, Operator(settings).ssh(host, " ".join(command)))


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, required=True)
@click.pass_obj
def salt(settings: Settings, arguments: tuple[str, ...]) -> None:
    """Run `salt ARGUMENTS` on the master."""
    import shlex

    _become(settings, Operator(settings).ssh("salt-1", "sudo salt " + shlex.join(arguments)))


@main.command()
@click.argument("step", required=False)
@click.pass_obj
def logs(settings: Settings, step: str | None) -> None:
    """List the logs of the last run, or print the one of STEP."""
    found = {path.stem: path for path in sorted(settings.logs.glob("*.log"))}
    if step is None:
        for name, path in found.items():
            click.echo(f"{name:12} {path}")
    elif step in found:
        click.echo(found[step].read_text(errors="replace"), nl=False)
    else:
        raise StepError(f"no log of a step called {step}", advice=f"one of: {', '.join(found) or 'none yet'}")


@main.command()
@click.argument("names", nargs=-1, metavar="[FAULT]...")
@click.option("--undo", is_flag=True, help="Only undo what a drill left that was killed.")
@click.option("--list", "list_", is_flag=True, help="Only list the faults.")
@click.option("--production", is_flag=True, help="With production's durations: slow.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write it there."
)
@click.pass_obj
def drill(
    settings: Settings,
    names: tuple[str, ...],
    undo: bool,
    list_: bool,
    production: bool,
    json_file: Path | None,
) -> None:
    """Put faults into the fleet, see each alert fire, arrive and resolve (without names: all of them)."""
    from rehearsal.drill import command, overlay
    from rehearsal.drill.faults import FAULTS, NOT_DRILLED

    if list_:
        for fault in FAULTS.values():
            click.echo(f"{fault.name:27} {fault.expected.alert:32} {fault.title}")
        for each in NOT_DRILLED.values():
            click.echo(f"{each.name:27} {each.alert:32} NOT DRILLED: {each.reason}")
        return
    with exclusive(settings, "drilling"):
        if undo:
            command.Drill(settings, Progress(settings.logs)).undo()
            return
        factor = 1.0 if production else overlay.FACTOR
        sys.exit(command.drill(settings, names, factor=factor, json_file=json_file))


@main.command()
@click.pass_obj
def down(settings: Settings) -> None:
    """Remove all that the rehearsal made on this machine but its cache of images and packages."""
    from rehearsal.down import down as take_down

    with exclusive(settings, "taking the fleet down"):
        take_down(settings, Progress(settings.logs))


def _become(settings: Settings, argv: list[str]) -> None:
    """Run a command as the operator, with this terminal, and exit as it does."""
    if not settings.namespace_path("operator").exists():
        raise StepError("the fleet is not up", advice="run ./rehearse")
    sys.exit(subprocess.run(argv, env=Operator(settings).environment() | _terminal(), check=False).returncode)


def _terminal() -> dict[str, str]:
    return {name: os.environ[name] for name in ("TERM",) if name in os.environ}
