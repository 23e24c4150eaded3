import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The path without links, also of what is not there yet. @param path absolute */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
