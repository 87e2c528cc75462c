-- A partner's PUTs of 2 KB Locations, each pass over them with a newer last_updated, so that every one is written.
-- arguments: Authorization value, base URL path, file with one Location a line (its own party's)
-- The requests are made ready before the run: the loader must not be what is measured.
local before, after, n, stamp, next_second = {}, {}, 0, "", 0
local MARK = "0000-00-00T00:00:00Z"
local function pass()
   n, next_second = 1, next_second + 1
   stamp = os.date("!%Y-%m-%dT%H:%M:%SZ", next_second)
end
function init(args)
   wrk.headers["Authorization"] = args[1]
   wrk.headers["Content-Type"] = "application/json"
   for line in io.lines(args[3]) do
      local country, party, id = line:match('"country_code":"([^"]+)","party_id":"([^"]+)","id":"([^"]+)"')
      local head, tail = line:match('^(.*"last_updated":")[^"]*(".*)$') -- the last one is the Location's own
      local text = wrk.format("PUT", args[2] .. "/" .. country .. "/" .. party .. "/" .. id, nil, head .. MARK .. tail)
      local at = text:find(MARK, 1, true)
      before[#before + 1] = text:sub(1, at - 1)
      after[#after + 1] = text:sub(at + #MARK)
   end
   next_second = 1769000000 + os.time() % 100000 * 250 -- later than what the lines hold, and than any earlier run
   pass()
end
function request()
   n = n + 1
   if n > #before then pass() end
   return before[n] .. stamp .. after[n]
end
