#!/bin/sh
# The two sends of the quick start, to everybody and to one session: ./publish.sh user-123
set -eu
server=${SERVER:-http://localhost:8080}
curl -sS -f -X POST "$server/notify"
curl -sS -f -X POST "$server/pm?session=$1"
