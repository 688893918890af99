"""What the making of an instruct dataset hangs on, and who may help with it."""

from typing import Any

import pandas as pd

from llm_twin_assets.datasets import judging, synthesis
from llm_twin_assets.datasets.instruct import documents_version
from llm_twin_assets.datasets.rows_with_passages import passages_version
from llm_twin_assets.datasets.spending import Prices, Purse
from resources.settings import Settings
from resources.teacher import build_teacher
from resources.teacher_cache import CachedTeacher, TeacherCache


def instruct_inputs(
    settings: Settings, documents: pd.DataFrame, chunks: pd.DataFrame, author: str
) -> list[Any]:
    """Everything that would make other rows: the author's texts, and who writes the instructions."""
    made_of = [documents_version(documents, author), passages_version(documents, chunks, author)]
    if not settings.teacher_url:
        return made_of
    how = [settings.teacher_model, synthesis.VERSION, judging.VERSION, settings.teacher_cost_cap]
    return [*made_of, *how]


def purse_of(settings: Settings) -> Purse | None:
    """The teacher that the settings name, with what it may cost; None where there is none."""
    teacher = build_teacher(settings)
    if teacher is None:
        return None
    prices = Prices(settings.teacher_input_price, settings.teacher_output_price, settings.teacher_cost_cap)
    return Purse(CachedTeacher(teacher, TeacherCache(settings.local)), prices)
