# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# shellcheck shell=sh

# Start nginx, and have it load its configuration and certificate again whenever one of them changes: Kubernetes changes files under a running
# container, and tells nobody. A configuration that is no good is not loaded; nginx goes on with the one that it has.
set -eu

folder=/etc/edge

digest() {
    cat "$folder/nginx.conf" "$folder/secrets/tls_certificate" "$folder/secrets/tls_key" | cksum
}

loaded=$(digest)
nginx -c "$folder/nginx.conf" -g 'daemon off;' &
server=$!
trap 'kill -QUIT "$server"; wait "$server"; exit 0' TERM INT

while kill -0 "$server" 2>/dev/null; do
    # In the background, so that a signal need not wait for it.
    sleep 2 &
    wait $!
    now=$(digest) || continue
    if [ "$now" != "$loaded" ] && nginx -c "$folder/nginx.conf" -t; then
        kill -HUP "$server"
        loaded=$now
    fi
done
wait "$server"
