"""What the tests with real databases share: one server for each test process."""

from collections.abc import Iterator

import pytest

from tests.support.postgres_server import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server
