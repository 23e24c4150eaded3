import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isJsonObject, type JsonValue } from "../json";

/** How long requests to the path of a removed node still get "retry later" and not Node-RED's 404. */
const KEEP_REMOVED_MS = 24 * 60 * 60 * 1000;

/**
 * The webhook paths of this and the last run, so that a request which arrives before the flows have started waits for
 * its node. Written only when something changed, which is rare; a file that cannot be written costs one warning.
 */
export class RememberedPaths {
  /** Full path -> when its node was removed (Unix ms), undefined while it has one. */
  private readonly removedAt = new Map<string, number | undefined>();
  private warned = false;

  /** @param file where to keep them */
  constructor(
    private readonly file: string,
    private readonly warn: (sentence: string) => void,
  ) {
    this.shutToOthers();
    for (const [path, removedAt] of Object.entries(this.read()))
      if (path.startsWith("/")) this.removedAt.set(path, typeof removedAt === "number" ? removedAt : undefined);
  }

  /** True when requests to this path are ours to answer. */
  has(path: string): boolean {
    if (!this.removedAt.has(path)) return false;
    const removedAt = this.removedAt.get(path);
    return removedAt === undefined || Date.now() - removedAt < KEEP_REMOVED_MS;
  }

  all(): string[] {
    return [...this.removedAt.keys()];
  }

  /** Notes that a node receives on this path. */
  keep(path: string): void {
    if (this.removedAt.has(path) && this.removedAt.get(path) === undefined) return;
    this.removedAt.set(path, undefined);
    this.write();
  }

  /** Notes that no node receives on this path any more: it is forgotten 24 h later. */
  markRemoved(path: string): void {
    if (!this.removedAt.has(path) || this.removedAt.get(path) !== undefined) return;
    this.removedAt.set(path, Date.now());
    this.write();
  }

  /** Forgets a path at once, because somebody else owns it. */
  forget(path: string): void {
    if (this.removedAt.delete(path)) this.write();
  }

  /** Release 0.1.0 let every user of the machine read the file. */
  private shutToOthers(): void {
    try {
      chmodSync(this.file, 0o600);
    } catch {
      // Not there yet, or of another user.
    }
  }

  private read(): Record<string, JsonValue> {
    try {
      const kept = JSON.parse(readFileSync(this.file, "utf8")) as JsonValue;
      return isJsonObject(kept) ? kept : {};
    } catch {
      return {}; // first run, or a damaged file: the paths come back with the flows
    }
  }

  private write(): void {
    const kept = [...this.removedAt].filter(([path]) => this.has(path));
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
      const text = JSON.stringify(Object.fromEntries(kept.map(([path, at]) => [path, at ?? null])));
      writeFileSync(`${this.file}.new`, text, { mode: 0o600 });
      renameSync(`${this.file}.new`, this.file);
    } catch (error) {
      if (this.warned) return;
      this.warned = true;
      this.warn(
        `The webhook paths could not be saved (${(error as Error).message}). Webhooks work, but one that arrives ` +
          "while Node-RED restarts may be refused: let Node-RED write to the folder of its queues.",
      );
    }
  }
}
