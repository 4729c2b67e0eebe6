#!/bin/sh
# Runs the steps of install-service that write files, twice, below the folder HOME: install_life.sh SOURCE HOME
# shellcheck disable=SC1091,SC2034  # the sourced files use these variables
set -eu
source=$1 home=$2
. "$source/systemd/steps.sh"
. "$source/systemd/release.sh"
. "$source/systemd/service.sh"
opt=$home/opt etc=$home/etc units=$home/units workspace=$home/workspace dry_run=no
mkdir -p "$workspace"

for version in 1 2; do
    release=$opt/releases/$version
    copy_files
    mark_complete
    echo "secret-of-version-$version" >"$workspace/secret"
    put_file "$workspace/secret" "$etc/secrets/signing_secret" 640
    for unit in $UNITS; do
        place_unit "$source/systemd/$unit" "$units/$unit"
    done
    flip "$release"
    echo "{\"did\": \"version\", \"number\": $version}" >>"$home/../acknowledgements"
done
