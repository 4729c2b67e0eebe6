#!/bin/sh
# The command `latchkey` of an installed service: uses the service's configuration.
set -eu

umask 077
: "${LATCHKEY_CONFIG:=/etc/latchkey/config.toml}"
export LATCHKEY_CONFIG
# The service's secret files; systemd credentials cannot be read here.
[ -n "${SLACK_CLIENT_SECRET:-}" ] || [ ! -r /etc/latchkey/secrets/client_secret ] ||
    export SLACK_CLIENT_SECRET_FILE="${SLACK_CLIENT_SECRET_FILE:-/etc/latchkey/secrets/client_secret}"
[ -n "${SLACK_SIGNING_SECRET:-}" ] || [ ! -r /etc/latchkey/secrets/signing_secret ] ||
    export SLACK_SIGNING_SECRET_FILE="${SLACK_SIGNING_SECRET_FILE:-/etc/latchkey/secrets/signing_secret}"
exec /opt/latchkey/current/latchkey "$@"
