#!/bin/sh
# `./latchkey install-service`: installs Latchkey as a systemd service, upgrades it, goes back, or takes it away.
#
# Rule: a step is done only where it is needed, so that a rerun is the upgrade, and one with nothing new
# changes nothing. Nothing is downloaded but the locked requirements. A secret never stands on a command
# line. Exit codes: 0 done, 1 failed, 2 usage, 3 confirmation needed and not given, 78 bad configuration.
set -eu

source=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
. "$source/systemd/steps.sh"
. "$source/systemd/service.sh"

usage() {
    cat <<'TEXT'
Usage: latchkey install-service [OPTIONS]

  Install Latchkey as a systemd service. Run it again from a newer version to upgrade.

  --public-url URL             where Slack and browsers reach the server, https://slack.example.com
  --client-id ID               the app's client id, "Basic Information" at Slack
  --client-secret-file FILE    a file with the app's client secret
  --signing-secret-file FILE   a file with the app's signing secret, or several, one a line
                               What is needed and not given is asked for.
  --listen HOST:PORT           where the server listens, behind your proxy (at first: 127.0.0.1:8080)
  --no-network                 leave the server no network but pipes to Slack's hosts
  --network                    give it the network back
  --back                       go back to the version before the last upgrade
  --uninstall                  take the service away; configuration, keys, store and backups stay
  --delete-data                with --uninstall: delete those too, for good
  --yes                        do not ask for confirmation
  --dry-run                    say what would be done, and do nothing
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
            wrong_usage "a secret does not belong on the command line, where every user of this machine can read it" \
                "name a file that holds it: ${1%%=*}-file FILE"
            ;;
        --no-network) network=none ;;
        --network) network=host ;;
        --back | --uninstall)
            [ "$action" = install ] || wrong_usage "--back and --uninstall are one or the other"
            action=${1#--}
            ;;
        --delete-data) delete_data=yes ;;
        --yes) yes=yes ;;
        --dry-run) dry_run=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) wrong_usage "there is no option ${1%%=*}" "latchkey install-service --help lists them" ;;
        esac
        shift
    done
    [ "$delete_data" = no ] || [ "$action" = uninstall ] || wrong_usage "--delete-data goes with --uninstall"
}

take_value() {
    [ -n "$2" ] || wrong_usage "$1 needs a value"
    case $2 in
    *[!\ -~]* | *[\"\\]*) wrong_usage "$1 holds a character that cannot be right" ;;
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

# ask WHAT VARIABLE: lets a person type what was not given.
ask() {
    can_ask || wrong_usage "$1 is not given, and nobody is here to be asked" "see latchkey install-service --help"
    printf '%s: ' "$1" >&2
    IFS= read -r answer || answer=''
    [ -n "$answer" ] || fail "$1 is needed"
    take_value "--$2" "$answer"
}

# ask_secret WHAT FILE: the same, unseen, into a file of root's own.
ask_secret() {
    can_ask || wrong_usage "no file with the $1 is given, and nobody is here to be asked" \
        "see latchkey install-service --help"
    printf '%s (not shown): ' "$1" >&2
    terminal=$(stty -g)
    stty -echo
    IFS= read -r answer || answer=''
    stty "$terminal"
    terminal=''
    echo >&2
    [ -n "$answer" ] || fail "the $1 is needed"
    # printf is the shell's own: the secret is on no command line.
    printf '%s\n' "$answer" >"$2"
    answer=''
}

can_ask() {
    [ -t 0 ]
}

# gather: asks for what a first install needs and was not given.
gather() {
    workspace=$(mktemp -d)
    if [ ! -e "$etc/config.toml" ] && [ "$dry_run" = no ]; then
        [ -n "$public_url" ] || ask "Public URL, such as https://slack.example.com" public-url
        [ -n "$client_id" ] || ask "Client id, from Basic Information at https://api.slack.com/apps" client-id
    fi
    gather_secret client_secret "client secret" "$client_secret_file"
    gather_secret signing_secret "signing secret" "$signing_secret_file"
}

# gather_secret NAME WHAT FILE: leaves what is to be installed in the workspace; nothing where all is there already.
gather_secret() {
    if [ -n "$3" ]; then
        cat -- "$3" >"$workspace/$1" 2>/dev/null || fail "the file with the $2 cannot be read: $3"
    elif [ ! -e "$etc/secrets/$1" ] && [ "$dry_run" = no ] && ! is_credential "$1"; then
        ask_secret "$2" "$workspace/$1"
    fi
}

# clean_up: whatever ends this run, the terminal shows what is typed, and nothing unfinished is left.
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
    command -v systemctl >/dev/null || fail "there is no systemd on this machine" "./latchkey serve runs without it"
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
