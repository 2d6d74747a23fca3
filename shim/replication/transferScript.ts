// The Lua that keeps the chunks of large commands in a region's server until they can be put together. Any order and
// repetition of them ends the same; what is never completed expires.
//
//   t<transfer>            hash in database 1
//     <offset>             a chunk that has come, and its bytes
//     n                    bytes of all that have come
//     b, e                 bytes that there have to be, and the message that came with them: how to go on
//     a                    when that message came first, in seconds since 1970
//     d                    all is done, or given up: chunks that come now are late copies
//   d<transfer>:<offset>   a chunk. Each has a key of its own, since a string that grows is moved as a whole, and holds up
//                          the server; one that the server evicts is missed
//   w<transfer>            the value, put together, on its way to its key
//
// All of them begin with ARGV: milliseconds to keep what there is, transfer.

const lead = `
local call = redis.call
local keepMs, id = ARGV[1], ARGV[2]
local transfer = 't' .. id
call('SELECT', 1)
`;

/** Keeps a chunk. ARGV: …, offset, bytes. Returns the message where that completes the transfer. */
export const storeScript = `${lead}
local offset, bytes = ARGV[3], ARGV[4]
if call('HEXISTS', transfer, 'd') == 1 then return end
call('SET', 'd' .. id .. ':' .. offset, bytes, 'PX', keepMs)
if call('HSETNX', transfer, offset, #bytes) == 1 then call('HINCRBY', transfer, 'n', #bytes) end
call('PEXPIRE', transfer, keepMs)
local known = call('HMGET', transfer, 'n', 'b', 'e')
if known[1] == known[2] then return known[3] end
`;

/**
 * Keeps a message. ARGV: …, bytes, message. Returns `done`, `waiting` for chunks, `lost` where one that came is not there
 * any more or one has not come in half the time for which they are kept, or the offsets of all. Time counts from when the
 * message came: to a region that was cut off, old ones come in any order too.
 */
export const completeScript = `${lead}
if call('HEXISTS', transfer, 'd') == 1 then return 'done' end
local seconds = call('TIME')[1]
call('HSETNX', transfer, 'a', seconds)
call('HSET', transfer, 'b', ARGV[3], 'e', ARGV[4])
call('PEXPIRE', transfer, keepMs)
local known = call('HMGET', transfer, 'n', 'a')
if known[1] ~= ARGV[3] then return (seconds - known[2]) * 2000 < tonumber(keepMs) and 'waiting' or 'lost' end
local offsets = {}
for _, name in ipairs(call('HKEYS', transfer)) do
  if tonumber(name) then
    if call('EXISTS', 'd' .. id .. ':' .. name) == 0 then return 'lost' end
    offsets[#offsets + 1] = tonumber(name)
  end
end
table.sort(offsets)
return offsets
`;

/** Reads a chunk. ARGV: …, offset. */
export const readScript = `${lead}
return call('GET', 'd' .. id .. ':' .. ARGV[3])
`;

/** Marks a transfer as done, and frees some of its chunks. Returns 1 where there are more. */
export const discardScript = `${lead}
call('HSET', transfer, 'd', '')
call('PEXPIRE', transfer, keepMs)
call('HDEL', transfer, 'e')
call('UNLINK', 'w' .. id)
local freed = 0
for _, name in ipairs(call('HKEYS', transfer)) do
  if tonumber(name) then
    if freed == 64 then return 1 end
    call('UNLINK', 'd' .. id .. ':' .. name)
    call('HDEL', transfer, name)
    freed = freed + 1
  end
end
return 0
`;
