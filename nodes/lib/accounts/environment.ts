/**
 * Node-RED replaces a value that is wholly `${NAME}` by the environment variable, and leaves the text as it is when the
 * variable is not set (nodered.org/docs/user-guide/environment-variables). Such a left-over must never be sent as a key.
 */
const leftover = /^\$\{([^}]+)\}$/;

/** The sentence for the first value that still is `${NAME}`, or undefined when all are fine. Keys of `values` are labels. */
export function unsetVariable(values: Readonly<Record<string, string | undefined>>): string | undefined {
  for (const [label, value] of Object.entries(values)) {
    const name = leftover.exec(value?.trim() ?? "")?.[1];
    if (name) return `The environment variable ${name}, used for "${label}", is not set. Set it and restart Node-RED.`;
  }
  return undefined;
}

/** Whether a value names an environment variable. */
export function isVariable(value: string): boolean {
  return leftover.test(value.trim());
}

/** A value typed into a dialog that is not deployed yet: `${NAME}` is replaced as Node-RED would do at the deploy. */
export function resolveTyped(value: string): string {
  const name = leftover.exec(value.trim())?.[1];
  return (name && process.env[name]) ?? value;
}
