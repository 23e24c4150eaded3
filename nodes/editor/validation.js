/**
 * Validators for `defaults`. Each takes two parameters, because only then does Node-RED show the sentence that comes back.
 * The sentences stand in the node's catalog, at `error.<key>`.
 */
import { fieldOf } from "./form.js";
import { textsOf } from "./definition.js";

/** @param {(value: *, node: object) => boolean} isRight */
export function valid(key, isRight) {
  return function (value, _opt) {
    return isRight(value, this) || textsOf(this)(`error.${key}`);
  };
}

/** @param {RegExp} pattern */
export function matching(key, pattern) {
  return valid(key, (value) => pattern.test(value));
}

/** As `matching`; nothing at all is right too. */
export function optional(key, pattern) {
  return valid(key, (value) => !value || pattern.test(value));
}

/** An account that is there, and whose own fields are right. */
export function account(key = "account", isNeeded = () => true) {
  return function (value, _opt) {
    if (!isNeeded(this)) return true;
    const chosen = RED.nodes.node(value);
    if (!chosen) return textsOf(this)(`error.${key}`);
    return chosen.valid === false ? textsOf(this)("error.accountInvalid") : true;
  };
}

/** What a property holds: in the open dialog, or as it is kept. */
export function current(node, property) {
  return fieldOf(node, property).val() || node[property];
}

export const PATTERNS = {
  currency: /^[A-Z]{3}$/,
  /** Also of the built-in simulator, which has none. */
  apiUrl: /^(simulator$|https?:\/\/[^\s/]+)/,
  hardId: /^[^\s"'{}]+$/,
  httpUrl: /^https?:\/\/[^\s/]+/,
  oneTo99: /^[1-9]\d?$/,
  oneTo100: /^([1-9]\d?|100)$/,
  oneTo1000: /^([1-9]\d{0,2}|1000)$/,
  aboveZero: /^[1-9]\d*$/,
  path: /^\/[A-Za-z0-9/._~-]+$/,
  publicUrl: /^https:\/\/[^\s/?#]+[^\s?#]*$/,
};
