"""What an event may rest on, and how strong the evidence is: the words in which a rule explains itself."""

from enum import StrEnum


class Trigger(StrEnum):
    """A kind of observation, or what it found, that an event rests on."""

    IMPULSE_ONSET = "impulse_onset"
    SECOND_ARRAY = "second_array"
    GUNSHOT = "gunshot"
    FIREWORK = "firework"
    EXPLOSION = "explosion"
    GLASS_BREAK = "glass_break"
    SCREAM = "scream"
    RAISED_VOICE = "raised_voice"
    FLASH = "flash"
    HIGH_ELEVATION = "high_elevation"
    SCENE_MOTION = "scene_motion"
    GATHERING = "gathering"
    CONVERGENCE = "convergence"
    DISPERSAL = "dispersal"
    RUNNING = "running"
    RAPID_MOTION = "rapid_motion"
    COUNTER_FLOW = "counter_flow"
    AIR_EXCEEDANCE = "air_exceedance"
    WEATHER = "weather"
    HELP_BUTTON = "help_button"
    PRESENCE = "presence"
    CABINET_DOOR = "cabinet_door"
    TAMPER_CONTACT = "tamper_contact"
    WIRE_FAULT = "wire_fault"
    CAMERA_MOVED = "camera_moved"
    LAMPPOST_MOVED = "lamppost_moved"
    CAMERA_BLOCKED = "camera_blocked"
    MICROPHONE_BLOCKED = "microphone_blocked"
    SENSOR_GONE = "sensor_gone"
    PRIOR = "prior"


class Strength(StrEnum):
    """The strongest score among the evidence: below 0.5, below 0.8, or above."""

    WEAK = "weak"
    MEDIUM = "medium"
    STRONG = "strong"


def strength(score: float) -> Strength:
    """Return the band of a score 0..1."""
    if score < 0.5:
        return Strength.WEAK
    return Strength.MEDIUM if score < 0.8 else Strength.STRONG
