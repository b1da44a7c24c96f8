"""Verifies DSSE envelopes with securesystemslib. Arguments: the threshold, a file with an envelope, and PEM files of the keys.

Prints the in-toto statement's predicate type and subjects; ends with a traceback where it refuses.
"""

import json
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from in_toto_attestation.v1.statement import Statement
from google.protobuf import json_format
import in_toto_attestation.v1.statement_pb2 as statement_pb
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

threshold, file, *pems = sys.argv[1:]
envelope = Envelope.from_dict(json.loads(pathlib.Path(file).read_text()))
# Key ids in an envelope are hints: each key is tried under the id of each signature
keys = []
for pem in pems:
    public = load_pem_public_key(pathlib.Path(pem).read_bytes())
    for keyid in envelope.signatures:
        keys.append(SSlibKey.from_crypto(public, keyid))
verified = envelope.verify(keys, int(threshold))
assert envelope.payload_type == "application/vnd.in-toto+json"
parsed = json_format.Parse(envelope.payload, statement_pb.Statement())
Statement.copy_from_pb(parsed).validate()
print(
    json.dumps(
        {
            "verified": len(verified),
            "predicateType": parsed.predicate_type,
            "subjects": [[subject.name, subject.digest["sha256"]] for subject in parsed.subject],
        }
    )
)
