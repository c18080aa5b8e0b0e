"""How long a standby takes to hold an account whose holder was killed, over a real PostgreSQL of this machine.

python -m tests.benchmarks.take_over [LEASE_S] [HORIZON_S]

Expected is what is left of the lease when the holder dies, from two thirds to all of it, plus the send horizon.
"""

import subprocess
import sys

from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_server import running_postgres
from trading_bot.account_in_use import HeldElsewhereError

ROUNDS = 5
_LOOK_EVERY_S = 0.05


def take_over_s(bench: PostgresBench, lease_s: str, horizon_s: str) -> float:
    """Kill a holder, and return how long it takes until another one has opened its journal."""
    command = [sys.executable, "-m", "tests.support.postgres_holder", bench.url, "holder", lease_s, horizon_s]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        if holder.stdin is None or holder.stdout is None:
            raise RuntimeError("the holder has no pipes")
        holder.stdin.write("hold\norder before\n")
        holder.stdin.flush()
        holder.stdout.readline()
        holder.stdout.readline()
        holder.kill()
        died = bench.clock.monotonic()
    heir = bench.lease("heir")
    while True:
        try:
            heir.acquire()
        except HeldElsewhereError as error:
            bench.clock.sleep(min(error.free_in_s, _LOOK_EVERY_S))
        else:
            break
    bench.journal_under(heir).open()
    took = bench.clock.monotonic() - died
    bench.close()
    return took


def main() -> None:
    lease_s, horizon_s = sys.argv[1:] or ("15", "20")
    with running_postgres() as server:
        times = sorted(take_over_s(PostgresBench(server), lease_s, horizon_s) for _ in range(ROUNDS))
    line = f"lease {lease_s} s, send horizon {horizon_s} s: taken over after {times[0]:.1f} to {times[-1]:.1f} s\n"
    sys.stdout.write(line)


if __name__ == "__main__":
    main()
