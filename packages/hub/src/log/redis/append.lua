-- Orders, stores and announces drafts in one step.
-- ARGV: 1 prefix, 2 run, 3 floor, 4 now or '', 5 max events, 6 max age ms, 7 max bytes, 8 key window ms, 9 how long
-- trim marks live ms, then for each draft: key or '', '1' when it is not stored, payload, number of channels, channels.
-- Answers: born, then for each draft its position ('' when it has none) and '1' when its key was known.

local run, floor = ARGV[2], tonumber(ARGV[3])
local now = now_ms(ARGV[4])
local max_events, max_age, max_bytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local window, keep = tonumber(ARGV[8]), ARGV[9]
local last, born = step(run, floor, now)
if last <= floor then last = floor end
local answer = { born }

local function remember(key, position)
  if key ~= '' and window > 0 then
    redis.call('SET', prefix .. ':k:' .. key, position .. ' ' .. text(now), 'PX', ARGV[8])
  end
end

local function known_position(key)
  if key == '' then return nil end
  local known = redis.call('GET', prefix .. ':k:' .. key)
  if not known then return nil end
  local position, at = string.match(known, '^(%d*) (%d+)$')
  if now - tonumber(at) >= window then return nil end
  return position
end

local i = 10
while i <= #ARGV do
  local key, passing, payload, count = ARGV[i], ARGV[i + 1] == '1', ARGV[i + 2], tonumber(ARGV[i + 3])
  local known = known_position(key)
  if known then
    answer[#answer + 1] = known
    answer[#answer + 1] = '1'
  else
    local position, token = '', nil
    if passing then
      token = math.max(tonumber(redis.call('HGET', meta, 'eph') or '0') + 1, now * 1000)
      redis.call('HSET', meta, 'eph', text(token))
    else
      last = math.max(last + 1, now * 1000)
      position = text(last)
    end
    -- One header for all its channels: who follows several of them hears it once, and whole.
    local header = { position, token and text(token) or '', text(now), born }
    for c = i + 4, i + 3 + count do
      local channel = ARGV[c]
      header[#header + 1] = channel
      if passing then
        header[#header + 1] = ''
      else
        local m = load_meta(channel)
        header[#header + 1] = m.l
        m.l = position
        m.b = m.b + #payload + 300
        if m.count == 0 then m.o = now end
        m.count = m.count + 1
        redis.call('XADD', prefix .. ':s:' .. channel, position .. '-0', 'a', text(now), 'd', payload)
        trim(channel, m, max_events, max_bytes, now - max_age)
        save_meta(channel, m, now, max_age, keep)
      end
    end
    local message = cjson.encode(header) .. '\n' .. payload
    for c = i + 4, i + 3 + count do
      local channel = ARGV[c]
      -- A single connection has no followers to subscribe for it: every node hears of it.
      if string.sub(channel, 1, 12) == '@connection:' then
        redis.call('PUBLISH', prefix .. ':x', message)
      else
        redis.call('PUBLISH', prefix .. ':l:' .. channel, message)
      end
    end
    remember(key, position)
    answer[#answer + 1] = position
    answer[#answer + 1] = '0'
  end
  i = i + 4 + count
end
redis.call('HSET', meta, 'last', text(last), 'at', text(now))
return answer
