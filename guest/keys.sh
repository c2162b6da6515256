#!/usr/bin/env bash
# A key pair for signing boot images: PREFIX.key, private, and PREFIX.pem, public. Made once: images signed by an earlier
# key would not boot any more.
#
#   keys.sh PREFIX
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/lib.sh"
(($# == 1)) || die "usage: keys.sh PREFIX"

if [[ ! -s $1.key ]]; then
	(umask 077 && openssl genrsa -out "$1.key" 2048)
fi
openssl pkey -in "$1.key" -pubout -out "$1.pem"
touch "$1.key"
