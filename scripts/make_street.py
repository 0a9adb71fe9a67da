#!/usr/bin/env python3
"""Compose the street that ships in edge/street: a minute of sound, of pictures and of sensor bytes.

Usage: python scripts/make_street.py   (on Debian 12, with `ffmpeg` installed)

Fetches the Debian packages below into a temporary folder, takes from them the pieces whose SHA-256 is
pinned here and writes sound.ogg, street.mp4 and sds011.bin. The same pieces give the same samples, pictures
and bytes; other versions of libvorbis and ffmpeg may encode them differently, and an Ogg stream's serial
number is random. Where each piece comes from and under which licence: edge/street/LICENCES.md.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

Sound = NDArray[np.float64]

STREET = Path(__file__).resolve().parent.parent / "edge" / "street"
PACKAGES = ("lincity-ng-data", "endless-sky-data", "minetest-data", "opencv-doc")
_TOWN = "usr/share/games/lincity-ng/sounds/"
_SPACE = "usr/share/games/endless-sky/sounds/"
_MINE = "usr/share/games/minetest/games/minetest_game/mods/tnt/sounds/"
PIECES = {  # name: (file in the packages, its SHA-256)
    "cars_1": (_TOWN + "TraficHigh1.wav", "60736a3c98ff2cd6fa2e894432951bdeaccdf1d513330536df0e5188b91c0511"),
    "cars_2": (_TOWN + "TraficHigh2.wav", "36c7947a6cb3396cb5f99dbc4df1e8e6980918994c6b5e674a1539a4662c8a24"),
    "cars_3": (_TOWN + "TraficHigh3.wav", "cfc195a0f39555f38bebd710c7d1777633c80e95c44d3412270675415d021916"),
    "road_1": (_TOWN + "TraficLow1.wav", "e8d0ea952db6d7849ebedea2ae76a1344d3cc15ac90cfe5ab8eac9f5b33de0f4"),
    "road_2": (_TOWN + "TraficLow2.wav", "816345d213fbb575dd9d713b7c9c8cbb630ad6ca826ba4ff260e6fcd0f2be1e7"),
    "road_3": (_TOWN + "TraficLow3.wav", "048067a527cec324f5e3b68fdc62968223640a279634bb7f10dfff6c2171a3d7"),
    "town_1": (
        _TOWN + "ResidentialHigh2.wav",
        "bd085a5d44993ceaeac27086a1d3b31c77211f4f47dbc44a9fd0e0e796a5c0ce",
    ),
    "town_2": (
        _TOWN + "ResidentialHigh3.wav",
        "f78daca0dac901c69167136a3b71c96540c0063cbcd1c6ad19cf24e35c0de76e",
    ),
    "bang_1": (
        _SPACE + "explosion large.wav",
        "506dc8300c11df559b834cf7747387b35f030c2b7caf4ba316dc386df64fcb95",
    ),
    "bang_2": (
        _SPACE + "final explosion small.wav",
        "bb74a791fc5a014deec8555b292c0f2c542a3baf4616bfd9208d94d63fd65ff4",
    ),
    "bang_3": (_MINE + "tnt_explode.ogg", "c0b6e3166be83fcd3717c65dcfd59fa229919ba433a9fcb1289b7a55754b3150"),
    "video": (
        "usr/share/doc/opencv-doc/examples/data/vtest.avi",
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    ),
}

RATE_HZ = 48_000
DURATION_S = 60
MAX_DELAY = round(0.2 / 343.0 * RATE_HZ)  # samples between two microphones 0.2 m apart
SELF_NOISE_DBFS = -80.0  # of each microphone, so that the channels are no copies of one another
FADE_S = 0.5
VORBIS_COMPRESSION = 0.4
EDGE_FADE_S = 0.02  # the minute begins and ends at zero: it may be played in a loop
BED = (
    "town_1",
    "road_1",
    "town_2",
    "road_3",
    "town_1",
    "road_2",
)  # one after the other, overlapping by FADE_S
BED_PEAK_DBFS = -26.0
# (start in s, piece, peak in dBFS, delay of the second channel in samples)
CARS = (
    (2.5, "cars_1", -20.0, -9),
    (12.0, "cars_2", -22.0, 14),
    (22.5, "cars_3", -20.0, -17),
    (34.0, "cars_1", -23.0, 11),
    (46.0, "cars_2", -20.0, -6),
    (55.0, "cars_3", -22.0, 19),
)
BANGS = (
    (7.0, "bang_1", -3.0, 12),
    (18.5, "bang_3", -2.0, -21),
    (30.0, "bang_2", -6.0, 5),
    (30.9, "bang_2", -7.0, 5),
    (41.2, "bang_1", -9.0, -26),
    (52.0, "bang_3", -4.0, 17),
)

# Ten frames that an SDS011 (device 58D9) sent, one a second, as PyPMS publishes them in
# tests/captured_data/SDS01x.hexdump: 0.6, 6 times 0.9 and 3 times 0.8 ug/m3, PM2.5 and PM10 alike.
CAPTURED = tuple(
    bytes.fromhex(frame)
    for frame in ("aac00600060058d93dab", *["aac00900090058d943ab"] * 6, *["aac00800080058d941ab"] * 3)
)
REPEATS = 6
LINE_NOISE = bytes.fromhex("fe00aa55c0ff007faac0abf0e1")  # as a loose plug makes it; holds false starts
NOISE_AFTER, BAD_CHECKSUM_AFTER = 20, 40  # frames


def fetch(folder: Path) -> dict[str, Path]:
    """Download and unpack the packages; return each piece's file after checking its SHA-256."""
    subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=folder, check=True)
    root = folder / "root"
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)
    found = {name: root / path for name, (path, _) in PIECES.items()}
    for name, path in found.items():
        if hashlib.sha256(path.read_bytes()).hexdigest() != PIECES[name][1]:
            sys.exit(
                f"make_street: {path.name} is not the file this street was made of; look before you re-pin it"
            )
    return found


def load(path: Path) -> Sound:
    """Return a recording as one channel at 48 kHz with its peak at 1, shape (n,)."""
    samples, rate_hz = soundfile.read(path, always_2d=True)
    mono = resample_poly(samples.mean(axis=1), RATE_HZ, rate_hz)
    faded: Sound = mono / np.abs(mono).max()
    return faded


def fade(samples: Sound, fade_in_s: float, fade_out_s: float) -> Sound:
    """Return the samples with raised-cosine ends, so that overlapping pieces join without a click."""
    shaped = samples.copy()
    rise, fall = (round(s * RATE_HZ) for s in (fade_in_s, fade_out_s))
    if rise:
        shaped[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    if fall:
        shaped[-fall:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return shaped


def place(street: Sound, piece: Sound, start_s: float, peak_dbfs: float, delay: int) -> None:
    """Add a piece to both channels of `street`, shape (n, 2); the second hears it `delay` samples later."""
    if abs(delay) > MAX_DELAY:
        sys.exit(f"make_street: a delay of {delay} samples is more than two microphones 0.2 m apart can have")
    for channel, shift in enumerate((0, delay)):
        first = round(start_s * RATE_HZ) + shift
        begin, end = max(first, 0), min(first + len(piece), len(street))
        street[begin:end, channel] += 10 ** (peak_dbfs / 20) * piece[begin - first : end - first]


def compose(pieces: dict[str, Sound]) -> Sound:
    """Return the minute of sound, shape (n, 2), within -1..1."""
    rng = np.random.default_rng(2)
    street: Sound = 10 ** (SELF_NOISE_DBFS / 20) * rng.standard_normal((DURATION_S * RATE_HZ, 2))
    start_s, turn = 0.0, 0
    while start_s < DURATION_S:
        piece = fade(pieces[BED[turn % len(BED)]], FADE_S, FADE_S)
        place(street, piece, start_s, BED_PEAK_DBFS, delay=(-3, 4, 0)[turn % 3])
        start_s += len(piece) / RATE_HZ - FADE_S
        turn += 1
    for start, name, peak_dbfs, delay in CARS:
        place(street, fade(pieces[name], FADE_S, FADE_S), start, peak_dbfs, delay)
    for start, name, peak_dbfs, delay in BANGS:
        place(street, fade(pieces[name], 0.0, FADE_S), start, peak_dbfs, delay)
    return np.stack([fade(street[:, c], EDGE_FADE_S, EDGE_FADE_S) for c in range(2)], axis=1)


def write_sound(target: Path, sound: Sound) -> None:
    """Encode as Ogg Vorbis, a second at a time: libsndfile's encoder cannot take a whole minute."""
    with soundfile.SoundFile(
        target, "w", RATE_HZ, channels=2, format="OGG", subtype="VORBIS", compression_level=VORBIS_COMPRESSION
    ) as file:
        for second in np.split(sound, DURATION_S):
            file.write(second)


def sensor_bytes() -> bytes:
    """Return the minute of sensor bytes: sixty captured frames and what a real line adds to them."""
    line = bytearray(CAPTURED[0][3:])  # the port is opened in the middle of a frame
    for number, frame in enumerate(CAPTURED * REPEATS, start=1):
        line += frame
        if number == NOISE_AFTER:
            line += LINE_NOISE
        if number == BAD_CHECKSUM_AFTER:
            line += bytes([*frame[:2], frame[2] ^ 0x10, *frame[3:]])
    return bytes(line)


def encode(source: Path, target: Path) -> None:
    """Cut the first minute of the video, 5 pictures a second, MPEG-4 part 2: every OpenCV reads that."""
    cut = [
        "-t",
        str(DURATION_S),
        "-vf",
        "fps=5",
        "-an",
        "-c:v",
        "mpeg4",
        "-q:v",
        "6",
        "-g",
        "50",
        "-bitexact",
    ]
    quiet = ["-hide_banner", "-loglevel", "error", "-y"]
    subprocess.run(["ffmpeg", *quiet, "-i", str(source), *cut, str(target)], check=True)


def main() -> None:
    """Fetch, compose and write everything."""
    if shutil.which("ffmpeg") is None:
        sys.exit("make_street: ffmpeg is missing; apt-get install ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        found = fetch(Path(folder))
        sound = compose({name: load(path) for name, path in found.items() if name != "video"})
        write_sound(STREET / "sound.ogg", sound)
        encode(found["video"], STREET / "street.mp4")
    (STREET / "sds011.bin").write_bytes(sensor_bytes())
    for path in sorted(STREET.iterdir()):
        sys.stdout.write(f"{path.stat().st_size:>9} {path.name}\n")


if __name__ == "__main__":
    main()
