// The token of the link has become a cookie: on to the page, whose address need not hold it.
"use strict";

const query = new URLSearchParams(location.search);
query.delete("token");
location.replace("/" + (String(query) && "?" + query) + location.hash);
