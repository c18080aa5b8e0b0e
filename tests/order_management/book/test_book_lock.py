"""The book's lock is let go whole, and had again as deep as before."""

import threading

from trading_bot.order_management.book.book_lock import BookLock

WAITED_S = 10


def is_free(lock: BookLock) -> bool:
    """Whether another thread gets it at once."""
    got: list[bool] = []

    def take() -> None:
        with lock:
            got.append(True)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    thread.join(0.05)
    return bool(got)


def test_it_is_held_however_deep_until_the_outermost_block_ends():
    lock = BookLock()
    with lock:
        with lock:
            pass
        assert not is_free(lock)
    assert is_free(lock)


def test_it_is_let_go_from_any_depth_and_had_again():
    lock = BookLock()
    with lock, lock:
        with lock.released():
            assert is_free(lock)
        assert not is_free(lock)
    assert is_free(lock)


def test_to_let_go_what_somebody_else_holds_does_nothing():
    lock = BookLock()
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            inside.set()
            leave.wait(WAITED_S)

    other = threading.Thread(target=hold, daemon=True)
    other.start()
    assert inside.wait(WAITED_S)
    with lock.released():
        assert not is_free(lock)
    leave.set()
    other.join(WAITED_S)
    assert is_free(lock)
