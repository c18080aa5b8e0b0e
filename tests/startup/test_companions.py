"""What goes beside a bot begins after it, ends before it, and can neither stop it nor each other."""

from dataclasses import dataclass, field

from trading_bot.startup.companions import CompanionError, Companions


@dataclass
class _Companion:
    name: str
    told: list[str]
    problem: str | None = None
    patience: list[float] = field(default_factory=list)

    def start(self):
        if self.problem:
            raise CompanionError(self.problem)
        self.told.append(f"start {self.name}")

    def stop(self, *, timeout_s):
        self.patience.append(timeout_s)
        self.told.append(f"stop {self.name}")


def test_the_last_one_that_began_ends_first():
    told: list[str] = []
    companions = Companions(lambda: {name: _Companion(name, told) for name in ("a", "b")}, patience_s=3)

    companions.start()
    companions.stop()

    assert told == ["start a", "start b", "stop b", "stop a"]


def test_one_that_cannot_begin_keeps_no_other_from_beginning_and_is_not_ended():
    told: list[str] = []
    made = {"a": _Companion("a", told, problem="its port is taken"), "b": _Companion("b", told)}
    companions = Companions(lambda: made, patience_s=3)

    companions.start()
    companions.stop()

    assert told == ["start b", "stop b"]
    assert made["b"].patience == [3]


def test_what_was_ended_is_not_ended_again():
    told: list[str] = []
    companions = Companions(lambda: {"a": _Companion("a", told)}, patience_s=3)
    companions.start()

    companions.stop()
    companions.stop()

    assert told == ["start a", "stop a"]
