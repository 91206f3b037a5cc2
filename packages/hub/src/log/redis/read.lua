-- Reads some channels after a position, as one moment has them.
-- ARGV: 1 prefix, 2 run, 3 floor, 4 now or '', 5 after, 6 entries of one channel, 7 max age ms, 8 trim marks' life ms,
-- then channels.
-- Answers: head, born, holes with the head when each was found, then for each channel what was trimmed, and its entries as position, at, payload.

local now = now_ms(ARGV[4])
local last, born = step(ARGV[2], tonumber(ARGV[3]), now)
local after, count, oldest = ARGV[5], ARGV[6], now - tonumber(ARGV[7])
-- Nobody could have been given a position beyond the head: whoever has one is read everything.
if tonumber(after) > last then after = '0' end
-- A channel that has no mark was not written to for as long as marks live.
local unknown_before = text(math.max(0, now * 1000 - tonumber(ARGV[8]) * 1000))

local holes = redis.call('ZRANGE', prefix .. ':holes', 0, -1, 'WITHSCORES')
-- A position that the data did not have when it changed its server was lost then, although nobody else may remember.
local mark = redis.call('ZRANGEBYSCORE', prefix .. ':steps', '(' .. after, '+inf', 'LIMIT', 0, 1)[1]
if mark then
  local survived, first = string.match(mark, ' (%d+) (%d+)$')
  local hole = survived .. ' ' .. first
  if tonumber(after) > tonumber(survived) and not redis.call('ZSCORE', prefix .. ':holes', hole) then
    holes[#holes + 1] = hole
    holes[#holes + 1] = text(last)
  end
end

local answer = { text(last), born, holes }
for c = 9, #ARGV do
  local channel = ARGV[c]
  local stream = prefix .. ':s:' .. channel
  local m = load_meta(channel)
  local trimmed = unknown_before
  if m.l ~= '0' then
    trim(channel, m, math.huge, math.huge, oldest)
    if m.changed then save_meta(channel, m, now, tonumber(ARGV[7]), ARGV[8]) end
    trimmed = m.t
  end
  local entries = {}
  for _, entry in ipairs(redis.call('XRANGE', stream, '(' .. after .. '-0', '+', 'COUNT', count)) do
    entries[#entries + 1] = string.match(entry[1], '^%d+')
    entries[#entries + 1] = entry[2][2] or ''
    entries[#entries + 1] = entry[2][4] or ''
  end
  answer[#answer + 1] = trimmed
  answer[#answer + 1] = entries
end
return answer
