"""The house rules for states that no linter knows. A bug found in a state becomes a rule here, or a test.

Each rule is a function from one state file to its complaints, and is shown a mutant: a piece of a state
file that it has to refuse.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SALT = Path(__file__).parents[2] / "salt"
STATES = sorted(path for path in SALT.rglob("*.sls") if path != SALT / "top.sls")
TEMPLATES = sorted(path for path in SALT.rglob("*") if path.suffix in {".sls", ".jinja"})
# Where a comment can be the first line.
COMMENTED = {
    ".conf",
    ".yml",
    ".yaml",
    ".ini",
    ".cfg",
    ".sh",
    ".py",
    ".rules",
    ".service",
    ".sources",
    ".toml",
}

ORDERING = {"order", "listen", "listen_in", "onchanges_in", "prereq", "prereq_in"}
SECRET = re.compile(r"\bsecrets\b|password|private_key|\btoken\b", re.IGNORECASE)


@dataclass
class State:
    """One state id as it is written: its functions and, by name, the text of its arguments."""

    id: str
    functions: list[str] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass
class File:
    """A state file. ``formula`` is its directory's name."""

    formula: str
    text: str

    def states(self) -> list[State]:
        """Return the states of the file, Jinja's statements and comments aside."""
        text = re.sub(r"{%.*?%}|{#.*?#}", "", self.text, flags=re.DOTALL)
        found, argument = [State("include")], ""
        for line in text.splitlines():
            state = found[-1]
            if match := re.match(r"([^\s#].*?):\s*$", line):
                found.append(State(match[1]))
                argument = ""
            elif match := re.match(r"  (\w+\.\w+|{{.+}}):", line):
                state.functions.append(match[1])
            elif match := re.match(r"    - (\w+):(.*)", line):
                argument = match[1]
                state.arguments[argument] = match[2].strip()
            elif argument:
                state.arguments[argument] += f"\n{line}"
        return [state for state in found if state.id not in {"include", "extend", "exclude"}]


def forbidden_ordering(file: File) -> Iterator[str]:
    """`require` and `watch` say what depends on what; these hide it."""
    for state in file.states():
        yield from (f"{state.id}: {name}" for name in ORDERING & state.arguments.keys())


def forbidden_functions(file: File) -> Iterator[str]:
    """`cmd.wait` is superseded by `onchanges`; `pkg.latest` is whatever the day brings."""
    for state in file.states():
        yield from (
            f"{state.id}: {f}" for f in state.functions if f in {"cmd.wait", "pkg.latest", "cmd.script"}
        )


def ids_not_of_the_formula(file: File) -> Iterator[str]:
    """`<formula>-<noun>`, so that a failure names its place."""
    prefix = file.formula.replace("_", "-")
    pattern = re.compile(re.escape(prefix) + r"-([a-z0-9-]|{{.+?}})+")
    yield from (state.id for state in file.states() if not pattern.fullmatch(state.id))


def several_functions_of_one_id(file: File) -> Iterator[str]:
    """One state function an id, whichever branch of an `if` is taken."""
    for untaken in (r"{%-? (else|elif\b.*?) -?%}.*?{%-? endif -?%}", r"{%-? if .*?%}.*?{%-? else -?%}"):
        taken = File(file.formula, re.sub(untaken, "", file.text, flags=re.DOTALL))
        yield from (state.id for state in taken.states() if len(state.functions) > 1)
    yield from (state.id for state in file.states() if not state.functions)


def packages_not_in_a_list(file: File) -> Iterator[str]:
    """`pkgs`: one transaction, and one form to read."""
    for state in file.states():
        if state.functions == ["pkg.installed"] and not {"pkgs", "sources"} & state.arguments.keys():
            yield state.id


def modes_not_quoted_with_four_digits(file: File) -> Iterator[str]:
    """YAML reads an unquoted 0644 as a number."""
    for state in file.states():
        for name in ("mode", "dir_mode", "file_mode"):
            value = state.arguments.get(name, "'0000'").split("#")[0].strip()
            if not re.fullmatch(r"'[0-7]{4}'|\"[0-7]{4}\"|{{.*}}", value):
                yield f"{state.id}: {name}: {value}"


def commands_that_always_run(file: File) -> Iterator[str]:
    """A steady state runs none. An orchestration's steps are commands that say what they changed."""
    guards = {"unless", "creates", "onchanges", "onlyif", *(["stateful"] if file.formula == "orch" else [])}
    rendered_only_to_act = {"minion-upgrade"}  # where the version differs
    for state in file.states():
        if state.id not in rendered_only_to_act and state.functions == ["cmd.run"]:
            yield from () if guards & state.arguments.keys() else (state.id,)


def failures_hidden(file: File) -> Iterator[str]:
    """What fails has to be seen."""
    yield from (line.strip() for line in file.text.splitlines() if re.search(r"\|\| *(true|:)(\s|$)", line))


def requisites_on_whole_files(file: File) -> Iterator[str]:
    """A requisite names a state; but an orchestration's steps are whole files."""
    for state in file.states() if file.formula != "orch" else []:
        yield from (
            f"{state.id}: {name}" for name, text in state.arguments.items() if re.search(r"- sls:", text)
        )


def secrets_shown_or_readable(file: File) -> Iterator[str]:
    """A file with a secret in it: no difference in the output, and not for everyone to read."""
    for state in file.states():
        if state.functions != ["file.managed"] or not _has_secret(state):
            continue
        if state.arguments.get("show_changes") != "False":
            yield f"{state.id}: show_changes is not False"
        mode = state.arguments.get("mode", "'0644'").strip("'\"")
        if not mode.endswith("0"):
            yield f"{state.id}: mode {mode} lets others read it"


def _has_secret(state: State) -> bool:
    source = state.arguments.get("source", "")
    path = SALT / source.removeprefix("salt://")
    template = path.read_text() if source.startswith("salt://") and path.is_file() else ""
    # What a template prints; a comment, or the name of an option, is no secret.
    printed = re.findall(r"{{.*?}}", template, flags=re.DOTALL)
    said = [state.arguments.get(name, "") for name in ("contents", "contents_pillar", "context")]
    return any(SECRET.search(text) for text in (*printed, *said))


RULES = {
    forbidden_ordering: "a-b:\n  file.managed:\n    - name: /x\n    - order: last\n",
    forbidden_functions: "a-b:\n  cmd.wait:\n    - name: x\n",
    ids_not_of_the_formula: "/etc/x:\n  file.managed:\n    - name: /etc/x\n",
    several_functions_of_one_id: "a-b:\n  user.present:\n    - name: x\n  group.present:\n    - name: x\n",
    packages_not_in_a_list: "a-b:\n  pkg.installed:\n    - name: x\n",
    modes_not_quoted_with_four_digits: "a-b:\n  file.managed:\n    - name: /x\n    - mode: 644\n",
    commands_that_always_run: "a-b:\n  cmd.run:\n    - name: x\n    - require:\n      - pkg: a-c\n",
    failures_hidden: "a-b:\n  cmd.run:\n    - name: x || true\n    - creates: /y\n",
    requisites_on_whole_files: "a-b:\n  pkg.installed:\n    - pkgs: [x]\n    - require:\n      - sls: a.c\n",
    secrets_shown_or_readable: (
        "a-b:\n  file.managed:\n    - name: /x\n    - mode: '0600'\n"
        "    - contents: {{ pillar['secrets']['a']['password'] }}\n"
    ),
}


@pytest.mark.parametrize("path", STATES, ids=lambda path: str(path.relative_to(SALT)))
def test_states_keep_the_house_rules(path):
    # Mutants: test_rule_refuses_its_mutant has one for each rule.
    file = File(path.relative_to(SALT).parts[0], path.read_text())
    complaints = [f"{rule.__name__}: {found} ({rule.__doc__})" for rule in RULES for found in rule(file)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(("rule", "mutant"), RULES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_rule_refuses_its_mutant(rule, mutant):
    # Mutant: any rule that yields nothing.
    refused = {other.__name__ for other in RULES if list(other(File("a", mutant)))}
    assert refused == {rule.__name__}


def test_secret_files_must_not_be_readable_by_others():
    # Mutant: the mode not looked at.
    arguments = ["mode: '0644'", "show_changes: False", "contents: {{ token }}"]
    text = "a-b:\n  file.managed:\n" + "".join(f"    - {argument}\n" for argument in arguments)
    assert list(secrets_shown_or_readable(File("a", text))) == ["a-b: mode 0644 lets others read it"]


def test_states_are_found_in_a_file_with_jinja():
    # Mutants: statements of Jinja not removed; arguments over several lines cut off.
    text = (
        "# why\n{%- from 'a/map.jinja' import a %}\ninclude:\n  - a.b\n\n{% for n in a %}\na-{{ n }}:\n"
        "  file.managed:\n    - name: /x\n    - require:\n      - pkg: a-b\n      - file: a-c\n{% endfor %}\n"
    )
    (state,) = File("a", text).states()
    assert state.id == "a-{{ n }}"
    assert state.functions == ["file.managed"]
    assert state.arguments == {"name": "/x", "require": "\n      - pkg: a-b\n      - file: a-c\n"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(SALT)))
def test_imports_take_no_context(path):
    """What a macro needs is passed to it."""
    # Mutant: `import a with context` in any state.
    assert "with context" not in path.read_text()


@pytest.mark.parametrize(
    "path",
    sorted(p for p in SALT.glob("*/files/**/*") if p.is_file() and COMMENTED & set(p.suffixes)),
    ids=lambda path: str(path.relative_to(SALT)),
)
def test_managed_files_say_where_they_come_from(path):
    """Where the format has comments, a file on a host names its source, for whoever is about to edit it."""
    # Mutant: a file moved without its first line.
    first = next(line for line in path.read_text().splitlines() if not line.startswith("#!"))
    assert f"Managed by Salt: salt://{path.relative_to(SALT)}" in first
