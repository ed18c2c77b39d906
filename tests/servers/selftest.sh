#!/usr/bin/env bash
# Proves the servers: two instances at once, each twice in a row on the same DIR, every listener in every TLS
# mode (selftest.py), starts that fail or are interrupted, and that nothing is left running after any of it.
#   selftest.sh          all of that
#   selftest.sh DIR      only selftest.py, on a DIR that was just started
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=processes.sh
. "$here/processes.sh"
# imaplib and smtplib warn about how the tests close them; nobody needs to read that.
check=(python3 -W ignore "$here/selftest.py")

main() {
    [ $# -eq 1 ] && exec "${check[@]}" "$1"
    "$here/run" install
    root=$(mktemp -d /tmp/postrider-selftest.XXXX)
    chmod 755 "$root"
    trap 'for dir in "$root"/*; do "$here/run" stop "$dir"; done' EXIT
    for round in 1 2; do
        echo "== round $round: two at once"
        both_at_once
    done
    echo "== a leader that was killed"
    up_and "$root/a" kill_leaders
    echo "== a DIR in use is refused, and goes on"
    up_and "$root/a" second_start
    echo "== a start that fails half-way"
    failing_start
    echo "== a start that is interrupted"
    for tenths in 3 10 18; do interrupted_start "$tenths"; done
    trap - EXIT
    rm -rf "${root:?}"
    echo "everything works, and nothing is left running"
}

both_at_once() {
    local pids=() pid dir
    for dir in "$root"/{a,b}; do "$here/run" start "$dir" & pids+=($!); done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for dir in "$root"/{a,b}; do "$here/run" status "$dir" >/dev/null; done
    pids=()
    for dir in "$root"/{a,b}; do "${check[@]}" "$dir" >"$dir.log" 2>&1 & pids+=($!); done
    for pid in "${pids[@]}"; do wait "$pid" || { tail -n 30 "$root"/*.log; exit 1; }; done
    cat "$root/a.log"
    # Stopping one leaves the other alone.
    down "$root/a"
    "$here/run" status "$root/b" >/dev/null
    down "$root/b"
}

up_and() { # DIR FUNCTION
    "$here/run" start "$1" >/dev/null
    "$2" "$1"
    down "$1"
}

kill_leaders() {
    local sids
    mapfile -t sids < <(leaders "$1")
    [ ${#sids[@]} -eq 4 ]
    kill -KILL "${sids[@]}"
}

second_start() {
    if "$here/run" start "$1" 2>/dev/null; then exit 1; fi
    "$here/run" status "$1" >/dev/null
}

# Dovecot runs already when Postfix turns out to be broken.
failing_start() {
    mkdir "$root/bin"
    printf '#!/bin/sh\necho no >&2\nexit 1\n' >"$root/bin/postfix"
    chmod 755 "$root/bin/postfix"
    if PATH=$root/bin:$PATH "$here/run" start "$root/a" 2>"$root/a.log"; then exit 1; fi
    grep -q '^no$' "$root/a.log"
    nothing_left "$root/a"
    [ ! -e "$root/a/servers.env" ]
    rm -r "${root:?}/bin"
}

# SIGTERM and not SIGINT: bash ignores the latter in its background jobs.
interrupted_start() { # TENTHS
    "$here/run" start "$root/a" >/dev/null 2>&1 &
    local pid=$!
    sleep "$(($1 / 10)).$(($1 % 10))"
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" || true
    # One that was quicker than the signal is simply up.
    [ -e "$root/a/servers.env" ] && "$here/run" stop "$root/a"
    nothing_left "$root/a"
}

down() { # DIR
    local sids
    mapfile -t sids < <(leaders "$1")
    "$here/run" stop "$1"
    [ -z "$(members "${sids[@]}")" ] || { echo "left: $(members "${sids[@]}")" >&2; exit 1; }
    nothing_left "$1"
    if "$here/run" status "$1" >/dev/null; then exit 1; fi
}

# By name and by folder, without asking the pid files that `stop` believes in.
nothing_left() { # DIR
    local proc
    if pgrep -af -- "$1/"; then exit 1; fi
    for proc in /proc/[0-9]*; do
        if [[ $(readlink "$proc/cwd" 2>/dev/null)/ == "$1"/* ]]; then
            echo "left: $proc $(cat "$proc/comm")" >&2
            exit 1
        fi
    done
}

main "$@"
