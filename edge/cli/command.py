"""Dispatch: finds the verb's file, reads its arguments, turns errors into one clear line and an exit code.

A verb is a file `edge/cli/<verb>.py` with `HELP`, `add_arguments(parser)` and `run(args) -> int`.
"""

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType

import edge.cli
from edge.cli.output import BROKEN, FINE, WRONG_USE, complain
from edge.domain.complaint import Complaint
from edge.domain.nearest import nearest

_NOT_VERBS = {"command", "meter_view", "microphone_choice", "output", "settings_file"}


def verbs() -> list[str]:
    """Return the names of all verbs."""
    return sorted(m.name for m in pkgutil.iter_modules(edge.cli.__path__) if m.name not in _NOT_VERBS)


def _load(verb: str) -> ModuleType:
    return importlib.import_module(f"edge.cli.{verb}")


def _parser(verb: str, module: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"lamppost {verb}", description=module.HELP)
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")
    module.add_arguments(parser)
    return parser


def _overview() -> str:
    rows = "\n".join(f"  {verb:<10} {_load(verb).HELP}" for verb in verbs())
    return (
        "usage: lamppost VERB [arguments]; `lamppost VERB --help` says more\n\n"
        f"{rows}\n\nexit codes: 0 fine, 1 found a problem, 2 used wrongly, 3 broken"
    )


def dispatch(argv: Sequence[str]) -> int:
    """Run one command line; return its exit code (0 fine, 1 found a problem, 2 used wrongly, 3 broken)."""
    if not argv or argv[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_overview() + "\n")
        return FINE if argv else WRONG_USE
    verb = {"--version": "version"}.get(argv[0], argv[0])
    if verb not in verbs():
        complain(f"unknown verb '{verb}'; {nearest(verb, verbs())}")
        return WRONG_USE
    module = _load(verb)
    return _run(module, _parser(verb, module).parse_args(argv[1:]))


def _run(module: ModuleType, args: argparse.Namespace) -> int:
    try:
        code: int = module.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return FINE
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        return _explained(error)
    return code


def _explained(error: BaseException) -> int:
    """Say an error in one line; return the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case Complaint():
            complain(str(error))
            return WRONG_USE if error.wrong_use else BROKEN
        case BrokenPipeError():
            # The reader (head, less) went away.
            _drop_output()
            return FINE
        case OSError():
            _drop_output()
            complain(f"{error.filename or 'output'}: {error.strerror or error}")
            return BROKEN
        case _:
            complain(
                f"unexpected error: {type(error).__name__}: {error}; `python -X dev -m edge` shows where"
            )
            return BROKEN


def _drop_output() -> None:
    # Else Python tries to write the rest at exit, and complains.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
