"""The instruct dataset from what stands in the store, and what its making hangs on."""

from typing import Any

from llm_twin_assets.datasets import judging, synthesis
from llm_twin_assets.datasets.building import dataset
from llm_twin_assets.datasets.instruct import documents_version
from llm_twin_assets.datasets.rows_with_passages import passages_version
from llm_twin_assets.datasets.spending import Prices, Purse
from resources.settings import Settings
from resources.store import Store, Table
from resources.teacher import build_teacher
from resources.teacher_cache import CachedTeacher, TeacherCache
from resources.twins import Twin


def instruct_inputs(settings: Settings, store: Store, author: str) -> list[Any]:
    """Everything that would make other rows: the author's texts, and who writes the instructions."""
    documents, chunks = store.read("cleaned_documents"), store.read("cleaned_chunks")
    made_of = [documents_version(documents, author), passages_version(documents, chunks, author)]
    if not settings.teacher_url:
        return made_of
    how = [settings.teacher_model, synthesis.VERSION, judging.VERSION, settings.teacher_cost_cap]
    return [*made_of, *how]


def make_instruct_rows(store: Store, twin: Twin, purse: Purse | None) -> Table:
    """The twin's rows; raises CostCapError where a teacher would cost more than it may."""
    documents, chunks = store.read("cleaned_documents"), store.read("cleaned_chunks")
    return dataset(documents, chunks, twin.name, twin.author, purse)


def purse_of(settings: Settings) -> Purse | None:
    """The teacher that the settings name, with what it may cost; None where there is none."""
    teacher = build_teacher(settings)
    if teacher is None:
        return None
    prices = Prices(settings.teacher_input_price, settings.teacher_output_price, settings.teacher_cost_cap)
    return Purse(CachedTeacher(teacher, TeacherCache(settings.home)), prices)
