import { TAGS } from "./rows.js";

/** Lets the browser know the tags of rows.js: Node-RED puts a form into the page before it looks for the fields. */
export function defineTags() {
  for (const [name, html] of Object.entries(TAGS))
    customElements.define(
      name,
      class extends HTMLElement {
        connectedCallback() {
          const { set, config } = this.closest(".bv-form").dataset;
          const row = Object.fromEntries([...this.attributes].map((one) => [one.name, one.value]));
          this.outerHTML = html({ set, config: config !== undefined }, row, this.innerHTML);
        }
      },
    );
}

/** @returns the field of a property in the open dialog of `node`, as a jQuery object */
export function fieldOf(node, property) {
  return $(`#node-${node._def.category === "config" ? "config-" : ""}input-${property}`);
}

/**
 * Shows what belongs to the chosen option of a select: rows and hints with the class `bv-<option>`. One that belongs to
 * several options has a class for each.
 *
 * @param {*} select a jQuery object
 * @param {string[]} [names] the classes without `bv-`; default: the values of the options
 */
export function showChosen(select, names = optionsOf(select)) {
  const parts = names.map((name) => `.bv-form .bv-${name}`).join(", ");
  const show = () => {
    $(parts).hide();
    if (names.includes(select.val())) $(`.bv-form .bv-${select.val()}`).show();
  };
  select.on("change", show);
  show();
}

/**
 * A path that follows what was chosen, until the user types one.
 *
 * @param {*} select a jQuery object
 * @param {*} path the field, a jQuery object
 * @param {Record<string, string>} paths the usual path of each option
 */
export function usualPaths(select, path, paths) {
  select.on("change", () => {
    if (Object.values(paths).includes(path.val())) path.val(paths[select.val()]).trigger("change");
  });
}

/** Opens the part "Advanced" when anything in it is not as usual. */
export function openAdvanced(isUnusual) {
  $("#bv-advanced").prop("open", Boolean(isUnusual));
}

/**
 * Node-RED takes a credential that was never set for one that was just emptied, and would mark the node as changed.
 * Every dialog with credentials calls this first.
 */
export function keepUnsetCredentials(node) {
  node.credentials = node.credentials || {};
  for (const [name, { type }] of Object.entries(node._def.credentials)) {
    if (type === "password") node.credentials[`has_${name}`] ??= false;
    else node.credentials[name] ??= "";
  }
}

/** Calls `act` when nobody has typed for `ms` milliseconds. */
export function whenTyped(fields, ms, act) {
  let delay;
  fields.on("change keyup paste", () => {
    clearTimeout(delay);
    delay = setTimeout(act, ms);
  });
}

function optionsOf(select) {
  return select
    .find("option")
    .toArray()
    .map((option) => option.value);
}
