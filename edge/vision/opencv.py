"""OpenCV: imported when the first picture is wanted, kept quiet, and kept to the threads of its callers."""

import functools
import os
from types import ModuleType

# libav's AV_LOG_QUIET: what a broken stream prints line by line becomes one line of ours.
_AV_LOG_QUIET = "-8"


@functools.cache
def opencv() -> ModuleType:
    """Return the module `cv2`; the first call imports it and sets it up."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_QUIET)
    # The default, UDP, loses packets and shows grey pictures; some cameras speak nothing but TCP anyway.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    # Seconds that a camera on the bus is waited for in one call; the default, 10, would hold up its lane.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # One lane, one thread: a pool of its own would take the cores from the sound.
    cv2.setNumThreads(1)
    return cv2
