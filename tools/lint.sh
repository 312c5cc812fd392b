#!/bin/bash
# SPDX-License-Identifier: MIT
# Formatting and static checks of C, shell and Python. Every finding is an error.
#   CFLAGS="..." tools/lint.sh      with the flags of the build; `make lint` passes them
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
python=/usr/bin/python3
[ -x "$python" ] || python=python3
failed=()

check() { # name, command...
    local name=$1 log
    shift
    log=$(mktemp) || exit 2
    echo "  LINT  $name"
    if ! "$@" >"$log" 2>&1; then
        cat "$log"
        failed+=("$name")
    fi
    rm -f "$log"
}

sources() { # patterns: files of the source tree, without what the build made
    find . \( -name build -o -name .git \) -prune -o -type f \( "$@" \) -print | sort
}

mapfile -t c_files < <(sources -name '*.c')
mapfile -t c_and_h < <(sources -name '*.c' -o -name '*.h')
mapfile -t shell_files < <(sources -name '*.sh' -o -path './.ci/run')
read -r -a flags <<<"${CFLAGS:-}"
# clang does not know all flags of gcc; those about warnings and code generation do not matter here.
tidy_flags=()
for flag in "${flags[@]}"; do
    case $flag in
    -I* | -D* | -isystem | /* | -std=* | -ffreestanding | -fshort-wchar | -mgeneral-regs-only) tidy_flags+=("$flag") ;;
    esac
done
check clang-format clang-format --dry-run --Werror "${c_and_h[@]}"
# The unit tests run under sanitizers, which see more. comparePointers: bounds that the linker script sets are two symbols
# of one array; constStatement: a register variable is used by the assembly behind it.
mapfile -t image_files < <(printf '%s\n' "${c_files[@]}" | grep -v '^\./tests/unit/')
check cppcheck cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --std=c11 --language=c \
    --suppress=comparePointers --suppress=constStatement -j "$(nproc)" -I. "${image_files[@]}"
check shellcheck shellcheck -x "${shell_files[@]}"
check flake8 flake8 tools tests/runner
check mypy "$python" -m mypy --cache-dir build/mypy-cache
if [ -f .clang-tidy ]; then
    clang_tidy() {
        # shellcheck disable=SC2016  # the inner shell expands them
        printf '%s\0' "${c_files[@]}" | xargs -0 -n 4 -P "$(nproc)" sh -c '
            flags=$1; shift
            # shellcheck disable=SC2086
            clang-tidy --quiet --warnings-as-errors="*" "$@" -- $flags' tidy "${tidy_flags[*]}"
    }
    check clang-tidy clang_tidy
fi

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: findings of ${failed[*]}" >&2
    exit 1
fi
