#!/bin/sh
# `./latchkey install-service`: installs Latchkey as a systemd service, upgrades it, rolls it back, or uninstalls it.
#
# Invariant: a step runs only if it is needed, so a rerun is an upgrade, and a rerun without anything new changes
# nothing. Only the locked requirements, and the app's own, are downloaded. A secret is never part of a command line.
# Exit codes: 0 done, 1 failed, 2 usage, 3 confirmation needed and not given, 78 bad configuration.
set -eu

source=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
. "$source/systemd/steps.sh"
. "$source/systemd/release.sh"
. "$source/systemd/service.sh"

usage() {
    cat <<'TEXT'
Usage: latchkey install-service [OPTIONS]

  Install Latchkey as a systemd service. Run it again from a newer version to upgrade.

  --public-url URL             the server's public URL, such as https://slack.example.com
  --client-id ID               the app's client ID (Basic Information at Slack)
  --client-secret-file FILE    a file that contains the app's client secret
  --signing-secret-file FILE   a file that contains the app's signing secret, or several, one per line
                               You are asked for required values that are not given.
  --listen HOST:PORT           the address to listen on, for your proxy (default: 127.0.0.1:8080)
  --no-network                 run the server without network access, except to Slack's hosts
  --network                    restore network access
  --back                       go back to the previous version
  --uninstall                  remove the service; keep configuration, keys, store and backups
  --delete-data                with --uninstall: permanently delete those too
  --yes                        do not ask for confirmation
  --dry-run                    print what would be done, and do nothing
  -h, --help                   show this
TEXT
}

public_url='' client_id='' client_secret_file='' signing_secret_file='' listen='' network='' action=install
delete_data=no yes=no dry_run=no terminal='' workspace='' unfinished=''

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --public-url | --client-id | --client-secret-file | --signing-secret-file | --listen)
            [ $# -ge 2 ] || wrong_usage "$1 needs a value"
            take_value "$1" "$2"
            shift
            ;;
        --public-url=* | --client-id=* | --client-secret-file=* | --signing-secret-file=* | --listen=*)
            take_value "${1%%=*}" "${1#*=}"
            ;;
        --client-secret* | --signing-secret*)
            wrong_usage "do not put a secret on the command line, where every user of this machine can read it" \
                "put it into a file: ${1%%=*}-file FILE"
            ;;
        --no-network) network=none ;;
        --network) network=host ;;
        --back | --uninstall)
            [ "$action" = install ] || wrong_usage "--back and --uninstall cannot be combined"
            action=${1#--}
            ;;
        --delete-data) delete_data=yes ;;
        --yes) yes=yes ;;
        --dry-run) dry_run=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*) wrong_usage "no such option ${1%%=*}$(did_you_mean "${1%%=*}")" "see \`latchkey install-service --help\`" ;;
        *) wrong_usage "unexpected argument '$1'" "see \`latchkey install-service --help\`" ;;
        esac
        shift
    done
    [ "$delete_data" = no ] || [ "$action" = uninstall ] || wrong_usage "--delete-data needs --uninstall"
}

# did_you_mean OPTION: names the option that is at most two edits away, if there is one.
did_you_mean() {
    usage | grep -o -e '--[a-z-]*' | sort -u | awk -v typed="$1" '
        function least(a, b, c) { return a < b ? (a < c ? a : c) : (b < c ? b : c) }
        function distance(a, b,    i, j, d) {  # after Levenshtein
            for (i = 0; i <= length(a); i++) d[i, 0] = i
            for (j = 0; j <= length(b); j++) d[0, j] = j
            for (i = 1; i <= length(a); i++)
                for (j = 1; j <= length(b); j++)
                    d[i, j] = least(d[i-1, j] + 1, d[i, j-1] + 1,
                        d[i-1, j-1] + (substr(a, i, 1) != substr(b, j, 1)))
            return d[length(a), length(b)]
        }
        { d = distance(typed, $1); if (d <= 2 && (best == "" || d < least_d)) { best = $1; least_d = d } }
        END { if (best != "") printf "; did you mean \x27%s\x27?", best }'
}

take_value() {
    [ -n "$2" ] || wrong_usage "$1 needs a value"
    case $2 in
    *[!\ -~]* | *[\"\\]*) wrong_usage "$1 contains an invalid character" ;;
    esac
    case $1 in
    --public-url) public_url=$2 ;;
    --client-id) client_id=$2 ;;
    --client-secret-file) client_secret_file=$2 ;;
    --signing-secret-file) signing_secret_file=$2 ;;
    --listen)
        echo "$2" | grep -qE '^([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$' ||
            wrong_usage "--listen: expected an address and a port, such as 127.0.0.1:8080 or [::1]:8080"
        listen=$2
        ;;
    esac
}

# ask WHAT VARIABLE: prompts for a value that was not given.
ask() {
    can_ask || wrong_usage "$1 is missing, and stdin is not a terminal to ask on" "see \`latchkey install-service --help\`"
    printf '%s: ' "$1" >&2
    IFS= read -r answer || answer=''
    [ -n "$answer" ] || fail "$1 is needed"
    take_value "--$2" "$answer"
}

# ask_secret WHAT FILE: prompts without echo, and writes the answer to a private file.
ask_secret() {
    can_ask || wrong_usage "the file with the $1 is missing, and stdin is not a terminal to ask on" \
        "see \`latchkey install-service --help\`"
    printf '%s (not shown): ' "$1" >&2
    terminal=$(stty -g)
    stty -echo
    IFS= read -r answer || answer=''
    stty "$terminal"
    terminal=''
    echo >&2
    [ -n "$answer" ] || fail "the $1 is needed"
    # printf is a shell builtin, so the secret is not on a command line.
    printf '%s\n' "$answer" >"$2"
    answer=''
}

can_ask() {
    [ -t 0 ]
}

# gather: prompts for the values that a first install needs and that were not given.
gather() {
    workspace=$(mktemp -d)
    if [ ! -e "$etc/config.toml" ] && [ "$dry_run" = no ]; then
        [ -n "$public_url" ] || ask "Public URL, such as https://slack.example.com" public-url
        [ -n "$client_id" ] || ask "Client ID, from Basic Information at https://api.slack.com/apps" client-id
    fi
    gather_secret client_secret "client secret" "$client_secret_file"
    gather_secret signing_secret "signing secret" "$signing_secret_file"
}

# gather_secret NAME WHAT FILE: puts a secret to install into the workspace, unless one is installed already.
gather_secret() {
    if [ -n "$3" ]; then
        cat -- "$3" >"$workspace/$1" 2>/dev/null || fail "the file with the $2 cannot be read: $3"
    elif [ ! -e "$etc/secrets/$1" ] && [ "$dry_run" = no ] && ! is_credential "$1"; then
        ask_secret "$2" "$workspace/$1"
    fi
}

# clean_up: restores the terminal's echo and removes unfinished files, however this run ends.
clean_up() {
    [ -z "$terminal" ] || stty "$terminal"
    rm -rf "${workspace:-/nothing}" "${unfinished:-/nothing}"
    [ -z "$unfinished" ] || rmdir "$opt/releases" "$opt" 2>/dev/null || true
}

main() {
    umask 077
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    read_options "$@"
    [ "$(id -u)" = 0 ] || fail "only root can install a service" "sudo latchkey install-service"
    command -v systemctl >/dev/null || fail "this machine has no systemd" "./latchkey serve works without it"
    case $action in
    install)
        gather
        install_service
        ;;
    back) go_back ;;
    uninstall) uninstall ;;
    esac
}

main "$@"
