import type { Migrations } from "./migrate";

/**
 * How saved properties of earlier releases become those of this one (docs/contributing/change-a-property.md). The build puts
 * this file and migrate.ts into resources/ too, for the editor: they import nothing but types.
 */
export const NODE_MIGRATIONS: Migrations = {
  // No type has needed one: the properties of release 0.1.0 mean what they meant.
};
