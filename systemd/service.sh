# install.sh's work with systemd: units, starting, rolling back, uninstalling.
# shellcheck shell=sh

UNITS='latchkey.service latchkey.socket latchkey-backup.service latchkey-backup.timer latchkey-forward@.service latchkey-forward@.socket'
ENABLED='latchkey.socket latchkey.service latchkey-backup.timer'
restart='' reload='' reread='' new_socket=''

# place FILE DESTINATION [MODE]: installs a file unless an identical one is there.
place() {
    cmp -s "$1" "$2" || step "write $2" put_file "$1" "$2" "${3:-644}"
}

# place_unit FILE DESTINATION: the same for a unit or drop-in; notes that systemd must reload.
place_unit() {
    cmp -s "$1" "$2" && return
    reread=yes restart=yes
    case $2 in *latchkey.socket*) new_socket=yes ;; esac
    place "$1" "$2"
}

# place_units RELEASE: installs the units of that release.
place_units() {
    from=$1/systemd
    [ -d "$from" ] || from=$source/systemd
    for unit in $UNITS; do
        place_unit "$from/$unit" "$units/$unit"
    done
    place_network
    place_listen
    place_python "$1"
    place "$from/command.sh" "$wrapper" 755
}

# place_network: removes or restores network access, if a flag asks for it.
place_network() {
    dropin=$units/latchkey.service.d/no-network.conf
    if [ "$network" = none ] || { [ -z "$network" ] && [ -e "$dropin" ]; }; then
        place_unit "$from/no-network.conf" "$dropin"
    elif [ -e "$dropin" ]; then
        reread=yes restart=yes
        step "restore the server's network access" rm -f "$dropin"
        forwards_removed=yes
    fi
}

place_listen() {
    [ -n "$listen" ] || return 0
    printf '[Socket]\n# Replaces the address in latchkey.socket.\nListenStream=\nListenStream=%s\n' \
        "$listen" >"$workspace/listen.conf"
    place_unit "$workspace/listen.conf" "$units/latchkey.socket.d/listen.conf"
}

# place_python RELEASE: allows executing a Python that the units do not list.
place_python() {
    [ -e "$1/.venv/bin/python" ] || return 0
    found=$(readlink -f "$1/.venv/bin/python")
    for unit in latchkey.service latchkey-backup.service; do
        dropin=$units/$unit.d/python.conf
        if grep -q "^ExecPaths=.*-$found\( \|\$\)" "$from/$unit"; then
            [ ! -e "$dropin" ] || { reread=yes && step "remove $dropin" rm -f "$dropin"; }
            continue
        fi
        prefix=$("$1/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')
        printf '[Service]\n# The Python that Latchkey was installed with.\nExecPaths=%s %s/lib\n' "$found" "$prefix" \
            >"$workspace/python.conf"
        place_unit "$workspace/python.conf" "$dropin"
    done
}

# flip RELEASE: makes it the current release and keeps the former one for --back.
flip() {
    before=$(readlink "$opt/current" || true)
    [ -z "$before" ] || [ "$before" = "$1" ] || put_link "$before" "$opt/previous"
    put_link "$1" "$opt/current"
    restart=yes
}

put_link() {
    ln -sfn "$1" "$opt/.link"
    mv -T "$opt/.link" "$2"
    sync "$opt"
}

# start: starts or restarts what has changed, and waits until the server is ready.
start() {
    for unit in $ENABLED; do
        systemctl --quiet is-enabled "$unit" 2>/dev/null || step "enable $unit" enable_unit "$unit"
    done
    if [ "$dry_run" = yes ]; then
        [ "$changes" = 0 ] || step "start the service" :
        return
    fi
    if ! systemd_runs; then
        say "systemd is not running; the service will start at the next boot"
        return
    fi
    [ -z "$reread" ] || systemctl daemon-reload
    if [ -n "$new_socket" ]; then
        # A socket can change its address only while its service is stopped.
        systemctl stop latchkey.service
        systemctl restart latchkey.socket
    fi
    if [ -n "$restart" ] || ! systemctl --quiet is-active latchkey.service; then
        step "start the service" systemctl --no-block restart latchkey.service
    elif [ -n "$reload" ]; then
        step "reload the secrets" systemctl reload latchkey.service
    fi
    [ -z "${forwards_removed:-}" ] || systemctl stop 'latchkey-forward@*'
    systemctl start latchkey-backup.timer
    wait_ready || not_ready
}

enable_unit() {
    systemctl --quiet enable "$1"
    sync --file-system /etc/systemd/system
}

# wait_ready: succeeds if /readyz returns 200 within READY_SECONDS.
wait_ready() {
    address=$(systemctl show --property=Listen --value latchkey.socket)
    until_then=$(($(date +%s) + READY_SECONDS))
    failures=$(systemctl show --property=NRestarts --value latchkey.service)
    while [ "$(date +%s)" -lt "$until_then" ]; do
        # After four failed starts the next one will fail too.
        [ "$(systemctl show --property=NRestarts --value latchkey.service)" -lt $((failures + 4)) ] || return 1
        ! "$opt/current/.venv/bin/python" -c '
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=3)
connection.request("GET", "/readyz")
sys.exit(connection.getresponse().status != 200)' "${address%% *}" 2>/dev/null || return 0
        sleep 0.2
    done
    return 1
}

# not_ready: prints the end of the server's log; after an upgrade, starts the previous release again.
not_ready() {
    journalctl --quiet _SYSTEMD_UNIT=latchkey.service --lines=3 --output=cat >&2
    if [ "$action" != install ] || [ -z "${flipped:-}" ] || [ ! -e "$opt/previous/.complete" ]; then
        fail "the server does not become ready" "journalctl -u latchkey"
    fi
    put_link "$(readlink "$opt/previous")" "$opt/current"
    rm -f "$opt/previous"
    place_units "$(readlink "$opt/current")"
    systemctl daemon-reload
    systemctl restart latchkey.service
    wait_ready || fail "neither this version nor the previous one becomes ready" "journalctl -u latchkey"
    fail "this version does not become ready; the previous version is running again" "its log is above"
}

go_back() {
    [ -e "$opt/previous/.complete" ] || fail "there is no previous version to go back to"
    release=$(readlink "$opt/previous")
    "$release/.venv/bin/python" -c '' 2>/dev/null ||
        fail "the previous version needs a Python that is no longer installed: $release" "run install-service in the folder of the version that you want"
    app_packages | sha256sum | cmp -s - "$release/.app-packages" || [ -z "$(app_packages)" ] ||
        say "$etc/requirements.txt has changed since that version was installed; it has the packages of then"
    ! store_is_in_postgresql || "$release/.venv/bin/python" -c 'import psycopg, psycopg_pool' 2>/dev/null ||
        fail "the store is in PostgreSQL, and the previous version has no psycopg: $release" \
            "run install-service in the folder of the version that you want"
    workspace=$(mktemp -d)
    step "go back to $release" flip "$release"
    place_units "$release"
    start
}

remove_old_releases() {
    for old in "$opt"/releases/*; do
        case $old in
        "$(readlink "$opt/current")" | "$(readlink "$opt/previous" || true)") ;;
        *) rm -rf "$old" ;;
        esac
    done
}

farewell() {
    [ -z "${new_keyring:-}" ] || say "Copy $etc/keys/keyring to a safe place now, apart from the store: without it no token can be decrypted."
    ! systemd_runs || say "Latchkey is running. Its log: journalctl -u latchkey"
}

uninstall() {
    [ "$delete_data" = no ] || confirm_deletion
    if [ -e "$units/latchkey.service" ]; then
        step "stop the service" stop_all
        step "remove its units" remove_units
    fi
    [ ! -e "$opt" ] || step "remove $opt" rm -rf "$opt"
    for file in "$wrapper" "$sysusers" "$tmpfiles"; do
        [ ! -e "$file" ] || step "remove $file" rm -f "$file" "$file.new"
    done
    if [ "$delete_data" = yes ]; then
        step "delete configuration, keys, store and backups" rm -rf "$etc" "$state" /var/backups/latchkey
        [ "$dry_run" = yes ] || rm -rf /etc/systemd/system/latchkey.service.d /etc/systemd/system/latchkey.socket.d
        ! getent passwd latchkey >/dev/null || step "remove the account latchkey" userdel latchkey
    else
        say "kept: $etc, $state, /var/backups/latchkey"
    fi
}

stop_all() {
    if systemd_runs; then
        # shellcheck disable=SC2086  # several units
        systemctl --quiet stop $ENABLED latchkey-backup.service 'latchkey-forward@*'
    fi
    # shellcheck disable=SC2086
    systemctl --quiet disable $ENABLED
}

remove_units() {
    for unit in $UNITS; do
        rm -f "$units/$unit" "$units/$unit.new"
    done
    rm -rf "$units/latchkey.service.d" "$units/latchkey.socket.d" "$units/latchkey-backup.service.d"
    ! systemd_runs || systemctl daemon-reload
}

confirm_deletion() {
    [ "$yes" = no ] && [ "$dry_run" = no ] || return 0
    can_ask || fail "not deleted: stdin is not a terminal, so the deletion cannot be confirmed" "add --yes" 3
    printf 'Permanently delete every token, key and backup of Latchkey? Type "delete": ' >&2
    trap 'echo >&2; fail "not deleted: not confirmed" "" 3' INT
    IFS= read -r answer || answer=''
    trap 'exit 130' INT
    [ "$answer" = delete ] || fail "not deleted: not confirmed" "" 3
}
