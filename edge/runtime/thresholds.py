"""Thresholds of detectors that the centre may set, within the bounds that the settings declare."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from edge.delivery.commands import Bound, Config
from edge.runtime.settings import Entry, Settings

_log = logging.getLogger(__name__)


class OutOfBoundsError(ValueError):
    """The threshold may not be set so: not declared, beyond its bounds, or the detector does not take it."""


def with_threshold(settings: Settings, config: Config, detector: str, setting: str, value: float) -> Settings:
    """Return settings with one threshold set. Raises OutOfBoundsError."""
    bound = _bound(config, detector, setting)
    if bound is None or not bound.min <= value <= bound.max:
        raise OutOfBoundsError(f"{detector}.{setting} = {value:g} is not allowed by [delivery.commands]")
    found = [entry for entry in settings.of("detectors") if entry.section == detector]
    if not found:
        raise OutOfBoundsError(f"there is no [detectors.{detector}]")
    try:
        return settings.replacing(_changed(found[0], {setting: value}))
    except ValidationError as error:
        raise OutOfBoundsError(f"[detectors.{detector}] does not take {setting} = {value:g}") from error


def with_thresholds(settings: Settings, config: Config, values: Mapping[str, float]) -> Settings:
    """Return settings with what was set earlier; what the settings no longer allow is left out."""
    for name, value in values.items():
        detector, _, setting = name.partition(".")
        try:
            settings = with_threshold(settings, config, detector, setting, value)
        except OutOfBoundsError as error:
            _log.warning("commands: a threshold that was set is not used: %s", error)
    return settings


def _bound(config: Config, detector: str, setting: str) -> Bound | None:
    return next((b for b in config.thresholds if (b.detector, b.setting) == (detector, setting)), None)


def _changed(entry: Entry, values: Mapping[str, Any]) -> Entry:
    config = type(entry.config).model_validate({**entry.config.model_dump(), **values})
    return replace(entry, config=config)
