"""A lock that somebody else keeps for good."""


class TakenLock:
    """Is never had; notes how long each caller would have waited for it, in seconds."""

    def __init__(self) -> None:
        self.waited_for: list[float] = []

    def acquire(self, *, timeout: float) -> bool:
        self.waited_for.append(timeout)
        return False

    def release(self) -> None:
        raise RuntimeError("released by somebody who does not hold it")
