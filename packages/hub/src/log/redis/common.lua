-- Stands before every script of the log. All keys begin with ARGV[1], whose hash tag keeps them in one slot of a
-- cluster; KEYS[1] routes the call there.
--
--   PREFIX:meta       hash: last (newest position), at (when it was given), born (first one), run (who last wrote), eph
--                     (newest token)
--   PREFIX:s:CHANNEL  stream: the entries of a channel, id POSITION-0, fields a (ms since 1970) and d (payload)
--   PREFIX:m:CHANNEL  hash: l (newest position), b (bytes), t (everything up to here was
--                     trimmed), o (time of the oldest entry), e (when it was said how long its keys live)
--   PREFIX:k:KEY      string: "POSITION AT" of an idempotency key
--   PREFIX:s:@revocations and its m never expire, and are never trimmed
--   PREFIX:steps      sorted set by position: "RUN SURVIVED FIRST" for each change of the server behind the data
--   PREFIX:holes      sorted set by the head when it was found: "AFTER THROUGH", losses that somebody has confirmed
--   PREFIX:nodes      sorted set by ms since 1970: when each node said that it is there
--   PREFIX:f:NODE     hash: '' (who the node is), and how many connections it has under each name
--   PREFIX:l:CHANNEL  live channel of a channel; PREFIX:x for single connections and holes; PREFIX:n:NODE for ticks;
--                     PREFIX:q for questions to all nodes; PREFIX:a:NODE for what a node is answered
--
-- Numbers leave as text made with %.0f: tostring keeps only 14 digits.

local prefix = ARGV[1]
local meta = prefix .. ':meta'

local revocations = '@revocations'

local function text(number)
  return string.format('%.0f', number)
end

-- Milliseconds since 1970: the caller's in tests, otherwise the server's own.
local function now_ms(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Who asks first when the data has changed need not have seen the newest position that was given before, and the clock of
-- the server that took over may be behind. No clock is so far off, in microseconds: nothing above it was given before.
local leap = 10000000

-- Another server process stands behind this data than the one that wrote last: it may have come back with less than
-- was acknowledged. What was lost only those know who saw it; here the place is marked, and a position is used up, so
-- that everything before it is old.
local function step(run, floor, now)
  local known = redis.call('HMGET', meta, 'last', 'born', 'run', 'at')
  local last, born, before = tonumber(known[1]), known[2], known[3]
  if not born then
    last = math.max(now * 1000, floor + 1) + leap
    born = text(last)
    redis.call('HSET', meta, 'last', born, 'born', born, 'run', run, 'at', text(now))
  elseif before ~= run then
    -- The same old data may come back twice: what was given in between lies within the time that has passed.
    local passed = math.max(0, now - (tonumber(known[4]) or now)) * 1000
    local first = math.max(last + 1 + passed, now * 1000, floor + 1) + leap
    redis.call('ZADD', prefix .. ':steps', text(first), before .. ' ' .. text(last) .. ' ' .. text(first))
    redis.call('ZREMRANGEBYRANK', prefix .. ':steps', 0, -65)
    redis.call('HSET', meta, 'last', text(first), 'run', run, 'at', text(now))
    last = first
  end
  return last, born
end

local function load_meta(channel)
  local known = redis.call('HMGET', prefix .. ':m:' .. channel, 'l', 'b', 't', 'o', 'e')
  local m = { l = known[1] or '0', b = tonumber(known[2] or '0'), t = known[3] or '0' }
  m.o = tonumber(known[4] or '0')
  m.e = tonumber(known[5] or '0')
  m.count = redis.call('XLEN', prefix .. ':s:' .. channel)
  -- The stream is gone as a whole: it has expired, or Redis needed its memory.
  if m.count == 0 and m.t ~= m.l and channel ~= revocations then
    m.t = m.l
    m.b = 0
    m.e = 0
    m.changed = true
  end
  return m
end

-- Removes from a channel what is too much, too old or too large; writes how far that reached into m.
local function trim(channel, m, max_events, max_bytes, oldest_at)
  if channel == revocations then return end
  local stream = prefix .. ':s:' .. channel
  while m.count > 0 and (m.count > max_events or m.b > max_bytes or m.o <= oldest_at) do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 2)
    local first = oldest[1]
    local second = oldest[2]
    redis.call('XDEL', stream, first[1])
    m.t = string.match(first[1], '^%d+')
    m.b = m.b - #(first[2][4] or '') - 300
    m.o = second and tonumber(second[2][2]) or 0
    m.count = m.count - 1
    m.changed = true
  end
end

-- What is written down of revocations stays until it is removed.
local function expire(key, channel, after_ms)
  if channel == revocations then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, after_ms) end
end

-- Keys live for a minute longer than they must, so that they need not be told so each time.
local function save_meta(channel, m, now, max_age, keep_ms)
  local key = prefix .. ':m:' .. channel
  local is_due = now < m.e or now - m.e >= 30000
  if is_due then m.e = now end
  redis.call('HSET', key, 'l', m.l, 'b', text(m.b), 't', m.t, 'o', text(m.o), 'e', text(m.e))
  if is_due then
    expire(key, channel, keep_ms)
    expire(prefix .. ':s:' .. channel, channel, text(max_age + 60000))
  end
end

-- Nodes that have said within their life that they are there: id, who it is, how long ago it said so, ms.
local function living_nodes(now, life)
  local nodes = {}
  local found = redis.call('ZRANGEBYSCORE', prefix .. ':nodes', '(' .. text(now - life), '+inf', 'WITHSCORES')
  for i = 1, #found, 2 do
    nodes[#nodes + 1] = found[i]
    nodes[#nodes + 1] = redis.call('HGET', prefix .. ':f:' .. found[i], '') or ''
    nodes[#nodes + 1] = text(now - tonumber(found[i + 1]))
  end
  return nodes
end
