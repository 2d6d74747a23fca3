// The Lua that looks at what is under a key: prints that tell whether somebody else has written, the value packed, expiries.
// What is too large is neither packed nor read, so that it does not hold up the server.

/** Follows `records`. */
export const values = `
local MAX_BASE, MAX_DUMP = 65536, 8192
-- To pack more would hold up the server.
local MAX_PACKED = 1048576

local function number(value)
  return string.format('%.0f', value)
end

local function expiryOf(key)
  local ms = call('PEXPIRETIME', key)
  if ms > 0 then return ms end
end

-- Bytes that a value takes up. A key whose time has come is there for MEMORY USAGE alone.
local function sizeOf(key)
  if call('EXISTS', key) == 1 then return call('MEMORY', 'USAGE', key) end
end

local counts = { string = 'STRLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN' }

-- Tells whether somebody else has written. Of large values it knows the number of elements alone: to read them would cost
-- too much, and what memory they take up changes as they are read, since each read carries on the rehashing of a table.
local function fingerprint(key, large)
  local size = sizeOf(key)
  if not size then return '' end
  if not large and size <= MAX_DUMP then return sub(call('DUMP', key), -8) end
  local kind = call('TYPE', key).ok
  return kind .. number(counts[kind] and call(counts[kind], key) or size)
end

local function valuePrint(value)
  if #value > MAX_DUMP then return number(#value) end
  return sub(redis.sha1hex(value), 1, 8)
end

-- The print of a string that is there, without reading a large one.
local function printOf(key)
  local length = redis.pcall('STRLEN', key)
  if type(length) == 'number' and length > MAX_DUMP then return number(length) end
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and valuePrint(value)
end

-- What is there, packed; or that it is too large for the journal.
local function baseOf(key)
  local size = sizeOf(key)
  if not size then return end
  local base = size <= MAX_PACKED and call('DUMP', key)
  if base and #base <= MAX_BASE then return base end
  return nil, true
end

-- Moves the instants of a hash's fields; those that are reached by the instant due go. Returns the first of the others.
local function moveFields(key, by, due)
  local fields = call('TYPE', key).ok == 'hash' and call('HKEYS', key) or {}
  local first
  for i = 1, #fields, 1000 do
    local some = { unpack(fields, i, math.min(i + 999, #fields)) }
    local instants = redis.pcall('HPEXPIRETIME', key, 'FIELDS', #some, unpack(some))
    -- Servers before Redis 7.4 and Valkey 9.
    if instants.err then return end
    for k, field in ipairs(some) do
      local instant = instants[k]
      if instant > 0 and instant + by <= due then
        call('HDEL', key, field)
      elseif instant > 0 then
        if by ~= 0 then call('HPEXPIREAT', key, number(instant + by), 'FIELDS', 1, field) end
        first = math.min(first or instant + by, instant + by)
      end
    end
  end
  return first
end
`;
