import pytest


@pytest.fixture(autouse=True)
def cell(request: pytest.FixtureRequest) -> str | None:
    """The cell of a test that `of_cell` marks."""
    return getattr(request, "param", None)
