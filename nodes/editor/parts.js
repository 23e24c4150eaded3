/** Everything that a dialog may use. */
export * from "./connection-test.js";
export * from "./definition.js";
export * from "./event-kinds.js";
export * from "./form.js";
export * from "./paste-box.js";
export * from "./requests.js";
export * from "./suggestions.js";
export * from "./validation.js";
export * from "./webhook-path.js";
export * from "./wired-behind.js";
