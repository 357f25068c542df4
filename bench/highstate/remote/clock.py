"""Run a command and print how long it took, how it ended and what it said, as JSON.

``python3 clock.py DIRECTORY NAME=VALUE... -- COMMAND...``: it runs in DIRECTORY, with these variables more.
"""

import json
import os
import subprocess
import sys
import time

LONGEST = 1800.0  # seconds

directory, *rest = sys.argv[1:]
split = rest.index("--")
variables = dict(word.split("=", 1) for word in rest[:split])
started = time.monotonic()
done = subprocess.run(
    rest[split + 1 :],
    cwd=directory,
    env=os.environ | variables,
    stdin=subprocess.DEVNULL,
    capture_output=True,
    text=True,
    errors="replace",
    timeout=LONGEST,
    check=False,
)
seconds = time.monotonic() - started
json.dump(
    {"seconds": seconds, "code": done.returncode, "output": done.stdout, "errors": done.stderr[-20000:]},
    sys.stdout,
)
