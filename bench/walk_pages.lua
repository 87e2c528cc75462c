-- Pages from all over a list: follows the links of a few pages and jumps by offsets in between. arguments: Authorization
local n = 0
function init(args)
   wrk.headers["Authorization"] = args[1]
   n = math.random(1000)
end
local link
function request()
   n = n + 1
   if link and n % 50 ~= 0 then
      return wrk.format("GET", link)
   end
   return wrk.format("GET", wrk.path .. "&offset=" .. (n * 7919) % 100000)
end
function response(status, headers)
   link = nil
   for name, value in pairs(headers) do
      if name:lower() == "link" then
         link = value:match("<https?://[^/]+([^>]+)>")
      end
   end
end
