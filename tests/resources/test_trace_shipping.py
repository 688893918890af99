"""Shipping beside the answers: soon, in the end all of it, and again and again while S3 is away."""

import pytest

from resources import trace_log
from resources.shared_traces import SharedTraces
from resources.trace_shipping import TraceShipping
from tests.resources.test_traces import trace
from tests.waiting import wait_until


@pytest.fixture
def on(machine):
    return lambda name: SharedTraces(machine(name))


def test_what_is_written_arrives_without_being_asked_for(on):
    server, reader = on("server"), on("reader")
    shipping = TraceShipping(server, seconds=0.05)
    try:
        one = trace()
        server.append(one)
        wait_until(lambda: reader.newest("ada") == one.trace_id)
    finally:
        shipping.close()


def test_closing_ships_the_rest(on):
    server = on("server")
    shipping = TraceShipping(server, seconds=600)
    one = trace()
    server.append(one)
    shipping.close()
    assert on("reader").newest("ada") == one.trace_id


def test_while_s3_is_away_nothing_is_lost_and_the_log_says_so_once(on, monkeypatch, caplog):
    server, reader = on("server"), on("reader")
    tried, put = [], trace_log.s3.put

    def away(*arguments, **named):
        tried.append(1)
        raise ConnectionError("S3 is away")

    monkeypatch.setattr(trace_log.s3, "put", away)
    shipping = TraceShipping(server, seconds=0.02)
    try:
        one = trace()
        server.append(one)
        wait_until(lambda: len(tried) > 3)
        assert len([said for said in caplog.messages if "cannot be shipped" in said]) == 1
        monkeypatch.setattr(trace_log.s3, "put", put)
        wait_until(lambda: reader.newest("ada") == one.trace_id)
    finally:
        shipping.close()
