#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs cmocka programs one after the other, shows their output, and ends with the sum. Exit 0 only when all passed.
#   usage: run.sh PROGRAM...

limit=120 # seconds per program; each needs a few
passed=0
failed=0

if [ $# -eq 0 ]; then
    echo "run.sh: no test programs given" >&2
    exit 2
fi

log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

# count WORD: the number after "[  WORD  ]" in cmocka's summary, 0 without that line
count() {
    sed -n "s/^\[  $1  \] \([0-9][0-9]*\) test(s).*/\1/p" "$log" | head -n 1 | grep . || echo 0
}

for program in "$@"; do
    echo "== ${program##*/}"
    timeout -k 5 "$limit" "$program" >"$log" 2>&1
    status=$?
    # A test that fails leaves its memory behind: the leak report after the summary says nothing then.
    if grep -q '^\[  FAILED  \]' "$log"; then
        sed '/ERROR: LeakSanitizer/,$d' "$log"
    else
        cat "$log"
    fi
    ok=$(count PASSED)
    bad=$(count FAILED)
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$ok" -eq 0 ]; }; then
        echo "${program##*/}: ended with status $status (124: more than $limit s), $ok tests passed"
        bad=1
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
done

echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
