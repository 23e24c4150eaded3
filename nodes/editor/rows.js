/**
 * The rows of a form: `<bv-row property="path" icon="map-signs" hint></bv-row>` becomes a label, a field and its hint. All of
 * it is text in, text out, so that the tests read the same form as the browser shows.
 *
 * Attributes of a row:
 * - `property`: the node's property or credential; or `id`: a field that only the dialog knows. Together: this id.
 * - `icon`: a Font Awesome name; `class`: classes of the row; `label`: the last word of the label's key.
 * - `kind`: text (default), number, password, checkbox, select, textarea, or account (a text field that Node-RED turns
 *   into its picker of config nodes).
 * - `options`: of a select, "day year" or "europe=https://..."; their texts stand below the row's own name in the catalog.
 *   Without it, the row's content are the options.
 * - `hint`: the key of the sentence below the field; empty: the row's own name.
 * - `describedby`: ids of further sentences about the field, which stand in the row's content.
 * - `placeholder`, `list`, `rows`, `autocomplete`: as in HTML.
 * The content of a row follows its hint.
 */

/**
 * @param {{set: string, config: boolean}} form which catalog the texts come from; whether the node is a config node
 * @param {Record<string, string | undefined>} row its attributes
 * @param {string} [content] what stands in the row
 * @returns {string} HTML
 */
export function rowHtml(form, row, content = "") {
  const name = row.label || row.property || row.id || "";
  const id = row.id || fieldId(form, row.property || "");
  const hint = row.hint === undefined ? "" : hintHtml(form, `${id}-hint`, row.hint || name);
  const described = [hint && `${id}-hint`, row.describedby].filter(Boolean).join(" ");
  const holdsOptions = row.kind === "select" && row.options === undefined;
  const options = holdsOptions ? content : optionsHtml(form, name, row.options || "");
  return (
    `<div class="${["form-row", row.class].filter(Boolean).join(" ")}">` +
    `<label for="${id}"><i class="fa fa-${row.icon}"></i> <span data-i18n="${labelKey(form, name)}"></span></label>` +
    `<div class="bv-field">${fieldHtml(row, id, described, options)}${hint}${holdsOptions ? "" : content.trim()}</div>` +
    `</div>`
  );
}

/**
 * Test connection with its checklist (connection-test.js), and what every account says about its fields.
 *
 * @param {{set: string}} form
 * @returns {string} HTML
 */
export function connectionTestHtml({ set }) {
  return (
    `<div class="form-row">` +
    `<button type="button" id="bv-test" class="red-ui-button">` +
    `<i class="fa fa-plug"></i> <span data-i18n="${set}.button.test"></span></button>` +
    `<ul id="bv-checks" class="bv-checks" aria-live="polite"></ul>` +
    `</div>` +
    `<div class="form-tips" data-i18n="${set}.hint.environment"></div>`
  );
}

/** The tags that a form may hold, each with what it becomes: (form, attributes, content) => HTML. */
export const TAGS = { "bv-row": rowHtml, "bv-connection-test": connectionTestHtml };

/** @returns {string} the id that Node-RED expects of the field of a property */
export function fieldId({ config }, property) {
  return `node-${config ? "config-" : ""}input-${property}`;
}

function labelKey({ set }, name) {
  return name === "name" ? "node-red:common.label.name" : `${set}.label.${name}`;
}

function hintHtml({ set }, id, name) {
  return `<div class="bv-hint" id="${id}" data-i18n="${set}.hint.${name}"></div>`;
}

function optionsHtml({ set }, name, options) {
  return options
    .split(" ")
    .filter(Boolean)
    .map((option) => {
      const [key, value = key] = option.split(/=(.*)/s);
      return `<option value="${value}" data-i18n="${set}.${name}.${key}"></option>`;
    })
    .join("");
}

function fieldHtml(row, id, described, options) {
  const common = `id="${id}"${attribute("aria-describedby", described)}`;
  if (row.kind === "select") return `<select ${common}>${options}</select>`;
  if (row.kind === "textarea") return `<textarea ${common} rows="${row.rows || 4}"></textarea>`;
  if (row.kind === "checkbox") return `<input type="checkbox" ${common}>`;
  if (row.kind === "password") return `<input type="password" ${common} autocomplete="new-password">`;
  // Node-RED takes the width of its picker from here.
  if (row.kind === "account") return `<input type="text" ${common} style="width: 100%;">`;
  return (
    `<input type="text" ${common}` +
    (row.kind === "number" ? ` inputmode="numeric"` : "") +
    (row.property === "name" ? ` data-i18n="[placeholder]node-red:common.label.name"` : "") +
    ["placeholder", "list", "autocomplete"].map((name) => attribute(name, row[name])).join("") +
    ">"
  );
}

function attribute(name, value) {
  return value ? ` ${name}="${value}"` : "";
}
