# shellcheck shell=bash
# Finding and ending the processes of one DIR. Sourced by `run`.
#
# Every server is the leader of a session of its own and its children stay in it, so "all that we started" is
# "all whose session is in one of our pid files": exact, without searching for names, and still true when the
# leader has died.

leaders() { # DIR: the session ids, one a line
    local file pid
    for file in "$1"/{dovecot,dovecot-cert}/run/master.pid "$1"/postfix/queue/pid/master.pid "$1"/badtls.pid; do
        # Postfix pads its number with spaces.
        [ -s "$file" ] && pid=$(tr -dc 0-9 <"$file") && ours "$1" "$pid" && echo "$pid"
    done
    return 0
}

# A number that was given to a stranger since isn't ours. While a session has members its number can't be.
ours() { # DIR PID
    [ -d "/proc/$2" ] || return 0
    [[ $(readlink "/proc/$2/cwd")/ == "$1"/* ]] || tr '\0' '\n' <"/proc/$2/cmdline" | grep -qF -- "$1/"
}

# Zombies are nobody's work any more; a container whose process 1 doesn't reap is full of them.
members() { # SID…
    local sid
    for sid in "$@"; do ps -o pid=,stat= -s "$sid" || true; done | awk '$2 !~ /^Z/ { print $1 }'
}

end_all() { # DIR
    local sids left
    mapfile -t sids < <(leaders "$1")
    [ ${#sids[@]} -eq 0 ] && return 0
    kill -TERM "${sids[@]}" 2>/dev/null || true
    none_left 50 "${sids[@]}" && return 0
    mapfile -t left < <(members "${sids[@]}")
    kill -KILL "${left[@]}" 2>/dev/null || true
    none_left 50 "${sids[@]}" || { echo "still running: $(members "${sids[@]}" | xargs)" >&2; return 1; }
}

none_left() { # TENTHS SID…
    local tenths=$1
    shift
    for _ in $(seq "$tenths"); do
        [ -z "$(members "$@")" ] && return 0
        sleep 0.1
    done
    return 1
}
