"""What `sense` remembers of commands: the number of the last one, and the thresholds that were set.

The file lies where the publisher cannot write, or an old command could be given again.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from edge.domain.complaint import Complaint
from edge.domain.whole_file import write_whole

_FILE = "commands.json"


class CommandMemoryError(Complaint):
    """It cannot be read or written; without it no command is obeyed. Says what to do."""


@dataclass(frozen=True, slots=True)
class CommandMemory:
    """One state of it.

    Attributes:
        highest: number of the last command that was taken up.
        counted: how many refused messages were reported, by reason.
        thresholds: `detector.setting` to the value that the centre gave it.
    """

    highest: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it; without a file nothing was ever commanded. Raises CommandMemoryError."""
        path = folder / _FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                highest=int(content["highest"]),
                counted={str(reason): int(count) for reason, count in content["counted"].items()},
                thresholds={str(name): float(value) for name, value in content["thresholds"].items()},
            )
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise CommandMemoryError(
                f"{path}: {error.strerror}; make it readable for `lamppost sense`"
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            advice = "no command is obeyed; remove it once every command sent so far has expired"
            raise CommandMemoryError(f"{path}: is damaged; {advice}") from error

    def write(self, folder: Path) -> None:
        """Keep it; after a power loss it is the old state or this one. Raises CommandMemoryError."""
        path = folder / _FILE
        content = {"highest": self.highest, "counted": self.counted, "thresholds": self.thresholds}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, json.dumps(content).encode())
        except OSError as error:
            advice = "make its folder writable, or set state in [delivery.commands]"
            raise CommandMemoryError(f"{path}: cannot be written ({error.strerror}); {advice}") from error

    def taking(self, number: int) -> "CommandMemory":
        """Return it with this command taken up."""
        return replace(self, highest=number)

    def setting(self, name: str, value: float) -> "CommandMemory":
        """Return it with a threshold set."""
        return replace(self, thresholds={**self.thresholds, name: value})

    def counting(self, counted: dict[str, int]) -> "CommandMemory":
        """Return it with these counts reported."""
        return replace(self, counted=counted)
