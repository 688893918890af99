"""The log of requests in S3: numbers without gaps, whoever writes, and a snapshot for what is old."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from resources import trace_log as module
from resources.trace_log import TRACE, Record, TraceLog


@pytest.fixture
def log(s3_home):
    return TraceLog(s3_home)


def record(text):
    return Record(TRACE, {"question": text, "cost": 0.5, "error": None})


def test_a_batch_comes_back_as_it_was_put(log):
    records = [record("Why?\nSo “that”.\u2028"), record("")]
    assert log.append(records, 0) == 1
    assert log.numbers(0) == [1]
    assert log.read(1) == records
    assert log.numbers(1) == []


def test_writers_at_once_get_numbers_without_a_gap_and_lose_nothing(s3_home, machine):
    def write(writer):
        log = TraceLog(machine(f"machine {writer}"))
        return [log.append([record(f"{writer} {number}")], 0) for number in range(5)]

    with ThreadPoolExecutor(4) as pool:
        taken = [number for numbers in pool.map(write, range(4)) for number in numbers]
    log = TraceLog(s3_home)
    assert sorted(taken) == log.numbers(0) == list(range(1, 21))
    asked = {log.read(number)[0].content["question"] for number in taken}
    assert asked == {f"{writer} {number}" for writer in range(4) for number in range(5)}


def test_a_batch_that_is_gone_is_told(log):
    with pytest.raises(LookupError, match="000000000007"):
        log.read(7)


def test_a_snapshot_takes_the_place_of_old_batches_only_and_the_last_of_them_stays(
    log, tmp_path, monkeypatch
):
    for number in range(4):
        log.append([record("old")], number)
    database, back = tmp_path / "some.db", tmp_path / "back.db"
    database.write_bytes(b"a database")
    assert not log.fetch_snapshot(back)
    log.put_snapshot(database, 3)
    assert log.numbers(0) == [1, 2, 3, 4]
    monkeypatch.setattr(module, "REMOVED_AFTER", -timedelta(days=1))
    log.put_snapshot(database, 3)
    assert log.numbers(0) == [3, 4]
    assert log.fetch_snapshot(back)
    assert back.read_bytes() == b"a database"
    # Numbers go on, so nobody who is behind takes one for another.
    assert log.append([record("new")], 3) == 5
