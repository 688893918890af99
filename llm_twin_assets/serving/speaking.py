"""The two ways to say something from passages: quoting them, or freely in the model's own words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llm_twin_assets.serving.engine import Candidate, LoadedTwin, Sampling, Usage
from llm_twin_assets.serving.grounded import prior
from llm_twin_assets.serving.quoting import Citation, Passage, Quotations, cited, follows
from llm_twin_assets.serving.sentences import Sentence, quotable
from llm_twin_assets.training.prompt import written

Emit = Callable[[str], None]


@dataclass(frozen=True)
class Speech:
    """What was said stands in what was emitted; this is what it rests on and what it took."""

    citations: list[Citation]
    usage: Usage


@dataclass(frozen=True)
class Place:
    """A sentence of a passage that may be said, and how near it is to the question (cosine)."""

    passage: Passage
    sentence: Sentence
    similarity: float


def quote(
    twin: LoadedTwin,
    question: str,
    passages: Sequence[Passage],
    similarities: Sequence[Sequence[float]],
    emit: Emit,
) -> Speech:
    """Say whole sentences of the passages, each quotation followed by its mark [n].

    similarities: for each passage, the cosine with the question of each of its quotable sentences.
    """
    message, _ = _message(twin, question, passages)
    places, quotations = _places(passages, similarities), Quotations()

    def tell(at: int) -> None:
        emit(quotations.add(places[at].passage, places[at].sentence))

    decoding = twin.decoding
    usage = twin.engine.quote(
        twin.manifest.adapter,
        message,
        candidates_of(places),
        _limit(twin, message),
        decoding.max_sentences,
        tell,
    )
    if quotations.citations:
        emit(quotations.close())
    return Speech(quotations.citations, usage)


def speak_freely(
    twin: LoadedTwin, question: str, passages: Sequence[Passage], sampling: Sampling, emit: Emit
) -> Speech:
    """Say what the model samples; the citations are the passages it was shown."""
    message, shown = _message(twin, question, passages)
    limit = min(sampling.limit, _limit(twin, message))
    usage = twin.engine.speak(twin.manifest.adapter, message, replace(sampling, limit=limit), emit)
    return Speech([_whole(one) for one in passages[:shown]], usage)


def _whole(passage: Passage) -> Citation:
    return cited(passage, Sentence(passage.text, passage.start, passage.start + len(passage.text)))


def _places(passages: Sequence[Passage], similarities: Sequence[Sequence[float]]) -> list[Place]:
    return [
        Place(passage, sentence, similarity)
        for passage, near in zip(passages, similarities, strict=True)
        for sentence, similarity in zip(quotable(passage.text, passage.start), near, strict=True)
    ]


def candidates_of(places: Sequence[Place]) -> list[Candidate]:
    """What an engine chooses from: each sentence with how much it is wanted and what it follows."""
    return [
        Candidate(
            text=one.sentence.text,
            prior=prior(one.passage.score, one.similarity, one.sentence.is_question),
            follows=_followed(one, places),
        )
        for one in places
    ]


def _followed(one: Place, places: Sequence[Place]) -> int | None:
    for at, other in enumerate(places):
        if other.passage is one.passage and follows(one.passage, other.sentence.end, one.sentence.start):
            return at
    return None


def _message(twin: LoadedTwin, question: str, passages: Sequence[Passage]) -> tuple[str, int]:
    """The user's message, and how many of the passages stand in it; it leaves room for the answer."""

    wanted = min(twin.decoding.max_new_tokens, twin.engine.context // 2)

    def fits(message: str) -> bool:
        return twin.engine.room(twin.manifest.adapter, message) >= wanted

    texts = [(one.title, one.text) for one in passages]
    return written(twin.manifest.prompt, question, texts, fits)


def _limit(twin: LoadedTwin, message: str) -> int:
    return min(twin.decoding.max_new_tokens, twin.engine.room(twin.manifest.adapter, message))
