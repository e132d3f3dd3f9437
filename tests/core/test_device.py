"""Threads are those that other programs leave."""

import os
import time

import psutil
import pytest

from modelwright.core import device


def busy(monkeypatch, cores, taken):
    """Pretend that others take `taken` of `cores` cores."""
    clock = {"wall": 100.0, "busy": 0.0}

    def step(seconds):
        clock["wall"] += seconds
        clock["busy"] += taken * seconds

    class Times(tuple):
        idle = 0.0

        def __new__(cls):
            return super().__new__(cls, (clock["busy"],))

    monkeypatch.delenv("MODELWRIGHT_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(cores), raising=False)
    monkeypatch.setattr(device, "_others", device._Others())
    monkeypatch.setattr(psutil, "cpu_times", Times)
    monkeypatch.setattr(psutil, "cpu_count", lambda: cores)
    monkeypatch.setattr(time, "monotonic", lambda: clock["wall"])
    monkeypatch.setattr(time, "process_time", lambda: 0.0)
    monkeypatch.setattr(time, "sleep", step)
    return step


def test_all_cores_where_nobody_else_works(monkeypatch):
    busy(monkeypatch, 4, 0.1)
    assert device.free_cores() == 4


def test_fewer_beside_others_and_never_none(monkeypatch):
    busy(monkeypatch, 4, 2.0)
    assert device.free_cores() == 2
    busy(monkeypatch, 2, 1.3)
    assert device.free_cores() == 1
    busy(monkeypatch, 2, 2.0)
    assert device.free_cores() == 1


def test_it_follows_what_others_do(monkeypatch):
    step = busy(monkeypatch, 2, 0.0)
    assert device.free_cores() == 2
    step(0.5)  # too soon for another look
    assert device.free_cores() == 2
    device._others.busy -= 9.0
    step(3.0)
    assert device.free_cores() == 1


def test_what_was_asked_for_stands(monkeypatch):
    busy(monkeypatch, 4, 4.0)
    monkeypatch.setenv("MODELWRIGHT_THREADS", "3")
    assert device.free_cores() == 3


def test_the_most_memory_that_was_held_counts_what_was_given_back():
    before = device.peak_memory()
    block = bytearray(before + (64 << 20))
    del block
    assert device.peak_memory() >= before + (64 << 20)
    used = device.used_memory()  # first: what is held may grow between the two looks
    assert device.peak_memory() >= used


def test_what_a_shell_waited_before_it_became_this_program_is_no_part_of_a_budget(monkeypatch):
    begun = device.process_start.__wrapped__()
    assert begun <= device._LOADED < time.monotonic()
    monkeypatch.setattr(device, "_LOADED", begun + 3)  # imports took some seconds: they count
    assert device.process_start.__wrapped__() == pytest.approx(begun, abs=0.1)
    monkeypatch.setattr(device, "_LOADED", begun + 40)
    assert device.process_start.__wrapped__() == begun + 40
