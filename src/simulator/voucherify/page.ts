import type { JsonValue } from "../../json";
import type { StoredCustomer } from "./customers/customer-book";
import type { SimulatedAnswer } from "../exchange";
import type { Profile, ProfileBook } from "../bloomreach/profile-book";
import type { LoggedRequest } from "../request-log";

const CUSTOMERS_SHOWN = 200;
const REQUESTS_SHOWN = 100;
const EVENTS_SHOWN = 10;

const STYLE = `
  :root { color-scheme: light dark; --line: #d5d9e0; --soft: #5b6472; --bad: #b3261e; }
  @media (prefers-color-scheme: dark) { :root { --line: #3a404b; --soft: #9aa4b2; --bad: #ff8a80; } }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
  p, caption { color: var(--soft); }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
  code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
  .bad { color: var(--bad); }`;

/** The simulator's page: its newest customers and requests, readable without anything from elsewhere. */
export function renderPage(
  customers: ReadonlyMap<string, StoredCustomer>,
  { profiles }: ProfileBook,
  log: readonly LoggedRequest[],
): SimulatedAnswer {
  const newestCustomers = [...customers.values()].slice(-CUSTOMERS_SHOWN).reverse();
  const newestProfiles = [...profiles].slice(-CUSTOMERS_SHOWN).reverse();
  const newestRequests = log.slice(-REQUESTS_SHOWN).reverse();
  const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simulator of Bloomreach and Voucherify</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>Simulator of Bloomreach and Voucherify</h1>
<p>Plays both APIs on this machine, so that flows can be tried without an account. Nothing leaves this machine, and
nothing is kept when it stops. Reload the page to see what is new.</p>
<h2>Customers in Voucherify (${customers.size})</h2>
${table(["Source ID", "Name", "Email", "Metadata"], newestCustomers.map(customerRow), "No customer has arrived yet.")}
<h2>Customers in Bloomreach (${profiles.size})</h2>
${table(["IDs", "Properties", "Newest events"], newestProfiles.map(profileRow), "No event has arrived yet.")}
<h2>Newest requests</h2>
${table(["Time (UTC)", "Request", "Answer", "Customers"], newestRequests.map(requestRow), "No request has arrived yet.")}
</body>
</html>
`;
  return {
    status: 200,
    text,
    type: "text/html; charset=utf-8",
    headers: {
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  };
}

function table(titles: readonly string[], rows: readonly string[], none: string): string {
  if (rows.length === 0) return `<p>${none}</p>`;
  const head = titles.map((title) => `<th scope="col">${title}</th>`).join("");
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table></div>`;
}

function customerRow(customer: StoredCustomer): string {
  const cells = [customer.source_id, customer.name, customer.email].map((value) => `<td>${escape(show(value))}</td>`);
  return `<tr>${cells.join("")}<td><code>${escape(JSON.stringify(customer.metadata))}</code></td></tr>`;
}

function profileRow({ ids, properties, events }: Profile): string {
  const newest = events.slice(-EVENTS_SHOWN).reverse();
  const shown = newest.map(
    ({ type, timestamp, properties: more }) =>
      `${new Date(timestamp * 1_000).toISOString().slice(0, 19)} <b>${escape(type)}</b> <code>${escape(JSON.stringify(more))}</code>`,
  );
  const others = events.length > newest.length ? `<br>and ${events.length - newest.length} more` : "";
  const cell = (value: object): string => `<td><code>${escape(JSON.stringify(value))}</code></td>`;
  return `<tr>${cell(ids)}${cell(properties)}<td>${shown.join("<br>")}${others}</td></tr>`;
}

function requestRow(request: LoggedRequest): string {
  const answer = request.status === 0 ? "none" : String(request.status);
  const failed = request.status === 0 || request.status >= 400;
  return [
    `<tr><td>${new Date(request.at).toISOString().slice(11, 23)}</td>`,
    `<td><code>${escape(`${request.method} ${request.path}`)}</code></td>`,
    `<td${failed ? ' class="bad"' : ""}>${answer}${request.fault ? ` (fault: ${request.fault})` : ""}</td>`,
    `<td>${escape(summarize(request.customerIds ?? []))}</td></tr>`,
  ].join("");
}

function summarize(ids: readonly string[]): string {
  return ids.length <= 3 ? ids.join(", ") : `${ids.slice(0, 3).join(", ")} and ${ids.length - 3} more`;
}

function show(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
