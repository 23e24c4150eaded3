import type { JsonValue } from "../../json";

/**
 * How a value lies on disk: eight hex digits over key and text, then the JSON text. LevelDB checks no checksum when it
 * reads a table, so without this a bit that flipped on disk would be delivered as data.
 */
export function encodeValue(key: string, value: JsonValue): string {
  const text = JSON.stringify(value);
  return checksum(key, text) + text;
}

/** The value that encodeValue wrote. @throws Error when key or value are not what was written */
export function decodeValue(key: string, stored: string): JsonValue {
  const text = stored.slice(8);
  if (stored.slice(0, 8) !== checksum(key, text)) throw new Error("The value is not what was written.");
  return JSON.parse(text) as JsonValue;
}

/** FNV-1a, 32 bits, over UTF-16 units: any single damaged character shows. */
function checksum(key: string, text: string): string {
  let hash = 0x811c9dc5;
  for (const part of [key, text]) {
    for (let index = 0; index < part.length; index++) hash = Math.imul(hash ^ part.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
