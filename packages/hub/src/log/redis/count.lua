-- Reads how many connections the other nodes have under some names.
-- ARGV: 3 node that asks, 4 how long a node's word counts, ms, then names.
-- Answers: for each living node but the one that asks its id, and a list: who it is, and the counts, false where there is
-- none.

local now = now_ms('')
local names = { '' }
for i = 5, #ARGV do names[#names + 1] = ARGV[i] end

local answer = {}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', prefix .. ':nodes', '(' .. text(now - tonumber(ARGV[4])), '+inf')) do
  if node ~= ARGV[3] then
    answer[#answer + 1] = node
    answer[#answer + 1] = redis.call('HMGET', prefix .. ':f:' .. node, unpack(names))
  end
end
return answer
