#!/usr/bin/env bash
# base.sh ENGINE: make a Debian base image of Debian's own packages, for machines that cannot pull one; print its name.
set -euo pipefail
engine=${1:?podman or docker} suite=bookworm name=localhost/webviewer-base:bookworm
if ! "$engine" image inspect "$name" > /dev/null 2>&1; then
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  command -v mmdebstrap > /dev/null \
    || { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends mmdebstrap; } >&2
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mmdebstrap --quiet --variant=minbase --include=python3,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$suite" "$work/base.tar" \
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >&2
  "$engine" import --change 'CMD ["/bin/sh"]' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$work/base.tar" "$name" >&2
fi
echo "$name"
