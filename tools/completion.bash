# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of ./run.sh in bash; load it with: source tools/completion.bash
# Made by `python3 -m pvtest.manual` from the parsers; a test fails when it is stale.
_pvtest() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=run options
    case ${COMP_WORDS[1]} in
        run|list|defects|variants|bench|image|bundle|compare|merge|import|baseline) [ "$COMP_CWORD" -gt 1 ] && command=${COMP_WORDS[1]} ;;
    esac
    case $before in
        --class) mapfile -t COMPREPLY < <(compgen -W "rocker edu dmaprobe dmaprobe+ats none" -- "$word"); return ;;
        --level) mapfile -t COMPREPLY < <(compgen -W "test observe stress" -- "$word"); return ;;
        --kind) mapfile -t COMPREPLY < <(compgen -W "dma fault flush bad-input" -- "$word"); return ;;
        --accel) mapfile -t COMPREPLY < <(compgen -W "tcg kvm" -- "$word"); return ;;
        --seed) mapfile -t COMPREPLY < <(compgen -W "random" -- "$word"); return ;;
        --profile) mapfile -t COMPREPLY < <(compgen -W "linux-merged linux-v2 strict $(compgen -f -- "$word")" -- "$word"); return ;;
        --caching) mapfile -t COMPREPLY < <(compgen -W "none random adversarial" -- "$word"); return ;;
        --target) mapfile -t COMPREPLY < <(compgen -W "qemu-refhost qemu hyper-v" -- "$word"); return ;;
        --format) mapfile -t COMPREPLY < <(compgen -W "raw qcow2 vhdx" -- "$word"); return ;;
        --baseline|--output|--qemu) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        --results) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    esac
    case $command in
        run) options="--help --plain --quiet --no-color --timeout --results --qemu --accel --restarts --until-fail --seed --verbose --functions-alone --caching --no-host --defect --variant --repeat --shuffle --deadline --shard --group --requirement --class --level --kind --not --profile --baseline" ;;
        list) options="--help --json --plain --quiet --no-color --group --requirement --class --level --kind --not" ;;
        defects) options="--help --plain --quiet --no-color --timeout --results --qemu --accel --jobs --seed --verbose --functions-alone --shard" ;;
        variants) options="--help --plain --quiet --no-color --timeout --results --qemu --accel --jobs --seed --verbose --functions-alone --shard" ;;
        bench) options="--help --plain --quiet --no-color --timeout --results --qemu --accel --seed --verbose --functions-alone --caching" ;;
        image) options="--help --plain --quiet --no-color --seed --verbose --functions-alone --caching --defect --variant --repeat --shuffle --deadline --target --format --size --output --force --group --requirement --class --level --kind --not" ;;
        bundle) options="--help --plain --quiet --no-color --output --force" ;;
        compare) options="--help --json --plain --quiet --no-color" ;;
        merge) options="--help --results --plain --quiet --no-color --profile --baseline" ;;
        import) options="--help --results --verbose --plain --quiet --no-color --profile --baseline" ;;
        baseline) options="--help --output --plain --quiet --no-color" ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "run list defects variants bench image bundle compare merge import baseline" -- "$word")
    elif [[ " compare merge import baseline " == *" $command "* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -F _pvtest ./run.sh run.sh
