-- Removes revocations.
-- ARGV: 1 prefix, 2 run, then positions.

for i = 3, #ARGV do
  redis.call('XDEL', prefix .. ':s:' .. revocations, ARGV[i] .. '-0')
end
