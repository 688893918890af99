"""A process's messages are read whole, however they come into the file."""

import threading

from llm_twin_assets.pipes import lines
from tests.waiting import wait_until


def test_a_line_that_is_half_written_is_waited_for(tmp_path):
    path, complete, read = tmp_path / "messages", threading.Event(), []
    path.write_text("")
    reader = threading.Thread(target=lambda: read.extend(lines(str(path), complete)), daemon=True)
    reader.start()
    with path.open("a") as file:
        for piece in ('{"a', '": 1}', "\n", '{"b": 2}\n{"c"', ": 3}\n"):
            file.write(piece)
            file.flush()
            threading.Event().wait(0.03)
    complete.set()
    wait_until(lambda: not reader.is_alive(), 10)
    assert read == ['{"a": 1}\n', '{"b": 2}\n', '{"c": 3}\n']


def test_what_is_there_when_the_process_ends_is_read_and_a_half_line_is_not(tmp_path):
    path, complete = tmp_path / "messages", threading.Event()
    path.write_text("one\ntwo\nhal")
    complete.set()
    assert list(lines(str(path), complete)) == ["one\n", "two\n"]
