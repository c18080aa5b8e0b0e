#!/usr/bin/env bash
# Signals from another language: one awk reads the bundled quotes and writes signals, trading-bot trades them, and a
# second awk reads the results and events that come out. Everything between them is one JSON object a line.
#
# The rule buys a share that is 0.6 % below its highest price of the day and sells it 0.4 % above what it cost. It is no
# advice. A replay reads all signals first and trades each at its time; for your own account leave --replay and --quotes
# out: `my_program | trading-bot --json run --signals -` trades each line as it comes and tells of each fill as it comes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
quotes=$root/src/trading_bot/demo/quotes.jsonl
PATH=$root/.venv/bin:$PATH
unset TRADING_BOT_STATE_DIR TRADING_BOT_LOGS_DIR # a new paper account, gone at the end
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/config.json" <<'JSON'
{"trading": {"calendar": "NYSE"}, "order_management": {"pricing": "marketable", "poll_interval_seconds": 60},
 "logs_dir": "logs", "state_dir": "state"}
JSON

signals_of_quotes() {
    awk -F'"' '# a quote is {"at":"2026-...","symbol":"AAPL","bid":"271.14","ask":"271.15",...
        function signal(action, price, reason) {
            printf "{\"at\":\"%s\",\"symbol\":\"%s\",\"action\":\"%s\",\"shares\":20,", at, symbol, action
            printf "\"price\":\"%s\",\"reason\":\"%s\"}\n", price, reason
        }
        { at = $4; symbol = $8; bid = $12 + 0; ask = $16 + 0 }
        bid > high[symbol] { high[symbol] = bid }
        !cost[symbol] && ask < 0.994 * high[symbol] { cost[symbol] = ask; signal("buy", $16, "0.6 % below its high") }
        !sold[symbol] && cost[symbol] && bid > 1.004 * cost[symbol] { sold[symbol] = 1; signal("sell", $12, "0.4 % up") }
    ' "$1"
}

summary_of_lines() {
    awk 'function value(key) { # a text of this line; amounts are texts too, so that no program rounds them unasked
            if (!match($0, "\"" key "\": \"[^\"]*")) return ""
            return substr($0, RSTART + length(key) + 5, RLENGTH - length(key) - 5)
        }
        value("event") == "signal_result" { results[value("status")]++ }
        value("event") == "order_filled" {
            fills++
            money[value("side")] += value("quantity") * value("price")
            printf "%s  %-4s %3d %-5s", substr(value("at"), 12, 5), value("side"), value("quantity"), value("symbol")
            printf " at %.2f\n", value("price")
        }
        END {
            for (status in results) printf "%d %s, ", results[status], status
            printf "%d fills, bought for %.2f, sold for %.2f\n", fills, money["buy"], money["sell"]
        }'
}

signals_of_quotes "$quotes" |
    trading-bot -c "$folder/config.json" --json run --signals - --replay --quotes "$quotes" |
    summary_of_lines
