-- Passes a question on to all nodes.
-- ARGV: 3 the question, 4 how long a node's word counts, ms.
-- Answers: each living node, who it is, and how long ago it said so, ms.

redis.call('PUBLISH', prefix .. ':q', ARGV[3])
return living_nodes(now_ms(''), tonumber(ARGV[4]))
