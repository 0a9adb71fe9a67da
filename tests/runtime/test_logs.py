"""Where log records go."""

import logging

import pytest

from edge.runtime.logs import logging_to_stderr


def test_records_are_written_from_the_level_on_and_nothing_is_left_behind(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("edge")
    before = logger.level, list(logger.handlers)
    with logging_to_stderr(logging.CRITICAL):
        logger.error("not this")
        logger.critical("this")
    said = capfd.readouterr().err
    assert said.count("this") == 1
    assert (logger.level, logger.handlers) == before
