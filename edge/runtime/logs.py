"""Logs: one writer thread, so that a slow terminal or journal never holds up a lane."""

import json
import logging
import logging.handlers
import queue
from collections.abc import Iterator
from contextlib import contextmanager

_QUEUE_LIMIT = 10_000


class _DroppingHandler(logging.handlers.QueueHandler):
    """Never blocks: a log that cannot be written is less than a frame that is lost."""

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {"time": record.created, "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


@contextmanager
def logging_to_stderr(level: int = logging.INFO, *, json_lines: bool = False) -> Iterator[None]:
    """Send the package's log records to stderr by one writer thread; stop it and flush on the way out.

    Args:
        level: records below it are not written.
        json_lines: one JSON object a record instead of a line for people.
    """
    records: queue.Queue[logging.LogRecord] = queue.Queue(_QUEUE_LIMIT)
    stream = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    stream.setFormatter(_JsonFormatter() if json_lines else plain)
    listener = logging.handlers.QueueListener(records, stream)
    feeder = _DroppingHandler(records)
    logger = logging.getLogger("edge")
    before = logger.level
    logger.setLevel(level)
    logger.addHandler(feeder)
    listener.start()
    try:
        yield
    finally:
        logger.removeHandler(feeder)
        logger.setLevel(before)
        listener.stop()
