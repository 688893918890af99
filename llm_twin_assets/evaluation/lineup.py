"""Who is compared on what: everything that a twin's evaluation depends on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.evaluation.answers import GENERATING
from llm_twin_assets.evaluation.gate import Contest
from llm_twin_assets.evaluation.guarding import GUARDED
from llm_twin_assets.evaluation.judge import JUDGING
from llm_twin_assets.evaluation.prompts import Prompt, Sight, chosen, injected
from llm_twin_assets.evaluation.scoring import Candidate
from llm_twin_assets.retrieval.search import Searcher
from resources.embedder import Embedder
from resources.reranker import build_reranker
from resources.settings import Settings
from resources.teacher import Teacher, build_teacher
from resources.twins import Twin
from resources.vector_store import VectorStore

# Scores measured another way must not be compared with these.
SCORING: Final = "bits per byte, windows of 512 tokens or the model's context, half overlapping; 1"
# The smallest gain worth a release, in bits per byte: half a percent of what the bundled model needs.
WORTHWHILE: Final = 0.01
# How answers are made and judged.
PROCEDURE: Final = digest("1", GENERATING, JUDGING, WORTHWHILE, [asdict(one) for one in GUARDED], injected())
_NO_TEXTS: Final = pd.DataFrame({"author": [], "text": [], "content_hash": []}, dtype="string")


@dataclass(frozen=True)
class Asking:
    """What is needed beside models and documents: prompts, and what helps to answer and to judge them.

    public: what the author publishes of themself. index_id: the index that retrieval searches. Without a
    searcher there are no arms with retrieval, without a teacher no judge.
    """

    prompts: Sequence[Prompt] = ()
    public: Sequence[str] = ()
    searcher: Searcher | None = None
    index_id: str | None = None
    teacher: Teacher | None = None

    @property
    def inputs(self) -> str:
        """A hash of everything that changes an answer or a judgement."""
        judge = self.teacher.model if self.teacher else None
        return digest(PROCEDURE, list(map(asdict, self.prompts)), sorted(self.public), self.index_id, judge)


NOTHING: Final = Asking()


@dataclass(frozen=True)
class Lineup:
    """Everything a decision depends on: models, the champion's release, test documents and prompts.

    learned: author, text and content_hash of what models may have learned from. hidden: the documents
    that retrieval must not show.
    """

    base: Candidate
    challenger: Candidate
    champion: Candidate | None
    release_id: str | None
    is_quarantined: bool
    documents: pd.DataFrame
    author: str = ""
    learned: pd.DataFrame = field(default_factory=_NO_TEXTS.copy)
    hidden: frozenset[str] = frozenset()
    asking: Asking = NOTHING

    @property
    def contest(self) -> Contest:
        """What the gate looks at before any model is run."""
        champion = self.champion.version if self.champion else None
        return Contest(self.challenger.version, champion, self.is_quarantined, len(self.documents))

    @property
    def candidates(self) -> dict[str, Candidate]:
        """The models by the names of their arms; a champion that is the challenger stands only there."""
        models = {"base": self.base, "champion": self.champion, "tuned": self.challenger}
        if self.contest.champion == self.challenger.version:
            del models["champion"]
        return {name: model for name, model in models.items() if model}

    @property
    def sight(self) -> Sight | None:
        """What retrieval sees, None where there is nothing to search."""
        asking = self.asking
        if asking.searcher is None or asking.index_id is None:
            return None
        return Sight(asking.searcher, self.author, self.hidden, asking.index_id)

    @property
    def texts_hash(self) -> str:
        """A hash of the training texts and whose they are."""
        return digest(self.learned[["author", "content_hash"]].astype(object).to_numpy().tolist())

    @property
    def inputs(self) -> str:
        """A hash that is equal exactly where the evaluation would be the same."""
        test = self.documents[["document_id", "content_hash"]].astype(object).to_numpy().tolist()
        models = [self.base.version, self.release_id, asdict(self.contest)]
        return digest(SCORING, models, test, self.texts_hash, sorted(self.hidden), self.asking.inputs)


def asking(
    rows: pd.DataFrame, public: Sequence[str], searcher: Searcher | None, teacher: Teacher | None = None
) -> Asking:
    """What a twin is asked, from its instruct rows, and with what: the live index, and a judge or none."""
    index_id = searcher.vectors.live() if searcher else None
    return Asking(chosen(rows), public, searcher, index_id, teacher)


def asking_of(
    settings: Settings, rows: pd.DataFrame, twin: Twin, embedder: Embedder, vectors: VectorStore
) -> Asking:
    """What a twin is asked, searched for as readers search, but by rules alone so that it is repeatable."""
    reranker, wordings = build_reranker(settings), settings.wordings
    searcher = Searcher(embedder, vectors, reranker=reranker, most_wordings=wordings)
    return asking(rows, twin.public, searcher, build_teacher(settings))
