-- What wrk sends, and what it says at its end: one line of JSON. Times in microseconds.
-- Arguments: the body of each request, empty for GET; how many paths there are, which end in a number from 0 on.

local paths = 1
local next_path = 0

function init(arguments)
  if arguments[1] ~= nil and arguments[1] ~= "" then
    wrk.method = "POST"
    wrk.body = arguments[1]
    wrk.headers["content-type"] = "application/json"
  end
  paths = tonumber(arguments[2] or "1")
end

function request()
  if paths == 1 then
    return wrk.format()
  end
  local path = wrk.path .. next_path
  next_path = (next_path + 1) % paths
  return wrk.format(nil, path)
end

function done(summary, latency)
  local quantiles = {}
  for _, percent in ipairs({ 50, 75, 90, 95, 99, 99.5, 99.9, 99.99 }) do
    table.insert(quantiles, string.format("[%s,%d]", percent, latency:percentile(percent)))
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"micros":%d,"refused":%d,"broken":%d,"max":%d,"quantiles":[%s]}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency.max, table.concat(quantiles, ",")))
end
