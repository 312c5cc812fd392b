# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # variables and functions of setup.sh, which reads this file
#
# The part of setup.sh that talks to apt. Debian 12 has QEMU 7.2 in its main archive and QEMU 10 in its backports. That
# archive lies beside the main one on every mirror, so its source is made from the machine's own entry for the main
# archive: same URI, same options, same keys, other suite. No host name is known to this repository.

apt_log() { # runs a command; shows what gets set up, keeps the rest in a log for the case of failure
    local log
    log=$(mktemp) || return 1
    if "$@" >"$log" 2>&1 </dev/null; then
        sed -n 's/^Setting up \([^ ]*\) .*/setup:   installed \1/p' "$log" >&2
        rm -f "$log"
        return 0
    fi
    tail -n 15 "$log" >&2
    rm -f "$log"
    return 1
}

announce_source() { # says before anything starts whether a package source may be added
    case " ${missing_packages[*]}" in
    *'|qemu-system-x86'*) ;;
    *) [ -n "$older" ] && newer_qemu_unknown || return 0 ;;
    esac
    [ "$(os_release ID)" = debian ] && [ -n "$(os_release VERSION_CODENAME)" ] || return 0
    say "Where the package sources of this machine offer no QEMU $oldest_qemu, adds one: $(os_release VERSION_CODENAME)-backports, from the"
    say "mirror of the main archive, as $root/etc/apt/sources.list.d/pvtest-backports.*; for QEMU and what it needs alone."
}

apt_update() {
    say "Reading the package lists"
    # A mirror that does not answer is only a warning to apt-get. A broken source that has nothing to do with this suite
    # must not stop it either, so this never ends the set-up: what is then not found does.
    apt_log apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=2 update ||
        say "apt-get update failed, see above; going on with the lists that are there"
}

apt_get_install() { # arguments of apt-get install
    DEBIAN_FRONTEND=noninteractive apt_log apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o Acquire::Retries=2 -o DPkg::Lock::Timeout=600 install "$@"
}

major_of() { # major upstream version of a Debian version
    local version=${1#*:}
    version=${version%%.*}
    case $version in
    '' | *[!0-9]*) echo 0 ;;
    *) echo "$version" ;;
    esac
}

qemu_candidate() { # prints the version that a plain install would take
    LC_ALL=C apt-cache policy qemu-system-x86 2>/dev/null | sed -n 's/^ *Candidate: *//p'
}

qemu_suite() { # prints the suite of a version that is new enough, wherever it is configured
    local version place suite
    while IFS='|' read -r _ version place; do
        read -r version <<<"$version"
        read -r _ suite _ <<<"$place"
        if [ "$(major_of "$version")" -ge "$oldest_qemu" ]; then
            echo "${suite%%/*}"
            return 0
        fi
    done < <(LC_ALL=C apt-cache madison qemu-system-x86 2>/dev/null)
    return 1
}

os_release() { # value of a key
    sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$root/etc/os-release" 2>/dev/null
}

main_entries() { # arguments: codename. "file:number" of the apt entries that give the release's main archive
    # Fields: entry, suite, component, codename, origin. Others may use the same suite name, so Debian's own come first.
    # shellcheck disable=SC2016  # apt-get expands them
    apt-get indextargets --format '$(SOURCESENTRY)|$(RELEASE)|$(COMPONENT)|$(CODENAME)|$(ORIGIN)' 'Created-By: Packages' |
        awk -F'|' -v name="$1" '$3 == "main" && ($2 == name || $4 == name) && !seen[$1]++ { print ($5 == "Debian" ? 0 : 1) "|" $1 }' |
        sort -s -t'|' -k1,1 | cut -d'|' -f2
}

derive_deb822() { # arguments: file, number of the stanza, suite. The stanza with its suites replaced
    awk -v wanted="$2" -v suite="$3" '
        /^#/ { next }
        /^[ \t]*$/ { inside = 0; next }
        !inside { inside = 1; number++; field = "" }
        number != wanted { next }
        /^[^ \t]/ { field = tolower($0); sub(/[ \t]*:.*/, "", field) }
        field == "types" || field == "suites" || field == "components" || field == "enabled" { next }
        # The release file of the backports has a date, a snapshot and hashes of its own.
        field == "check-valid-until" || field == "snapshot" { next }
        { print }
        END { print "Types: deb\nSuites: " suite "\nComponents: main" }
    ' "$1"
}

derive_line() { # arguments: file, number of the line, suite. The line with its suite replaced
    sed -n "${2}p" "$1" | awk -v suite="$3" '
        {
            sub(/#.*/, "")
            options = ""
            if (match($0, /\[[^]]*\]/)) {
                options = substr($0, RSTART, RLENGTH) " "
                $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
            }
            print "deb " options $2 " " suite " main"
        }'
}

add_backports() { # arguments: codename. True when a source was added that offers a QEMU new enough
    local entry file number target folder=$root/etc/apt/sources.list.d
    while read -r entry; do
        file=${entry%:*}
        number=${entry##*:}
        [ -r "$file" ] || continue
        case $file in
        *.sources)
            target=$folder/pvtest-backports.sources
            derive_deb822 "$file" "$number" "$1-backports" >"$target" || return 1
            ;;
        *)
            target=$folder/pvtest-backports.list
            derive_line "$file" "$number" "$1-backports" >"$target" || return 1
            ;;
        esac
        say "Adding $1-backports beside the main archive of $file, as $target"
        apt_update
        if qemu_suite >/dev/null; then
            return 0
        fi
        say "It does not offer QEMU $oldest_qemu; removing it again"
        rm -f "$target"
    done < <(main_entries "$1")
    return 1
}

# This file says that the mirrors have no newer QEMU than the version in it; without it every run would ask them again.
qemu_note=$root/var/cache/pvtest/no-newer-qemu

newer_qemu_unknown() {
    [ "$(cat "$qemu_note" 2>/dev/null)" != "$(qemu_major)" ]
}

note_no_newer_qemu() {
    if mkdir -p "${qemu_note%/*}" && qemu_major >"$qemu_note"; then
        say "This is tried again when $qemu_note is gone."
    fi
}

install_older_qemu() { # there is no other
    local offers
    offers="the package sources of this machine offer no QEMU $oldest_qemu (newest: $(qemu_candidate))"
    if [ -n "$older" ]; then
        say "$offers; staying with QEMU $older."
    else
        [ "$(major_of "$(qemu_candidate)")" -gt 0 ] || give_up "$offers."
        say "$offers; taking that one."
        apt_get_install qemu-system-x86 || return 1
    fi
    note_no_newer_qemu
}

apt_newer_qemu() { # never fails: the QEMU that is there will do
    install_qemu && return
    say "The installation failed, see above; staying with QEMU $older."
    note_no_newer_qemu
}

install_qemu() {
    local suite codename
    if [ "$(major_of "$(qemu_candidate)")" -ge "$oldest_qemu" ]; then
        apt_get_install qemu-system-x86
        return
    fi
    if ! qemu_suite >/dev/null; then
        codename=$(os_release VERSION_CODENAME)
        if [ "$(os_release ID)" != debian ] || [ -z "$codename" ] || ! add_backports "$codename"; then
            install_older_qemu
            return
        fi
    fi
    suite=$(qemu_suite)
    say "QEMU $oldest_qemu or later comes from $suite"
    apt_get_install -t "$suite" qemu-system-x86
}

apt_install() {
    local others
    apt_update
    mapfile -t others < <(packages_of qemu-system-x86)
    if [ ${#others[@]} -gt 0 ]; then
        apt_get_install "${others[@]}" || give_up "apt-get install failed, see above."
    fi
    case " ${missing_packages[*]}" in
    *'|qemu-system-x86'*) install_qemu || give_up "the installation of QEMU failed, see above." ;;
    *) [ -n "$older" ] && newer_qemu_unknown && apt_newer_qemu ;;
    esac
}
