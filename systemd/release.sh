# The release: the files that install.sh installs, and how it makes a release of them.
# shellcheck shell=sh

# A line names one file or link, or a folder and the names of the files below it. Nothing else is installed, whatever is
# in the folder: no secret, key, store, test or cache.
FILES='
latchkey
server.py
config.toml
pyproject.toml
requirements.in
requirements-postgresql.in
requirements.txt
requirements-build.txt
requirements-postgresql.txt
README.md
CHANGELOG.md
LICENSE
SECURITY.md
docs *.md *.json *.yml *.png
handlers *.py *.html *.css *.svg *.ico
listeners *.py requirements*.txt
src/latchkey/handlers
src/latchkey/storage
src/latchkey/example
src/latchkey/config/config.toml
src/latchkey *.py *.html *.css *.js *.svg py.typed
storage *.py *.sql
systemd *.sh *.conf *.service *.socket *.timer
'

# listed_files: prints the files and links to install, NUL-terminated, except private ones.
listed_files() {
    each_file -perm -004
}

# private_files: prints the files that are listed, but not installed, because others cannot read them.
private_files() {
    each_file ! -perm -004
}

# each_file CONDITION...: prints the listed files for which find's condition is true. In a checkout that is private as a
# whole, as with umask 077, no single file counts as private.
each_file() {
    [ -n "$(find "$source/latchkey" -perm -004)" ] || {
        [ "$1" != '!' ] || return 0
        set -- -perm -0
    }
    (
        set -f # the patterns are for find
        cd "$source"
        echo "$FILES" | while read -r path names; do
            if [ -n "$names" ]; then
                # shellcheck disable=SC2046  # several words
                find "./$path" -name __pycache__ -prune -o -type f \( -false $(echo "$names" | sed 's/[^ ]*/-o -name &/g') \) \
                    "$@" -print0
            elif [ -n "$path" ]; then
                find "./$path" -prune \( -type f -o -type l \) "$@" -print0
            fi
        done
    )
}

# check_files: refuses a folder that lacks a listed file, and names the files that are not installed.
check_files() {
    echo "$FILES" | while read -r path names; do
        [ -e "$source/$path" ] || fail "$source is incomplete: $path is missing" "unpack Latchkey again"
    done
    private_files | tr '\0' '\n' | while read -r file; do
        case $file in
        ./listeners/*) say "not installed, because others cannot read it: $source/${file#./}" ;;
        *) fail "others cannot read $source/${file#./}, so it is not installed" "chmod a+r it, if it contains no secret" ;;
        esac
    done
}

# app_requirements FILE [DEPTH]: prints the app's requirement file, if there is one, and those that it includes.
app_requirements() {
    [ -f "$1" ] && [ "${2:-0}" -lt 9 ] || return 0
    echo "$1"
    sed -nE 's/^(-r|-c|--requirement|--constraint)[= ]*([^#]*[^# ]).*/\2/p' "$1" | while read -r included || [ -n "$included" ]; do
        case $included in
        /*) app_requirements "$included" $((${2:-0} + 1)) ;;
        *) app_requirements "$(dirname "$1")/$included" $((${2:-0} + 1)) ;;
        esac
    done
}

# app_packages: prints the content of the app's requirement files in /etc/latchkey.
app_packages() {
    app_requirements "$etc/requirements.txt" | while read -r file; do cat "$file"; done
}

# store_is_in_postgresql: whether the service's configuration, environment, secrets or credentials name a database.
store_is_in_postgresql() {
    is_credential storage_url ||
        grep -qsE "^[[:space:]]*LATCHKEY_STORAGE_URL(_FILE)?=[\"']?[^\"'[:space:]]" "$etc/environment" ||
        grep -qsE '^Environment=.*LATCHKEY_STORAGE_URL(_FILE)?=' /etc/systemd/system/latchkey.service.d/*.conf ||
        configuration_names_database
}

# configuration_names_database: whether config.toml does, or the folder `secrets` beside it.
configuration_names_database() {
    env -i PATH="$PATH" "$source/latchkey" uses-postgresql --config "$etc/config.toml"
}

# purpose: prints for what the launcher has to install the locked requirements.
purpose() {
    if store_is_in_postgresql; then echo postgresql; else echo serve; fi
}

# release_id: prints the version, a hash of the files, of the app's requirements and of what else is installed, and the
# Python version; equal input gives an equal id.
release_id() {
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$source/src/latchkey/__init__.py")
    python=$("$source/latchkey" which-python) || exit $?
    abi=$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
    # tar, because it records the targets of links; the options leave out what copying changes.
    sum=$({
        (cd "$source" && listed_files | LC_ALL=C sort -z |
            tar --create --null --files-from=- --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --file=-)
        app_packages
        ! store_is_in_postgresql || echo postgresql
    } | sha256sum | cut -c1-12)
    echo "$version-$sum-$abi"
}

make_release() {
    rm -rf "$release"
    unfinished=$release
    copy_files
    # The launcher installs the locked requirements, and prints an error if it cannot.
    (umask 022 && "$release/latchkey" install-requirements "$(purpose)") || exit 1
    # The app's packages, which the launcher no longer changes once the release is complete.
    (umask 022 && "$release/.venv/bin/python" -I -m latchkey.packages "$release" --config "$etc/config.toml") || exit 1
    (umask 022 && app_packages | sha256sum >"$release/.app-packages")
    check_python "$(readlink -f "$release/.venv/bin/python")"
    # The service cannot write here, so Python's bytecode is compiled now.
    (umask 022 && cd "$release" && .venv/bin/python -m compileall -q -x '/\.venv/' .)
    mark_complete
}

copy_files() {
    install -d -m 755 "$opt" "$opt/releases" "$release"
    (cd "$source" && listed_files | tar --create --null --files-from=- --file=-) |
        tar --extract --directory="$release" --no-same-owner --file=-
    chmod -R u=rwX,go=rX "$release"
}

# mark_complete: marks the release, once everything else of it is on disk.
mark_complete() {
    sync --file-system "$release"
    touch "$release/.complete"
    sync "$release/.complete" "$release"
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
