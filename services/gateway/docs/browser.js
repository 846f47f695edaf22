// The API browser: Swagger UI over our own document, and a sign-in form that gives it a token.
//
// The tokens are kept for this tab only and leave it with the tab. Nothing is asked of any other address than our own.
"use strict";

const KEPT = "lyceum-docs-session";
/** A new access token is asked for so long before the old one expires, in seconds. */
const AHEAD = 30;

const part = (id) => document.getElementById(id);
let ui;
let renewal;

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** Asks one of the sign-in operations; what comes back, or an error with the problem's own words. */
async function ask(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (answer.status === 204) return null;
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail || told.title);
  return told;
}

/** Begins to use a session: in the browser, in the form, and in the tab's memory. */
function use(session) {
  sessionStorage.setItem(KEPT, JSON.stringify(session));
  ui.preauthorizeApiKey("bearer", session.accessToken);
  part("sign-in").hidden = true;
  part("signed-in").hidden = false;
  part("who").textContent = `Signed in as ${session.email}. The token is sent with every call.`;
  part("told").textContent = "";
  clearTimeout(renewal);
  const seconds = Math.max(0, session.until - Date.now() / 1000 - AHEAD);
  renewal = setTimeout(renew, seconds * 1000);
}

function open(tokens, email) {
  use({
    email,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    until: Date.now() / 1000 + tokens.expiresIn,
  });
}

function forget(why) {
  clearTimeout(renewal);
  sessionStorage.removeItem(KEPT);
  ui.authActions.logout(["bearer"]);
  part("sign-in").hidden = false;
  part("signed-in").hidden = true;
  part("told").textContent = why;
}

async function renew() {
  const session = kept();
  if (!session) return;
  try {
    open(await ask("/v1/auth/refresh", { refreshToken: session.refreshToken }), session.email);
  } catch (error) {
    forget(`The session could not be prolonged: ${error.message}`);
  }
}

async function signIn(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  const [email, password] = [form.email.value.trim(), form.password.value];
  button.disabled = true;
  try {
    open(await ask("/v1/auth/sign-in", { email, password }), email);
    form.password.value = "";
  } catch (error) {
    part("told").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

async function signOut() {
  const session = kept();
  forget("Signed out.");
  if (session) await ask("/v1/auth/sign-out", { refreshToken: session.refreshToken }).catch(() => {});
}

/** What somebody who comes for the first time looks for; the other services follow as the document lists them. */
const FIRST = ["AuthService", "UserService", "CatalogService", "ShopService", "OrderService", "LearningService"];

function order(one, other) {
  const place = (tag) => (FIRST.includes(tag) ? FIRST.indexOf(tag) : FIRST.length);
  return place(one) - place(other);
}

let searched = "";

/** Finds operations by any word of their address, name or summary; Swagger UI itself searches tags only. */
function search(taggedOperations, phrase) {
  const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (tag, operation) => {
    const about = operation.get("operation");
    const text = [tag, operation.get("path"), operation.get("method"), about.get("operationId"), about.get("summary")];
    const all = text.join(" ").toLowerCase();
    return words.every((word) => all.includes(word));
  };
  const found = taggedOperations
    .map((group, tag) => group.set("operations", group.get("operations").filter((one) => fits(tag, one))))
    .filter((group) => group.get("operations").size > 0);
  if (phrase !== searched) {
    searched = phrase;
    // What was searched for is shown and not folded away. Not while Swagger UI draws.
    setTimeout(() => found.forEach((_, tag) => ui.layoutActions.show(["operations-tag", tag], true)));
  }
  return found;
}

/** One line for the refusals of an operation, where the document has fifteen answers with the same example each. */
function refusals(document, operation) {
  const statuses = Object.keys(operation.responses).filter((status) => status >= "400");
  const own = document.components.schemas[`${operation.operationId}Problem`];
  const codes = own?.allOf.flatMap((part) => part.properties?.code.enum ?? []) ?? [];
  const told = `Refused with a [Problem](/docs/first-call#refused). Statuses: ${statuses.join(", ")}.`;
  return codes.length ? `${told}\n\nCodes: ${codes.map((code) => `\`${code}\``).join(", ")}.` : told;
}

/** The document as a person reads it. */
function shortened(document) {
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    const done = Object.entries(operation.responses).filter(([status]) => status < "400");
    operation.responses = { ...Object.fromEntries(done), default: { description: refusals(document, operation) } };
  }
  for (const name of Object.keys(document.components.schemas)) {
    if (name !== "Problem" && name.endsWith("Problem")) delete document.components.schemas[name];
  }
  return document;
}

/** Light or dark, as the system is. */
function dress() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const set = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", set);
  set();
}

async function begin() {
  // The form takes the place of Swagger UI's own dialog, and there is only one server.
  const nothing = () => null;
  const spec = shortened(await (await fetch("/openapi.json")).json());
  ui = SwaggerUIBundle({
    spec,
    domNode: part("operations"),
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    filter: true,
    tagsSorter: order,
    displayRequestDuration: true,
    validatorUrl: null,
    plugins: [
      {
        fn: { opsFilter: search },
        components: { authorizeBtn: nothing, ServersContainer: nothing },
      },
    ],
    onComplete() {
      const field = document.querySelector(".operation-filter-input");
      if (field) field.placeholder = "Search operations: order, POST /v1/me …";
      const session = kept();
      if (!session) return;
      if (session.until - AHEAD > Date.now() / 1000) use(session);
      else renew();
    },
  });
  part("sign-in").addEventListener("submit", signIn);
  part("sign-out").addEventListener("click", signOut);
}

dress();
begin().catch((error) => {
  part("operations").textContent = `The contract could not be shown: ${error.message}`;
});
