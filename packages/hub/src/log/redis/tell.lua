-- Answers a node that has asked.
-- ARGV: 3 the node that asked, 4 the answer.

return redis.call('PUBLISH', prefix .. ':a:' .. ARGV[3], ARGV[4])
