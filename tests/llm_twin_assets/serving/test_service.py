"""From a question to its record: who answered, in which arm, how fast, and what is kept of a failure."""

import json
import time

import pytest

from llm_twin_assets.retrieval.conversation import Turn
from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.served import NotServed
from llm_twin_assets.serving.service import ClientGone, Question, Service
from resources.trace_writer import TraceWriter
from resources.traces import new_trace_id
from tests.llm_twin_assets.serving.asking import QUESTION, TEXTS, echoing
from tests.llm_twin_assets.serving.engines import EchoEngine


@pytest.fixture
def engine():
    return EchoEngine()


@pytest.fixture
def service(small, engine):
    small.release("first", "ada")
    serving, made = echoing(small, engine)
    serving.step()
    return made


def kept(small, reply):
    return small.traces.trace(reply.trace_id)


def test_the_record_holds_what_the_answer_rests_on(small, service):
    reply = service.reply(Question("ada", QUESTION, thread_id="t1", key_id="key_1"), lambda _: None)
    trace = kept(small, reply)
    assert (trace["twin"], trace["thread_id"], trace["key_id"]) == ("ada", "t1", "key_1")
    assert (trace["release_id"], trace["arm"]) == (small.releases.desired("ada"), "")
    assert (trace["answer"], trace["declined"]) == (reply.answer.text, False)
    places = json.loads(trace["citations"])
    for place, citation in zip(places, reply.answer.citations, strict=True):
        assert set(place) == {"uri", "start", "end", "document_id", "chunk_id", "quote_hash"}
        assert TEXTS[place["document_id"]][place["start"] : place["end"]] == citation.quote
        assert len(place["quote_hash"]) == 64


def test_the_first_piece_is_timed_from_the_questions_arrival(small, service):
    reply = service.reply(Question("ada", QUESTION, arrived=time.monotonic() - 5), lambda _: None)
    assert 5_000 <= kept(small, reply)["first_token_ms"] < 60_000


def test_the_completed_question_is_kept_beside_the_one_that_was_asked(small, service):
    question = Question("ada", "Why?", history=(Turn(QUESTION, "They shiver."),))
    trace = kept(small, service.reply(question, lambda _: None))
    assert (trace["question"], trace["standalone"]) == ("Why?", "Why? (about the hive hum in winter)")
    assert kept(small, service.reply(Question("ada", QUESTION), lambda _: None))["standalone"] == ""


def test_a_named_release_answers_and_counts_for_no_arm(small, service):
    champion, canary = small.releases.desired("ada"), small.releases.add(small.manifest("third"), {})
    small.releases.start_canary("ada", canary)
    service.serving.step()
    for release_id in (champion, canary):
        reply = service.reply(Question("ada", QUESTION, release_id=release_id), lambda _: None)
        assert (reply.release_id, reply.arm) == (release_id, "")
    with pytest.raises(NotServed):
        service.reply(Question("ada", QUESTION, release_id="0" * 64), lambda _: None)


def test_the_arm_of_a_conversation_is_kept(small, service):
    canary = small.releases.add(small.manifest("third"), {})
    small.releases.start_canary("ada", canary)
    small.releases.move_canary("ada", 50, {})
    service.serving.step()
    replies = [service.reply(Question("ada", QUESTION, f"t{n}"), lambda _: None) for n in range(12)]
    assert {one.arm for one in replies} == {"canary", "control"}
    for one in replies:
        assert kept(small, one)["arm"] == one.arm
        assert (one.release_id == canary) == (one.arm == "canary")


def test_a_failure_is_recorded_with_what_was_said_before_it(small, service, engine):
    engine.broken = OSError("gone")
    question = Question("ada", QUESTION)
    with pytest.raises(OSError, match="gone"):
        service.reply(question, lambda _: None)
    trace = small.traces.trace(question.trace_id)
    assert (trace["error"], trace["answer"], trace["first_token_ms"]) == ("OSError: gone", "", None)


def test_a_client_that_goes_away_is_recorded_as_such(small, service):
    said = []

    def emit(piece):
        if said:
            raise ClientGone
        said.append(piece)

    question = Question("ada", QUESTION)
    with pytest.raises(ClientGone):
        service.reply(question, emit)
    trace = small.traces.trace(question.trace_id)
    assert trace["error"] == "the client went away"
    assert trace["answer"].startswith(said[0])


def test_nobody_answers_for_a_twin_that_is_not_served(small, service):
    with pytest.raises(NotServed):
        service.reply(Question("nobody", QUESTION), lambda _: None)
    assert small.traces.since("nobody") == []


def test_without_an_index_it_is_not_served_yet(small, engine):
    small.release("first", "ada")
    serving, made = echoing(small, engine)
    serving.step()
    serving.index_id = None
    with pytest.raises(NotServed) as raised:
        made.reply(Question("ada", QUESTION), lambda _: None)
    assert raised.value.known


def test_a_writer_takes_the_records_and_they_are_counted(small, service):
    writer, counted = TraceWriter(small.traces), []
    with_writer = Service(service.serving, Answerer(small.searcher), writer, counted.append)
    reply = with_writer.reply(Question("ada", QUESTION), lambda _: None)
    writer.close()
    assert kept(small, reply)["answer"] == reply.answer.text
    assert [one.trace_id for one in counted] == [reply.trace_id]


def test_a_question_has_an_id_of_its_own_and_may_be_given_one():
    assert Question("ada", "x").trace_id != Question("ada", "x").trace_id
    given = new_trace_id()
    assert Question("ada", "x", trace_id=given).trace_id == given


def test_what_every_response_carries(service):
    about = service.reply(Question("ada", QUESTION), lambda _: None).about()
    assert about["twin"]["name"] == "ada"
    assert about["twin"]["author"] == "Ada Moss"
    assert "It is not Ada Moss" in about["twin"]["notice"]
    assert about["standalone"] == ""
