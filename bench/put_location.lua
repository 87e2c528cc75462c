-- A partner's PUTs of 2 KB Locations. arguments: Authorization value, base URL path, file with one Location a line (its own party's)
local lines, n, base = {}, 0, ""
function init(args)
   wrk.headers["Authorization"] = args[1]
   wrk.headers["Content-Type"] = "application/json"
   base = args[2]
   for line in io.lines(args[3]) do lines[#lines + 1] = line end
   n = math.random(#lines)
end
local clock = 0
function request()
   n = n % #lines + 1
   clock = clock + 1
   local stamp = os.date("!%Y-%m-%dT%H:%M:%S", 1800000000 + clock) .. "Z"
   local body = lines[n]:gsub('"last_updated":"[^"]*"}$', '"last_updated":"' .. stamp .. '"}')
   local country, party, id = body:match('"country_code":"([^"]+)","party_id":"([^"]+)","id":"([^"]+)"')
   return wrk.format("PUT", base .. "/" .. country .. "/" .. party .. "/" .. id, nil, body)
end
