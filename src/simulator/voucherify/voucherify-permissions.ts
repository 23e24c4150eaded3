/** What the role of a key may allow: a kind of objects, to read or to write. */
export type KeyPermission = `${"read" | "write"} ${Subject}`;

type Subject =
  | "customers"
  | "customer activity"
  | "events"
  | "async actions"
  | "metadata schemas"
  | "campaigns"
  | "publications"
  | "qualifications"
  | "vouchers"
  | "promotions"
  | "loyalties v1"
  | "loyalties v2";

const SUBJECTS: readonly (readonly [path: RegExp, subject: Subject])[] = [
  [/^\/v1\/customers\/[^/]+\/activity$/, "customer activity"],
  [/^\/v1\/customers\b/, "customers"],
  [/^\/v1\/events\b/, "events"],
  [/^\/v1\/async-actions\b/, "async actions"],
  [/^\/v1\/metadata-schemas\b/, "metadata schemas"],
  [/^\/v1\/campaigns\b/, "campaigns"],
  [/^\/v1\/publications\b/, "publications"],
  [/^\/v1\/qualifications\b/, "qualifications"],
  [/^\/v1\/vouchers\b/, "vouchers"],
  [/^\/v1\/promotions\b/, "promotions"],
  [/^\/v1\/loyalties\b/, "loyalties v1"],
  [/^\/v2\/loyalties\b/, "loyalties v2"],
];

/** The permission that a call needs; undefined for a path that there is not. */
export function permissionFor(method: string, path: string): KeyPermission | undefined {
  const subject = SUBJECTS.find(([pattern]) => pattern.test(path))?.[1];
  if (!subject) return undefined;
  // A qualification is a question, although it is posted.
  return `${method === "GET" || subject === "qualifications" ? "read" : "write"} ${subject}`;
}
