-- A node says that it is there, and what has changed in whom it serves.
-- ARGV: 3 node, 4 who it is, 5 how long that counts without another word, ms, 6 '1' when nothing counts that it said
-- before, then names and how many connections it has under each.
-- Answers: '1' when what it said before is gone, so that it has to say everything again; then each living node, who it
-- is, and how long ago it said so, ms.

local node, who, life = ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = now_ms('')
local counts = prefix .. ':f:' .. node
local is_gone = ''
if ARGV[6] == '1' then
  redis.call('DEL', counts)
elseif redis.call('EXISTS', counts) == 0 then
  is_gone = '1'
end

redis.call('HSET', counts, '', who)
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '0' then
    redis.call('HDEL', counts, ARGV[i])
  else
    redis.call('HSET', counts, ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', counts, ARGV[5])
redis.call('ZADD', prefix .. ':nodes', text(now), node)
redis.call('ZREMRANGEBYSCORE', prefix .. ':nodes', '-inf', text(now - life))

local answer = living_nodes(now, life)
table.insert(answer, 1, is_gone)
return answer
