"""Which outputs a recording of a given label answers, and which it leaves open."""

OUTPUTS = ("gunshot", "firework", "explosion", "glass_break", "scream", "raised_voice", "siren", "horn")
POOLED = ("siren", "horn")
"""Told from the windows of POOLED_S seconds together; the others from one window."""

POOLED_S = 5.0
FROM_MANIFEST = {
    "gunshot": "gunshot",
    "firework": "fireworks",
    "explosion": "explosion",
    "glass_break": "glass",
    "scream": "scream",
    "raised_voice": "shout",
    "siren": "siren",
    "horn": "horn",
}
RELATED = {
    "gunshot": {"explosion", "fireworks"},
    "firework": {"explosion", "gunshot"},
    "explosion": {"gunshot", "fireworks", "thunder"},
    "glass_break": set[str](),
    "scream": {"shout"},
    "raised_voice": {"scream", "crowd"},
    "siren": {"horn"},
    "horn": {"siren"},
}
"""Labels that are neither for nor against an output: left out when false alarms are counted."""

UNKNOWN = -1.0
SILENCE = "silence"
"""Label of what holds no sound, whatever the recording it is of holds elsewhere."""

# A recording of the label (or original label) may well hold these too, so it teaches nothing about them.
_OPEN = {
    "gunshot": ("explosion",),
    "fireworks": ("explosion",),
    "explosion": ("firework",),
    "scream": ("raised_voice",),
    "shout": ("scream",),
    "siren": ("horn",),
    "horn": ("siren",),
    "crowd": ("raised_voice", "scream", "siren", "horn"),
    "traffic": ("horn", "siren"),
    "children_playing": ("raised_voice", "scream"),
    "street_music": ("raised_voice", "scream"),
    "laughter": ("raised_voice",),
}


def targets(label: str, original_label: str) -> list[float]:
    """Return 1, 0 or UNKNOWN for each of OUTPUTS."""
    unsure = _OPEN.get(label, ()) + _OPEN.get(original_label, ())
    return [1.0 if FROM_MANIFEST[name] == label else UNKNOWN if name in unsure else 0.0 for name in OUTPUTS]
