"""Word 5-grams of a text, and which of many texts share enough of them to be worth comparing."""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

# Part of what a stored signature was made with: change it whenever signatures change.
SIGNER = "1"
WORDS = 5
BANDS = 85
ROWS = 3
_PERMUTATIONS = BANDS * ROWS
_SEED = 20
_SAMPLED = 4
_RARE = 20
_SHARE = 8
_CROWD = 50
_OTHER = re.compile(r"[\W_]+")

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Owners = npt.NDArray[np.signedinteger]


def normalised(text: str) -> str:
    """The text's words, case-folded, one space apart; what is no letter or digit is left out."""
    return _OTHER.sub(" ", text.casefold()).strip()


def words(text: str) -> list[str]:
    """The words of the normalised text; of a text without a letter or digit, its runs of marks."""
    return normalised(text).split() or text.split()


def shingles(text: str) -> Hashes:
    """The text's word 5-grams as sorted 64-bit hashes, each once; never none.

    Two different 5-grams have the same hash with probability 2^-64, so sets of these hashes are
    compared as the 5-grams would be. Less than five words are one shingle.
    """
    found = words(text)
    grams = {" ".join(found[at : at + WORDS]) for at in range(max(1, len(found) - WORDS + 1))}
    hashes = b"".join(blake2b(gram.encode(), digest_size=8).digest() for gram in grams)
    return np.unique(np.frombuffer(hashes, "<u8"))


def signature(text: str) -> bytes:
    """What `candidates` knows of a text: 1,020 bytes, and about one more for every word.

    First MinHash (Broder 1997) values of the shingles, 255 little-endian 32-bit numbers: the share
    of places where two texts agree estimates their Jaccard similarity. Then, as 32-bit numbers, the
    shingles whose hash is divisible by four, Broder's modulo sketch, which unlike MinHash also
    shows that a short text stands within a long one.
    """
    from rensa import RMinHash

    hashes = shingles(text)
    matrix = RMinHash.digest_matrix_from_token_hash_sets([hashes.tolist()], _PERMUTATIONS, _SEED)
    sample = np.unique(hashes[hashes % _SAMPLED == 0] >> 32)
    return np.array(matrix.to_rows()[0], "<u4").tobytes() + sample.astype("<u4").tobytes()


def candidates(signatures: Sequence[bytes]) -> Rows:
    """The pairs of texts to compare, as rows (smaller index, greater index), ascending.

    Banding: 85 bands of 3 values miss a pair of Jaccard similarity s with probability
    (1 - s^3)^85: 3e-16 at 0.7, 1e-5 at 0.5, 0.4 % at 0.4, 10 % at 0.3. Unrelated texts (s = 0.002)
    meet with probability 7e-7. The sketches propose in addition who shares an eighth of the smaller
    one's sampled shingles, counting those that at most 20 texts have: for s shared shingles
    that are so rare, none is sampled with probability 0.75^s (0.03 % at 28).

    Time and memory grow with the number of texts, whatever they are: where more than 50 meet in a
    band, they are all compared with the first of them only, so give first what shall be kept.
    """
    size, total = 4 * _PERMUTATIONS, len(signatures)
    everyone = np.arange(total)
    values = np.array([np.frombuffer(text[:size], "<u4") for text in signatures], np.uint32)
    found = _by_sketch([np.frombuffer(text[size:], "<u4") for text in signatures])
    for band in values.reshape(total, BANDS, ROWS).swapaxes(0, 1):
        rows, starts, lengths = _runs(_band_key(band.astype(np.uint64)), everyone)
        crowds = lengths > _CROWD
        met = [
            _pairs(rows, starts[~crowds], lengths[~crowds], total),
            _with_first(rows, starts[crowds], lengths[crowds], total),
        ]
        found = np.union1d(found, np.concatenate(met)) if starts.size < total else found
    return np.stack(np.divmod(found, max(1, total)), axis=1)


def _band_key(band: Hashes) -> Hashes:
    """One number for the values of a band; that two bands share one by chance costs a comparison."""
    return (band[:, 0] << np.uint64(32) | band[:, 1]) ^ band[:, 2] * np.uint64(0x9E3779B97F4A7C15)


def _by_sketch(samples: list[npt.NDArray[np.uint32]]) -> Rows:
    """Pairs (written as `_pairs` does) that share enough of the smaller one's sampled shingles."""
    sizes = np.array([len(sample) for sample in samples], np.int64)
    owners = np.repeat(np.arange(len(samples), dtype=np.int32), sizes)
    rows, starts, lengths = _runs(np.concatenate([np.empty(0, np.uint32), *samples]), owners)
    rare = lengths <= _RARE
    shared = _pairs(rows, starts[rare], lengths[rare], len(samples))
    pairs, counts = np.unique(shared, return_counts=True)
    one, other = np.divmod(pairs, max(1, len(samples)))
    return pairs[counts * _SHARE >= np.minimum(sizes[one], sizes[other])]


def _runs(keys: npt.NDArray[np.unsignedinteger], rows: Owners) -> tuple[Owners, Rows, Rows]:
    """The rows with equal keys side by side and ascending, where each such run starts, and its length."""
    # Stable: rows that come ascending stay so within a run.
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] + 1))
    return rows[order], starts, np.diff(starts, append=len(keys))


def _pairs(rows: Owners, starts: Rows, lengths: Rows, total: int) -> Rows:
    """Every pair of rows within a run, as smaller * total + greater."""
    pairs = [np.empty(0, np.int64)]
    for length in np.unique(lengths[lengths > 1]):
        members = rows[starts[lengths == length, None] + np.arange(length)].astype(np.int64)
        one, other = np.triu_indices(length, 1)
        pairs.append((members[:, one] * total + members[:, other]).ravel())
    return np.concatenate(pairs)


def _with_first(rows: Owners, starts: Rows, lengths: Rows, total: int) -> Rows:
    """The pairs of each run's first row with every other of the run, written the same way."""
    pairs = [np.empty(0, np.int64)]
    for start, length in zip(starts, lengths, strict=True):
        pairs.append(int(rows[start]) * total + rows[start + 1 : start + length].astype(np.int64))
    return np.concatenate(pairs)
