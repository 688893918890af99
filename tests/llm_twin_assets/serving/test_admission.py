"""Admission on a real event loop: bounds, order, and no slot lost whoever comes, goes or gives up."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.admission import Admission, Busy


class Crowd:
    """People at an admission: each is a task that holds its slot until it is told to finish."""

    def __init__(self, running, waiting, per_key):
        self.admission = Admission(running, waiting, per_key)
        self.tasks = []
        self.inside = []
        self.admitted = []

    async def arrive(self, key=None):
        """Its number, or None where it was sent away."""
        number, finish = len(self.tasks), asyncio.Event()
        task = asyncio.create_task(self._stay(number, key, finish))
        self.tasks.append((task, finish))
        await settled()
        refused = task.done() and isinstance(task.exception(), Busy)
        return None if refused else number

    async def _stay(self, number, key, finish):
        async with self.admission.admitted(key):
            self.inside.append(number)
            self.admitted.append(number)
            try:
                await finish.wait()
            finally:
                self.inside.remove(number)

    async def finish(self, number):
        self.tasks[number][1].set()
        await settled()

    async def give_up(self, number):
        self.tasks[number][0].cancel()
        await settled()

    async def leave(self):
        for task, _ in self.tasks:
            task.cancel()
        await asyncio.gather(*(task for task, _ in self.tasks), return_exceptions=True)


async def settled():
    """Every task has gone on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_so_many_run_so_many_wait_and_the_next_is_sent_away():
    async def scene():
        crowd = Crowd(2, 3, 100)
        assert [await crowd.arrive() for _ in range(6)] == [0, 1, 2, 3, 4, None]
        assert crowd.inside == [0, 1]
        assert (crowd.admission.running, crowd.admission.waiting) == (2, 3)
        await crowd.leave()
        assert (crowd.admission.running, crowd.admission.waiting) == (0, 0)

    asyncio.run(scene())


def test_who_waits_is_admitted_in_order():
    async def scene():
        crowd = Crowd(1, 5, 100)
        for _ in range(5):
            await crowd.arrive()
        await crowd.give_up(2)
        for number in (0, 1, 3, 4):
            assert crowd.inside == [number]
            await crowd.finish(number)
        assert crowd.admitted == [0, 1, 3, 4]

    asyncio.run(scene())


def test_without_a_queue_one_more_than_may_run_is_sent_away():
    async def scene():
        crowd = Crowd(1, 0, 100)
        assert [await crowd.arrive(), await crowd.arrive()] == [0, None]
        await crowd.finish(0)
        assert await crowd.arrive() == 2
        await crowd.leave()

    asyncio.run(scene())


def test_one_key_has_no_more_than_its_share_and_those_without_keys_are_not_one():
    async def scene():
        crowd = Crowd(2, 10, 3)
        assert [await crowd.arrive("ada") for _ in range(4)] == [0, 1, 2, None]
        assert await crowd.arrive("ben") == 4
        assert [await crowd.arrive(None) for _ in range(5)] == [5, 6, 7, 8, 9]
        await crowd.finish(0)
        assert await crowd.arrive("ada") == 10, "a slot of its share is free again"
        await crowd.give_up(10)
        assert await crowd.arrive("ada") == 11
        await crowd.leave()
        assert not crowd.admission._of_key, "a key that has gone is still counted"

    asyncio.run(scene())


def test_a_failed_answer_gives_its_slot_back():
    async def scene():
        admission = Admission(1, 0, 1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with admission.admitted("ada"):
                    raise ZeroDivisionError
        assert admission.running == 0

    asyncio.run(scene())


def _refused(admission):
    async def asked():
        with pytest.raises(Busy) as caught:
            async with admission.admitted(None):
                pass
        return caught.value

    return asked()


def test_retry_after_is_what_the_answers_took_times_the_place_in_the_queue():
    async def scene(monkeypatch):
        now, loop = [0.0], asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: now[0])
        crowd = Crowd(2, 3, 100)
        assert await crowd.arrive() == 0
        now[0] = 10.0
        await crowd.finish(0)
        for _ in range(5):
            await crowd.arrive()
        error = await _refused(crowd.admission)
        assert error.retry_after == 20, "(3 who wait + 1) times 10 s, two at a time"
        assert "3 questions wait already" in str(error)
        now[0] = 10.5
        await crowd.finish(1)
        await crowd.arrive()
        # The mean is 10 + 0.1 * (0.5 - 10) = 9.05 now, and 9.05 * 4 / 2 rounds up to 19.
        assert (await _refused(crowd.admission)).retry_after == 19
        await crowd.leave()

    with pytest.MonkeyPatch.context() as monkeypatch:
        asyncio.run(scene(monkeypatch))


def test_retry_after_is_at_least_a_second():
    async def scene():
        crowd = Crowd(1, 0, 1)
        await crowd.arrive()
        assert (await _refused(crowd.admission)).retry_after == 1
        await crowd.finish(0)
        await crowd.arrive()
        assert (await _refused(crowd.admission)).retry_after == 1
        await crowd.leave()

    asyncio.run(scene())


STEPS = st.lists(
    st.tuples(st.sampled_from(["arrive", "arrive", "finish", "give_up", "swap"]), st.integers(0, 50)),
    max_size=60,
)


@given(STEPS, st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
def test_no_sequence_exceeds_the_bounds_or_loses_a_slot(steps, running, waiting, per_key):
    asyncio.run(_played(steps, running, waiting, per_key))


async def _played(steps, running, waiting, per_key):
    """The crowd agrees at each step with a queue kept by hand: who is in, and who is sent away."""
    crowd = Crowd(running, waiting, per_key)
    present = []  # (number, key), in the order of arrival: the first `running` of it hold the slots

    async def leave(number, how):
        present[:] = [one for one in present if one[0] != number]
        await how(number)

    for step, value in steps:
        if step == "arrive":
            key = ["ada", "ben", None][value % 3]
            full = len(present) >= running + waiting
            of_key = [one for one in present if key is not None and one[1] == key]
            came = await crowd.arrive(key)
            assert (came is None) == (full or len(of_key) >= per_key)
            if came is not None:
                present.append((came, key))
        elif step == "finish" and crowd.inside:
            await leave(crowd.inside[value % len(crowd.inside)], crowd.finish)
        elif step == "give_up" and present:
            await leave(present[value % len(present)][0], crowd.give_up)
        elif step == "swap" and len(present) > running:
            await _given_up_when_granted(crowd, present, running)
        assert sorted(crowd.inside) == sorted(number for number, _ in present[:running])
        assert crowd.admission.running == min(len(present), running)
        assert crowd.admission.waiting == max(0, len(present) - running)
    await crowd.leave()
    assert (crowd.admission.running, crowd.admission.waiting) == (0, 0)
    assert [await crowd.arrive() for _ in range(running)] == list(
        range(len(crowd.tasks) - running, len(crowd.tasks))
    )
    assert len(crowd.inside) == running, "a slot was lost"
    await crowd.leave()


async def _given_up_when_granted(crowd, present, running):
    """One finishes, and the one who gets its slot gives up before it could run."""
    first, next_one = present[0][0], present[running][0]
    crowd.tasks[first][1].set()
    await asyncio.sleep(0)
    crowd.tasks[next_one][0].cancel()
    await settled()
    present[:] = [one for one in present if one[0] not in (first, next_one)]
