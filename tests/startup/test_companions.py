"""What goes beside a bot begins after it, ends before it, and can neither stop it nor each other."""

from dataclasses import dataclass, field

from trading_bot.startup.companions import CompanionError, Companions


@dataclass
class _Companion:
    name: str
    told: list[str]
    problem: str | None = None
    defect: str | None = None
    patience: list[float] = field(default_factory=list)

    def start(self):
        if self.problem:
            raise CompanionError(self.problem)
        self.told.append(f"start {self.name}")
        if self.defect == "start":
            raise KeyError(self.name)

    def stop(self, *, timeout_s):
        self.patience.append(timeout_s)
        self.told.append(f"stop {self.name}")
        if self.defect == "stop":
            raise KeyError(self.name)


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


def test_a_defect_of_one_stops_neither_the_bot_nor_the_others_and_what_began_half_way_is_ended():
    told: list[str] = []
    made = {"a": _Companion("a", told), "b": _Companion("b", told, defect="start"), "c": _Companion("c", told)}
    companions = Companions(lambda: made, patience_s=3)

    companions.start()
    companions.stop()

    assert told == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


def test_a_defect_at_the_end_of_one_keeps_no_other_from_ending():
    told: list[str] = []
    made = {"a": _Companion("a", told), "b": _Companion("b", told, defect="stop")}
    companions = Companions(lambda: made, patience_s=3)
    companions.start()

    companions.stop()

    assert told == ["start a", "start b", "stop b", "stop a"]


def test_a_defect_while_they_are_made_leaves_the_bot_without_them():
    def make():
        raise KeyError("made")

    companions = Companions(make, listeners=make, patience_s=3)

    companions.listen()
    companions.start()
    companions.stop()
