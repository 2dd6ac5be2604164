"""What Redis runs for the quota: one script takes from all buckets of a call or from none, one pauses a bucket."""

TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local account, slot, first, cold = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local wait = 0
for _, ends in ipairs(redis.call('HMGET', KEYS[1], 'project', account)) do
  if ends then wait = math.max(wait, tonumber(ends) - now) end
end
local full = {}
for i = 3, #KEYS do
  local each, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local emptied = now + each * burst
  local at = tonumber(redis.call('GET', KEYS[i]) or '')
  if not at then at = cold == '1' and emptied - each or now end
  at = math.min(math.max(at, now), emptied) + each
  wait = math.max(wait, at - emptied)
  full[i] = at
end
if wait <= 0 or first == '1' then
  local key = KEYS[2] .. (wait > 0 and ':waited:' or ':used:') .. math.floor(now / slot)
  redis.call('HINCRBY', key, account, 1)
  redis.call('PEXPIRE', key, math.ceil(slot * 8))
end
if wait > 0 then
  if first == '1' then redis.call('HINCRBY', KEYS[2] .. ':total', 'waited', 1) end
  return math.ceil(wait)
end
redis.call('HINCRBY', KEYS[2] .. ':total', 'sent', 1)
redis.call('EXPIRE', KEYS[2] .. ':total', 2592000)
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], string.format('%.3f', full[i]), 'PX', math.ceil(full[i] - now) + 1000)
end
return 0
"""
# A bucket cannot be emptier than empty: the `min` mends what a server clock set back would else keep shut for hours.

PAUSE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local period, asked = tonumber(ARGV[2]), tonumber(ARGV[3])
local ends = asked > 0 and now + asked or math.max((math.floor(now / period) + 1) * period, now + period / 60)
ends = math.max(ends, tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0'))
local kept = math.max(redis.call('PTTL', KEYS[1]), math.ceil(ends - now) + 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.3f', ends))
redis.call('PEXPIRE', KEYS[1], kept)
redis.call('HINCRBY', KEYS[2], 'refused', 1)
redis.call('EXPIRE', KEYS[2], 2592000)
return math.ceil(ends - now)
"""
