//! The little HTML that the sandbox shows.

/// Text as it may stand between tags and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A whole page around a body that is HTML already.
pub(crate) fn page(title: &str, body: &str) -> axum::response::Html<String> {
    let title = escape(title);
    axum::response::Html(format!(
        "<!doctype html><html lang=\"ru\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1>{body}</main></html>"
    ))
}

const STYLE: &str = "body{margin:0;background:#f4f4f1;color:#222;font:16px/1.5 system-ui,sans-serif}\
main{max-width:44rem;margin:3rem auto;padding:2rem;background:#fff;border-radius:12px;box-shadow:0 1px 4px #0002}\
h1{margin-top:0;font-size:1.4rem}table{width:100%;border-collapse:collapse}td,th{padding:.3rem .5rem;text-align:left;\
border-bottom:1px solid #eee;font-size:.9rem}label{display:block;padding:.5rem 0}input[type=text]{font:inherit;padding:.4rem;width:100%;\
box-sizing:border-box}button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:8px;background:#ffdd2d;cursor:pointer}\
iframe{width:100%;height:24rem;border:1px solid #eee}.total{font-size:1.8rem;font-weight:600}.no{color:#b00020}pre{white-space:pre-wrap}";
