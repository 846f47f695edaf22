// The API browser: finds an operation, shows what it takes and gives, and tries it out.
// Texts of the contract and of answers are only ever set as text, never as markup.

import { resolve, sample, typeName } from "/docs/sample.js";

const VERBS = ["get", "post", "put", "patch", "delete"];
const list = document.getElementById("operations");
const main = document.getElementById("operation");
const search = document.getElementById("search");
const token = document.getElementById("token");

/** Makes an element with properties and children; children may be texts. */
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

function operationsOf(contract) {
  return Object.entries(contract.paths).flatMap(([path, verbs]) =>
    VERBS.filter((verb) => verbs[verb]).map((verb) => ({ path, verb, ...verbs[verb] })),
  );
}

function showList(operations, words) {
  const matches = (operation) => {
    const text = [operation.operationId, operation.path, operation.verb, operation.summary, operation.description];
    const whole = text.join(" ").toLowerCase();
    return words.every((word) => whole.includes(word));
  };
  const groups = Map.groupBy(operations.filter(matches), (operation) => operation.tags?.[0] ?? "Other");
  const sorted = [...groups].sort(([one], [other]) => one.localeCompare(other));
  const shown = sorted.flatMap(([tag, members]) => [
    make("h2", {}, tag),
    ...members.map((operation) => {
      const link = make("a", { href: `#${operation.operationId}`, title: operation.path });
      link.append(make("span", { className: "verb" }, operation.verb.toUpperCase()), operation.summary ?? operation.path);
      if (location.hash === `#${operation.operationId}`) link.setAttribute("aria-current", "true");
      return link;
    }),
  ]);
  list.replaceChildren(...(shown.length ? shown : [make("p", { className: "faint" }, "Nothing matches.")]));
}

function fieldsTable(contract, schema) {
  const { properties, required = [] } = resolve(contract, schema);
  if (!properties) return make("p", {}, typeName(schema));
  const rows = Object.entries(properties).map(([name, field]) =>
    make(
      "tr",
      {},
      make("td", {}, required.includes(name) ? `${name} *` : name),
      make("td", {}, typeName(field)),
      make("td", {}, field.description ?? resolve(contract, field).description ?? ""),
    ),
  );
  return make("table", {}, make("tbody", {}, ...rows));
}

function parameterInput(contract, parameter) {
  const schema = resolve(contract, parameter.schema);
  const values = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  const input = values
    ? make("select", {}, make("option", { value: "" }, ""), ...values.map((value) => make("option", { value }, value)))
    : make("input", { placeholder: typeName(parameter.schema), autocomplete: "off" });
  input.required = Boolean(parameter.required);
  const name = parameter.required ? `${parameter.name} *` : parameter.name;
  const about = parameter.description ? make("small", {}, parameter.description) : undefined;
  const label = make("label", {}, make("span", { className: "path" }, name), input, about);
  return { parameter, input, label };
}

/** The request that the form describes. */
function requestOf(operation, inputs, body) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = { Accept: "application/json" };
  for (const { parameter, input } of inputs) {
    const value = input.value.trim();
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (parameter.in === "header") headers[parameter.name] = value;
    else if (parameter.schema?.type === "array") value.split(",").forEach((one) => query.append(parameter.name, one.trim()));
    else query.append(parameter.name, value);
  }
  if (token.value) headers.Authorization = `Bearer ${token.value.trim()}`;
  if (body) headers["Content-Type"] = "application/json";
  const url = query.size ? `${path}?${query}` : path;
  return { url, options: { method: operation.verb.toUpperCase(), headers, body: body?.value } };
}

function asCurl({ url, options }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const hidden = (name, value) => (name === "Authorization" ? "Bearer $TOKEN" : value);
  const headers = Object.entries(options.headers).map(([name, value]) => `-H ${quote(`${name}: ${hidden(name, value)}`)}`);
  const data = options.body ? [`-d ${quote(options.body)}`] : [];
  return ["curl", `-X ${options.method}`, ...headers, ...data, quote(location.origin + url)].join(" \\\n  ");
}

async function send(request, output) {
  output.textContent = "…";
  const begun = performance.now();
  try {
    const response = await fetch(request.url, { ...request.options, credentials: "same-origin" });
    const text = await response.text();
    const took = Math.round(performance.now() - begun);
    const json = response.headers.get("content-type")?.includes("json");
    const body = json && text ? JSON.stringify(JSON.parse(text), null, 2) : text;
    const id = response.headers.get("x-request-id") ?? "";
    output.textContent = `${response.status} ${response.statusText}  ${took} ms  ${id}\n\n${body}`;
  } catch (error) {
    output.textContent = `The request failed: ${error}`;
  }
}

function tryOut(contract, operation) {
  const inputs = (operation.parameters ?? []).map((parameter) => parameterInput(contract, parameter));
  const content = operation.requestBody?.content?.["application/json"];
  const begin = content && JSON.stringify(sample(contract, content.schema), null, 2);
  const body = content && make("textarea", { value: begin, spellcheck: false, ariaLabel: "Body" });
  const output = make("pre", { ariaLive: "polite" });
  const curl = make("button", { type: "button" }, "Show curl");
  const form = make("form", {}, ...inputs.map(({ label }) => label), body, make("button", {}, "Send"), " ", curl, output);
  curl.addEventListener("click", () => (output.textContent = asCurl(requestOf(operation, inputs, body))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(requestOf(operation, inputs, body), output);
  });
  return form;
}

function showOperation(contract, operation) {
  const access = operation.security?.length ? (operation["x-permission"] ?? "signed in") : "everybody";
  const schemas = Object.values(operation.responses).map((answer) => Object.values(answer.content ?? {})[0]?.schema);
  const answer = schemas.find(Boolean);
  const content = operation.requestBody?.content?.["application/json"];
  main.replaceChildren(
    make("h2", {}, operation.summary ?? operation.operationId),
    make("p", { className: "path" }, make("span", { className: "verb" }, operation.verb.toUpperCase()), operation.path),
    make("p", { className: "faint" }, `For: ${access}`),
    make("p", { className: "about" }, operation.description ?? ""),
    make("h3", {}, "Try it"),
    tryOut(contract, operation),
    ...(content ? [make("h3", {}, `Takes ${typeName(content.schema)}`), fieldsTable(contract, content.schema)] : []),
    ...(answer ? [make("h3", {}, `Gives ${typeName(answer)}`), fieldsTable(contract, answer)] : []),
  );
  main.focus();
}

async function start() {
  const contract = await (await fetch("/openapi.json")).json();
  const operations = operationsOf(contract);
  const refresh = () => {
    showList(operations, search.value.toLowerCase().split(/\s+/).filter(Boolean));
    const chosen = operations.find((operation) => `#${operation.operationId}` === location.hash);
    return chosen;
  };
  const choose = () => {
    const chosen = refresh();
    if (chosen) showOperation(contract, chosen);
    else main.replaceChildren(make("h2", {}, contract.info.title), make("p", { className: "about" }, contract.info.description));
  };
  search.addEventListener("input", refresh);
  window.addEventListener("hashchange", choose);
  choose();
}

start().catch((error) => main.replaceChildren(make("p", {}, `The contract cannot be shown: ${error}`)));
