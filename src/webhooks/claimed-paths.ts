import type { IncomingHttpHeaders } from "node:http";
import type { RememberedPaths } from "./remembered-paths";
import type { WebhookAnswer } from "./webhook-answer";
import { READY_PATH, WEBHOOK_PREFIX } from "./webhook-address";
import { joinPath, meantPath, normalizePath, pathProblem } from "./webhook-path";
import type { WebhookHandler, WebhookHead } from "./webhook-request";

/** What a node that claims a path says of it. */
export interface ClaimOptions {
  readonly maxBytes: number;
  /** The answer to a request of which no byte must be kept, because its keys are wrong. */
  readonly refusal?: (head: WebhookHead) => WebhookAnswer | undefined;
  /** Whether a request on any path has the keys that open this one, and may be told of it. */
  readonly knows?: (headers: IncomingHttpHeaders) => boolean;
  /** Called when the path turns out to belong to somebody else once all flows have started; the claim is over then. */
  readonly onRefused?: (reason: string) => void;
}

/** A path that a node claims. */
export interface PathClaim extends ClaimOptions {
  readonly fullPath: string;
  readonly handler: WebhookHandler;
}

/** `release` ends the claim; `removed` is the first argument of the node's close handler. */
export type ClaimResult = { ok: true; release(removed: boolean): void } | { ok: false; reason: string };

/** Which paths are whose. A key is a full path (`httpNodeRoot` included), normalized. */
export class ClaimedPaths {
  private readonly claims = new Map<string, PathClaim>();

  /**
   * @param root what stands before every path
   * @param remembered the paths of this and the last run
   * @param otherOwner who else answers on a full path, in words
   */
  constructor(
    private readonly root: () => string,
    private readonly remembered: RememberedPaths,
    private readonly otherOwner: (key: string) => string | undefined,
  ) {}

  /** @param path as typed into the node, without the root */
  claim(path: string, handler: WebhookHandler, options: ClaimOptions): ClaimResult {
    const fullPath = this.fullPath(path);
    const key = normalizePath(fullPath);
    const reason = pathProblem(path) ?? this.foreignReason(key);
    if (reason !== undefined) return { ok: false, reason };
    if (this.claims.has(key))
      return { ok: false, reason: `Another node already receives on ${path}. Give each node its own path.` };

    const claim: PathClaim = { ...options, fullPath, handler };
    this.claims.set(key, claim);
    this.remembered.keep(key);
    return {
      ok: true,
      release: (removed) => {
        if (this.claims.get(key) !== claim) return;
        this.claims.delete(key);
        if (removed) this.remembered.markRemoved(key);
      },
    };
  }

  /** The claim of a key, if a node has it now. */
  get(key: string): PathClaim | undefined {
    return this.claims.get(key);
  }

  /** The most bytes that any node takes. */
  mostBytes(): number {
    return Math.max(0, ...[...this.claims.values()].map(({ maxBytes }) => maxBytes));
  }

  /** The paths that the keys of a request open. */
  openedBy(headers: IncomingHttpHeaders): string[] {
    return [...this.claims].filter(([, { knows }]) => knows?.(headers)).map(([key]) => key);
  }

  /** The key that a request is for, when it is ours to answer: one that is somebody's if there is one in any spelling. */
  keyOf(url: string): string | undefined {
    const spellings = [normalizePath(url), meantPath(url)];
    return (
      spellings.find((key) => this.isPath(key) || this.isReadyPath(key)) ??
      spellings.find((key) => this.isBelowPrefix(key))
    );
  }

  /** Whether a node has this key, or had it a short time ago. */
  isPath(key: string): boolean {
    return this.claims.has(key) || this.remembered.has(key);
  }

  isReadyPath(key: string): boolean {
    return key === normalizePath(this.fullPath(READY_PATH));
  }

  /** Who else answers on a path (as typed into a node), in words; undefined when it is free. */
  ownerOf(path: string): string | undefined {
    return this.ownerOfKey(normalizePath(this.fullPath(path)));
  }

  /** Only when all flows have started every `http in` has its route, and every path of the last run its node, if it still has one. */
  flowsStarted(): void {
    for (const key of this.remembered.all()) {
      const claim = this.claims.get(key);
      const reason = this.foreignReason(key);
      if (reason !== undefined) {
        this.claims.delete(key);
        claim?.onRefused?.(reason);
      } else if (!claim) this.remembered.markRemoved(key);
    }
  }

  private ownerOfKey(key: string): string | undefined {
    return this.isReadyPath(key) ? "the health check of this package" : this.otherOwner(key);
  }

  /** Why nobody may claim this key; a path of somebody else is forgotten, so that its owner gets its requests. */
  private foreignReason(key: string): string | undefined {
    const owner = this.ownerOfKey(key);
    if (owner === undefined) return undefined;
    this.remembered.forget(key);
    return `The path ${key} already belongs to ${owner}. Choose another one, for example one that starts with ${WEBHOOK_PREFIX}/.`;
  }

  private fullPath(path: string): string {
    return joinPath(this.root(), path);
  }

  /** Also where only a dot, a semicolon or the like follows. */
  private isBelowPrefix(key: string): boolean {
    const prefix = normalizePath(this.fullPath(WEBHOOK_PREFIX));
    return key.startsWith(prefix) && !/^[\w-]/.test(key.slice(prefix.length));
  }
}
