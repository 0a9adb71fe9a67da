"""People who walk as told, seen by a camera that errs as ours does: to measure the cues of crowds on."""
