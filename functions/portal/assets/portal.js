// Open pages ask every few seconds whether anything changed; this makes the common answer a 304, and says when there is none.

const connection = document.getElementById("connection");

htmx.registerExtension("etag", {
  htmx_config_request(live, { ctx }) {
    if (document.hidden) return false;
    if (live.dataset.etag) ctx.request.headers["If-None-Match"] = live.dataset.etag;
  },
  htmx_after_request(live, { ctx }) {
    const etag = ctx.response.headers.get("etag");
    if (etag) live.dataset.etag = etag;
    connection.hidden = ctx.response.status < 500;
  },
  htmx_error() {
    connection.hidden = false;
  },
});
