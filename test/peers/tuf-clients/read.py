"""Reads a target with python-tuf's client. Arguments: the repository's URL, a directory with the trusted root.json, the path.

Prints the versions that it came to trust and the target's SHA-256; ends with a traceback where it refuses.
"""

import hashlib
import json
import pathlib
import sys

from tuf.ngclient import Updater

url, directory, path = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
metadata = directory / "metadata"
updater = Updater(
    str(metadata),
    f"{url}/",
    str(directory),
    f"{url}/targets/",
    bootstrap=(directory / "root.json").read_bytes(),
)
updater.refresh()
info = updater.get_targetinfo(path)
if info is None:
    sys.exit(f"no target {path}")
target = pathlib.Path(updater.download_target(info)).read_bytes()


def version(role):
    return json.loads((metadata / f"{role}.json").read_text())["signed"]["version"]


print(
    json.dumps(
        {
            "root": version("root"),
            "timestamp": version("timestamp"),
            "snapshot": version("snapshot"),
            "sha256": hashlib.sha256(target).hexdigest(),
        }
    )
)
