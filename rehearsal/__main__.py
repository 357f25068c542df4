"""`python -m rehearsal`, as the launcher ./rehearse calls it."""

from rehearsal.cli import main

main(prog_name="./rehearse")
