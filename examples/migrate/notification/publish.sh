#!/bin/sh
# A text to a user: ./publish.sh user123 'Hello, User!'
set -eu
curl -sS -f -X POST "${SERVER:-http://localhost:8080}/send" -H 'Content-Type: application/json' \
  -d "{\"userID\": \"$1\", \"message\": \"$2\"}"
