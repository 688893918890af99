"""A candidate index against the live one, query by query, from their reports.

Every document that is added competes with those that were there, so the plain numbers of a growing
corpus fall although nothing is wrong with the index. Whether the index itself has become worse is
therefore asked of the same documents on both sides; that new ones crowd out old ones is told apart.
"""

from dataclasses import dataclass
from typing import Any

from llm_twin_assets.retrieval.measuring import FEWEST_QUERIES, Interval, interval

Report = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Paired nDCG@10 differences, candidate minus live, over the queries that both answered.

    worse: the upper end of the 95 % interval is below 0. Without a live report or with too few
    queries nothing is shown, and `difference` is None.
    """

    worse: bool
    reason: str
    queries: int = 0
    difference: Interval | None = None

    def numbers(self) -> dict[str, float]:
        """The comparison as metadata."""
        numbers: dict[str, float] = {"common_queries": self.queries}
        if self.difference is not None:
            found = self.difference
            numbers |= {"mean_difference": found.mean, "low": found.low, "high": found.high}
        return numbers


def index_against_live(candidate: Report, live: Report | None) -> Comparison:
    """Whether the index finds worse than the live one did among the documents that both have.

    Asked of the read path, where the headings that are asked for were taken out, and of the index's
    own vectors, which hold them: a damaged vector is noticed there.
    """
    found = _compare(candidate, live, "ndcg_as_live", "ndcg")
    stored = _compare(candidate, live, "stored_ndcg_as_live", "stored_ndcg", "of its own vectors ")
    return stored if stored.worse and not found.worse else found


def corpus_against_live(candidate: Report, live: Report | None) -> Comparison:
    """Whether readers find worse than before, crowding by new documents included."""
    return _compare(candidate, live, "ndcg", "ndcg")


def _compare(candidate: Report, live: Report | None, new: str, old: str, whose: str = "") -> Comparison:
    """Column `new` of the candidate's queries against column `old` of the live index's."""
    if candidate["state"] == "insufficient":
        return Comparison(False, _insufficient(f"{len(candidate['queries'])} queries"))
    if live is None:
        return Comparison(False, "nothing was live to compare with")
    if live["index_id"] == candidate["index_id"]:
        return Comparison(False, "this index is the live one")
    if live["procedure"] != candidate["procedure"]:
        return Comparison(False, f"the live index was measured another way: {live['procedure']}")
    before = {one["query"]: one[old] for one in live["queries"]}
    pairs = [(one[new], before[one["query"]]) for one in candidate["queries"] if one["query"] in before]
    if len(pairs) < FEWEST_QUERIES:
        return Comparison(False, _insufficient(f"{len(pairs)} queries in common"), len(pairs))
    return _verdict([one - other for one, other in pairs], whose)


def _verdict(differences: list[float], whose: str) -> Comparison:
    found, count = interval(differences), len(differences)
    worse = found.high < 0
    verdict = "worse than the live index" if worse else "not worse than the live index"
    numbers = f"{found.mean:+.4f}, 95 % interval [{found.low:+.4f}, {found.high:+.4f}]"
    return Comparison(worse, f"{verdict}: nDCG@10 {whose}{numbers}, {count} queries", count, found)


def _insufficient(found: str) -> str:
    return f"insufficient: {found}, at least {FEWEST_QUERIES} are needed"
