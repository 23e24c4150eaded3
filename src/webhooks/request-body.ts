import type { IncomingMessage } from "node:http";

/** Without a byte for so long, the rest of a body is not waited for. Voucherify gives up after 10 s, Bloomreach after one. */
const STALLED_MS = 10_000;
/** So long a body may take altogether. */
const LONGEST_MS = 30_000;

/** How many bytes of bodies are in memory, of all requests that have no answer yet. */
export class BodyMemory {
  private used = 0;

  /** @param most bytes */
  constructor(private readonly most: () => number) {}

  /** False when there is no room. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.most()) return false;
    this.used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.used -= bytes;
  }
}

export interface RequestBody {
  /** Bytes that came. */
  readonly size: number;
  /** The exact bytes; undefined when there were more than the limit, when the memory has no room, or when the end did not come. */
  readonly bytes: Buffer | undefined;
  /** The end did not come in time. */
  readonly isCut: boolean;
  /** The request has its answer: its bytes are not needed any more. Call it once. */
  release(): void;
}

export interface BodyLimits {
  /** Most bytes kept of this body; 0 keeps nothing. */
  readonly most: number;
  readonly memory: BodyMemory;
  readonly stalledMs?: number;
  readonly longestMs?: number;
}

/**
 * Reads a request to its end. A body that is not kept is read all the same: answered earlier, the sender would see a broken
 * connection and not the answer. One that does not end is given up after a time, and holds no memory then.
 * @returns undefined when the client hung up before the end
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<RequestBody | undefined> {
  const { most, memory, stalledMs = STALLED_MS, longestMs = LONGEST_MS } = limits;
  const startedAt = Date.now();
  let chunks: Buffer[] = [];
  let isKept = true;
  let held = 0;
  let size = 0;
  const drop = (): void => {
    isKept = false;
    chunks = [];
    memory.giveBack(held);
    held = 0;
  };
  return new Promise((resolve) => {
    const end = (isCut: boolean): void => {
      request.setTimeout(0);
      if (isCut) drop();
      resolve({ size, bytes: isKept ? Buffer.concat(chunks) : undefined, isCut, release: drop });
      chunks = [];
    };
    const hungUp = (): void => {
      if (request.complete) return;
      drop();
      resolve(undefined);
    };
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (Date.now() - startedAt > longestMs) end(true);
      else if (isKept && size <= most && memory.take(chunk.length)) {
        held += chunk.length;
        chunks.push(chunk);
      } else if (isKept) drop();
    });
    request.setTimeout(stalledMs, () => end(true));
    request.on("end", () => end(false));
    request.on("error", hungUp);
    request.on("close", hungUp); // no effect after "end"
  });
}
