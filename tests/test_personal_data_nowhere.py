"""Personal data in what people ask, say and correct stays in the requests: planted, it comes out nowhere.

Seeded canaries of every kind that redaction knows go through the real assets, the export to a contract server
of Opik, the training data's join, the runs' records and logs, and the alerts of a run that a check stops.
"""

import json
import logging
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest

from jobs.alerts import Position, news
from llm_twin_assets.contracts import CHUNKS, empty
from llm_twin_assets.documents.redaction import findings
from llm_twin_assets.documents.shingles import normalised
from resources.alerting import Alerting
from resources.models import ModelStore
from resources.settings import Settings
from resources.store import Table
from resources.traces import Feedback
from tests.llm_twin_assets.monitoring import feedback_world as written
from tests.llm_twin_assets.monitoring.test_feedback_asset import Judged
from tests.resources.opik_server import OpikServer

HELD_OUT = sorted(set(written.INSTRUCT[written.INSTRUCT["split"] != "train"]["instruction"]))[:3]
LEARNED = ("feedback_dataset", "accepted_feedback", "instruct_dataset", "preference_dataset")
WORDS = written.SENTENCES[written.DOCUMENTS["document_id"][2]]


def card(draw):
    """A payment card's number whose check digit is right (Luhn)."""
    digits = [4, *(draw.randrange(10) for _ in range(14))]
    doubled = [digit * 2 - 9 * (digit > 4) if at % 2 == 0 else digit for at, digit in enumerate(digits)]
    number = "".join(map(str, [*digits, -sum(doubled) % 10]))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def canaries(seed):
    """A mail address, telephone number, card, bank account, address of a machine, and two secrets."""
    draw = random.Random(seed)
    letters = "".join(draw.sample("abcdefghijkmnopqrstuvwxyz", 9))
    token = "".join(draw.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", k=36))
    bank = "".join(str(draw.randrange(10)) for _ in range(18))
    return [
        f"{letters}.canary@moorland-post.net",
        f"+49 30 {draw.randrange(100, 999)} {draw.randrange(1000, 9999)}",
        card(draw),
        f"DE{98 - int(bank + '131400') % 97:02}{bank}",
        f"81.{draw.randrange(20, 250)}.{draw.randrange(20, 250)}.{draw.randrange(20, 250)}",
        f"sk-proj-{token[:32]}",
        f"ghp_{token}",
    ]


SEED = 20261129
CANARIES = canaries(SEED)


class Planted(Judged):
    """A twin that was asked, and told, everything that should stay where it is."""

    def __init__(self, store, instance):
        super().__init__(store)
        self.instance = instance
        self.fill()
        self.say_held_out(50)
        for number, canary in enumerate(CANARIES):
            self.say(number, canary)

    def fill(self):
        """With so many rows of the author's own that there is room for all that is said."""
        many = [written.INSTRUCT.assign(row_id=written.INSTRUCT["row_id"] + str(n)) for n in range(9)]
        rows = pd.concat(many).assign(twin=self.twin)
        self.store.materialize("instruct_dataset", "many", lambda: Table(rows), self.twin)
        self.store.materialize("cleaned_documents", "1", lambda: Table(written.DOCUMENTS))
        self.store.materialize("cleaned_chunks", "1", lambda: Table(empty(CHUNKS)))

    def say(self, number, canary):
        """Approved, corrected and turned down: in question, conversation, answer, comment and correction."""
        words, at = WORDS[number].text, 4 * number
        self.told(at, 1, f"Who is {canary} beside {written.question(at)}", thread_id=canary, comment=canary)
        self.told(at + 1, -1, correction=words, answer=f"Write to {canary} of it, as the sailor said to us.")
        self.told(at + 2, -1, correction=f"{words[:-1]} {canary}", comment=f"My number is {canary}")
        self.told(at + 3, 1, error=f"OSError: {canary}", standalone=f"Is {canary} there?")

    def say_held_out(self, number):
        """What models and retrieval are evaluated with, replayed in production and approved."""
        for at, asked in enumerate(HELD_OUT):
            for offset, words in enumerate((asked, asked.upper(), f"Tell me: {asked}")):
                self.told(number + 3 * at + offset, 1, words, first=at)

    def told(self, number, value, asked=None, comment=None, correction=None, first=None, **fields):
        when = (datetime.now(UTC) - timedelta(days=2 + number % 9)).isoformat(timespec="milliseconds")
        document = written.DOCUMENTS["document_id"][number % 6]
        begun = number % 20 if first is None else first
        one = written.trace(number, document, asked, begun, timings_ms={"total": 7.0, "generation": 3.0})
        one = replace(one, trace_id=f"019e5a00-0000-7000-8000-{number:012}", twin=self.twin, created_at=when)
        self.traces.append(replace(one, **fields))
        self.traces.give_feedback(Feedback(one.trace_id, when, value, comment, correction, f"key {number}"))

    def materialize(self, *parts):
        return dg.materialize(
            parts,
            partition_key=self.twin,
            instance=self.instance,
            resources=self.resources() | {"models": ModelStore(self.store.home)},
            raise_on_error=False,
        )


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Everything that came out, by where it was found, after one whole round; and the home."""
    from resources.store import Store

    server, heard = OpikServer(), _Heard()
    logging.getLogger().addHandler(heard)
    with pytest.MonkeyPatch.context() as patched, dg.DagsterInstance.ephemeral() as instance:
        patched.setenv("OPIK_URL_OVERRIDE", server.url)
        planted = Planted(Store(tmp_path_factory.mktemp("planted") / "home"), instance)
        alerts = _round(planted)
        records = [entry.to_json() for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
        found = {"runs": "\n".join(records), "alerts": alerts, "log": "\n".join(heard.lines)}
        found["opik"] = json.dumps([server.state.traces, server.state.spans, server.calls], default=str)
    logging.getLogger().removeHandler(heard)
    server.stop()
    yield planted, found


class _Heard(logging.Handler):
    """What was logged, as it is written."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(logging.Formatter().format(record))


def _round(planted):
    """Monitoring and datasets as they run, then a run that a check stops; returns what people are told."""
    from llm_twin_assets.datasets import assets as datasets
    from llm_twin_assets.datasets import checks as dataset_checks
    from llm_twin_assets.monitoring import assets as monitoring
    from llm_twin_assets.monitoring import checks as monitoring_checks

    position = Position.read(planted.instance, None)
    fit = monitoring_checks.feedback_is_fit_to_learn_from
    assert planted.materialize(monitoring.production_traces, monitoring.feedback_dataset, fit).success
    accepted = [datasets.accepted_feedback, dataset_checks.accepted_feedback_is_fit_to_learn_from]
    assert planted.materialize(*accepted, datasets.instruct_dataset, datasets.preference_dataset).success
    planted.store.materialize("feedback_dataset", "planted", lambda: Table(_tampered(planted)), planted.twin)
    rows = planted.store.read("feedback_dataset", planted.twin)

    @dg.asset(name="feedback_dataset", partitions_def=monitoring.TWIN)
    def as_it_is() -> None:
        """Leaves the rows alone, of which one was tampered with."""

    assert not planted.materialize(as_it_is, fit).success
    assert CANARIES[0] in rows.to_csv()
    alerting = Alerting(Settings(home=planted.store.home, alert_urls="json://127.0.0.1:1/nobody"))
    for alert in news(planted.instance, position):
        alerting.queue(alert)
    return "\n".join(_texts(planted.store.home / "alerts"))


def _tampered(planted):
    """The rows with one canary in them; as they were, with what was left out, they are kept for the tests."""
    planted.rows, planted.left = (
        planted.store.read("feedback_dataset", planted.twin),
        planted.store.rejected(),
    )
    rows = planted.rows.copy()
    rows.loc[0, "instruction"] = f"Who is {CANARIES[0]}?"
    return rows


def _texts(folder):
    return [file.read_text(errors="replace") for file in folder.rglob("*") if file.is_file()]


def test_every_canary_is_one_that_redaction_knows_and_stands_in_the_requests(seen):
    planted, _ = seen
    rows = planted.store.read("production_traces", planted.twin).to_csv()
    for canary in CANARIES:
        assert findings(f"It is {canary} for now."), canary
        assert canary in rows


@pytest.mark.parametrize("canary", CANARIES, ids=["mail", "phone", "card", "iban", "ip", "key", "token"])
def test_it_is_in_no_dataset_log_alert_or_exported_record(seen, canary):
    planted, found = seen
    for name in LEARNED:
        rows = planted.rows if name == "feedback_dataset" else planted.store.read(name, planted.twin)
        assert len(rows), name
        assert canary not in rows.to_csv(), name
        stored = (planted.store.folder(name, planted.twin) / "part.parquet").read_bytes()
        assert name == "feedback_dataset" or canary.encode() not in stored
    for where, text in found.items():
        assert canary not in text, where
    assert canary not in planted.left.to_csv()


def test_what_was_asked_reached_training_and_opik_in_its_place(seen):
    planted, found = seen
    assert any("<" in asked for asked in planted.rows["instruction"])
    assert found["opik"].count("<EMAIL>") > 3
    assert "feedback_is_fit_to_learn_from" in found["alerts"]
    assert "<TOKEN>" in found["runs"] or "<KEY>" in found["runs"], "the preview shows the newest requests"


def test_an_evaluation_question_replayed_in_production_never_enters_training(seen):
    planted, _ = seen
    refused = set(planted.left[planted.left["reason"] == "evaluation_question"]["item_id"])
    assert refused >= {f"019e5a00-0000-7000-8000-{number:012}" for number in range(50, 59)}
    instruct = planted.store.read("instruct_dataset", planted.twin)
    asked = [*planted.rows["instruction"], *instruct[instruct["split"] == "train"]["instruction"]]
    assert not {normalised(one) for one in asked} & {normalised(one) for one in HELD_OUT}
    assert {*HELD_OUT} <= {*instruct[instruct["split"] != "train"]["instruction"]}
