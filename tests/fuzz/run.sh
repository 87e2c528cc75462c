#!/bin/sh
# Fuzzes every target for a bounded time (default 60 s each), starting from and adding to the kept corpus. $1: build folder, $2: seconds.
set -eu
build=${1:?build folder}
seconds=${2:-60}
cd "$(dirname "$0")/../.."
for program in "$build"/tests/fuzz/fuzz_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    what=$(basename "$program" | sed 's/^fuzz_//')
    work=$(mktemp -d)
    "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "$work" "fixtures/corpus/$what" 2>&1 | tail -n 8
    "$program" -merge=1 "fixtures/corpus/$what" "$work" >/dev/null 2>&1
    rm -rf "$work"
done
