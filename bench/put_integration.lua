-- Full updates of integrations with changing flags. arguments: API key, ids as "first-last"
local n, first, last, requests = 0, 1, 1, {}
function init(args)
   wrk.headers["X-API-KEY"] = args[1]
   wrk.headers["Content-Type"] = "application/json"
   wrk.headers["Prefer"] = "return=minimal"
   first, last = args[2]:match("(%d+)-(%d+)")
   first, last = tonumber(first), tonumber(last)
   math.randomseed(os.time() + tonumber(tostring(wrk.thread):match("0x(%x+)") or "1", 16) % 65536)
   n = math.random(1000000)
   -- Made before the clock starts: what is measured is the hub.
   requests = {}
   for i = 1, 4096 do
      n = n + 1
      local on = n % 2 == 0 and "true" or "false"
      local body = string.format('{"integrationName":"Partner %d","integrationType":"OCPI","models":{"pushTariff":%s,"pullLocation":%s,"pushSession":%s},' ..
         '"ocpiConnection":{"initialRole":"RECEIVER","customerRoles":["CPO"],"schedule":{"deltaMinutes":%d}}}', n, on, on, on, 30 + n % 30)
      requests[i] = wrk.format("PUT", "/v1/integrations/" .. (first + (n * 7919) % (last - first + 1)), nil, body)
   end
   n = math.random(4096)
end
function request()
   n = n + 1
   return requests[n % 4096 + 1]
end
local bad = 0
function response(status) if status >= 300 then bad = bad + 1 end end
