/** What a node has saved, by property. */
export type Properties = Readonly<Record<string, unknown>>;

/**
 * Turns the properties of one version into those of the next one: returns what is different, `undefined` for a property that
 * goes. Node-RED's runtime and its editor both run it, and only the runtime has put in the values of environment variables:
 * a value is carried over as it is, and never judged.
 */
export type Migration = (saved: Properties) => Properties;

/** By node type, in order: how version 1 becomes 2, how 2 becomes 3. A type that is not here is at version 1. */
export type Migrations = Readonly<Record<string, readonly Migration[]>>;

/** What saved properties are for this release. */
export type Reading =
  | { readonly kind: "current" }
  /** `changes` make them current; their `version` is among them. */
  | { readonly kind: "earlier"; readonly changes: Properties }
  /** A later release has saved them; `known` is the newest version that this one can read. */
  | { readonly kind: "newer"; readonly version: number; readonly known: number };

/** Release 0.1.0 wrote no version. */
const FIRST_VERSION = 1;

/** The version that a node of this release saves. @param migrations of its type */
export function currentVersion(migrations: readonly Migration[]): number {
  return FIRST_VERSION + migrations.length;
}

/**
 * Reads what a node has saved, whatever release has saved it.
 * @param saved stays as it is
 * @param migrations of the node's type
 */
export function readProperties(saved: Properties, migrations: readonly Migration[] = []): Reading {
  const number = Number(saved.version);
  const version = Number.isInteger(number) && number > FIRST_VERSION ? number : FIRST_VERSION;
  const known = currentVersion(migrations);
  if (version > known) return { kind: "newer", version, known };
  if (version === known) return { kind: "current" };
  let changes: Properties = {};
  for (const migration of migrations.slice(version - FIRST_VERSION))
    changes = { ...changes, ...migration({ ...saved, ...changes }) };
  return { kind: "earlier", changes: { ...changes, version: known } };
}

/** Writes changes into what they were made for. */
export function applyChanges(properties: Record<string, unknown>, changes: Properties): void {
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) delete properties[name];
    else properties[name] = value;
}
