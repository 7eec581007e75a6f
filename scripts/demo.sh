#!/bin/sh
# A tour of proca-topo on a broker that is thrown away afterwards: plan, apply, plan again, add an org.
# Without a RabbitMQ to be had, a definitions file is the broker.
set -eu

if [ "${1:-}" != inside ]; then
    root=$(cd "$(dirname "$0")/.." && pwd)
    command -v proca-topo >/dev/null || PATH="$root/.venv/bin:$PATH"
    command -v proca-topo >/dev/null || { echo "proca-topo is not installed; run: pip install -e ." >&2; exit 1; }
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    cp -R "$root/topology.yaml" "$root/orgs" "$place"
    cp "$0" "$place/demo.sh"
    cd "$place"
    unset PROCA_TOPO_BROKER PROCA_TOPO_AMQP
    # A new broker has no other vhost; apply --create-vhost would make the spec's own.
    export PROCA_TOPO_VHOST=/
    code=0
    proca-topo sandbox -- sh ./demo.sh inside || code=$?
    if [ ! -e started ]; then
        echo "So the file broker.json is the broker." >&2
        printf '{"vhosts": [{"name": "/"}]}\n' > broker.json
        code=0
        PROCA_TOPO_BROKER=broker.json sh ./demo.sh inside || code=$?
    fi
    exit "$code"
fi

: > started

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

run proca-topo validate
run proca-topo plan
run proca-topo apply --yes
run proca-topo plan --detailed-exitcode
run proca-topo add-org newcomer --with crm
run proca-topo apply --yes --org newcomer
run proca-topo orgs
run proca-topo remove-org newcomer
run proca-topo plan --org newcomer --prune
run proca-topo apply --yes --org newcomer --prune
run proca-topo plan --detailed-exitcode
