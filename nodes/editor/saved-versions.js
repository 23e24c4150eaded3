/**
 * Properties that another release has saved, read as the running flow reads them: the build puts its table and its reader
 * beside this file.
 */
import { textsOf } from "./definition.js";
import { applyChanges, currentVersion, readProperties } from "./migrate.js";
import { NODE_MIGRATIONS } from "./node-migrations.js";

/** Validator of `version`; two parameters, because only then does Node-RED show the sentence. */
export function savedVersion(version, _opt) {
  const t = textsOf(this);
  return readProperties({ version }, NODE_MIGRATIONS[this.type]).kind !== "newer" || t("error.newer");
}

/**
 * From now on every node is current as soon as the editor has it, loaded or imported, so that labels and validators never see
 * an earlier version. That is no edit: nothing is marked as changed.
 */
export function migrateNodes() {
  RED.events.on("nodes:add", (added) => {
    const migrations = NODE_MIGRATIONS[added.type];
    if (!migrations) return;
    // The node itself: what Node-RED hands around refuses changes in a locked flow.
    const node = added.__node__ ?? added;
    const saved = Object.fromEntries(Object.keys(node._def.defaults).map((name) => [name, node[name]]));
    // A new one was never saved: it has the defaults of today.
    const isNew = node._config === undefined;
    const reading = isNew ? { changes: { version: currentVersion(migrations) } } : readProperties(saved, migrations);
    if (reading.changes) applyChanges(node, reading.changes);
  });
}
