import type { JsonValue } from "../../json";

/** Something of a customer that is not sent, and why. Names keys and types, never a value. */
export interface Omission {
  /** Where it stands in the customer: `metadata.points`, `birthdate`, `nickname`. */
  key: string;
  reason: string;
}

/** Collects what is not sent, each key and reason once: a list of objects would repeat itself. */
export class Omissions {
  private readonly kept = new Map<string, Omission>();

  add(key: string, reason: string): void {
    this.kept.set(JSON.stringify([key, reason]), { key, reason });
  }

  list(): Omission[] {
    return [...this.kept.values()];
  }
}

/** `"metadata.points" must be a number; it came as text.` */
export function mustBe(name: string, expected: string, value: JsonValue): string {
  return `${name} must be ${expected}; it came as ${kindOf(value)}.`;
}

/** A value's type in words. */
function kindOf(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "null";
  const words: Record<string, string> = {
    string: "text",
    number: "a number",
    boolean: "true or false",
    object: "an object",
  };
  return words[typeof value] ?? "something else";
}
