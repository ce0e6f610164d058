# Varnish 7 before the origin of nginx.conf. `npm run edge` runs this very file with other ports and times.
#
# Start varnishd with `-p http_gzip_support=off`: else it asks the origin for gzip alone, and nobody gets brotli.

vcl 4.1;

import std;

backend origin {
    .host = "127.0.0.1";
    .port = "8080";
    .connect_timeout = 1s;
    .first_byte_timeout = 5s;
    .between_bytes_timeout = 5s;
    .probe = {
        .url = "/health";
        .interval = 5s;
        .timeout = 2s;
        .window = 3;
        .threshold = 2;
        .initial = 2;
    }
}

sub vcl_recv {
    # One object for each way to compress, not for each way to ask for it.
    if (req.http.Accept-Encoding ~ "(^|[ ,])br *(,|$|; *q=(1|0\.0*[1-9]))") {
        set req.http.Accept-Encoding = "br";
    } elsif (req.http.Accept-Encoding ~ "(^|[ ,])gzip *(,|$|; *q=(1|0\.0*[1-9]))") {
        set req.http.Accept-Encoding = "gzip";
    } else {
        unset req.http.Accept-Encoding;
    }

    # Whatever is the same for every reader: the releases, the front page, its feed and scripts. Cookies must not split it.
    if (req.url ~ "^/nearside/" || req.url ~ "^/(\?|$)" || req.url ~ "^/(feed\.json|assets/)") {
        set req.url = regsub(req.url, "\?.*$", "");
        unset req.http.Cookie;
        unset req.http.Authorization;
    }

    # stale-while-revalidate: so long an answer past its time is served while one request fetches the next.
    # stale-if-error: with the origin down, as long as the object is kept.
    if (req.restarts == 0 && std.healthy(req.backend_hint)) {
        set req.grace = 600s;
    } else {
        set req.grace = 3650d;
    }
}

sub vcl_backend_response {
    if (beresp.status >= 500 && !bereq.uncacheable) {
        # What is kept is better than an error; without anything kept, the error is not kept either.
        if (bereq.is_bgfetch) {
            return (abandon);
        }
        return (error(beresp.status, beresp.reason));
    }
    if (beresp.status >= 400) {
        # A file that is not there yet.
        set beresp.ttl = 1s;
        set beresp.grace = 0s;
        return (deliver);
    }
    if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]+") {
        set beresp.grace = std.duration(
            regsub(beresp.http.Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1s"), 0s);
    }
    if (bereq.url ~ "^/nearside/") {
        unset beresp.http.Set-Cookie;
    }
}

sub vcl_backend_error {
    # Else Varnish keeps the error for a second where others wait for the same file, and it would hide what is kept.
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
}

sub vcl_deliver {
    # The origin failed before the probe noticed: serve what is kept, however old.
    if (resp.status >= 500 && req.restarts == 0 && (req.method == "GET" || req.method == "HEAD")) {
        return (restart);
    }
}
