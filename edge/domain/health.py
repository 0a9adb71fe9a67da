"""The closed vocabulary of health: which component, how it is, and why."""

from enum import StrEnum


class Component(StrEnum):
    """A part of the lamppost that can be well or ill."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SERIAL_BOARD = "serial_board"
    CONTACT = "contact"
    DETECTOR = "detector"
    BRIDGE = "bridge"
    GATE = "gate"
    OUTBOX = "outbox"
    CLOCK = "clock"
    SIGNING = "signing"


class Status(StrEnum):
    """How a component is."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a component is not well; `none` when it is."""

    NONE = "none"
    STARTED = "started"
    RECOVERED = "recovered"
    ENDED = "ended"
    NO_DEVICE = "no_device"
    NO_PERMISSION = "no_permission"
    NO_KEY = "no_key"
    NO_FRAMES = "no_frames"
    OVERRUN = "overrun"
    SILENT = "silent"
    CONSTANT = "constant"
    CLIPPED = "clipped"
    OFFSET = "offset"
    INVALID_SAMPLES = "invalid_samples"
    DARK = "dark"
    OVEREXPOSED = "overexposed"
    FROZEN = "frozen"
    OBSTRUCTED = "obstructed"
    DEFOCUSED = "defocused"
    GARBAGE = "garbage"
    CHECKSUM = "checksum"
    STALE = "stale"
    DEVICE_FAULT = "device_fault"
    TRUNCATED = "truncated"
    SLOW = "slow"
    FIRMWARE = "firmware"
    CHATTERING = "chattering"
    WIRING = "wiring"
    UNREADABLE = "unreadable"
    EXCEPTION = "exception"
    SHED = "shed"
    DISK_FULL = "disk_full"
    EVICTED = "evicted"
    REFUSED = "refused"
    OVER_BUDGET = "over_budget"
    UNSYNCHRONISED = "unsynchronised"
    UNCALIBRATED = "uncalibrated"
    DEMOTED = "demoted"
    DRIFT = "drift"
    IMPLAUSIBLE = "implausible"


class Absence(StrEnum):
    """Why a value that a sensor measures is absent from a report."""

    WARMING_UP = "warming_up"
    STALE = "stale"
    OUT_OF_RANGE = "out_of_range"
    SENSOR_FAULT = "sensor_fault"
    NO_READING = "no_reading"
    FAINT = "faint"
    AMBIGUOUS = "ambiguous"
    JUMP = "jump"
    DISAGREEMENT = "disagreement"
    FOG = "fog"
    LOW_CAPTURE = "low_capture"
    UNCALIBRATED = "uncalibrated"
    NO_DISTANCE = "no_distance"
