"""The two ways to say something from passages: quoting them, or freely in the model's own words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llm_twin_assets.serving.engine import LoadedTwin
from llm_twin_assets.serving.grounded import Candidate, Chooser, GroundedLogitsProcessor, spelled, unambiguous
from llm_twin_assets.serving.grounded import prior as prior_of
from llm_twin_assets.serving.quoting import Citation, Passage, Quotations, cited, follows
from llm_twin_assets.serving.sentences import Sentence, quotable
from llm_twin_assets.training.prompt import written

Emit = Callable[[str], None]


@dataclass(frozen=True)
class Speech:
    """What was said stands in what was emitted; this is what it rests on and what it took."""

    citations: list[Citation]
    prompt_tokens: int
    completion_tokens: int


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
    adapter, engine = twin.manifest.adapter, twin.engine
    prompt, _ = _prompt(twin, question, passages)
    room = _room(twin, len(prompt))
    candidates = candidates_of(twin, passages, similarities)
    chooser = Chooser(candidates, engine.end(adapter), room, twin.decoding.max_sentences)
    teller = _Teller(chooser, passages, emit)
    processor = GroundedLogitsProcessor(chooser, len(prompt))
    engine.generate(adapter, prompt, teller.take, room, do_sample=False, logits_processor=[processor])
    return Speech(teller.finish(), len(prompt), len(teller.tokens))


def speak_freely(twin: LoadedTwin, question: str, passages: Sequence[Passage], emit: Emit) -> Speech:
    """Say what the model samples; the citations are the passages it was shown."""
    adapter, engine, decoding = twin.manifest.adapter, twin.engine, twin.decoding
    prompt, shown = _prompt(twin, question, passages)
    tokens: list[int] = []
    said = ""

    def take(token: int) -> None:
        nonlocal said
        tokens.append(token)
        text = engine.decode(adapter, tokens).lstrip()
        # Bytes of a character that is not complete yet decode to the replacement character.
        if text.startswith(said) and not text.endswith("\ufffd") and text != said:
            emit(text[len(said) :])
            said = text

    sampling = {"do_sample": True, "temperature": decoding.temperature, "top_p": decoding.top_p}
    engine.generate(adapter, prompt, take, _room(twin, len(prompt)), **sampling)
    return Speech([_whole(one) for one in passages[:shown]], len(prompt), len(tokens))


def _whole(passage: Passage) -> Citation:
    return cited(passage, Sentence(passage.text, passage.start, passage.start + len(passage.text)))


def candidates_of(
    twin: LoadedTwin, passages: Sequence[Passage], similarities: Sequence[Sequence[float]]
) -> list[Candidate]:
    """The sentences that may be said: each spelled in tokens that decode to it, none ambiguous."""
    adapter, engine = twin.manifest.adapter, twin.engine
    found = [
        Candidate(
            sentence=sentence,
            passage=number,
            prior=prior_of(passage.score, similarity, sentence.is_question),
            tokens=spelled(
                sentence.text,
                lambda text: engine.encode(adapter, text),
                lambda tokens: engine.decode(adapter, tokens),
            ),
        )
        for number, passage in enumerate(passages)
        for sentence, similarity in zip(
            quotable(passage.text, passage.start), similarities[number], strict=True
        )
    ]
    kept = [one for one, keep in zip(found, unambiguous(found), strict=True) if keep]
    return [replace(one, follows=_followed(one, kept, passages[one.passage])) for one in kept]


def _followed(one: Candidate, candidates: Sequence[Candidate], passage: Passage) -> int | None:
    for at, other in enumerate(candidates):
        if other.passage == one.passage and follows(passage, other.sentence.end, one.sentence.start):
            return at
    return None


class _Teller:
    """Takes tokens and says each sentence as soon as no other can come of them."""

    def __init__(self, chooser: Chooser, passages: Sequence[Passage], emit: Emit) -> None:
        self.tokens: list[int] = []
        self._chooser = chooser
        self._passages = passages
        self._emit = emit
        self._quotations = Quotations()
        self._told = 0

    def take(self, token: int) -> None:
        self.tokens.append(token)
        finished, begun = self._chooser.read(self.tokens)
        live = self._chooser.live(finished, begun) if begun else []
        decided = finished + (live if len(live) == 1 else [])
        for at in decided[self._told :]:
            candidate = self._chooser.candidates[at]
            self._emit(self._quotations.add(self._passages[candidate.passage], candidate.sentence))
        self._told = len(decided)

    def finish(self) -> list[Citation]:
        if self._quotations.citations:
            self._emit(self._quotations.close())
        return self._quotations.citations


def _prompt(twin: LoadedTwin, question: str, passages: Sequence[Passage]) -> tuple[list[int], int]:
    """The prompt's tokens, and how many of the passages stand in it."""
    adapter, engine = twin.manifest.adapter, twin.engine
    most = engine.context - min(twin.decoding.max_new_tokens, engine.context // 2)

    def fits(message: str) -> bool:
        return len(engine.prompt(adapter, message)) <= most

    texts = [(one.title, one.text) for one in passages]
    message, shown = written(twin.manifest.prompt, question, texts, fits)
    return engine.prompt(adapter, message), shown


def _room(twin: LoadedTwin, prompt_tokens: int) -> int:
    return min(twin.decoding.max_new_tokens, twin.engine.context - prompt_tokens)
