# The steps of install.sh, which reads this file. Each looks first whether there is something to do.
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

# step WHAT COMMAND...: says what is done, and does it; with --dry-run it only says it.
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

# is_credential NAME: whether the service gets this secret from systemd (LoadCredential= in a drop-in).
is_credential() {
    grep -qsE "^(LoadCredential|LoadCredentialEncrypted|SetCredentialEncrypted)=$1(:|$)" \
        /etc/systemd/system/latchkey.service.d/*.conf
}

install_service() {
    release=$opt/releases/$(release_id)
    [ -e "$release/.complete" ] || step "put this version into $release" make_release
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
        say "nothing to do: this version is installed and runs"
    elif [ "$dry_run" = no ]; then
        remove_old_releases
        farewell
    fi
}

# release_id: the version, what the files hold, and the Python that they run on; the same for the same.
release_id() {
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$source/src/latchkey/__init__.py")
    python=$("$source/latchkey" which-python) || exit $?
    abi=$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
    sum=$(cd "$source" && listed_files | LC_ALL=C sort -z | xargs -0 sh -c 'for file; do [ -h "$file" ] || sha256sum "$file"; done' sh | sha256sum | cut -c1-12)
    echo "$version-$sum-$abi"
}

# listed_files: what is installed, one a zero byte; not tests, benches, data, caches, and what git keeps.
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
    # The launcher installs the locked requirements, and says what is wrong where it cannot.
    (umask 022 && "$release/latchkey" --version >/dev/null) || exit 1
    check_python "$(readlink -f "$release/.venv/bin/python")"
    # The service writes nothing here, so Python's compiled files are made now.
    (umask 022 && cd "$release" && .venv/bin/python -m compileall -q -x '/\.venv/' .)
    touch "$release/.complete"
}

# check_python FILE: the sandbox hides home folders, and what is in them cannot be executed.
check_python() {
    case $1 in
    /home/* | /root/* | /run/user/*)
        fail "this Python lies in a home folder, which the service cannot see: $1" \
            "name another: LATCHKEY_PYTHON=/usr/bin/python3 ./latchkey install-service"
        ;;
    esac
}

# check_configuration: the whole of it, as it will be, before anything but the program is there.
check_configuration() {
    [ "$dry_run" = no ] || return 0
    config=$etc/config.toml
    if [ ! -e "$config" ]; then
        config=$workspace/config.toml
        config_text >"$config"
    fi
    for name in client_secret signing_secret; do
        [ -e "$workspace/$name" ] || [ ! -e "$etc/secrets/$name" ] || cp "$etc/secrets/$name" "$workspace/$name"
        # One that is a credential of systemd's cannot be looked at here.
        [ -e "$workspace/$name" ] || echo "not-to-be-seen-here" >"$workspace/$name"
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
# After a change: systemctl reload latchkey (secrets, log level), or systemctl restart latchkey.

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

# keep_config: what the administrator has written is his; a flag that says otherwise is pointed out.
keep_config() {
    [ -z "${written:-}" ] && [ -e "$etc/config.toml" ] || return 0
    for value in "$public_url" "$client_id"; do
        [ -z "$value" ] || grep -qF "\"$value\"" "$etc/config.toml" ||
            say "kept $etc/config.toml as it is: change it there, then systemctl restart latchkey"
    done
}

make_account() {
    place "$source/systemd/sysusers.conf" "$sysusers"
    getent passwd latchkey >/dev/null || step "make the account latchkey" systemd-sysusers "$sysusers"
    place "$source/systemd/tmpfiles.conf" "$tmpfiles"
    for folder in "$etc" "$etc/keys" "$etc/secrets" "$state" /var/backups/latchkey; do
        [ -d "$folder" ] && continue
        step "make the folders of configuration, store and backups" systemd-tmpfiles --create "$tmpfiles"
        break
    done
}

# install_secret NAME: from the workspace, where one was given that is not there already.
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

# make_store: the keyring, which the service may read and not write, and an empty store.
make_store() {
    [ ! -e "$etc/keys/keyring" ] || return 0
    [ ! -e "$state/store.sqlite" ] ||
        fail "there is a store in $state, and its keyring $etc/keys/keyring is missing" "put the keyring back from its copy"
    step "make the keyring $etc/keys/keyring and an empty store" create_store
}

create_store() {
    (cd "$release" && .venv/bin/python -B -c 'import sys; from latchkey.storage import open_store; open_store(*sys.argv[1:]).close()' \
        "$state/store.sqlite" "$etc/keys/keyring")
    chmod 640 "$etc/keys/keyring"
    chown -R latchkey:latchkey "$state"
    new_keyring=yes
}
