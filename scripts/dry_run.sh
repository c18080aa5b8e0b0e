#!/usr/bin/env bash
# A paper dry run: one process a command, in a new folder, ending with a kill. Prints a table of what came of each step.
#
#   scripts/dry_run.sh [--steps N] [FOLDER]
#
# FOLDER is made by this script and left behind with settings, quotes, state and logs; without one it is a temporary
# folder. --steps N does the first N steps only. The prices stand still, so every run prints the same table; times and
# ids differ. The whole takes about a minute, half of it the kill, which waits until nothing can still arrive.
# PYTHON names another interpreter than the clone's.
# Ends with 2 where an argument is wrong, and with 1, and with all that the command said, where a step does not end as it should.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
command -v "$python" >/dev/null || { echo "there is no $python; run make install first" >&2 && exit 1; }
case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/${python##*/} ;; esac # it is used from another folder
usage() {
    echo "usage: scripts/dry_run.sh [--steps N] [FOLDER]" >&2
    exit 2
}
steps=99
if [ "${1:-}" = --steps ]; then
    [[ ${2:-} =~ ^[0-9]+$ ]] || usage
    steps=$2
    shift 2
fi
case ${1:-} in -*) usage ;; esac
folder=${1:-}
if [ -n "$folder" ]; then mkdir "$folder"; else folder=$(mktemp -d); fi
cd "$folder"

# No setting of the caller's may send the run elsewhere: the environment would beat the file.
for name in $(compgen -e); do
    case $name in TRADING_BOT_*) unset "$name" ;; esac
done
cat >config.json <<'JSON'
{"logs_dir": "logs", "state_dir": "state", "paper": {"quotes_file": "quotes.jsonl"}}
JSON
cat >quotes.jsonl <<'JSON'
{"at":"2026-01-02T14:30:00Z","symbol":"AAPL","bid":"270.01","ask":"270.03","bid_size":500,"ask_size":500}
{"at":"2026-01-02T14:30:00Z","symbol":"MSFT","bid":"470.02","ask":"470.10","bid_size":500,"ask_size":500}
{"at":"2026-01-02T14:30:00Z","symbol":"TSLA","bid":"250.26","ask":"250.34","bid_size":500,"ask_size":500}
JSON
cat >signals.jsonl <<'JSON'
{"symbol":"MSFT","action":"buy","shares":3,"price":"470.00","reason":"dry run","client_order_id":"fourth"}
this line is no signal
JSON

# step CODE PATTERN... -- COMMAND...: run the command. It has to end with CODE and say each extended pattern.
step() {
    local code=0 wanted=$1 pattern part said=
    local patterns=()
    shift
    while [ "$1" != -- ]; do
        patterns+=("$1")
        shift
    done
    shift
    if [ "$steps" -le 0 ]; then return; fi
    steps=$((steps - 1))
    "$python" -m trading_bot --no-input "$@" >said.txt 2>&1 </dev/null || code=$?
    for pattern in "${patterns[@]}"; do
        if [ "$code" != "$wanted" ] || ! part=$(tr -s ' ' <said.txt | grep -E -o -m1 -- "$pattern"); then
            printf '%s\n' "trading-bot $*: exit code $code, expected $wanted and '$pattern'; it said:" >&2
            cat said.txt >&2
            exit 1
        fi
        said="$said; $part"
    done
    printf '| `%s` | %s | %s |\n' "$(shown "$@")" "$code" "${said#; }"
}

# The command as one would type it: in quotes where a word has a blank.
shown() {
    local word line=
    for word in "$@"; do
        case $word in *\ *) word="'$word'" ;; esac
        line="$line $word"
    done
    printf '%s' "${line# }"
}

first=(buy AAPL 10 --reference-price 270.00 --pricing marketable --client-order-id first)

printf '| command | exit | what came of it |\n|---|---|---|\n'
step 0 '^would be sent: .*' 'nothing was sent' -- preview buy AAPL 10 --reference-price 270.00 --pricing marketable
step 0 '^buy 10 AAPL at 270.40 submitted$' -- "${first[@]}"
step 0 '^buy 5 TSLA at 249.93 submitted$' -- buy TSLA 5 --reference-price 250.30 --client-order-id second
step 5 'order first .filled. already stands for this; nothing was sent$' -- "${first[@]}"
step 0 '^filled 10 / 10, average 270.0300$' -- status first
step 0 '^cancelled: TSLA order second$' -- cancel second
step 2 "'AAPL ' is no ticker" -- buy 'AAPL ' 1 --reference-price 270.00
step 2 "'1.5' is no whole number of shares" -- buy AAPL 1.5 --reference-price 270.00
step 0 '^sell 4 AAPL at 269.82 submitted$' -- sell AAPL 4 --reference-price 270.10 --pricing marketable --client-order-id third
step 0 'buy 3 MSFT limit 469.30' 'line 2: not valid JSON' 'still open 1: buy 3 MSFT$' -- run --signals signals.jsonl
step 0 '^1 open, .*' -- sync
step 0 '^symbol held free average' '^AAPL 6 6 270.0300' -- positions
step 0 '^AAPL: 6 shares are sold' -- exit AAPL
step 0 '^order first: filled' 'decided to buy 10 AAPL at 270.40 or better' '10 shares were bought at 270.03' -- audit explain first
step 0 '^NO OPEN ORDERS' 'none of our orders is live .1 ended by this kill.' -- kill --reason 'end of the dry run'
step 5 'not armed.*' -- buy MSFT 1 --reference-price 470.00
step 0 'each follows from the one before it' 'are the same in the audit log' -- audit verify

rm -f said.txt
printf '%s\n' "the account, its settings, quotes, state and logs: $folder" >&2
