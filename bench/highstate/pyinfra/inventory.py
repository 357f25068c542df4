"""The fleet's hosts, from the file beside this one."""

import json
from pathlib import Path

hosts = [(name, data) for name, data in json.loads(Path("hosts.json").read_text()).items()]
