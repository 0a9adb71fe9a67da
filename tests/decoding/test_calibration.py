from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.decoding.calibration import (
    Calibration,
    CalibrationError,
    calibrations_text,
    drift_db,
    full_scale_db,
    read_calibrations,
)
from edge.domain.microphone import MicrophoneSection

FIRST = Calibration(
    date=datetime(2026, 5, 1, 12, 30, 5, tzinfo=UTC),
    microphone="front",
    serial_number="SN 12/3-4",
    channel=0,
    level_db=94.0,
    frequency_hz=1000.2,
    spread_db=0.03,
    full_scale_db=120.13,
)
SECOND = FIRST.model_copy(update={"date": FIRST.date + timedelta(days=400), "full_scale_db": 120.63})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "front.toml"
    path.write_text(calibrations_text([FIRST, SECOND]))
    return path


def test_what_is_written_is_read(record: Path) -> None:
    assert read_calibrations(record) == (FIRST, SECOND)
    assert record.read_text().startswith("# Written by")


def test_the_last_one_holds(record: Path) -> None:
    assert full_scale_db(MicrophoneSection(calibration=record)) == 120.63
    assert full_scale_db(MicrophoneSection(calibration=record), "front") == 120.63
    assert full_scale_db(MicrophoneSection(full_scale_db=110)) == 110
    assert full_scale_db(MicrophoneSection()) is None


def test_the_record_of_another_microphone_is_refused(record: Path) -> None:
    with pytest.raises(CalibrationError, match="of the microphone 'front', not of 'back'"):
        full_scale_db(MicrophoneSection(calibration=record), "back")


def test_drift_is_that_of_the_same_microphone_and_channel() -> None:
    assert drift_db([], FIRST) is None
    before, drift = drift_db([FIRST], SECOND) or (None, 0)
    assert before == FIRST
    # Full scale is reached by a louder sound now: it hears less.
    assert drift == pytest.approx(-0.5)
    assert drift_db([FIRST], SECOND.model_copy(update={"serial_number": "other"})) is None
    assert drift_db([FIRST], SECOND.model_copy(update={"channel": 2})) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no [[calibration]]"),
        ("calibration = 3", "holds no [[calibration]]"),
        ("[[calibration]]\n[other]", "something else"),
        ("not toml", "not valid TOML"),
        ("[[calibration]]\ndate = 2026-05-01T12:00:00Z", "microphone: Field required"),
        ("{good}full_scale_db = 500\n", ":10: full_scale_db: Input should be less than or equal to 200"),
        ("{good}full_scale_db = nan\n", ":10: full_scale_db: Input should be a finite number"),
        ('{good}full_scale_db = "x"\n', ":10: full_scale_db:"),
        ("{good}full_scale_db = 120\nfull_scale = 1\n", ":11: full_scale: Extra inputs"),
        ("calibration = [1]", "[[calibration]]"),
    ],
)
def test_bad_records_are_refused_with_the_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "front.toml"
    good = calibrations_text([FIRST]).replace("full_scale_db = 120.13\n", "")
    path.write_text(text.replace("{good}", good.replace("\n\n", "\n")))
    with pytest.raises(CalibrationError) as caught:
        read_calibrations(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_date_without_an_offset_is_refused(record: Path) -> None:
    record.write_text(record.read_text().replace(":05Z", ":05"))
    with pytest.raises(CalibrationError, match="date"):
        read_calibrations(record)


def test_entries_out_of_order_are_refused(record: Path) -> None:
    record.write_text(calibrations_text([SECOND, FIRST]))
    with pytest.raises(CalibrationError, match="before that of the entry above"):
        read_calibrations(record)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no such calibration record"):
        read_calibrations(tmp_path / "none.toml")
    with pytest.raises(CalibrationError, match="cannot be read"):
        read_calibrations(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CalibrationError, match="not valid TOML"):
        read_calibrations(tmp_path / "binary.toml")


def test_a_microphone_is_calibrated_in_one_way() -> None:
    with pytest.raises(ValueError, match="give one"):
        MicrophoneSection(full_scale_db=120, calibration=Path("x.toml"))
