"""`lamppost calibrate microphone`: how loud full scale is, from the tone of an acoustic calibrator."""

import argparse
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.cli.microphone_choice import Choice, add_choice, chosen
from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json, seconds
from edge.domain.frames import AudioFrame, Fault, Frame, Samples
from edge.domain.health import Reason
from edge.domain.microphone import MicrophoneSection
from edge.domain.stages import SourceError
from edge.runtime.clock import SystemClock

if TYPE_CHECKING:
    from edge.decoding.calibration import Calibration
    from edge.dsp.calibrator import Tone

HELP = "measure an acoustic calibrator's tone, so that levels are sound pressure levels"

_SETTLE_S = 1.0
_NOMINAL_DB = (94.0, 114.0)
# What the certificate of a calibrator may say beside its nominal level.
_CERTIFICATE_DB = 1.0
# ISO 1996-2:2017 discards what was measured between calibrations that differ by more.
_DRIFT_DB = 0.5
# Between two calibrators' levels there are 20 dB; no microphone drifts by so much.
_MISTAKE_DB = 10.0
_LOST = {Reason.OVERRUN, Reason.TRUNCATED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `microphone` with its arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="microphone")
    microphone = actions.add_parser("microphone", help="with a calibrator of 1 kHz at 94 or 114 dB on it")
    add_choice(microphone)
    microphone.add_argument(
        "--level", type=_level, default=94.0, metavar="DB", help="of the calibrator: 94 (default) or 114"
    )
    microphone.add_argument("--seconds", type=seconds, default=10.0, metavar="N", help="default 10")
    microphone.add_argument("--serial-number", default="", metavar="S", help="of the microphone")
    microphone.add_argument(
        "--channel", type=int, metavar="N", help="that the calibrator is on, from 0 (default: the loudest)"
    )
    microphone.add_argument(
        "--out", type=Path, metavar="F", help="record to write (default: `calibration` of the settings)"
    )
    microphone.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Measure; write the record if it is a calibrator's tone. Exit code 1: it is not, or it has drifted."""
    from edge.decoding.calibration import LABEL, Calibration
    from edge.dsp.calibrator import SHORTEST_S, objection

    if not re.fullmatch(LABEL, args.serial_number):
        raise UsageError(f"--serial-number {args.serial_number!r}: use letters, digits and . _ / # : -")
    if args.seconds < SHORTEST_S:
        raise UsageError(f"--seconds {args.seconds:g}: give at least {SHORTEST_S:g}")
    choice = chosen(args, SystemClock(), pace="max", calibrated=False)
    record = _record(args, choice)
    before = _before(record)
    if not args.json:
        complain(f"{choice.name}: listening for {args.seconds + _SETTLE_S:g} s; keep still")
    sound, rate_hz = _listen(choice, args.seconds)
    channel, tone = _loudest_tone(sound, rate_hz, args.channel)
    if reason := objection(tone, args.level):
        return _refused(args, choice.name, channel, reason)
    now = Calibration(
        date=datetime.now(UTC).replace(microsecond=0),
        microphone=choice.name,
        serial_number=args.serial_number,
        channel=channel,
        level_db=args.level,
        frequency_hz=round(tone.frequency_hz, 2),
        spread_db=round(tone.spread_db, 3),
        full_scale_db=round(tone.full_scale_db(args.level), 2),
    )
    return _keep(args, choice, record, before, now)


def _level(text: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = 0.0
    if not any(abs(level - nominal) <= _CERTIFICATE_DB for nominal in _NOMINAL_DB):
        raise argparse.ArgumentTypeError(
            f"'{text}': give 94 or 114, or what the calibrator's certificate says instead, such as 93.97"
        )
    return level


def _record(args: argparse.Namespace, choice: Choice) -> Path | None:
    """Return the record to write; None when nobody says where."""
    if args.out is not None:
        return Path(args.out)
    if isinstance(choice.config, MicrophoneSection) and choice.config.calibration is not None:
        return choice.config.calibration
    if choice.settings is not None:
        return choice.settings.path.resolve().parent / f"{choice.name}.calibration.toml"
    return None


def _before(record: Path | None) -> tuple["Calibration", ...]:
    from edge.decoding.calibration import read_calibrations

    return read_calibrations(record) if record is not None and record.exists() else ()


def _listen(choice: Choice, length_s: float) -> tuple[Samples, int]:
    """Return a stretch of sound without a gap, and its rate. Raises UsageError when it is too short."""
    from edge.dsp.calibrator import SHORTEST_S

    with choice.source as source:
        parts, rate_hz, lost = _stretch(source, length_s + _SETTLE_S)
    if not parts:
        raise SourceError(Reason.NO_FRAMES, f"{choice.name}: gave no sound; `lamppost doctor` may say why")
    sound = np.concatenate(parts)[round(_SETTLE_S * rate_hz) :]
    if len(sound) < SHORTEST_S * rate_hz:
        why = f" ({lost})" if lost else ""
        raise UsageError(
            f"{choice.name}: gave {len(sound) / rate_hz:.1f} s of sound after the first{why}; "
            f"{SHORTEST_S:g} s are needed"
        )
    return sound, rate_hz


def _stretch(frames: Iterable[Frame], length_s: float) -> tuple[list[Samples], int, str]:
    parts: list[Samples] = []
    rate_hz, lost = 0, ""
    for frame in frames:
        if isinstance(frame, Fault) and frame.reason in _LOST:
            lost = frame.detail
            if frame.reason is Reason.TRUNCATED:
                break
            parts.clear()
        if isinstance(frame, AudioFrame):
            rate_hz = frame.rate_hz
            parts.append(frame.samples)
            if sum(map(len, parts)) >= length_s * rate_hz:
                break
    return parts, rate_hz, lost


def _loudest_tone(sound: Samples, rate_hz: int, wanted: int | None) -> tuple[int, "Tone"]:
    from edge.dsp.calibrator import measure_tone

    channels = sound.shape[1]
    if wanted is not None and not 0 <= wanted < channels:
        raise UsageError(f"--channel {wanted}: the microphone has {channels}; give 0 to {channels - 1}")
    asked = range(channels) if wanted is None else [wanted]
    tones = {channel: measure_tone(sound[:, channel], rate_hz) for channel in asked}
    loudest = max(tones, key=lambda channel: tones[channel].level_db)
    return loudest, tones[loudest]


def _refused(args: argparse.Namespace, name: str, channel: int, reason: str) -> int:
    if args.json:
        emit_json({"ok": False, "microphone": name, "channel": channel, "reason": reason})
    complain(f"{name}, channel {channel}: {reason}. Nothing was written")
    return FOUND_PROBLEM


def _keep(
    args: argparse.Namespace,
    choice: Choice,
    record: Path | None,
    before: tuple["Calibration", ...],
    now: "Calibration",
) -> int:
    from edge.decoding.calibration import drift_db

    last, drift = drift_db(before, now) or (None, None)
    if last is not None and drift is not None and abs(drift) > _MISTAKE_DB:
        reason = (
            f"against {last.date:%Y-%m-%d} it hears {drift:+.1f} dB: is --level right? "
            f"If the gain was changed on purpose, move {record} away first"
        )
        return _refused(args, choice.name, now.channel, reason)
    if before and now.date < before[-1].date:
        raise UsageError(f"{record}: holds a calibration of {before[-1].date:%Y-%m-%d %H:%M}; set the clock")
    if record is not None:
        _write(record, (*before, now))
    drifted = drift is not None and abs(drift) > _DRIFT_DB
    if args.json:
        found = now.model_dump(mode="json")
        rest = {
            "drift_db": None if drift is None else round(drift, 2),
            "file": str(record) if record else None,
        }
        emit_json({"ok": not drifted, **found, **rest})
    else:
        _tell(choice, record, now)
    if last is not None and drift is not None:
        since = f"since {last.date:%Y-%m-%d} it has drifted by {drift:+.2f} dB"
        complain(f"{choice.name}: {since}; levels measured since then are in doubt" if drifted else since)
    return FOUND_PROBLEM if drifted else FINE


def _tell(choice: Choice, record: Path | None, now: "Calibration") -> None:
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=True, markup=False)
    heard = f"{now.frequency_hz:.1f} Hz, steady within {now.spread_db:.2f} dB"
    out.print(f"{choice.name}, channel {now.channel}: {heard}\nfull scale is {now.full_scale_db:.2f} dB SPL")
    if record is None:
        out.print("nothing was written; give --out F, or --config F for its microphone", style="yellow")
        return
    out.print(f"written to {record}")
    config = choice.config
    if not (isinstance(config, MicrophoneSection) and config.calibration == record):
        out.print(f'set  calibration = "{record}"  in the section of this microphone', style="yellow")


def _write(record: Path, entries: tuple["Calibration", ...]) -> None:
    """Replace the record in one step: a power cut leaves the old one or the new one."""
    from edge.decoding.calibration import calibrations_text

    new = record.with_name(f"{record.name}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(calibrations_text(entries))
            file.flush()
            os.fsync(file.fileno())
        new.replace(record)
    except OSError as error:
        raise UsageError(f"{record}: cannot be written ({error.strerror}); give another --out") from error
