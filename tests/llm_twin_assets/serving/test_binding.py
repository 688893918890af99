"""Where a server listens, and how it says what is in the way."""

import errno
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from llm_twin_assets.serving import binding
from llm_twin_assets.serving.binding import CannotBind, bound


@pytest.fixture
def taken():
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        yield busy.getsockname()[1]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def test_a_free_port_is_bound_as_it_is_and_zero_means_any():
    wanted = free_port()
    with bound("127.0.0.1", wanted, insists=True) as listener, bound("127.0.0.1", 0) as other:
        assert listener.getsockname() == ("127.0.0.1", wanted)
        assert other.getsockname()[1] not in (0, wanted)


def test_another_port_is_taken_with_a_warning_where_nobody_insists(taken, caplog):
    with caplog.at_level(logging.WARNING), bound("127.0.0.1", taken) as listener:
        assert listener.getsockname()[1] not in (0, taken)
    assert f"port {taken} is taken" in caplog.text
    assert "another one is used" in caplog.text


def test_whoever_insists_hears_the_port_the_process_and_the_mend(taken):
    with pytest.raises(CannotBind) as error:
        bound("127.0.0.1", taken, insists=True)
    said = str(error.value)
    assert said.startswith(f"port {taken} is taken")
    assert said.endswith(": end that, or choose another with LLM_TWIN_PORT")
    if Path("/proc/net/tcp").exists():
        assert f" by process {os.getpid()} (" in said


def test_who_only_has_a_connection_at_that_port_is_not_blamed():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), busy.accept()[0] as accepted:
            holder = subprocess.Popen(
                [sys.executable, "-c", "input()"], pass_fds=[accepted.fileno()], stdin=subprocess.PIPE
            )
            with holder, pytest.raises(CannotBind) as error:
                bound("127.0.0.1", port, insists=True)
    assert f" {holder.pid} (" not in str(error.value)


@pytest.mark.parametrize("insists", [True, False])
def test_an_address_that_is_not_this_machines_is_refused_by_name(insists):
    # 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    with pytest.raises(CannotBind, match=r"LLM_TWIN_HOST is 192\.0\.2\.1: .*an address of this machine"):
        bound("192.0.2.1", 0, insists)


def test_a_host_that_is_no_address_is_refused_by_name():
    with pytest.raises(CannotBind, match=r"LLM_TWIN_HOST is no host: .*write an address as 127\.0\.0\.1"):
        bound("no host", 0)


@pytest.mark.parametrize("insists", [True, False])
def test_a_port_that_is_not_for_this_user_is_said_to_be_that(insists, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    # Whoever runs the tests may be allowed every port.
    monkeypatch.setattr(binding, "_socket", refused)
    with pytest.raises(CannotBind, match=r"port 80 is not for this user: .* with LLM_TWIN_PORT"):
        bound("127.0.0.1", 80, insists)


def test_it_binds_version_six_too():
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with bound("::1", 0) as listener:
        assert listener.family == socket.AF_INET6
