#!/bin/sh
# Takes Swagger UI from npm, as package-lock.json names it, and packs what the gateway serves: the program holds these bytes and
# sends them as they are. `renew.sh --check` only says whether they are still the package's.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp package.json package-lock.json "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
from="$work/node_modules/swagger-ui-dist"
for file in swagger-ui-bundle.js swagger-ui.css; do
  if [ "${1-}" = --check ]; then
    gzip -dc "$file.gz" | cmp - "$from/$file"
  else
    # Without a name and a time, so that the same package gives the same bytes.
    gzip -9nc "$from/$file" > "$file.gz"
  fi
done
[ "${1-}" = --check ] || cp "$from/LICENSE" "$from/NOTICE" "$from/swagger-ui-bundle.js.LICENSE.txt" .
