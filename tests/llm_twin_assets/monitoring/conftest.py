"""One thread for linear algebra: with matrices so small, several wait for each other more than they work."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    with threadpool_limits(1, "blas"):
        yield
