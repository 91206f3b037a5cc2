-- A node says that it will not be there any more.
-- ARGV: 3 node.

redis.call('ZREM', prefix .. ':nodes', ARGV[3])
return redis.call('DEL', prefix .. ':f:' .. ARGV[3])
