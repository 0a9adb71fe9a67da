"""What running and rapid motion mean to the rules that people's movement begins or confirms."""

from edge.domain.scene_observations import CrowdCue, Cue, Stage
from edge.domain.trigger import Trigger
from edge.fusion.episode import Evidence, evidence

MOVEMENTS = {Cue.RAPID_MOTION: Trigger.RAPID_MOTION, Cue.RUNNING: Trigger.RUNNING}


def of_movement(cue: CrowdCue, *, alone_from: float = 1.01) -> Evidence:
    """Return what one of `MOVEMENTS` is evidence of.

    `alone_from`: the score from which on its beginning is enough alone; 1.01: never.
    """
    anew = cue.stage is Stage.ONSET
    return evidence(
        cue,
        MOVEMENTS[cue.cue],
        score=cue.score,
        alone=anew and cue.score >= alone_from,
        lasts=True,
        anew=anew,
        over=cue.stage is Stage.END,
    )
