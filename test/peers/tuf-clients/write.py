"""Writes a repository with python-tuf into a directory: root, rotated once, and a delegated role with one target.

Argument: the directory. Prints the path and the SHA-256 of the target.
"""

import datetime
import hashlib
import json
import pathlib
import sys

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

directory = pathlib.Path(sys.argv[1])
path, content = "echod/stable/fix@1.json", b'{"made":"elsewhere"}'


def expires(days):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    return now + datetime.timedelta(days=days)


keys = {role: CryptoSigner.generate_ecdsa() for role in ["root", "root-2", "targets", "snapshot", "timestamp", "echod.stable"]}


def write(name, signed, *signers):
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(keys[signer], append=True)
    data = metadata.to_bytes()
    (directory / name).write_bytes(data)
    return MetaFile(signed.version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


root = Root(expires=expires(365), consistent_snapshot=True)
for role in ["root", "targets", "snapshot", "timestamp"]:
    root.add_key(keys[role].public_key, role)
write("1.root.json", root, "root")
root.version = 2
root.add_key(keys["root-2"].public_key, "root")
root.roles["root"].threshold = 2
write("2.root.json", root, "root", "root-2")

stable = Targets(expires=expires(180))
stable.targets[path] = TargetFile.from_data(path, content)
delegated = DelegatedRole("echod.stable", [], 1, True, paths=["echod/stable/*"])
targets = Targets(expires=expires(365), delegations=Delegations({}, {"echod.stable": delegated}))
targets.add_key(keys["echod.stable"].public_key, "echod.stable")

meta = {"targets.json": write("1.targets.json", targets, "targets"), "echod.stable.json": write("1.echod.stable.json", stable, "echod.stable")}
snapshot = write("1.snapshot.json", Snapshot(expires=expires(7), meta=meta), "snapshot")
write("timestamp.json", Timestamp(expires=expires(3), snapshot_meta=snapshot), "timestamp")
print(json.dumps({"path": path, "sha256": hashlib.sha256(content).hexdigest()}))
