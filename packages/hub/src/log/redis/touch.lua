-- A node says who stands behind its connection and what it has seen, and hears where the log stands. On the node's own
-- live channel the head follows everything that was announced before it.
-- ARGV: 1 prefix, 2 run, 3 floor, 4 now or '', 5 node, 6 how long holes are kept, ms, 7 a word that goes with the head,
-- then each run under which it saw something, and the newest position it saw there.
-- Answers: head, born.

local run, floor = ARGV[2], tonumber(ARGV[3])
local now = now_ms(ARGV[4])
local last, born = step(run, floor, now)
if last < floor then
  last = floor
  redis.call('HSET', meta, 'last', text(last), 'at', text(now))
end

-- What it saw is lost where the data went on from an older position: under the next server after that one, or, when
-- that one is forgotten, too, where its position falls into the hole.
local function confirm(seen_run, seen)
  for _, mark in ipairs(redis.call('ZRANGE', prefix .. ':steps', 0, -1)) do
    local before, survived, first = string.match(mark, '^(%S+) (%d+) (%d+)$')
    if seen > tonumber(survived) and (before == seen_run or seen < tonumber(first)) then
      local through = math.max(tonumber(first), seen)
      local hole = survived .. ' ' .. text(through)
      if not redis.call('ZSCORE', prefix .. ':holes', hole) then
        -- A position of its own, so that whoever stands at the head now is seen to have passed the hole unawares.
        last = last + 1
        redis.call('HSET', meta, 'last', text(last), 'at', text(now))
        redis.call('ZADD', prefix .. ':holes', text(last), hole)
        redis.call('PUBLISH', prefix .. ':x', hole)
      end
    end
  end
end

for i = 8, #ARGV, 2 do
  if ARGV[i] ~= run then confirm(ARGV[i], tonumber(ARGV[i + 1])) end
end
redis.call('ZREMRANGEBYSCORE', prefix .. ':holes', '-inf', text(math.max(0, now - tonumber(ARGV[6])) * 1000))

redis.call('PUBLISH', prefix .. ':n:' .. ARGV[5], table.concat({ text(last), born, ARGV[7], run }, ' '))
return { text(last), born }
