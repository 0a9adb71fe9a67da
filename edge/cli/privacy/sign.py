"""`lamppost privacy sign`: for the city, on the machine that holds its key; needs no network."""

import argparse
import sys
from pathlib import Path

from edge.cli.output import FINE, UsageError, emit_json, existing_file
from edge.privacy.policy import parse_policy, read_policy
from edge.privacy.policy_watch import require_heading
from edge.privacy.seal import seal, seal_path
from edge.signing.key_store import KeyUnavailable, load_private_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the policy and the key."""
    parser.add_argument("policy", help="the policy file")
    parser.add_argument(
        "--key", type=Path, required=True, help="the city's private key; `lamppost keys generate F` makes one"
    )
    parser.set_defaults(do=run)


def run(args: argparse.Namespace) -> int:
    """Sign a policy that is right; write the signature beside it and print the key for the settings."""
    path = existing_file(args.policy)
    text = read_policy(path)
    policy = parse_policy(text.decode(errors="replace"), str(path))
    require_heading(policy, str(path))
    try:
        key = load_private_key(args.key)
    except KeyUnavailable as error:
        raise UsageError(str(error)) from error
    target = seal_path(path)
    try:
        target.write_text(seal(text, key), encoding="ascii")
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror})") from error
    if args.json:
        emit_json({"signature": str(target), "keyid": key.key_id, "city_key": str(key.public)})
    else:
        sys.stderr.write(f"wrote {target}; give both files to the lampposts, and once in their [privacy]:\n")
        sys.stdout.write(f'city_key = "{key.public}"\n')
    return FINE
