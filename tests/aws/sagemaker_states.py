"""What the parts of the stand-in share: a clock that is moved by hand, errors, and lives that it drives."""

from datetime import UTC, datetime

ACCOUNT, REGION = "123456789012", "eu-west-1"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


class Fault(Exception):
    """An answer that is an error: its code, its words and its status."""

    def __init__(self, code, words, status=400):
        self.code, self.words, self.status = code, words, status
        super().__init__(words)


def invalid(words):
    return Fault("ValidationException", words)


def arn(kind, name):
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


class Clock:
    """Seconds since the beginning. Every look at something moves it by `tick`, so that who waits gets on."""

    def __init__(self, tick=0.0):
        self.now, self.tick = 0.0, tick

    @property
    def stamp(self):
        """The moment as the wire has it."""
        return BEGIN + self.now

    def advance(self, seconds):
        self.now += seconds


class Living:
    """Something whose state changes with the clock: `life` is a generator that goes on as far as it can."""

    def __init__(self, clock):
        self.clock, self.created, self.modified = clock, clock.stamp, clock.stamp
        self._life = None

    def begin(self, life):
        self._life = life
        self.settle()

    def settle(self):
        """One step for each state that is over; a state begins when the one before is seen to be over."""
        before = object()
        while self._life is not None and before != self.state:
            before = self.state
            try:
                next(self._life)
            except StopIteration:
                self._life = None
        return self

    def waiting(self, seconds, unless=lambda: False):
        until = self.clock.now + seconds
        while self.clock.now < until and not unless():
            yield
