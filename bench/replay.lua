-- For wrk: sends the requests of the file $TRAFFIC in a loop, and prints one line of JSON.
-- With $PAUSE_MS each connection waits about that time before each request.
local sent = {}
local position = 0
local pause = tonumber(os.getenv("PAUSE_MS") or "0")

-- wrk waits between requests only if this function exists.
if pause > 0 then
  function delay()
    return math.random(0, math.floor(2 * pause))
  end
end

function init()
  local file = assert(io.open(os.getenv("TRAFFIC"), "rb"))
  local content = file:read("*a")
  file:close()
  local at = 1
  while at <= #content do
    local a, b, c, d = content:byte(at, at + 3)
    local length = ((a * 256 + b) * 256 + c) * 256 + d
    sent[#sent + 1] = content:sub(at + 4, at + 3 + length)
    at = at + 4 + length
  end
end

function request()
  position = position % #sent + 1
  return sent[position]
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  local errors = summary.errors
  io.write(string.format(
    '{"rate": %.1f, "requests": %d, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
    summary.requests / seconds, summary.requests, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
