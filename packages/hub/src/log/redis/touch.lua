-- A node says who stands behind its connection and what it has seen, and hears where the log stands. On the node's own
-- live channel the head follows everything that was announced before it.
-- ARGV: 1 prefix, 2 run, 3 floor, 4 now or '', 5 node, 6 the run under which it saw its newest position, 7 that
-- position, 8 how long holes are kept, ms, 9 a word that goes with the head.
-- Answers: head, born.

local now = now_ms(ARGV[4])
local last, born = step(ARGV[2], tonumber(ARGV[3]), now)
local seen_run, seen = ARGV[6], tonumber(ARGV[7])

if seen_run ~= '' and seen_run ~= ARGV[2] then
  for _, mark in ipairs(redis.call('ZRANGE', prefix .. ':steps', 0, -1)) do
    local before, survived, first = string.match(mark, '^(%S+) (%d+) (%d+)$')
    if before == seen_run and seen > tonumber(survived) then
      local through = math.max(tonumber(first), seen)
      local hole = survived .. ' ' .. text(through)
      if redis.call('ZADD', prefix .. ':holes', text(through), hole) == 1 then
        redis.call('PUBLISH', prefix .. ':x', hole)
      end
    end
  end
end
redis.call('ZREMRANGEBYSCORE', prefix .. ':holes', '-inf', text(math.max(0, now - tonumber(ARGV[8])) * 1000))

redis.call('PUBLISH', prefix .. ':n:' .. ARGV[5], text(last) .. ' ' .. born .. ' ' .. ARGV[9])
return { text(last), born }
