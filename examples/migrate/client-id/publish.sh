#!/bin/sh
# A hello to all connections of an id: ./publish.sh u1
set -eu
curl -sS -f -X POST "${SERVER:-http://localhost:3020}/ping/$1"
