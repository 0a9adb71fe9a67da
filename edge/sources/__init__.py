"""Devices as blocking iterators of frames, one file each."""
