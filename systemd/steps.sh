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

systemd_runs() {
    [ -d /run/systemd/system ]
}

# is_credential NAME: succeeds if a drop-in gives the service this secret with LoadCredential=.
is_credential() {
    grep -qsE "^(LoadCredential|LoadCredentialEncrypted|SetCredentialEncrypted)=$1(:|$)" \
        /etc/systemd/system/latchkey.service.d/*.conf
}

install_service() {
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

# release_id: prints the version, a hash of the files, and the Python version; equal input gives an equal id.
release_id() {
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$source/src/latchkey/__init__.py")
    python=$("$source/latchkey" which-python) || exit $?
    abi=$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
    # tar, because it records the targets of links; the options leave out what copying changes.
    sum=$(cd "$source" && listed_files | LC_ALL=C sort -z |
        tar --create --null --files-from=- --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --file=- |
        sha256sum | cut -c1-12)
    echo "$version-$sum-$abi"
}

# listed_files: prints the files and links to install, NUL-terminated; without tests, benches, data and caches.
listed_files() {
    find . -mindepth 1 \( -name .venv -o -name '.venv.lock' -o -name .git -o -name .ci -o -name '__pycache__' \
        -o -name '.*_cache' -o -name .hypothesis -o -name .complete -o -name node_modules -o -path ./tests -o -path ./bench \
        -o -path ./data -o -path ./keys -o -path ./backups -o -name '*.egg-info' \) -prune -o \( -type f -o -type l \) -print0
}

make_release() {
    rm -rf "$release"
    unfinished=$release
    install -d -m 755 "$opt" "$opt/releases" "$release"
    (cd "$source" && listed_files | tar --create --null --files-from=- --file=-) |
        tar --extract --directory="$release" --no-same-owner --file=-
    chmod -R u=rwX,go=rX "$release"
    # The launcher installs the locked requirements, and prints an error if it cannot.
    (umask 022 && "$release/latchkey" --version >/dev/null) || exit 1
    check_python "$(readlink -f "$release/.venv/bin/python")"
    # The service cannot write here, so Python's bytecode is compiled now.
    (umask 022 && cd "$release" && .venv/bin/python -m compileall -q -x '/\.venv/' .)
    touch "$release/.complete"
}

# check_python FILE: refuses a Python in a home folder, because the sandbox hides those.
check_python() {
    case $1 in
    /home/* | /root/* | /run/user/*)
        fail "this Python is in a home folder, which the service cannot see: $1" \
            "use another one: LATCHKEY_PYTHON=/usr/bin/python3 ./latchkey install-service"
        ;;
    esac
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
        "$release/.venv/bin/python" -B -P -m latchkey config check --config "$config" \
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
    config_text >"$etc/config.toml.new"
    chown root:latchkey "$etc/config.toml.new"
    chmod 640 "$etc/config.toml.new"
    mv "$etc/config.toml.new" "$etc/config.toml"
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
        step "create the folders for configuration, store and backups" systemd-tmpfiles --create "$tmpfiles"
        break
    done
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
    cp "$1" "$2.new"
    chown root:latchkey "$2.new"
    chmod 640 "$2.new"
    mv "$2.new" "$2"
    reload=yes
}

# make_store: creates an empty store and the keyring, which the service may read but not write.
make_store() {
    [ ! -e "$etc/keys/keyring" ] || return 0
    [ ! -e "$state/store.sqlite" ] ||
        fail "$state contains a store, but its keyring $etc/keys/keyring is missing" "restore the keyring from its copy"
    step "create the keyring $etc/keys/keyring and an empty store" create_store
}

create_store() {
    "$release/.venv/bin/python" -B -P -c '
import sys
from pathlib import Path
from latchkey.storage import acting_as_owner_of, open_store
with acting_as_owner_of(Path(sys.argv[1])):
    open_store(*sys.argv[1:]).close()' "$state/store.sqlite" "$etc/keys/keyring"
    chown root:latchkey "$etc/keys/keyring"
    chmod 640 "$etc/keys/keyring"
    new_keyring=yes
}
