# The steps of install.sh, which sources this file. Each step first checks if there is anything to do.
# shellcheck shell=sh

opt=/opt/latchkey
etc=/etc/latchkey
state=/var/lib/latchkey
units=/usr/local/lib/systemd/system
sysusers=/usr/local/lib/sysusers.d/latchkey.conf
tmpfiles=/usr/local/lib/tmpfiles.d/latchkey.conf
wrapper=/usr/local/bin/latchkey
READY_SECONDS=30
changes=0

say() {
    echo "$1"
}

fail() {
    echo "latchkey: $1" >&2
    [ -z "${2:-}" ] || echo "hint: $2" >&2
    exit "${3:-1}"
}

wrong_usage() {
    fail "$1" "${2:-}" 2
}

# step WHAT COMMAND...: prints WHAT and runs COMMAND; with --dry-run it only prints.
step() {
    changes=$((changes + 1))
    if [ "$dry_run" = yes ]; then
        say "would $1"
        return
    fi
    say "$1"
    shift
    "$@"
}

# put_file FILE DESTINATION MODE [GROUP]: replaces a file by a copy, which is on disk before it gets its name.
put_file() {
    folder=$(dirname "$2")
    [ -d "$folder" ] || { install -d -m 755 "$folder" && sync --file-system "$folder"; }
    install -m "$3" -g "${4:-root}" "$1" "$2.new"
    sync "$2.new"
    mv "$2.new" "$2"
    sync "$folder"
}

systemd_runs() {
    [ -d /run/systemd/system ]
}

# is_credential NAME: succeeds if a drop-in gives the service this secret with LoadCredential=.
is_credential() {
    grep -qsE "^(LoadCredential|LoadCredentialEncrypted|SetCredentialEncrypted)=$1(:|$)" \
        /etc/systemd/system/latchkey.service.d/*.conf
}

install_service() {
    check_files
    release=$opt/releases/$(release_id)
    [ -e "$release/.complete" ] || step "install this version into $release" make_release
    check_configuration
    make_account
    install_secret client_secret
    install_secret signing_secret
    [ -e "$etc/config.toml" ] || step "write $etc/config.toml" write_config
    keep_config
    make_store
    place_units "$release"
    [ "$(readlink "$opt/current" || true)" = "$release" ] || {
        step "make it the current version" flip "$release"
        flipped=yes
    }
    start
    if [ "$changes" = 0 ]; then
        say "nothing to do: this version is installed and running"
    elif [ "$dry_run" = no ]; then
        remove_old_releases
        farewell
    fi
}

# check_configuration: checks the final configuration before anything except the program is installed.
check_configuration() {
    [ "$dry_run" = no ] || return 0
    config=$etc/config.toml
    if [ ! -e "$config" ]; then
        config=$workspace/config.toml
        config_text >"$config"
    fi
    for name in client_secret signing_secret; do
        [ -e "$workspace/$name" ] || [ ! -e "$etc/secrets/$name" ] || cp "$etc/secrets/$name" "$workspace/$name"
        # A systemd credential cannot be read here; a value of the same form takes its place in the check.
        [ -e "$workspace/$name" ] || printf '%s' "$name" | sha256sum | cut -c-32 >"$workspace/$name"
    done
    env -i PATH="$PATH" SLACK_CLIENT_SECRET_FILE="$workspace/client_secret" \
        SLACK_SIGNING_SECRET_FILE="$workspace/signing_secret" \
        "$release/.venv/bin/python" -B -P -m latchkey config check --settings-only --config "$config" \
        >"$workspace/said" 2>&1 || {
        sed "s#$workspace/config.toml#$etc/config.toml#" "$workspace/said" >&2
        exit 78
    }
    unfinished=''
}

config_text() {
    cat <<TEXT
# Latchkey's configuration. Every setting is explained in $opt/current/config.toml.
# After a change: systemctl restart latchkey; for secrets and the log level, systemctl reload latchkey is enough.

[server]
public_url = "$public_url"

[slack]
client_id = "$client_id"

[storage]
path = "$state/store.sqlite"
keyring = "$etc/keys/keyring"
TEXT
    if grep -qs '^\[backup\]' "$release/config.toml"; then
        printf '\n[backup]\npath = "/var/backups/latchkey"\n'
    fi
}

write_config() {
    config_text >"$workspace/config.toml"
    put_file "$workspace/config.toml" "$etc/config.toml" 640 latchkey
    written=yes
}

# keep_config: never changes an existing config.toml; points out flags that differ from it.
keep_config() {
    [ -z "${written:-}" ] && [ -e "$etc/config.toml" ] || return 0
    for value in "$public_url" "$client_id"; do
        [ -z "$value" ] || grep -qF "\"$value\"" "$etc/config.toml" ||
            say "$etc/config.toml was not changed; edit it, then run systemctl restart latchkey"
    done
}

make_account() {
    place "$source/systemd/sysusers.conf" "$sysusers"
    getent passwd latchkey >/dev/null || step "create the account latchkey" systemd-sysusers "$sysusers"
    place "$source/systemd/tmpfiles.conf" "$tmpfiles"
    for folder in "$etc" "$etc/keys" "$etc/secrets" "$state" /var/backups/latchkey; do
        [ -d "$folder" ] && continue
        step "create the folders for configuration, store and backups" make_folders
        break
    done
}

make_folders() {
    systemd-tmpfiles --create "$tmpfiles"
    sync --file-system "$etc" "$state" /var/backups/latchkey
}

# install_secret NAME: installs the secret from the workspace, if one was given and it is new.
install_secret() {
    given=$workspace/$1 there=$etc/secrets/$1
    is_given "$1" || return 0
    cmp -s "$given" "$there" || step "write $there" write_secret "$given" "$there"
}

is_given() {
    case $1 in
    client_secret) [ -n "$client_secret_file" ] || [ ! -e "$etc/secrets/$1" ] ;;
    signing_secret) [ -n "$signing_secret_file" ] || [ ! -e "$etc/secrets/$1" ] ;;
    esac && ! is_credential "$1"
}

write_secret() {
    put_file "$1" "$2" 640 latchkey
    reload=yes
}

# make_store: creates an empty store and the keyring, which the service may read but not write.
make_store() {
    if [ ! -e "$etc/keys/keyring" ]; then
        [ ! -e "$state/store.sqlite" ] || store_is_in_postgresql ||
            fail "$state contains a store, but its keyring $etc/keys/keyring is missing" "restore the keyring from its copy"
        if store_is_in_postgresql; then
            configuration_names_database ||
                fail "the first installation cannot read the URL of the store's database" \
                    "write it to $etc/secrets/storage_url, with mode 640 and the group latchkey"
            step "create the keyring $etc/keys/keyring and an empty store in PostgreSQL" create_store_in_postgresql
        else
            step "create the keyring $etc/keys/keyring and an empty store" create_store
        fi
    fi
    # As it was created: an earlier run may have been interrupted here.
    [ "$(stat -c %U:%G:%a "$etc/keys/keyring" 2>/dev/null)" != root:root:600 ] ||
        step "let the service read the keyring" share_keyring
}

create_store() {
    "$release/.venv/bin/python" -B -P -c '
import sys
from pathlib import Path
from latchkey.storage import acting_as_owner_of, open_store
with acting_as_owner_of(Path(sys.argv[1])):
    open_store(*sys.argv[1:]).close()' "$state/store.sqlite" "$etc/keys/keyring"
    new_keyring=yes
}

create_store_in_postgresql() {
    "$release/.venv/bin/python" -B -P -c '
import sys
from pathlib import Path
from latchkey.config import load_settings
from latchkey.errors import LatchkeyError
from latchkey.logs import print_error
from latchkey.storage import acting_as_owner_of, open_store
try:
    settings = load_settings(Path(sys.argv[1]), {}, {})
    with acting_as_owner_of(settings.owner_path):
        open_store(settings.store_location, settings.keyring_path).close()
except LatchkeyError as error:
    print_error(error)
    sys.exit(error.exit_code)' "$etc/config.toml" || exit 1
    new_keyring=yes
}

share_keyring() {
    chown root:latchkey "$etc/keys/keyring"
    chmod 640 "$etc/keys/keyring"
    sync "$etc/keys/keyring"
}
