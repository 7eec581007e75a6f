#!/usr/bin/env bash
# Fetch the libraries that draw the page of `graph --format html` from npm, each with its licence. Run it to take other
# versions, look at the page, and commit what it wrote.

set -euo pipefail
cd "$(dirname "$0")/../proca_topo/render/graph/page/vendored"

fetch() { # PACKAGE@VERSION FILE NAME
    local folder
    folder=$(mktemp -d)
    (cd "$folder" && npm pack --silent "$1" >/dev/null && tar xzf ./*.tgz)
    cp "$folder/package/$2" .
    cp "$folder/package/LICENSE" "$3.LICENSE"
    rm -rf "$folder"
    echo "$1"
}

{
    fetch cytoscape@3.35.0 dist/cytoscape.min.js cytoscape
    fetch @dagrejs/dagre@3.1.3 dist/dagre.min.js dagre
    fetch cytoscape-dagre@2.5.0 cytoscape-dagre.js cytoscape-dagre
} | tee VERSIONS
