#!/bin/sh
# Fuzzes all targets, each for its share of a bounded time, starting from and adding to the kept corpus. $1: build folder, $2: seconds for
# all of them together (default 180). Exits 1 when a target found something; its input is left in the build folder.
set -eu
build=$(cd "${1:?build folder}" && pwd)
seconds=${2:-180}
cd "$(dirname "$0")/../.."
targets=$(find "$build/tests/fuzz" -maxdepth 1 -type f -perm -u+x -name 'fuzz_*' | sort)
count=$(echo "$targets" | wc -l)
failed=0

# The words of the tables: names of fields as keys, values of enums, and some values that peers send.
dictionary=$(mktemp)
{
    sed -n 's/^OCPI_FIELD(\([a-z_]*\),.*/"\\"\1\\":"/p' ocpi/tbl/field.def
    sed -n 's/^ *OCPI_VALUE("\([^"]*\)",.*/"\\"\1\\""/p' ocpi/tbl/enum.def
    printf '%s\n' '"null"' '"[null]"' '"{}"' '"[{}]"' '"230.0"' '"\"2026-01-02T03:04:05Z\""' '"\"2026-01-02 03:04:05+01:00\""'
} | sort -u > "$dictionary"

for program in $targets; do
    what=$(basename "$program" | sed 's/^fuzz_//')
    work=$(mktemp -d)
    echo "== $what, $((seconds / count)) s"
    "$program" -max_total_time="$((seconds / count))" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -dict="$dictionary" \
        -artifact_prefix="$build/$what-" -print_final_stats=1 "$work" "fixtures/corpus/$what" > "$build/$what.log" 2>&1 || failed=1
    grep -E 'contract broken|runtime error|ERROR|Test unit|cov:|stat::' "$build/$what.log" | tail -n 8
    # Only what reaches a new branch is kept: the corpus stays small.
    "$program" -merge=1 -use_counters=0 "fixtures/corpus/$what" "$work" > /dev/null 2>&1 || failed=1
    rm -rf "$work"
done
rm -f "$dictionary"
exit "$failed"
