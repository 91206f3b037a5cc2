#!/bin/sh
# Any JSON to all tabs of a user: ./publish.sh 123 '{"message":"Hello world!"}'
set -eu
curl -sS -f -X POST "${SERVER:-http://localhost:8080}/send-to-user" -H 'Content-Type: application/json' \
  -d "{\"userID\":\"$1\",\"value\":$2}"
