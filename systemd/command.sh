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

# The service's EnvironmentFile=: settings, and the outgoing proxy. A variable that is set already is kept.
[ -r /etc/latchkey/environment ] || exec /opt/latchkey/current/latchkey "$@"
while IFS= read -r line || [ -n "$line" ]; do
    name=${line%%=*}
    value=${line#*=}
    case $name in
    *[!A-Za-z0-9_]*) continue ;;
    LATCHKEY_?* | HTTPS_PROXY | HTTP_PROXY | ALL_PROXY | NO_PROXY) ;;
    https_proxy | http_proxy | all_proxy | no_proxy | SSL_CERT_FILE) ;;
    *) continue ;;
    esac
    case $value in
    \"*\" | \'*\') value=${value#?} value=${value%?} ;;
    esac
    eval "[ -n \"\${$name+set}\" ]" || export "$name=$value"
done </etc/latchkey/environment
exec /opt/latchkey/current/latchkey "$@"
