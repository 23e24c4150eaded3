import type { JsonObject } from "../json";
import { joinUrl, WEBHOOK_PREFIX } from "../webhooks/webhook-address";

/**
 * The Root template of a batch webhook: an array of the rendered customers
 * (documentation.bloomreach.com/engagement/docs/batch-webhook-settings).
 */
export function rootTemplate(): string {
  return "[\n{% output customers separated by ',' %}\n]";
}

/**
 * What prints an expression as JSON: Bloomreach's filter `json` escapes quotation marks and line breaks, which Jinja alone prints
 * as they are (documentation.bloomreach.com/engagement/docs/flexible-operators). Not for what may be missing.
 */
export function jsonOf(expression: string): string {
  return `{{ ${expression} | json }}`;
}

/** A value as a JSON text, whatever it is: "" where it is missing, the digits of a long number, `None`, `True`. */
function textOf(object: string, key: string): string {
  return jsonOf(`${read(object, key)} | string`);
}

/** A list or an object as JSON; "" where it is missing. */
function structureOf(object: string, key: string): string {
  return jsonOf(`${read(object, key)} | default('', true)`);
}

/** The customer's Main Hard ID as a JSON text. */
export function idText(hardId: string): string {
  return textOf("customer_ids", hardId);
}

/** A key of the customer metadata that Voucherify has defined. */
export interface MetadataKey {
  readonly key: string;
  /** Its values are lists or objects, not texts, numbers or dates. */
  readonly structured: boolean;
}

/**
 * The Customer template of a batch webhook, in the shape of the hosted integration's customer update
 * (support.voucherify.io/article/613-bloomreach-engagement-integration). The user may change the attribute names on
 * the right-hand side to those of the own project.
 * @param hardId name of the Main Hard ID
 * @param metadataKeys what Voucherify has defined; none: no metadata is sent
 */
export function customerTemplate(hardId: string, metadataKeys: readonly MetadataKey[]): string {
  const lines = (rows: readonly string[], indent: string): string => rows.map((row) => indent + row).join(",\n");
  const block = (name: string, rows: readonly string[]): string => `"${name}": {\n${lines(rows, "        ")}\n    }`;
  const row = (key: string, value: string): string => `${JSON.stringify(key)}: ${value}`;
  const textRow = ([key, attribute]: readonly [string, string]): string => row(key, textOf("customer", attribute));
  return `{\n${lines(
    [
      row(hardId, idText(hardId)),
      ...CORE_FIELDS.map(textRow),
      block("address", ADDRESS_FIELDS.map(textRow)),
      ...(metadataKeys.length === 0
        ? []
        : [
            block(
              "metadata",
              metadataKeys.map(({ key, structured }) =>
                row(key, structured ? structureOf("customer", key) : textOf("customer", key)),
              ),
            ),
          ]),
    ],
    "    ",
  )}\n}`;
}

/**
 * The Customer template of a batch webhook with events, in the shape of the hosted integration's event (same page). The user
 * puts the own event name and metadata in.
 * @param eventKey name of the field that tells a repeated webhook from a new event; "" for none
 * @param event name of the event
 */
export function eventTemplate(hardId: string, eventKey: string, event = "review_left"): string {
  const keyParts = `(${read("customer_ids", hardId)} ~ '-' ~ action['id'] ~ '-' ~ event.timestamp)`;
  const key = eventKey ? `\n    ${JSON.stringify(eventKey)}: ${jsonOf(keyParts)},` : "";
  return `{
    "event": ${JSON.stringify(event)},
    "customer": {
        ${JSON.stringify(hardId)}: ${idText(hardId)}
    },${key}
    "metadata": {
        "stars": ${textOf("event", "stars")}
    }
}`;
}

/** Voucherify's field, and the Bloomreach attribute that the hosted integration's payload takes it from. */
const CORE_FIELDS = [
  ["name", "firstName"],
  ["description", "description"],
  ["email", "email"],
  ["phone", "phone"],
  ["birthdate", "birthDate"],
] as const;

const ADDRESS_FIELDS = [
  ["city", "city"],
  ["state", "state"],
  ["line_1", "address1"],
  ["line_2", "address2"],
  ["country", "country"],
  ["postal_code", "postalCode"],
] as const;

/** The attributes of some customers that belong under metadata: all but those that the template writes elsewhere. */
export function metadataKeysIn(customers: readonly JsonObject[]): MetadataKey[] {
  const core = new Set<string>([...CORE_FIELDS, ...ADDRESS_FIELDS].map(([, attribute]) => attribute));
  const keys = new Set(customers.flatMap((attributes) => Object.keys(attributes)).filter((key) => !core.has(key)));
  return [...keys].map((key) => ({
    key,
    structured: customers.some((attributes) => typeof attributes[key] === "object" && attributes[key] !== null),
  }));
}

/** Jinja finds these methods of a Python dict after a dot, and in brackets where the customer does not have the attribute. */
const DICT_METHODS: ReadonlySet<string> = new Set([
  "clear",
  "copy",
  "fromkeys",
  "get",
  "items",
  "keys",
  "pop",
  "popitem",
  "setdefault",
  "update",
  "values",
]);

/** A Jinja expression: `customer.points`, or `customer['shoe size']` where a dot does not do. */
function read(object: string, key: string): string {
  const quoted = `'${key.replace(/['\\]/g, "\\$&")}'`;
  if (DICT_METHODS.has(key)) return `(${object}[${quoted}] if ${quoted} in ${object})`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${object}.${key}` : `${object}[${quoted}]`;
}

/** One line of what a user pastes into Bloomreach. */
export interface PasteRow {
  readonly label: string;
  /** "" where only the user knows it: a secret is shown once, when it is made. */
  readonly value: string;
  /** The header must be marked as secret in Bloomreach. */
  readonly secret: boolean;
}

/**
 * What to enter in a new "HTTP Authentication Schemas" integration of Bloomreach
 * (documentation.bloomreach.com/engagement/docs/webhook-authentication). Never holds the secret key.
 * @param settings `publicUrl`, `httpNodeRoot` and `path` as in `webhookUrl`; `applicationId` may be ""
 */
export function authenticationBlock(settings: {
  readonly publicUrl: string;
  readonly httpNodeRoot: string;
  readonly path: string;
  readonly applicationId: string;
}): PasteRow[] {
  const { publicUrl, httpNodeRoot, path, applicationId } = settings;
  // One integration in Bloomreach covers all webhooks below the prefix.
  const prefix = path.startsWith(`${WEBHOOK_PREFIX}/`) ? WEBHOOK_PREFIX : path;
  return [
    { label: "Endpoint prefix", value: joinUrl(publicUrl, httpNodeRoot, prefix), secret: false },
    { label: "Custom header application-id", value: applicationId, secret: true },
    { label: "Custom header secret-key", value: "", secret: true },
    { label: "Test method", value: "GET", secret: false },
    { label: "Test path", value: joinUrl("", httpNodeRoot, path), secret: false },
  ];
}
