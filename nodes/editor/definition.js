/** What the definitions of all nodes share. */

/** @returns {string} the node's part of its catalog: the name of its set */
export function setOf({ type }) {
  return type.replace(/^bv-/, "");
}

/** @returns {(key: string, values?: object) => string} a text of the node's own catalog, by the key below its set */
export function textsOf(node) {
  return (key, values) => node._(`${setOf(node)}.${key}`, values);
}

/**
 * `onpaletteadd` of every node in the palette: Node-RED calls it with the definition that was just registered. Adds what all
 * nodes have in common, unless the definition has its own.
 *
 * The palette's search looks into the type and into one attribute, and nowhere else: the search words of the catalog join the
 * label there, unseen.
 */
export function completeDefinition() {
  this.label ??= label;
  this.labelStyle ??= labelStyle;
  this.outputLabels ??= outputLabel;
  const searched = `${this.paletteLabel} ${textsOf(this)("search")}`;
  $(`.red-ui-palette-node[data-palette-type="${this.type}"]`).attr("data-palette-label", searched);
}

function label() {
  return this.name || this._def.paletteLabel;
}

function labelStyle() {
  return this.name ? "node_label_italic" : "";
}

function outputLabel() {
  return textsOf(this)("output");
}
